/* digits.h - eight characters of a number at once, as one integer.
 *
 * Source: D. Lemire, "Quickly parsing eight digits" (2018): digits become pairs, and pairs the whole, by three
 * multiplications.
 *
 * Thread: any; pure.
 */
#pragma once
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The first byte in the lowest bits, on any machine. */
static inline uint64_t word_at(const char *at)
{
    uint64_t w;
    memcpy(&w, at, sizeof w);
    return le64toh(w);
}

/* The number of eight digits, each from 0 to 9 in its byte. False: one of them is more. */
static inline bool digits_join(uint64_t w, int64_t *out)
{
    const uint64_t half = UINT64_C(0x000000FF000000FF);
    if (((w + UINT64_C(0x7676767676767676)) | w) & UINT64_C(0x8080808080808080))
        return false;
    w = w * 10 + (w >> 8);
    w = ((w & half) * (UINT64_C(1000000) << 32 | 100)) + ((w >> 16 & half) * (UINT64_C(10000) << 32 | 1));
    *out = (int64_t)(w >> 32);
    return true;
}

/* The same of characters, the first `skipped` of which (0 to 7) count as zeros, whatever they are. */
static inline bool digits_parse(const char *at, unsigned skipped, int64_t *out)
{
    return digits_join((word_at(at) ^ UINT64_C(0x3030303030303030)) & UINT64_MAX << 8 * skipped, out);
}
