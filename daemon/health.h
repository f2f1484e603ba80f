/* health.h - whether kpid does its whole job right now, and if not, why: for /readyz, systemd and the log.
 *
 * Thread: any; pure. Memory: the caller's.
 */
#pragma once
#include "config/config.h"
#include "daemon/metrics.h"
#include <stdbool.h>
#include <stdint.h>

/* Live, connected, and Redis holds a fresh snapshot. Otherwise each reason is a line in `reasons`. */
bool health_is_ready(const struct config *config, const struct metrics_view *v, struct buffer *reasons);
/* What does not keep kpid from its job, but makes the numbers doubtful: each is a line. */
void health_doubts(const struct metrics_view *v, struct buffer *out);
/* A server is away, so that waiting longer for being ready says nothing about kpid. */
bool health_waits_for_peers(const struct metrics_view *v);
/* One line for people: what it is doing. */
void health_status(const struct metrics_view *v, struct buffer *out);
