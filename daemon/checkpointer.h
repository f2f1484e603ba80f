/* checkpointer.h - the way of checkpoints from the writer to the disk: rows are copied in slices between events and
 * handed over in two batches that go round; a thread of its own puts them into the store and commits.
 *
 * The writer waits for nobody: while the disk is slow or full both batches are away, nothing is copied, and what changes
 * is noted (aggregators/copying.h), which is bounded by the number of records. A round that could not be stored is
 * copied again with the next one.
 *
 * A checkpoint is committed only when each dead letter of what it has counted has been reported, since the message is not
 * read again after it.
 *
 * Thread: as each function says. Memory: the store is taken over.
 */
#pragma once
#include "aggregators/cut.h"
#include "aggregators/shard.h"
#include "base/counter.h"
#include "base/ring.h"
#include "checkpoint/store.h"

struct checkpointer;

struct checkpointer_counters {
    struct counter stored;           /* checkpoints */
    struct counter failed;           /* rounds that could not be stored */
    struct counter rows, bytes;      /* of what was stored, ever */
    struct counter stored_at_us;     /* monotonic: when the last one that was stored had begun; 0 before */
    struct counter took_us;          /* the last one, from its beginning to the disk */
    struct counter longest_slice_us; /* that the writer copied at a time */
};

struct checkpointer_options {
    int64_t every_ms;
    struct store *store;           /* open for writing */
    uint32_t cleared;              /* bit k: rows of kept events of that kind are of no use any more */
    const struct counter *letters; /* how many dead letters since the start have been reported without a gap */
    /* After each commit, on the thread: what is on the disk. */
    void (*stored)(void *context, const struct cut *cut);
    void *context;
};

/* Main, before the writer's thread starts: from here on the shard notes what changes. The thread starts at once. */
struct checkpointer *checkpointer_create(const struct checkpointer_options *options, struct shard *shard,
                                         struct ring *bell);
/* Main, after the writer's thread has ended. NULL is allowed. */
void checkpointer_destroy(struct checkpointer *c);

/* Writer, between events: goes on with the round, or begins one when it is due. */
void checkpointer_step(struct checkpointer *c, struct shard *shard);
/* Writer: microseconds until the next step has something to do, INT64_MAX: the bell says so. */
int64_t checkpointer_due_us(const struct checkpointer *c, const struct shard *shard);
/* Writer, at the end: stores what there is, ringing the bell meanwhile. False: not by the deadline (monotonic). */
bool checkpointer_finish(struct checkpointer *c, struct shard *shard, int64_t deadline_us);

const struct checkpointer_counters *checkpointer_counters(const struct checkpointer *c);
