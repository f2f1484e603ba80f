#include "aggregators/histogram.h"
#include "base/instant.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdlib.h>

Test(histogram, a_bucket_stands_for_what_is_within_one_percent)
{
    struct random r = {random_seed(3)};
    for (int i = 0; i < 200000; i++) {
        int64_t s = random_below(&r, INT64_C(7258118400)) >> random_below(&r, 33);
        int64_t mid = histogram_midpoint_s(histogram_bucket(s * SECOND));
        cr_assert(llabs(mid - s) * 256 <= s, "%lld -> %lld", (long long)s, (long long)mid);
        cr_assert(s >= 256 || mid == s);
    }
}

Test(histogram, buckets_rise_with_values)
{
    for (int64_t s = 0; s < 100000; s++) {
        uint32_t here = histogram_bucket(s * SECOND), next = histogram_bucket((s + 1) * SECOND);
        cr_assert(next == here || next == here + 1);
    }
    cr_expect(histogram_bucket(INSTANT_END) < HISTOGRAM_BUCKETS);
}

/* The table as CONTRACT's amendment prints it, worked out by hand. */
Test(histogram, known_midpoints)
{
    static const int64_t cases[][2] = {{0, 0},     {255, 255}, {256, 257},     {257, 257},        {258, 259},
                                       {511, 511}, {512, 514}, {86400, 86272}, {4473965, 4472832}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect(histogram_midpoint_s(histogram_bucket(cases[i][0] * SECOND)) == cases[i][1], "%lld",
                  (long long)cases[i][0]);
    cr_expect(histogram_bucket(1500000) == 2 && histogram_bucket(2500000) == 2 && histogram_bucket(500000) == 0);
}

Test(histogram, nearest_rank)
{
    struct histogram *h = malloc(sizeof *h);
    histogram_init(h);
    for (uint32_t v = 1; v <= 10; v++)
        histogram_add(h, v, 1);
    cr_expect(histogram_quantile_s(h, 50) == 5 && histogram_quantile_s(h, 90) == 9 &&
              histogram_quantile_s(h, 91) == 10 && histogram_quantile_s(h, 1) == 1 &&
              histogram_quantile_s(h, 100) == 10);
    histogram_clear(h);
    histogram_add(h, 200, 3);
    cr_expect(h->total == 3 && histogram_quantile_s(h, 50) == 200);
    free(h);
}
