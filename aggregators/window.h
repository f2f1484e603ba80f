/* window.h - the span of each configured window at an instant, and when it moves next. CONTRACT 3.
 *
 * Spans are half-open: [from, to). A window counts what happened up to as_of inclusive, so its end is
 * the microsecond after. Thread: any; pure, given the calendar.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"
#include "config/window_spec.h"
#include <stdbool.h>
#include <stdint.h>

struct window_span {
    int64_t from_us, to_us;
    bool has_previous;
    int64_t previous_from_us, previous_to_us;
    int64_t next_period_us; /* TO_DATE, PAST: when the next period begins; else INT64_MAX */
    int64_t goes_back_us;   /* TO_DATE: when previous_to_us goes back with the clocks; else INT64_MAX */
};

struct window_span window_span_at(const struct window_spec *w, const struct calendar *c, int64_t as_of_us);

/* Where spans begin and end, each instant once, ascending. */
struct window_edges {
    int64_t at_us[4 * WINDOWS_MAX];
    unsigned count;
};

void window_edges_of(const struct window_span *spans, unsigned span_count, struct window_edges *out);
/* The number of an instant that is one of them. */
unsigned window_edge(const struct window_edges *e, int64_t at_us);
/* How many of the edges, which ascend, do not lie behind the instant: the number of the pane in which it lies. */
unsigned window_edges_before(const int64_t *edges_us, unsigned count, int64_t at_us);

/* The first instant at or after from_us at which there is a row, INT64_MAX where there is none, or an earlier one. It is asked
 * where spans begin and end only. */
struct window_rows {
    const void *context;
    int64_t (*next)(const void *context, int64_t from_us);
};

/* The earliest instant after as_of at which a sum of the rows over the window, or over its previous one, may
 * differ, INT64_MAX where it never does. Never later than the true one; it may be earlier. */
int64_t window_next_change(const struct window_spec *w, const struct window_span *span, const struct calendar *c,
                           const struct window_rows *rows, int64_t as_of_us);
