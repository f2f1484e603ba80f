/* cut.h - the instant that a checkpoint speaks for: how far each partition had been read, and what had been counted.
 *
 * Records are copied one after the other while events go on (AMENDMENT IV.4), so a checkpoint has two instants. Its
 * counters and `offset`s are those of before the first copy: from there the events are read again, and those that the
 * records know already change nothing. By `reached` the last copy had been made: before that, what stands is of no one
 * instant, and is shown to nobody.
 *
 * Thread: any; plain memory. Memory: cut_init to cut_fini.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* Histories that are kept only where the configuration asks for them. */
enum { CUT_KEEPS_OWNERS = 1, CUT_KEEPS_BOOKS = 2 };

struct cut_position {
    char *topic;
    int32_t partition;
    int64_t offset;  /* the next one to read; -1 = nothing was read */
    int64_t reached; /* at least offset */
    int64_t earlier; /* as in struct snapshot_position */
    /* The last message before `offset`, where has_message: by these it is known again. */
    bool has_message;
    int64_t message_offset; /* offset - 1, or less where control records lie between */
    int64_t kafka_ms;
    uint64_t hash; /* event.message_hash */
};

struct cut {
    uint32_t keeps;
    int64_t now_us, latest_us; /* as of shard_now_us, shard_latest_us */
    struct accounts accounts;
    struct cut_position *positions;
    size_t position_count;
};

void cut_init(struct cut *c);
void cut_fini(struct cut *c);
/* A position with the topic's name copied; the caller fills in the rest. */
struct cut_position *cut_add(struct cut *c, struct text topic, int32_t partition);
/* NULL where there is none. */
struct cut_position *cut_find(const struct cut *c, struct text topic, int32_t partition);
void cut_write(const struct cut *c, struct buffer *out);
/* `out` is initialised. False: these are no bytes of cut_write, and `out` is to be thrown away. */
bool cut_read(struct text bytes, struct cut *out);
