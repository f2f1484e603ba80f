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

/* Deal: created, won, cycle, repeat, opened, closed. */
#define CONTRIBUTIONS_MAX 6

struct contributions {
    struct contribution at[CONTRIBUTIONS_MAX];
    unsigned count;
    uint32_t oddities; /* bit i: enum oddity i */
};

/* When a record's flags turn by time alone; INT64_MAX = never. */
struct instants {
    int64_t counted_us;      /* RECORD_COUNTED: max(creation, win) */
    int64_t waiting_over_us; /* RECORD_WAITING_OVER: INT64_MIN where it does not wait at all */
};

/* The names that a record counts for, its own or inherited, as number + 1; 0 = none. In the place of
 * DIMENSION_COMPANY, where every record has the same, stands the customer, as word number + 1. */
struct dimensions {
    uint32_t of[DIMENSION_COUNT];
};
#define DIMENSIONS_CUSTOMER DIMENSION_COMPANY

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

/* What the record adds while its flags are `flags` (RECORD_COUNTED, RECORD_REPEAT, RECORD_WAITING_OVER). Nothing where
 * it does not exist. */
void contributions_of(struct valuation *v, const struct ledger *l, const struct record *r, const struct dimensions *d,
                      unsigned flags, struct contributions *out);
/* `first_win_us`: of a lead, the earliest closing time of its won deals, INT64_MAX where there is none. */
struct instants instants_of(const struct ledger *l, const struct record *r, int64_t first_win_us);
/* Base minor units of a lead's cost that counts for its customer. False: none. */
bool value_lead_cost(const struct valuation *v, const struct record *lead, int64_t *out_minor);
/* Base minor units that a payment brings towards payback: +-amount x margin, rounded half-even. False: none. */
bool value_payment_margin(const struct valuation *v, const struct record *payment, int64_t *out_minor);
