#include "consumers/hold.h"
#include "base/clock.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/memory_bound.h"

/* A look costs microseconds. So many messages, or so many bytes of them, add a few megabytes at most. */
enum { MESSAGES_A_LOOK = 1024, BYTES_A_LOOK = 1 << 20 };

/* The brokers are asked so often, and each may take so long to answer. */
#define BEHIND_EVERY_US (2 * SECOND)
#define ANSWER_MS       200

bool hold_begins(struct consumer *c)
{
    int64_t most = c->config->limits.memory_max_bytes, bytes = counter_get(&c->counters.bytes);
    if (most == 0 || (c->looked && ++c->unlooked < MESSAGES_A_LOOK && bytes - c->looked_bytes < BYTES_A_LOOK))
        return false;
    c->looked = true;
    c->unlooked = 0;
    c->looked_bytes = bytes;
    int64_t own = memory_own_bytes();
    if (own < most)
        return false;
    c->held = true;
    c->behind_at_us = 0;
    counter_set(&c->counters.held, 1);
    if (complaint_is_due(&c->memory))
        LOG(LOG_ERROR,
            "memory is at its limit: nothing is read from kafka until there is more (limits.memory_max, MemoryMax)",
            LOG_NUMBER("bytes", own), LOG_NUMBER("most", most));
    return true;
}

static void measure_behind(struct consumer *c)
{
    int64_t lag = 0;
    for (uint32_t i = 0; i < c->slot_count && !flag_get(&c->stop); i++) {
        struct slot *s = &c->slots[i];
        int64_t low, high;
        if (s->gone || rd_kafka_query_watermark_offsets(c->rk, c->names[s->topic], s->partition, &low, &high,
                                                        ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        int64_t from = s->next >= 0 ? s->next : low;
        if (high <= from)
            continue;
        lag += high - from;
        if (!s->behind)
            s->behind = consumer_note(c, EVENT_BEHIND, i, 0, TEXT(""));
    }
    counter_set(&c->counters.lag, lag);
}

bool hold_lasts(struct consumer *c)
{
    if (!c->held)
        return false;
    /* Well below, or it would begin again with the next snapshot. */
    int64_t most = c->config->limits.memory_max_bytes, own = memory_own_bytes();
    if (own > most - most / 16) {
        if (clock_monotonic_us() >= c->behind_at_us) {
            measure_behind(c);
            c->behind_at_us = clock_monotonic_us() + BEHIND_EVERY_US;
        }
        return true;
    }
    c->held = false;
    counter_set(&c->counters.held, 0);
    LOG(LOG_INFO, "there is memory again: reading goes on", LOG_NUMBER("bytes", own), LOG_NUMBER("most", most));
    return false;
}
