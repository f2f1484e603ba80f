#include "base/instant.h"
#include "config/window_spec.h"
#include <criterion/criterion.h>
#include <string.h>

static struct window_spec parse(const char *name)
{
    struct window_spec spec;
    cr_assert_eq(window_spec_parse(text_of(name), &spec), WINDOW_OK, "%s", name);
    cr_expect_str_eq(spec.name, name);
    return spec;
}

/* The step decides which values two programs agree on: CONTRACT 3 to the letter, at each of its edges. */
Test(window_spec, step_is_the_greatest_that_cuts_the_length_into_300)
{
    static const struct {
        const char *name;
        int64_t length_us, step_us;
    } cases[] = {
        {"1m", MINUTE, SECOND},       {"49m", 49 * MINUTE, SECOND},        {"50m", 50 * MINUTE, 10 * SECOND},
        {"1h", HOUR, 10 * SECOND},    {"299m", 299 * MINUTE, 10 * SECOND}, {"300m", 300 * MINUTE, MINUTE},
        {"24h", DAY, MINUTE},         {"74h", 74 * HOUR, MINUTE},          {"75h", 75 * HOUR, 15 * MINUTE},
        {"7d", 7 * DAY, 15 * MINUTE}, {"299h", 299 * HOUR, 15 * MINUTE},   {"300h", 300 * HOUR, HOUR},
        {"3660d", 3660 * DAY, HOUR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct window_spec w = parse(cases[i].name);
        cr_expect_eq(w.kind, WINDOW_ROLLING);
        cr_expect_eq(w.length_us, cases[i].length_us, "%s", cases[i].name);
        cr_expect_eq(w.step_us, cases[i].step_us, "%s", cases[i].name);
    }
}

Test(window_spec, names_of_periods)
{
    static const struct {
        const char *name;
        enum window_kind kind;
        enum period period;
    } cases[] = {
        {"today", WINDOW_TO_DATE, PERIOD_DAY},         {"week", WINDOW_TO_DATE, PERIOD_WEEK},
        {"month", WINDOW_TO_DATE, PERIOD_MONTH},       {"quarter", WINDOW_TO_DATE, PERIOD_QUARTER},
        {"year", WINDOW_TO_DATE, PERIOD_YEAR},         {"yesterday", WINDOW_PAST, PERIOD_DAY},
        {"last_week", WINDOW_PAST, PERIOD_WEEK},       {"last_month", WINDOW_PAST, PERIOD_MONTH},
        {"last_quarter", WINDOW_PAST, PERIOD_QUARTER}, {"last_year", WINDOW_PAST, PERIOD_YEAR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct window_spec w = parse(cases[i].name);
        cr_expect_eq(w.kind, cases[i].kind, "%s", cases[i].name);
        cr_expect_eq(w.period, cases[i].period, "%s", cases[i].name);
    }
    cr_expect_eq(parse("all").kind, WINDOW_ALL);
    cr_expect_eq(parse("now").kind, WINDOW_NOW);
}

/* AMENDMENT 22: 4501 minutes have a step of 15 and are no multiple of it. */
Test(window_spec, length_must_be_a_multiple_of_its_step)
{
    struct window_spec w = {.step_us = 0};
    cr_expect_eq(window_spec_parse(TEXT("4501m"), &w), WINDOW_NO_MULTIPLE);
    cr_expect_eq(w.step_us, 15 * MINUTE);
    cr_expect_eq(window_spec_parse(TEXT("4515m"), &w), WINDOW_OK);
    cr_expect_eq(window_spec_parse(TEXT("3661d"), &w), WINDOW_TOO_LONG);
    cr_expect_eq(window_spec_parse(TEXT("99999999999999999999999999d"), &w), WINDOW_TOO_LONG);
    cr_expect_eq(window_spec_parse(TEXT("5270400m"), &w), WINDOW_OK);
    cr_expect_str_eq(w.name, "5270400m");
}

/* One window has one name, or a board would be kept twice. */
Test(window_spec, nothing_else_is_a_window)
{
    static const char *const names[] = {"",       "h",    "0h",  "01h",  "1",        "1s",      "1w",
                                        "-1h",    "1.5h", "1 h", "1H",   "h1",       "now ",    "Now",
                                        "today1", "hour", "1hh", "1d1h", "last_day", "tomorrow"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct window_spec w;
        cr_expect_eq(window_spec_parse(text_of(names[i]), &w), WINDOW_UNKNOWN, "'%s'", names[i]);
    }
    cr_expect_eq(window_spec_parse((struct text){"1h\0", 3}, &(struct window_spec){.step_us = 0}), WINDOW_UNKNOWN);
}
