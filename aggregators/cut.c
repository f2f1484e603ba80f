#include "aggregators/cut.h"
#include "aggregators/stored.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

/* Topics have at most 249 bytes in Kafka. */
enum { TOPIC_MAX = 1024, POSITIONS_MAX = 1 << 20 };

struct cut_head {
    uint32_t keeps, positions, reasons, zero;
    int64_t now_us, latest_us;
    int64_t read, applied, duplicate, superseded, dead_lettered, filtered, gaps;
};

struct position_head {
    int64_t offset, reached, earlier, message_offset, kafka_ms;
    uint64_t hash;
    int32_t partition;
    uint16_t topic_len, has_message;
};

void cut_init(struct cut *c)
{
    *c = (struct cut){.latest_us = INSTANT_NONE};
}

void cut_fini(struct cut *c)
{
    for (size_t i = 0; i < c->position_count; i++)
        free(c->positions[i].topic);
    free(c->positions);
    *c = (struct cut){0};
}

struct cut_position *cut_add(struct cut *c, struct text topic, int32_t partition)
{
    c->positions = must_realloc(c->positions, (c->position_count + 1) * sizeof *c->positions);
    struct cut_position *p = &c->positions[c->position_count++];
    *p = (struct cut_position){.partition = partition, .offset = -1, .reached = -1};
    p->topic = must_zalloc(topic.len + 1);
    memcpy(p->topic, topic.at, topic.len);
    return p;
}

struct cut_position *cut_find(const struct cut *c, struct text topic, int32_t partition)
{
    for (size_t i = 0; i < c->position_count; i++)
        if (c->positions[i].partition == partition && text_equal(text_of(c->positions[i].topic), topic))
            return &c->positions[i];
    return NULL;
}

void cut_write(const struct cut *c, struct buffer *out)
{
    const struct accounts *a = &c->accounts;
    struct cut_head head = {.keeps = c->keeps,
                            .positions = (uint32_t)c->position_count,
                            .reasons = ERROR_COUNT,
                            .now_us = c->now_us,
                            .latest_us = c->latest_us,
                            .read = a->read,
                            .applied = a->applied,
                            .duplicate = a->duplicate,
                            .superseded = a->superseded,
                            .dead_lettered = a->dead_lettered,
                            .filtered = a->filtered,
                            .gaps = a->gaps};
    buffer_add(out, &head, sizeof head);
    buffer_add(out, a->dead_lettered_by, sizeof a->dead_lettered_by);
    for (size_t i = 0; i < c->position_count; i++) {
        const struct cut_position *p = &c->positions[i];
        size_t len = strlen(p->topic);
        REQUIRE(len <= TOPIC_MAX);
        struct position_head of = {.offset = p->offset,
                                   .reached = p->reached,
                                   .earlier = p->earlier,
                                   .message_offset = p->message_offset,
                                   .kafka_ms = p->kafka_ms,
                                   .hash = p->hash,
                                   .partition = p->partition,
                                   .topic_len = (uint16_t)len,
                                   .has_message = p->has_message};
        buffer_add(out, &of, sizeof of);
        buffer_add(out, p->topic, len);
    }
}

static bool adds_up(const struct accounts *a)
{
    int64_t by_reason = 0;
    for (int i = 0; i < ERROR_COUNT; i++) {
        if (a->dead_lettered_by[i] < 0 || __builtin_add_overflow(by_reason, a->dead_lettered_by[i], &by_reason))
            return false;
    }
    int64_t sum = 0;
    const int64_t parts[] = {a->applied, a->duplicate, a->superseded, a->dead_lettered, a->filtered};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] < 0 || __builtin_add_overflow(sum, parts[i], &sum))
            return false;
    return sum == a->read && by_reason == a->dead_lettered && a->gaps >= 0;
}

static bool read_position(struct text *bytes, struct cut *out)
{
    struct position_head of;
    struct text topic;
    if (!stored_take(bytes, &of, sizeof of) || of.topic_len > TOPIC_MAX || of.has_message > 1 || of.offset < -1 ||
        of.reached < of.offset || of.earlier < 0 || (of.has_message && of.message_offset >= of.offset) ||
        of.partition < 0 || !stored_take_text(bytes, of.topic_len, &topic) || !text_is_utf8(topic) ||
        memchr(topic.at, 0, topic.len) != NULL)
        return false;
    struct cut_position *p = cut_add(out, topic, of.partition);
    p->offset = of.offset;
    p->reached = of.reached;
    p->has_message = of.has_message != 0;
    p->earlier = of.earlier;
    p->message_offset = of.message_offset;
    p->kafka_ms = of.kafka_ms;
    p->hash = of.hash;
    return true;
}

bool cut_read(struct text bytes, struct cut *out)
{
    struct cut_head head;
    struct accounts *a = &out->accounts;
    if (!stored_take(&bytes, &head, sizeof head) || head.zero != 0 || head.reasons > ERROR_COUNT ||
        head.positions > POSITIONS_MAX || head.now_us < INSTANT_MIN || head.now_us >= INSTANT_END ||
        !stored_take(&bytes, a->dead_lettered_by, head.reasons * sizeof *a->dead_lettered_by))
        return false;
    out->keeps = head.keeps;
    out->now_us = head.now_us;
    out->latest_us = head.latest_us;
    a->read = head.read;
    a->applied = head.applied;
    a->duplicate = head.duplicate;
    a->superseded = head.superseded;
    a->dead_lettered = head.dead_lettered;
    a->filtered = head.filtered;
    a->gaps = head.gaps;
    if (!adds_up(a))
        return false;
    for (uint32_t i = 0; i < head.positions; i++)
        if (!read_position(&bytes, out))
            return false;
    return bytes.len == 0;
}
