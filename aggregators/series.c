#include "aggregators/series.h"
#include "aggregators/kpi.h"
#include "aggregators/kpi_streams.h"
#include "base/error.h"

/* From the last point of a day that has begun by as_of to its first one: how many went to `out` before `left`. */
static unsigned points_of_day(const struct series_config *s, int64_t from_us, int64_t to_us, int64_t as_of_us,
                              unsigned left, int64_t *out)
{
    if (from_us >= to_us || from_us > as_of_us)
        return 0;
    int64_t step_us = s->hourly ? HOUR : to_us - from_us;
    int64_t last_us = as_of_us < to_us ? as_of_us : to_us - 1;
    unsigned done = 0;
    for (int64_t k = (last_us - from_us) / step_us; k >= 0 && done < left; k--)
        out[left - ++done] = from_us + k * step_us;
    return done;
}

void series_starts(const struct series_config *s, const struct calendar *c, int64_t as_of_us, int64_t *out)
{
    int64_t unused;
    /* Where clocks go back over midnight the next date has begun already. */
    int64_t day = calendar_local_day(c, as_of_us, &unused) + 1;
    int64_t to_us = calendar_instant(c, day + 1, 0);
    for (unsigned left = (unsigned)s->points; left > 0; day--) {
        int64_t from_us = calendar_instant(c, day, 0);
        left -= points_of_day(s, from_us, to_us, as_of_us, left, out);
        to_us = from_us;
    }
}

int64_t series_next_start(const struct series_config *s, const struct calendar *c, int64_t as_of_us)
{
    int64_t day = calendar_day_begun(c, as_of_us);
    int64_t from_us = calendar_instant(c, day, 0), to_us = from_us;
    while (to_us <= as_of_us)
        to_us = calendar_instant(c, ++day, 0);
    if (!s->hourly)
        return to_us;
    int64_t next_us = from_us + ((as_of_us - from_us) / HOUR + 1) * HOUR;
    return next_us < to_us ? next_us : to_us;
}

uint64_t series_streams(const struct series_config *s)
{
    uint64_t streams = 0;
    for (unsigned k = 0; k < KPI_COUNT; k++)
        if (s->kpi[k])
            streams |= kpi_streams((enum kpi)k);
    return streams;
}

bool series_names(const struct series_config *s, enum dimension d, struct text entity)
{
    if (s->dimension != d)
        return false;
    for (size_t i = 0; i < s->entity_count; i++)
        if (text_equal(text_of(s->entities[i]), entity))
            return true;
    return s->entity_count == 0;
}

void series_format(struct buffer *b, const struct config *config, const struct snapshot *s, size_t entity,
                   unsigned series, enum kpi k)
{
    const struct series_config *of = &config->series[series];
    int money_decimals = config_currency_decimals(config, config->base_currency);
    buffer_string(b, of->hourly ? "{\"every\":\"hour\",\"points\":[" : "{\"every\":\"day\",\"points\":[");
    size_t at;
    REQUIRE(snapshot_series(s, entity, series, &at));
    for (unsigned i = 0; i < (unsigned)of->points; i++) {
        struct sums sums;
        at = snapshot_point(s, at, &sums);
        buffer_string(b, i == 0 ? "[\"" : ",[\"");
        instant_format(b, snapshot_series_start(s, series, i), false);
        buffer_string(b, "\",");
        struct kpi_value value;
        bool exists = kpi_evaluate(k, &sums, &value);
        if (!exists && kpi_adds_up(k)) {
            value = (struct kpi_value){0, 1, 0};
            exists = true;
        }
        if (exists) {
            buffer_char(b, '"');
            kpi_format(b, k, &value, money_decimals);
            buffer_char(b, '"');
        } else {
            buffer_string(b, "null");
        }
        buffer_char(b, ']');
    }
    buffer_string(b, "]}");
}
