#include "aggregators/tree.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same as the tree, without a tree: all rows that were ever added. */
struct model {
    struct {
        int64_t at, value, m[STREAM_MEASURES_MAX];
    } rows[6000];
    int count;
};

static struct model model;

static void model_sums(int64_t from, int64_t to, int measures, int128 *out)
{
    for (int i = 0; i < model.count; i++)
        if (model.rows[i].at >= from && model.rows[i].at < to)
            for (int m = 0; m < measures; m++)
                out[m] += model.rows[i].m[m];
}

static void count_rows(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    (void)at_us;
    (void)value;
    (void)measures;
    ++*(int *)context;
}

static int by_instant(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Some of them close together, some twice, some before and after all rows. */
static void expect_prefixes(const struct tree *t, struct random *r, int64_t instants)
{
    enum { MOST = 40 };
    int64_t at[MOST];
    int128 sums[MOST][STREAM_MEASURES_MAX];
    unsigned count = 1 + (unsigned)random_below(r, MOST);
    for (unsigned i = 0; i < count; i++)
        at[i] = i > 0 && random_chance(r, 40) ? at[i - 1] + random_below(r, 3) : random_below(r, instants + 20) - 10;
    if (random_chance(r, 50))
        at[0] = INT64_MIN;
    qsort(at, count, sizeof *at, by_instant);
    tree_prefixes(t, at, count, sums);
    for (unsigned i = 0; i < count; i++) {
        int128 expected[STREAM_MEASURES_MAX] = {0};
        tree_sums(t, INT64_MIN, at[i], expected);
        cr_assert(memcmp(expected, sums[i], t->shape.measures * sizeof *expected) == 0, "before %lld",
                  (long long)at[i]);
    }
}

static void run(uint64_t seed, int measures, bool valued, int64_t instants)
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct tree t;
    tree_init(&t, (unsigned)measures, valued);
    model.count = 0;
    int64_t in_order = 0;
    for (int step = 0; step < 6000; step++) {
        int64_t at, value, delta[STREAM_MEASURES_MAX];
        bool retract = model.count > 0 && random_chance(&r, step < 3000 ? 30 : 60);
        if (retract) {
            int64_t i = random_below(&r, model.count);
            at = model.rows[i].at;
            value = model.rows[i].value;
            for (int m = 0; m < measures; m++)
                delta[m] = -model.rows[i].m[m];
            model.rows[i] = model.rows[--model.count];
        } else {
            at = random_chance(&r, 50) ? random_below(&r, instants) : (in_order += random_below(&r, 3));
            value = valued ? random_below(&r, 4) : 0;
            for (int m = 0; m < measures; m++)
                delta[m] = random_below(&r, 2000) - 1000;
            model.rows[model.count].at = at;
            model.rows[model.count].value = value;
            memcpy(model.rows[model.count++].m, delta, sizeof delta);
        }
        tree_add(&t, at, value, delta);
        tree_check(&t);
        int64_t from = random_below(&r, instants + 10) - 5, to = from + random_below(&r, instants);
        if (random_chance(&r, 10))
            from = INT64_MIN;
        int128 expected[STREAM_MEASURES_MAX] = {0}, actual[STREAM_MEASURES_MAX] = {0};
        model_sums(from, to, measures, expected);
        tree_sums(&t, from, to, actual);
        for (int m = 0; m < measures; m++)
            cr_assert(expected[m] == actual[m], "step %d", step);
        if (step % 7 == 0)
            expect_prefixes(&t, &r, instants);
    }
    while (model.count > 0) {
        model.count--;
        int64_t back[STREAM_MEASURES_MAX];
        for (int m = 0; m < measures; m++)
            back[m] = -model.rows[model.count].m[m];
        tree_add(&t, model.rows[model.count].at, model.rows[model.count].value, back);
    }
    cr_assert(t.root == NULL, "what is taken back leaves nothing");
    cr_assert(tree_bytes(&t) == 0);
    tree_fini(&t);
}

Test(tree, sums_equal_those_of_a_list)
{
    run(random_seed(1), 1, false, 100000);
    run(random_seed(2), 4, false, 3000);
    run(random_seed(3), 2, true, 500);
    run(random_seed(4), 3, true, 20);
}

Test(tree, a_deep_tree_finds_the_next_row)
{
    struct tree t;
    tree_init(&t, 1, false);
    for (int64_t i = 0; i < 100000; i++)
        tree_add(&t, i * 10, 0, &(int64_t){1});
    tree_check(&t);
    cr_expect(t.depth >= 2);
    cr_expect(tree_next(&t, INT64_MIN) == 0 && tree_next(&t, 1) == 10 && tree_next(&t, 999990) == 999990 &&
              tree_next(&t, 999991) == INT64_MAX);
    int count = 0;
    tree_visit(&t, 500, 1500, count_rows, &count);
    cr_expect(count == 100);
    int128 taken[STREAM_MEASURES_MAX] = {0};
    tree_take_before(&t, 500005, taken);
    cr_expect(taken[0] == 50001 && tree_next(&t, INT64_MIN) == 500010);
    tree_check(&t);
    tree_fini(&t);
}

/* Sums do not wrap: 4,000 rows of 4 * 10^18 at one instant are more than 2^63. */
Test(tree, sums_are_wider_than_rows)
{
    struct tree t;
    tree_init(&t, 1, false);
    const int64_t large = INT64_C(4000000000000000000);
    for (int i = 0; i < 4000; i++)
        tree_add(&t, 7, 0, &large);
    int128 sum = 0;
    tree_sums(&t, 0, 8, &sum);
    cr_expect(sum == (int128)large * 4000);
    tree_check(&t);
    for (int i = 0; i < 4000; i++)
        tree_add(&t, 7, 0, &(int64_t){-large});
    sum = 0;
    tree_sums(&t, 0, 8, &sum);
    cr_expect(sum == 0);
    tree_fini(&t);
}

/* A row takes what keeps it within its range, to the last unit; beyond it a second row of the same key does. */
Test(tree, a_row_holds_all_of_its_range)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct tree t;
        tree_init(&t, 1, false);
        cr_expect(tree_rows(&t) == 0);
        tree_add(&t, 7, 0, &(int64_t){sign * (ROW_MAX - 1)});
        tree_add(&t, 7, 0, &(int64_t){sign});
        cr_expect(tree_rows(&t) == 1, "%d", sign);
        tree_add(&t, 7, 0, &(int64_t){sign});
        cr_expect(tree_rows(&t) == 2, "%d", sign);
        int128 sum = 0;
        tree_sums(&t, 7, 8, &sum);
        cr_expect(sum == (int128)sign * ROW_MAX + sign);
        tree_check(&t);
        tree_add(&t, 7, 0, &(int64_t){-sign});
        tree_add(&t, 7, 0, &(int64_t){-sign * ROW_MAX});
        cr_expect(tree_rows(&t) == 0 && t.root == NULL);
        tree_fini(&t);
    }
}

/* Payments and refunds in any order: when have they paid back the cost? */
Test(tree, finds_when_a_running_sum_reaches_a_level)
{
    struct random r = {random_seed(5)};
    struct tree t;
    tree_init_peaked(&t, 1);
    static int64_t at[3000];
    memset(at, 0, sizeof at);
    for (int step = 0; step < 12000; step++) {
        int64_t when = random_below(&r, 3000), delta = random_below(&r, 200) - 90;
        at[when] += delta;
        tree_add(&t, when, 0, &delta);
        if (step % 50 == 0)
            tree_check(&t);
        if (step % 10 != 0)
            continue;
        int64_t from = random_below(&r, 3000), level = random_below(&r, 40000) - 1000, running = 0,
                expected = INT64_MAX;
        for (int64_t i = 0; i < 3000 && expected == INT64_MAX; i++) {
            running += at[i];
            if (i >= from && running >= level)
                expected = i;
        }
        int64_t actual = tree_reach(&t, from, level);
        cr_assert(actual == expected, "step %d: %lld, not %lld", step, (long long)actual, (long long)expected);
    }
    tree_fini(&t);
}
