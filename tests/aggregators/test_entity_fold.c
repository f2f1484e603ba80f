/* What lies before the horizon may be folded: no sum that anybody asks for is another one then, whatever is added, taken back
 * or comes late, and whenever it is folded. */
#include "aggregators/entity.h"
#include "aggregators/histogram.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ADDED_MAX = 20000, PAIRS = 2 };

static struct contribution added[ADDED_MAX];
static uint32_t added_count;

static struct contribution some(struct random *r, int64_t now)
{
    struct contribution c;
    memset(&c, 0, sizeof c);
    c.stream = (uint8_t)random_below(r, STREAM_COUNT);
    c.at_us = random_chance(r, 80) ? now - random_below(r, 50) : random_below(r, now + 100);
    c.value = stream_infos[c.stream].valued ? random_below(r, 2000) : 0;
    /* With books, what was told wrongly is taken back later. */
    c.measures[0] = stream_infos[c.stream].valued || random_chance(r, 90) ? 1 : -1;
    for (unsigned m = 1; m < stream_infos[c.stream].measures; m++)
        c.measures[m] = random_below(r, 2001) - 1000;
    return c;
}

/* Pair i is of stream i. */
static void add(struct entity *e, const struct contribution *c, int sign)
{
    entity_add_all(e, c, c->stream < PAIRS ? UINT64_C(1) << c->stream : 0, sign);
}

static void expect_equal_over(const struct entity *a, const struct entity *b, int64_t from, int64_t to,
                              struct histogram *scratch)
{
    static struct own_plan own;
    own.pair_count = PAIRS;
    struct sums x, y;
    struct own_sums own_x, own_y;
    entity_sums(a, from, to, scratch, &x);
    entity_sums(b, from, to, scratch, &y);
    cr_assert(memcmp(&x, &y, sizeof x) == 0, "[%lld, %lld)", (long long)from, (long long)to);
    entity_own_sums(a, &own, from, to, &own_x);
    entity_own_sums(b, &own, from, to, &own_y);
    cr_assert(memcmp(own_x.at, own_y.at, PAIRS * sizeof *own_x.at) == 0);
}

/* All rows of streams with quantiles, some at a time. */
static bool have_same_values(const struct entity *a, const struct entity *b, uint32_t most)
{
    bool same = true;
    for (unsigned v = 0; v < STREAM_VALUED; v++) {
        uint32_t rows = 0;
        for (int64_t from = INT64_MIN; from < INT64_MAX;) {
            int64_t before = from;
            same = entity_same_values(a, b, v, &from, most, &rows) && same;
            cr_assert(from > before);
        }
    }
    return same;
}

/* They have; and no more, once one of the values is another one. */
static void expect_same_values(struct entity *a, struct entity *b, struct random *r)
{
    uint32_t most = 1 + (uint32_t)random_below(r, 300), i = 0;
    cr_expect(have_same_values(a, b, most));
    while (i < added_count && !stream_infos[added[i].stream].valued)
        i++;
    if (i == added_count)
        return;
    struct contribution other = added[i];
    other.value++;
    add(b, &added[i], -1);
    add(b, &other, +1);
    cr_expect(!have_same_values(a, b, most));
    add(b, &other, -1);
    add(b, &added[i], +1);
    cr_expect(have_same_values(a, b, most));
}

static void expect_equal(struct entity *a, struct entity *b, struct random *r, int64_t horizon, int64_t now,
                         struct histogram *scratch)
{
    struct sums x, y;
    expect_equal_over(a, b, INT64_MIN, now + 1, scratch);
    for (int i = 0; i < 5; i++) {
        int64_t from = horizon + random_below(r, now + 1 - horizon);
        expect_equal_over(a, b, from, from + random_below(r, now + 1 - from) + 1, scratch);
    }
    entity_level(a, now, &x);
    entity_level(b, now, &y);
    cr_assert(memcmp(&x, &y, sizeof x) == 0);
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    entity_expected(a, INT64_MIN, INT64_MAX, &x);
    entity_expected(b, INT64_MIN, INT64_MAX, &y);
    cr_assert(memcmp(&x, &y, sizeof x) == 0);
    cr_assert(entity_is_empty(a) == entity_is_empty(b));
}

static void run(uint64_t seed, unsigned at_a_time)
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct histogram scratch;
    struct entity folded, whole, other;
    histogram_init(&scratch);
    entity_init(&folded, DIMENSION_TEAM, 0);
    entity_init(&whole, DIMENSION_TEAM, 0);
    entity_init(&other, DIMENSION_TEAM, 1);
    added_count = 0;
    int64_t now = 1000, horizon = 0;
    for (int step = 0; step < 300; step++) {
        now += random_below(&r, 60);
        horizon = random_chance(&r, 30) ? horizon + random_below(&r, now - horizon) : horizon;
        for (unsigned i = 0; i < at_a_time && added_count < ADDED_MAX; i++) {
            struct contribution c = added[added_count++] = some(&r, now);
            add(&whole, &c, +1);
            add(random_chance(&r, 20) ? &other : &folded, &c, +1);
        }
        if (random_chance(&r, 50))
            entity_fold(&folded, horizon);
        if (random_chance(&r, 20)) {
            entity_fold(&other, horizon);
            entity_absorb(&folded, &other); /* more than that of them count together now */
            entity_init(&other, DIMENSION_TEAM, 1);
            expect_equal(&folded, &whole, &r, horizon, now, &scratch);
            for (uint32_t i = (uint32_t)random_below(&r, 40); i > 0 && added_count > 0; i--) {
                uint32_t old = (uint32_t)random_below(&r, added_count);
                add(&folded, &added[old], -1);
                add(&whole, &added[old], -1);
                added[old] = added[--added_count];
            }
            expect_equal(&folded, &whole, &r, horizon, now, &scratch);
        }
    }
    entity_absorb(&folded, &other);
    while (folded.base_us < horizon)
        entity_fold(&folded, horizon);
    cr_expect(at_a_time == 1 || entity_rows(&folded) < entity_rows(&whole), "%llu, %llu",
              (unsigned long long)entity_rows(&folded), (unsigned long long)entity_rows(&whole));
    while (whole.base_us < folded.base_us)
        entity_fold(&whole, folded.base_us);
    expect_same_values(&folded, &whole, &r);
    while (added_count > 0) {
        add(&folded, &added[--added_count], -1);
        add(&whole, &added[added_count], -1);
    }
    cr_expect(entity_is_empty(&folded) && entity_rows(&folded) == 0 && entity_rows(&whole) == 0);
    entity_fini(&folded);
    entity_fini(&whole);
    entity_fini(&other);
}

Test(entity_fold, no_sum_is_another_one)
{
    run(random_seed(1), 10);
    run(random_seed(2), 60);
    run(random_seed(3), 1);
}

static struct contribution one_of(enum stream stream)
{
    struct contribution c;
    memset(&c, 0, sizeof c);
    c.stream = (uint8_t)stream;
    c.measures[0] = 1;
    return c;
}

/* A year that has become old is not folded in one go. */
Test(entity_fold, takes_little_at_a_time)
{
    struct entity e;
    entity_init(&e, DIMENSION_COMPANY, 0);
    struct contribution c = one_of(STREAM_WON);
    for (c.at_us = 0; c.at_us < 10000; c.at_us++)
        entity_add(&e, &c, +1);
    uint64_t rows = entity_rows(&e);
    unsigned calls = 0;
    for (; e.base_us < 10000; calls++) {
        entity_fold(&e, 10000);
        cr_assert(rows - entity_rows(&e) <= 300);
        rows = entity_rows(&e);
    }
    cr_expect(rows == 1 && calls > 30, "%llu rows, %u calls", (unsigned long long)rows, calls);
    entity_fini(&e);
}

/* Many values of one instant can only go together. */
Test(entity_fold, of_one_instant)
{
    struct entity e;
    entity_init(&e, DIMENSION_COMPANY, 0);
    struct contribution c = one_of(STREAM_CYCLE);
    c.at_us = 7;
    for (c.value = 0; c.value < 2000; c.value++)
        entity_add(&e, &c, +1);
    entity_fold(&e, 100);
    entity_fold(&e, 100);
    cr_expect(e.base_us == 100 && entity_rows(&e) == 2000, "%lld, %llu rows", (long long)e.base_us,
              (unsigned long long)entity_rows(&e));
    entity_fini(&e);
}
