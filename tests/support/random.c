#include "tests/support/random.h"
#include <stdlib.h>

uint64_t random_seed(uint64_t otherwise)
{
    const char *given = getenv("SEED");
    return given != NULL ? strtoull(given, NULL, 10) : otherwise;
}

int random_rounds(int otherwise)
{
    const char *given = getenv("ROUNDS");
    return given != NULL ? (int)strtol(given, NULL, 10) : otherwise;
}

uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

int64_t random_below(struct random *r, int64_t below)
{
    return (int64_t)(random_next(r) % (uint64_t)below);
}

int random_chance(struct random *r, int percent)
{
    return random_below(r, 100) < percent;
}
