#include "aggregators/quantiles.h"
#include "aggregators/histogram.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* Of many values: counts of buckets, and of blocks of them, so that a rank is found in some steps. */
enum { BLOCK = 64, BLOCKS = HISTOGRAM_BUCKETS / BLOCK };
_Static_assert(BLOCKS *BLOCK == HISTOGRAM_BUCKETS, "blocks are whole");

struct counts {
    uint32_t blocks[BLOCKS], buckets[HISTOGRAM_BUCKETS];
};

/* So many are kept as they are, by size. */
enum { FEW = 2048 };

/* What came and went without a cut in between is not noted beyond so many. */
enum { CHANGES_MAX = 1 << 16 };

struct kept_span {
    int64_t from_us, to_us;
    uint64_t total;
    uint32_t seen;     /* changes that are counted in */
    bool is_wanted;    /* by the cut at hand */
    bool is_found;     /* p50 and p90 are those of what is counted */
    struct counts *of; /* NULL: there are few */
    uint16_t *buckets; /* ascending, of each value one; not used where `of` is */
    uint32_t room;
    int64_t p50_s, p90_s;
    struct kept_span *next; /* only of those that are left */
};

struct change {
    int64_t at_us;
    int32_t count;
    uint16_t bucket;
    uint8_t which;
};

enum { WHICH_RESPONSE, WHICH_CYCLE, WHICH_PAYBACK, WHICH_COUNT };

struct quantiles {
    struct kept_span *spans[WHICH_COUNT][QUANTILE_SLOTS];
    unsigned span_count;
    bool is_missed; /* something came that was not noted */
    /* What spans of many counted that have leapt in the cut at hand, for those that are asked for after them: a day's end makes
     * today yesterday. */
    struct kept_span *left[WHICH_COUNT];
    struct change *changes;
    uint32_t change_count, change_room;
};

static unsigned which_of(enum stream stream)
{
    REQUIRE(stream_infos[stream].valued);
    return stream == STREAM_RESPONSE ? WHICH_RESPONSE : stream == STREAM_CYCLE ? WHICH_CYCLE : WHICH_PAYBACK;
}

struct quantiles *quantiles_create(void)
{
    return must_zalloc(sizeof(struct quantiles));
}

static void forget(struct quantiles *q, struct kept_span **s)
{
    if (*s == NULL)
        return;
    free((*s)->of);
    free((*s)->buckets);
    free(*s);
    *s = NULL;
    q->span_count--;
}

static void forget_left(struct quantiles *q)
{
    for (unsigned which = 0; which < WHICH_COUNT; which++) {
        while (q->left[which] != NULL) {
            struct kept_span *left = q->left[which];
            q->left[which] = left->next;
            free(left->of);
            free(left);
        }
    }
}

static void forget_all(struct quantiles *q)
{
    forget_left(q);
    for (unsigned which = 0; which < WHICH_COUNT; which++)
        for (unsigned slot = 0; slot < QUANTILE_SLOTS; slot++)
            forget(q, &q->spans[which][slot]);
    q->change_count = 0;
}

void quantiles_destroy(struct quantiles *q)
{
    if (q == NULL)
        return;
    forget_all(q);
    free(q->changes);
    free(q);
}

void quantiles_note(struct quantiles *q, enum stream stream, int64_t at_us, int64_t bucket, int64_t count)
{
    if (q->span_count == 0) {
        q->is_missed = true;
        return;
    }
    if (q->change_count == CHANGES_MAX || count > INT32_MAX || count < -INT32_MAX) {
        forget_all(q); /* they are made anew by who asks next */
        q->is_missed = true;
        return;
    }
    q->changes = must_grow(q->changes, &q->change_room, q->change_count, sizeof *q->changes);
    q->changes[q->change_count++] = (struct change){at_us, (int32_t)count, (uint16_t)bucket, (uint8_t)which_of(stream)};
}

/* The bucket of the value with that rank, from 1 on: nearest rank, as in histogram_quantile_s. */
static uint32_t bucket_of_rank(const struct counts *of, uint64_t rank)
{
    uint64_t before = 0;
    uint32_t block = 0, bucket;
    for (; block < BLOCKS && before + of->blocks[block] < rank; block++)
        before += of->blocks[block];
    for (bucket = block * BLOCK; bucket < HISTOGRAM_BUCKETS && before + of->buckets[bucket] < rank; bucket++)
        before += of->buckets[bucket];
    REQUIRE(bucket < HISTOGRAM_BUCKETS);
    return bucket;
}

static uint64_t rank_of(uint64_t total, unsigned percent)
{
    return (total * percent + 99) / 100;
}

static void count_one(struct counts *of, uint32_t bucket, int64_t more)
{
    of->buckets[bucket] += (uint32_t)more;
    of->blocks[bucket / BLOCK] += (uint32_t)more;
}

/* Where the bucket's values begin, or would. */
static uint32_t place_of(const struct kept_span *s, uint32_t bucket)
{
    uint32_t low = 0, high = (uint32_t)s->total;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->buckets[middle] < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void become_many(struct kept_span *s)
{
    s->of = must_zalloc(sizeof *s->of);
    for (uint32_t i = 0; i < s->total; i++)
        count_one(s->of, s->buckets[i], 1);
    free(s->buckets);
    s->buckets = NULL;
    s->room = 0;
}

static void count(struct kept_span *s, int64_t bucket, int64_t more)
{
    REQUIRE(more >= 0 || s->total >= (uint64_t)-more);
    if (more == 0)
        return;
    s->is_found = false;
    if (s->of == NULL && more > 0 && s->total + (uint64_t)more > FEW)
        become_many(s);
    if (s->of != NULL) {
        count_one(s->of, (uint32_t)bucket, more);
        s->total += (uint64_t)more;
        return;
    }
    uint32_t at = place_of(s, (uint32_t)bucket), size = (uint32_t)(more < 0 ? -more : more);
    uint32_t behind = (uint32_t)s->total - at;
    if (more > 0) {
        s->buckets = must_grow(s->buckets, &s->room, (uint32_t)s->total + size, sizeof *s->buckets);
        memmove(s->buckets + at + size, s->buckets + at, behind * sizeof *s->buckets);
        for (uint32_t i = 0; i < size; i++)
            s->buckets[at + i] = (uint16_t)bucket;
    } else {
        REQUIRE(s->buckets != NULL && size <= behind && s->buckets[at] == bucket &&
                s->buckets[at + size - 1] == bucket);
        memmove(s->buckets + at, s->buckets + at + size, (behind - size) * sizeof *s->buckets);
    }
    s->total += (uint64_t)more;
}

static void count_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    (void)at_us;
    count(context, value, measures[0]);
}

static void discount_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    (void)at_us;
    count(context, value, -measures[0]);
}

/* The values of the histogram, in order. */
static void become_few(struct kept_span *s)
{
    uint32_t all = 0;
    s->room = (uint32_t)s->total;
    s->buckets = must_alloc(s->room * sizeof *s->buckets + 1);
    for (uint32_t block = 0; block < BLOCKS; block++) {
        if (s->of->blocks[block] == 0)
            continue;
        for (uint32_t bucket = block * BLOCK; bucket < (block + 1) * BLOCK; bucket++)
            for (uint32_t i = 0; i < s->of->buckets[bucket]; i++)
                s->buckets[all++] = (uint16_t)bucket;
    }
    free(s->of);
    s->of = NULL;
}

/* The number of the first row that is not before the instant. */
static uint32_t first_at(const struct quantile_rows *rows, int64_t at_us)
{
    uint32_t low = 0, high = rows->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (rows->at[middle].at_us < at_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void count_blocks(struct counts *of)
{
    for (uint32_t block = 0; block < BLOCKS; block++) {
        of->blocks[block] = 0;
        for (uint32_t i = 0; i < BLOCK; i++)
            of->blocks[block] += of->buckets[block * BLOCK + i];
    }
}

static void count_rows(struct counted *c, const struct quantile_rows *rows, uint32_t from, uint32_t to, int sign)
{
    if (from < to && to - from >= HISTOGRAM_BUCKETS) {
        for (uint32_t i = from; i < to; i++) {
            c->of->buckets[rows->at[i].bucket] += (uint32_t)sign * rows->at[i].count;
            c->total += (uint64_t)(sign * (int64_t)rows->at[i].count);
        }
        count_blocks(c->of);
        return;
    }
    for (uint32_t i = from; i < to; i++) {
        count_one(c->of, rows->at[i].bucket, sign * (int64_t)rows->at[i].count);
        c->total += (uint64_t)(sign * (int64_t)rows->at[i].count);
    }
}

/* Rows that are looked at to slide there. */
static uint32_t slide_cost(const struct counted *c, uint32_t from, uint32_t to)
{
    if (from >= c->to || to <= c->from)
        return c->to - c->from + to - from;
    return (from > c->from ? from - c->from : c->from - from) + (to > c->to ? to - c->to : c->to - to);
}

static void slide(struct counted *c, const struct quantile_rows *rows, uint32_t from, uint32_t to)
{
    if (from >= c->to || to <= c->from) {
        if (c->to - c->from < HISTOGRAM_BUCKETS)
            count_rows(c, rows, c->from, c->to, -1);
        else
            memset(c->of, 0, sizeof *c->of);
        c->total = 0;
        c->from = c->to = from;
    }
    count_rows(c, rows, from, c->from, +1);
    count_rows(c, rows, c->to, to, +1);
    count_rows(c, rows, c->from, from, -1);
    count_rows(c, rows, to, c->to, -1);
    c->from = from;
    c->to = to;
}

/* `like`: a span that was made of the same rows and has counts, or NULL. */
static void begin_anew(struct kept_span *s, const struct tree *t, const struct quantile_rows *rows,
                       const struct kept_span *like, int64_t from_us, int64_t to_us)
{
    free(s->of);
    free(s->buckets);
    s->of = must_zalloc(sizeof *s->of);
    s->buckets = NULL;
    s->room = 0;
    s->total = 0;
    s->is_found = false;
    if (rows == NULL) {
        tree_visit(t, from_us, to_us, count_row, s);
    } else {
        uint32_t from = first_at(rows, from_us), to = first_at(rows, to_us);
        struct counted c = {s->of, 0, from, from};
        if (like != NULL) {
            struct counted as_there = {NULL, like->total, first_at(rows, like->from_us), first_at(rows, like->to_us)};
            if (slide_cost(&as_there, from, to) < to - from) {
                memcpy(s->of, like->of, sizeof *s->of);
                as_there.of = s->of;
                c = as_there;
            }
        }
        slide(&c, rows, from, to);
        s->total = c.total;
    }
    if (s->total <= FEW)
        become_few(s);
}

/* What the span counts is kept for others of the cut at hand. */
static void leave(struct kept_span *s, struct kept_span **list)
{
    if (s->of == NULL)
        return;
    struct kept_span *left = must_alloc(sizeof *left);
    *left = *s;
    left->next = *list;
    *list = left;
    s->of = NULL;
}

static int64_t distance_us(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us - b_us : b_us - a_us;
}

/* Starts from what was left nearest, where most of that is in the span. False: there is none. */
static bool begin_from_left(struct kept_span *s, const struct kept_span *list, int64_t from_us, int64_t to_us)
{
    const struct kept_span *like = NULL;
    int64_t most_us = to_us - from_us;
    for (const struct kept_span *left = list; left != NULL; left = left->next) {
        if (from_us >= left->to_us || to_us <= left->from_us)
            continue;
        int64_t off_us = distance_us(left->from_us, from_us) + distance_us(left->to_us, to_us);
        if (off_us < most_us) {
            most_us = off_us;
            like = left;
        }
    }
    if (like == NULL)
        return false;
    free(s->of);
    free(s->buckets);
    *s = (struct kept_span){.from_us = like->from_us, .to_us = like->to_us, .total = like->total};
    s->of = must_alloc(sizeof *s->of);
    memcpy(s->of, like->of, sizeof *s->of);
    return true;
}

static void move(struct kept_span *s, struct kept_span **left, const struct tree *t, int64_t from_us, int64_t to_us)
{
    bool leaps = from_us >= s->to_us || to_us <= s->from_us;
    if (leaps) {
        leave(s, left);
        if (!begin_from_left(s, *left, from_us, to_us)) {
            begin_anew(s, t, NULL, NULL, from_us, to_us);
            return;
        }
    }
    if (from_us > s->from_us)
        tree_visit(t, s->from_us, from_us, discount_row, s);
    else if (from_us < s->from_us)
        tree_visit(t, from_us, s->from_us, count_row, s);
    if (to_us > s->to_us)
        tree_visit(t, s->to_us, to_us, count_row, s);
    else if (to_us < s->to_us)
        tree_visit(t, to_us, s->to_us, discount_row, s);
    if (leaps && s->total <= FEW)
        become_few(s);
}

/* What came and went within the span as it was, so that it counts what the tree holds there now. */
static void count_changes(const struct quantiles *q, struct kept_span *s, unsigned which)
{
    for (; s->seen < q->change_count; s->seen++) {
        const struct change *c = &q->changes[s->seen];
        if (c->which == which && c->at_us >= s->from_us && c->at_us < s->to_us)
            count(s, c->bucket, c->count);
    }
}

static int64_t quantile_s(const struct kept_span *s, unsigned percent)
{
    uint64_t rank = rank_of(s->total, percent);
    REQUIRE(s->of != NULL || s->buckets != NULL); /* it counts some */
    return histogram_midpoint_s(s->of != NULL ? bucket_of_rank(s->of, rank) : s->buckets[rank - 1]);
}

bool quantiles_are_new(const struct quantiles *q)
{
    return q->span_count == 0;
}

void quantiles_find(struct quantiles *q, enum stream stream, unsigned slot, const struct tree *t,
                    const struct quantile_rows *rows, int64_t from_us, int64_t to_us, int128 *out_p50, int128 *out_p90)
{
    REQUIRE(slot < QUANTILE_SLOTS);
    unsigned which = which_of(stream);
    struct kept_span *s = q->spans[which][slot];
    if (s == NULL) {
        s = q->spans[which][slot] = must_zalloc(sizeof *s);
        q->span_count++;
        const struct kept_span *like = slot >= 2 ? q->spans[which][slot - 2] : NULL;
        begin_anew(s, t, rows, like != NULL && like->is_wanted && like->of != NULL ? like : NULL, from_us, to_us);
    } else {
        count_changes(q, s, which);
        move(s, &q->left[which], t, from_us, to_us);
    }
    s->from_us = from_us;
    s->to_us = to_us;
    s->seen = q->change_count;
    s->is_wanted = true;
    if (!s->is_found) {
        s->p50_s = quantile_s(s, 50);
        s->p90_s = quantile_s(s, 90);
        s->is_found = true;
    }
    *out_p50 = s->p50_s;
    *out_p90 = s->p90_s;
}

void quantiles_end(struct quantiles *q)
{
    forget_left(q);
    for (unsigned which = 0; which < WHICH_COUNT; which++) {
        for (unsigned slot = 0; slot < QUANTILE_SLOTS; slot++) {
            struct kept_span *s = q->spans[which][slot];
            if (s != NULL && s->is_wanted) {
                s->is_wanted = false;
                s->seen = 0;
            } else {
                forget(q, &q->spans[which][slot]);
            }
        }
    }
    q->change_count = 0;
    q->is_missed = false;
}

void quantile_moves_begin(struct quantile_moves *m, unsigned slots)
{
    size_t size = (size_t)STREAM_VALUED * slots * sizeof *m->by_s;
    REQUIRE(slots <= QUANTILE_SLOTS);
    if (m->slots != slots)
        m->by_s = must_realloc(m->by_s, size + 1);
    m->slots = slots;
    memset(m->by_s, 0, size);
    memset(m->moved, 0, sizeof m->moved);
}

void quantile_moves_fini(struct quantile_moves *m)
{
    free(m->by_s);
}

static void move_by(struct quantile_moves *m, unsigned which, unsigned slot, const struct kept_span *s, int sign)
{
    int64_t *by_s = m->by_s[which * m->slots + slot];
    if (s == NULL)
        return;
    by_s[0] += sign * s->p50_s;
    by_s[1] += sign * s->p90_s;
    if (sign > 0 && (by_s[0] | by_s[1]) != 0)
        m->moved[which] |= UINT64_C(1) << slot;
    else
        m->moved[which] &= ~(UINT64_C(1) << slot);
}

static void find_again(struct kept_span *s)
{
    s->p50_s = s->total > 0 ? quantile_s(s, 50) : 0;
    s->p90_s = s->total > 0 ? quantile_s(s, 90) : 0;
    s->is_found = true;
    s->seen = 0;
}

/* Counts change i where it lies within the span, which is made where it is new: then it has all changes. */
static void take_change(struct quantiles *q, struct kept_span **span, uint32_t i, const struct tree *t, int64_t from_us,
                        int64_t to_us)
{
    if (*span == NULL) {
        *span = must_zalloc(sizeof **span);
        q->span_count++;
        begin_anew(*span, t, NULL, NULL, from_us, to_us);
        (*span)->from_us = from_us;
        (*span)->to_us = to_us;
        (*span)->seen = q->change_count;
    }
    if ((*span)->seen <= i)
        count(*span, q->changes[i].bucket, q->changes[i].count);
}

/* All spans of the stream go along, so that each is of what lies between its ends; those that were touched are looked at. */
static void end_take(struct quantiles *q, const struct quantile_spans *spans, unsigned which, uint64_t touched,
                     struct quantile_moves *moves)
{
    for (unsigned slot = 0; slot < moves->slots; slot++) {
        struct kept_span *s = q->spans[which][slot];
        if (s == NULL)
            continue;
        s->from_us = spans->edges->at_us[spans->from[slot]];
        s->to_us = spans->edges->at_us[spans->to[slot]];
        if (!(touched >> slot & 1))
            continue;
        find_again(s);
        move_by(moves, which, slot, s, +1);
    }
}

bool quantiles_take(struct quantiles *q, const struct quantile_spans *spans, const struct tree *const *tree_of,
                    struct quantile_moves *moves)
{
    uint64_t touched[WHICH_COUNT] = {0};
    unsigned changed = 0;
    if (q->is_missed)
        return false;
    for (uint32_t i = 0; i < q->change_count; i++) {
        const struct change *c = &q->changes[i];
        changed |= 1u << c->which;
        unsigned pane = window_edges_before(spans->edges->at_us, spans->edges->count, c->at_us);
        for (uint64_t left = spans->of_pane[pane]; left != 0; left &= left - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(left);
            struct kept_span **span = &q->spans[c->which][slot];
            if (!(touched[c->which] >> slot & 1))
                move_by(moves, c->which, slot, *span, -1);
            touched[c->which] |= UINT64_C(1) << slot;
            take_change(q, span, i, tree_of[c->which], spans->edges->at_us[spans->from[slot]],
                        spans->edges->at_us[spans->to[slot]]);
        }
    }
    for (; changed != 0; changed &= changed - 1) {
        unsigned which = (unsigned)__builtin_ctz(changed);
        end_take(q, spans, which, touched[which], moves);
    }
    q->change_count = 0;
    return true;
}

uint64_t quantiles_bytes(const struct quantiles *q)
{
    if (q == NULL)
        return 0;
    uint64_t bytes = sizeof *q + (uint64_t)q->change_room * sizeof *q->changes;
    for (unsigned which = 0; which < WHICH_COUNT; which++)
        for (unsigned slot = 0; slot < QUANTILE_SLOTS; slot++) {
            const struct kept_span *s = q->spans[which][slot];
            if (s != NULL)
                bytes += sizeof *s + (s->of != NULL ? sizeof *s->of : 0) + s->room * sizeof *s->buckets;
        }
    return bytes;
}

void quantile_rows_init(struct quantile_rows *rows)
{
    *rows = (struct quantile_rows){0};
    for (unsigned i = 0; i < 2; i++)
        rows->counted[i].of = must_zalloc(sizeof *rows->counted[i].of);
}

void quantile_rows_fini(struct quantile_rows *rows)
{
    free(rows->at);
    for (unsigned i = 0; i < 2; i++)
        free(rows->counted[i].of);
}

static void take_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct quantile_rows *rows = context;
    if (rows->count == rows->room)
        rows->at = must_grow(rows->at, &rows->room, rows->count, sizeof *rows->at);
    rows->at[rows->count++] = (struct quantile_row){at_us, (uint32_t)value, (uint32_t)measures[0]};
}

/* Room for so many is kept for the next entity: one with more keeps what it needs from its first cut on (entity.c), and is not taken again. */
enum { ROWS_KEPT = 1 << 16 };

void quantile_rows_forget(struct quantile_rows *rows)
{
    for (unsigned i = 0; i < 2; i++)
        slide(&rows->counted[i], rows, 0, 0);
    rows->count = 0;
    if (rows->room > ROWS_KEPT) {
        free(rows->at);
        rows->at = NULL;
        rows->room = 0;
    }
}

void quantile_rows_take(struct quantile_rows *rows, const struct tree *t)
{
    quantile_rows_forget(rows);
    tree_visit(t, INT64_MIN, INT64_MAX, take_row, rows);
}

void quantile_rows_find(struct quantile_rows *rows, int64_t from_us, int64_t to_us, int128 *out_p50, int128 *out_p90)
{
    uint32_t from = first_at(rows, from_us), to = first_at(rows, to_us);
    struct counted *c = rows->counted;
    if (slide_cost(c + 1, from, to) < slide_cost(c, from, to))
        c++;
    slide(c, rows, from, to);
    *out_p50 = histogram_midpoint_s(bucket_of_rank(c->of, rank_of(c->total, 50)));
    *out_p90 = histogram_midpoint_s(bucket_of_rank(c->of, rank_of(c->total, 90)));
}

uint64_t quantile_rows_bytes(const struct quantile_rows *rows)
{
    return 2 * sizeof *rows->counted->of + rows->room * sizeof *rows->at;
}
