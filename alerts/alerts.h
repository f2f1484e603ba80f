/* alerts.h - the rules of a configuration at work: snapshots in, notifications and a report for Redis out.
 *
 * The daemon's alerts thread hands over every snapshot of READER_ALERTS. Time is the snapshot's: so it needs one
 * at least every config.alerts.every_ms, also when nothing changed (shard_cut gives an empty one then), or no
 * `for` ever ends. The first one must be `everything`.
 *
 * Of several instances one tells. It begins as one that does not: it decides, so that it knows how long a breach has
 * lasted, but what it decides is told to nobody before alerts_take_over. A message is sent only when it has been noted
 * in Redis (alert_report, alerts_noted), and what was noted and not sent is sent by whoever takes over.
 *
 * Thread: one, the alerts'; counters from any. Delivery has a thread of its own (delivery.h), so that no call
 * here waits for the network; only alerts_stop waits, for at most its chance.
 * Memory: alerts_create to alerts_destroy; the configuration is borrowed for that long.
 */
#pragma once
#include "aggregators/alert_report.h"
#include "aggregators/snapshot.h"
#include "alerts/alert.h"
#include "alerts/delivery.h"
#include "base/counter.h"
#include "base/error.h"
#include "config/config.h"

struct alerts;

/* For metrics; any thread may read. */
struct alerts_counters {
    struct counter decisions;                   /* grid instants at which rules were looked at */
    struct counter moves[ALERT_STATE_COUNT];    /* by the state that was reached */
    struct counter standing[ALERT_STATE_COUNT]; /* gauges: how many are in it now */
    struct counter log_dropped;                 /* entries of alerts:log that nobody fetched in time */
    struct counter tells;                       /* 1: this instance does */
    struct counter unsent;                      /* a gauge: messages that are not over */
    struct counter unnoted;                     /* messages sent without being noted */
};

/* Starts the delivery thread. */
struct alerts *alerts_create(const struct config *config);
/* The same with other delivery options: for tests. */
struct alerts *alerts_create_with(const struct config *config, const struct delivery_options *options);
/* Stops without a chance where alerts_stop was not called. */
void alerts_destroy(struct alerts *a);

/* Takes in a snapshot (borrowed for the call) and decides; queues what is to be told. now_us, of the clock, tells
 * whether the snapshot is stale: older than 30 s and than three steps of the grid. True: something moved. */
bool alerts_step(struct alerts *a, const struct snapshot *s, int64_t now_us);

/* What changed since the last report: all that fires, the moves in between, and the messages to be sent. NULL: nothing
 * changed, nothing was decided since the take-over (nor a message delivered), or another instance tells. The caller's. Where it cannot be handed on, do not ask: up to 10,000 moves collect here. */
struct alert_report *alerts_report(struct alerts *a);

/* State over restarts, before the first decision: see state.h. The text is the caller's to free. */
char *alerts_export(const struct alerts *a);
MUST_CHECK bool alerts_import(struct alerts *a, const char *json, size_t *out_refused);

/* From now on this instance tells. after_others: Redis says what was told, in what is adopted next; otherwise we know it.
 * What fires already and was not told is told with the next decision, if it lasts. */
void alerts_take_over(struct alerts *a, bool after_others);
/* After alerts_take_over. One value of the hash alerts:active, so that what fires is not told anew. */
MUST_CHECK bool alerts_adopt(struct alerts *a, const char *json);
/* And all values of the hash alerts:unsent: they are sent. How many were refused. */
size_t alerts_adopt_unsent(struct alerts *a, char *const *json, size_t count);
/* Another instance tells: what waits is left to it. */
void alerts_stand_by(struct alerts *a);
/* Redis holds what a report of this number named: its messages go out. */
void alerts_noted(struct alerts *a, int64_t number);
bool alerts_wait_to_be_noted(const struct alerts *a);
/* All messages go out, noted or not: counted. */
void alerts_send_unnoted(struct alerts *a);
/* Takes in what was delivered. True: there is something to report. To be called now and then. */
bool alerts_collect(struct alerts *a);
/* Any thread: as delivery_allow_until. */
void alerts_allow_until(struct alerts *a, int64_t monotonic_us);

/* The last chance for what waits to be delivered. */
void alerts_stop(struct alerts *a, int64_t chance_ms);

const struct alerts_counters *alerts_counters(const struct alerts *a);
const struct delivery_counters *alerts_delivery_counters(const struct alerts *a);
