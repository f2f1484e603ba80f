/* book.h - books that are closed: a change of what has been told is booked when it is made, not where it belongs.
 *
 * Holds for what deals and payments add to sales, losses and revenue (STREAM_WON, LOST and PAYMENT). A record's events, in
 * the order of their stamps, are its versions. What a version adds or takes back, against the one before, counts where it
 * belongs; but it is moved to the instant at which its event occurred if it belongs before that instant, and
 *   - with corrections.mode book: some version before had added to that stream already, or
 *   - it belongs before corrections.lock and its event occurred after it.
 * So nothing depends on arrival. AMENDMENT 5. Names that are inherited (a deal's owner from its lead), exchange rates and
 * the organisation are as they stand.
 *
 * Thread: the shard's writer. Memory: books_init to books_fini; nothing where corrections only restate.
 */
#pragma once
#include "aggregators/kept_events.h"
#include "aggregators/ledger.h"
#include "base/calendar.h"
#include "config/config.h"

struct valuation;
struct contributions;
struct contribution;

struct record_book {
    struct kept_events events;     /* at most HISTORY_MAX */
    bool cut;                      /* there were more */
    struct contribution *standing; /* what it has added to the entities */
    unsigned standing_count;
    uint32_t oddities; /* of the last version */
};

/* Records whose versions name a record of which they are no child: slots, some perhaps twice. */
struct heirs {
    uint32_t *slots;
    uint32_t count, room;
};

struct books {
    bool in_use, book;                       /* book: the mode, else only the lock */
    int64_t lock_us;                         /* INT64_MIN = none */
    struct record_book *records[KIND_COUNT]; /* by slot; of deals and payments */
    uint32_t room[KIND_COUNT];
    struct heirs *heirs[KIND_COUNT]; /* by kind of the heirs and slot of whom they inherit from */
    uint32_t heir_room[KIND_COUNT];
};

void books_init(struct books *b, const struct config *config, const struct calendar *calendar);
void books_fini(struct books *b);
/* Whether records of the kind have books. */
bool books_keep(const struct books *b, unsigned kind);
/* Takes an event in. False: it is there already, or older than all that are kept. */
bool books_apply(struct books *b, const struct record *r, const struct event *e, const struct record_value *values);
/* Notes that the record inherits, by a version that does not stand, from the record of that slot. */
void books_add_heir(struct books *b, const struct record *r, uint32_t parent_slot);
/* Notes all of whom it inherits so, by its events. */
void books_add_heirs(struct books *b, const struct ledger *l, const struct record *r);
/* The heirs of that kind. */
struct heirs books_heirs(const struct books *b, enum record_kind k, uint32_t parent_slot);
/* For a checkpoint: what the record's events said, NULL where nothing is kept; *out_cut: there were more. And back. */
const struct kept_events *books_events(const struct books *b, const struct record *r, bool *out_cut);
/* Takes the events over. */
void books_restore(struct books *b, const struct record *r, struct kept_events events, bool is_cut);
/* Derives anew what stands, by the valuation's revision. */
void books_restate(struct books *b, struct valuation *v, struct ledger *l, const struct record *r);
/* Adds what stands to the list. */
void books_stand(const struct books *b, const struct record *r, struct contributions *out);
