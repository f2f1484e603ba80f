/* seen.h - what the last snapshot said about itself, kept after it has been given back.
 *
 * Thread: the publisher's. Memory: init to fini.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

struct seen {
    bool any, live;
    int64_t as_of_us;
    struct snapshot_position *positions; /* their topics are ours */
    size_t position_count;
    int64_t gaps;
    struct buffer offsets;  /* JSON */
    struct buffer accounts; /* JSON */
};

void seen_init(struct seen *s);
void seen_fini(struct seen *s);
void seen_take(struct seen *s, const struct snapshot *snapshot);
