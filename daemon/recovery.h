/* recovery.h - the start: what the checkpoint holds, or nothing; and the store for the next ones.
 *
 * A store that is damaged is set aside and kpid begins with the earliest offsets, as without one. One of a newer kpid, or
 * one that lacks histories which the configuration asks for, is refused: a person decides.
 *
 * Thread: main's, before any other exists (checkpoint_load forks).
 */
#pragma once
#include "aggregators/shard.h"
#include "base/calendar.h"
#include "checkpoint/store.h"
#include "config/config.h"
#include "consumers/kafka.h"

struct recovery {
    struct shard *shard;           /* the caller's */
    struct store *store;           /* open for writing, the caller's; NULL: no checkpoints */
    uint32_t cleared;              /* for struct checkpointer_options */
    struct consumer_start *starts; /* where to go on reading; freed by recovery_fini */
    size_t start_count;
};

/* `folder` may be "": no checkpoints. from_start: what is stored is set aside. Returns the exit status: EX_OK, or why kpid
 * cannot start, which has been logged. */
int recovery_run(const struct config *config, const struct calendar *calendar, const char *folder, bool from_start,
                 struct recovery *out);
void recovery_fini(struct recovery *r);
