/* life.h - the daemon from start to end: its threads, signals, health, and the order in which it stops.
 *
 * Thread: main's, before any other exists (it blocks signals for all of them).
 * Errors: the exit status; what went wrong has been logged.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"
#include <stdbool.h>

struct life_options {
    const char *config_path; /* NULL: none; SIGHUP checks it again */
    const char *instance;    /* meta.instance */
    const char *checkpoint;  /* folder; "": no checkpoints */
    bool from_start;         /* what is stored there is set aside */
    bool reset_fence;
    bool exit_at_end; /* stop when all partitions were read to their end and that is published */
};

/* Returns when the daemon has stopped: EX_OK after a signal, EX_DATAERR after a gap with kafka.on_gap stop, else what
 * forbade the start. */
int life_run(const struct config *config, const struct calendar *calendar, const struct life_options *options);
