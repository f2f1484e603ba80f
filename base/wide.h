/* wide.h - products that 128 bits do not hold: their quotient, rounded or not, and which is greater.
 *
 * Thread: any; pure.
 */
#pragma once
#include "base/money.h"
#include <stdbool.h>

/* Factors of a product at most. */
#define WIDE_FACTORS 6

/* (n[0] x n[1] x ...) / (d[0] x d[1] x ...), rounded towards 0, and whether there was a remainder. Factors of d are above
 * 0; all magnitudes are below 2^126. False: the quotient is 2^120 or more. O(bits of the products x words of them). */
MUST_CHECK bool wide_quotient(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 *out,
                              bool *out_inexact);
/* The same rounded half to even. */
MUST_CHECK bool wide_half_even(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 *out);
/* A fraction that stands for n / d where that does not fit: less than 1 / steps away, and on the same side of each whole
 * number of 1 / steps (on it, where that is the exact value), so that it compares with these, and rounds to half as many
 * steps, as n / d does. n_count < WIDE_FACTORS; steps > 0. False: as wide_quotient. */
MUST_CHECK bool wide_near(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, int128 steps,
                          int128 *out_numerator, int128 *out_denominator);
/* <0, 0, >0: the product of a against that of b. */
int wide_compare(const int128 *a, unsigned a_count, const int128 *b, unsigned b_count);
