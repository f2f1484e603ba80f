/* disk.h - what is kept on disk: the rows of checkpoints, in the place of checkpoint/store.c and LMDB.
 *
 * The protocol around it is the real one: the writer's copies, the checkpointer's thread, recovery. The disk loses what
 * was not committed, may be full, may be damaged, and may have said of a commit that it is safe when it was not.
 *
 * Thread: one. Memory: disk_init to disk_fini; it outlives the processes that use it.
 */
#pragma once
#include "tests/simulator/kafka_model.h"
#include "tests/simulator/redis_data.h"
#include <stdbool.h>
#include <stdint.h>

enum disk_mood { DISK_FINE, DISK_FULL, DISK_LYING, DISK_MOOD_COUNT };

struct disk_row {
    uint64_t key; /* the table, and the number in the lower half */
    struct word *bytes;
};

/* By key, ascending. */
struct disk_rows {
    struct disk_row *at;
    uint32_t count, room;
};

struct disk {
    enum disk_mood mood;
    struct disk_rows rows, before; /* before: the one that a lying disk may fall back to */
    bool unsafe;                   /* the last commit is not on the disk yet */
    bool damaged;
    int64_t from[PARTITIONS_MAX]; /* O1 of what is committed: to be read from here again */
};

void disk_init(struct disk *d);
void disk_fini(struct disk *d);
/* The process was killed, or the machine has lost power: what was not committed is gone. */
void disk_crash(struct disk *d);
/* Everything is gone. */
void disk_lose(struct disk *d);
bool disk_has_checkpoint(const struct disk *d);

struct store;
/* A transaction of a process that is gone. */
void disk_forget(struct store *s);

/* The folder of an instance: "0", "1" ... */
#define DISK_FOLDER_SIZE 4
