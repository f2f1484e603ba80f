/* instant.h - points in time: microseconds since 1970-01-01T00:00:00Z, and their text forms.
 *
 * Thread: any; pure. A date without a time needs a calendar (calendar.h), since it is a local midnight.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>

#define MILLISECOND INT64_C(1000)
#define SECOND      INT64_C(1000000)
#define MINUTE      (60 * SECOND)
#define HOUR        (60 * MINUTE)
#define DAY         (24 * HOUR)

/* Times outside [INSTANT_MIN, INSTANT_END) are refused: 1970-01-01 and 2200-01-01 UTC. */
#define INSTANT_MIN  INT64_C(0)
#define INSTANT_END  (INT64_C(7258118400) * SECOND)
#define INSTANT_NONE INT64_MIN

/* A day of the proleptic Gregorian calendar. */
struct civil {
    int year;
    int month; /* 1-12 */
    int day;   /* 1-31 */
};

/* Days since 1970-01-01; the algorithms are Howard Hinnant's, "chrono-compatible low-level date algorithms". */
int64_t days_from_civil(struct civil c);
struct civil civil_from_days(int64_t days);
int days_in_month(int year, int month);

/* RFC 3339 with a zone ("2024-03-31T01:30:00.5+02:00"). Digits past the microsecond are cut off; a
 * second of 60 is the next second. BAD_TIME otherwise, or outside the range above. */
MUST_CHECK enum error instant_parse(struct text t, int64_t *out_us);
/* "2024-03-31" to days since the epoch. BAD_TIME: no such day. */
MUST_CHECK enum error date_parse(struct text t, int64_t *out_days);

/* RFC 3339 in UTC: "2017-12-31T23:59:59Z", with three decimals when `always_ms` or the instant has
 * milliseconds. Finer digits are cut off. */
void instant_format(struct buffer *b, int64_t us, bool always_ms);
