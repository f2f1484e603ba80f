#include "daemon/floor_random.h"
#include "base/error.h"

__extension__ typedef unsigned __int128 wide;

void floor_random_init(struct floor_random *r, uint64_t seed)
{
    /* SplitMix64: never leaves all four words zero, and neighbouring seeds have nothing in common. */
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        r->state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t floor_random_next(struct floor_random *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t floor_random_below(struct floor_random *r, uint64_t n)
{
    REQUIRE(n > 0);
    /* The high half of the product; its bias is below n / 2^64, nothing for a simulation. */
    return (uint64_t)(((wide)floor_random_next(r) * n) >> 64);
}

int64_t floor_random_between(struct floor_random *r, int64_t low, int64_t high)
{
    REQUIRE(low <= high);
    return low + (int64_t)floor_random_below(r, (uint64_t)(high - low) + 1);
}

bool floor_random_chance(struct floor_random *r, uint32_t ppm)
{
    return floor_random_below(r, 1000000) < ppm;
}

int64_t floor_random_wait(struct floor_random *r, int64_t mean)
{
    /* -1000 ln(1 - i/16), the last point cut at 1 - 0.01: the inverse distribution, straight in between. */
    static const int64_t quantile[17] = {0,   65,  134,  208,  288,  375,  470,  575, 693,
                                         827, 981, 1163, 1386, 1674, 2079, 2773, 4605};
    uint64_t u = floor_random_below(r, 16u * 1024u);
    int64_t low = quantile[u >> 10], high = quantile[(u >> 10) + 1];
    int64_t at = low * 1024 + (high - low) * (int64_t)(u & 1023);
    return (int64_t)((__extension__(__int128) mean * at) / (1024 * 1000));
}
