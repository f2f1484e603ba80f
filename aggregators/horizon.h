/* horizon.h - how far back anybody still asks when something happened, and not only what it adds up to.
 *
 * Thread: any; pure, given the calendar.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"

/* The earliest instant at which a configured window, the one before it, or a series begins; the windows `all` and `now`
 * begin nowhere. It never goes back as as_of goes on. */
int64_t horizon_us(const struct config *config, const struct calendar *c, int64_t as_of_us);
