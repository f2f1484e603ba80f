#include "aggregators/window.h"
#include "base/error.h"
#include <stdlib.h>

/* Every zone in use is a multiple of this from UTC, so what is floored to it is floored on the local clock as well. */
#define QUARTER_HOUR (15 * MINUTE)

static int64_t floor_to(int64_t us, int64_t step)
{
    int64_t rest = us % step;
    return us - (rest < 0 ? rest + step : rest);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct window_span window_span_at(const struct window_spec *w, const struct calendar *c, int64_t as_of_us)
{
    struct window_span s = {
        .from_us = INT64_MIN, .to_us = as_of_us + 1, .next_period_us = INT64_MAX, .goes_back_us = INT64_MAX};
    switch (w->kind) {
    case WINDOW_ROLLING:
        s.from_us = floor_to(as_of_us, w->step_us) + w->step_us - w->length_us;
        s.has_previous = true;
        s.previous_from_us = s.from_us - w->length_us;
        s.previous_to_us = s.from_us;
        break;
    case WINDOW_TO_DATE:
        s.from_us = calendar_period_start(c, w->period, as_of_us, 0);
        s.has_previous = true;
        s.previous_from_us = calendar_period_start(c, w->period, as_of_us, -1);
        s.previous_to_us = floor_to(calendar_same_place_before(c, w->period, as_of_us), QUARTER_HOUR);
        s.next_period_us = calendar_period_start(c, w->period, as_of_us, 1);
        s.goes_back_us = calendar_goes_back(c, as_of_us);
        break;
    case WINDOW_PAST:
        s.from_us = calendar_period_start(c, w->period, as_of_us, -1);
        s.to_us = calendar_period_start(c, w->period, as_of_us, 0);
        s.has_previous = true;
        s.previous_from_us = calendar_period_start(c, w->period, as_of_us, -2);
        s.previous_to_us = s.from_us;
        s.next_period_us = calendar_period_start(c, w->period, as_of_us, 1);
        break;
    case WINDOW_ALL:
    case WINDOW_NOW: break;
    }
    return s;
}

/* When the end of the previous window to date reaches the row at `row_us`. The end moves as as_of does, but for
 * an hour of daylight saving and for jumps at local midnights, where a month lacks the day. */
static int64_t previous_end_reaches(const struct window_span *s, const struct calendar *c, int64_t row_us,
                                    int64_t as_of_us)
{
    int64_t reaches = as_of_us + (row_us - s->previous_to_us) - HOUR - QUARTER_HOUR;
    reaches = least(reaches, calendar_period_start(c, PERIOD_DAY, as_of_us, 1));
    int64_t soonest = floor_to(as_of_us, QUARTER_HOUR) + QUARTER_HOUR;
    reaches = floor_to(reaches, QUARTER_HOUR);
    return reaches > soonest ? reaches : soonest;
}

static int64_t next_row(const struct window_rows *rows, int64_t from_us)
{
    return rows->next(rows->context, from_us);
}

int64_t window_next_change(const struct window_spec *w, const struct window_span *s, const struct calendar *c,
                           const struct window_rows *rows, int64_t as_of_us)
{
    int64_t next = w->kind == WINDOW_PAST ? INT64_MAX : next_row(rows, as_of_us + 1); /* enters */
    int64_t row;
    switch (w->kind) {
    case WINDOW_ROLLING:
        /* A row leaves when the step that it lies in has left: L after that step began. */
        row = next_row(rows, s->from_us);
        if (row != INT64_MAX)
            next = least(next, floor_to(row, w->step_us) + w->length_us);
        row = next_row(rows, s->previous_from_us);
        if (row < s->previous_to_us)
            next = least(next, floor_to(row, w->step_us) + 2 * w->length_us);
        break;
    case WINDOW_TO_DATE:
        if (next_row(rows, s->previous_from_us) == INT64_MAX)
            break;
        next = least(next, least(s->next_period_us, s->goes_back_us));
        row = next_row(rows, s->previous_to_us);
        if (row < s->from_us)
            next = least(next, previous_end_reaches(s, c, row, as_of_us));
        break;
    case WINDOW_PAST:
        if (next_row(rows, s->previous_from_us) != INT64_MAX)
            next = s->next_period_us;
        break;
    case WINDOW_ALL:
    case WINDOW_NOW: break;
    }
    REQUIRE(next > as_of_us);
    return next;
}

static int by_instant(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void window_edges_of(const struct window_span *spans, unsigned span_count, struct window_edges *out)
{
    unsigned all = 0;
    REQUIRE(span_count <= WINDOWS_MAX);
    for (unsigned i = 0; i < span_count; i++) {
        out->at_us[all++] = spans[i].from_us;
        out->at_us[all++] = spans[i].to_us;
        if (spans[i].has_previous) {
            out->at_us[all++] = spans[i].previous_from_us;
            out->at_us[all++] = spans[i].previous_to_us;
        }
    }
    qsort(out->at_us, all, sizeof *out->at_us, by_instant);
    out->count = 0;
    for (unsigned i = 0; i < all; i++)
        if (i == 0 || out->at_us[i] != out->at_us[i - 1])
            out->at_us[out->count++] = out->at_us[i];
}

unsigned window_edge(const struct window_edges *e, int64_t at_us)
{
    const int64_t *found = bsearch(&at_us, e->at_us, e->count, sizeof at_us, by_instant);
    REQUIRE(found != NULL);
    return (unsigned)(found - e->at_us);
}

unsigned window_edges_before(const int64_t *edges_us, unsigned count, int64_t at_us)
{
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (edges_us[middle] <= at_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
