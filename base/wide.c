/* Schoolbook multiplication by words of 32 bits, and division by shift and subtract, one bit of the quotient at a
 * time: it is asked for seldom. */
#include "base/wide.h"
#include "base/error.h"
#include <stdint.h>
#include <string.h>

enum { WORDS = WIDE_FACTORS * 4 };

struct wide {
    uint32_t at[WORDS]; /* the lowest first */
};

typedef unsigned __int128 uint128;

static struct wide product(const int128 *factors, unsigned count)
{
    struct wide p = {{1}};
    for (unsigned f = 0; f < count; f++) {
        uint128 factor = factors[f] < 0 ? (uint128)-factors[f] : (uint128)factors[f];
        struct wide next = {{0}};
        for (unsigned i = 0; factor != 0; i++, factor >>= 32) {
            uint64_t carry = 0;
            for (unsigned j = 0; i + j < WORDS; j++) {
                carry += (uint64_t)p.at[j] * (uint32_t)factor + next.at[i + j];
                next.at[i + j] = (uint32_t)carry;
                carry >>= 32;
            }
            REQUIRE(carry == 0);
        }
        p = next;
    }
    return p;
}

static unsigned bits(const struct wide *w)
{
    unsigned i = WORDS;
    while (i > 0 && w->at[i - 1] == 0)
        i--;
    return i == 0 ? 0 : i * 32 - (unsigned)__builtin_clz(w->at[i - 1]);
}

static bool is_less(const struct wide *a, const struct wide *b)
{
    for (unsigned i = WORDS; i-- > 0;)
        if (a->at[i] != b->at[i])
            return a->at[i] < b->at[i];
    return false;
}

static void subtract(struct wide *a, const struct wide *b)
{
    uint64_t borrow = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t rest = (uint64_t)a->at[i] - b->at[i] - borrow;
        a->at[i] = (uint32_t)rest;
        borrow = rest >> 63;
    }
}

static void twice(struct wide *a, bool plus_one)
{
    uint32_t carry = plus_one;
    for (unsigned i = 0; i < WORDS; i++) {
        uint32_t high = a->at[i] >> 31;
        a->at[i] = a->at[i] << 1 | carry;
        carry = high;
    }
}

static bool is_negative(const int128 *factors, unsigned count)
{
    bool negative = false;
    for (unsigned i = 0; i < count; i++)
        negative ^= factors[i] < 0;
    return negative;
}

bool wide_quotient(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 *out, bool *out_inexact)
{
    REQUIRE(n_count <= WIDE_FACTORS && d_count <= WIDE_FACTORS);
    struct wide above = product(n, n_count), below = product(d, d_count), rest = {{0}};
    REQUIRE(bits(&below) > 0);
    int128 quotient = 0;
    for (unsigned bit = bits(&above); bit-- > 0;) {
        twice(&rest, above.at[bit / 32] >> bit % 32 & 1);
        bool fits = !is_less(&rest, &below);
        if (fits)
            subtract(&rest, &below);
        if (quotient >= (int128)1 << 119)
            return false;
        quotient = quotient * 2 + fits;
    }
    *out = is_negative(n, n_count) ? -quotient : quotient;
    *out_inexact = bits(&rest) > 0;
    return true;
}

bool wide_half_even(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 *out)
{
    REQUIRE(n_count < WIDE_FACTORS);
    int128 above[WIDE_FACTORS] = {2}, halves;
    memcpy(above + 1, n, n_count * sizeof *n);
    bool inexact;
    if (!wide_quotient(above, n_count + 1, d, d_count, &halves, &inexact))
        return false;
    bool negative = is_negative(n, n_count);
    int128 magnitude = negative ? -halves : halves, whole = magnitude / 2;
    if (magnitude % 2 != 0 && (inexact || whole % 2 != 0))
        whole++;
    *out = negative ? -whole : whole;
    return true;
}

bool wide_near(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 steps,
               int128 *out_numerator, int128 *out_denominator)
{
    REQUIRE(n_count < WIDE_FACTORS);
    int128 above[WIDE_FACTORS] = {steps}, quotient;
    memcpy(above + 1, n, n_count * sizeof *n);
    bool inexact;
    if (!wide_quotient(above, n_count + 1, d, d_count, &quotient, &inexact))
        return false;
    /* In halves of a step, odd where something is left over. */
    *out_numerator = 2 * quotient + (is_negative(n, n_count) ? -inexact : inexact);
    *out_denominator = 2 * steps;
    return true;
}

int wide_compare(const int128 *a, unsigned a_count, const int128 *b, unsigned b_count)
{
    REQUIRE(a_count <= WIDE_FACTORS && b_count <= WIDE_FACTORS);
    struct wide first = product(a, a_count), second = product(b, b_count);
    int first_sign = bits(&first) == 0 ? 0 : is_negative(a, a_count) ? -1 : 1;
    int second_sign = bits(&second) == 0 ? 0 : is_negative(b, b_count) ? -1 : 1;
    if (first_sign != second_sign)
        return first_sign < second_sign ? -1 : 1;
    int order = is_less(&first, &second) ? -1 : is_less(&second, &first);
    return first_sign < 0 ? -order : order;
}
