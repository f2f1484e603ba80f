/* alerts.h - the rules of a configuration at work: snapshots in, notifications and a report for Redis out.
 *
 * The daemon's alerts thread hands over every snapshot of READER_ALERTS. Time is the snapshot's: so it needs one
 * at least every config.alerts.every_ms, also when nothing changed (shard_cut gives an empty one then), or no
 * `for` ever ends. The first one must be `everything`.
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

/* What changed since the last report: all that fires, and the moves in between. NULL: nothing changed, or nothing
 * was decided yet. The caller's. Where it cannot be handed on, do not ask: up to 10,000 moves collect here. */
struct alert_report *alerts_report(struct alerts *a);

/* State over restarts, before the first decision: see state.h. The text is the caller's to free. */
char *alerts_export(const struct alerts *a);
MUST_CHECK bool alerts_import(struct alerts *a, const char *json, size_t *out_refused);
/* One value of the hash alerts:active, so that what fires is not told anew. */
MUST_CHECK bool alerts_adopt(struct alerts *a, const char *json);

/* The last chance for what waits to be delivered. */
void alerts_stop(struct alerts *a, int64_t chance_ms);

const struct alerts_counters *alerts_counters(const struct alerts *a);
const struct delivery_counters *alerts_delivery_counters(const struct alerts *a);
