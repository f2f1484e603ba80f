#include "aggregators/horizon.h"
#include "tests/support/story.h"

TestSuite(horizon, .init = setup, .fini = teardown);

static void show_only(const char *name)
{
    int shown = config_window_find(core.config, text_of(name));
    cr_assert(shown >= 0);
    core.config->windows[0] = core.config->windows[shown];
    core.config->window_count = 1;
    core.config->series_count = 0;
}

static void expect_horizon(const char *window, const char *expected)
{
    struct config *config = core.config;
    unsigned count = config->window_count, series = config->series_count;
    struct window_spec first = config->windows[0];
    show_only(window);
    int64_t us = horizon_us(config, core.calendar, at("2024-03-20T10:00:00Z"));
    cr_expect(us == at(expected), "%s: %lld", window, (long long)us);
    config->windows[0] = first;
    config->window_count = count;
    config->series_count = series;
}

Test(horizon, is_where_the_window_before_begins)
{
    expect_horizon("1h", "2024-03-20T08:00:10Z");
    expect_horizon("today", "2024-03-19T00:00:00Z");
    expect_horizon("month", "2024-02-01T00:00:00Z");
    expect_horizon("last_year", "2022-01-01T00:00:00Z");
}

Test(horizon, is_now_where_nobody_asks_when)
{
    expect_horizon("all", "2024-03-20T10:00:00.000001Z");
    expect_horizon("now", "2024-03-20T10:00:00.000001Z");
}

Test(horizon, never_goes_back)
{
    int64_t before = INT64_MIN;
    for (int64_t us = at("2023-11-01T00:00:00Z"); us < at("2024-04-10T00:00:00Z"); us += 1777 * SECOND) {
        int64_t horizon = horizon_us(core.config, core.calendar, us);
        cr_assert(horizon >= before && horizon <= us);
        before = horizon;
    }
}

/* A series that goes further back than all windows. */
Test(horizon, holds_what_a_chart_shows)
{
    struct series_config *s = core.config->series;
    show_only("today");
    core.config->series_count = 1;
    s[0].points = 30;
    s[0].hourly = 0;
    cr_expect(horizon_us(core.config, core.calendar, at("2024-03-20T10:00:00Z")) == at("2024-02-20T00:00:00Z"));
}
