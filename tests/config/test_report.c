#include "config/report.h"
#include <criterion/criterion.h>
#include <string.h>

Test(report, nearest_is_a_slip_and_not_another_word)
{
    static const char *const names[] = {"brokers", "group", "properties", "win_rate", "win_rate_cohort"};
    cr_expect_str_eq(nearest(TEXT("brokes"), names, 5), "brokers");
    cr_expect_str_eq(nearest(TEXT("gruop"), names, 5), "group");
    cr_expect_str_eq(nearest(TEXT("winrate"), names, 5), "win_rate");
    cr_expect_str_eq(nearest(TEXT("prop"), names, 5), "properties", "a beginning is enough");
    cr_expect_null(nearest(TEXT("wi"), names, 5));
    cr_expect_null(nearest(TEXT("zzzzz"), names, 5));
    cr_expect_null(nearest(TEXT(""), names, 5));
    cr_expect_null(nearest(TEXT("x"), names, 0));
}

/* What was written may be anything: it must not break the line, nor flood the terminal. */
Test(report, shown_text_is_short_and_harmless)
{
    cr_expect_str_eq(show(TEXT("a\nb\x1b[1m")).at, "a b [1m");
    char x[200];
    memset(x, 'x', sizeof x);
    struct shown s = show((struct text){x, sizeof x});
    cr_expect_eq(strlen(s.at), 63);
    cr_expect_str_eq(s.at + 60, "...");
    for (size_t i = 0; i + 1 < sizeof x; i += 2) {
        memcpy(x + i, "\xD0\xB6", 2);
    }
    for (size_t len = 100; len < 104; len++) {
        s = show((struct text){x + (len & 1), len & ~(size_t)1});
        cr_expect(strlen(s.at) < sizeof s.at);
    }
    s = show((struct text){x, 200});
    cr_expect(text_is_utf8(text_of(s.at)), "cut between characters");
}

Test(report, lines_are_ordered_by_place)
{
    struct report r;
    struct config_problems out = {0};
    report_init(&r, "f");
    report_add(&r, (struct mark){2, 5}, "c");
    report_add(&r, (struct mark){2, 1}, "a");
    report_add(&r, (struct mark){2, 1}, "b %d", 1);
    report_add(&r, (struct mark){0, 0}, "whole");
    report_write(&r, &out);
    cr_assert_eq(out.count, 4);
    cr_expect_str_eq(out.lines[0], "f: whole");
    cr_expect_str_eq(out.lines[1], "f:2:1: a");
    cr_expect_str_eq(out.lines[2], "f:2:1: b 1");
    cr_expect_str_eq(out.lines[3], "f:2:5: c");
    report_fini(&r);
    config_problems_fini(&out);
}
