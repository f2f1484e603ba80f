/* A tuple of names keeps its number for good: records know theirs by nothing else. Distinct ones have distinct numbers. */
#include "aggregators/dimensions.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct dimensions tuple(uint32_t i)
{
    struct dimensions d = {{0}};
    d.of[DIMENSION_MANAGER] = i + 1;
    d.of[DIMENSION_PRODUCT] = i % 7;
    return d;
}

/* The table grows at 32, 64, 128 ... tuples. One that got a second number would be taken back under other names than it
 * was added under as soon as one of the two changes its meaning. */
Test(dimensions, a_tuple_keeps_its_number_while_others_come)
{
    struct dimension_table t;
    dimension_table_init(&t);
    cr_expect(dimension_table_need(&t, &(struct dimensions){{0}}) == DIMENSIONS_NONE);
    uint64_t numbers[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        struct dimensions d = tuple(i);
        numbers[i] = dimension_table_need(&t, &d);
        for (uint32_t k = 0; k <= i; k += 1 + i / 40) {
            d = tuple(k);
            cr_assert(dimension_table_need(&t, &d) == numbers[k], "%u of %u", k, i);
            struct dimensions got = dimension_table_get(&t, numbers[k]);
            cr_assert(memcmp(&got, &d, sizeof d) == 0, "%u of %u", k, i);
        }
    }
    cr_expect(dimension_table_need(&t, &(struct dimensions){{0}}) == DIMENSIONS_NONE);
    dimension_table_fini(&t);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Managers times subjects would be one tuple a record. */
Test(dimensions, what_is_kept_grows_with_halves_not_with_their_pairs)
{
    enum { MANAGERS = 300, SUBJECTS = 100 };
    static uint64_t numbers[MANAGERS * SUBJECTS + 1]; /* the last one is DIMENSIONS_NONE */
    struct dimension_table t;
    dimension_table_init(&t);
    for (uint32_t i = 0; i < MANAGERS * SUBJECTS; i++) {
        uint32_t manager = 1 + i / SUBJECTS, subject = 1 + i % SUBJECTS;
        struct dimensions d = {{0}};
        d.of[DIMENSION_MANAGER] = manager;
        d.of[DIMENSION_TEAM] = 1 + manager % 30;
        d.of[DIMENSION_SOURCE] = subject % 10;
        d.of[DIMENSION_COMPETITOR] = subject;
        numbers[i] = dimension_table_need(&t, &d);
    }
    cr_expect(t.owners.count == MANAGERS + 1 && t.subjects.count == SUBJECTS + 1);
    cr_expect(dimension_table_bytes(&t) < 20000, "%lu", (unsigned long)dimension_table_bytes(&t));
    qsort(numbers, MANAGERS * SUBJECTS + 1, sizeof *numbers, by_number);
    for (uint32_t i = 0; i < MANAGERS * SUBJECTS; i++)
        cr_assert(numbers[i] != numbers[i + 1], "%u", i);
    dimension_table_fini(&t);
}

/* All that a record may name is in one of the halves: what is in none would be lost. */
Test(dimensions, every_dimension_tells_tuples_apart)
{
    struct dimension_table t;
    dimension_table_init(&t);
    uint64_t numbers[DIMENSION_COUNT] = {DIMENSIONS_NONE};
    for (unsigned i = DIMENSION_COMPANY + 1; i < DIMENSION_COUNT; i++) {
        struct dimensions d = {{0}};
        d.of[i] = 7;
        numbers[i] = dimension_table_need(&t, &d);
        for (unsigned k = 0; k < i; k++)
            cr_expect(numbers[k] != numbers[i], "%s and %s", dimension_name((enum dimension)k),
                      dimension_name((enum dimension)i));
        cr_expect(dimension_table_get(&t, numbers[i]).of[i] == 7);
    }
    dimension_table_fini(&t);
}
