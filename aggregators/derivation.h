/* derivation.h - keeps every entity equal to what the ledger stands for.
 *
 * The one place where old contributions are taken back and new ones added: of a record, of those that inherit from
 * it, of its customer and its lead. An event is applied whole (derivation_apply returns when nothing of it is
 * pending) but where it reaches very many records: a changed exchange rate or organisation, or a lead or deal with
 * thousands of children. Those are restated by a pass over all records, in slices between events (derivation_work), and
 * until it is done no snapshot may be cut.
 *
 * While a pass runs, a record's place says by which revision it is judged (revision.h): so an event that meets a
 * record that has not been reached is applied by what is still taken for granted there, and the pass restates it in
 * its turn. What changes meanwhile is for the next pass.
 *
 * Until the first settlement nothing is derived at all, so that a past which is read from its beginning is derived as a restart
 * does it: all at once (derivation_start.c).
 *
 * Thread: the shard's writer. Memory: derivation_init to derivation_fini.
 */
#pragma once
#include "aggregators/audit.h"
#include "aggregators/contribution.h"
#include "aggregators/copying.h"
#include "aggregators/dirty.h"
#include "aggregators/entities.h"
#include "aggregators/ledger.h"
#include "aggregators/links.h"
#include "aggregators/target.h"
#include "aggregators/timers.h"

/* A pass over the leads, deals, payments, feedback, and then the customers. */
struct pass {
    bool running;
    bool of_names;    /* looks for records whose names are no longer what they inherit */
    unsigned station; /* enum record_kind; FACT_KINDS = customers */
    uint32_t at;      /* slot, or word of a customer: what lies before it has been restated */
};

struct derivation {
    struct valuation valuation;
    struct ledger ledger;
    struct entities entities;
    struct links links;
    struct targets targets;
    struct copying copying;
    struct dirty dirty;
    struct timers deals, leads, customers; /* by slot or word: when a flag turns by time alone */
    struct pass pass;
    struct audit audit;
    bool names_are_stale;  /* a parent had more children than are restated at once: a pass is due */
    unsigned fan_out_left; /* children that may still be restated at once */
    bool is_begun;         /* false: nothing has been derived yet, and events only change their records */
    int64_t now_us;
    int64_t records[KIND_COUNT], oddities[ODDITY_COUNT];
};

struct restoration;

/* `from`: begins with its ledger and events, which are taken out of it, as they stand at now_us; or NULL. */
void derivation_init(struct derivation *d, const struct config *config, const struct calendar *calendar,
                     struct restoration *from, int64_t now_us);
void derivation_fini(struct derivation *d);
enum record_change derivation_apply(struct derivation *d, const struct event *e);
/* Derives what records stand for that events have changed, at most about `budget` of them. True: no more are left, so that
 * entities, customers and oddities are what the ledger says. */
bool derivation_settle(struct derivation *d, uint32_t budget);
bool derivation_is_settled(const struct derivation *d);
/* Whether anything has been derived. The first settlement begins with all that there is, whatever its budget. */
bool derivation_is_begun(const struct derivation *d);
/* So many facts are begun with at once, at most: two seconds' work. */
#define BEGUN_MAX 1000000u
/* now_us is not before d->now_us. */
void derivation_advance(struct derivation *d, int64_t now_us);
/* Whether something waits for derivation_work; before the first settlement nothing does. */
bool derivation_has_work(const struct derivation *d);
/* Works off at most about `budget` looks at a record (a restatement counts for RESTATEMENT_COST of them), and more only
 * to finish what is begun. True: nothing is left. */
#define RESTATEMENT_COST 64u
bool derivation_work(struct derivation *d, unsigned budget);
/* The stations of a walk over everything that contributes: the kinds of facts, by slot, then the customers, by word. */
uint32_t derivation_station_size(const struct derivation *d, unsigned station);
/* What the record or customer at that place has added to the entities. `out` is uninitialised; the caller's to fini. */
void derivation_stands(struct derivation *d, unsigned station, uint32_t at, struct contributions *out);
/* The earliest instant at which something changes by time alone, INT64_MAX where nothing will. */
int64_t derivation_next_us(const struct derivation *d);
