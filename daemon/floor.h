/* floor.h - a believable sales floor, made up from a seed: managers who win and lose, and a CRM full of
 * corrections, repeats, late events and some garbage.
 *
 * A pure generator: it has no clock and no I/O, and the same options give the same bytes. Messages come
 * in the order of their arrival at Kafka. Every event of one record has an (occurred_at, version) of its
 * own, unless it is an exact repeat.
 *
 * Thread: one; floor_create only while the process has one thread (calendar.h).
 * Memory: floor_destroy frees all; what floor_next hands out is borrowed until the next call.
 */
#pragma once
#include "base/error.h"
#include "base/money.h"
#include "base/text.h"
#include "config/field.h"
#include "daemon/floor_event.h"
#include "daemon/floor_world.h"
#include <stdbool.h>
#include <stdint.h>

#define FLOOR_CURRENCIES_MAX 16

struct floor_options {
    uint64_t seed;
    uint64_t records;  /* distinct leads, deals, payments and answers; in live mode those of the past */
    uint32_t managers; /* 1 to 100,000 */
    uint32_t teams;    /* 1 to managers */
    int64_t start_us;  /* of the span */
    int days;          /* its length, 1 to 36,500; nothing happens after it, but late events arrive */
    const char *zone;  /* the company's, an IANA name */
    currency_code base;
    currency_code currencies[FLOOR_CURRENCIES_MAX];
    unsigned currency_count;  /* 0: only the base */
    uint32_t corrections_ppm; /* of records are corrected */
    uint32_t repeat_ppm;      /* of events come again */
    uint32_t late_ppm;        /* of events come late */
    uint32_t garbage_ppm;     /* broken messages, for each good event */
    bool all_owned;           /* every event names the record's manager and that manager's one team */
    /* Live mode: the span ends now (start_us + days), its stories go on, and from then on new stories begin
     * without end, a whole sale within minutes, at about this many events a second. 0: not live. */
    uint32_t live_rate;
};

struct floor_message {
    enum record_kind kind;
    enum error reason; /* why it must become a dead letter; OK: it must not */
    bool repeat;
    bool tombstone;     /* no value */
    int64_t arrival_us; /* when it is due; a repeat keeps the kafka_ms of the first */
    int64_t kafka_ms;
    struct text key;
    struct text value;               /* as a Kafka value; no newline inside */
    const struct floor_event *event; /* NULL for garbage */
};

/* NULL: no such zone on this machine. Broken preconditions (see the ranges) end the process. */
struct floor *floor_create(const struct floor_options *options);
void floor_destroy(struct floor *f);

/* False when all is told; never in live mode. */
bool floor_next(struct floor *f, struct floor_message *out);

/* How many records of a kind have been begun so far. */
uint32_t floor_record_count(const struct floor *f, enum record_kind kind);
const struct floor_world *floor_world(const struct floor *f);
