/* record.h - what stands for one lead, deal, payment or feedback: per field the value with the greatest stamp.
 *
 * A record is a semilattice: applying events in any order, any number of times, ends in the same record.
 * Texts are numbers here: names of a dimension by their number in that dimension's names, ids of other
 * records by their slot in the ledger, all others by their number in the ledger's words (ledger.h).
 *
 * Thread: the shard's writer. Memory: record_fini frees what hangs on it.
 */
#pragma once
#include "aggregators/event.h"
#include "config/field.h"
#include <stdbool.h>
#include <stdint.h>

#define SLOT_NONE   UINT32_MAX
/* Settings of the stage that are kept for a record, and settings of its owners: those with the greatest stamps.
 * AMENDMENT IV.6. */
#define HISTORY_MAX 64

/* What an event set a field to that is kept beyond what stands: the stage of a deal, the status of a lead and, where
 * owners are kept, the manager and team of a deal. */
struct record_setting {
    struct stamp stamp;
    int64_t occurred_at_us;
    uint8_t field;
    int64_t word; /* the field's value + 1, 0 = cleared */
};

struct record_body; /* what was told of it, packed: record.c */

struct record {
    struct record_body *body; /* NULL before the first event */
    uint64_t names;           /* what it counts for: number in the ledger's tuples; kept by derivation.c */
    uint32_t slot;            /* its place among the records of its kind */
    uint32_t next, previous;  /* among the children of one parent */
    uint32_t customer;        /* whose it is: word number + 1, 0 = nobody's; kept by derivation.c */
    uint8_t kind;             /* enum record_kind */
    uint8_t flags;
    uint32_t first_child[]; /* lead: deals; deal: payments, feedback; of all other kinds none */
};

enum {
    RECORD_COUNTED = 1,      /* deal: its win, lead: its conversion is counted in the cohort of its creation */
    RECORD_HISTORY_CUT = 2,  /* more stage changes than are kept */
    RECORD_REPEAT = 4,       /* deal: its customer has an earlier won one */
    RECORD_WAITING_OVER = 8, /* lead: its wait for a first contact has ended */
    RECORD_OPEN = 16,        /* deal: it stands open */
    RECORD_UNSTORED = 32,    /* changed since it was copied for a checkpoint: copying.h */
    RECORD_DIRTY = 64,       /* changed since what it stands for was derived: dirty.h */
};

static inline void record_set_flag(struct record *r, unsigned flag, bool on)
{
    r->flags = (uint8_t)(on ? r->flags | flag : r->flags & ~flag);
}

enum record_change { RECORD_CHANGED, RECORD_REPEATED, RECORD_OUTVOTED };

/* A field value in the record's form. */
struct record_value {
    bool present; /* false: the event carries null */
    int64_t value;
};

/* A record of its own, outside of the ledger, and its end. */
struct record *record_create(enum record_kind kind, uint32_t slot);
void record_destroy(struct record *r);
/* Begins a record in memory of record_size bytes, aligned to 8. */
void record_init(struct record *r, enum record_kind kind, uint32_t slot);
void record_fini(struct record *r);
size_t record_size(enum record_kind kind);
/* Asks for its memory ahead of time, where many are looked at one after the other. */
void record_fetch(const struct record *r);
/* Bytes of the record and of what hangs on it. */
uint64_t record_bytes(const struct record *r);
bool record_exists(const struct record *r);
bool record_has(const struct record *r, unsigned field);
/* The value of a field that the record has. O(1). */
int64_t record_value(const struct record *r, unsigned field);
/* The stamp that set a field that the record has. */
struct stamp record_stamp(const struct record *r, unsigned field);
/* The settings that are kept, by (stamp, field). */
unsigned record_setting_count(const struct record *r);
struct record_setting record_setting(const struct record *r, unsigned i);

/* Applies what an event carries: `values` by field, for the bits in `carried`. O(fields + settings). */
enum record_change record_apply(struct record *r, const struct stamp *stamp, int64_t occurred_at_us, bool deleted,
                                uint32_t carried, const struct record_value *values, bool keep_owners);

/* Whose the deal was when it was closed: what FIELD_MANAGER or FIELD_TEAM was set to by the greatest stamp among the
 * events that occurred by then, else by the least stamp of all. 0 = nobody's, else the value + 1. */
int64_t record_owner_at(const struct record *r, unsigned field, int64_t at_us);

/* The instant at which a deal whose stage ends it was closed (AMENDMENT 9). `is_open` says of a history word whether
 * that stage leaves the deal open. INSTANT_NONE where the standing stage is an open one. */
int64_t record_closing_us(const struct record *r, unsigned stage_field, unsigned closed_at_field,
                          bool (*is_open)(int64_t word, const void *context), const void *context);

/* For a checkpoint: what was told, as bytes that stay until the record changes; empty where nothing was. */
struct text record_told(const struct record *r);
/* Puts such bytes into a record of which nothing was told. `holds` says whether a value is one that its field may have.
 * False: these are no such bytes, and nothing changes. */
bool record_restore(struct record *r, struct text told,
                    bool (*holds)(const void *context, enum record_kind kind, unsigned field, int64_t value),
                    const void *context);
