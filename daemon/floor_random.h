/* floor_random.h - the dice of the simulated sales floor: the same seed rolls the same numbers everywhere.
 *
 * xoshiro256** by David Blackman and Sebastiano Vigna (prng.di.unimi.it, public domain), seeded by
 * SplitMix64 as its authors advise. Only integers are used, so no machine's libm can change a byte.
 *
 * Thread: one thread a generator. Memory: the caller's. Errors: none.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct floor_random {
    uint64_t state[4];
};

/* Parts per million, the unit of every chance below. */
#define PPM(percent) ((uint32_t)((percent)*10000))

void floor_random_init(struct floor_random *r, uint64_t seed);
uint64_t floor_random_next(struct floor_random *r);
/* 0 to n - 1; n > 0. */
uint64_t floor_random_below(struct floor_random *r, uint64_t n);
/* low to high, both included. */
int64_t floor_random_between(struct floor_random *r, int64_t low, int64_t high);
/* True ppm times of a million. */
bool floor_random_chance(struct floor_random *r, uint32_t ppm);
/* A waiting time of that mean, many short and few long (exponential, cut at 4.6 times the mean). */
int64_t floor_random_wait(struct floor_random *r, int64_t mean);
