#include "aggregators/bulk.h"
#include "base/error.h"
#include "base/handoff.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A key is the stream and then the time, in as many steps as the other bits tell apart: what falls into one step meets
 * one leaf or its neighbour anyway. */
enum { DIGIT_BITS = 13, DIGITS = 2, STREAM_BITS = 6, TIME_BITS = DIGIT_BITS * DIGITS - STREAM_BITS };
_Static_assert(STREAM_COUNT <= 1 << STREAM_BITS, "a key holds a stream");

enum { AHEAD = 8 }; /* items that are fetched before they are needed */

/* On two lines of the cache, and no third one. */
struct item {
    _Alignas(64) struct contribution c; /* negated where it is taken back */
    uint64_t own;
    uint32_t ids[DIMENSION_COUNT];
    uint32_t id_count;
};
_Static_assert(sizeof(struct item) == 128, "two lines");

struct sorted {
    uint32_t key, item;
};

struct batch {
    struct item items[BULK_ITEMS];
    struct sorted order[BULK_ITEMS], spare[BULK_ITEMS];
    uint32_t by_entity[BULK_ITEMS * DIMENSION_COUNT]; /* items, those of an entity together */
    uint32_t count, id_count;
    struct entity *entities;
    uint32_t entity_count;
};

struct bulk {
    struct batch *filling, *idle; /* idle: NULL while the thread has it */
    struct handoff *full, *added; /* to the thread, and back; NULL: there is none yet */
    pthread_t thread;
};

static struct batch *batch_create(void)
{
    struct batch *b = aligned_alloc(64, sizeof *b);
    REQUIRE(b != NULL);
    b->count = b->id_count = 0;
    return b;
}

static struct batch *wait_for(struct handoff *h)
{
    struct batch *b;
    while ((b = handoff_take(h)) == NULL)
        handoff_wait(h, -1);
    return b;
}

bool bulk_is_full(const struct bulk *b)
{
    return b->filling->count == BULK_ITEMS;
}

void bulk_gather(struct bulk *bulk, const struct contribution *c, uint64_t own, int sign)
{
    struct batch *b = bulk->filling;
    REQUIRE(b->count < BULK_ITEMS);
    struct item *i = &b->items[b->count++];
    i->c = *c;
    i->own = own;
    i->id_count = 0;
    for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++)
        i->c.measures[m] *= sign;
}

void bulk_count_for(struct bulk *bulk, uint32_t entity)
{
    struct batch *b = bulk->filling;
    struct item *i = &b->items[b->count - 1];
    REQUIRE(i->id_count < DIMENSION_COUNT);
    i->ids[i->id_count++] = entity;
    b->id_count++;
}

static void fetch(const struct item *item)
{
    __builtin_prefetch(item);
    __builtin_prefetch(item->ids);
}

/* From how many there are of each, to where those of each begin. */
static void set_begins(uint32_t *counts, uint32_t count)
{
    for (uint32_t i = 0, sum = 0; i < count; i++) {
        uint32_t here = counts[i];
        counts[i] = sum;
        sum += here;
    }
}

/* Moves `from` to `to` in the order of one digit; what has the same one stays as it was. */
static void sort_by_digit(const struct sorted *from, struct sorted *to, uint32_t count, unsigned shift)
{
    uint32_t begin[1 << DIGIT_BITS] = {0};
    const uint32_t mask = (1u << DIGIT_BITS) - 1;
    for (uint32_t i = 0; i < count; i++)
        begin[from[i].key >> shift & mask]++;
    set_begins(begin, mask + 1);
    for (uint32_t i = 0; i < count; i++)
        to[begin[from[i].key >> shift & mask]++] = from[i];
}

static void sort_by_stream_and_time(struct batch *b)
{
    int64_t least_us = INT64_MAX, most_us = INT64_MIN;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t at_us = b->items[i].c.at_us;
        least_us = at_us < least_us ? at_us : least_us;
        most_us = at_us > most_us ? at_us : most_us;
    }
    unsigned shift = 0;
    while ((((uint64_t)most_us - (uint64_t)least_us) >> shift) >> TIME_BITS != 0)
        shift++;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct contribution *c = &b->items[i].c;
        uint32_t step = (uint32_t)(((uint64_t)c->at_us - (uint64_t)least_us) >> shift);
        b->order[i] = (struct sorted){(uint32_t)c->stream << TIME_BITS | step, i};
    }
    sort_by_digit(b->order, b->spare, b->count, 0);
    sort_by_digit(b->spare, b->order, b->count, DIGIT_BITS);
}

/* Items of entity e are by_entity[end[e - 1]] to by_entity[end[e] - 1] then, in order. */
static void group_by_entity(struct batch *b, uint32_t *end, uint32_t count)
{
    for (uint32_t i = 0; i < b->count; i++)
        for (uint32_t id = 0; id < b->items[i].id_count; id++)
            end[b->items[i].ids[id]]++;
    set_begins(end, count);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct item *item = &b->items[b->order[i].item];
        if (i + AHEAD < b->count)
            fetch(&b->items[b->order[i + AHEAD].item]);
        for (uint32_t id = 0; id < item->id_count; id++)
            b->by_entity[end[item->ids[id]]++] = b->order[i].item;
    }
}

static void add(struct batch *b)
{
    uint32_t *end = must_zalloc((b->entity_count + 1ul) * sizeof *end);
    sort_by_stream_and_time(b);
    group_by_entity(b, end, b->entity_count);
    for (uint32_t e = 0, i = 0; e < b->entity_count; e++) {
        for (; i < end[e]; i++) {
            const struct item *item = &b->items[b->by_entity[i]];
            if (i + AHEAD < b->id_count)
                fetch(&b->items[b->by_entity[i + AHEAD]]);
            entity_add_all(&b->entities[e], &item->c, item->own, +1);
        }
    }
    free(end);
    b->count = b->id_count = 0;
}

/* To the batch of nothing, which is the last one. */
static void *add_what_comes(void *context)
{
    struct bulk *bulk = context;
    for (struct batch *b; (b = wait_for(bulk->full))->count > 0;) {
        add(b);
        handoff_put(bulk->added, b);
    }
    return NULL;
}

struct bulk *bulk_create(void)
{
    struct bulk *b = must_zalloc(sizeof *b);
    b->filling = batch_create();
    return b;
}

static void begin_thread(struct bulk *b)
{
    b->idle = batch_create();
    b->full = handoff_create();
    b->added = handoff_create();
    REQUIRE(pthread_create(&b->thread, NULL, add_what_comes, b) == 0);
    pthread_setname_np(b->thread, "bulk");
}

/* The thread has nothing then, and the way to it is free. */
static struct batch *take_idle(struct bulk *b)
{
    struct batch *idle = b->idle != NULL ? b->idle : wait_for(b->added);
    b->idle = NULL;
    return idle;
}

void bulk_flush(struct bulk *b, struct entity *entities, uint32_t count)
{
    struct batch *batch = b->filling;
    batch->entities = entities;
    batch->entity_count = count;
    if (batch->count == 0)
        return;
    if (b->full == NULL && !bulk_is_full(b)) {
        add(batch); /* few in all: they are not worth a thread */
        return;
    }
    if (b->full == NULL)
        begin_thread(b);
    b->filling = take_idle(b);
    handoff_put(b->full, batch);
}

static void end_thread(struct bulk *b)
{
    struct batch *last = take_idle(b);
    last->count = 0;
    handoff_put(b->full, last);
    REQUIRE(pthread_join(b->thread, NULL) == 0);
    free(last);
    handoff_destroy(b->full);
    handoff_destroy(b->added);
}

void bulk_destroy(struct bulk *b)
{
    if (b == NULL)
        return;
    if (b->full != NULL)
        end_thread(b);
    free(b->filling);
    free(b);
}
