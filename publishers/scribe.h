/* scribe.h - an entity of a snapshot, compared with what was last written, into the batch.
 *
 * Thread: the publisher's. Memory: init to fini; config, changes and batch are borrowed.
 */
#pragma once
#include "aggregators/own.h"
#include "aggregators/snapshot.h"
#include "config/config.h"
#include "publishers/batch.h"
#include "publishers/changes.h"
#include "publishers/render.h"
#include <stdbool.h>
#include <stddef.h>

struct scribe {
    const struct config *config;
    struct changes *changes;
    struct batch *batch;
    struct rendered rendered;
    struct arguments changed; /* the rendered fields but those that stand */
    struct arguments about;
    struct own_plan own;
    struct buffer series;
    uint64_t *series_stand; /* hash of each series key of an entity, by (entity, series, KPI); 0: there is none */
    uint32_t series_room;   /* entities */
    int money_decimals;
};

void scribe_init(struct scribe *s, const struct config *config, struct changes *changes, struct batch *batch);
void scribe_fini(struct scribe *s);

/* The hash and the boards of one window of an entity. as_of and seq are of the publish. True: it has a value there. */
bool scribe_window(struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned window, struct text as_of,
                   int64_t seq);
/* Its points for charts. */
void scribe_series(struct scribe *s, const struct snapshot *snapshot, size_t entity);
/* Nothing of them is known any more. */
void scribe_forget(struct scribe *s);
/* After its windows: any: in one of them it has a value, and so it is an entity for readers. */
void scribe_entity(struct scribe *s, const struct snapshot *snapshot, size_t entity, bool any);
