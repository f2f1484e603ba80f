#include "base/instant.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int64_t instant(const char *t)
{
    int64_t us = -1;
    enum error e = instant_parse(text_of(t), &us);
    cr_assert(e == OK, "%s", t);
    return us;
}

Test(instant, days_and_dates_are_inverse)
{
    for (int64_t day = -800000; day < 800000; day += 7) {
        struct civil c = civil_from_days(day);
        cr_assert(days_from_civil(c) == day);
        cr_assert(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= days_in_month(c.year, c.month));
    }
    cr_expect(days_from_civil((struct civil){1970, 1, 1}) == 0);
    cr_expect(days_from_civil((struct civil){2000, 3, 1}) == 11017);
    cr_expect(days_in_month(2000, 2) == 29 && days_in_month(1900, 2) == 28 && days_in_month(2024, 2) == 29);
}

Test(instant, rfc_3339_is_read_to_the_microsecond)
{
    cr_expect(instant("1970-01-01T00:00:00Z") == 0);
    cr_expect(instant("2017-12-31T23:59:59Z") == INT64_C(1514764799000000));
    cr_expect(instant("2024-03-31T01:30:00.5+02:00") == instant("2024-03-30T23:30:00.500Z"));
    cr_expect(instant("2024-03-31T01:30:00-05:30") == instant("2024-03-31T07:00:00Z"));
    cr_expect(instant("2024-03-31 01:30:00z") == instant("2024-03-31T01:30:00Z"));
    cr_expect(instant("2024-01-01T00:00:00.1234567Z") == instant("2024-01-01T00:00:00Z") + 123456);
    cr_expect(instant("2016-12-31T23:59:60Z") == instant("2017-01-01T00:00:00Z"));
    cr_expect(instant("2199-12-31T23:59:59.999999Z") == INSTANT_END - 1);
}

Test(instant, what_is_no_instant_is_refused)
{
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-01-01",
                                      "2024-01-01T00:00:00",
                                      "2024-13-01T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "2024-01-01T24:00:00Z",
                                      "2024-01-01T00:60:00Z",
                                      "2024-01-01T00:00:61Z",
                                      "2024-01-01T00:00:00.Z",
                                      "2024-01-01T00:00:00+2:00",
                                      "2024-01-01T00:00:00Zx",
                                      "2024-01-01T00:00:00+24:00",
                                      "9999-01-01T00:00:00Z",
                                      "1969-12-31T23:59:59Z",
                                      "2200-01-01T00:00:00Z",
                                      "2024-1-01T00:00:00Z",
                                      "2024-01-00T00:00:00Z",
                                      "2024-01-0:T00:00:00Z",
                                      "2024-01-01T0/:00:00Z",
                                      "2024-01-01T00:0\xFF:00Z",
                                      "2024-01-01U00:00:00Z",
                                      "2024/01/01T00:00:00Z",
                                      "1970-01-01T00:00:00+00:01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us = 42;
        cr_expect(instant_parse(text_of(bad[i]), &us) == BAD_TIME && us == 42, "%s", bad[i]);
    }
}

/* What ends in seconds or milliseconds and Z is read in three steps; with other letters it is not, and means the same. */
Test(instant, usual_times_are_what_other_ones_are)
{
    for (int year = 1968; year < 2203; year++) {
        for (int month = 0; month < 14; month++) {
            for (int day = 0; day < 33; day++) {
                int n = year * 400 + month * 33 + day;
                char usual[64], other[sizeof usual + 1];
                snprintf(usual, sizeof usual, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, n % 25, n % 61,
                         n % 62);
                if (n % 2 == 0)
                    snprintf(usual + strlen(usual), 8, ".%03d", n % 1000);
                snprintf(other, sizeof other, "%sz", usual);
                other[10] = ' ';
                snprintf(usual + strlen(usual), 2, "Z");
                int64_t a = -1, b = -1;
                enum error e = instant_parse(text_of(usual), &a);
                cr_assert(instant_parse(text_of(other), &b) == e && a == b, "%s", usual);
            }
        }
    }
}

/* Whatever byte stands wherever. */
Test(instant, a_wrong_character_is_seen_everywhere)
{
    static const char *const times[] = {"2024-03-31T12:34:56Z", "2024-03-31T12:34:56.789Z"};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; times[t][i] != '\0'; i++) {
            for (int c = 0; c < 256; c++) {
                char usual[32], other[32];
                strcpy(usual, times[t]);
                usual[i] = (char)c;
                int64_t us = 42;
                enum error e = instant_parse((struct text){usual, strlen(times[t])}, &us);
                cr_assert(e == OK || us == 42);
                /* the same time with an offset is read by the other way */
                if (i + 1 < strlen(times[t])) {
                    snprintf(other, sizeof other, "%.*s+00:00", (int)strlen(times[t]) - 1, times[t]);
                    other[i] = (char)c;
                    int64_t other_us = 42;
                    cr_assert(instant_parse((struct text){other, strlen(times[t]) + 5}, &other_us) == e, "%zu %d", i,
                              c);
                    cr_assert(other_us == us);
                }
            }
        }
    }
}

Test(instant, dates)
{
    int64_t day;
    cr_expect(date_parse(TEXT("1970-01-02"), &day) == OK && day == 1);
    cr_expect(date_parse(TEXT("2024-02-30"), &day) == BAD_TIME && date_parse(TEXT("2024-02-3"), &day) == BAD_TIME &&
              date_parse(TEXT("2024-02-03T"), &day) == BAD_TIME);
}

Test(instant, prints_in_utc)
{
    struct buffer b;
    buffer_init(&b);
    instant_format(&b, instant("2017-12-31T23:59:59Z"), false);
    buffer_char(&b, ' ');
    instant_format(&b, instant("2017-12-31T23:59:59.0009Z"), true);
    buffer_char(&b, ' ');
    instant_format(&b, instant("2024-02-29T05:00:00.25+05:30"), false);
    cr_expect_str_eq(b.at, "2017-12-31T23:59:59Z 2017-12-31T23:59:59.000Z 2024-02-28T23:30:00.250Z");
    buffer_fini(&b);
}
