#include "config/window_spec.h"
#include "base/instant.h"
#include <string.h>

/* Longer ones cannot differ from `all` in practice, and their instants stay far from the ends of int64. */
#define LENGTH_MAX_US (3660 * DAY)

static const struct {
    const char *name;
    enum window_kind kind;
    enum period period;
} named[] = {
    {"today", WINDOW_TO_DATE, PERIOD_DAY},
    {"week", WINDOW_TO_DATE, PERIOD_WEEK},
    {"month", WINDOW_TO_DATE, PERIOD_MONTH},
    {"quarter", WINDOW_TO_DATE, PERIOD_QUARTER},
    {"year", WINDOW_TO_DATE, PERIOD_YEAR},
    {"yesterday", WINDOW_PAST, PERIOD_DAY},
    {"last_week", WINDOW_PAST, PERIOD_WEEK},
    {"last_month", WINDOW_PAST, PERIOD_MONTH},
    {"last_quarter", WINDOW_PAST, PERIOD_QUARTER},
    {"last_year", WINDOW_PAST, PERIOD_YEAR},
    {"all", WINDOW_ALL, PERIOD_DAY},
    {"now", WINDOW_NOW, PERIOD_DAY},
};

/* The greatest step that cuts the length into 300 parts or more; 1 s for lengths below 5 min, where none does. */
static int64_t step_of(int64_t length_us)
{
    static const int64_t steps[] = {HOUR, 15 * MINUTE, MINUTE, 10 * SECOND};
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i] <= length_us / 300) {
            return steps[i];
        }
    }
    return SECOND;
}

static enum window_error parse_rolling(struct text name, struct window_spec *out)
{
    if (name.len < 2 || name.at[0] < '1' || name.at[0] > '9') { /* one length, one name: no leading zeros */
        return WINDOW_UNKNOWN;
    }
    int64_t unit;
    switch (name.at[name.len - 1]) {
    case 'm': unit = MINUTE; break;
    case 'h': unit = HOUR; break;
    case 'd': unit = DAY; break;
    default: return WINDOW_UNKNOWN;
    }
    int64_t n = 0;
    for (size_t i = 0; i + 1 < name.len; i++) {
        if (name.at[i] < '0' || name.at[i] > '9') {
            return WINDOW_UNKNOWN;
        }
        if (n <= LENGTH_MAX_US) {
            n = n * 10 + (name.at[i] - '0');
        }
    }
    if (n > LENGTH_MAX_US / unit) {
        return WINDOW_TOO_LONG;
    }
    out->kind = WINDOW_ROLLING;
    out->length_us = n * unit;
    out->step_us = step_of(out->length_us);
    return out->length_us % out->step_us == 0 ? WINDOW_OK : WINDOW_NO_MULTIPLE;
}

enum window_error window_spec_parse(struct text name, struct window_spec *out)
{
    struct window_spec spec = {.kind = WINDOW_ALL, .period = PERIOD_DAY};
    for (unsigned i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (text_equal(name, text_of(named[i].name))) {
            spec.kind = named[i].kind;
            spec.period = named[i].period;
            memcpy(spec.name, name.at, name.len);
            *out = spec;
            return WINDOW_OK;
        }
    }
    enum window_error e = parse_rolling(name, &spec);
    if (e == WINDOW_OK) {
        memcpy(spec.name, name.at, name.len); /* at most 7 digits and a unit */
        *out = spec;
    } else if (e == WINDOW_NO_MULTIPLE) {
        out->step_us = spec.step_us;
    }
    return e;
}
