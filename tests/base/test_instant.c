#include "base/instant.h"
#include <criterion/criterion.h>

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
