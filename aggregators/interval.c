#include "aggregators/interval.h"
#include "base/error.h"

typedef unsigned __int128 uint128;

/* z = 49/25, squared. */
#define Z_ABOVE 2401
#define Z_BELOW 625

/* Whether p = m / 10^6 is on or beyond an edge of the interval: n (x/n - p)^2 >= z^2 p (1 - p), which is 0 at the edge;
 * multiplied by n 10^12. Both products stay below 2^127. */
static bool is_outside(int64_t x, int64_t n, int64_t m)
{
    int128 distance = (int128)x * MICRO - (int128)m * n;
    uint128 magnitude = (uint128)(distance < 0 ? -distance : distance);
    return magnitude * magnitude * Z_BELOW >= (uint128)n * (uint128)(m * (MICRO - m)) * Z_ABOVE;
}

/* Beyond an edge everything is outside, so that edges are found by halving. */
struct interval interval_of(int64_t x, int64_t n)
{
    REQUIRE(n > 0 && n < INT64_C(1) << 38 && x >= 0 && x <= n);
    int64_t share = (int64_t)((int128)x * MICRO / n); /* below it is the lower edge, from the next on the upper one */
    int64_t low = 0, low_end = share + 1;
    while (low_end - low > 1) {
        int64_t middle = low + (low_end - low) / 2;
        *(is_outside(x, n, middle) ? &low : &low_end) = middle;
    }
    int64_t high = MICRO, high_end = (int128)share * n == (int128)x * MICRO ? share - 1 : share;
    while (high - high_end > 1) {
        int64_t middle = high_end + (high - high_end) / 2;
        *(is_outside(x, n, middle) ? &high : &high_end) = middle;
    }
    return (struct interval){low, high};
}

bool kpi_is_share(enum kpi k)
{
    switch (k) {
    case KPI_WIN_RATE:
    case KPI_WIN_RATE_COHORT:
    case KPI_CONVERSION_COHORT:
    case KPI_REPEAT_RATE:
    case KPI_PAYBACK_SHARE:
    case KPI_CSAT: return true;
    default: return false;
    }
}

bool kpi_interval(enum kpi k, const struct kpi_value *value, struct interval *out)
{
    if (!kpi_is_share(k) || value->denominator <= 0 || value->numerator < 0 || value->numerator > value->denominator)
        return false;
    *out = interval_of((int64_t)value->numerator, (int64_t)value->denominator);
    return true;
}

void interval_format(struct buffer *b, int64_t millionths)
{
    ratio_format(b, millionths, MICRO, 6);
}
