/* window_spec.h - which spans of time a KPI is computed over, by name. CONTRACT 3.
 *
 * Thread: any; pure. "90m", "24h", "7d" roll; "today" ... "year" run from the start of the period
 * to now; "yesterday" ... "last_year" are whole past periods; "all" and "now" have no period.
 */
#pragma once
#include "base/calendar.h"
#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

enum window_kind { WINDOW_ROLLING, WINDOW_TO_DATE, WINDOW_PAST, WINDOW_ALL, WINDOW_NOW };

#define WINDOW_NAME_MAX 16

struct window_spec {
    char name[WINDOW_NAME_MAX]; /* as configured, zero-terminated */
    enum window_kind kind;
    enum period period;         /* TO_DATE, PAST */
    int64_t length_us, step_us; /* ROLLING */
};

enum window_error { WINDOW_OK, WINDOW_UNKNOWN, WINDOW_NO_MULTIPLE, WINDOW_TOO_LONG };

/* WINDOW_UNKNOWN: no such window. WINDOW_NO_MULTIPLE: the length is no multiple of its step
 * (out->step_us says which). WINDOW_TOO_LONG: longer than 3,660 days. */
MUST_CHECK enum window_error window_spec_parse(struct text name, struct window_spec *out);
