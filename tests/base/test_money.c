#include "base/money.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int64_t micro(const char *digits)
{
    int64_t n = -1;
    enum error e = decimal_parse(text_of(digits), &n, NULL);
    cr_assert(e == OK, "%s: %s", digits, error_name(e));
    return n;
}

Test(money, decimals_are_read_digit_by_digit)
{
    static const struct {
        const char *digits;
        int64_t micro;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"1", 1000000},
        {"+1.5", 1500000},
        {"-12.345678", -12345678},
        {"0.1", 100000},
        {"1e3", 1000000000},
        {"1.5E-3", 1500},
        {"12345e-2", 123450000},
        {"1e-7", 0},
        {"5e-7", 0},
        {"15e-7", 2},
        {"0.0000015", 2},
        {"0.0000025", 2},
        {"0.00000250001", 3},
        {"0.0000005", 0},
        {"0.00000051", 1},
        {"-0.0000015", -2},
        {"007", 7000000},
        {"9000000000000", 9000000000000000000},
        {"0e999999999", 0},
        {"0.9999999", 1000000},
        {"1e-400", 0},
        {"1234.5600000000001", 1234560000},
        /* where the short way ends: characters, digits before and after the point */
        {"12345678901.123456", 12345678901123456},
        {"-1234567890.123456", -1234567890123456},
        {"123456789012.12345", 123456789012123450},
        {"-12345678901.123456", -12345678901123456},
        {"123456789012.123456", 123456789012123456},
        {"1234567890123.1234", 1234567890123123400},
        {"000000000000000001", 1000000},
        {"0.00000000000000001", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect(micro(cases[i].digits) == cases[i].micro, "%s", cases[i].digits);
}

Test(money, what_is_no_decimal_is_refused)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      ".",
                                      ".5",
                                      "5.",
                                      "1.2.3",
                                      "1e",
                                      "1e+",
                                      "e5",
                                      "NaN",
                                      "Infinity",
                                      "0x10",
                                      " 1",
                                      "1 ",
                                      "1,5",
                                      "1e400",
                                      "9000000000001",
                                      "8888888888888888888",
                                      "88888888888888888888.8888",
                                      "9000000000000.000001",
                                      "--1",
                                      "1e13"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t n = 42;
        cr_expect(decimal_parse(text_of(bad[i]), &n, NULL) == BAD_NUMBER && n == 42, "%s", bad[i]);
    }
}

/* Short decimals are read all at once; with zeros in front they are too long for that, and the same. */
Test(money, short_decimals_are_what_long_ones_are)
{
    static const char characters[] = "0123456789012345678901234567890123456789......-+eE /:\xb0\xae";
    uint64_t seed = random_seed(31);
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    for (int i = 0; i < 300000; i++) {
        char text[40] = "00000000000000000000";
        size_t zeros = strlen(text), len = (size_t)random_below(&r, 10);
        for (size_t k = 0; k < len; k++)
            text[zeros + k] = characters[random_below(&r, sizeof characters - 1)];
        if (len > 0 && (text[zeros] < '0' || text[zeros] > '9'))
            continue; /* behind zeros it would mean something else */
        int64_t few = -1, many = -1;
        bool few_rounded = true, many_rounded = true;
        enum error e = decimal_parse((struct text){text + zeros, len}, &few, &few_rounded);
        if (len == 0) {
            cr_assert(e == BAD_NUMBER);
            continue;
        }
        cr_assert(decimal_parse((struct text){text, zeros + len}, &many, &many_rounded) == e, "%s", text + zeros);
        cr_assert(few == many && few_rounded == many_rounded, "%s", text + zeros);
    }
}

Test(money, rounding_is_reported)
{
    int64_t n;
    bool rounded = true;
    cr_expect(decimal_parse(TEXT("1.2300000000"), &n, &rounded) == OK && !rounded);
    cr_expect(decimal_parse(TEXT("1.2345678"), &n, &rounded) == OK && rounded && n == 1234568);
}

/* Half goes to the even neighbour, on both sides of zero; nothing else may depend on the sign. */
Test(money, division_rounds_half_to_even)
{
    static const int cases[][3] = {{5, 2, 2},   {7, 2, 4}, {-5, 2, -2}, {-7, 2, -4}, {1, 3, 0},  {2, 3, 1},
                                   {-2, 3, -1}, {0, 7, 0}, {1, 2, 0},   {3, 2, 2},   {-1, 2, 0}, {-3, 2, -2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect(divide_half_even(cases[i][0], cases[i][1]) == cases[i][2], "%d/%d", cases[i][0], cases[i][1]);
}

Test(money, a_printed_decimal_is_read_back)
{
    struct random r = {random_seed(5)};
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; i < 20000; i++) {
        int64_t n = random_below(&r, INT64_C(9000000000000000000)) >> random_below(&r, 63);
        if (random_chance(&r, 50))
            n = -n;
        buffer_clear(&b);
        micro_format(&b, n);
        cr_assert(micro(b.at) == n, "%s", b.at);
    }
    buffer_fini(&b);
}

Test(money, currencies_have_the_decimals_of_iso_4217)
{
    static const struct {
        const char *code;
        int decimals;
    } cases[] = {{"EUR", 2}, {"USD", 2}, {"JPY", 0}, {"KWD", 3},  {"CLF", 4},  {"UYW", 4},
                 {"ZWG", 2}, {"AED", 2}, {"XPF", 0}, {"XXX", -1}, {"AAA", -1}, {"ABC", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        currency_code code;
        char back[4];
        cr_assert(currency_parse(text_of(cases[i].code), &code) == OK);
        currency_format(code, back);
        cr_expect_str_eq(back, cases[i].code);
        cr_expect(currency_decimals_iso(code) == cases[i].decimals, "%s", cases[i].code);
    }
    currency_code code = 1;
    cr_expect(currency_parse(TEXT("eur"), &code) == BAD_CURRENCY &&
              currency_parse(TEXT("EURO"), &code) == BAD_CURRENCY && currency_parse(TEXT(""), &code) == BAD_CURRENCY);
}

Test(money, text_forms)
{
    struct buffer b;
    buffer_init(&b);
    minor_format(&b, 115321400, 2);
    buffer_char(&b, ' ');
    minor_format(&b, -5, 2);
    buffer_char(&b, ' ');
    minor_format(&b, 1234, 0);
    buffer_char(&b, ' ');
    minor_format(&b, -1234, 3);
    buffer_char(&b, ' ');
    micro_format(&b, 1500000);
    buffer_char(&b, ' ');
    micro_format(&b, -2000000);
    buffer_char(&b, ' ');
    ratio_format(&b, 2, 3, 6);
    buffer_char(&b, ' ');
    ratio_format(&b, -1, 3, 1);
    buffer_char(&b, ' ');
    int128_format(&b, (int128)INT64_MAX * 100);
    cr_expect_str_eq(b.at, "1153214.00 -0.05 1234 -1.234 1.5 -2 0.666667 -0.3 922337203685477580700");
    buffer_fini(&b);
    cr_expect(micro_to_minor(1234500, 2) == 123 && micro_to_minor(1235000, 2) == 124 &&
              micro_to_minor(500000, 0) == 0 && micro_to_minor(1500000, 0) == 2);
}

Test(money, common_divisors)
{
    int128 big = (int128)1 << 100;
    cr_expect(common_divisor(12, 18) == 6 && common_divisor(-12, 18) == 6 && common_divisor(12, -18) == 6);
    cr_expect(common_divisor(7, 5) == 1 && common_divisor(0, 0) == 1);
    cr_expect(common_divisor(0, 9) == 9 && common_divisor(-9, 0) == 9);
    cr_expect(common_divisor(big * 3, big * 5) == big);
}
