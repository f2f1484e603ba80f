#include "consumers/complaint.h"
#include "base/clock.h"
#include "base/instant.h"

#define PAUSE_FIRST_US (5 * SECOND)

bool complaint_is_due(struct complaint *c)
{
    int64_t now_us = clock_monotonic_us();
    if (!c->standing)
        *c =
            (struct complaint){.standing = true, .since_us = now_us, .again_at_us = now_us, .pause_us = PAUSE_FIRST_US};
    if (now_us < c->again_at_us)
        return false;
    c->again_at_us = now_us + c->pause_us;
    c->pause_us = c->pause_us * 2 < HOUR ? c->pause_us * 2 : HOUR;
    return true;
}

int64_t complaint_age_ms(const struct complaint *c)
{
    return (clock_monotonic_us() - c->since_us) / MILLISECOND;
}
