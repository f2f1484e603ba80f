/* alert_keys.h - the alerts that wait to be written: all active ones as of the last report, the messages that no
 * receiver has taken yet, and every transition that has not been written yet.
 *
 * Thread: the publisher's. Memory: init to fini; transitions are bounded by publish.alerts_log_max, as the
 * stream is: beyond it the oldest are dropped and counted; messages by alerts.queue_max of each receiver.
 */
#pragma once
#include "aggregators/alert_report.h"
#include "publishers/commands.h"
#include "publishers/keys.h"
#include <stdbool.h>
#include <stdint.h>

struct unsent_key {
    struct alert_entry entry; /* owned here */
    bool written;
};

struct alert_keys {
    /* all active ones: id, JSON, id, JSON ... */
    struct arguments active;
    bool known;   /* a report has come: before, `alerts:active` is left as it stands */
    bool changed; /* since it was written */
    /* transitions, a ring of `log_room` texts owned here */
    struct alert_entry *log;
    size_t log_first, log_count, log_room;
    size_t log_sent; /* of them, how many the write under way holds */
    int64_t dropped;
    /* messages, in the order in which they came */
    struct unsent_key *unsent;
    size_t unsent_count, unsent_room;
    struct arguments sent; /* ids that stand in Redis and are to go */
    bool unsent_known;     /* Redis holds no others than those of `unsent` and `sent` */
    int64_t number;        /* of the last message that was named */
    int64_t noted;         /* and of the last one that is written, or is no more */
};

void alert_keys_init(struct alert_keys *a, int64_t log_max);
void alert_keys_fini(struct alert_keys *a);

/* Copies what it needs. */
void alert_keys_take(struct alert_keys *a, const struct alert_report *report);
bool alert_keys_wait(const struct alert_keys *a);
/* Adds the commands: `alerts:active` replaced if it changed, an XADD for each transition. */
void alert_keys_write(struct alert_keys *a, struct commands *c, const struct keys *k);
/* The write that held them is done. */
void alert_keys_written(struct alert_keys *a);
/* What it appended is there; of the rest nobody knows. */
void alert_keys_appended(struct alert_keys *a);
/* What stands in Redis is no longer known: all that stands is written again. */
void alert_keys_forget(struct alert_keys *a);
/* Another instance tells alerts now: what was to be written is void, and what stands in Redis is not ours. */
void alert_keys_drop(struct alert_keys *a);
