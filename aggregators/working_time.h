/* working_time.h - how much of a span people work, by the working calendars of the configuration.
 *
 * Thread: the owner's. Memory: the caller's; config and calendar are borrowed.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"

#define WORKING_TIME_KNOWN 64

struct working_time {
    const struct config *config;
    const struct calendar *calendar;
    /* Spans that were asked for: thousands of entities ask for the same few at one instant. */
    struct {
        int64_t from_us, until_us, us;
        size_t calendar; /* + 1, 0 = free */
    } known[WORKING_TIME_KNOWN];
};

void working_time_init(struct working_time *w, const struct config *config, const struct calendar *calendar);
/* Time that is worked in [from_us, until_us): of each working day the overlap with its hours, as long as it really is
 * where clocks are put. O(days) once, then O(1). */
int64_t working_time_us(struct working_time *w, size_t calendar, int64_t from_us, int64_t until_us);
bool working_calendar_works(const struct working_calendar_config *c, int64_t local_day);
/* From opening to closing, on a day on which clocks are not put. */
int64_t working_calendar_day_us(const struct working_calendar_config *c);
