/* restoration.h - a shard from the rows of a checkpoint: they are taken in one after the other and looked through, and
 * what they hold is then derived anew (shard_restore).
 *
 * Thread: one at a time. Memory: restoration_create to _destroy, or to shard_restore, which takes it over.
 */
#pragma once
#include "aggregators/copying.h"
#include "aggregators/cut.h"
#include "aggregators/kept_events.h"
#include "aggregators/ledger.h"
#include "aggregators/stored.h"
#include <stdbool.h>
#include <stdint.h>

struct restored_events {
    struct kept_events events;
    bool is_cut;
};

struct restoration {
    struct ledger ledger;
    struct restored_events *events[KIND_COUNT]; /* by slot */
    uint32_t event_room[KIND_COUNT];
    struct cut cut;
    bool has_cut;
};

struct restoration *restoration_create(void);
/* NULL is allowed. */
void restoration_destroy(struct restoration *r);
/* Rows come by (table, number) ascending, and none of them is left out. False: the row is damaged, or one before it is
 * missing; the restoration can only be destroyed. */
bool restoration_take(struct restoration *r, const struct stored_row *row);
