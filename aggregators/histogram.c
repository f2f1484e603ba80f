#include "aggregators/histogram.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <string.h>

uint32_t histogram_bucket(int64_t us)
{
    REQUIRE(us >= 0);
    uint64_t s = (uint64_t)divide_half_even(us, SECOND);
    if (s < 256)
        return (uint32_t)s;
    unsigned k = 63 - (unsigned)__builtin_clzll(s);
    uint32_t bucket = 256 + (k - 8) * 128 + (uint32_t)(s >> (k - 7)) - 128;
    REQUIRE(bucket < HISTOGRAM_BUCKETS);
    return bucket;
}

int64_t histogram_midpoint_s(uint32_t bucket)
{
    if (bucket < 256)
        return bucket;
    unsigned k = (bucket - 256) / 128 + 8;
    int64_t width = INT64_C(1) << (k - 7);
    return ((int64_t)((bucket - 256) % 128) + 128) * width + width / 2;
}

void histogram_init(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->low = HISTOGRAM_BUCKETS;
}

void histogram_clear(struct histogram *h)
{
    if (h->low < h->high)
        memset(h->counts + h->low, 0, (h->high - h->low) * sizeof *h->counts);
    h->total = 0;
    h->low = HISTOGRAM_BUCKETS;
    h->high = 0;
}

void histogram_add(struct histogram *h, uint32_t bucket, int64_t count)
{
    REQUIRE(bucket < HISTOGRAM_BUCKETS && count >= 0);
    h->counts[bucket] += (uint64_t)count;
    h->total += (uint64_t)count;
    if (bucket < h->low)
        h->low = bucket;
    if (bucket >= h->high)
        h->high = bucket + 1;
}

int64_t histogram_quantile_s(const struct histogram *h, unsigned percent)
{
    REQUIRE(h->total > 0 && percent >= 1 && percent <= 100);
    uint64_t rank = (h->total * percent + 99) / 100, seen = 0;
    for (uint32_t bucket = h->low; bucket < h->high; bucket++) {
        seen += h->counts[bucket];
        if (seen >= rank)
            return histogram_midpoint_s(bucket);
    }
    require_failed("the counts add up to the total", __FILE__, __LINE__);
}
