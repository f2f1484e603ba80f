/* delivery.h - carries texts to webhooks: a queue for each receiver, a thread of its own for all of them.
 *
 * At least once, in order for one alert, with the same key each time. A receiver that is away holds up only what
 * is for it: its queue is bounded (config.alerts.queue_max), what does not fit is dropped and counted. Retried
 * with exponential back-off and jitter; Retry-After is honoured (up to an hour); what no repeat can mend is given
 * up at once. A receiver that does not answer is asked with one delivery at a time until it does.
 *
 * Thread: create, submit, stop and destroy from one thread, the alerts'; counters from any. Submit never waits.
 * Memory: delivery_create to delivery_destroy; the receivers' configuration is borrowed for that long.
 */
#pragma once
#include "base/counter.h"
#include "base/text.h"
#include "config/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivery;

/* queued = delivered + failed + forgotten + waiting; submitted = queued + dropped. */
struct delivery_counters {
    struct counter queued;    /* taken on */
    struct counter delivered; /* answered with 2xx */
    struct counter retried;   /* attempts after the first */
    struct counter failed;    /* given up: refused for good, too old, or left at the stop */
    struct counter forgotten; /* left to another instance */
    struct counter dropped;   /* not taken on: the receiver's queue was full */
    struct counter waiting;   /* a gauge */
};

struct delivery_options {
    int64_t backoff_first_ms, backoff_most_ms;
    unsigned parallel_max; /* requests to one receiver at a time */
};

/* 1 s, 5 min, 4. */
extern const struct delivery_options DELIVERY_DEFAULTS;

/* Starts the thread. */
struct delivery *delivery_create(const struct alert_config *config, const struct delivery_options *options);

/* `order`: deliveries with the same number to the same receiver arrive one after the other. Copies key and body.
 * `number`: what delivery_done will give; 0: nobody asks. False: dropped, the queue is full. */
bool delivery_submit(struct delivery *d, size_t receiver, uint64_t order, int64_t number, const char *key,
                     struct text body);
/* Counts one that did not even come to delivery_submit. */
void delivery_drop(struct delivery *d, size_t receiver);
/* The number of one that is over, delivered or given up, each once; 0: no more for now. What is left at the stop is not
 * over. The thread of delivery_submit. */
int64_t delivery_done(struct delivery *d);
/* Another instance delivers what was submitted so far: it is left, also what is under way. */
void delivery_forget(struct delivery *d);
/* Any thread: no attempt begins after this instant of the monotonic clock. At first there is no such instant. */
void delivery_allow_until(struct delivery *d, int64_t monotonic_us);

/* What waits is tried once more, at once; what has not been delivered after chance_ms is left, logged and counted
 * as failed. Ends the thread. A second call does nothing. */
void delivery_stop(struct delivery *d, int64_t chance_ms);
/* Stops without a chance where delivery_stop was not called. */
void delivery_destroy(struct delivery *d);

const struct delivery_counters *delivery_counters(const struct delivery *d);
