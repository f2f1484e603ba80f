/* Many rows at once leave what they would leave one by one. */
#include "aggregators/tree.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AT_ONCE = 1500, MOST_ROWS = 40000 };

static struct row added[MOST_ROWS], run[MOST_AT_ONCE], left[MOST_ROWS], right[MOST_ROWS];
static uint32_t added_count;

static int by_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (row_less(x->at_us, x->value, y->at_us, y->value))
        return -1;
    return row_less(y->at_us, y->value, x->at_us, x->value);
}

struct taken {
    struct row *rows;
    uint32_t count;
    unsigned measures;
};

static void take(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct taken *t = context;
    struct row *row = &t->rows[t->count++];
    memset(row, 0, sizeof *row);
    row->at_us = at_us;
    row->value = value;
    memcpy(row->measures, measures, t->measures * sizeof *measures);
}

static void expect_equal(const struct tree *a, const struct tree *b, struct random *r)
{
    struct taken of_a = {left, 0, a->shape.measures}, of_b = {right, 0, b->shape.measures};
    tree_check(a);
    cr_assert(tree_rows(a) == tree_rows(b));
    tree_visit(a, INT64_MIN, INT64_MAX, take, &of_a);
    tree_visit(b, INT64_MIN, INT64_MAX, take, &of_b);
    cr_assert(of_a.count == of_b.count && memcmp(left, right, of_a.count * sizeof *left) == 0);
    for (int i = 0; i < 20 && of_a.count > 0; i++) {
        int64_t from = left[random_below(r, of_a.count)].at_us - random_below(r, 2);
        int64_t to = left[random_below(r, of_a.count)].at_us + random_below(r, 2);
        int128 x[STREAM_MEASURES_MAX] = {0}, y[STREAM_MEASURES_MAX] = {0};
        tree_sums(a, from, to, x);
        tree_sums(b, from, to, y);
        cr_assert(memcmp(x, y, sizeof x) == 0);
        cr_assert(tree_next(a, from) == tree_next(b, from));
        if (a->peaked)
            cr_assert(tree_reach(a, from, i * 50) == tree_reach(b, from, i * 50));
    }
}

/* In a stretch of time; some take back what was added before. */
static uint32_t make_run(struct random *r, const struct tree *t, int64_t instants)
{
    static const int sizes[] = {3, 8, 100, MOST_AT_ONCE};
    uint32_t count = 1 + (uint32_t)random_below(r, sizes[random_below(r, 4)]);
    int64_t from = random_below(r, instants), span = 1 + random_below(r, instants);
    for (uint32_t i = 0; i < count; i++) {
        struct row *row = &run[i];
        memset(row, 0, sizeof *row);
        if (added_count > 0 && random_chance(r, 30)) {
            uint32_t old = (uint32_t)random_below(r, added_count);
            *row = added[old];
            for (unsigned m = 0; m < t->shape.measures; m++)
                row->measures[m] *= -1;
            added[old] = added[--added_count];
            continue;
        }
        row->at_us = from + random_below(r, span);
        row->value = t->shape.valued ? random_below(r, 4) : 0;
        for (unsigned m = 0; m < t->shape.measures; m++)
            row->measures[m] = random_below(r, 200) - 90;
        cr_assert(added_count < MOST_ROWS);
        added[added_count++] = *row;
    }
    qsort(run, count, sizeof *run, by_key);
    return count;
}

static void compare(uint64_t seed, unsigned measures, bool valued, bool peaked, int64_t instants)
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct tree at_once, one_by_one;
    if (peaked) {
        tree_init_peaked(&at_once, measures);
        tree_init_peaked(&one_by_one, measures);
    } else {
        tree_init(&at_once, measures, valued);
        tree_init(&one_by_one, measures, valued);
    }
    added_count = 0;
    for (int round = 0; round < 60; round++) {
        uint32_t count = make_run(&r, &at_once, instants);
        tree_add_sorted(&at_once, run, count);
        for (uint32_t i = 0; i < count; i++)
            tree_add(&one_by_one, run[i].at_us, run[i].value, run[i].measures);
        expect_equal(&at_once, &one_by_one, &r);
        if (random_chance(&r, 50)) { /* both go on from what the other way has left */
            struct tree t = at_once;
            at_once = one_by_one;
            one_by_one = t;
        }
    }
    qsort(added, added_count, sizeof *added, by_key);
    for (uint32_t i = 0; i < added_count; i++)
        for (unsigned m = 0; m < measures; m++)
            added[i].measures[m] *= -1;
    tree_add_sorted(&at_once, added, added_count);
    cr_expect(at_once.root == NULL && at_once.depth == 0, "what is taken back leaves nothing");
    tree_fini(&at_once);
    tree_fini(&one_by_one);
}

Test(tree_merge, leaves_what_one_by_one_leaves)
{
    compare(random_seed(1), 1, false, false, 1000000);
    compare(random_seed(2), 4, false, false, 5000);
    compare(random_seed(3), 2, true, false, 500);
    compare(random_seed(4), STREAM_MEASURES_MAX, true, false, 20);
    compare(random_seed(5), 1, false, true, 3000);
}

Test(tree_merge, in_order_fills_the_leaves)
{
    struct tree t;
    tree_init(&t, 1, false);
    static struct row rows[100 * LEAF_ROWS];
    for (int i = 0; i < 100 * LEAF_ROWS; i++)
        rows[i] = (struct row){.at_us = i, .measures = {1}};
    tree_add_sorted(&t, rows, 100 * LEAF_ROWS);
    tree_check(&t);
    cr_expect(tree_rows(&t) == 100 * LEAF_ROWS && t.depth == 2, "%u", t.depth);
    tree_fini(&t);
}

/* What a row cannot hold is in a second one of the same key. */
Test(tree_merge, a_row_holds_all_of_its_range)
{
    const int64_t large = ROW_MAX - 1;
    struct row rows[9];
    for (int i = 0; i < 9; i++)
        rows[i] = (struct row){.at_us = 7, .measures = {large}};
    struct tree t;
    int128 sum = 0;
    tree_init(&t, 1, false);
    tree_add_sorted(&t, rows, 9);
    tree_add_sorted(&t, rows, 9);
    tree_check(&t);
    tree_sums(&t, 7, 8, &sum);
    cr_expect(sum == (int128)large * 18);
    for (int i = 0; i < 9; i++)
        rows[i].measures[0] = -large;
    tree_add_sorted(&t, rows, 9);
    tree_add_sorted(&t, rows, 9);
    sum = 0;
    tree_sums(&t, 7, 8, &sum);
    cr_expect(sum == 0);
    tree_fini(&t);
}
