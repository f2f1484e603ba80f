/* timers.h - what waits for its instant: one instant an id, the earliest first.
 *
 * A binary heap with the place of each id, so that an instant can be moved. Ids are dense.
 * Thread: one at a time. Cost: O(log ids); timers_first O(1). Memory: timers_init to timers_fini.
 */
#pragma once
#include "base/paged.h"
#include <stdint.h>

#define TIMERS_NEVER INT64_MAX

struct timer {
    int64_t at_us;
    uint32_t id;
};

struct timers {
    struct paged heap; /* of struct timer; the first `count` of them */
    uint32_t count;
    struct paged place_of; /* uint32_t, by id: index in the heap + 1, 0 = not there */
};

void timers_init(struct timers *t);
void timers_fini(struct timers *t);
/* Sets or moves the instant of an id; TIMERS_NEVER takes it out. */
void timers_set(struct timers *t, uint32_t id, int64_t at_us);
/* The earliest instant, TIMERS_NEVER where nothing waits. */
int64_t timers_first(const struct timers *t);
/* Its id; something must wait. */
uint32_t timers_first_id(const struct timers *t);
/* Takes the earliest out and gives its id; something must wait. */
uint32_t timers_pop(struct timers *t);
/* Bytes on the heap. */
uint64_t timers_bytes(const struct timers *t);
