/* Targets by stories with numbers worked out by hand. Months of 2024: March has 21 working days (Monday to Friday),
 * April 22, May 23, June 20. */
#include "aggregators/attainment.h"
#include "aggregators/target.h"
#include "tests/support/story.h"
#include <stdio.h>
#include <string.h>

static struct working_calendar_config *office(void)
{
    struct working_calendar_config *c = &core.config->calendars[0];
    c->works[5] = c->works[6] = false;
    c->from_minute = 9 * 60;
    c->to_minute = 17 * 60;
    return c;
}

static void open_office(void)
{
    setup();
    office();
}

TestSuite(target, .init = open_office, .fini = teardown);

static void said(enum dimension d, const char *entity, const char *window, const char *name, const char *expected)
{
    enum kpi k;
    enum aspect a;
    cr_assert(aspect_find(text_of(name), &k, &a), "%s", name);
    int w = config_window_find(core.config, text_of(window));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "");
    size_t i = core_find(s, d, entity);
    if (i < snapshot_entity_count(s)) {
        struct sums sums, previous;
        struct kpi_value value;
        snapshot_sums(s, i, (unsigned)w, &sums, &previous);
        bool to_date = core.config->windows[w].kind == WINDOW_TO_DATE;
        if (aspect_evaluate(k, a, &sums, snapshot_target_find(s, i, (unsigned)w, k), to_date, &value))
            aspect_format(&b, k, a, &value, 2);
    }
    cr_expect_str_eq(b.at, expected, "%s %s %s: %s, not %s", entity, window, name, b.at, expected);
    buffer_fini(&b);
    snapshot_destroy(s);
}

static int64_t day(const char *t)
{
    int64_t d;
    cr_assert(date_parse(text_of(t), &d) == OK);
    return d;
}

/* A target of Anna's for sales volume by the month. The last argument of the list is END. */
static void target(const char *key, const char *when, int64_t units, const char *starts_on, struct given more)
{
    apply(make_event(KIND_TARGET, key, at(when),
                     (struct given[]){NUMBER(TARGET_DIMENSION, DIMENSION_MANAGER), NAME(TARGET_ENTITY, "Anna"),
                                      NAME(TARGET_KPI, "sales_volume"), NUMBER(TARGET_PERIOD, PERIOD_MONTH),
                                      NUMBER(TARGET_VALUE, units * MICRO), NUMBER(TARGET_STARTS_ON, day(starts_on)),
                                      more, END}));
}
#define NO_MORE END

static void sell(const char *key, const char *when, int64_t units)
{
    DEAL(key, when, NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(units)));
}

Test(target, pace_runs_by_working_time)
{
    target("T", "2024-02-20T00:00:00Z", 21000, "2024-03-01", NO_MORE);
    sell("D", "2024-03-05T10:00:00Z", 4000);
    /* Friday the 8th, 17:07: six of 21 days are worked, 1, 4, 5, 6, 7, 8 March. */
    shard_advance(core.shard, at("2024-03-08T17:07:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "21000.00");
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.attainment", "0.190476");   /* 4/21 */
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.pace", "0.666667");         /* 4000 of 6000 */
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.required_rate", "1133.33"); /* 17000 in 15 days */
    said(DIMENSION_MANAGER, "Anna", "week", "sales_volume.target", "");
    /* On Sunday nothing has moved; on Monday at 13:14 half a day and a quarter of an hour less has. */
    shard_advance(core.shard, at("2024-03-10T23:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.pace", "0.666667");
    shard_advance(core.shard, at("2024-03-11T13:14:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.pace", "0.615385"); /* 4000 of 6500 */
    /* When the month is over the pace is the attainment, and nothing is required. */
    shard_advance(core.shard, at("2024-04-02T00:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume.pace", "0.190476");
    said(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume.required_rate", "");
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.attainment", "0.000000");
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.pace", "0.000000");
}

Test(target, a_holiday_and_who_comes_in_the_middle_of_a_month)
{
    struct working_calendar_config *c = office();
    c->holidays = must_alloc(sizeof *c->holidays);
    c->holidays[c->holiday_count++] = day("2024-03-29");
    /* From Monday the 18th: 9 of 20 working days, since Good Friday is none. */
    target("T", "2024-02-20T00:00:00Z", 20000, "2024-03-18", NO_MORE);
    shard_advance(core.shard, at("2024-03-20T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "9000.00");
    shard_advance(core.shard, at("2024-04-20T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "20000.00");
    said(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume.target", "9000.00");
}

/* Anna has an entity of her own until somebody comes whose hash is less. */
Test(target, of_one_of_the_others_is_nobodys)
{
    core.config->limits.entities_max = 1;
    target("T", "2024-02-20T00:00:00Z", 20000, "2024-03-01", NO_MORE);
    shard_advance(core.shard, at("2024-03-12T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "20000.00");
    char name[16];
    int i = 0;
    do
        snprintf(name, sizeof name, "N%d", i++);
    while (text_hash(text_of(name)) >= text_hash(TEXT("Anna")));
    DEAL("D", "2024-03-11T10:00:00Z", NAME(FIELD_MANAGER, name), NAME(DEAL_STAGE, "won"));
    sell("E", "2024-03-11T10:00:00Z", 100);
    target("U", "2024-02-20T00:00:00Z", 30000, "2024-03-01", NO_MORE);
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "");
    said(DIMENSION_MANAGER, "(other)", "month", "sales_volume.target", "");
    said(DIMENSION_MANAGER, name, "month", "sales_volume.target", "");
}

Test(target, a_ramp_and_a_row_that_takes_over)
{
    target("T", "2024-02-20T00:00:00Z", 22000, "2024-03-01", NUMBER(TARGET_RAMP_PERIODS, 2));
    shard_advance(core.shard, at("2024-03-20T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "7333.33"); /* a third */
    shard_advance(core.shard, at("2024-04-20T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "14666.67");
    /* From the 16th, a Tuesday: 11 of April's 22 working days at the new target, 11 at two thirds of the old one. */
    target("U", "2024-04-01T00:00:00Z", 44000, "2024-04-16", NO_MORE);
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "29333.33");
    shard_advance(core.shard, at("2024-05-20T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "44000.00");
}

/* One that is in force on days off alone governs no day of a month that has working days. */
Test(target, for_a_weekend_is_none)
{
    target("T", "2024-02-20T00:00:00Z", 21000, "2024-03-09", NUMBER(TARGET_ENDS_ON, day("2024-03-10")));
    sell("D", "2024-03-05T10:00:00Z", 4000);
    shard_advance(core.shard, at("2024-03-20T12:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "");
    target("T", "2024-02-21T00:00:00Z", 21000, "2024-03-09", NUMBER(TARGET_ENDS_ON, day("2024-03-11")));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "1000.00"); /* the Monday: one day of 21 */
}

Test(target, what_is_set_later_does_not_change_the_past)
{
    sell("D", "2024-03-05T10:00:00Z", 5000);
    target("T", "2024-02-20T00:00:00Z", 10000, "2024-03-01", NO_MORE);
    target("T", "2024-04-02T00:00:00Z", 20000, "2024-03-01", NO_MORE);
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume.attainment", "0.500000");
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "20000.00");
    /* One that says so restates, and one that was deleted later stood then. */
    target("T", "2024-04-03T00:00:00Z", 40000, "2024-03-01", NUMBER(TARGET_RESTATE, 1));
    said(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume.attainment", "0.125000");
    apply(make_deletion(KIND_TARGET, "T", at("2024-04-10T00:00:00Z")));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.target", "");
    said(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume.attainment", "0.125000");
    cr_expect(apply(make_deletion(KIND_TARGET, "T", at("2024-04-10T00:00:00Z"))) == OUTCOME_DUPLICATE);
}

Test(target, a_forecast_needs_no_target)
{
    sell("D", "2024-03-05T10:00:00Z", 5000);
    DEAL("E", "2024-03-06T10:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "offer"),
         NUMBER(DEAL_AMOUNT, UNITS(1000)), NUMBER(DEAL_PROBABILITY, MICRO / 4),
         NUMBER(DEAL_CREATED_AT, at("2024-03-06T10:00:00Z")),
         NUMBER(DEAL_EXPECTED_CLOSE_AT, at("2024-03-28T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.forecast", "5250.00");
    said(DIMENSION_MANAGER, "Anna", "month", "deals_won.forecast", "1.25");
    said(DIMENSION_MANAGER, "Anna", "week", "sales_volume.forecast", "5000.00");
    said(DIMENSION_MANAGER, "Anna", "all", "sales_volume.forecast", "");
    /* Expected for March, still open in April: in no forecast of April. */
    shard_advance(core.shard, at("2024-04-10T00:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.forecast", "");
}

Test(target, what_counts_nowhere_is_counted)
{
    target("T", "2024-02-20T00:00:00Z", 10000, "2024-03-01", NO_MORE);
    apply(make_event(KIND_TARGET, "U", at("2024-02-20T00:00:00Z"), (struct given[]){NAME(TARGET_KPI, "nps"), END}));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.attainment", "0.000000");
    cr_expect(shard_oddities(core.shard, ODDITY_TARGET_UNKNOWN) == 1);
    cr_expect(shard_oddities(core.shard, ODDITY_TARGET_ENTITY) == 1);
    sell("D", "2024-03-05T10:00:00Z", 5000);
    said(DIMENSION_MANAGER, "Anna", "month", "sales_volume.attainment", "0.500000");
    cr_expect(shard_oddities(core.shard, ODDITY_TARGET_ENTITY) == 0);
}

/* The last of as many windows as there may be is looked at, and none behind it. */
Test(target, as_many_windows_as_there_may_be)
{
    struct config *c = core.config;
    while (c->window_count < WINDOWS_MAX) {
        bool is_last = c->window_count + 1 == WINDOWS_MAX;
        char name[16];
        snprintf(name, sizeof name, "%um", c->window_count);
        cr_assert(window_spec_parse(text_of(is_last ? "year" : name), &c->windows[c->window_count]) == WINDOW_OK);
        for (unsigned d = 0; d < DIMENSION_COUNT; d++)
            c->dimension_windows[d][c->window_count] = true;
        c->window_count++;
    }
    shard_destroy(core.shard);
    core.shard = shard_create(c, core.calendar);
    target("T", "2024-02-20T00:00:00Z", 21000, "2024-03-01", NO_MORE);
    sell("D", "2024-03-05T10:00:00Z", 4000);
    apply(make_event(KIND_TARGET, "Y", at("2023-02-20T00:00:00Z"),
                     (struct given[]){NUMBER(TARGET_DIMENSION, DIMENSION_MANAGER), NAME(TARGET_ENTITY, "Anna"),
                                      NAME(TARGET_KPI, "sales_volume"), NUMBER(TARGET_PERIOD, PERIOD_YEAR),
                                      NUMBER(TARGET_VALUE, 100 * MICRO), NUMBER(TARGET_STARTS_ON, day("2024-01-01")),
                                      END}));
    shard_advance(core.shard, at("2024-03-08T17:07:00Z"));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        bool is_anna = text_equal(snapshot_entity_name(s, i), TEXT("Anna"));
        cr_expect(snapshot_target_count(s, i) == (is_anna ? 3 : 0), "%zu", snapshot_target_count(s, i));
        cr_expect((snapshot_target_find(s, i, WINDOWS_MAX - 1, KPI_SALES_VOLUME) != NULL) == is_anna);
    }
    snapshot_destroy(s);
}
