/* Working time by hand: a night on which clocks are put, a holiday, spans that begin and end in the middle of a day. */
#include "aggregators/working_time.h"
#include "base/instant.h"
#include <criterion/criterion.h>
#include <string.h>

static struct config *config;
static struct calendar *calendar;
static struct working_time times;

static int64_t at(const char *t)
{
    int64_t us;
    cr_assert(instant_parse(text_of(t), &us) == OK);
    return us;
}

static void begin_in(const char *zone, int from_minute, int to_minute)
{
    config = config_default();
    calendar = calendar_create(zone, 1, 1);
    cr_assert(calendar != NULL);
    config->calendars[0].from_minute = from_minute;
    config->calendars[0].to_minute = to_minute;
    working_time_init(&times, config, calendar);
}

static void begin(int from_minute, int to_minute)
{
    begin_in("Europe/Berlin", from_minute, to_minute);
}

static void end(void)
{
    calendar_destroy(calendar);
    config_destroy(config);
}

static void minutes(const char *from, const char *until, int64_t expected)
{
    for (int twice = 0; twice < 2; twice++) /* the second answer is remembered */
        cr_expect(working_time_us(&times, 0, at(from), at(until)) == expected * MINUTE, "%s %s: %lld", from, until,
                  (long long)(working_time_us(&times, 0, at(from), at(until)) / MINUTE));
}

Test(working_time, nights_on_which_clocks_are_put_are_as_long_as_they_are)
{
    begin(60, 4 * 60); /* 01:00 to 04:00 */
    minutes("2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", 180);
    minutes("2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00", 120);
    minutes("2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00", 240);
    cr_expect(working_calendar_day_us(&config->calendars[0]) == 180 * MINUTE);
    end();
}

Test(working_time, days_off_and_parts_of_days)
{
    begin(9 * 60, 17 * 60);
    struct working_calendar_config *c = &config->calendars[0];
    c->works[6] = false;
    c->holidays = malloc(sizeof *c->holidays);
    cr_assert(date_parse(TEXT("2024-05-01"), &c->holidays[0]) == OK);
    c->holiday_count = 1;
    minutes("2024-05-01T00:00:00+02:00", "2024-05-02T00:00:00+02:00", 0);
    minutes("2024-05-05T00:00:00+02:00", "2024-05-06T00:00:00+02:00", 0); /* a Sunday */
    minutes("2024-05-02T16:30:00+02:00", "2024-05-03T09:15:00+02:00", 45);
    minutes("2024-05-02T17:00:00+02:00", "2024-05-03T09:00:00+02:00", 0);
    minutes("2024-05-03T10:00:00+02:00", "2024-05-03T10:00:00+02:00", 0);
    minutes("2024-05-03T11:00:00+02:00", "2024-05-03T10:00:00+02:00", 0);
    minutes("2024-04-29T00:00:00+02:00", "2024-05-06T00:00:00+02:00", 5 * 480);
    cr_expect(!working_calendar_works(c, c->holidays[0]) && working_calendar_works(c, c->holidays[0] + 1));
    end();
}

Test(working_time, a_day_around_the_clock_ends_where_the_next_begins)
{
    begin(0, 24 * 60);
    minutes("2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00", 23 * 60);
    minutes("2024-03-01T00:00:00+01:00", "2024-04-01T00:00:00+02:00", 31 * 24 * 60 - 60);
    end();
}

/* At a minute past midnight clocks went back to a minute past eleven: Sunday had begun, and it was Saturday again. */
Test(working_time, a_day_that_comes_twice)
{
    begin_in("America/St_Johns", 0, 24 * 60);
    minutes("2010-11-06T00:00:00-02:30", "2010-11-07T00:00:00-02:30", 24 * 60);
    minutes("2010-11-06T00:00:00-02:30", "2010-11-06T23:30:00-03:30", 24 * 60 + 30);
    minutes("2010-11-07T00:00:00-02:30", "2010-11-06T23:30:00-03:30", 30);
    minutes("2010-11-06T00:00:00-02:30", "2010-11-08T00:00:00-03:30", 49 * 60);
    end();
}

/* What is remembered of one calendar is no answer for another. */
Test(working_time, calendars_do_not_mix)
{
    begin(0, 24 * 60);
    struct working_calendar_config one = config->calendars[0], two[2] = {one, one};
    struct working_calendar_config *configured = config->calendars;
    two[1].to_minute = 12 * 60;
    config->calendars = two;
    int64_t from_us = at("2024-03-04T00:00:00+01:00");
    for (int64_t day = 1; day <= 2000; day++)
        for (size_t c = 0; c < 2; c++) {
            int64_t until_us = from_us + day * HOUR / 100;
            int64_t half_us = from_us + 12 * HOUR;
            int64_t expected_us = (c == 0 || until_us < half_us ? until_us : half_us) - from_us;
            cr_assert(working_time_us(&times, c, from_us, until_us) == expected_us, "%lld, %zu", (long long)day, c);
        }
    config->calendars = configured;
    end();
}
