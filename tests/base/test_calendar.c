#include "base/calendar.h"
#include <criterion/criterion.h>

static int64_t at(const char *t)
{
    int64_t us;
    cr_assert(instant_parse(text_of(t), &us) == OK, "%s", t);
    return us;
}

static int64_t local(const struct calendar *c, int year, int month, int day, int hour, int minute)
{
    return calendar_instant(c, days_from_civil((struct civil){year, month, day}), hour * HOUR + minute * MINUTE);
}

Test(calendar, knows_zones_by_name_only)
{
    static const char *const bad[] = {"",       "Nowhere/Town",    "../etc/passwd", "/etc/localtime",
                                      "Europe", "Europe/Berlin;x", "CET-1CEST"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(calendar_create(bad[i], 1, 1) == NULL, "%s", bad[i]);
    struct calendar *c = calendar_create("UTC", 1, 1);
    cr_assert(c != NULL);
    cr_expect(calendar_offset_s(c, at("2024-07-01T00:00:00Z")) == 0);
    calendar_destroy(c);
}

Test(calendar, local_times_in_gaps_and_overlaps)
{
    struct calendar *c = calendar_create("Europe/Berlin", 1, 1);
    cr_assert(c != NULL);
    cr_expect(calendar_offset_s(c, at("2024-03-31T00:59:59Z")) == 3600);
    cr_expect(calendar_offset_s(c, at("2024-03-31T01:00:00Z")) == 7200);
    /* 02:30 does not exist: the end of the gap. 02:30 in October exists twice: the first. */
    cr_expect(local(c, 2024, 3, 31, 2, 30) == at("2024-03-31T01:00:00Z"));
    cr_expect(local(c, 2024, 3, 31, 1, 59) == at("2024-03-31T00:59:00Z"));
    cr_expect(local(c, 2024, 3, 31, 3, 0) == at("2024-03-31T01:00:00Z"));
    cr_expect(local(c, 2024, 10, 27, 2, 30) == at("2024-10-27T00:30:00Z"));
    cr_expect(local(c, 2024, 10, 27, 3, 0) == at("2024-10-27T02:00:00Z"));
    int64_t time_of_day;
    cr_expect(calendar_local_day(c, at("2024-10-27T01:30:00Z"), &time_of_day) ==
              days_from_civil((struct civil){2024, 10, 27}));
    cr_expect(time_of_day == 2 * HOUR + 30 * MINUTE);
    calendar_destroy(c);
}

/* Beirut goes forward at midnight: that day begins at 01:00. */
Test(calendar, a_day_without_midnight_begins_at_its_first_instant)
{
    struct calendar *c = calendar_create("Asia/Beirut", 1, 1);
    cr_assert(c != NULL);
    cr_expect(calendar_period_start(c, PERIOD_DAY, at("2024-03-31T12:00:00Z"), 0) == at("2024-03-30T22:00:00Z"));
    cr_expect(calendar_period_start(c, PERIOD_DAY, at("2024-03-31T12:00:00Z"), 1) -
                  calendar_period_start(c, PERIOD_DAY, at("2024-03-31T12:00:00Z"), 0) ==
              23 * HOUR);
    calendar_destroy(c);
}

Test(calendar, periods_start_where_the_company_says)
{
    struct calendar *c = calendar_create("Asia/Kolkata", 7, 4);
    cr_assert(c != NULL);
    int64_t us = at("2024-02-28T20:00:00Z"); /* 29 February, 01:30, a Thursday */
    cr_expect(calendar_period_start(c, PERIOD_DAY, us, 0) == at("2024-02-29T00:00:00+05:30"));
    cr_expect(calendar_period_start(c, PERIOD_WEEK, us, 0) == at("2024-02-25T00:00:00+05:30"));
    cr_expect(calendar_period_start(c, PERIOD_MONTH, us, 1) == at("2024-03-01T00:00:00+05:30"));
    cr_expect(calendar_period_start(c, PERIOD_QUARTER, us, 0) == at("2024-01-01T00:00:00+05:30"));
    cr_expect(calendar_period_start(c, PERIOD_YEAR, us, 0) == at("2023-04-01T00:00:00+05:30"));
    cr_expect(calendar_period_start(c, PERIOD_YEAR, us, -1) == at("2022-04-01T00:00:00+05:30"));
    calendar_destroy(c);
    c = calendar_create("UTC", 1, 2);
    cr_expect(calendar_period_start(c, PERIOD_QUARTER, at("2024-01-31T00:00:00Z"), 0) == at("2023-11-01T00:00:00Z"));
    cr_expect(calendar_period_start(c, PERIOD_YEAR, at("2024-01-31T00:00:00Z"), 0) == at("2023-02-01T00:00:00Z"));
    calendar_destroy(c);
}

/* AMENDMENT 20: a day that the month lacks is the end of that month. */
Test(calendar, same_place_in_the_period_before)
{
    struct calendar *c = calendar_create("UTC", 1, 1);
    cr_expect(calendar_same_place_before(c, PERIOD_YEAR, at("2028-02-29T10:00:00Z")) == at("2027-03-01T00:00:00Z"));
    cr_expect(calendar_same_place_before(c, PERIOD_QUARTER, at("2027-05-31T10:00:00Z")) == at("2027-03-01T00:00:00Z"));
    cr_expect(calendar_same_place_before(c, PERIOD_MONTH, at("2027-03-28T10:00:00Z")) == at("2027-02-28T10:00:00Z"));
    cr_expect(calendar_same_place_before(c, PERIOD_MONTH, at("2027-01-31T10:00:00Z")) == at("2026-12-31T10:00:00Z"));
    cr_expect(calendar_same_place_before(c, PERIOD_WEEK, at("2027-01-03T10:07:00Z")) == at("2026-12-27T10:07:00Z"));
    calendar_destroy(c);
    c = calendar_create("Europe/Berlin", 1, 1);
    cr_expect(calendar_same_place_before(c, PERIOD_DAY, at("2024-04-01T02:30:00+02:00")) == at("2024-03-31T01:00:00Z"));
    cr_expect(calendar_same_place_before(c, PERIOD_WEEK, at("2024-04-02T10:00:00+02:00")) ==
              at("2024-03-26T10:00:00+01:00"));
    calendar_destroy(c);
}

Test(calendar, clocks_go_back_in_autumn)
{
    struct calendar *c = calendar_create("Europe/Berlin", 1, 1);
    cr_expect(calendar_goes_back(c, at("2024-01-01T00:00:00Z")) == at("2024-10-27T01:00:00Z"));
    cr_expect(calendar_goes_back(c, at("2024-10-27T00:59:59Z")) == at("2024-10-27T01:00:00Z"));
    cr_expect(calendar_goes_back(c, at("2024-10-27T01:00:00Z")) == at("2025-10-26T01:00:00Z"));
    calendar_destroy(c);
    c = calendar_create("UTC", 1, 1);
    cr_expect(calendar_goes_back(c, at("2024-01-01T00:00:00Z")) == INT64_MAX);
    calendar_destroy(c);
}

/* St. John's went back from 00:01 to 23:01: the day that had begun for a minute goes on. */
Test(calendar, a_day_that_has_begun_does_not_end_when_clocks_go_back_over_midnight)
{
    struct calendar *c = calendar_create("America/St_Johns", 1, 1);
    cr_assert(c != NULL);
    int64_t begin = at("2010-11-07T02:30:00Z");
    for (int64_t us = begin; us < at("2010-11-07T05:00:00Z"); us += MINUTE) {
        cr_expect(calendar_period_start(c, PERIOD_DAY, us, 0) == begin);
        cr_expect(calendar_period_start(c, PERIOD_DAY, us, 1) > us);
    }
    cr_expect(calendar_period_start(c, PERIOD_DAY, begin - 1, 1) == begin);
    calendar_destroy(c);
}
