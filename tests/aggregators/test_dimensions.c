/* A tuple of names keeps its number for good: records know theirs by nothing else. */
#include "aggregators/dimensions.h"
#include <criterion/criterion.h>
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
    uint32_t numbers[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        struct dimensions d = tuple(i);
        numbers[i] = dimension_table_need(&t, &d);
        cr_assert(numbers[i] == i + 1, "%u", i);
        for (uint32_t k = 0; k <= i; k += 1 + i / 40) {
            d = tuple(k);
            cr_assert(dimension_table_need(&t, &d) == numbers[k], "%u of %u", k, i);
            cr_assert(memcmp(dimension_table_get(&t, numbers[k]), &d, sizeof d) == 0);
        }
    }
    cr_expect(t.count == 1001 && dimension_table_need(&t, &(struct dimensions){{0}}) == DIMENSIONS_NONE);
    dimension_table_fini(&t);
}
