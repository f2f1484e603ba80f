#include "consumers/layout.h"
#include "base/clock.h"
#include "base/instant.h"
#include "base/log.h"
#include "consumers/gap.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MAX = 1 << 20 };

/* A broker that has not heard yet of new partitions names fewer; after so long it is true. */
#define FEWER_AFTER_US (5 * SECOND)
#define LOOK_EVERY_US  (1 * SECOND)

void layout_collect(struct consumer *c)
{
    for (unsigned i = 0; i < c->config->input_count; i++) {
        const struct input_config *input = &c->config->inputs[i];
        unsigned t = 0;
        while (t < c->topic_count && strcmp(c->names[t], input->topic) != 0)
            t++;
        if (t == c->topic_count) {
            c->topics[t].name = c->names[t] = input->topic;
            c->topic_count++;
        }
        c->topics[t].inputs[c->topics[t].input_count++] = i;
        c->changes_only[t] = c->changes_only[t] || input->events == EVENTS_CHANGES;
    }
}

static const struct consumer_start *start_of(const struct consumer *c, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < c->start_count; i++)
        if (c->starts[i].partition == partition && c->starts[i].offset >= 0 && strcmp(c->starts[i].topic, topic) == 0)
            return &c->starts[i];
    return NULL;
}

/* So many partitions were read before, by the starts. */
static int32_t started_partitions(const struct consumer *c, const char *topic)
{
    int32_t count = 0;
    for (size_t i = 0; i < c->start_count; i++)
        if (c->starts[i].partition >= count && c->starts[i].offset >= 0 && strcmp(c->starts[i].topic, topic) == 0)
            count = c->starts[i].partition + 1;
    return count;
}

static bool add_slot(struct consumer *c, unsigned t, int32_t partition)
{
    uint32_t slot = c->slot_count;
    REQUIRE(slot < SLOTS_MAX);
    if (!consumer_note(c, EVENT_SLOT, slot, partition, text_of(c->names[t])))
        return false;
    if (c->slot_count == c->slot_room) {
        c->slot_room = c->slot_room > 0 ? c->slot_room * 2 : 64;
        c->slots = must_realloc(c->slots, c->slot_room * sizeof *c->slots);
    }
    const struct consumer_start *start = start_of(c, c->names[t], partition);
    struct slot *s = &c->slots[c->slot_count++];
    *s = (struct slot){.topic = t, .partition = partition, .next = start != NULL ? start->offset : -1};
    if (start != NULL && start->has_message && start->message_offset >= 0 && start->message_offset < start->offset) {
        s->has_message = true;
        s->message_offset = start->message_offset;
        s->hash = start->hash;
    }
    struct topic *topic = &c->topics[t];
    topic->slots = must_realloc(topic->slots, (size_t)(partition + 1) * sizeof *topic->slots);
    topic->slots[partition] = slot;
    topic->partitions = partition + 1;
    return true;
}

void layout_assign(struct consumer *c, struct slot *s, bool compare)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, c->names[s->topic], s->partition);
    s->comparing = compare && s->has_message;
    p->offset = s->comparing ? s->message_offset : s->next >= 0 ? s->next : RD_KAFKA_OFFSET_BEGINNING;
    /* Not a seek: where librdkafka has stopped a partition it refuses one ("erroneous state"). Only a wrong call fails:
     * no broker is asked. */
    rd_kafka_error_t *error = s->assigned ? rd_kafka_incremental_unassign(c->rk, list) : NULL;
    REQUIRE(error == NULL);
    error = rd_kafka_incremental_assign(c->rk, list);
    REQUIRE(error == NULL);
    s->assigned = true;
    s->doubt = DOUBT_NONE;
    rd_kafka_topic_partition_list_destroy(list);
}

static void count_partitions(struct consumer *c)
{
    int64_t here = 0, ended = 0;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        here += !c->slots[i].gone;
        ended += c->slots[i].ended && !c->slots[i].gone;
    }
    counter_set(&c->counters.partitions, here);
    counter_set(&c->counters.ended, ended);
}

static void look_at_slot(struct consumer *c, struct slot *s, bool there, bool doubtful)
{
    if (there) {
        s->missing_since_us = 0;
        bool anew = s->gone;
        if (anew) {
            /* Made once more, or given more partitions: nothing of it was read. */
            s->gone = false;
            s->next = -1;
        }
        if (anew || !s->assigned)
            layout_assign(c, s, true);
        else if (doubtful && s->doubt == DOUBT_NONE)
            s->doubt = DOUBT_LOG;
    } else if (!s->gone && s->missing_since_us == 0) {
        s->missing_since_us = clock_monotonic_us();
    } else if (!s->gone && clock_monotonic_us() - s->missing_since_us >= FEWER_AFTER_US) {
        gap_gone(c, s);
    }
}

void layout_take(struct consumer *c)
{
    struct topic_layout *layout = topic_watch_take(c->watch);
    if (layout == NULL)
        return;
    for (unsigned t = 0; t < layout->count && !flag_get(&c->stop); t++) {
        struct topic *topic = &c->topics[t];
        int32_t before = topic->partitions, there = layout->topics[t].partitions;
        topic->was_missing = topic->was_missing || layout->topics[t].doubtful;
        if (there == 0)
            continue; /* waited for */
        int32_t started = started_partitions(c, c->names[t]);
        for (int32_t p = before; p < (there > started ? there : started); p++)
            if (!add_slot(c, t, p))
                break; /* stopping */
        for (int32_t p = 0; p < topic->partitions; p++)
            look_at_slot(c, &c->slots[topic->slots[p]], p < there, p < before && topic->was_missing);
        topic->was_missing = false;
        if (topic->partitions > before)
            LOG(LOG_INFO, "reading a topic", LOG_TEXT("topic", c->names[t]), LOG_NUMBER("partitions", there),
                LOG_NUMBER("new", topic->partitions - before));
    }
    free(layout);
    count_partitions(c);
}

void layout_look_again(struct consumer *c)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < c->missing_at_us)
        return;
    c->missing_at_us = now_us + LOOK_EVERY_US;
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].missing_since_us != 0 && !c->slots[i].gone) {
            topic_watch_ask(c->watch);
            return;
        }
}

struct slot *layout_slot(struct consumer *c, const rd_kafka_message_t *m, uint32_t *out_slot)
{
    if (m->rkt == c->last_topic && m->partition == c->last_partition) {
        *out_slot = c->last_slot;
        return &c->slots[c->last_slot];
    }
    const char *name = m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : "";
    for (unsigned t = 0; t < c->topic_count; t++) {
        if (strcmp(c->names[t], name) != 0 || m->partition < 0 || m->partition >= c->topics[t].partitions)
            continue;
        c->last_topic = m->rkt;
        c->last_partition = m->partition;
        c->last_slot = *out_slot = c->topics[t].slots[m->partition];
        return &c->slots[c->last_slot];
    }
    return NULL;
}
