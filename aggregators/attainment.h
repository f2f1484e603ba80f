/* attainment.h - what is said about a KPI beside its value: its target, how much of it is reached, in what pace, what
 * is needed a day, and what may be expected.
 *
 * attainment = booked / target; pace = booked / (target x elapsed / whole working time); required_rate = what is left /
 * working days left; forecast = booked + what is open and expected to close in the period, by its probability.
 * Exact fractions. Used on the reader's side of a snapshot. Thread: any; pure.
 */
#pragma once
#include "aggregators/kpi.h"
#include "aggregators/snapshot.h"
#include "config/aspect.h"

/* False: no value. `target`: of the KPI in that window, NULL = none. to_date: the window runs to date, so that there is
 * something to forecast. The denominator of `out` is above 0. */
bool aspect_evaluate(enum kpi k, enum aspect a, const struct sums *sums, const struct snapshot_target *target,
                     bool to_date, struct kpi_value *out);
/* The same of an own KPI: its value (NULL = none), whether it is one sum, and whether an absent value is 0. It has no
 * forecast. */
bool aspect_evaluate_own(enum aspect a, const struct kpi_value *booked, bool is_sum, bool absent_is_zero,
                         const struct snapshot_target *target, struct kpi_value *out);
void aspect_format_unit(struct buffer *b, enum kpi_unit unit, enum aspect a, const struct kpi_value *v,
                        int money_decimals);
void aspect_format(struct buffer *b, enum kpi k, enum aspect a, const struct kpi_value *v, int money_decimals);
/* As kpi_compare. */
int aspect_compare(enum kpi k, enum aspect a, const struct kpi_value *v, int64_t threshold_micro, int money_decimals);
