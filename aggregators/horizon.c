#include "aggregators/horizon.h"
#include "aggregators/series.h"
#include "aggregators/window.h"
#include "base/error.h"
#include <stdlib.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t of_series(const struct series_config *s, const struct calendar *c, int64_t as_of_us)
{
    int64_t *starts_us = must_alloc((size_t)s->points * sizeof *starts_us), first_us;
    series_starts(s, c, as_of_us, starts_us);
    first_us = starts_us[0];
    free(starts_us);
    return first_us;
}

int64_t horizon_us(const struct config *config, const struct calendar *c, int64_t as_of_us)
{
    int64_t horizon = as_of_us + 1;
    for (unsigned w = 0; w < config->window_count; w++) {
        if (config->windows[w].kind == WINDOW_ALL || config->windows[w].kind == WINDOW_NOW)
            continue;
        struct window_span span = window_span_at(&config->windows[w], c, as_of_us);
        horizon = least(horizon, span.has_previous ? span.previous_from_us : span.from_us);
    }
    for (unsigned i = 0; i < config->series_count; i++)
        horizon = least(horizon, of_series(&config->series[i], c, as_of_us));
    return horizon;
}
