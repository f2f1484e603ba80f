/* Spans that go along with time have the quantiles of a walk over their rows, whatever came, went or came late in between. */
#include "aggregators/histogram.h"
#include "aggregators/quantiles.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ADDED_MAX = 30000, SPANS = 6 };

static struct {
    int64_t at_us, bucket;
} added[ADDED_MAX];
static uint32_t added_count;

static struct quantile_rows rows;

static void setup(void)
{
    quantile_rows_init(&rows);
}

static void teardown(void)
{
    quantile_rows_fini(&rows);
}

TestSuite(quantiles, .init = setup, .fini = teardown);

static void count_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    (void)at_us;
    histogram_add(context, (uint32_t)value, measures[0]);
}

static void expect_equal(struct quantiles *q, enum stream stream, unsigned slot, const struct tree *t, int64_t from_us,
                         int64_t to_us, int step)
{
    static struct histogram h;
    int128 p50, p90;
    histogram_init(&h);
    tree_visit(t, from_us, to_us, count_row, &h);
    if (h.total == 0)
        return;
    quantile_rows_take(&rows, t);
    quantiles_find(q, stream, slot, t, step % 2 == 0 ? &rows : NULL, from_us, to_us, &p50, &p90);
    cr_assert((int64_t)p50 == histogram_quantile_s(&h, 50) && (int64_t)p90 == histogram_quantile_s(&h, 90),
              "step %d, slot %u, %llu values: %lld and %lld", step, slot, (unsigned long long)h.total, (long long)p50,
              (long long)p90);
    quantile_rows_find(&rows, from_us, to_us, &p50, &p90);
    cr_assert((int64_t)p50 == histogram_quantile_s(&h, 50) && (int64_t)p90 == histogram_quantile_s(&h, 90));
}

static void change(struct quantiles *q, struct tree *t, int64_t at_us, int64_t bucket, int sign)
{
    tree_add(t, at_us, bucket, (int64_t[]){sign, sign * 7});
    quantiles_note(q, STREAM_CYCLE, at_us, bucket, sign);
    quantiles_note(q, STREAM_RESPONSE, at_us, bucket, sign); /* another tree's */
}

static void run(uint64_t seed, uint32_t at_a_time, int64_t buckets)
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct tree t;
    tree_init(&t, 2, true);
    struct quantiles *q = quantiles_create();
    int64_t now = 100000, from[SPANS] = {INT64_MIN, 0, 90000, 99000, 0, 99900}, to[SPANS] = {0};
    added_count = 0;
    for (int step = 0; step < 400; step++) {
        now += random_below(&r, 100);
        for (uint32_t i = (uint32_t)random_below(&r, at_a_time + 1); i > 0; i--) {
            bool goes = added_count > 0 && (added_count == ADDED_MAX || random_chance(&r, step < 200 ? 30 : 60));
            uint32_t at = goes ? (uint32_t)random_below(&r, added_count) : added_count++;
            if (!goes) {
                added[at].at_us = random_chance(&r, 70) ? now - random_below(&r, 200) : random_below(&r, now);
                added[at].bucket = random_below(&r, buckets);
            }
            change(q, &t, added[at].at_us, added[at].bucket, goes ? -1 : 1);
            if (goes)
                added[at] = added[--added_count];
        }
        for (unsigned s = 0; s < SPANS; s++) {
            if (from[s] != INT64_MIN && random_chance(&r, 50))
                from[s] += random_chance(&r, 3) ? random_below(&r, now - from[s]) : random_below(&r, 80);
            to[s] = s == 4 ? now / 2 : now + 1;
            if (from[s] >= to[s] || random_chance(&r, 5)) /* one that is not asked for begins anew */
                continue;
            expect_equal(q, STREAM_CYCLE, s, &t, from[s], to[s], step);
        }
        quantiles_end(q);
    }
    quantiles_destroy(q);
    tree_fini(&t);
}

Test(quantiles, are_those_of_a_walk)
{
    run(random_seed(1), 3, 50);
    run(random_seed(2), 50, HISTOGRAM_BUCKETS);
    run(random_seed(3), 150, 900); /* few become many, and fewer again */
}

/* Days of many values: when one ends, each span goes to where the one before it was. */
Test(quantiles, of_days_that_end)
{
    enum { DAY_LENGTH = 10000 };
    struct random r = {random_seed(4)};
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)r.state);
    static const enum stream streams[] = {STREAM_RESPONSE, STREAM_CYCLE};
    struct tree trees[2];
    for (unsigned i = 0; i < 2; i++)
        tree_init(&trees[i], 2, true);
    struct quantiles *q = quantiles_create();
    for (int step = 1; step < 60; step++) {
        int64_t now = (int64_t)step * DAY_LENGTH / 7, today = now - now % DAY_LENGTH;
        for (int i = 0; i < 1200; i++) {
            int64_t at = random_chance(&r, 80) ? now - random_below(&r, DAY_LENGTH / 7) : random_below(&r, now);
            int64_t bucket = random_below(&r, HISTOGRAM_BUCKETS);
            tree_add(&trees[i % 2], at, bucket, (int64_t[]){1, 7});
            quantiles_note(q, streams[i % 2], at, bucket, 1);
        }
        const int64_t spans[][2] = {{today, now + 1},
                                    {today - DAY_LENGTH, now - DAY_LENGTH + 1},
                                    {today - DAY_LENGTH, today},
                                    {today - 2 * DAY_LENGTH, today - DAY_LENGTH}};
        for (unsigned slot = 0; slot < 4; slot++)
            for (unsigned i = 0; i < 2; i++)
                expect_equal(q, streams[i], slot, &trees[i], spans[slot][0], spans[slot][1], 1);
        quantiles_end(q);
    }
    quantiles_destroy(q);
    for (unsigned i = 0; i < 2; i++)
        tree_fini(&trees[i]);
}

/* More comes without a cut in between than is noted: nothing is lost. */
Test(quantiles, of_a_long_time_without_a_cut)
{
    struct tree t;
    tree_init(&t, 2, true);
    struct quantiles *q = quantiles_create();
    for (int64_t i = 0; i < 5000; i++)
        change(q, &t, i, i % 100, +1);
    expect_equal(q, STREAM_CYCLE, 0, &t, 0, 1000000, 0);
    quantiles_end(q);
    for (int64_t i = 5000; i < 100000; i++)
        change(q, &t, i, 200 + i % 1000, +1);
    expect_equal(q, STREAM_CYCLE, 0, &t, 0, 1000000, 1);
    quantiles_end(q);
    cr_expect(quantiles_bytes(q) < 2000000);
    quantiles_destroy(q);
    tree_fini(&t);
}
