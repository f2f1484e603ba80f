#include "base/wide.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void expect(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 quotient, bool inexact)
{
    int128 got;
    bool left;
    cr_assert(wide_quotient(n, n_count, d, d_count, &got, &left));
    cr_expect(got == quotient && left == inexact);
}

Test(wide, whole_and_broken_quotients)
{
    expect((int128[]){6, 7}, 2, (int128[]){2}, 1, 21, false);
    expect((int128[]){-7, 1}, 2, (int128[]){2}, 1, -3, true);
    expect((int128[]){0, 5}, 2, (int128[]){3, 3}, 2, 0, false);
    int128 big = (int128)1 << 120;
    expect((int128[]){big, big, 12}, 3, (int128[]){big, big, 5}, 3, 2, true);
    expect((int128[]){big - 1, big}, 2, (int128[]){big, 1}, 2, big - 1, false);
}

Test(wide, what_is_too_large_is_refused)
{
    int128 got, big = (int128)1 << 100;
    bool left;
    bool fits = wide_quotient((int128[]){big, big}, 2, (int128[]){3}, 1, &got, &left);
    cr_expect_not(fits);
}

/* Where 128 bits hold both products, plain division says the same. */
Test(wide, agrees_with_plain_division)
{
    struct random r = {random_seed(42)};
    for (int i = 0; i < 20000; i++) {
        int128 n[3], d[2];
        for (int k = 0; k < 3; k++)
            n[k] = (int128)random_below(&r, INT64_C(1) << random_below(&r, 41)) - (random_below(&r, 2) ? 0 : 1000);
        for (int k = 0; k < 2; k++)
            d[k] = 1 + (int128)random_below(&r, INT64_C(1) << random_below(&r, 41));
        int128 above = n[0] * n[1] * n[2], below = d[0] * d[1];
        expect(n, 3, d, 2, above / below, above % below != 0);
        int128 rounded;
        cr_assert(wide_half_even(n, 3, d, 2, &rounded));
        cr_expect(rounded == divide_half_even(above, below));
        int128 near, of;
        cr_assert(wide_near(n, 3, d, 2, 20, &near, &of));
        cr_expect(divide_half_even(near * 10, of) == divide_half_even(above * 10, below), "by tenths");
        int128 twentieth = above * 20 / below;
        int side = (near * 20 > twentieth * of) - (near * 20 < twentieth * of);
        cr_expect(side == (above * 20 > twentieth * below) - (above * 20 < twentieth * below), "by a twentieth");
        int order = wide_compare(n, 3, d, 2);
        cr_expect(order == (above > below) - (above < below));
    }
}

Test(wide, halves_go_to_the_even_one)
{
    int128 out, big = (int128)1 << 120;
    static const int halves[][2] = {{1, 0}, {3, 2}, {5, 2}, {-1, 0}, {-3, -2}, {-5, -2}};
    for (unsigned i = 0; i < sizeof halves / sizeof *halves; i++) {
        cr_assert(wide_half_even((int128[]){halves[i][0], big, big}, 3, (int128[]){2, big, big}, 3, &out));
        cr_expect(out == halves[i][1]);
    }
    cr_assert(wide_half_even((int128[]){big + 1, big}, 2, (int128[]){2, big, big}, 3, &out));
    cr_expect(out == 1, "a little more than a half");
}

Test(wide, which_product_is_greater)
{
    int128 big = (int128)1 << 120;
    cr_expect(wide_compare((int128[]){big, big}, 2, (int128[]){big, big - 1}, 2) > 0);
    cr_expect(wide_compare((int128[]){-big, big}, 2, (int128[]){-big, big - 1}, 2) < 0);
    cr_expect(wide_compare((int128[]){-big, -big}, 2, (int128[]){big, big}, 2) == 0);
    cr_expect(wide_compare((int128[]){0, -big}, 2, (int128[]){big, 0}, 2) == 0);
    cr_expect(wide_compare((int128[]){-1}, 1, (int128[]){0}, 1) < 0);
}

Test(wide, what_is_almost_nothing_keeps_its_sign)
{
    int128 near, of, big = (int128)1 << 120;
    cr_assert(wide_near((int128[]){-1}, 1, (int128[]){big, big}, 2, MICRO, &near, &of));
    cr_expect(near < 0 && of > 0);
    cr_assert(wide_near((int128[]){0, big}, 2, (int128[]){big, big}, 2, MICRO, &near, &of));
    cr_expect(near == 0);
}
