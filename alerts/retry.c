#include "alerts/retry.h"
#include "base/error.h"

enum verdict retry_verdict(long status)
{
    if (status >= 200 && status < 300) {
        return VERDICT_DELIVERED;
    }
    switch (status) {
    case 408: /* Request Timeout */
    case 425: /* Too Early */ return VERDICT_RETRY;
    case 429: /* Too Many Requests */
    case 502: /* Bad Gateway */
    case 503: /* Service Unavailable */
    case 504: /* Gateway Timeout */ return VERDICT_RETRY_ALL;
    case 501: /* Not Implemented */
    case 505: /* HTTP Version Not Supported */ return VERDICT_GIVE_UP;
    default: return status >= 500 ? VERDICT_RETRY : VERDICT_GIVE_UP;
    }
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): all bits of the seed reach all bits of the result. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int64_t retry_wait_ms(int64_t first_ms, int64_t most_ms, unsigned failures, uint64_t seed)
{
    REQUIRE(first_ms > 0 && most_ms >= first_ms && failures > 0);
    int64_t wait_ms = first_ms;
    for (unsigned i = 1; i < failures && wait_ms < most_ms; i++) {
        wait_ms = wait_ms > most_ms / 2 ? most_ms : wait_ms * 2;
    }
    int64_t half = wait_ms / 2;
    return wait_ms - half + (int64_t)(mix(seed + failures) % (uint64_t)(half + 1));
}
