/* alert_thread.h - the thread that looks at rules: takes snapshots of the alerts' reader, gives reports to the
 * publisher. Delivery has its own thread (alerts/delivery.h).
 *
 * Thread: create, stop and destroy main's; the rest as said.
 */
#pragma once
#include "alerts/alerts.h"
#include "base/handoff.h"
#include "config/config.h"
#include "daemon/adoption.h"
#include "daemon/outlet.h"

struct alert_thread;

/* `outlet` is the writer's for READER_ALERTS. */
struct alert_thread *alert_thread_create(const struct config *config, struct outlet *outlet);
/* `bell` is woken when there is a report. */
void alert_thread_start(struct alert_thread *t, struct handoff *bell);
/* The publish thread, which may only while alert_thread_may_adopt: this instance's part from now on. Takes it over. */
bool alert_thread_may_adopt(const struct alert_thread *t);
void alert_thread_adopt(struct alert_thread *t, struct adoption *a);
/* The publish thread, after each step: until when (monotonic) nobody else can tell; the number of the last message that Redis
 * holds; whether it can be written to now. */
void alert_thread_know(struct alert_thread *t, int64_t lease_until_us, int64_t noted, bool notes);
/* The publish thread: the next report, or NULL. The caller's. */
struct alert_report *alert_thread_report(struct alert_thread *t);
/* Looks at the last snapshot, gives what waits a chance to be delivered, ends the thread. */
void alert_thread_stop(struct alert_thread *t, int64_t chance_ms);
/* After alert_thread_stop, and after the publish thread has ended. NULL is allowed. */
void alert_thread_destroy(struct alert_thread *t);

const struct alerts *alert_thread_alerts(const struct alert_thread *t); /* for its counters: any thread */
