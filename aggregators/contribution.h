/* contribution.h - what a record adds to the KPIs: a pure function of the record and of what it inherits.
 *
 * When a record, or what it inherits, changes, its old contributions are taken back and its new ones
 * added, where they belong in time. An edit, a reopened deal, a refund, a change of owner, a late
 * event: one mechanism. DESIGN 2, CONTRACT 4.
 *
 * Thread: the shard's writer. Memory: the caller's.
 */
#pragma once
#include "aggregators/entity.h"
#include "aggregators/ledger.h"
#include "aggregators/snapshot.h"
#include "base/calendar.h"
#include "config/config.h"

/* Deal: created, won, cycle, opened, closed. */
#define CONTRIBUTIONS_MAX 5

struct contributions {
    struct contribution at[CONTRIBUTIONS_MAX];
    unsigned count;
    uint32_t oddities;         /* bit i: enum oddity i */
    int64_t won_counted_at_us; /* deal: when its win counts in the cohort of its creation; INT64_MAX = never */
};

/* The names that a record counts for, its own or inherited, as number + 1; 0 = none. DIMENSION_COMPANY is not used. */
struct dimensions {
    uint32_t of[DIMENSION_COUNT];
};

/* What money and time mean: borrowed from the shard. */
struct valuation {
    const struct config *config;
    const struct calendar *calendar;
    int base_decimals;
    int64_t *stage_probability; /* by word number; grown as words come; -1 = not looked up yet */
    uint32_t stage_count;
};

void valuation_init(struct valuation *v, const struct config *config, const struct calendar *calendar);
void valuation_fini(struct valuation *v);

/* The record's own names where it has them, else the parent's (all 0 where there is none or it does not exist).
 * A team comes with the manager: a record with a manager of its own does not inherit another's team. AMENDMENT 15. */
struct dimensions dimensions_of(const struct record *r, const struct dimensions *parent);

/* `won_counted`: whether a won deal's win is in its cohort already (now >= won_counted_at_us). Nothing where the
 * record does not exist. */
void contributions_of(struct valuation *v, const struct ledger *l, const struct record *r, bool won_counted,
                      struct contributions *out);
