/* bits.h - how many bits are set. Written out, since without an instruction for it, as on the least x86-64, the compiler calls a function.
 *
 * Source: H. Warren, Hacker's Delight, 5-1.
 */
#pragma once
#include <stdint.h>

static inline unsigned bits_count(uint32_t set)
{
    set -= set >> 1 & 0x55555555;
    set = (set & 0x33333333) + (set >> 2 & 0x33333333);
    return ((set + (set >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

static inline unsigned bits_count_64(uint64_t set)
{
    set -= set >> 1 & UINT64_C(0x5555555555555555);
    set = (set & UINT64_C(0x3333333333333333)) + (set >> 2 & UINT64_C(0x3333333333333333));
    return (unsigned)(((set + (set >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f)) * UINT64_C(0x0101010101010101) >> 56);
}
