/* What is said of a KPI beside its value: which of it exists under which name, and numbers by hand. */
#include "aggregators/attainment.h"
#include "base/instant.h"
#include "base/money.h"
#include <criterion/criterion.h>
#include <string.h>

static void expect_found(const char *name, enum kpi k, enum aspect a)
{
    enum kpi found_kpi = KPI_COUNT;
    enum aspect found = ASPECT_COUNT;
    cr_expect(aspect_find(text_of(name), &found_kpi, &found), "%s", name);
    cr_expect(found_kpi == k && found == a, "%s", name);
}

static void expect_none(const char *name)
{
    enum kpi k;
    enum aspect a;
    cr_expect(!aspect_find(text_of(name), &k, &a), "%s", name);
}

Test(attainment, names_are_a_kpi_and_an_aspect)
{
    expect_found("sales_volume", KPI_SALES_VOLUME, ASPECT_VALUE);
    expect_found("open_deals", KPI_OPEN_DEALS, ASPECT_VALUE);
    expect_found("sales_volume.target", KPI_SALES_VOLUME, ASPECT_TARGET);
    expect_found("sales_volume.forecast", KPI_SALES_VOLUME, ASPECT_FORECAST);
    expect_found("deals_won.forecast", KPI_DEALS_WON, ASPECT_FORECAST);
    expect_found("leads_created.pace", KPI_LEADS_CREATED, ASPECT_PACE);
    expect_found("leads_created.required_rate", KPI_LEADS_CREATED, ASPECT_REQUIRED_RATE);
    expect_found("win_rate.attainment", KPI_WIN_RATE, ASPECT_ATTAINMENT);
    expect_none("win_rate.pace"); /* a ratio does not add up */
    expect_none("win_rate.required_rate");
    expect_none("leads_created.forecast");
    expect_none("open_deals.target"); /* has no period */
    expect_none("open_deals.attainment");
    expect_none("open_deals.pace");
    expect_none("sales_volume.");
    expect_none("sales_volume.pace.pace");
    expect_none("nothing.pace");
    expect_none("");
}

static struct sums sums;
static struct snapshot_target target;

static void set(int128 goal)
{
    memset(&sums, 0, sizeof sums);
    memset(&target, 0, sizeof target);
    target.numerator = goal;
    target.denominator = 1;
    target.elapsed_us = 10 * DAY;
    target.whole_us = 20 * DAY;
    target.left_us = 10 * DAY;
    target.day_us = DAY;
}

static void expect(enum kpi k, enum aspect a, const char *expected)
{
    struct kpi_value v;
    struct buffer b;
    buffer_init(&b);
    if (aspect_evaluate(k, a, &sums, &target, true, &v))
        aspect_format(&b, k, a, &v, 2);
    cr_expect(text_equal(buffer_view(&b), text_of(expected)), "%d: %.*s, not %s", (int)a, (int)b.len, b.at, expected);
    buffer_fini(&b);
}

Test(attainment, by_hand)
{
    set(40);
    sums.at[MEASURE_WON] = 10;
    sums.at[MEASURE_EXPECTED] = 2500000;
    expect(KPI_DEALS_WON, ASPECT_VALUE, "10");
    expect(KPI_DEALS_WON, ASPECT_TARGET, "40");
    expect(KPI_DEALS_WON, ASPECT_ATTAINMENT, "0.250000");
    expect(KPI_DEALS_WON, ASPECT_PACE, "0.500000");
    expect(KPI_DEALS_WON, ASPECT_REQUIRED_RATE, "3.00"); /* 30 in 10 working days */
    expect(KPI_DEALS_WON, ASPECT_FORECAST, "12.50");
    target.is_past = true;
    expect(KPI_DEALS_WON, ASPECT_REQUIRED_RATE, "");
}

/* A third does not end: what is rounded must be rounded as the exact number is. */
Test(attainment, thirds_and_less_than_nothing)
{
    set(30000);
    sums.at[MEASURE_WON] = 1;
    sums.at[MEASURE_WON_AMOUNT] = 10000;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "0.333333");
    expect(KPI_SALES_VOLUME, ASPECT_PACE, "0.666667");
    sums.at[MEASURE_WON_AMOUNT] = -20000;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "-0.666667");
    expect(KPI_SALES_VOLUME, ASPECT_REQUIRED_RATE, "50.00");
    target.numerator = 20000;
    target.denominator = 3; /* a third of 20000: 1 of it is 0.00015, half to even */
    sums.at[MEASURE_WON_AMOUNT] = 1;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "0.000150");
}

/* Half of a millionth goes to the even one; a hair more or less than a half does not. */
Test(attainment, halves_and_what_is_beside_them)
{
    set(2000000);
    sums.at[MEASURE_WON] = 1;
    sums.at[MEASURE_WON_AMOUNT] = 1;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "0.000000");
    sums.at[MEASURE_WON_AMOUNT] = 3;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "0.000002");
    target.numerator = 2000001;
    sums.at[MEASURE_WON_AMOUNT] = 3;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "0.000001");
    target.numerator = 1999999;
    sums.at[MEASURE_WON_AMOUNT] = 1;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "0.000001");
    sums.at[MEASURE_WON_AMOUNT] = -1;
    expect(KPI_SALES_VOLUME, ASPECT_ATTAINMENT, "-0.000001");
}

Test(attainment, what_is_missing)
{
    set(0);
    expect(KPI_DEALS_WON, ASPECT_ATTAINMENT, "");
    expect(KPI_DEALS_WON, ASPECT_PACE, "");
    expect(KPI_DEALS_WON, ASPECT_FORECAST, "");
    expect(KPI_DEALS_WON, ASPECT_REQUIRED_RATE, "0.00");
    set(10);
    expect(KPI_DEALS_WON, ASPECT_ATTAINMENT, "0.000000"); /* nothing yet is 0 */
    expect(KPI_WIN_RATE, ASPECT_ATTAINMENT, "");          /* no share of nothing */
    target.elapsed_us = 0;
    expect(KPI_DEALS_WON, ASPECT_PACE, "");
    target.left_us = 0;
    expect(KPI_DEALS_WON, ASPECT_REQUIRED_RATE, "");
    struct kpi_value v;
    cr_expect(!aspect_evaluate(KPI_DEALS_WON, ASPECT_ATTAINMENT, &sums, NULL, true, &v));
    sums.at[MEASURE_WON] = 1;
    cr_expect(!aspect_evaluate(KPI_DEALS_WON, ASPECT_FORECAST, &sums, NULL, false, &v), "not of a past window");
    cr_expect(aspect_evaluate(KPI_DEALS_WON, ASPECT_FORECAST, &sums, NULL, true, &v));
}

Test(attainment, compares_as_a_ratio)
{
    set(40);
    sums.at[MEASURE_WON] = 10;
    struct kpi_value v;
    cr_assert(aspect_evaluate(KPI_DEALS_WON, ASPECT_ATTAINMENT, &sums, &target, true, &v));
    cr_expect(aspect_compare(KPI_DEALS_WON, ASPECT_ATTAINMENT, &v, MICRO / 4, 2) == 0);
    cr_expect(aspect_compare(KPI_DEALS_WON, ASPECT_ATTAINMENT, &v, MICRO / 4 + 1, 2) < 0);
    cr_assert(aspect_evaluate(KPI_DEALS_WON, ASPECT_VALUE, &sums, &target, true, &v));
    cr_expect(aspect_compare(KPI_DEALS_WON, ASPECT_VALUE, &v, 9 * MICRO, 2) > 0);
}
