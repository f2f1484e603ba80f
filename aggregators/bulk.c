#include "aggregators/bulk.h"
#include "base/error.h"
#include "base/handoff.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A key is the stream and then the time, in as many steps as the other bits tell apart. */
enum { DIGIT_BITS = 13, DIGITS = 3, STREAM_BITS = 6, TIME_BITS = DIGIT_BITS * DIGITS - STREAM_BITS };
_Static_assert(STREAM_COUNT <= 1 << STREAM_BITS, "a key holds a stream");

enum { AHEAD = 8 }; /* items that are fetched before they are needed */

/* So few are added one by one. */
enum { FEW = 32 };

struct item {
    struct contribution c;
    struct bulk_counts who;
    int sign;
};

struct sorted {
    uint64_t key;
    uint32_t item;
};

struct batch {
    struct item *items;
    uint32_t count, room;
    struct entity *entities; /* to which they go: as many as there were when it was flushed */
    uint32_t entity_count;
};

/* Of whoever adds a batch to the trees. */
struct workspace {
    uint32_t room;         /* for items in each of: */
    struct item *in_order; /* by stream and time */
    struct sorted *order, *spare;
    struct row *rows;                  /* what goes into one tree */
    uint32_t stream_end[STREAM_COUNT]; /* where those of each end in in_order */
    uint32_t *by_entity;               /* items in order, those of an entity together; as many as count for entities */
    uint32_t by_entity_room;
    struct touched {
        uint32_t id, end; /* where its items end in by_entity */
    } * touched;          /* entities for which some count */
    uint32_t touched_count, touched_room;
    uint32_t *touched_as; /* by entity: number among these + 1, 0 = not touched */
    uint32_t touched_as_room;
};

struct bulk {
    uint32_t most; /* that are gathered */
    bool has_thread;
    struct batch *filling, *idle; /* idle: NULL while the thread has it */
    struct workspace workspace;
    struct handoff *full, *added; /* to the thread, and back; NULL: it does not run */
    pthread_t thread;
};

static void batch_destroy(struct batch *b)
{
    if (b == NULL)
        return;
    free(b->items);
    free(b);
}

static void need_room(struct workspace *w, uint32_t room)
{
    if (room <= w->room)
        return;
    w->room = room;
    w->in_order = must_realloc(w->in_order, room * sizeof *w->in_order);
    w->order = must_realloc(w->order, room * sizeof *w->order);
    w->spare = must_realloc(w->spare, room * sizeof *w->spare);
    w->rows = must_realloc(w->rows, room * sizeof *w->rows);
}

static void workspace_fini(struct workspace *w)
{
    free(w->in_order);
    free(w->order);
    free(w->spare);
    free(w->rows);
    free(w->by_entity);
    free(w->touched);
    free(w->touched_as);
}

bool bulk_is_full(const struct bulk *b)
{
    return b->filling->count >= b->most;
}

void bulk_limit(struct bulk *b, uint32_t most)
{
    b->most = most;
}

bool bulk_is_empty(const struct bulk *b)
{
    return b->filling->count == 0;
}

void bulk_gather(struct bulk *bulk, const struct bulk_counts *who, const struct contribution *c, int sign)
{
    struct batch *b = bulk->filling;
    REQUIRE(b->count < bulk->most);
    b->items = must_grow(b->items, &b->room, b->count, sizeof *b->items);
    struct item *i = &b->items[b->count++];
    i->c = *c;
    i->who = *who;
    i->sign = sign;
}

static void fetch(const void *item)
{
    __builtin_prefetch(item);
    __builtin_prefetch((const char *)item + 64);
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
static void sort_by_digit(const struct sorted *from, struct sorted *to, uint32_t count, unsigned digit)
{
    uint32_t begin[1 << DIGIT_BITS] = {0};
    const uint32_t mask = (1u << DIGIT_BITS) - 1;
    const unsigned shift = digit * DIGIT_BITS;
    for (uint32_t i = 0; i < count; i++)
        begin[from[i].key >> shift & mask]++;
    set_begins(begin, mask + 1);
    for (uint32_t i = 0; i < count; i++)
        to[begin[from[i].key >> shift & mask]++] = from[i];
}

static void sort_by_stream_and_time(const struct batch *b, struct workspace *w)
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
        uint64_t step = ((uint64_t)c->at_us - (uint64_t)least_us) >> shift;
        w->spare[i] = (struct sorted){(uint64_t)c->stream << TIME_BITS | step, i};
    }
    sort_by_digit(w->spare, w->order, b->count, 0);
    sort_by_digit(w->order, w->spare, b->count, 1);
    sort_by_digit(w->spare, w->order, b->count, 2);
}

static void put_in_order(const struct batch *b, struct workspace *w)
{
    sort_by_stream_and_time(b, w);
    for (uint32_t i = 0; i < b->count; i++) {
        if (i + AHEAD < b->count)
            fetch(&b->items[w->order[i + AHEAD].item]);
        w->in_order[i] = b->items[w->order[i].item];
    }
    for (uint32_t s = 0, i = 0; s < STREAM_COUNT; s++) {
        while (i < b->count && w->order[i].key >> TIME_BITS == s)
            i++;
        w->stream_end[s] = i;
    }
}

/* One more item of the entity. */
static void touch(struct workspace *w, uint32_t id)
{
    if (w->touched_as[id] == 0) {
        w->touched = must_grow(w->touched, &w->touched_room, w->touched_count, sizeof *w->touched);
        w->touched[w->touched_count++] = (struct touched){id, 0};
        w->touched_as[id] = w->touched_count;
    }
    w->touched[w->touched_as[id] - 1].end++;
}

/* Items of touched[i] are by_entity[touched[i - 1].end] to by_entity[touched[i].end - 1] then, in order. */
static void group_by_entity(struct workspace *w, uint32_t items, uint32_t entities)
{
    if (w->touched_as_room < entities) {
        w->touched_as = must_realloc(w->touched_as, entities * sizeof *w->touched_as);
        memset(w->touched_as + w->touched_as_room, 0, (entities - w->touched_as_room) * sizeof *w->touched_as);
        w->touched_as_room = entities;
    }
    w->touched_count = 0;
    for (uint32_t i = 0; i < items; i++)
        for (uint32_t id = 0; id < w->in_order[i].who.id_count; id++)
            touch(w, w->in_order[i].who.ids[id]);
    uint32_t sum = 0;
    for (uint32_t t = 0; t < w->touched_count; t++) {
        uint32_t here = w->touched[t].end;
        w->touched[t].end = sum;
        sum += here;
    }
    if (sum > w->by_entity_room) {
        free(w->by_entity);
        w->by_entity_room = sum + sum / 4;
        w->by_entity = must_alloc(w->by_entity_room * sizeof *w->by_entity);
    }
    for (uint32_t i = 0; i < items; i++) {
        const struct bulk_counts *who = &w->in_order[i].who;
        for (uint32_t id = 0; id < who->id_count; id++)
            w->by_entity[w->touched[w->touched_as[who->ids[id]] - 1].end++] = i;
    }
    for (uint32_t t = 0; t < w->touched_count; t++)
        w->touched_as[w->touched[t].id] = 0;
}

static bool is_less(const struct row *a, const struct row *b)
{
    return row_less(a->at_us, a->value, b->at_us, b->value);
}

static int compare_rows(const void *a, const void *b)
{
    return is_less(a, b) ? -1 : is_less(b, a);
}

/* They are in order but within a step of time, of which there are mostly few. */
static void sort_rows(struct row *rows, uint32_t count)
{
    uint64_t moves = 0;
    for (uint32_t i = 1; i < count; i++) {
        struct row row = rows[i];
        uint32_t at = i;
        for (; at > 0 && is_less(&row, &rows[at - 1]); at--, moves++)
            rows[at] = rows[at - 1];
        rows[at] = row;
        if (moves > UINT64_C(16) * count) {
            qsort(rows, count, sizeof *rows, compare_rows);
            return;
        }
    }
}

/* Items [from, to) of by_entity, which are of one stream, to that of the entity, or of the pair. Returns for which pairs
 * some of them count. */
static uint64_t add_rows(struct workspace *w, struct entity *e, uint32_t from, uint32_t to, unsigned stream, int pair)
{
    uint32_t count = 0;
    uint64_t own = 0;
    bool is_valued = pair < 0 && stream_infos[stream].valued;
    for (uint32_t i = from; i < to; i++) {
        const struct item *item = &w->in_order[w->by_entity[i]];
        if (i + AHEAD < to)
            fetch(&w->in_order[w->by_entity[i + AHEAD]]);
        own |= item->who.own;
        if (pair >= 0 && !(item->who.own >> pair & 1))
            continue;
        if (pair < 0 && !entity_note(e, &item->c, item->sign))
            continue;
        struct row *row = &w->rows[count++];
        row->at_us = entity_row_us(e, stream, item->c.at_us);
        row->value = is_valued ? item->c.value : 0;
        for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++)
            row->measures[m] = contribution_factor(item->sign) * item->c.measures[m];
    }
    sort_rows(w->rows, count);
    entity_add_sorted(e, stream, pair, w->rows, count);
    return own;
}

/* One after the other. */
static void add_few(struct batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const struct item *item = &b->items[i];
        for (uint32_t id = 0; id < item->who.id_count; id++)
            entity_add_all(&b->entities[item->who.ids[id]], &item->c, item->who.own, item->sign);
    }
}

/* Of those that come soon. */
static void fetch_entities(const struct batch *b, const struct workspace *w, uint32_t t)
{
    enum { STEPS = 4, APART = 2 };
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t ahead = t + APART * (STEPS - step);
        if (ahead < w->touched_count)
            entity_fetch(&b->entities[w->touched[ahead].id], step);
    }
}

static void add_many(struct batch *b, struct workspace *w)
{
    put_in_order(b, w);
    group_by_entity(w, b->count, b->entity_count);
    for (uint32_t t = 0, i = 0; t < w->touched_count; t++) {
        struct entity *e = &b->entities[w->touched[t].id];
        fetch_entities(b, w, t);
        for (unsigned s = 0; i < w->touched[t].end; s++) {
            uint32_t from = i;
            while (i < w->touched[t].end && w->by_entity[i] < w->stream_end[s])
                i++;
            if (i == from)
                continue;
            uint64_t own = add_rows(w, e, from, i, s, -1);
            for (; own != 0; own &= own - 1)
                add_rows(w, e, from, i, s, __builtin_ctzll(own));
        }
    }
}

static void add(struct bulk *bulk, struct batch *b)
{
    if (b->count <= FEW) {
        add_few(b);
    } else {
        need_room(&bulk->workspace, b->room);
        add_many(b, &bulk->workspace);
    }
    b->count = 0;
}

/* To the batch of nothing, which is the last one. */
static void *add_what_comes(void *context)
{
    struct bulk *bulk = context;
    for (struct batch *b; (b = handoff_await(bulk->full))->count > 0;) {
        add(bulk, b);
        handoff_put(bulk->added, b);
    }
    return NULL;
}

struct bulk *bulk_create(uint32_t most, bool has_thread)
{
    struct bulk *b = must_zalloc(sizeof *b);
    b->most = most;
    b->has_thread = has_thread;
    b->filling = must_zalloc(sizeof *b->filling);
    return b;
}

static void begin_thread(struct bulk *b)
{
    b->idle = must_zalloc(sizeof *b->idle);
    b->full = handoff_create();
    b->added = handoff_create();
    REQUIRE(pthread_create(&b->thread, NULL, add_what_comes, b) == 0);
    pthread_setname_np(b->thread, "bulk");
}

/* The thread has nothing then, and the way to it is free. */
static struct batch *take_idle(struct bulk *b)
{
    struct batch *idle = b->idle != NULL ? b->idle : handoff_await(b->added);
    b->idle = NULL;
    return idle;
}

void bulk_flush(struct bulk *b, struct entity *entities, uint32_t count)
{
    struct batch *batch = b->filling;
    if (batch->count == 0)
        return;
    batch->entities = entities;
    batch->entity_count = count;
    if (b->full == NULL && !(b->has_thread && bulk_is_full(b))) {
        add(b, batch); /* few in all are not worth a thread */
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
    batch_destroy(last);
    handoff_destroy(b->full);
    handoff_destroy(b->added);
}

void bulk_destroy(struct bulk *b)
{
    if (b == NULL)
        return;
    if (b->full != NULL)
        end_thread(b);
    batch_destroy(b->filling);
    workspace_fini(&b->workspace);
    free(b);
}

uint64_t bulk_bytes(const struct bulk *b)
{
    if (b == NULL)
        return 0;
    const struct workspace *w = &b->workspace;
    return sizeof *b + sizeof *b->filling + b->filling->room * sizeof *b->filling->items +
           w->room * (sizeof *w->in_order + 2 * sizeof *w->order + sizeof *w->rows) +
           w->by_entity_room * sizeof *w->by_entity + w->touched_room * sizeof *w->touched +
           w->touched_as_room * sizeof *w->touched_as;
}
