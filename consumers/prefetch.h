/* prefetch.h - a thread that has librdkafka fetch again as soon as its queue has room.
 *
 * librdkafka fetches ahead until its queue holds kafka.queue_size_max, and then looks a second later whether that is still so. Who
 * empties the queue sooner waits for nothing until then, and a queue that lasts for a second is many times as large as the
 * processor's caches. Since 2.2 fetch.queue.backoff.ms says how often it looks; before, it also looks whenever it has something else
 * to do for the partition's broker. So while events are read at such a rate, all leaders are asked for the ends of the
 * partitions, which costs them next to nothing, and the answers are not used. Where a leader is away that takes up to a second, and
 * the others are looked at as seldom as by librdkafka itself.
 *
 * Thread: prefetch_start and _stop from one. Memory: rk and the counter are borrowed until prefetch_stop.
 */
#pragma once
#include "base/counter.h"
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* How often librdkafka is to look, ms: by its own property, or by this thread. */
#define PREFETCH_EVERY_MS 50

/* Whether this librdkafka has a property for it: then no thread is needed. */
bool prefetch_is_property(void);

struct prefetch;

/* queue_bytes: what the queue holds, of values; read: bytes that were taken out of it, which may be a little more. NULL: no thread is
 * needed. */
struct prefetch *prefetch_start(rd_kafka_t *rk, int64_t queue_bytes, const struct counter *read);
/* Ends the thread; a question that is under way is waited for. Accepts NULL. */
void prefetch_stop(struct prefetch *p);

/* How fast the queue is emptied. */
struct prefetch_pace {
    int64_t queue_bytes;
    int64_t read, at_us; /* bytes, at the last look, and when that was */
    int64_t until_us;    /* it was that fast in the second before */
};

/* A look: whether at some time in the second before `now_us`, which is later than at the last one, the queue was emptied so fast that a
 * full one does not last for a second. */
bool prefetch_is_fast(struct prefetch_pace *pace, int64_t read, int64_t now_us);
