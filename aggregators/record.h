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
/* Stage changes that are kept for a record, those with the greatest stamps. AMENDMENT IV.6. */
#define HISTORY_MAX 64

/* A value that the stage of a deal, or the status of a lead, was set to. */
struct history_entry {
    struct stamp stamp;
    int64_t occurred_at_us;
    int64_t word; /* the field's value + 1, 0 = cleared */
};

/* A manager or team that a deal was given to. */
struct owner_entry {
    struct history_entry set;
    uint8_t field; /* FIELD_MANAGER or FIELD_TEAM */
};

struct owner_history {
    unsigned count, room;
    struct owner_entry at[]; /* by (stamp, field) */
};

struct record {
    struct stamp *stamps;          /* those that are in use, each once */
    struct history_entry *history; /* by stamp, ascending */
    struct owner_history *owners;  /* of a deal, where they are kept; NULL before the first */
    uint32_t slot;                 /* its place among the records of its kind */
    uint32_t first_child[2];       /* lead: deals, none; deal: payments, feedback */
    uint32_t next, previous;       /* among the children of one parent */
    uint32_t set;                  /* bit i: field i has a value */
    uint32_t names;                /* what it counts for: number in the ledger's tuples; kept by derivation.c */
    uint32_t customer;             /* whose it is: word number + 1, 0 = nobody's; kept by derivation.c */
    uint8_t kind;                  /* enum record_kind */
    uint8_t flags;
    uint8_t stamp_count, stamp_room;
    uint8_t history_count, history_room;
    uint8_t deletion; /* the greatest deletion: index in stamps + 1, 0 = none */
    uint8_t exists;   /* the greatest event since that is none: index in stamps + 1, 0 = it does not exist */
    uint8_t stamp_of[FIELD_COUNT_MAX]; /* index in stamps + 1, 0 = never set since the deletion */
    int64_t values[];                  /* by field of the kind */
};

enum {
    RECORD_COUNTED = 1,      /* deal: its win, lead: its conversion is counted in the cohort of its creation */
    RECORD_HISTORY_CUT = 2,  /* more stage changes than are kept */
    RECORD_REPEAT = 4,       /* deal: its customer has an earlier won one */
    RECORD_WAITING_OVER = 8, /* lead: its wait for a first contact has ended */
    RECORD_OPEN = 16,        /* deal: it stands open */
};

enum record_change { RECORD_CHANGED, RECORD_REPEATED, RECORD_OUTVOTED };

/* A field value in the record's form. */
struct record_value {
    bool present; /* false: the event carries null */
    int64_t value;
};

/* A record of its own, outside of the ledger, and its end. */
struct record *record_create(enum record_kind kind, uint32_t slot);
void record_destroy(struct record *r);
void record_fini(struct record *r);
/* Bytes of the record and of what hangs on it. */
uint64_t record_bytes(const struct record *r);
bool record_exists(const struct record *r);
bool record_has(const struct record *r, unsigned field);
/* The value of a field that the record has. */
static inline int64_t record_value(const struct record *r, unsigned field)
{
    return r->values[field];
}
/* The stamp that set a field that the record has. */
static inline const struct stamp *record_stamp(const struct record *r, unsigned field)
{
    return &r->stamps[r->stamp_of[field] - 1];
}

/* Applies what an event carries: `values` by field, for the bits in `carried`. O(fields + history). */
enum record_change record_apply(struct record *r, const struct stamp *stamp, int64_t occurred_at_us, bool deleted,
                                uint32_t carried, const struct record_value *values, bool keep_owners);

/* Whose the deal was when it was closed: what FIELD_MANAGER or FIELD_TEAM was set to by the greatest stamp among the
 * events that occurred by then, else by the least stamp of all. 0 = nobody's, else the value + 1. */
int64_t record_owner_at(const struct record *r, unsigned field, int64_t at_us);

/* The instant at which a deal whose stage ends it was closed (AMENDMENT 9). `is_open` says of a history word whether
 * that stage leaves the deal open. INSTANT_NONE where the standing stage is an open one. */
int64_t record_closing_us(const struct record *r, unsigned stage_field, unsigned closed_at_field,
                          bool (*is_open)(int64_t word, const void *context), const void *context);
