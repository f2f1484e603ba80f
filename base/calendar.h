/* calendar.h - one time zone as a table of its UTC offsets, and the periods of a business.
 *
 * The offsets come from the system's tz database through libc, once, when the calendar is made;
 * afterwards it is plain data and every function is pure.
 *
 * Thread: calendar_create only while no other thread of kpid's or a library's may look at the environment (it sets TZ for a
 * moment); the allocator's own never does. The others from any thread. Memory: the caller destroys what it created.
 * Where a local time does not exist it is the end of the gap, where it exists twice its first instant.
 */
#pragma once
#include "base/error.h"
#include "base/instant.h"
#include "base/text.h"
#include <stdint.h>

struct calendar;

enum period { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_QUARTER, PERIOD_YEAR };

/* zone: an IANA name such as "Europe/Berlin". week_start: 1 = Monday ... 7 = Sunday.
 * fiscal_month: 1-12, the month in which years and quarters begin. NULL: no such zone on this machine. */
struct calendar *calendar_create(const char *zone, int week_start, int fiscal_month);
void calendar_destroy(struct calendar *c);

const char *calendar_zone(const struct calendar *c);
/* Seconds east of UTC at that instant. O(log transitions). */
int calendar_offset_s(const struct calendar *c, int64_t us);
/* Days since 1970-01-01 on the local calendar, and the time of the local day. */
int64_t calendar_local_day(const struct calendar *c, int64_t us, int64_t *out_time_of_day_us);
/* The instant of a local day and time of day. */
int64_t calendar_instant(const struct calendar *c, int64_t local_day, int64_t time_of_day_us);

/* The first day of the period that contains a local day, moved by `shift` periods. */
int64_t calendar_period_day(const struct calendar *c, enum period p, int64_t local_day, int shift);
/* The day that has begun at an instant: [its first instant, the next one's), whatever the clocks do meanwhile. */
int64_t calendar_day_begun(const struct calendar *c, int64_t us);
/* Whole periods from the one that contains `from_day` to the one that contains `to_day`, negative where it is later. */
int64_t calendar_periods_between(const struct calendar *c, enum period p, int64_t from_day, int64_t to_day);
/* The first instant of the period that contains `us`, moved by `shift` periods (-1: the one before). */
int64_t calendar_period_start(const struct calendar *c, enum period p, int64_t us, int shift);
/* The same place in the period before: same weekday, day of month, month and time of day; a day which
 * the month lacks is the end of that month. Not yet floored. CONTRACT 3, AMENDMENT 20. */
int64_t calendar_same_place_before(const struct calendar *c, enum period p, int64_t us);
/* The first instant after `us` at which clocks go back, INT64_MAX where they never will. */
int64_t calendar_goes_back(const struct calendar *c, int64_t us);
