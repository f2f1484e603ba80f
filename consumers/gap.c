#define XXH_INLINE_ALL
#include "consumers/gap.h"
#include "base/clock.h"
#include "base/instant.h"
#include "base/log.h"
#include "consumers/layout.h"
#include <endian.h>
#include <xxhash.h>

enum { QUESTION_MS = 2000 };

/* A broker that does not answer, or refuses the same offset again, is not asked without a pause. */
#define AGAIN_AFTER_US (1 * SECOND)

enum gap { GAP_PASSED, GAP_SHORTER, GAP_OTHER, GAP_GONE };

static const char *const what_happened[] = {
    [GAP_PASSED] = "messages are gone from the topic before they were read",
    [GAP_SHORTER] = "the partition ends before what was read: the topic was made anew, or its log was cut",
    [GAP_OTHER] = "the partition does not hold the message that was read last: the topic was made anew",
    [GAP_GONE] = "the partition is gone: the topic was made anew with fewer",
};

static const char *const what_to_do[] = {
    [GAP_PASSED] =
        "kpid stops, as kafka.on_gap says; to go on without what was lost, start it once with --on-gap continue",
    [GAP_SHORTER] =
        "kpid stops, as kafka.on_gap says; start it once with --on-gap continue to read the partition from its "
        "start on top of what is known, or with --from-start to know only what the topics hold now",
    [GAP_OTHER] =
        "kpid stops, as kafka.on_gap says; start it once with --on-gap continue to read the partition from its "
        "start on top of what is known, or with --from-start to know only what the topics hold now",
    [GAP_GONE] =
        "kpid stops, as kafka.on_gap says; to go on without the partition, start it once with --on-gap continue",
};

uint64_t gap_hash(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    /* The lengths keep key and value apart; none is not the same as an empty one. */
    const uint64_t parts[] = {htole64(m->key != NULL ? m->key_len : UINT64_MAX),
                              htole64(m->key != NULL ? XXH3_64bits(m->key, m->key_len) : 0),
                              htole64(m->payload != NULL ? m->len : UINT64_MAX),
                              htole64(m->payload != NULL ? XXH3_64bits(m->payload, m->len) : 0),
                              htole64((uint64_t)rd_kafka_message_timestamp(m, &type))};
    return XXH3_64bits(parts, sizeof parts);
}

void gap_compare(struct slot *s, const rd_kafka_message_t *m)
{
    if (!s->comparing)
        return; /* of the queue before it was assigned again */
    /* Between the last message and the position there was none: what is there now has not been read. */
    if (m->offset != s->message_offset || gap_hash(m) != s->hash)
        s->doubt = DOUBT_MESSAGE;
}

/* False: reading ends here, or the consumer is stopping; nothing has changed. */
static bool accept_gap(struct consumer *c, const struct slot *s, enum gap gap, int64_t first, int64_t end,
                       int64_t go_on)
{
    bool stop = c->config->kafka.on_gap == ON_GAP_STOP;
    LOG(LOG_ERROR, what_happened[gap], LOG_TEXT("topic", c->names[s->topic]), LOG_NUMBER("partition", s->partition),
        LOG_NUMBER("position", s->next), LOG_NUMBER("first", first), LOG_NUMBER("last", end - 1),
        LOG_TEXT("next", stop              ? what_to_do[gap]
                         : gap == GAP_GONE ? "going on without it"
                                           : "going on at the first"));
    counter_add(&c->counters.gaps, 1);
    if (gap == GAP_PASSED)
        counter_add(&c->counters.lost, first - s->next);
    if (stop) {
        flag_set(&c->gave_up);
        return false;
    }
    return consumer_note(c, EVENT_GAP, c->topics[s->topic].slots[s->partition], go_on, TEXT(""));
}

void gap_gone(struct consumer *c, struct slot *s)
{
    if (s->next > 0 && !accept_gap(c, s, GAP_GONE, 0, 0, -1))
        return;
    /* Nothing was read: no gap, but it must not keep the numbers from being live. */
    if (s->next <= 0 && !consumer_note(c, EVENT_END, c->topics[s->topic].slots[s->partition], 0, TEXT("")))
        return;
    /* It stays assigned: should it come back, it is read again. */
    s->gone = true;
    s->comparing = s->has_message = false;
    s->doubt = DOUBT_NONE;
    s->missing_since_us = 0;
}

/* False: the brokers did not say. */
static bool settle(struct consumer *c, struct slot *s)
{
    int64_t first, end;
    if (rd_kafka_query_watermark_offsets(c->rk, c->names[s->topic], s->partition, &first, &end, QUESTION_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    int64_t next = s->next >= 0 ? s->next : first;
    if (s->doubt != DOUBT_MESSAGE && next >= first && next <= end) {
        /* Retention may have passed the last message, but not the position: then there is nothing to compare. */
        layout_assign(c, s, s->message_offset >= first);
        return true;
    }
    enum gap gap = next < first ? GAP_PASSED : next > end ? GAP_SHORTER : GAP_OTHER;
    if (!accept_gap(c, s, gap, first, end, first))
        return true;
    s->next = first;
    s->has_message = false;
    layout_assign(c, s, false);
    return true;
}

void gap_settle(struct consumer *c)
{
    if (clock_monotonic_us() < c->doubt_at_us)
        return;
    bool any = false;
    for (uint32_t n = 0; n < c->slot_count && !flag_get(&c->stop) && !flag_get(&c->gave_up); n++) {
        uint32_t i = (c->doubt_turn + n) % c->slot_count;
        if (c->slots[i].doubt == DOUBT_NONE || c->slots[i].missing_since_us != 0 || c->slots[i].gone)
            continue;
        any = true;
        if (!settle(c, &c->slots[i])) {
            c->doubt_turn = i + 1; /* the others need not wait for this one's leader */
            break;
        }
    }
    if (any)
        c->doubt_at_us = clock_monotonic_us() + AGAIN_AFTER_US;
}
