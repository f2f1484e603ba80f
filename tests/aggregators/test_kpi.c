#include "aggregators/kpi.h"
#include "base/money.h"
#include <criterion/criterion.h>

static struct sums some(void)
{
    struct sums s = {{0}};
    s.at[MEASURE_WON] = 3;
    s.at[MEASURE_LOST] = 4;
    s.at[MEASURE_WON_AMOUNT] = 10000;
    s.at[MEASURE_WON_WITH_AMOUNT] = 3;
    return s;
}

Test(kpi, compares_exactly_and_not_the_rounded_text)
{
    struct sums s = some();
    struct kpi_value v;
    cr_assert(kpi_evaluate(KPI_WIN_RATE, &s, &v) && v.n == 7);
    cr_expect(kpi_compare(KPI_WIN_RATE, &v, 428571, 2) > 0); /* 3/7 = 0.4285714... */
    cr_expect(kpi_compare(KPI_WIN_RATE, &v, 428572, 2) < 0);
    cr_assert(kpi_evaluate(KPI_AVERAGE_CHECK, &s, &v)); /* 33.333... */
    cr_expect(kpi_compare(KPI_AVERAGE_CHECK, &v, 33330000, 2) > 0 &&
              kpi_compare(KPI_AVERAGE_CHECK, &v, 33340000, 2) < 0);
    cr_assert(kpi_evaluate(KPI_SALES_VOLUME, &s, &v));
    cr_expect(kpi_compare(KPI_SALES_VOLUME, &v, 100 * MICRO, 2) == 0);
    cr_expect(kpi_compare(KPI_SALES_VOLUME, &v, 10 * MICRO, 3) == 0);
}

/* Credit notes: what is below 0 is compared as a number, not by its digits. */
Test(kpi, compares_what_is_below_zero)
{
    struct sums s = some();
    struct kpi_value v;
    s.at[MEASURE_WON_AMOUNT] = -10000; /* -33.333... each */
    cr_assert(kpi_evaluate(KPI_AVERAGE_CHECK, &s, &v));
    cr_expect(kpi_compare(KPI_AVERAGE_CHECK, &v, -33333333, 2) < 0);
    cr_expect(kpi_compare(KPI_AVERAGE_CHECK, &v, -33333334, 2) > 0);
    s.at[MEASURE_WON_AMOUNT] = -10050; /* -33.50 */
    cr_assert(kpi_evaluate(KPI_AVERAGE_CHECK, &s, &v));
    cr_expect(kpi_compare(KPI_AVERAGE_CHECK, &v, -33500000, 2) == 0);
    cr_expect(kpi_compare(KPI_AVERAGE_CHECK, &v, -33500001, 2) > 0);
    cr_expect(kpi_compare(KPI_AVERAGE_CHECK, &v, -33499999, 2) < 0);
    cr_assert(kpi_evaluate(KPI_SALES_VOLUME, &s, &v));
    cr_expect(kpi_compare(KPI_SALES_VOLUME, &v, -100500000, 2) == 0);
}

Test(kpi, nothing_is_divided_by_zero_and_zero_is_left_out)
{
    struct sums none = {{0}};
    struct kpi_value v;
    for (unsigned k = 0; k < KPI_COUNT; k++)
        cr_expect(!kpi_evaluate((enum kpi)k, &none, &v), "%s", kpi_info((enum kpi)k)->name);
    struct sums lost = {{0}};
    lost.at[MEASURE_LOST] = 5;
    cr_expect(kpi_evaluate(KPI_WIN_RATE, &lost, &v) && v.numerator == 0 && v.n == 5);
    cr_expect(!kpi_evaluate(KPI_LOST_VOLUME, &lost, &v));
}

Test(kpi, text_forms)
{
    struct sums s = some();
    struct kpi_value v;
    struct buffer b;
    buffer_init(&b);
    s.at[MEASURE_WON_QUANTITY] = 2500000;
    s.at[MEASURE_CYCLES] = 2;
    s.at[MEASURE_CYCLE_US] = 5000000;
    s.at[MEASURE_NPS_ANSWERS] = 3;
    s.at[MEASURE_NPS_DETRACTORS] = 1;
    static const enum kpi each[] = {KPI_WIN_RATE,        KPI_AVERAGE_CHECK, KPI_UNITS,
                                    KPI_CYCLE_TIME_MEAN, KPI_NPS,           KPI_DEALS_WON};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        cr_assert(kpi_evaluate(each[i], &s, &v));
        kpi_format(&b, each[i], &v, 2);
        buffer_char(&b, ' ');
    }
    cr_expect_str_eq(b.at, "0.428571 33.33 2.5 2 -33.3 3 ");
    buffer_fini(&b);
}

Test(kpi, one_grows_by_itself)
{
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        struct kpi_value v = {10, 2, 1};
        kpi_age((enum kpi)k, &v, 3 * INT64_C(1000000));
        cr_expect(kpi_ages((enum kpi)k) == (k == KPI_LEADS_WAITING_OLDEST));
        cr_expect(v.numerator == (k == KPI_LEADS_WAITING_OLDEST ? 16 : 10) && v.denominator == 2);
    }
}

/* What velocity is divided by leaves 128 bits with each factor, and what is left of it there is no number. */
Test(kpi, velocity_of_a_few_in_very_many)
{
    struct sums s = {{0}};
    struct kpi_value v;
    const int128 many = (int128)1 << 70;
    s.at[MEASURE_LEVEL_KNOWN] = 1;
    s.at[MEASURE_OPEN] = s.at[MEASURE_WON] = s.at[MEASURE_CYCLES] = 1;
    s.at[MEASURE_WON_AMOUNT] = (int128)1 << 50;
    s.at[MEASURE_LOST] = many + 6;
    s.at[MEASURE_WON_WITH_AMOUNT] = many + 13;
    s.at[MEASURE_CYCLE_US] = many + 33;
    cr_assert(kpi_evaluate(KPI_VELOCITY, &s, &v));
    cr_expect(v.denominator > 0 && kpi_compare(KPI_VELOCITY, &v, 0, 2) >= 0 &&
              kpi_compare(KPI_VELOCITY, &v, 1, 2) <= 0);
}
