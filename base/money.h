/* money.h - decimals read digit by digit, currencies, and rounding half to even.
 *
 * A decimal is an int64 of millionths (10^-6). Money that is added is an int64 of minor
 * units of one currency. Nothing here passes through binary floating point.
 *
 * Thread: any; all functions are pure. Memory: none.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>

__extension__ typedef __int128 int128; /* wide enough for any product of two int64 */

#define MICRO             INT64_C(1000000)
/* No decimal beyond this many units is read: 9 * 10^12 units are 9 * 10^18 millionths. */
#define DECIMAL_UNITS_MAX INT64_C(9000000000000)
/* CONTRACT 1: no amount beyond this many minor units of its currency. */
#define MINOR_MAX         INT64_C(10000000000000)

/* A currency code as three letters in one number, 0 = none: 'E' << 16 | 'U' << 8 | 'R'. */
typedef uint32_t currency_code;

/* Reads an optional sign, digits, an optional fraction and exponent (JSON's number grammar, and a
 * leading '+' or zeros too). More than six decimals are rounded half-even and *out_rounded is set
 * (may be NULL). BAD_NUMBER: not a decimal, or beyond DECIMAL_UNITS_MAX. */
MUST_CHECK enum error decimal_parse(struct text digits, int64_t *out_micro, bool *out_rounded);

/* n / d rounded half to even; d > 0. */
int128 divide_half_even(int128 n, int128 d);
/* The greatest number that divides both, by Euclid; of 0 and n it is |n|, of 0 and 0 it is 1. */
int128 common_divisor(int128 a, int128 b);

/* Three capital letters A-Z; BAD_CURRENCY otherwise. */
MUST_CHECK enum error currency_parse(struct text code, currency_code *out);
/* Writes three letters and a zero. */
void currency_format(currency_code code, char out[4]);
/* Digits after the point by ISO 4217 (0, 2, 3 or 4), or -1 where ISO 4217 does not list it. */
int currency_decimals_iso(currency_code code);

/* 10^n for 0 <= n <= 18. */
int64_t power_of_ten(int n);

/* Millionths to minor units of a currency with that many decimals (0-6), half-even. */
int128 micro_to_minor(int64_t micro, int decimals);

/* Minor units as text with exactly that many decimals: 115321400, 2 -> "1153214.00". */
void minor_format(struct buffer *b, int128 minor, int decimals);
/* Millionths without trailing zeros: 1500000 -> "1.5". */
void micro_format(struct buffer *b, int128 micro);
/* n / d with exactly that many decimals, half-even; d > 0. 2/3, 6 -> "0.666667". */
void ratio_format(struct buffer *b, int128 n, int128 d, int decimals);
void int128_format(struct buffer *b, int128 n);
