/* own.h - own KPIs of the configuration: which sums they need beside the built-in ones, and their values.
 *
 * What a formula reads without a filter are the built-in sums. Through a filter it reads sums of their own: each pair of a
 * filter and a stream that some KPI needs is one more stream of every entity.
 *
 * Thread: any; a plan is constant once it is made. Memory: own_plan_init to own_plan_fini; config is borrowed.
 */
#pragma once
#include "aggregators/kpi.h"
#include "config/config.h"

struct own_pair {
    unsigned filter; /* index in own_plan.filters */
    unsigned stream; /* enum stream */
};

struct own_plan {
    const struct config *config;
    const struct name_filter *filters[OWN_KPIS_MAX]; /* each distinct one */
    unsigned filter_count;
    int filter_of[OWN_KPIS_MAX]; /* by own KPI; -1 = none */
    struct own_pair pairs[OWN_FILTERED_MAX];
    unsigned pair_count;
    int pair_of[OWN_KPIS_MAX][STREAM_COUNT]; /* of the streams that its formula needs */
};

/* The sums of a span by pair: those of the pair's stream. */
struct own_sums {
    int128 at[OWN_FILTERED_MAX][STREAM_MEASURES_MAX];
};

void own_plan_init(struct own_plan *p, const struct config *config);
/* The value of own KPI k; false: it has none, or is a count or sum that is 0. n is 0 where it has no sample. */
bool own_evaluate(const struct own_plan *p, unsigned k, const struct sums *sums, const struct own_sums *own,
                  struct kpi_value *out);
void own_format(struct buffer *b, const struct own_plan *p, unsigned k, const struct kpi_value *v, int money_decimals);
