#include "base/backoff.h"
#include "base/error.h"

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): all bits of the seed reach all bits of the result. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int64_t backoff_wait(int64_t first, int64_t most, unsigned failures, uint64_t seed)
{
    REQUIRE(first > 0 && most >= first && failures > 0);
    int64_t wait = first;
    for (unsigned i = 1; i < failures && wait < most; i++)
        wait = wait > most / 2 ? most : wait * 2;
    int64_t half = wait / 2;
    return wait - half + (int64_t)(mix(seed + failures) % (uint64_t)(half + 1));
}
