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

/* On two lines of the cache, and no third one. */
struct item {
    _Alignas(64) struct contribution c;
    struct dimensions names;
};
_Static_assert(sizeof(struct item) == 128, "two lines");

/* The same, once it is known whom it counts for. */
struct placed {
    _Alignas(64) struct contribution c;
    struct bulk_counts who;
};
_Static_assert(sizeof(struct placed) == 128, "two lines");

struct sorted {
    uint64_t key;
    uint32_t item;
};

struct batch {
    struct item items[BULK_ITEMS];
    uint32_t count;
};

/* Of whoever adds a batch to the trees. */
struct workspace {
    struct placed in_order[BULK_ITEMS]; /* by stream and time */
    uint32_t stream_end[STREAM_COUNT];  /* where those of each end in it */
    struct sorted order[BULK_ITEMS], spare[BULK_ITEMS];
    uint32_t by_entity[BULK_ITEMS * DIMENSION_COUNT]; /* items in order, those of an entity together */
    struct row rows[BULK_ITEMS];                      /* what goes into one tree */
};

struct bulk {
    struct bulk_target target;
    struct batch *filling, *idle; /* idle: NULL while the thread has it */
    struct workspace *workspace;  /* the thread's, once there is one; NULL: nothing has been added yet */
    struct handoff *full, *added; /* to the thread, and back; NULL: there is none yet */
    pthread_t thread;
};

static void *aligned(size_t size)
{
    void *at = aligned_alloc(64, size);
    REQUIRE(at != NULL);
    return at;
}

static struct batch *batch_create(void)
{
    struct batch *b = aligned(sizeof *b);
    b->count = 0;
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

void bulk_gather(struct bulk *bulk, const struct dimensions *names, const struct contribution *c)
{
    struct batch *b = bulk->filling;
    REQUIRE(b->count < BULK_ITEMS);
    struct item *i = &b->items[b->count++];
    i->c = *c;
    i->names = *names;
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

static void put_in_order(const struct batch *b, const struct bulk_target *target, struct workspace *w)
{
    sort_by_stream_and_time(b, w);
    for (uint32_t i = 0; i < b->count; i++) {
        if (i + AHEAD < b->count)
            fetch(&b->items[w->order[i + AHEAD].item]);
        const struct item *item = &b->items[w->order[i].item];
        w->in_order[i].c = item->c;
        target->count(target->context, &item->names, &item->c, &w->in_order[i].who);
    }
    for (uint32_t s = 0, i = 0; s < STREAM_COUNT; s++) {
        while (i < b->count && w->order[i].key >> TIME_BITS == s)
            i++;
        w->stream_end[s] = i;
    }
}

/* Items of entity e are by_entity[end[e - 1]] to by_entity[end[e] - 1] then, in order. */
static void group_by_entity(struct workspace *w, uint32_t items, uint32_t *end, uint32_t count)
{
    for (uint32_t i = 0; i < items; i++)
        for (uint32_t id = 0; id < w->in_order[i].who.id_count; id++)
            end[w->in_order[i].who.ids[id]]++;
    set_begins(end, count);
    for (uint32_t i = 0; i < items; i++) {
        const struct bulk_counts *who = &w->in_order[i].who;
        for (uint32_t id = 0; id < who->id_count; id++)
            w->by_entity[end[who->ids[id]]++] = i;
    }
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
        const struct placed *item = &w->in_order[w->by_entity[i]];
        if (i + AHEAD < to)
            fetch(&w->in_order[w->by_entity[i + AHEAD]]);
        own |= item->who.own;
        if (pair >= 0 && !(item->who.own >> pair & 1))
            continue;
        struct row *row = &w->rows[count++];
        row->at_us = entity_row_us(e, stream, item->c.at_us);
        row->value = is_valued ? item->c.value : 0;
        memcpy(row->measures, item->c.measures, sizeof row->measures);
    }
    sort_rows(w->rows, count);
    entity_add_sorted(e, stream, pair, w->rows, count);
    return own;
}

static void add(struct batch *b, const struct bulk_target *target, struct workspace *w)
{
    uint32_t count;
    put_in_order(b, target, w);
    struct entity *entities = target->entities(target->context, &count);
    uint32_t *end = must_zalloc((count + 1ul) * sizeof *end);
    group_by_entity(w, b->count, end, count);
    for (uint32_t e = 0, i = 0; e < count; e++) {
        for (unsigned s = 0; i < end[e]; s++) {
            uint32_t from = i;
            while (i < end[e] && w->by_entity[i] < w->stream_end[s])
                i++;
            if (i == from)
                continue;
            uint64_t own = add_rows(w, &entities[e], from, i, s, -1);
            for (; own != 0; own &= own - 1)
                add_rows(w, &entities[e], from, i, s, __builtin_ctzll(own));
        }
    }
    free(end);
    b->count = 0;
}

/* To the batch of nothing, which is the last one. */
static void *add_what_comes(void *context)
{
    struct bulk *bulk = context;
    for (struct batch *b; (b = wait_for(bulk->full))->count > 0;) {
        add(b, &bulk->target, bulk->workspace);
        handoff_put(bulk->added, b);
    }
    return NULL;
}

struct bulk *bulk_create(const struct bulk_target *target)
{
    struct bulk *b = must_zalloc(sizeof *b);
    b->target = *target;
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

void bulk_flush(struct bulk *b)
{
    struct batch *batch = b->filling;
    if (batch->count == 0)
        return;
    if (b->workspace == NULL)
        b->workspace = aligned(sizeof *b->workspace);
    if (b->full == NULL && !bulk_is_full(b)) {
        add(batch, &b->target, b->workspace); /* few in all: they are not worth a thread */
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
    free(b->workspace);
    free(b);
}
