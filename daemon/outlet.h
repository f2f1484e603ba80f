/* outlet.h - the way of snapshots from the writer to one reader and back: two of them go round, no queue.
 *
 * The writer fills one while the reader holds the other; if the reader still has both, what changes collects
 * into the next one. A reader that has lost track asks for everything.
 *
 * Thread: as each function says. Memory: outlet_init to outlet_fini, when both threads are done.
 */
#pragma once
#include "aggregators/shard.h"
#include "aggregators/snapshot.h"
#include "base/counter.h"
#include "daemon/exchange.h"
#include <stdbool.h>
#include <stdint.h>

struct outlet {
    /* writer only */
    enum reader reader;
    int64_t asks_seen;        /* asks for everything that were met */
    int64_t put_us;           /* monotonic: when the last snapshot was handed over */
    struct snapshot *at_hand; /* while it is cut; else NULL */

    struct exchange exchange; /* of snapshots; the reader sleeps at its `full` */
    struct counter asks;      /* reader adds */
    struct counter done_us;   /* reader sets: monotonic, when it was done with its last snapshot ... */
    struct counter took_us;   /* ... and how long that had taken */
};

void outlet_init(struct outlet *o, enum reader reader, struct ring *bell);
void outlet_fini(struct outlet *o);

/* Writer: whether a snapshot can be cut and handed over right now. */
bool outlet_is_ready(struct outlet *o);
/* Writer: whether the reader waits for everything. */
bool outlet_wants_everything(const struct outlet *o);
/* Writer: when the reader is likely to be done with what it has (monotonic), as quick as with the last one; or was done with the
 * last one, where it has nothing, by what outlet_is_ready has seen. */
int64_t outlet_free_at_us(const struct outlet *o);
/* Any thread: how long the reader took for the last one. */
int64_t outlet_took_us(const struct outlet *o);
/* Writer: begins to cut; it must be ready. */
void outlet_cut_begin(struct outlet *o, struct shard *s);
/* Writer: copies about `budget` entities. True: those were all, and the snapshot is handed over; *out_live: whether it is live. */
bool outlet_cut_step(struct outlet *o, struct shard *s, unsigned budget, bool *out_live);

/* Reader: the next snapshot, with its entities in order, or NULL. */
struct snapshot *outlet_take(struct outlet *o);
void outlet_give_back(struct outlet *o, struct snapshot *s);
/* Reader: what it gives back next it has worked at from then till now (monotonic). */
void outlet_tell_work(struct outlet *o, int64_t from_us, int64_t now_us);
/* Reader: the next snapshot but those that are on their way will hold everything. */
void outlet_ask_everything(struct outlet *o);
