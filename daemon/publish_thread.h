/* publish_thread.h - the thread that writes to Redis: takes snapshots and alert reports, gives them to the publisher.
 *
 * It may block as long as Redis does; nobody waits for it.
 * Thread: create, start, stop and destroy main's; the rest as said. Memory: what is given is borrowed.
 */
#pragma once
#include "config/config.h"
#include "daemon/alert_thread.h"
#include "daemon/outlet.h"
#include "publishers/publisher.h"

/* What the thread shows after each step, of one moment (base/counter.h). */
enum {
    PUBLISH_STATE, /* enum publisher_state */
    PUBLISH_EPOCH,
    PUBLISH_SEQ,
    PUBLISH_AS_OF_US, /* of the last publish, 0 before */
    PUBLISH_LIVE,     /* 1: the last publish was of a live snapshot */
    PUBLISH_AT_US,    /* monotonic: when Redis was last known to hold the last snapshot, 0 before */
    PUBLISH_PUBLISHES,
    PUBLISH_STAGED,
    PUBLISH_KEYS,
    PUBLISH_BYTES,
    PUBLISH_CONNECTS,
    PUBLISH_CLAIMS,
    PUBLISH_HOLDS, /* 1: we have the lease */
    PUBLISH_TAKEOVERS,
    PUBLISH_LOSSES,
    PUBLISH_ALERTS_LOG_DROPPED,
    PUBLISH_TROUBLES, /* one for each enum redis_trouble */
    PUBLISH_COUNT = PUBLISH_TROUBLES + TROUBLE_COUNT
};

struct publish_thread;

struct publish_thread *publish_thread_create(const struct config *config, const struct publisher_options *options,
                                             struct outlet *outlet, struct alert_thread *alerts);
void publish_thread_start(struct publish_thread *t);
/* Where the thread sleeps: woken for what is put beside the outlet. */
struct handoff *publish_thread_bell(struct publish_thread *t);
/* Any thread: what the consumers know and snapshots do not; -1 = unknown. */
void publish_thread_set_lag(struct publish_thread *t, int64_t messages);
/* Publishes what was handed over, gives up the lease and ends the thread. */
void publish_thread_stop(struct publish_thread *t);
/* After publish_thread_stop. NULL is allowed. */
void publish_thread_destroy(struct publish_thread *t);

/* Any thread: PUBLISH_COUNT numbers. */
void publish_thread_board(const struct publish_thread *t, int64_t *out);
