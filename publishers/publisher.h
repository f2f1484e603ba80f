/* publisher.h - keeps Redis equal to the latest snapshot, as docs/redis.md says: atomic, fenced, only what changed.
 * Of several instances the one that has the lease (lease.h); the others stand by.
 *
 * A thread takes a snapshot (base/handoff.h), calls publisher_step with it and gives it back; without one
 * it calls publisher_step when publisher_next_us says so. A step may block as long as Redis takes to answer,
 * at most a few of redis.timeout_ms; nothing else waits for that thread.
 *
 * While Redis is away snapshots are dropped: nothing is queued. When it is back the fence is claimed, and
 * publisher_wants_everything asks the writer for a snapshot of all entities, which is written in full.
 *
 * Thread: one at a time. Memory: publisher_create to publisher_destroy, bounded by entities x windows.
 * Errors: none; troubles with Redis are logged once each, counted, and retried with growing pauses.
 */
#pragma once
#include "aggregators/alert_report.h"
#include "aggregators/snapshot.h"
#include "config/config.h"
#include "publishers/redis.h"
#include <stdbool.h>
#include <stdint.h>

struct publisher;

struct publisher_options {
    const char *instance; /* meta.instance: who publishes, for people */
    /* `kpid run --reset-fence`: the first claim does not look at the as_of and the offsets that stand. */
    bool reset_fence;
    bool renders_all;     /* for tests: nothing counts as unchanged before it is rendered */
    uint64_t jitter_seed; /* of the waits between attempts to connect; 0: one of its own */
};

enum publisher_state {
    PUBLISHER_AWAY,    /* Redis is */
    PUBLISHER_WAITING, /* connected; no snapshot yet, or not as far as what stands in Redis */
    PUBLISHER_FILLING, /* claimed; everything is to be written */
    PUBLISHER_CURRENT, /* Redis holds the last snapshot */
    PUBLISHER_STANDBY, /* another instance publishes: nothing is written */
    PUBLISHER_STALE,   /* what stands in Redis is ahead of us and will stay so: needs a person */
};
const char *publisher_state_name(enum publisher_state s);

struct publisher_status {
    enum publisher_state state;
    int64_t epoch, seq;
    int64_t as_of_us;  /* of the last publish; INSTANT_NONE before */
    int64_t publishes; /* seen by readers; a fill in parts counts each */
    int64_t staged;    /* of them, too large for one transaction */
    int64_t keys;      /* written or deleted */
    int64_t bytes;     /* sent */
    int64_t connects;
    int64_t claims;
    int64_t troubles[TROUBLE_COUNT];
    int64_t takeovers;          /* claims of a fence that was not our own: others may have told alerts before */
    bool after_others;          /* the last of them: of a fence that stood, not of a Redis without one */
    int64_t losses;             /* of the lease, to another instance */
    bool holds;                 /* we have the lease and the fence */
    int64_t lease_until_us;     /* of the clock of the steps: until then nobody else can have it. 0: we do not */
    int64_t alerts_noted;       /* alert_report.number of what Redis holds, of the reports since the last take-over */
    int64_t alerts_log_dropped; /* transitions that Redis was away for too long to be told */
};

/* The configuration is borrowed, the options are copied. */
struct publisher *publisher_create(const struct config *config, const struct publisher_options *options);
void publisher_destroy(struct publisher *p);

/* What the consumers know and snapshots do not: messages not yet read (-1: unknown). */
void publisher_set_lag(struct publisher *p, int64_t messages);

/* now_us: of a clock that never goes back. snapshot and report may be NULL and are borrowed for the call.
 * Snapshots must come in order, and with each change once: those that hold less than everything build on
 * the ones before. */
void publisher_step(struct publisher *p, int64_t now_us, const struct snapshot *snapshot,
                    const struct alert_report *report);

/* The last call: gives up the lease, so that another instance need not wait for its end. May block as a step does. */
void publisher_release(struct publisher *p);

/* True: only a snapshot of everything helps now. To be asked after each step. */
bool publisher_wants_everything(const struct publisher *p);
/* When to step again without a snapshot, INT64_MAX: no need to. */
int64_t publisher_next_us(const struct publisher *p);
void publisher_status(const struct publisher *p, struct publisher_status *out);
