#include "aggregators/timers.h"
#include "base/error.h"

void timers_init(struct timers *t)
{
    *t = (struct timers){0};
}

void timers_fini(struct timers *t)
{
    paged_fini(&t->heap);
    paged_fini(&t->place_of);
    *t = (struct timers){0};
}

static struct timer *at(const struct timers *t, uint32_t index)
{
    return paged_at(&t->heap, index, sizeof(struct timer));
}

static uint32_t *place_of(const struct timers *t, uint32_t id)
{
    return paged_at(&t->place_of, id, sizeof(uint32_t));
}

/* Of two timers of one instant the lower id goes first, so that the order is the same in every run. */
static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->id < b->id);
}

static void put(struct timers *t, uint32_t index, struct timer timer)
{
    *at(t, index) = timer;
    *place_of(t, timer.id) = index + 1;
}

static void sift(struct timers *t, uint32_t index, struct timer timer)
{
    while (index > 0 && earlier(&timer, at(t, (index - 1) / 2))) {
        put(t, index, *at(t, (index - 1) / 2));
        index = (index - 1) / 2;
    }
    for (;;) {
        uint32_t below = index * 2 + 1;
        if (below >= t->count)
            break;
        if (below + 1 < t->count && earlier(at(t, below + 1), at(t, below)))
            below++;
        if (!earlier(at(t, below), &timer))
            break;
        put(t, index, *at(t, below));
        index = below;
    }
    put(t, index, timer);
}

static void take_out(struct timers *t, uint32_t index)
{
    *place_of(t, at(t, index)->id) = 0;
    struct timer last = *at(t, --t->count);
    if (index < t->count)
        sift(t, index, last);
}

void timers_set(struct timers *t, uint32_t id, int64_t at_us)
{
    if (id >= paged_room(&t->place_of) && at_us == TIMERS_NEVER)
        return;
    uint32_t place = *(uint32_t *)paged_need(&t->place_of, id, sizeof(uint32_t));
    if (at_us == TIMERS_NEVER) {
        if (place != 0)
            take_out(t, place - 1);
        return;
    }
    if (place == 0) {
        paged_need(&t->heap, t->count, sizeof(struct timer));
        place = ++t->count;
    }
    sift(t, place - 1, (struct timer){at_us, id});
}

int64_t timers_first(const struct timers *t)
{
    return t->count > 0 ? at(t, 0)->at_us : TIMERS_NEVER;
}

uint32_t timers_first_id(const struct timers *t)
{
    REQUIRE(t->count > 0);
    return at(t, 0)->id;
}

uint32_t timers_pop(struct timers *t)
{
    uint32_t id = timers_first_id(t);
    take_out(t, 0);
    return id;
}

uint64_t timers_bytes(const struct timers *t)
{
    return paged_bytes(&t->heap, sizeof(struct timer)) + paged_bytes(&t->place_of, sizeof(uint32_t));
}
