#include "aggregators/working_time.h"
#include "base/instant.h"
#include <string.h>

void working_time_init(struct working_time *w, const struct config *config, const struct calendar *calendar)
{
    memset(w, 0, sizeof *w);
    w->config = config;
    w->calendar = calendar;
}

static bool is_holiday(const struct working_calendar_config *c, int64_t day)
{
    size_t low = 0, high = c->holiday_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->holidays[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->holiday_count && c->holidays[low] == day;
}

bool working_calendar_works(const struct working_calendar_config *c, int64_t local_day)
{
    int64_t weekday = ((local_day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; 0 = Monday */
    return c->works[weekday] && !is_holiday(c, local_day);
}

int64_t working_calendar_day_us(const struct working_calendar_config *c)
{
    return (int64_t)(c->to_minute - c->from_minute) * MINUTE;
}

static int64_t count(const struct working_time *w, const struct working_calendar_config *c, int64_t from_us,
                     int64_t until_us)
{
    int64_t total = 0;
    /* A day more: where clocks go back over midnight the next day has begun although it is still the one before. */
    int64_t last = calendar_local_day(w->calendar, until_us, NULL) + 1;
    for (int64_t day = calendar_local_day(w->calendar, from_us, NULL); day <= last; day++) {
        if (!working_calendar_works(c, day))
            continue;
        int64_t opens = calendar_instant(w->calendar, day, c->from_minute * MINUTE);
        int64_t closes = c->to_minute == 24 * 60 ? calendar_instant(w->calendar, day + 1, 0)
                                                 : calendar_instant(w->calendar, day, c->to_minute * MINUTE);
        opens = opens > from_us ? opens : from_us;
        closes = closes < until_us ? closes : until_us;
        if (closes > opens)
            total += closes - opens;
    }
    return total;
}

int64_t working_time_us(struct working_time *w, size_t calendar, int64_t from_us, int64_t until_us)
{
    if (until_us <= from_us)
        return 0;
    uint64_t mixed = ((uint64_t)from_us * 31 + (uint64_t)until_us + calendar) * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = mixed >> 58;
    if (w->known[at].calendar != calendar + 1 || w->known[at].from_us != from_us || w->known[at].until_us != until_us) {
        w->known[at].us = count(w, &w->config->calendars[calendar], from_us, until_us);
        w->known[at].calendar = calendar + 1;
        w->known[at].from_us = from_us;
        w->known[at].until_us = until_us;
    }
    return w->known[at].us;
}
