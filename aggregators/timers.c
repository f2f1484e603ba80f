#include "aggregators/timers.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

void timers_init(struct timers *t)
{
    *t = (struct timers){0};
}

void timers_fini(struct timers *t)
{
    free(t->heap);
    free(t->place_of);
    *t = (struct timers){0};
}

/* Of two timers of one instant the lower id goes first, so that the order is the same in every run. */
static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->id < b->id);
}

static void put(struct timers *t, uint32_t index, struct timer timer)
{
    t->heap[index] = timer;
    t->place_of[timer.id] = index + 1;
}

static void sift(struct timers *t, uint32_t index, struct timer timer)
{
    while (index > 0 && earlier(&timer, &t->heap[(index - 1) / 2])) {
        put(t, index, t->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        uint32_t below = index * 2 + 1;
        if (below >= t->count)
            break;
        if (below + 1 < t->count && earlier(&t->heap[below + 1], &t->heap[below]))
            below++;
        if (!earlier(&t->heap[below], &timer))
            break;
        put(t, index, t->heap[below]);
        index = below;
    }
    put(t, index, timer);
}

static void take_out(struct timers *t, uint32_t index)
{
    t->place_of[t->heap[index].id] = 0;
    struct timer last = t->heap[--t->count];
    if (index < t->count)
        sift(t, index, last);
}

void timers_set(struct timers *t, uint32_t id, int64_t at_us)
{
    if (id >= t->ids) {
        if (at_us == TIMERS_NEVER)
            return;
        t->place_of = must_grow(t->place_of, &t->ids, id, sizeof *t->place_of);
    }
    uint32_t place = t->place_of[id];
    if (at_us == TIMERS_NEVER) {
        if (place != 0)
            take_out(t, place - 1);
        return;
    }
    if (place == 0) {
        if (t->count == t->room) {
            t->room = t->room > 0 ? t->room * 2 : 64;
            t->heap = must_realloc(t->heap, t->room * sizeof *t->heap);
        }
        place = ++t->count;
    }
    sift(t, place - 1, (struct timer){at_us, id});
}

int64_t timers_first(const struct timers *t)
{
    return t->count > 0 ? t->heap[0].at_us : TIMERS_NEVER;
}

uint32_t timers_pop(struct timers *t)
{
    REQUIRE(t->count > 0);
    uint32_t id = t->heap[0].id;
    take_out(t, 0);
    return id;
}

uint64_t timers_bytes(const struct timers *t)
{
    return (uint64_t)t->room * sizeof *t->heap + (uint64_t)t->ids * sizeof *t->place_of;
}
