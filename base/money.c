#include "base/money.h"
#include "base/digits.h"
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

int64_t power_of_ten(int n)
{
    static const int64_t powers[] = {1,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000};
    REQUIRE(n >= 0 && n <= 18);
    return powers[n];
}

int128 divide_half_even(int128 n, int128 d)
{
    REQUIRE(d > 0);
    if ((int64_t)n == n && (int64_t)d == d) { /* the same, by an instruction where the other is a function */
        int64_t quotient = (int64_t)n / (int64_t)d, rest = (int64_t)n % (int64_t)d;
        rest = rest < 0 ? -rest : rest;
        int64_t other = (int64_t)d - rest;
        if (rest > other || (rest == other && quotient % 2 != 0))
            return (int128)quotient + (n < 0 ? -1 : 1);
        return quotient;
    }
    int128 quotient = n / d, rest = n % d;
    if (rest < 0)
        rest = -rest;
    int128 other = d - rest; /* rest against other says the same as 2 x rest against d, and cannot overflow */
    if (rest > other || (rest == other && quotient % 2 != 0))
        quotient += n < 0 ? -1 : 1;
    return quotient;
}

int128 common_divisor(int128 a, int128 b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b != 0) {
        if ((int64_t)a == a && (int64_t)b == b) { /* from here on by an instruction, and it stays so */
            uint64_t greater = (uint64_t)a, less = (uint64_t)b;
            while (less != 0) {
                uint64_t rest = greater % less;
                greater = less;
                less = rest;
            }
            return (int128)greater;
        }
        int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a > 0 ? a : 1;
}

/* Decimals of at most eight characters and no sign, without a step for each of them: they are put at the end of a word,
 * the digits before the point are moved on by its place, and what is in front of them is zeros. */
static bool shortest_decimal_parse(struct text t, int64_t *out_micro)
{
    const unsigned char *at = (const unsigned char *)t.at;
    uint64_t w, each = UINT64_C(0x0101010101010101);
    if (t.len == 0 || t.len > 8)
        return false;
    unsigned front = 8 * (unsigned)(8 - t.len);
    if (t.len >= 4) { /* two halves, which are the same bytes where they overlap */
        uint32_t first, last;
        memcpy(&first, at, 4);
        memcpy(&last, at + t.len - 4, 4);
        w = (uint64_t)le32toh(first) << front | (uint64_t)le32toh(last) << 32;
    } else {
        w = ((uint64_t)at[0] | (uint64_t)at[t.len / 2] << 8 * (t.len / 2)) << front | (uint64_t)at[t.len - 1] << 56;
    }
    w ^= each * '0' << front;
    uint64_t pointed = w ^ each * ('.' ^ '0');
    uint64_t points = (pointed - each) & ~pointed & each * 0x80; /* of which the lowest bit is right */
    int places = 0;
    if (points != 0) {
        unsigned point = (unsigned)__builtin_ctzll(points) & ~7u;
        if (point == front || point == 56)
            return false;
        places = 7 - (int)point / 8;
        uint64_t before = (UINT64_C(1) << point) - 1;
        w = (w & before) << 8 | (w & ~(before << 8 | 0xFF));
    }
    if (!digits_join(w, out_micro))
        return false;
    *out_micro *= power_of_ten(6 - places);
    return true;
}

/* What nearly all decimals are: up to eighteen characters, of which six digits at most are after the point, and no exponent.
 * False: something else, or nothing. */
static bool short_decimal_parse(struct text t, int64_t *out_micro)
{
    size_t i = t.len > 0 && t.at[0] == '-', from = i;
    int64_t units = 0;
    unsigned digit;
    if (t.len > 18)
        return false;
    for (; i < t.len && (digit = (unsigned)(unsigned char)t.at[i] - '0') <= 9; i++)
        units = units * 10 + digit;
    size_t whole = i - from, places = 0;
    if (whole == 0 || whole > 12)
        return false;
    if (i < t.len && t.at[i] == '.') {
        size_t point = i++;
        for (; i < t.len && (digit = (unsigned)(unsigned char)t.at[i] - '0') <= 9; i++)
            units = units * 10 + digit;
        places = i - point - 1;
        if (places == 0 || places > 6)
            return false;
    }
    if (i != t.len)
        return false;
    units *= power_of_ten(6 - (int)places); /* below 10^18 */
    *out_micro = from > 0 ? -units : units;
    return true;
}

/* The digits as one run with the point taken out, read up to the sixth decimal; what follows decides the
 * rounding only: whether it is less than, equal to or more than one half. */
__attribute__((noinline)) static enum error any_decimal_parse(struct text t, int64_t *out_micro, bool *out_rounded)
{
    if (short_decimal_parse(t, out_micro)) {
        *out_rounded = false;
        return OK;
    }
    size_t i = 0;
    bool negative = false;
    if (i < t.len && (t.at[i] == '-' || t.at[i] == '+'))
        negative = t.at[i++] == '-';
    size_t mantissa_at = i, digits = 0, whole = 0;
    bool point = false;
    for (; i < t.len; i++) {
        if (t.at[i] >= '0' && t.at[i] <= '9') {
            digits++;
            whole += !point;
        } else if (t.at[i] == '.' && !point && digits > 0) {
            point = true;
        } else {
            break;
        }
    }
    size_t mantissa_end = i;
    if (digits == 0 || t.at[mantissa_end - 1] == '.')
        return BAD_NUMBER;
    int64_t exponent = 0;
    if (i < t.len && (t.at[i] == 'e' || t.at[i] == 'E')) {
        bool minus = false;
        i++;
        if (i < t.len && (t.at[i] == '-' || t.at[i] == '+'))
            minus = t.at[i++] == '-';
        size_t from = i;
        for (; i < t.len && t.at[i] >= '0' && t.at[i] <= '9'; i++)
            if (exponent < 1000000)
                exponent = exponent * 10 + (t.at[i] - '0');
        if (i == from)
            return BAD_NUMBER;
        if (minus)
            exponent = -exponent;
    }
    if (i != t.len)
        return BAD_NUMBER;

    /* `take` digits make the millionths; if there are fewer, zeros are appended. */
    int64_t take = (int64_t)whole + exponent + 6, seen = 0;
    const uint64_t most = (uint64_t)DECIMAL_UNITS_MAX * (uint64_t)MICRO;
    uint64_t micro = 0;
    int half = -1;        /* the digits after `take` against one half: -1 below, 0 equal, 1 above */
    bool dropped = false; /* something that is not 0 was cut */
    for (size_t k = mantissa_at; k < mantissa_end; k++) {
        if (t.at[k] == '.')
            continue;
        unsigned digit = (unsigned)(t.at[k] - '0');
        if (seen < take) {
            if (micro > (most - digit) / 10)
                return BAD_NUMBER;
            micro = micro * 10 + digit;
        } else {
            if (seen == take)
                half = digit > 5 ? 1 : digit == 5 ? 0 : -1;
            else if (half == 0 && digit > 0)
                half = 1;
            dropped = dropped || digit > 0;
        }
        seen++;
    }
    if (micro > 0) {
        for (; seen < take; seen++) {
            if (micro > most / 10)
                return BAD_NUMBER;
            micro *= 10;
        }
    }
    if (take < 0)
        half = -1; /* a zero stands between the last millionth and the first digit */
    if (half > 0 || (half == 0 && micro % 2 == 1))
        micro++;
    if (micro > most)
        return BAD_NUMBER;
    *out_micro = negative ? -(int64_t)micro : (int64_t)micro;
    *out_rounded = dropped;
    return OK;
}

enum error decimal_parse(struct text t, int64_t *out_micro, bool *out_rounded)
{
    bool ignored;
    if (out_rounded == NULL)
        out_rounded = &ignored;
    if (!shortest_decimal_parse(t, out_micro))
        return any_decimal_parse(t, out_micro, out_rounded);
    *out_rounded = false;
    return OK;
}

enum error currency_parse(struct text code, currency_code *out)
{
    if (code.len != 3)
        return BAD_CURRENCY;
    currency_code packed = 0;
    for (size_t i = 0; i < 3; i++) {
        if (code.at[i] < 'A' || code.at[i] > 'Z')
            return BAD_CURRENCY;
        packed = packed << 8 | (unsigned char)code.at[i];
    }
    *out = packed;
    return OK;
}

void currency_format(currency_code code, char out[4])
{
    out[0] = (char)(code >> 16 & 0xFF);
    out[1] = (char)(code >> 8 & 0xFF);
    out[2] = (char)(code & 0xFF);
    out[3] = '\0';
}

/* ISO 4217, list one (active codes), by minor unit. Codes without a minor unit (metals, bond units, testing) are
 * left out: nobody is paid in them. */
static const char *const two_decimals =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR "
    "IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN "
    "NAD "
    "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
static const char *const no_decimals = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
static const char *const three_decimals = "BHD IQD JOD KWD LYD OMR TND";
static const char *const four_decimals = "CLF UYW";

static bool listed(const char *list, currency_code code)
{
    for (const char *at = list; *at != '\0'; at += at[3] == ' ' ? 4 : 3) {
        currency_code packed = (currency_code)((unsigned)at[0] << 16 | (unsigned)at[1] << 8 | (unsigned)at[2]);
        if (packed == code)
            return true;
    }
    return false;
}

int currency_decimals_iso(currency_code code)
{
    if (listed(two_decimals, code))
        return 2;
    if (listed(no_decimals, code))
        return 0;
    if (listed(three_decimals, code))
        return 3;
    return listed(four_decimals, code) ? 4 : -1;
}

int128 micro_to_minor(int64_t micro, int decimals)
{
    REQUIRE(decimals >= 0 && decimals <= 6);
    return divide_half_even(micro, power_of_ten(6 - decimals));
}

static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Writes the digits of n so that they end before `end`, zeros in front up to `least`; returns where they begin. Most numbers
 * have 64 bits, which are divided several times quicker than 128; two digits a division. */
static char *digits_before(char *end, uint128 n, int least)
{
    for (; n > UINT64_MAX; n /= 10, least--)
        *--end = (char)('0' + (int)(n % 10));
    uint64_t rest = (uint64_t)n;
    for (; rest >= 10 || least >= 2; rest /= 100, least -= 2) {
        end -= 2;
        memcpy(end, pairs + rest % 100 * 2, 2);
    }
    if (rest > 0 || least > 0)
        *--end = (char)('0' + (int)rest);
    return end;
}

void int128_format(struct buffer *b, int128 n)
{
    char digits[48], *end = digits + sizeof digits;
    char *at = digits_before(end, n < 0 ? -(uint128)n : (uint128)n, 1);
    if (n < 0)
        *--at = '-';
    buffer_add(b, at, (size_t)(end - at));
}

void minor_format(struct buffer *b, int128 minor, int decimals)
{
    char digits[48], *end = digits + sizeof digits, *at = end;
    uint128 size = minor < 0 ? -(uint128)minor : (uint128)minor;
    uint64_t unit = (uint64_t)power_of_ten(decimals), part = 0;
    if (size <= UINT64_MAX) {
        part = (uint64_t)size % unit;
        size = (uint64_t)size / unit;
    } else {
        part = (uint64_t)(size % unit);
        size /= unit;
    }
    if (decimals > 0) {
        at = digits_before(at, part, decimals);
        *--at = '.';
    }
    at = digits_before(at, size, 1);
    if (minor < 0)
        *--at = '-';
    buffer_add(b, at, (size_t)(end - at));
}

void micro_format(struct buffer *b, int128 micro)
{
    minor_format(b, micro, 6);
    while (b->at[b->len - 1] == '0')
        b->len--;
    if (b->at[b->len - 1] == '.')
        b->len--;
    b->at[b->len] = '\0';
}

void ratio_format(struct buffer *b, int128 n, int128 d, int decimals)
{
    minor_format(b, divide_half_even(n * power_of_ten(decimals), d), decimals);
}
