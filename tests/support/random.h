/* random.h - numbers for property tests: the seed is printed when a test begins and can be given as SEED.
 *
 * SplitMix64 (S. Vigna, public domain): small, and the same on every machine. Thread: one a struct.
 */
#pragma once
#include <stdint.h>

struct random {
    uint64_t state;
};

/* SEED from the environment where it is set, else the given one. */
uint64_t random_seed(uint64_t otherwise);
/* ROUNDS from the environment where it is set, else the given number: how often a law is tried. */
int random_rounds(int otherwise);
uint64_t random_next(struct random *r);
/* 0 <= result < below; below > 0. */
int64_t random_below(struct random *r, int64_t below);
/* True in `percent` of 100 calls. */
int random_chance(struct random *r, int percent);
