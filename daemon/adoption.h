/* adoption.h - the alerts that fire by what Redis holds, read once at the start: so that an alert which was told
 * before a restart, or by the instance before, is not told anew.
 *
 * Plain memory: made by the publish thread, taken by the alerts thread (base/handoff.h).
 */
#pragma once
#include "config/config.h"
#include "publishers/redis.h"
#include <stddef.h>

struct adoption {
    char **json; /* the values of alerts:active */
    size_t count;
};

/* NULL: Redis could not be asked, *out says why. Blocks for a few time-outs at most. */
struct adoption *adoption_read(const struct redis_config *config, struct redis_failure *out);
/* NULL is allowed. */
void adoption_destroy(struct adoption *a);
