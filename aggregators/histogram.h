/* histogram.h - the fixed table of buckets by which quantiles are published. AMENDMENT IV.12.
 *
 * Log-linear: whole seconds below 256 have a bucket each; above, each power of two is cut into 128
 * buckets of one width. A bucket stands for its midpoint, which is within 1/256 of each value in it.
 * So a quantile is a function of the set of values, the same in every program that uses the table:
 *     s < 256: s;  else k = floor(log2 s), width = 2^(k-7), low = s - s mod width, midpoint = low + width / 2.
 *
 * Source: the layout of HdrHistogram (G. Tene). Thread: the owner's. Memory: the caller's.
 */
#pragma once
#include <stdint.h>

/* Seconds up to 2^33, more than lie between 1970 and 2200. */
#define HISTOGRAM_BUCKETS (256 + 26 * 128)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint32_t low, high; /* used buckets lie in [low, high) */
};

/* The bucket of a duration, and a bucket's midpoint in seconds. 0 <= us. */
uint32_t histogram_bucket(int64_t us);
int64_t histogram_midpoint_s(uint32_t bucket);

void histogram_init(struct histogram *h);
/* Makes it empty again. O(buckets between the least and the greatest). */
void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, uint32_t bucket, int64_t count);
/* Nearest rank: the midpoint of the bucket with the ceil(percent / 100 x total)-th value. total > 0. */
int64_t histogram_quantile_s(const struct histogram *h, unsigned percent);
