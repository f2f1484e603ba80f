#include "consumers/hold.h"
#include "base/log.h"
#include "base/memory_bound.h"

/* A look costs microseconds; so many events are a megabyte or so. */
enum { MESSAGES_A_LOOK = 1024 };

bool hold_begins(struct consumer *c)
{
    int64_t most = c->config->limits.memory_max_bytes;
    if (most == 0 || ++c->unlooked < MESSAGES_A_LOOK)
        return false;
    c->unlooked = 0;
    int64_t own = memory_own_bytes();
    if (own < most)
        return false;
    c->held = true;
    counter_set(&c->counters.held, 1);
    LOG(LOG_ERROR,
        "memory is at its limit: nothing is read from kafka until there is more (limits.memory_max, MemoryMax)",
        LOG_NUMBER("bytes", own), LOG_NUMBER("most", most));
    return true;
}

bool hold_lasts(struct consumer *c)
{
    if (!c->held)
        return false;
    /* Well below, or it would begin again with the next snapshot. */
    int64_t most = c->config->limits.memory_max_bytes, own = memory_own_bytes();
    if (own > most - most / 16)
        return true;
    c->held = false;
    counter_set(&c->counters.held, 0);
    LOG(LOG_INFO, "there is memory again: reading goes on", LOG_NUMBER("bytes", own), LOG_NUMBER("most", most));
    return false;
}
