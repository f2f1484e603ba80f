/* adoption.h - what the publish thread tells the alerts thread of its part: that this instance tells from now on, with what
 * Redis holds of alerts that others have told (or it itself, before a restart); or that another instance does.
 *
 * Plain memory: made by the publish thread, taken by the alerts thread (base/handoff.h).
 */
#pragma once
#include "config/config.h"
#include "publishers/redis.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct adoption {
    bool stand_by; /* another instance tells; the rest is empty then */
    int64_t term;  /* the number of this take-over: alert_report.term from now on */
    bool after_others;
    char **active; /* the values of alerts:active */
    size_t active_count;
    char **unsent; /* and of alerts:unsent */
    size_t unsent_count;
};

struct adoption *adoption_of_stand_by(void);
/* To be asked when the fence has been claimed: from then on nobody else changes them. NULL: Redis could not be asked, *out
 * says why. Blocks for a few time-outs at most. */
struct adoption *adoption_read(const struct redis_config *config, struct redis_failure *out);
/* NULL is allowed. */
void adoption_destroy(struct adoption *a);
