/* series.h - a KPI by local days or hours up to an instant, for charts.
 *
 * Points are whole days or hours of the company's zone; the last one is unfinished. Hours are counted from each day's first
 * instant, so that where clocks move by less than an hour the last one of a day is short.
 * Thread: any; pure, given the calendar.
 */
#pragma once
#include "aggregators/measure.h"
#include "aggregators/snapshot.h"
#include "base/calendar.h"
#include "config/config.h"

/* The first instants of the points up to as_of, ascending; `out` has room for s->points. */
void series_starts(const struct series_config *s, const struct calendar *c, int64_t as_of_us, int64_t *out);
/* The first instant after as_of at which a point begins. */
int64_t series_next_start(const struct series_config *s, const struct calendar *c, int64_t as_of_us);
/* The streams that the KPIs of the series are made of. */
uint64_t series_streams(const struct series_config *s);
/* Whether the series is for an entity of the dimension. */
bool series_names(const struct series_config *s, enum dimension d, struct text entity);
/* The JSON {"every":"day","points":[["2026-11-01T00:00:00Z","1234.00"],...]} of a KPI of series `series` of the snapshot's
 * entity, which must have it. No value is null, and 0 of what is 0 where it is absent. */
void series_format(struct buffer *b, const struct config *config, const struct snapshot *s, size_t entity,
                   unsigned series, enum kpi k);
