/* interval.h - how sure a share is: the 95 % interval of E. B. Wilson, "Probable inference, the law of succession, and
 * statistical inference", J. Am. Stat. Assoc. 22 (1927), with z = 1.96.
 *
 * 1 of 1 lies between 0.21 and 1, 45 of 50 between 0.79 and 0.95: ranked by the lower edge, 45 of 50 is the better one.
 * Thread: any; pure.
 */
#pragma once
#include "aggregators/kpi.h"

/* In millionths: the greatest at most the lower edge, the least at least the upper one. */
struct interval {
    int64_t low, high;
};

/* x of n; 0 <= x <= n, 0 < n < 2^38. O(1). */
struct interval interval_of(int64_t x, int64_t n);
/* Whether a KPI is the share of some records that something is true of. */
bool kpi_is_share(enum kpi k);
/* The interval of a value of such a KPI, as kpi_evaluate gives it. False: there is none, since corrections that were
 * booked (book.h) left no share of something. */
bool kpi_interval(enum kpi k, const struct kpi_value *value, struct interval *out);
/* The text of an edge. */
void interval_format(struct buffer *b, int64_t millionths);
