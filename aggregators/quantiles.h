/* quantiles.h - the median and the ninth decile of spans that one cut asks for after the other.
 *
 * Of an entity that is cut again and again a span keeps the buckets of its values in order, or a histogram where they are many,
 * and that goes along with the span: what came and went since the last cut is noted and counted in, and what the span's ends have
 * passed over since then is taken from the tree. So a cut pays for what has changed and not for a year of rows. Of others the rows
 * are taken from the tree once a cut, for all spans. A quantile is what a walk over the span's rows would give.
 *
 * Thread: the shard's writer; or who makes a cut for it (cutting.h).
 * Memory: quantiles_create to quantiles_destroy, 2 bytes a value and span, at most 14 KiB a span;
 * quantile_rows_init to _fini.
 */
#pragma once
#include "aggregators/measure.h"
#include "aggregators/tree.h"
#include "aggregators/window.h"
#include "config/config.h"

/* Which of the spans that are asked for again and again it is. */
enum { QUANTILE_SLOTS = 2 * WINDOWS_MAX };

struct quantiles;

struct quantiles *quantiles_create(void);
/* NULL is allowed. */
void quantiles_destroy(struct quantiles *q);
/* Notes that `count` values of a bucket (histogram.h) came to the row at at_us of a valued stream, or went where it is negative.
 * Each change of the tree is noted. */
void quantiles_note(struct quantiles *q, enum stream stream, int64_t at_us, int64_t bucket, int64_t count);
/* Whether it has no span yet. */
bool quantiles_are_new(const struct quantiles *q);
struct quantile_rows;
/* In seconds, over the rows with from_us <= at < to_us of the stream's tree, of which there is one at least. `rows`: all of its
 * rows, or NULL: they have not been taken. */
void quantiles_find(struct quantiles *q, enum stream stream, unsigned slot, const struct tree *t,
                    const struct quantile_rows *rows, int64_t from_us, int64_t to_us, int128 *out_p50, int128 *out_p90);
/* By how much quantiles have moved, by number of the valued stream (STREAM_RESPONSE, _CYCLE, _PAYBACK) and slot. */
struct quantile_moves {
    int64_t (*by_s)[2]; /* the median and the ninth decile, by stream * slots + slot */
    unsigned slots;
    uint64_t moved[STREAM_VALUED]; /* bit: slot */
};

/* None has; `slots` at most. */
void quantile_moves_begin(struct quantile_moves *m, unsigned slots);
void quantile_moves_fini(struct quantile_moves *m);

/* The spans of a cut: edge `from` and edge `to` by slot, and in which slots a row lies that so many edges are not behind of. */
struct quantile_spans {
    const struct window_edges *edges;
    const unsigned *from, *to;
    const uint64_t *of_pane;
};

/* Instead of quantiles_find and quantiles_end of all spans, where since the last cut no edge has passed over a row that was there: counts
 * what was noted and adds what the quantiles have moved by. False: it is not known. `tree_of`: by number of the stream. */
bool quantiles_take(struct quantiles *q, const struct quantile_spans *spans, const struct tree *const *tree_of,
                    struct quantile_moves *moves);
/* After all spans of a cut: those that were not asked for are forgotten. Between this and the next cut the tree may fold what
 * lies before all spans that begin somewhere. */
void quantiles_end(struct quantiles *q);
/* All values of a stream, by time; and what is counted of them. */
struct quantile_rows {
    struct quantile_row {
        int64_t at_us;
        uint32_t bucket, count;
    } * at;
    uint32_t count, room;
    struct counted {
        struct counts *of; /* rows with from <= number < to */
        uint64_t total;
        uint32_t from, to;
    } counted[2]; /* spans that are asked for one after the other have most rows in common, as those before them have */
};

void quantile_rows_init(struct quantile_rows *rows);
void quantile_rows_fini(struct quantile_rows *rows);
void quantile_rows_take(struct quantile_rows *rows, const struct tree *t);
/* There are none. */
void quantile_rows_forget(struct quantile_rows *rows);
/* As quantiles_find, of the rows that were taken last. */
void quantile_rows_find(struct quantile_rows *rows, int64_t from_us, int64_t to_us, int128 *out_p50, int128 *out_p90);

uint64_t quantile_rows_bytes(const struct quantile_rows *rows);
uint64_t quantiles_bytes(const struct quantiles *q);
