/* The points of series by hand: where days and hours begin, also on nights on which clocks are put, and who has any. */
#include "aggregators/series.h"
#include "tests/support/story.h"
#include <string.h>

static void one_series(void)
{
    setup();
    core.config->series[core.config->series_count++] =
        (struct series_config){.dimension = DIMENSION_MANAGER, .hourly = 0, .points = 3};
    core.config->series[0].kpi[KPI_REVENUE] = core.config->series[0].kpi[KPI_WIN_RATE] = true;
}

TestSuite(series, .init = one_series, .fini = teardown);

/* The starts, as hours after the first of them, for `points` points up to as_of. */
static void starts(bool hourly, const char *as_of, const char *first, const int *hours, int points)
{
    struct calendar *berlin = calendar_create("Europe/Berlin", 1, 1);
    struct series_config s = {.hourly = hourly, .points = points};
    int64_t found[32];
    cr_assert(berlin != NULL && points <= 32);
    series_starts(&s, berlin, at(as_of), found);
    for (int i = 0; i < points; i++)
        cr_expect(found[i] == at(first) + hours[i] * HOUR, "%s, point %d: hour %lld", as_of, i,
                  (long long)((found[i] - at(first)) / HOUR));
    calendar_destroy(berlin);
}

static void next_start(bool hourly, const char *as_of, const char *expected)
{
    struct calendar *berlin = calendar_create("Europe/Berlin", 1, 1);
    struct series_config s = {.hourly = hourly, .points = 1};
    cr_expect(series_next_start(&s, berlin, at(as_of)) == at(expected), "%s", as_of);
    calendar_destroy(berlin);
}

Test(series, days_are_as_long_as_they_are)
{
    starts(false, "2024-04-01T12:00:00Z", "2024-03-30T00:00:00+01:00", (int[]){0, 24, 47}, 3);
    starts(false, "2024-10-27T23:00:00Z", "2024-10-26T00:00:00+02:00", (int[]){0, 24, 49}, 3);
    starts(false, "2024-10-27T22:59:59Z", "2024-10-25T00:00:00+02:00", (int[]){0, 24, 48}, 3);
    next_start(false, "2024-03-30T22:59:59Z", "2024-03-31T00:00:00+01:00");
    next_start(false, "2024-03-30T23:00:00Z", "2024-04-01T00:00:00+02:00");
}

Test(series, the_first_hour_of_a_day_is_a_point_like_any_other)
{
    starts(true, "2024-05-02T01:59:59+02:00", "2024-05-01T22:00:00+02:00", (int[]){0, 1, 2, 3}, 4);
    starts(true, "2024-05-02T00:00:00+02:00", "2024-05-01T23:00:00+02:00", (int[]){0, 1}, 2);
    starts(true, "2024-05-01T23:59:59+02:00", "2024-05-01T23:00:00+02:00", (int[]){0}, 1);
    /* Nights of 23 and 25 hours: two o'clock is missing, or comes twice. */
    starts(true, "2024-03-31T03:30:00+02:00", "2024-03-30T23:00:00+01:00", (int[]){0, 1, 2, 3}, 4);
    starts(true, "2024-10-27T02:30:00+01:00", "2024-10-26T23:00:00+02:00", (int[]){0, 1, 2, 3, 4}, 5);
    next_start(true, "2024-03-31T01:59:59+01:00", "2024-03-31T03:00:00+02:00");
    next_start(true, "2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00");
    next_start(true, "2024-05-01T23:00:00+02:00", "2024-05-02T00:00:00+02:00");
}

/* Anna's revenue by day in JSON, "" where she has no series. */
static void points(const char *expected)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "");
    size_t unused;
    for (size_t i = 0; i < snapshot_entity_count(s); i++)
        cr_expect(snapshot_entity_dimension(s, i) == DIMENSION_MANAGER || !snapshot_series(s, i, 0, &unused));
    for (size_t i = 0; i < snapshot_entity_count(s); i++)
        if (text_equal(snapshot_entity_name(s, i), TEXT("Anna")) && snapshot_series(s, i, 0, &unused)) {
            series_format(&b, core.config, s, i, 0, KPI_REVENUE);
            series_format(&b, core.config, s, i, 0, KPI_WIN_RATE);
        }
    cr_expect_str_eq(b.at, expected);
    buffer_fini(&b);
    snapshot_destroy(s);
}

#define NO_RATES                                                                                      \
    "{\"every\":\"day\",\"points\":[[\"2024-03-08T00:00:00Z\",null],[\"2024-03-09T00:00:00Z\",null]," \
    "[\"2024-03-10T00:00:00Z\",null]]}"

/* What happens at the very instant of a cut has happened; what comes a microsecond later has not. */
Test(series, begin_at_the_instant_of_the_cut)
{
    PAYMENT("P", "2024-03-10T09:00:00Z", NAME(FIELD_MANAGER, "Anna"), NUMBER(PAYMENT_AMOUNT, UNITS(12.5)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-10T12:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T12:00:00Z") - 1);
    points("");
    shard_advance(core.shard, at("2024-03-10T12:00:00Z"));
    points("{\"every\":\"day\",\"points\":[[\"2024-03-08T00:00:00Z\",\"0.00\"],[\"2024-03-09T00:00:00Z\",\"0.00\"],"
           "[\"2024-03-10T00:00:00Z\",\"12.50\"]]}" NO_RATES);
}
