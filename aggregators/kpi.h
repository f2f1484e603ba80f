/* kpi.h - from sums to KPIs: exact fractions, compared and written without floating point.
 *
 * Used on the reader's side of a snapshot, and by replay. Thread: any; pure.
 */
#pragma once
#include "aggregators/measure.h"
#include "base/text.h"
#include "config/kpi_table.h"
#include <stdbool.h>

/* value = numerator / denominator, in the KPI's unit: money in minor units of the base currency,
 * ratios as such, seconds, scores and quantities in units, nps in points. denominator > 0. */
struct kpi_value {
    int128 numerator, denominator;
    int64_t n; /* records behind it: CONTRACT 4 */
};

/* False: no value, or a count or sum that is 0 (both are left out). `sums` must be of a window that
 * has the KPI: of `now` for KPI_NOW, of any other for KPI_SPAN. */
bool kpi_evaluate(enum kpi k, const struct sums *sums, struct kpi_value *out);

/* What a value lacks: an exchange rate of some of its records (they add nothing), or a fresh one. */
enum kpi_mark { MARK_NONE, MARK_RATE_MISSING, MARK_RATE_OLD };
enum kpi_mark kpi_marked(enum kpi k, const struct sums *sums);
/* "" for MARK_NONE, "rate_missing", "rate_old". */
const char *kpi_mark_name(enum kpi_mark m);

/* Whether a value grows by itself, without a change of what it is made of: the age of the oldest waiting lead. Such a
 * KPI is for replay and rules; in Redis the instant stands from which a reader computes it. AMENDMENT 26. */
bool kpi_ages(enum kpi k);
/* Moves a value from one instant to a later one; nothing where it does not grow. */
void kpi_age(enum kpi k, struct kpi_value *v, int64_t by_us);

/* The text form of CONTRACT 4; money_decimals: those of the base currency. */
void kpi_format_unit(struct buffer *b, enum kpi_unit unit, const struct kpi_value *v, int money_decimals);
void kpi_format(struct buffer *b, enum kpi k, const struct kpi_value *v, int money_decimals);

/* <0, 0, >0: the value against a threshold in millionths of the KPI's unit (of a unit of the base
 * currency for money). Exact: never of the rounded text. */
int kpi_compare(enum kpi k, const struct kpi_value *v, int64_t threshold_micro, int money_decimals);
