/* quantiles.h - the median and the ninth decile of spans that one cut asks for after the other.
 *
 * A span with some values keeps their buckets in order, one with many a histogram; that goes along with the span: what came and
 * went since the last cut is noted and counted in, and what the span's ends have passed over since then is taken from the tree. So
 * a cut pays for what has changed and not for a year of rows. A quantile is what a walk over the span's rows would give.
 *
 * Thread: the shard's writer. Memory: quantiles_create to quantiles_destroy; 2 bytes a value, at most 14 KiB a span.
 */
#pragma once
#include "aggregators/measure.h"
#include "aggregators/tree.h"
#include "config/config.h"

/* From so many values on a span is worth being kept. */
#define QUANTILES_FROM 48

/* Which of the spans that are asked for again and again it is. */
enum { QUANTILE_SLOTS = 2 * WINDOWS_MAX };

struct quantiles;

struct quantiles *quantiles_create(void);
/* NULL is allowed. */
void quantiles_destroy(struct quantiles *q);
/* Notes that `count` values of a bucket (histogram.h) came to the row at at_us of a valued stream, or went where it is negative.
 * Each change of the tree is noted. */
void quantiles_note(struct quantiles *q, enum stream stream, int64_t at_us, int64_t bucket, int64_t count);
/* In seconds, over the rows with from_us <= at < to_us of the stream's tree, of which there is one at least. */
void quantiles_find(struct quantiles *q, enum stream stream, unsigned slot, const struct tree *t, int64_t from_us,
                    int64_t to_us, int128 *out_p50, int128 *out_p90);
/* After all spans of a cut: those that were not asked for are forgotten. Between this and the next cut the tree may fold what
 * lies before all spans that begin somewhere. */
void quantiles_end(struct quantiles *q);
uint64_t quantiles_bytes(const struct quantiles *q);
