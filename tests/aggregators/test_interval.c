/* The edges of Wilson's interval, by hand and against its definition. */
#include "aggregators/interval.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void expect(int64_t x, int64_t n, int64_t low, int64_t high)
{
    struct interval found = interval_of(x, n);
    cr_expect(eq(i64, found.low, low), "%lld of %lld", (long long)x, (long long)n);
    cr_expect(eq(i64, found.high, high), "%lld of %lld", (long long)x, (long long)n);
}

/* With z^2 = 3.8416: of 1 of 1 the lower edge is 1 / (1 + z^2) = 0.2065433; of 0 of 1 the upper one is what is left. */
Test(interval, by_hand)
{
    expect(1, 1, 206543, 1000000);
    expect(0, 1, 0, 793457);
    expect(45, 50, 786395, 956525);
    expect(1, 2, 94528, 905472); /* 1/2 -+ z/2 sqrt(2 + z^2) / (2 + z^2): symmetric */
    expect(0, 1000000, 0, 4);    /* 3.84 millionths */
    expect(1000000, 1000000, 999996, 1000000);
}

/* Booked corrections may leave more lost than there were, or nothing to have a share of. */
Test(interval, what_is_no_share_has_none)
{
    struct interval found;
    cr_expect(kpi_interval(KPI_WIN_RATE, &(struct kpi_value){1, 1, 1}, &found));
    cr_expect(not(kpi_interval(KPI_WIN_RATE, &(struct kpi_value){-1, 3, 3}, &found)));
    cr_expect(not(kpi_interval(KPI_WIN_RATE, &(struct kpi_value){3, 2, 2}, &found)));
    cr_expect(not(kpi_interval(KPI_WIN_RATE, &(struct kpi_value){-1, -2, -2}, &found)));
    cr_expect(not(kpi_interval(KPI_WIN_RATE, &(struct kpi_value){0, 0, 0}, &found)));
    cr_expect(not(kpi_interval(KPI_CONVERSION, &(struct kpi_value){1, 2, 2}, &found)), "not of the same records");
}

Test(interval, a_large_sample_ranks_above_a_lucky_one)
{
    cr_expect(lt(i64, interval_of(1, 1).low, interval_of(45, 50).low));
    cr_expect(lt(i64, interval_of(5, 5).low, interval_of(45, 50).low));
    cr_expect(lt(i64, interval_of(40, 50).low, interval_of(45, 50).low));
}

/* How far beyond an edge of the interval p is, by its definition: above 0 outside, below 0 within. */
static double beyond(int64_t x, int64_t n, int64_t millionths)
{
    double p = (double)millionths / 1e6, share = (double)x / (double)n;
    return (share - p) * (share - p) - 1.96 * 1.96 * p * (1 - p) / (double)n;
}

Test(interval, edges_are_where_the_definition_has_them)
{
    for (int64_t n = 1; n < 3000000; n = n * 3 + 1) {
        for (int64_t x = 0; x <= n; x += n / 23 + 1) {
            struct interval found = interval_of(x, n);
            bool around = (int128)found.low * n <= (int128)x * MICRO && (int128)found.high * n >= (int128)x * MICRO;
            cr_assert(around);
            cr_assert(lt(dbl, -1e-15, beyond(x, n, found.low)));
            cr_assert(lt(dbl, -1e-15, beyond(x, n, found.high)));
            if (found.low < x * MICRO / n)
                cr_assert(lt(dbl, beyond(x, n, found.low + 1), 1e-15));
            if (found.high - 1 > x * MICRO / n)
                cr_assert(lt(dbl, beyond(x, n, found.high - 1), 1e-15));
        }
    }
    struct interval most = interval_of(INT64_C(100000000000), INT64_C(200000000000));
    cr_expect(eq(i64, most.low, 499997));
    cr_expect(eq(i64, most.high, 500003));
}
