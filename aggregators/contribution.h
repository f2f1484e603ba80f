/* contribution.h - what a record adds to the KPIs: a pure function of the record, of the names that it counts for and
 * of what is dated (rates, organisation).
 *
 * When one of these changes, the record's old contributions are taken back and its new ones added, where they belong
 * in time. An edit, a reopened deal, a refund, a change of owner, a late event, a corrected rate: one mechanism.
 * DESIGN 2, CONTRACT 4.
 *
 * Thread: the shard's writer. Memory: the caller's.
 */
#pragma once
#include "aggregators/book.h"
#include "aggregators/entity.h"
#include "aggregators/ledger.h"
#include "aggregators/organisation.h"
#include "aggregators/rates.h"
#include "aggregators/snapshot.h"
#include "base/calendar.h"
#include "config/config.h"

/* Most records have no more: a won deal's created, won, cycle, repeat, opened, closed, and marks of rates. */
#define CONTRIBUTIONS_FEW 10

/* A list that grows: an open deal has two entries for each team that its owner was in. It must not move. */
struct contributions {
    struct contribution *at;
    unsigned count, room;
    uint32_t oddities; /* bit i: enum oddity i */
    struct contribution few[CONTRIBUTIONS_FEW];
};

void contributions_init(struct contributions *list);
void contributions_fini(struct contributions *list);
/* Whether it is in the list, to the byte. */
bool contributions_hold(const struct contributions *list, const struct contribution *c);
/* Whether both add to the same rows of the same entities. */
bool contribution_meets(const struct contribution *a, const struct contribution *b);
struct contribution *contributions_add(struct contributions *list, enum stream stream, int64_t at_us, uint64_t names);

/* When a record's flags turn by time alone; INT64_MAX = never. */
struct instants {
    int64_t counted_us;           /* RECORD_COUNTED: max(creation, win) */
    int64_t waiting_over_us;      /* RECORD_WAITING_OVER: not after its creation where it does not wait at all */
    int64_t opened_us, closed_us; /* RECORD_OPEN: from, until */
};

/* What money, time and teams mean. */
struct valuation {
    const struct config *config; /* borrowed, like the calendar */
    const struct calendar *calendar;
    struct rates rates;
    struct organisation organisation;
    struct books books;
    enum revision revision; /* by which the next record is judged */
    int base_decimals;
    int64_t *stage_probability; /* by word number; grown as words come; -1 = not looked up yet */
    uint32_t stage_count;
};

void valuation_init(struct valuation *v, const struct config *config, const struct calendar *calendar,
                    struct ledger *l);
void valuation_fini(struct valuation *v);

/* Who a record counts for. */
struct counted_for {
    uint64_t names;    /* number of the tuple in the ledger's; DIMENSIONS_NONE where it does not exist */
    uint32_t customer; /* word number + 1, 0 = nobody */
};

/* The record's own names where it has them, else those that its parent stands for. A team comes with the manager: a
 * record with a manager of its own does not inherit another's team. AMENDMENT 15. With credit at_close a closed deal
 * has the owner that it had then. */
struct counted_for counted_for(const struct config *c, struct ledger *l, const struct record *r);
/* The same of `count` records, at most DIMENSIONS_AT_ONCE, none of which inherits from another of them. */
void counted_for_all(const struct config *c, struct ledger *l, struct record *const *records, unsigned count,
                     struct counted_for *out);

/* What the record adds while its flags are `flags` (RECORD_COUNTED, RECORD_REPEAT, RECORD_WAITING_OVER, RECORD_OPEN).
 * Nothing where it does not exist, or is no fact. `out` is initialised and empty. */
void contributions_of(struct valuation *v, struct ledger *l, const struct record *r, const struct counted_for *who,
                      unsigned flags, struct contributions *out);
/* The part of it that is kept in books (book.h): what a deal adds to sales or losses, a payment to revenue. Without
 * teams. */
void contributions_of_books(struct valuation *v, struct ledger *l, const struct record *r, uint64_t names,
                            struct contributions *out);
/* Gives the contributions, all of one tuple, the teams of their times. */
void contributions_place(struct valuation *v, const struct ledger *l, struct contributions *out);
/* `first_win_us`: of a lead, the earliest closing time of its won deals, INT64_MAX where there is none. */
struct instants instants_of(const struct ledger *l, const struct record *r, int64_t first_win_us);
/* Base minor units of a lead's cost that counts for its customer. False: none. */
bool value_lead_cost(struct valuation *v, const struct record *lead, int64_t *out_minor);
/* Base minor units that a payment brings towards payback: +-amount x margin, rounded half-even. False: none. */
bool value_payment_margin(struct valuation *v, const struct record *payment, int64_t *out_minor);
/* Whether the record may add something else, or for another team, by the two revisions. */
bool valuation_differs(const struct valuation *v, const struct ledger *l, const struct record *r);
