#include "aggregators/increments.h"
#include "base/bits.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

/* Rows that wait, and increments: where there are more, to sum all windows costs no more than to go on. */
enum { ROWS_MAX = 64, LIST_MAX = 40, LEVELS = 4 };

#define QUARTER_HOUR (15 * MINUTE)

/* What stands, as far as the windows say it: all measures of the two streams, and since when somebody waits. */
static const struct {
    uint8_t first, count;
} levels[] = {{MEASURE_OPEN, 5}, {MEASURE_WAITING, 1}, {MEASURE_WAITING_SINCE_US, 1}};
enum { LEVEL_PARTS = sizeof levels / sizeof *levels };

struct noted_row {
    int64_t at_us;
    int64_t measures[STREAM_MEASURES_MAX];
    uint8_t stream;
};

struct increments {
    struct image *image;
    int64_t until_us;
    bool is_lost; /* more came than is noted */
    uint32_t row_count, row_room, list_count, list_room;
    struct noted_row *rows;
    struct increment *list; /* and room behind it for what a cut alone adds */
    struct sums_of_level {
        int128 at[LEVEL_PARTS][STREAM_MEASURES_MAX];
    } level;                     /* in the image */
    struct quantile_moves moves; /* since the image */
};

struct increments *increments_create(void)
{
    struct increments *n = must_zalloc(sizeof *n);
    n->is_lost = true;
    return n;
}

void increments_destroy(struct increments *n)
{
    if (n == NULL)
        return;
    image_release(n->image);
    free(n->rows);
    free(n->list);
    quantile_moves_fini(&n->moves);
    free(n);
}

static int64_t floor_to(int64_t us, int64_t step)
{
    int64_t rest = us % step;
    return us - (rest < 0 ? rest + step : rest);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Between which edges a span lies; `counts`: rows count in it by that. */
static void lay_span(struct increment_spans *s, unsigned slot, int64_t from_us, int64_t to_us, bool counts)
{
    s->from[slot] = window_edge(s->edges, from_us);
    s->to[slot] = window_edge(s->edges, to_us);
    for (unsigned pane = s->from[slot] + 1; counts && pane <= s->to[slot]; pane++)
        s->of_pane[pane] |= UINT64_C(1) << slot;
}

void increment_spans_lay(struct increment_spans *s, const struct window_spec *windows, unsigned window_count,
                         const struct window_span *spans, const struct window_edges *edges, int64_t as_of_us)
{
    s->windows = windows;
    s->spans = spans;
    s->edges = edges;
    s->window_count = window_count;
    s->as_of_us = as_of_us;
    s->quarter_us = floor_to(as_of_us, QUARTER_HOUR) + QUARTER_HOUR;
    s->period_us = INT64_MAX;
    s->current = s->now = 0;
    memset(s->of_pane, 0, (edges->count + 1ul) * sizeof *s->of_pane);
    for (unsigned w = 0; w < window_count; w++) {
        const struct window_span *span = &spans[w];
        bool is_level = windows[w].kind == WINDOW_NOW;
        *(is_level ? &s->now : &s->current) |= UINT64_C(1) << w * 2;
        s->period_us = least(s->period_us, least(span->next_period_us, span->goes_back_us));
        lay_span(s, w * 2, span->from_us, span->to_us, !is_level);
        if (span->has_previous)
            lay_span(s, w * 2 + 1, span->previous_from_us, span->previous_to_us, !is_level);
    }
}

void increments_note(struct increments *n, enum stream stream, int64_t at_us, const int64_t *measures, int factor)
{
    unsigned count = stream_infos[stream].measures;
    if (n->is_lost)
        return;
    if (n->row_count == ROWS_MAX) {
        n->is_lost = true;
        n->row_count = 0;
        return;
    }
    n->rows = must_grow(n->rows, &n->row_room, n->row_count, sizeof *n->rows);
    struct noted_row *row = &n->rows[n->row_count++];
    row->at_us = at_us;
    row->stream = (uint8_t)stream;
    for (unsigned m = 0; m < count; m++)
        row->measures[m] = factor * measures[m];
}

static void take_level(const struct sums *sums, struct sums_of_level *out)
{
    for (unsigned part = 0; part < LEVEL_PARTS; part++)
        for (unsigned m = 0; m < levels[part].count; m++)
            out->at[part][m] = sums->at[levels[part].first + m];
}

void increments_begin(struct increments *n, struct image *windows, const struct sums *level, unsigned window_count,
                      int64_t until_us)
{
    image_release(n->image);
    n->image = windows;
    n->until_us = until_us;
    n->is_lost = false;
    n->row_count = n->list_count = 0;
    take_level(level, &n->level);
    quantile_moves_begin(&n->moves, window_count * 2);
}

/* In which spans a row of the stream counts. */
static uint64_t spans_of(const struct increment_spans *s, enum stream stream, int64_t at_us)
{
    uint64_t spans = 0;
    if (stream == STREAM_OPEN || stream == STREAM_WAITING)
        return 0; /* a level is asked for as it is */
    if (stream != STREAM_EXPECTED)
        return s->of_pane[window_edges_before(s->edges->at_us, s->edges->count, at_us)];
    for (unsigned w = 0; w < s->window_count; w++) /* of the whole period */
        if (s->windows[w].kind == WINDOW_TO_DATE && s->spans[w].from_us <= at_us && at_us < s->spans[w].next_period_us)
            spans |= UINT64_C(1) << w * 2;
    return spans;
}

/* When an edge that is `behind_us` behind as_of, by steps, passes over an instant, if it has not yet; or earlier. */
static int64_t passes(int64_t at_us, int64_t behind_us, int64_t step_us, int64_t as_of_us)
{
    int64_t us = at_us + behind_us - step_us + 1; /* the step in which it lies begins no earlier */
    if (us <= as_of_us)
        us = floor_to(at_us, step_us) + behind_us;
    return us > as_of_us ? us : INT64_MAX;
}

/* No edge passes over a row there before; for windows as in window_next_change. */
static int64_t row_until(const struct increment_spans *s, int64_t at_us)
{
    int64_t until_us = s->period_us;
    if (at_us > s->as_of_us)
        return least(until_us, at_us);
    for (unsigned w = 0; w < s->window_count; w++) {
        const struct window_spec *spec = &s->windows[w];
        const struct window_span *span = &s->spans[w];
        if (spec->kind == WINDOW_ROLLING && at_us >= span->previous_from_us) {
            until_us = least(until_us, passes(at_us, spec->length_us, spec->step_us, s->as_of_us));
            until_us = least(until_us, passes(at_us, 2 * spec->length_us, spec->step_us, s->as_of_us));
        } else if (spec->kind == WINDOW_TO_DATE && at_us >= span->previous_to_us && at_us < span->from_us) {
            until_us = least(until_us, s->quarter_us);
        }
    }
    return until_us;
}

/* False: a sum is out of reach. */
static bool add_row(struct increments *n, uint64_t spans, const struct noted_row *row)
{
    const struct stream_info *info = &stream_infos[row->stream];
    uint32_t at = 0;
    while (at < n->list_count && (n->list[at].spans != spans || n->list[at].first != info->first))
        at++;
    if (at == n->list_count) {
        if (at == LIST_MAX)
            return false;
        n->list = must_grow(n->list, &n->list_room, n->list_count++, sizeof *n->list);
        n->list[at] = (struct increment){.spans = spans, .first = info->first, .count = info->measures};
    }
    for (unsigned m = 0; m < info->measures; m++)
        if (__builtin_add_overflow(n->list[at].more[m], row->measures[m], &n->list[at].more[m]))
            return false;
    return true;
}

bool increments_take(struct increments *n, const struct increment_spans *s, struct quantiles *q,
                     const struct tree *const *tree_of)
{
    int64_t last_us = INT64_MIN;
    if (n->is_lost || s->as_of_us >= n->until_us)
        return false;
    for (uint32_t i = 0; i < n->row_count; i++) {
        const struct noted_row *row = &n->rows[i];
        uint64_t spans = spans_of(s, row->stream, row->at_us);
        if (spans != 0 && !add_row(n, spans, row))
            return false;
        if (row->at_us != last_us) { /* most are of one event */
            n->until_us = least(n->until_us, row_until(s, row->at_us));
            last_us = row->at_us;
        }
    }
    n->row_count = 0;
    return quantiles_take(q, &(struct quantile_spans){s->edges, s->from, s->to, s->of_pane}, tree_of, &n->moves);
}

/* True: it fits. Nothing is added where nothing is more. */
static bool add_difference(struct increment *list, unsigned *count, uint64_t spans, unsigned first, unsigned measures,
                           const int128 *now, const int128 *before)
{
    struct increment more = {.spans = spans, .first = (uint8_t)first, .count = (uint8_t)measures};
    bool is_any = false;
    for (unsigned m = 0; m < measures; m++) {
        int128 difference = now[m] - before[m];
        if (difference > INT64_MAX || difference < INT64_MIN)
            return false;
        more.more[m] = (int64_t)difference;
        is_any = is_any || difference != 0;
    }
    if (is_any && spans != 0)
        list[(*count)++] = more;
    return true;
}

static const uint8_t quantile_measures[STREAM_VALUED] = {MEASURE_RESPONSE_P50, MEASURE_CYCLE_P50, MEASURE_PAYBACK_P50};

static unsigned moved_count(const struct quantile_moves *moves)
{
    unsigned count = 0;
    for (unsigned v = 0; v < STREAM_VALUED; v++)
        count += bits_count_64(moves->moved[v]);
    return count;
}

static void list_moves(const struct quantile_moves *moves, struct increment *list, unsigned *count)
{
    for (unsigned v = 0; v < STREAM_VALUED; v++) {
        for (uint64_t left = moves->moved[v]; left != 0; left &= left - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(left);
            const int64_t *by_s = moves->by_s[v * moves->slots + slot];
            list[(*count)++] = (struct increment){
                .spans = left & -left, .more = {by_s[0], by_s[1]}, .first = quantile_measures[v], .count = 2};
        }
    }
}

bool increments_list(struct increments *n, const struct increment_spans *s, const struct sums *level,
                     struct image **out_image, const struct increment **out, unsigned *out_count)
{
    struct sums_of_level now;
    unsigned count = n->list_count, most = count + LEVELS + moved_count(&n->moves);
    if (most > n->list_room) {
        n->list_room = most;
        n->list = must_realloc(n->list, most * sizeof *n->list);
    }
    take_level(level, &now);
    /* Deals that are open are told with each window, all the rest of a level where it alone is asked for. */
    if (!add_difference(n->list, &count, s->current, MEASURE_OPEN, 1, now.at[0], n->level.at[0]))
        return false;
    for (unsigned part = 0; part < LEVEL_PARTS; part++)
        if (!add_difference(n->list, &count, s->now, levels[part].first, levels[part].count, now.at[part],
                            n->level.at[part]))
            return false;
    list_moves(&n->moves, n->list, &count);
    *out_image = n->image;
    *out = n->list;
    *out_count = count;
    return true;
}

int64_t increments_until_us(const struct increments *n)
{
    return n->until_us;
}

uint64_t increments_bytes(const struct increments *n)
{
    if (n == NULL)
        return 0;
    return sizeof *n + n->row_room * sizeof *n->rows + n->list_room * sizeof *n->list +
           STREAM_VALUED * n->moves.slots * sizeof *n->moves.by_s +
           (n->image != NULL ? sizeof *n->image + n->image->len : 0);
}
