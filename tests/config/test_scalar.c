#include "config/report.h"
#include "config/scalar.h"
#include <criterion/criterion.h>
#include <string.h>

#define EXPECT(parse, text, wanted)                                      \
    do {                                                                 \
        int64_t out_ = -7;                                               \
        const char *wrong_ = parse;                                      \
        cr_expect_null(wrong_, "%s: %s", text, wrong_);                  \
        cr_expect_eq(out_, wanted, "%s is %lld", text, (long long)out_); \
    } while (0)
#define REFUSE(parse, text)                                           \
    do {                                                              \
        int64_t out_ = -7;                                            \
        cr_expect_not_null(parse, "%s is taken", text);               \
        cr_expect_eq(out_, -7, "an error leaves its argument alone"); \
    } while (0)
#define DURATION(text, wanted) EXPECT(duration_parse(TEXT(text), &out_), text, wanted)
#define NO_DURATION(text)      REFUSE(duration_parse(TEXT(text), &out_), text)
#define SIZE(text, wanted)     EXPECT(size_parse(TEXT(text), &out_), text, wanted)
#define NO_SIZE(text)          REFUSE(size_parse(TEXT(text), &out_), text)
#define RATIO(text, wanted)    EXPECT(decimal_text_parse(TEXT(text), true, &out_), text, wanted)
#define NO_RATIO(text)         REFUSE(decimal_text_parse(TEXT(text), true, &out_), text)
#define RATE(text, wanted)     EXPECT(rate_parse(TEXT(text), &out_), text, wanted)
#define NO_RATE(text)          REFUSE(rate_parse(TEXT(text), &out_), text)

/* A number without its unit is the commonest slip: seconds or milliseconds? */
Test(scalar, durations_have_units)
{
    DURATION("100ms", 100);
    DURATION("10s", 10000);
    DURATION("5m", 300000);
    DURATION("2h", 7200000);
    DURATION("1d", 86400000);
    DURATION("0s", 0);
    NO_DURATION("10");
    NO_DURATION("s");
    NO_DURATION("");
    NO_DURATION("-1s");
    NO_DURATION("1.5s");
    NO_DURATION("1 s");
    NO_DURATION("1S");
    NO_DURATION("1h30m");
    NO_DURATION("999999999999999d");
    NO_DURATION("99999999999999999999s");
}

Test(scalar, sizes_have_units)
{
    SIZE("64KiB", 65536);
    SIZE("16MiB", 16777216);
    SIZE("1GiB", 1073741824);
    SIZE("12B", 12);
    NO_SIZE("64KB");
    NO_SIZE("64k");
    NO_SIZE("1048576");
    NO_SIZE("999999999999999GiB");
}

Test(scalar, ratios_may_be_in_percent)
{
    RATIO("0.25", 250000);
    RATIO("25%", 250000);
    RATIO("12.5%", 125000);
    RATIO("0.0001%", 1);
    RATIO("1", 1000000);
    RATIO("-0.5", -500000);
    NO_RATIO("%");
    NO_RATIO("25 %");
    NO_RATIO("25%%");
    NO_RATIO("0.00001%");
    NO_RATIO("0.1234567");
    NO_RATIO("1e-2");
    NO_RATIO("a");
    NO_RATIO("");
    REFUSE(decimal_text_parse(TEXT("25%"), false, &out_), "percent of money");
}

Test(scalar, rates_have_nine_places)
{
    RATE("1", 1000000000);
    RATE("1.0956", 1095600000);
    RATE("0.000000001", 1);
    RATE("999999999.999999999", INT64_C(999999999999999999));
    NO_RATE("0");
    NO_RATE("0.000000000");
    NO_RATE("-1");
    NO_RATE("1000000000");
    NO_RATE("1.1234567891");
    NO_RATE("1.");
    NO_RATE(".5");
    NO_RATE("1.2.3");
    NO_RATE("1,5");
    NO_RATE("1e3");
}

Test(scalar, numbers_are_whole)
{
    EXPECT(integer_parse(TEXT("42"), &out_), "42", 42);
    EXPECT(integer_parse(TEXT("-42"), &out_), "-42", -42);
    REFUSE(integer_parse(TEXT("4.2"), &out_), "4.2");
    REFUSE(integer_parse(TEXT("0x10"), &out_), "0x10");
    REFUSE(integer_parse(TEXT("-"), &out_), "-");
    REFUSE(integer_parse(TEXT(""), &out_), "");
    REFUSE(integer_parse(TEXT("9999999999999999"), &out_), "too many digits");
}

Test(scalar, numbers_are_shown_in_the_greatest_unit)
{
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {{0, "0s"}, {100, "100ms"}, {1500, "1500ms"}, {60000, "1m"}, {90000, "90s"}, {86400000, "1d"}};
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        buffer_clear(&b);
        duration_format(&b, durations[i].ms);
        cr_expect_str_eq(b.at, durations[i].text);
    }
    buffer_clear(&b);
    size_format(&b, 3 << 20);
    cr_expect_str_eq(b.at, "3MiB");
    buffer_clear(&b);
    size_format(&b, 1025);
    cr_expect_str_eq(b.at, "1025B");
    buffer_fini(&b);
}
