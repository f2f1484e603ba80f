/* Columns of numbers in few bytes: what was put in comes out, and nothing beside it is touched. */
#include "base/packed.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>

enum { COUNT = 40, AROUND = 8 };

/* Of all sizes and signs, and of what units divide. */
static void draw(struct random *r, int64_t *numbers, unsigned count)
{
    int64_t unit = packed_units[random_below(r, PACKED_UNITS)];
    unsigned shift = (unsigned)random_below(r, 64);
    for (unsigned i = 0; i < count; i++) {
        int64_t number = (int64_t)random_next(r) >> shift;
        numbers[i] = number > INT64_MAX / unit || number < INT64_MIN / unit ? number : number * unit;
    }
}

/* What lies around so many bytes. */
static void expect_untouched(const char *bytes, unsigned size)
{
    for (unsigned i = 0; i < AROUND; i++)
        cr_assert(bytes[i] == 'x' && bytes[AROUND + size + i] == 'x');
}

Test(packed, what_is_put_is_read)
{
    struct random r = {random_seed(20261201)};
    for (int round = 0; round < 20000; round++) {
        int64_t numbers[COUNT], in_units[COUNT];
        unsigned count = 1 + (unsigned)random_below(&r, COUNT);
        draw(&r, numbers, count);
        struct packed_form f = packed_form_for(numbers, count, in_units);
        cr_assert(packed_form_of(packed_byte(f)).width == f.width && packed_form_of(packed_byte(f)).unit == f.unit);
        char bytes[AROUND + COUNT * sizeof(int64_t) + AROUND];
        memset(bytes, 'x', sizeof bytes);
        packed_put_column(bytes + AROUND, f.width, in_units, count);
        for (unsigned i = 0; i < count; i++)
            cr_assert(packed_number(bytes + AROUND + i * f.width, f) == numbers[i]);
        expect_untouched(bytes, count * f.width);
        unsigned at = (unsigned)random_below(&r, count);
        packed_write(bytes + AROUND + at * f.width, f.width, in_units[count - 1]);
        numbers[at] = numbers[count - 1];
        expect_untouched(bytes, count * f.width);
        for (unsigned i = 0; i < count; i++)
            cr_assert(packed_number(bytes + AROUND + i * f.width, f) == numbers[i]);
    }
}

Test(packed, a_form_is_the_least)
{
    int64_t in_units[2];
    struct packed_form f = packed_form_for((const int64_t[]){0, 0}, 2, in_units);
    cr_expect(f.width == 0);
    f = packed_form_for((const int64_t[]){-128 * SECOND, 127 * SECOND}, 2, in_units);
    cr_expect(f.width == 1 && packed_units[f.unit] == SECOND && in_units[0] == -128 && in_units[1] == 127);
    f = packed_form_for((const int64_t[]){0, 128 * SECOND}, 2, in_units);
    cr_expect(f.width == 2 && in_units[1] == 128);
    f = packed_form_for((const int64_t[]){45 * MINUTE, 0}, 2, in_units);
    cr_expect(f.width == 1 && packed_units[f.unit] == 15 * MINUTE && in_units[0] == 3);
    f = packed_form_for((const int64_t[]){INT64_MIN, INT64_MAX}, 2, in_units);
    cr_expect(f.width == 8 && in_units[0] == INT64_MIN && in_units[1] == INT64_MAX);
}
