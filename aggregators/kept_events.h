/* kept_events.h - what the events of one record said, each by itself, in the order of their stamps.
 *
 * For what depends on every version of a record, not only on the one that stands: books (book.h) and targets (target.h).
 *
 * Thread: the shard's writer. Memory: of all zero bytes to kept_events_fini.
 */
#pragma once
#include "aggregators/event.h"
#include "aggregators/record.h"
#include <stdbool.h>
#include <stdint.h>

/* What one event said. */
struct kept_event {
    struct stamp stamp;
    int64_t occurred_at_us;
    uint32_t carried, cleared;
    bool deleted;
    int64_t values[FIELD_COUNT_MAX]; /* of fields that it carried and did not clear; else 0. Texts are numbers */
};

struct kept_events {
    struct kept_event *at; /* by stamp */
    unsigned count, room;
};

enum kept { KEPT, KEPT_ALREADY, KEPT_TOO_OLD };

void kept_events_fini(struct kept_events *k);
/* Keeps what the event said; `values` as of ledger_values. Beyond `most` events the one with the least stamp falls out:
 * KEPT_TOO_OLD where that is this one. O(events). */
enum kept kept_events_take(struct kept_events *k, unsigned most, const struct event *e,
                           const struct record_value *values);
/* Whether the event gave the field a value. */
bool kept_event_sets(const struct kept_event *e, unsigned field);

/* For a checkpoint. `holds` as in record.h. Reading begins with none kept; false: these are no bytes of
 * kept_events_write, or more than `most` events, and none is kept. */
void kept_events_write(const struct kept_events *k, struct buffer *out);
bool kept_events_read(struct kept_events *k, enum record_kind kind, unsigned most, struct text bytes,
                      bool (*holds)(const void *context, enum record_kind kind, unsigned field, int64_t value),
                      const void *context);
