/* ledger.h - all records, by kind and key, and which record names which.
 *
 * A record that is only named by another (a payment before its deal) is there, does not exist, and waits.
 * Thread: the shard's writer. Memory: ledger_create to ledger_destroy. Records do not move.
 */
#pragma once
#include "aggregators/dimensions.h"
#include "aggregators/event.h"
#include "aggregators/record.h"
#include "base/intern.h"
#include "base/paged.h"
#include "config/field.h"

struct ledger {
    struct intern keys[KIND_COUNT];       /* a record's slot is its key's number */
    struct intern names[DIMENSION_COUNT]; /* of managers, teams ...; company is not used here */
    struct intern words;                  /* stages, customers, names of people */
    struct paged records[KIND_COUNT];     /* by slot, each of record_size */
    uint32_t won, lost;                   /* numbers of the stages that end a deal */
    struct dimension_table tuples;        /* what records count for */
    bool keep_owners;                     /* deals keep who they were given to: credit at_close */
};

void ledger_init(struct ledger *l);
void ledger_fini(struct ledger *l);

/* The record with that key, made where it is new; `hash` is the key's intern_hash. */
struct record *ledger_need(struct ledger *l, enum record_kind k, struct text key, uint32_t hash);
/* Asks for the memory that ledger_apply of the event will need, ahead of time: steps 0, 1 and 2, with others in between. */
void ledger_fetch(const struct ledger *l, const struct event *e, unsigned step);
/* The record in a slot that ledger_need gave out. */
struct record *ledger_at(const struct ledger *l, enum record_kind k, uint32_t slot);

/* The text that a number stands for in a field of text. */
struct text ledger_text(const struct ledger *l, enum record_kind k, unsigned field, int64_t number);
/* The values that an event carries, by field; texts become numbers. */
void ledger_values(struct ledger *l, const struct event *e, struct record_value out[FIELD_COUNT_MAX]);
/* Applies an event of fate EVENT_APPLY to its record and keeps the links. */
enum record_change ledger_apply(struct ledger *l, struct record *r, const struct event *e);

/* The field that names the record to inherit from, and that record's kind; false: this kind has none. */
bool ledger_link_of(unsigned kind, unsigned *out_field, enum record_kind *out_parent);
/* The record that dimensions are inherited from (a deal's lead; a payment's or feedback's deal), NULL where none
 * is named. It may not exist. */
struct record *ledger_parent(const struct ledger *l, const struct record *r);
/* The first child of a kind, and the next one of the same parent; NULL at the end. */
struct record *ledger_first_child(const struct ledger *l, const struct record *r, enum record_kind k);
struct record *ledger_next_child(const struct ledger *l, const struct record *child);

/* When a deal that stands as won or lost was closed; INSTANT_NONE while it is open. */
int64_t ledger_deal_closing_us(const struct ledger *l, const struct record *deal);
/* When a lead that stands as converted or lost became so; INSTANT_NONE while it is neither. */
int64_t ledger_lead_closing_us(const struct ledger *l, const struct record *lead);
bool ledger_deal_is_won(const struct ledger *l, const struct record *deal);

/* Bytes of all: records, keys, names, words and tuples. O(records). */
uint64_t ledger_bytes(const struct ledger *l);
/* Of one record: its fields, stamps and history, its key, and its share of the tables by which it is found. */
uint64_t ledger_record_bytes(const struct ledger *l, const struct record *r);

/* For a checkpoint: the record as the bytes of a row, and back. ledger_restore gives the record's key the number `slot`,
 * which must be the next one of its kind; texts that it names must be there. False: these are no such bytes. Which
 * record names which is known after ledger_link, once all are there. */
void ledger_write_record(const struct ledger *l, const struct record *r, struct buffer *out);
bool ledger_restore(struct ledger *l, enum record_kind k, uint32_t slot, struct text bytes);
void ledger_link(struct ledger *l);
/* Whether the field of a record may have the value; texts by what is known now. `ledger` is a struct ledger. */
bool ledger_holds(const void *ledger, enum record_kind k, unsigned field, int64_t value);
