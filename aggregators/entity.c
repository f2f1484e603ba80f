#include "aggregators/entity.h"
#include "base/bits.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

void entity_init(struct entity *e, enum dimension d, uint32_t name)
{
    *e = (struct entity){.dimension = (uint8_t)d, .name = name, .base_us = INT64_MIN, .folded_us = INT64_MIN};
    for (unsigned r = 0; r < READER_COUNT; r++)
        e->cut_us[r] = INT64_MIN;
}

static unsigned tree_count(const struct entity *e)
{
    return bits_count_64(e->streams);
}

/* What cuts have kept begins anew with the next one. */
static void drop_kept(struct entity *e)
{
    panes_destroy(e->panes);
    quantiles_destroy(e->quantiles);
    increments_destroy(e->increments);
    e->increments = NULL;
    e->panes = NULL;
    e->quantiles = NULL;
}

void entity_fini(struct entity *e)
{
    for (unsigned i = 0; i < tree_count(e); i++)
        tree_fini(&e->trees[i]);
    free(e->trees);
    drop_kept(e);
    e->trees = NULL;
    e->streams = 0;
}

bool entity_fini_some(struct entity *e, uint32_t *leaves)
{
    for (unsigned i = 0; i < tree_count(e); i++)
        if (!tree_fini_some(&e->trees[i], leaves))
            return false;
    entity_fini(e);
    return true;
}

static unsigned tree_index(const struct entity *e, unsigned s)
{
    return bits_count_64(e->streams & ((UINT64_C(1) << s) - 1));
}

static const struct tree *find_tree(const struct entity *e, unsigned s)
{
    return e->streams & UINT64_C(1) << s ? &e->trees[tree_index(e, s)] : NULL;
}

_Static_assert(STREAM_COUNT + OWN_FILTERED_MAX <= 64, "an entity's streams are bits");

/* The tree of a stream, or of a pair, with the measures of that stream. */
static struct tree *need_tree(struct entity *e, unsigned s, unsigned measures, bool is_valued)
{
    unsigned at = tree_index(e, s);
    if (!(e->streams & UINT64_C(1) << s)) {
        unsigned count = tree_count(e);
        e->trees = must_realloc(e->trees, (count + 1) * sizeof *e->trees);
        memmove(e->trees + at + 1, e->trees + at, (count - at) * sizeof *e->trees);
        tree_init(&e->trees[at], measures, is_valued);
        e->streams |= UINT64_C(1) << s;
    }
    return &e->trees[at];
}

/* Streams that say what stands now, not what happened in a span. */
static bool is_level(unsigned stream)
{
    return stream == STREAM_OPEN || stream == STREAM_WAITING || stream == STREAM_EXPECTED;
}

int64_t entity_row_us(const struct entity *e, unsigned stream, int64_t at_us)
{
    return at_us < e->base_us && !is_level(stream) ? ENTITY_BASE_US : at_us;
}

/* To the tree of its stream, or of a pair, which keeps no values. */
static void add(struct entity *e, unsigned s, bool is_valued, const struct contribution *c, int sign)
{
    unsigned measures = stream_infos[c->stream].measures;
    int64_t delta[STREAM_MEASURES_MAX];
    for (unsigned m = 0; m < measures; m++)
        delta[m] = contribution_factor(sign) * c->measures[m];
    tree_add(need_tree(e, s, measures, is_valued), entity_row_us(e, c->stream, c->at_us), c->value, delta);
}

bool entity_note(struct entity *e, const struct contribution *c, int sign)
{
    if (c->stream == STREAM_OPEN && c->at_us < e->folded_us) {
        for (unsigned m = 0; m < stream_infos[STREAM_OPEN].measures; m++)
            e->level[m] += contribution_factor(sign) * (int128)c->measures[m];
        return false;
    }
    int64_t row_us = entity_row_us(e, c->stream, c->at_us);
    if (e->increments != NULL)
        increments_note(e->increments, c->stream, row_us, c->measures, contribution_factor(sign));
    if (is_level(c->stream))
        return true;
    e->count += sign;
    if (e->quantiles != NULL && stream_infos[c->stream].valued && sign != 0)
        quantiles_note(e->quantiles, c->stream, row_us, c->value, sign * c->measures[0]);
    if (e->panes != NULL)
        panes_add(e->panes, c->stream, row_us, c->measures, sign);
    return true;
}

void entity_add(struct entity *e, const struct contribution *c, int sign)
{
    if (entity_note(e, c, sign))
        add(e, c->stream, stream_infos[c->stream].valued, c, sign);
}

void entity_add_own(struct entity *e, unsigned pair, const struct contribution *c, int sign)
{
    add(e, STREAM_COUNT + pair, false, c, sign);
}

void entity_add_all(struct entity *e, const struct contribution *c, uint64_t pairs, int sign)
{
    entity_add(e, c, sign);
    for (uint64_t left = pairs; left != 0; left &= left - 1)
        entity_add_own(e, (unsigned)__builtin_ctzll(left), c, sign);
}

void entity_add_sorted(struct entity *e, unsigned stream, int pair, const struct row *rows, uint32_t count)
{
    const struct stream_info *info = &stream_infos[stream];
    if (count == 0)
        return;
    tree_add_sorted(pair < 0 ? need_tree(e, stream, info->measures, info->valued)
                             : need_tree(e, STREAM_COUNT + (unsigned)pair, info->measures, false),
                    rows, count);
}

void entity_fetch(const struct entity *e, unsigned step)
{
    if (step == 0) {
        for (size_t at = 0; at < sizeof *e; at += 64)
            __builtin_prefetch((const char *)e + at);
        return;
    }
    if (step == 1) {
        for (size_t at = 0; at < tree_count(e) * sizeof *e->trees; at += 64)
            __builtin_prefetch((const char *)e->trees + at);
        return;
    }
    for (unsigned i = 0; i < tree_count(e); i++)
        tree_fetch(&e->trees[i], step - 2);
}

/* Rows of a stream that are folded at once: some ten microseconds. */
enum { FOLD_ROWS = 256 };

void entity_fold(struct entity *e, int64_t horizon_us)
{
    if (e->base_us >= horizon_us)
        return;
    int64_t until_us = horizon_us;
    const struct tree *t = e->trees;
    for (uint64_t left = e->streams; left != 0; left &= left - 1, t++) {
        if (is_level((unsigned)__builtin_ctzll(left)))
            continue;
        int64_t first_us = tree_next(t, ENTITY_BASE_US + 1);
        if (first_us >= until_us)
            continue;
        int64_t next_us = tree_instant_after(t, first_us, FOLD_ROWS);
        if (next_us == first_us)
            next_us++; /* all of one instant, of many values: they go together */
        if (next_us < until_us)
            until_us = next_us;
    }
    struct tree *to = e->trees;
    for (uint64_t left = e->streams; left != 0; left &= left - 1, to++)
        if (!is_level((unsigned)__builtin_ctzll(left)))
            tree_fold(to, ENTITY_BASE_US, until_us);
    e->base_us = until_us;
}

struct absorbing {
    struct entity *to;
    unsigned stream; /* or pair */
    const struct row_shape *shape;
};

static void absorb_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    const struct absorbing *a = context;
    struct entity *to = a->to;
    if (a->stream == STREAM_OPEN && at_us < to->folded_us) {
        for (unsigned m = 0; m < a->shape->measures; m++)
            to->level[m] += measures[m];
        return;
    }
    tree_add(need_tree(to, a->stream, a->shape->measures, a->shape->valued), entity_row_us(to, a->stream, at_us), value,
             measures);
}

void entity_absorb(struct entity *to, struct entity *from)
{
    drop_kept(to);
    while (to->base_us < from->base_us)
        entity_fold(to, from->base_us);
    to->count += from->count;
    from->count = 0;
    /* Nobody asks for a level of before folded_us, so what is in one may be in the other's as well. */
    for (unsigned m = 0; m < sizeof to->level / sizeof *to->level; m++)
        to->level[m] += from->level[m];
    for (unsigned i = 0, s = 0; s < 64; s++) {
        if (!(from->streams & UINT64_C(1) << s))
            continue;
        struct absorbing a = {to, s, &from->trees[i].shape};
        tree_visit(&from->trees[i++], INT64_MIN, INT64_MAX, absorb_row, &a);
    }
    entity_fini(from);
    memset(from->level, 0, sizeof from->level);
    from->gone = true;
}

void entity_own_sums(const struct entity *e, const struct own_plan *own, int64_t from_us, int64_t to_us,
                     struct own_sums *out)
{
    memset(out, 0, own->pair_count * sizeof out->at[0]);
    for (unsigned pair = 0; pair < own->pair_count; pair++) {
        const struct tree *t = find_tree(e, STREAM_COUNT + pair);
        if (t != NULL)
            tree_sums(t, from_us, to_us, out->at[pair]);
    }
}

static void count_value(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    (void)at_us;
    histogram_add(context, (uint32_t)value, measures[0]);
}

static void add_quantiles(const struct tree *t, int64_t from_us, int64_t to_us, struct histogram *scratch, int128 *p50,
                          int128 *p90)
{
    tree_visit(t, from_us, to_us, count_value, scratch);
    *p50 = histogram_quantile_s(scratch, 50);
    *p90 = histogram_quantile_s(scratch, 90);
    histogram_clear(scratch);
}

void entity_sums(const struct entity *e, int64_t from_us, int64_t to_us, struct histogram *scratch, struct sums *out)
{
    entity_sums_of(e, UINT64_MAX, from_us, to_us, scratch, out);
}

static void add_sums(const struct entity *e, uint64_t streams, int64_t from_us, int64_t to_us, struct sums *out)
{
    memset(out, 0, sizeof *out);
    const struct tree *t = e->trees;
    for (unsigned s = 0; s < STREAM_COUNT; s++) {
        if (!(e->streams & UINT64_C(1) << s))
            continue;
        if (!is_level(s) && streams >> s & 1)
            tree_sums(t, from_us, to_us, out->at + stream_infos[s].first);
        t++;
    }
}

/* Of which there are quantiles, and where they go. */
static const struct {
    enum stream stream;
    enum measure count, p50, p90;
} valued[] = {
    {STREAM_RESPONSE, MEASURE_RESPONSES, MEASURE_RESPONSE_P50, MEASURE_RESPONSE_P90},
    {STREAM_CYCLE, MEASURE_CYCLES, MEASURE_CYCLE_P50, MEASURE_CYCLE_P90},
    {STREAM_PAYBACK, MEASURE_PAYBACKS, MEASURE_PAYBACK_P50, MEASURE_PAYBACK_P90},
};
enum { VALUED = sizeof valued / sizeof *valued };
_Static_assert(VALUED == STREAM_VALUED, "all of them");

void entity_sums_of(const struct entity *e, uint64_t streams, int64_t from_us, int64_t to_us, struct histogram *scratch,
                    struct sums *out)
{
    add_sums(e, streams, from_us, to_us, out);
    for (unsigned v = 0; v < VALUED && scratch != NULL; v++)
        if (out->at[valued[v].count] != 0)
            add_quantiles(find_tree(e, valued[v].stream), from_us, to_us, scratch, &out->at[valued[v].p50],
                          &out->at[valued[v].p90]);
}

struct seen_rows {
    uint64_t hash;
    uint32_t count;
};

static void see_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct seen_rows *seen = context;
    int64_t row[] = {at_us, value, measures[0]};
    seen->count++;
    if (measures[0] != 0) /* else it is as if it were not there */
        seen->hash = seen->hash * 31 + text_hash((struct text){(const char *)row, sizeof row});
}

static int64_t instant_after(const struct tree *t, int64_t from_us, uint32_t most)
{
    int64_t first_us = tree_next(t, from_us), next_us = tree_instant_after(t, from_us, most);
    return next_us == first_us && next_us != INT64_MAX ? next_us + 1 : next_us;
}

bool entity_same_values(const struct entity *a, const struct entity *b, unsigned valued_stream, int64_t *from_us,
                        uint32_t most, uint32_t *rows)
{
    const struct tree *trees[] = {find_tree(a, valued[valued_stream].stream),
                                  find_tree(b, valued[valued_stream].stream)};
    struct seen_rows seen[2] = {{0}};
    int64_t to_us = INT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        int64_t next_us = trees[i] != NULL ? instant_after(trees[i], *from_us, most) : INT64_MAX;
        to_us = next_us < to_us ? next_us : to_us;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (trees[i] != NULL)
            tree_visit(trees[i], *from_us, to_us, see_row, &seen[i]);
        *rows += seen[i].count;
    }
    *from_us = to_us;
    return seen[0].hash == seen[1].hash;
}

/* An entity that a reader was told of so short a time ago keeps what the next cut will ask for: of one that changes now and then,
 * everything has moved on. That another reader is told of the same change says nothing, nor that all are asked for: of a million
 * quiet ones nothing is kept. Panes are kept from so many additions on: of one that has less, walks are short. One that has very
 * many keeps all of it from its first cut on, for as long as it is there: to look at all of its rows once more would take the writer
 * milliseconds. There are few of these, so it is some 15 bytes an addition with a dozen windows, and some 40 with all that there can be. */
enum { PANES_FROM = 256, KEPT_ALWAYS_FROM = 1 << 16 };
#define KEEP_WITHIN_US (10 * SECOND)

void edge_sums_init(struct edge_sums *before)
{
    for (unsigned v = 0; v < VALUED; v++)
        quantile_rows_init(&before->rows[v]);
}

void edge_sums_fini(struct edge_sums *before)
{
    for (unsigned v = 0; v < VALUED; v++)
        quantile_rows_fini(&before->rows[v]);
}

uint64_t edge_sums_bytes(const struct edge_sums *before)
{
    uint64_t bytes = sizeof *before;
    for (unsigned v = 0; v < VALUED; v++)
        bytes += quantile_rows_bytes(&before->rows[v]);
    return bytes;
}

uint64_t edge_sums_rows(const struct edge_sums *before)
{
    uint64_t rows = 0;
    for (unsigned v = 0; v < VALUED && before->has_rows; v++)
        rows += before->rows[v].count;
    return rows;
}

static bool was_cut(const struct entity *e, enum reader r, int64_t as_of_us)
{
    return e->cut_us[r] != INT64_MIN && as_of_us - e->cut_us[r] <= KEEP_WITHIN_US;
}

static bool was_cut_for_any(const struct entity *e, int64_t as_of_us)
{
    bool was = false;
    for (unsigned r = 0; r < READER_COUNT; r++)
        was = was || was_cut(e, r, as_of_us);
    return was;
}

static bool keeps_always(const struct entity *e)
{
    return e->count >= KEPT_ALWAYS_FROM;
}

/* Whether what it has kept is still of use. */
static bool keeps_on(const struct entity *e, int64_t as_of_us)
{
    return keeps_always(e) || was_cut_for_any(e, as_of_us);
}

bool entity_drop_quiet(struct entity *e, int64_t as_of_us)
{
    if (e->increments == NULL || keeps_on(e, as_of_us))
        return false;
    drop_kept(e);
    return true;
}

static void choose_what_is_kept(struct entity *e, int64_t as_of_us, enum reader reader)
{
    bool is_again = keeps_always(e) || (reader != READER_COUNT && was_cut(e, reader, as_of_us));
    entity_drop_quiet(e, as_of_us);
    if (reader != READER_COUNT)
        e->cut_us[reader] = as_of_us;
    if (!is_again)
        return;
    if (e->panes == NULL && e->count >= PANES_FROM)
        e->panes = panes_create();
    if (e->increments == NULL) {
        e->quantiles = quantiles_create();
        e->increments = increments_create();
    }
}

void entity_edge_sums(struct entity *e, const struct window_edges *edges, int64_t as_of_us, enum reader reader,
                      struct edge_sums *out)
{
    const struct tree *t = e->trees;
    choose_what_is_kept(e, as_of_us, reader);
    for (unsigned s = 0; s < STREAM_COUNT; s++) {
        if (!(e->streams & UINT64_C(1) << s))
            continue;
        if (!is_level(s) && e->panes != NULL)
            panes_prefixes(e->panes, s, t, edges, out->at[s]);
        else if (!is_level(s))
            tree_prefixes(t, edges->at_us, edges->count, out->at[s]);
        t++;
    }
    out->has_rows = e->quantiles == NULL || quantiles_are_new(e->quantiles);
    for (unsigned v = 0; v < VALUED && out->has_rows; v++) {
        t = find_tree(e, valued[v].stream);
        if (t != NULL)
            quantile_rows_take(&out->rows[v], t);
        else
            quantile_rows_forget(&out->rows[v]);
    }
}

static void subtract(const struct entity *e, const struct edge_sums *before, unsigned from, unsigned to,
                     struct sums *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned s = 0; s < STREAM_COUNT; s++) {
        if (is_level(s) || !(e->streams & UINT64_C(1) << s))
            continue;
        int128 *sums = out->at + stream_infos[s].first;
        for (unsigned m = 0; m < stream_infos[s].measures; m++)
            sums[m] = before->at[s][to][m] - before->at[s][from][m];
    }
}

void entity_cut_sums(struct entity *e, unsigned slot, const struct window_edges *edges, struct edge_sums *before,
                     unsigned from, unsigned to, struct sums *out)
{
    subtract(e, before, from, to, out);
    for (unsigned v = 0; v < VALUED; v++) {
        int128 *p50 = &out->at[valued[v].p50], *p90 = &out->at[valued[v].p90];
        int64_t from_us = edges->at_us[from], to_us = edges->at_us[to];
        if (out->at[valued[v].count] == 0)
            continue;
        if (e->quantiles != NULL)
            quantiles_find(e->quantiles, valued[v].stream, slot, find_tree(e, valued[v].stream),
                           before->has_rows ? &before->rows[v] : NULL, from_us, to_us, p50, p90);
        else
            quantile_rows_find(&before->rows[v], from_us, to_us, p50, p90);
    }
}

void entity_end_cut(struct entity *e)
{
    if (e->quantiles != NULL)
        quantiles_end(e->quantiles);
}

bool entity_goes_on(struct entity *e, const struct increment_spans *spans, enum reader reader)
{
    const struct tree *tree_of[VALUED];
    if (e->increments == NULL || !keeps_on(e, spans->as_of_us))
        return false;
    for (unsigned v = 0; v < VALUED; v++)
        tree_of[v] = find_tree(e, valued[v].stream);
    if (!increments_take(e->increments, spans, e->quantiles, tree_of))
        return false;
    if (reader != READER_COUNT)
        e->cut_us[reader] = spans->as_of_us;
    return true;
}

bool entity_has_begun(const struct entity *e, int64_t to_us)
{
    static const struct sums nothing;
    struct sums sums;
    add_sums(e, UINT64_MAX, INT64_MIN, to_us, &sums);
    return memcmp(&sums, &nothing, sizeof sums) != 0;
}

void entity_expected(const struct entity *e, int64_t from_us, int64_t to_us, struct sums *out)
{
    const struct tree *t = find_tree(e, STREAM_EXPECTED);
    if (t != NULL)
        tree_sums(t, from_us, to_us, out->at + MEASURE_EXPECTED);
}

void entity_level(struct entity *e, int64_t as_of_us, struct sums *out)
{
    memset(out, 0, sizeof *out);
    REQUIRE(as_of_us + 1 >= e->folded_us);
    e->folded_us = as_of_us + 1;
    if (e->streams & UINT64_C(1) << STREAM_OPEN)
        tree_take_before(need_tree(e, STREAM_OPEN, stream_infos[STREAM_OPEN].measures, false), e->folded_us, e->level);
    memcpy(out->at + MEASURE_OPEN, e->level, sizeof e->level);
    const struct tree *waiting = find_tree(e, STREAM_WAITING);
    if (waiting == NULL)
        return;
    tree_sums(waiting, INT64_MIN, e->folded_us, out->at + MEASURE_WAITING);
    if (out->at[MEASURE_WAITING] > 0)
        out->at[MEASURE_WAITING_SINCE_US] = tree_next(waiting, INT64_MIN);
}

static int64_t next_period(const struct window_span *spans, const bool *has_window, unsigned window_count)
{
    int64_t next = INT64_MAX;
    for (unsigned w = 0; w < window_count; w++)
        if (has_window[w] && spans[w].next_period_us < next)
            next = spans[w].next_period_us;
    return next;
}

static int64_t next_in_tree(const void *context, int64_t from_us)
{
    return tree_next(context, from_us);
}

/* A stream's rows of an entity that keeps panes. */
struct paned {
    const struct panes *panes;
    const struct window_edges *edges;
    enum stream stream;
};

static int64_t next_in_panes(const void *context, int64_t from_us)
{
    const struct paned *p = context;
    return panes_next(p->panes, p->stream, window_edge(p->edges, from_us));
}

static int64_t next_of_windows(const struct window_rows *rows, const struct window_spec *windows,
                               const struct window_span *spans, const bool *has_window, unsigned window_count,
                               const struct calendar *c, int64_t as_of_us)
{
    int64_t next = INT64_MAX;
    for (unsigned w = 0; w < window_count; w++) {
        if (!has_window[w] || windows[w].kind == WINDOW_NOW)
            continue;
        int64_t change = window_next_change(&windows[w], &spans[w], c, rows, as_of_us);
        if (change < next)
            next = change;
    }
    return next;
}

int64_t entity_next_change(const struct entity *e, const struct window_spec *windows, const struct window_span *spans,
                           const bool *has_window, unsigned window_count, const struct calendar *c, int64_t as_of_us,
                           const struct window_edges *edges)
{
    int64_t next = INT64_MAX;
    const struct tree *t = e->trees;
    for (uint64_t left = e->streams; left != 0; left &= left - 1, t++) {
        unsigned s = (unsigned)__builtin_ctzll(left);
        struct paned paned = {e->panes, edges, s};
        struct window_rows rows = {t, next_in_tree};
        if (edges != NULL && e->panes != NULL && s < STREAM_COUNT && !is_level(s))
            rows = (struct window_rows){&paned, next_in_panes};
        /* What stands expected changes with the period that is asked for, and by records. */
        int64_t change = s == STREAM_EXPECTED ? next_period(spans, has_window, window_count)
                         : is_level(s)        ? tree_next(t, as_of_us + 1)
                                       : next_of_windows(&rows, windows, spans, has_window, window_count, c, as_of_us);
        if (change < next)
            next = change;
    }
    return next;
}

/* What has been folded may add up to nothing and have happened all the same. */
bool entity_is_empty(const struct entity *e)
{
    bool empty = e->count == 0;
    const struct tree *t = e->trees;
    if (!empty)
        return false;
    for (uint64_t left = e->streams; left != 0; left &= left - 1, t++)
        empty = empty && (!is_level((unsigned)__builtin_ctzll(left)) || t->root == NULL);
    for (unsigned m = 0; m < sizeof e->level / sizeof *e->level; m++)
        empty = empty && e->level[m] == 0;
    return empty;
}

uint64_t entity_tree_bytes(const struct entity *e)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < tree_count(e); i++)
        bytes += tree_bytes(&e->trees[i]);
    return bytes;
}

uint64_t entity_rows(const struct entity *e)
{
    uint64_t rows = 0;
    for (unsigned i = 0; i < tree_count(e); i++)
        rows += tree_rows(&e->trees[i]);
    return rows;
}

uint64_t entity_bytes(const struct entity *e)
{
    return sizeof *e + tree_count(e) * sizeof *e->trees + entity_tree_bytes(e) + panes_bytes(e->panes) +
           quantiles_bytes(e->quantiles) + increments_bytes(e->increments);
}
