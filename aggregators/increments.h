/* increments.h - what has come to the windows of a busy entity since all of them were summed, so that a cut pays for what has
 * changed and not for what stands.
 *
 * All windows of an entity are summed once, into an image (image.h). From then on each row that comes or goes is noted. The next cut
 * finds in which spans it lies, once for all of them by the edges between which it is, and adds it to the increment of these spans. A
 * snapshot takes the image as it is, and the few increments; whoever reads it adds up. That holds until an edge of a span passes over
 * a row: `until_us` is never later than that, and then all windows are summed again, by panes.h. Values of which quantiles are asked
 * go the same way, to the spans of quantiles.h, and what a quantile has moved by is an increment of one span.
 *
 * Thread: the shard's writer; or who makes a cut for it (cutting.h).
 * Memory: increments_create to increments_destroy; some 1.5 KB with 12 windows, and the image.
 */
#pragma once
#include "aggregators/image.h"
#include "aggregators/measure.h"
#include "aggregators/quantiles.h"
#include "aggregators/tree.h"
#include "aggregators/window.h"

/* Consecutive measures of some spans are so much more. */
struct increment {
    uint64_t spans; /* bit w * 2: of window w; + 1: of the one before */
    int64_t more[STREAM_MEASURES_MAX];
    uint8_t first, count; /* enum measure */
    uint8_t zero[6];
};

/* The spans of one cut, laid out for this. */
struct increment_spans {
    const struct window_spec *windows;
    const struct window_span *spans;
    const struct window_edges *edges;
    unsigned window_count;
    unsigned from[2 * WINDOWS_MAX], to[2 * WINDOWS_MAX]; /* edges of a span, by the number of its bit */
    uint64_t of_pane[4 * WINDOWS_MAX + 1]; /* spans in which a row lies, by how many edges are not behind it */
    uint64_t current, now;                 /* spans of windows that are no level; of those that are */
    int64_t as_of_us, quarter_us,
        period_us; /* period_us: the first one begins that some window is about, or clocks go back */
};

void increment_spans_lay(struct increment_spans *s, const struct window_spec *windows, unsigned window_count,
                         const struct window_span *spans, const struct window_edges *edges, int64_t as_of_us);

struct increments;

struct increments *increments_create(void);
/* NULL is allowed. */
void increments_destroy(struct increments *n);
/* A row of the stream came (or went: the measures are multiplied by `factor`), whether or not it is asked for as a level. */
void increments_note(struct increments *n, enum stream stream, int64_t at_us, const int64_t *measures, int factor);
/* All windows have been summed: `windows` is their image, which is taken over, `level` what stood then; nothing changes by time before
 * until_us. */
void increments_begin(struct increments *n, struct image *windows, const struct sums *level, unsigned window_count,
                      int64_t until_us);
/* Takes in what was noted. `tree_of`: by number of the valued stream, may be NULL. False: all windows must be summed. */
bool increments_take(struct increments *n, const struct increment_spans *spans, struct quantiles *q,
                     const struct tree *const *tree_of);
/* After increments_take: the image, and what is to be added to it where the level is now `level`. The list is valid until the next call;
 * false: a level is out of reach, and all windows must be summed. */
bool increments_list(struct increments *n, const struct increment_spans *spans, const struct sums *level,
                     struct image **out_image, const struct increment **out, unsigned *out_count);
/* Nothing changes by time before it. */
int64_t increments_until_us(const struct increments *n);
uint64_t increments_bytes(const struct increments *n);
