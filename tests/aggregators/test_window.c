#include "aggregators/window.h"
#include "base/instant.h"
#include <criterion/criterion.h>

static int64_t at(const char *t)
{
    int64_t us;
    cr_assert(instant_parse(text_of(t), &us) == OK, "%s", t);
    return us;
}

static struct window_span span(const char *window, const char *zone, const char *as_of)
{
    struct window_spec w;
    cr_assert(window_spec_parse(text_of(window), &w) == WINDOW_OK, "%s", window);
    struct calendar *c = calendar_create(zone, 1, 1);
    cr_assert(c != NULL);
    struct window_span s = window_span_at(&w, c, at(as_of));
    calendar_destroy(c);
    return s;
}

/* 24h has steps of 1 min, so the window is the minute that runs and the 1,439 before it. */
Test(window, rolling_windows_move_by_their_step)
{
    struct window_span s = span("24h", "UTC", "2024-05-05T10:00:30Z");
    cr_expect(s.from_us == at("2024-05-04T10:01:00Z") && s.to_us == at("2024-05-05T10:00:30.000001Z"));
    cr_expect(s.previous_from_us == at("2024-05-03T10:01:00Z") && s.previous_to_us == s.from_us);
    s = span("1h", "UTC", "2024-05-05T10:00:09.9Z"); /* steps of 10 s */
    cr_expect(s.from_us == at("2024-05-05T09:00:10Z"));
    s = span("1m", "UTC", "2024-05-05T10:00:09.9Z"); /* of 1 s, though that is more than L / 300 */
    cr_expect(s.from_us == at("2024-05-05T09:59:10Z"));
    s = span("7d", "Asia/Kolkata", "2024-05-05T10:20:00Z"); /* 15 min from the epoch, whatever the zone */
    cr_expect(s.from_us == at("2024-04-28T10:30:00Z"));
}

Test(window, calendar_windows_follow_the_companys_clock)
{
    struct window_span s = span("today", "Europe/Berlin", "2024-03-31T10:07:00+02:00");
    cr_expect(s.from_us == at("2024-03-31T00:00:00+01:00"));
    cr_expect(s.previous_from_us == at("2024-03-30T00:00:00+01:00") &&
              s.previous_to_us == at("2024-03-30T10:00:00+01:00"));
    cr_expect(s.next_period_us == at("2024-04-01T00:00:00+02:00"));
    s = span("month", "UTC", "2024-03-31T10:00:00Z");
    cr_expect(s.previous_from_us == at("2024-02-01T00:00:00Z") && s.previous_to_us == at("2024-03-01T00:00:00Z"));
    s = span("week", "UTC", "2024-05-08T10:44:00Z");
    cr_expect(s.from_us == at("2024-05-06T00:00:00Z") && s.previous_to_us == at("2024-05-01T10:30:00Z"));
}

Test(window, past_periods_are_whole)
{
    struct window_span s = span("last_month", "UTC", "2024-03-31T10:00:00Z");
    cr_expect(s.from_us == at("2024-02-01T00:00:00Z") && s.to_us == at("2024-03-01T00:00:00Z"));
    cr_expect(s.previous_from_us == at("2024-01-01T00:00:00Z") && s.previous_to_us == s.from_us);
    s = span("all", "UTC", "2024-03-31T10:00:00Z");
    cr_expect(s.from_us == INT64_MIN && !s.has_previous);
}
