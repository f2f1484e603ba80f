/* floor_teller.h - whoever tells the stories of the floor: the dice, the numbers given out so far, and the
 * queue of what has been told; and the draft of a record, which is how a story writes events.
 *
 * A story changes fields of a draft and sends it: the event carries what was changed. Nothing is told after
 * the horizon. draft_send keeps the stamps of a record apart, so that their order never depends on a hash.
 *
 * Thread: one. Memory: the caller's, the queue's events apart. Times in microseconds.
 */
#pragma once
#include "config/field.h"
#include "daemon/floor.h"
#include "daemon/floor_queue.h"
#include "daemon/floor_random.h"
#include "daemon/floor_world.h"
#include <stdbool.h>
#include <stdint.h>

struct floor_teller {
    const struct floor_options *options;
    const struct floor_world *world;
    struct floor_random random;
    struct floor_queue queue;
    uint32_t records[FACT_KINDS]; /* begun, the last number of each kind */
    uint64_t records_left;        /* UINT64_MAX: without end */
    uint32_t customers;
    uint64_t events; /* the last event id */

    /* of the story that is being told */
    int64_t start_us;   /* nothing arrives before */
    int64_t horizon_us; /* nothing occurs at or after */
    int64_t cycle_us;   /* how long a usual deal is open */
    bool office_hours;  /* people work by the calendar; false where time is compressed */
};

enum draft_owner { OWNER_FULL, OWNER_MANAGER_ONLY, OWNER_TEAM_ONLY, OWNER_NONE };

#define DRAFT_STAMPS_MAX 64

struct draft {
    enum record_kind kind;
    uint32_t record;
    enum draft_owner owner; /* which of manager_id and team_id this record carries */
    bool versioned;         /* every JSON event has a version */
    bool born;              /* something has been sent */
    int64_t version;
    int64_t hold_until_us; /* its events arrive no earlier: a stuck queue at the sender's */
    struct floor_value values[FIELD_COUNT_MAX];
    uint32_t known;   /* bit i: field i has been set, null or not */
    uint32_t changed; /* bit i: not yet sent */
    struct {
        int64_t occurred_us, version;
    } stamps[DRAFT_STAMPS_MAX];
    unsigned stamp_count;
};

/* Begins a record. False: the number of records is used up. */
bool draft_begin(struct floor_teller *t, struct draft *d, enum record_kind kind);

void draft_set(struct draft *d, unsigned field, enum floor_form form, int64_t number);
void draft_null(struct draft *d, unsigned field);
/* A decimal, at random as a string or a number. */
void draft_decimal(struct floor_teller *t, struct draft *d, unsigned field, int64_t micro);
/* A time in one of the forms; the value is cut to what the form can write. */
void draft_time(struct floor_teller *t, struct draft *d, unsigned field, int64_t us);
/* A date: the value becomes the local midnight of that instant's day. */
void draft_date(struct floor_teller *t, struct draft *d, unsigned field, int64_t us);
/* An amount in some currency of the company. `currency_field` is left out half the time where it is the base. */
void draft_money(struct floor_teller *t, struct draft *d, unsigned field, unsigned currency_field,
                 currency_code currency, int64_t micro);
/* manager_id and team_id, or what the record carries of them. A new owner always brings its team. */
void draft_owner_is(struct draft *d, const struct floor_manager *m);

/* Tells what was changed. False: it would be after the horizon; nothing more happens to the record. */
bool draft_send(struct floor_teller *t, struct draft *d, int64_t at_us);
/* The record is deleted: by a `deleted: true`, or by a tombstone. */
bool draft_delete(struct floor_teller *t, struct draft *d, int64_t at_us, bool tombstone);
/* Marks everything that is known as changed, as after a revival or a full image. */
void draft_touch_all(struct draft *d);

/* A moment some time after at_us, of that mean; at work where people work by the calendar. */
int64_t teller_later(struct floor_teller *t, int64_t at_us, int64_t mean_us);
/* Shorthands for the teller's dice. */
bool teller_chance(struct floor_teller *t, uint32_t ppm);
/* A part of the corrections' share: `percent` of it. */
bool teller_corrects(struct floor_teller *t, uint32_t percent);
currency_code teller_currency(struct floor_teller *t);
