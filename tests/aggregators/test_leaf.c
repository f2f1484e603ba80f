#include "aggregators/leaf.h"
#include "base/instant.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same as a leaf, without packing. */
struct model {
    struct row rows[LEAF_ROWS];
    unsigned count;
};

static void expect_equal(struct row_shape s, const struct leaf *leaf, const struct model *m, int step)
{
    cr_assert(leaf->count == m->count && leaf->count <= leaf->room && leaf->room <= LEAF_ROWS, "step %d", step);
    int128 sums[STREAM_MEASURES_MAX] = {0}, expected[STREAM_MEASURES_MAX] = {0};
    for (unsigned i = 0; i < m->count; i++) {
        struct row row;
        leaf_row(s, leaf, i, &row);
        cr_assert(row.at_us == m->rows[i].at_us && leaf_at_us(s, leaf, i) == row.at_us, "step %d row %u", step, i);
        cr_assert(row.value == m->rows[i].value, "step %d row %u", step, i);
        for (unsigned k = 0; k < s.measures; k++) {
            cr_assert(row.measures[k] == m->rows[i].measures[k], "step %d row %u measure %u: %lld", step, i, k,
                      (long long)row.measures[k]);
            if (i >= m->count / 3)
                expected[k] += row.measures[k];
        }
    }
    leaf_sums(s, leaf, m->count / 3, m->count, sums);
    for (unsigned k = 0; k < s.measures; k++)
        cr_assert(sums[k] == expected[k], "step %d measure %u", step, k);
}

/* Numbers as they come: small, round, large, of either sign, and the limits of each width. */
static int64_t any_number(struct random *r, int64_t limit)
{
    static const int64_t round[] = {1, 100, MILLISECOND, SECOND, MINUTE, 15 * MINUTE};
    int64_t unit = round[random_below(r, 6)], n = 0;
    switch (random_below(r, 4)) {
    case 0: n = random_below(r, 3); break;
    case 1: n = (INT64_C(1) << random_below(r, 62)) - random_below(r, 2); break;
    case 2: n = random_below(r, 100000); break;
    default: n = (int64_t)(random_next(r) >> (2 + random_below(r, 60))); break;
    }
    if (n <= limit / unit)
        n *= unit;
    if (n > limit)
        n = limit;
    return random_chance(r, 40) ? -n : n;
}

static unsigned place_in(const struct model *m, int64_t at_us, int64_t value)
{
    unsigned i = 0;
    while (i < m->count && row_less(m->rows[i].at_us, m->rows[i].value, at_us, value))
        i++;
    return i;
}

/* One of all rows at once in the place of the leaf, which gives all of its own. */
static struct leaf *build_again(struct row_shape s, struct leaf *leaf, const struct model *m, int step)
{
    struct row rows[LEAF_ROWS];
    int64_t instants[LEAF_ROWS];
    leaf_rows(s, leaf, rows);
    leaf_instants(s, leaf, instants);
    for (unsigned i = 0; i < m->count; i++)
        cr_assert(rows[i].at_us == m->rows[i].at_us && instants[i] == rows[i].at_us &&
                      rows[i].value == m->rows[i].value &&
                      memcmp(rows[i].measures, m->rows[i].measures, s.measures * sizeof(int64_t)) == 0,
                  "step %d row %u", step, i);
    free(leaf);
    leaf = leaf_build(s, rows, m->count);
    expect_equal(s, leaf, m, step);
    return leaf;
}

/* Bit k of `ones`: measure k is 1, but for a few rows. */
static int64_t a_measure(struct random *r, unsigned ones, unsigned k, bool is_small)
{
    if (ones >> k & 1 && !random_chance(r, 2))
        return 1;
    return is_small ? random_below(r, 2) * 1000000 : any_number(r, ROW_MAX);
}

static struct leaf *copy_of(struct row_shape s, const struct leaf *leaf)
{
    struct row rows[LEAF_ROWS];
    leaf_rows(s, leaf, rows);
    return leaf_build(s, rows, leaf->count);
}

static void run(uint64_t seed, struct row_shape s)
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct model m = {.count = 0};
    struct leaf *leaf = NULL, *like = NULL; /* as the last one was */
    unsigned ones = (unsigned)random_below(&r, 1 << STREAM_MEASURES_MAX);
    bool is_quiet = random_chance(&r, 50); /* seconds that go on, small numbers; else anything */
    int64_t now = 0;
    for (int step = 0; step < 3000; step++) {
        unsigned count = m.count;
        if (leaf != NULL && random_chance(&r, count == LEAF_ROWS ? 100 : 8)) {
            unsigned from = (unsigned)random_below(&r, count), to = from + 1 + (unsigned)random_below(&r, count - from);
            if (random_chance(&r, 60))
                to = from + 1;
            if (from == 0 && to == count) {
                free(like);
                like = copy_of(s, leaf);
            }
            leaf = leaf_remove(s, leaf, from, to);
            memmove(m.rows + from, m.rows + to, (count - to) * sizeof *m.rows);
            m.count -= to - from;
            cr_assert((leaf == NULL) == (m.count == 0));
        } else if (leaf != NULL && random_chance(&r, 20)) {
            unsigned i = (unsigned)random_below(&r, count);
            for (unsigned k = 0; k < s.measures; k++)
                m.rows[i].measures[k] = a_measure(&r, ones, k, false);
            leaf = leaf_set(s, leaf, i, m.rows[i].measures);
        } else if (leaf != NULL && count > 1 && random_chance(&r, 4)) {
            unsigned keep = 1 + (unsigned)random_below(&r, count - 1);
            struct leaf *right;
            struct model left_model = m, right_model = {.count = count - keep};
            leaf = leaf_split(s, leaf, keep, &right);
            left_model.count = keep;
            memcpy(right_model.rows, m.rows + keep, (count - keep) * sizeof *m.rows);
            expect_equal(s, leaf, &left_model, step);
            expect_equal(s, right, &right_model, step);
            bool goes_on_left = random_chance(&r, 50);
            free(goes_on_left ? right : leaf);
            leaf = goes_on_left ? leaf : right;
            m = goes_on_left ? left_model : right_model;
        } else {
            struct row row = {.at_us = is_quiet ? (now += random_below(&r, 100) * SECOND) : any_number(&r, AT_MAX)};
            if (random_chance(&r, 20))
                row.at_us = is_quiet ? random_below(&r, now + 1) : any_number(&r, AT_MAX);
            row.value = !s.valued ? 0 : is_quiet && ones & 1 ? 1 : random_below(&r, 4000);
            for (unsigned k = 0; k < s.measures; k++)
                row.measures[k] = a_measure(&r, ones, k, is_quiet);
            unsigned i = place_in(&m, row.at_us, row.value);
            if (leaf == NULL) {
                leaf = leaf_create(s, &row, like);
            } else {
                cr_assert(leaf_find(s, leaf, row.at_us, row.value) == i, "step %d", step);
                leaf = leaf_insert(s, leaf, i, &row);
            }
            memmove(m.rows + i + 1, m.rows + i, (m.count - i) * sizeof *m.rows);
            m.rows[i] = row;
            m.count++;
        }
        if (leaf != NULL)
            expect_equal(s, leaf, &m, step);
        if (leaf != NULL && random_chance(&r, 10))
            leaf = build_again(s, leaf, &m, step);
    }
    free(leaf);
    free(like);
}

Test(leaf, rows_are_those_that_were_put_in)
{
    for (uint64_t seed = random_seed(1), end = seed + 40; seed < end; seed++) {
        run(seed, (struct row_shape){1, false});
        run(seed + 1000, (struct row_shape){4, false});
        run(seed + 2000, (struct row_shape){2, true});
        run(seed + 3000, (struct row_shape){STREAM_MEASURES_MAX, true});
    }
}

/* A deal a day at the full second, one of each: 64 of them in no more than ten bytes each. */
Test(leaf, what_is_alike_is_small)
{
    struct row_shape s = {4, false};
    struct leaf *leaf = NULL;
    for (unsigned i = 0; i < LEAF_ROWS; i++) {
        struct row row = {i * DAY + i * 7 * SECOND, 0, {1, 1, 125000 + i, 1000000}};
        leaf = leaf == NULL ? leaf_create(s, &row, NULL) : leaf_insert(s, leaf, i, &row);
    }
    cr_expect(leaf_bytes(s, leaf) < LEAF_ROWS * 10, "%d", (int)leaf_bytes(s, leaf));
    free(leaf);
    struct row one = {12345 * SECOND, 0, {1, 1, 125000, 1000000}};
    leaf = leaf_create(s, &one, NULL);
    cr_expect(leaf_bytes(s, leaf) == 32);
    free(leaf);
}
