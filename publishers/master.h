/* master.h - the connection to the Redis that takes writes: the configured one, or the one that the sentinels name.
 *
 * They are asked in turn, beginning with the one that answered last, each for at most a sixth of redis.lease (or
 * redis.timeout, if that is shorter); the first that knows the master decides. Whom it names is asked for its ROLE: for
 * some time after a fail-over a sentinel may name one that is a replica still, or again.
 *
 * Thread: the caller's; may block as redis.h says, and so for each sentinel. Memory: of fixed size.
 * Errors: struct redis_failure; TROUBLE_SENTINEL and TROUBLE_NOT_MASTER pass with time.
 */
#pragma once
#include "publishers/redis.h"

#define MASTER_HOST_SIZE 256

struct master {
    char host[MASTER_HOST_SIZE]; /* as the sentinels said; only if there are any */
    int port;
    size_t sentinel; /* index of the one that answered last */
};

/* Zeroed before the first call. As redis_open, which it is without sentinels. */
struct redis *master_open(struct master *m, const struct redis_config *config, struct redis_failure *out);

enum master_answer {
    MASTER_SAME,
    MASTER_OTHER,   /* *out: TROUBLE_DEPOSED, and which one */
    MASTER_UNKNOWN, /* no sentinel answers, or none knows: *out says why */
};
/* Asks the sentinels whether the one that was opened is still the master. */
enum master_answer master_confirm(struct master *m, const struct redis_config *config, struct redis_failure *out);
