/* kafka.c - static assignment, the callback API, and what happens when something cannot go on.
 *
 * Messages come by rd_kafka_consume_callback_queue, which cost a fraction of one poll a message when measured. The
 * main queue of the client is kept apart and served by rd_kafka_poll: with rd_kafka_poll_set_consumer, librdkafka
 * 2.0.2 aborts on a statistics event. Partitions are not paused when we cannot take more, because a pause throws the
 * prefetched messages away (librdkafka issue 2703); the callback simply waits, and the bounded queue fills up.
 */
#include "consumers/kafka.h"
#include "aggregators/event.h"
#include "base/clock.h"
#include "base/instant.h"
#include "base/log.h"
#include "consumers/client.h"
#include "consumers/complaint.h"
#include "consumers/decode.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 100, QUESTION_MS = 2000, SLOTS_MAX = 1 << 20 };

#define LAG_EVERY_US   (500 * MILLISECOND)
#define RESET_AFTER_US (1 * SECOND)

struct slot {
    unsigned topic;
    int32_t partition;
    int64_t next; /* the position; -1 = nothing yet */
    bool ended;
    int64_t reset_from; /* an offset that is not there and from which reading must go on; -1 = none */
};

/* A topic and the inputs that it feeds. With more than one, a message is of the first whose filter it passes. */
struct topic {
    const char *name;
    unsigned inputs[INPUTS_MAX];
    unsigned input_count;
    int32_t partitions; /* that have slots */
    uint32_t *slots;    /* by partition */
};

struct consumer {
    const struct config *config;
    struct ring *ring;
    struct dead_letters *dead_letters;
    struct decoder *decoder;
    struct consumer_start *starts;
    size_t start_count;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    pthread_t thread;
    struct flag stop;
    struct consumer_counters counters;
    struct topic_watch_counters watch_counters;
    struct topic topics[INPUTS_MAX];
    const char *names[INPUTS_MAX];
    bool changes_only[INPUTS_MAX];
    unsigned topic_count;
    /* the thread's own */
    struct topic_watch *watch;
    struct slot *slots;
    uint32_t slot_count, slot_room;
    const rd_kafka_topic_t *last_topic; /* of the last message: they come in runs of one partition */
    int32_t last_partition;
    uint32_t last_slot;
    int64_t lag_at_us, reset_at_us;
    struct complaint refused;
};

/* --- what is read: topics, slots, positions ----------------------------------------------------------------------- */

static void collect_topics(struct consumer *c)
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

static int64_t start_of(const struct consumer *c, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < c->start_count; i++)
        if (c->starts[i].partition == partition && strcmp(c->starts[i].topic, topic) == 0)
            return c->starts[i].offset;
    return RD_KAFKA_OFFSET_BEGINNING;
}

/* The room for one event, or NULL when the consumer is to stop. */
static void *room(struct consumer *c)
{
    void *memory = ring_reserve(c->ring, EVENT_SIZE_MAX);
    if (memory != NULL)
        return memory;
    counter_add(&c->counters.ring_full, 1);
    while (!flag_get(&c->stop)) {
        if (ring_wait_room(c->ring, EVENT_SIZE_MAX, POLL_MS) &&
            (memory = ring_reserve(c->ring, EVENT_SIZE_MAX)) != NULL)
            return memory;
        dead_letters_serve(c->dead_letters, 0);
    }
    return NULL;
}

static bool note(struct consumer *c, enum event_fate fate, uint32_t slot, int64_t offset, struct text text)
{
    void *memory = room(c);
    if (memory == NULL)
        return false;
    event_note(memory, fate, slot, offset, text);
    ring_commit(c->ring);
    return true;
}

static bool add_slot(struct consumer *c, unsigned t, int32_t partition)
{
    uint32_t slot = c->slot_count;
    REQUIRE(slot < SLOTS_MAX);
    if (!note(c, EVENT_SLOT, slot, partition, text_of(c->names[t])))
        return false;
    if (c->slot_count == c->slot_room) {
        c->slot_room = c->slot_room > 0 ? c->slot_room * 2 : 64;
        c->slots = must_realloc(c->slots, c->slot_room * sizeof *c->slots);
    }
    c->slots[c->slot_count++] =
        (struct slot){.topic = t, .partition = partition, .next = -1, .ended = false, .reset_from = -1};
    struct topic *topic = &c->topics[t];
    topic->slots = must_realloc(topic->slots, (size_t)(partition + 1) * sizeof *topic->slots);
    topic->slots[partition] = slot;
    topic->partitions = partition + 1;
    return true;
}

static void take_layout(struct consumer *c)
{
    struct topic_layout *layout = topic_watch_take(c->watch);
    if (layout == NULL)
        return;
    rd_kafka_topic_partition_list_t *added = rd_kafka_topic_partition_list_new(16);
    for (unsigned t = 0; t < layout->count; t++) {
        int32_t before = c->topics[t].partitions;
        for (int32_t p = before; p < layout->partitions[t]; p++) {
            if (!add_slot(c, t, p))
                break; /* stopping */
            rd_kafka_topic_partition_list_add(added, c->names[t], p)->offset = start_of(c, c->names[t], p);
        }
        if (c->topics[t].partitions > before)
            LOG(LOG_INFO, "reading a topic", LOG_TEXT("topic", c->names[t]),
                LOG_NUMBER("partitions", c->topics[t].partitions), LOG_NUMBER("new", c->topics[t].partitions - before));
    }
    free(layout);
    if (added->cnt > 0 && !flag_get(&c->stop)) {
        rd_kafka_error_t *error = rd_kafka_incremental_assign(c->rk, added);
        REQUIRE(error == NULL); /* only a wrong call fails: no broker is asked */
        counter_set(&c->counters.partitions, c->slot_count);
    }
    rd_kafka_topic_partition_list_destroy(added);
}

static struct slot *slot_of(struct consumer *c, const rd_kafka_message_t *m, uint32_t *out_slot)
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

/* --- messages ----------------------------------------------------------------------------------------------------- */

static bool find_header(const void *context, const char *name, struct text *out)
{
    const void *value;
    size_t size;
    if (rd_kafka_header_get_last(context, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *out = (struct text){value, size};
    return true;
}

static bool send_dead_letter(struct consumer *c, const struct event *e, const struct slot *s,
                             const rd_kafka_message_t *m, const struct message *message)
{
    if (!dead_letters_have_room(c->dead_letters)) {
        counter_add(&dead_letters_counters(c->dead_letters)->full, 1);
        while (!dead_letters_have_room(c->dead_letters)) {
            if (flag_get(&c->stop))
                return false;
            dead_letters_serve(c->dead_letters, POLL_MS);
        }
    }
    struct dead_letter letter = {.topic = text_of(c->names[s->topic]),
                                 .partition = s->partition,
                                 .offset = m->offset,
                                 .kafka_ms = e->kafka_ms,
                                 .reason = (enum error)e->reason,
                                 .detail = decoder_detail(c->decoder),
                                 .key = message->parts.key,
                                 .value = {m->payload, m->payload != NULL ? m->len : 0},
                                 .headers = message->parts.context};
    dead_letters_send(c->dead_letters, &letter);
    return true;
}

/* False: stopping, and the message was not taken. */
static bool take_message(struct consumer *c, uint32_t slot, struct slot *s, const rd_kafka_message_t *m)
{
    struct event *e = room(c);
    if (e == NULL)
        return false;
    rd_kafka_timestamp_type_t type;
    struct message message = {.value = {m->payload, m->payload != NULL ? m->len : 0},
                              .kafka_ms = rd_kafka_message_timestamp(m, &type),
                              .parts = {.key = {m->key, m->key != NULL ? m->key_len : 0}}};
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        message.parts.header = find_header;
        message.parts.context = headers;
    }
    const struct topic *topic = &c->topics[s->topic];
    unsigned i = 0;
    do
        decode(c->decoder, topic->inputs[i], &message, slot, m->offset, e);
    while (e->fate == EVENT_FILTERED && ++i < topic->input_count);
    /* Before the event is visible: once it is counted, the letter is at least on its way. */
    if (e->fate == EVENT_DEAD_LETTER && !send_dead_letter(c, e, s, m, &message))
        return false;
    s->next = m->offset + 1;
    counter_add(&c->counters.messages, 1);
    counter_add(&c->counters.bytes, (int64_t)(m->len + m->key_len));
    ring_commit(c->ring);
    return true;
}

static bool take_end(struct consumer *c, uint32_t slot, struct slot *s, const rd_kafka_message_t *m)
{
    s->next = m->offset;
    if (!s->ended) {
        s->ended = true;
        counter_add(&c->counters.ended, 1);
    }
    return note(c, EVENT_END, slot, m->offset, TEXT(""));
}

static void take_error(struct consumer *c, struct slot *s, const rd_kafka_message_t *m)
{
    counter_add(&c->counters.errors, 1);
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && s != NULL) {
        s->reset_from = s->next >= 0 ? s->next : start_of(c, c->names[s->topic], s->partition);
        if (s->reset_from < 0)
            s->reset_from = 0;
        return;
    }
    LOG(LOG_WARNING, "kafka tells an error", LOG_TEXT("topic", m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : ""),
        LOG_NUMBER("partition", m->partition), LOG_TEXT("error", rd_kafka_err2name(m->err)),
        LOG_TEXT("text", rd_kafka_message_errstr(m)));
    topic_watch_ask(c->watch);
}

static void consumed(rd_kafka_message_t *m, void *opaque)
{
    struct consumer *c = opaque;
    uint32_t slot = 0;
    struct slot *s = slot_of(c, m, &slot);
    bool taken = true;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && s != NULL)
        taken = take_message(c, slot, s, m);
    else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && s != NULL)
        taken = take_end(c, slot, s, m);
    else
        take_error(c, s, m);
    /* Stopping: what is left in the queue is not looked at. Were one skipped and the next one taken, the position
     * would lie beyond a message that nobody saw. */
    if (!taken || flag_get(&c->stop))
        rd_kafka_yield(c->rk);
}

/* --- offsets that are not there ----------------------------------------------------------------------------------- */

static void reset_slot(struct consumer *c, struct slot *s)
{
    const char *topic = c->names[s->topic];
    int64_t low, high;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(c->rk, topic, s->partition, &low, &high, QUESTION_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    bool there = s->reset_from >= low && s->reset_from <= high; /* a new leader did not know it yet */
    int64_t go_on = there ? s->reset_from : low;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, s->partition)->offset = go_on;
    /* Not a seek: librdkafka has stopped this partition and refuses it ("erroneous state"). */
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(c->rk, list);
    REQUIRE(error == NULL);
    error = rd_kafka_incremental_assign(c->rk, list);
    REQUIRE(error == NULL);
    rd_kafka_topic_partition_list_destroy(list);
    if (!there) {
        LOG(LOG_ERROR,
            s->reset_from < low
                ? "messages are gone before they were read; going on at the earliest that is left"
                : "the partition ends before the position; it was made anew, so it is read from its start",
            LOG_TEXT("topic", topic), LOG_NUMBER("partition", s->partition), LOG_NUMBER("position", s->reset_from),
            LOG_NUMBER("first", low), LOG_NUMBER("end", high));
        counter_add(&c->counters.gaps, 1);
        if (s->reset_from < low)
            counter_add(&c->counters.lost, low - s->reset_from);
    }
    s->next = go_on;
    s->reset_from = -1;
}

static void reset_slots(struct consumer *c)
{
    if (clock_monotonic_us() < c->reset_at_us)
        return;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i].reset_from < 0)
            continue;
        reset_slot(c, &c->slots[i]);
        /* A broker that does not answer, or refuses the same offset again, is not asked without a pause. */
        c->reset_at_us = clock_monotonic_us() + RESET_AFTER_US;
    }
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void measure_lag(struct consumer *c)
{
    int64_t now_us = clock_monotonic_us(), lag = 0;
    if (now_us < c->lag_at_us)
        return;
    c->lag_at_us = now_us + LAG_EVERY_US;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        const struct slot *s = &c->slots[i];
        int64_t low, high;
        /* what the last fetch said: no broker is asked */
        if (rd_kafka_get_watermark_offsets(c->rk, c->names[s->topic], s->partition, &low, &high) !=
                RD_KAFKA_RESP_ERR_NO_ERROR ||
            high < 0)
            continue;
        int64_t from = s->next >= 0 ? s->next : low >= 0 ? low : 0;
        lag += high > from ? high - from : 0;
    }
    counter_set(&c->counters.lag, lag);
}

/* Every attempt to connect fails the same way, a few times a second and for each broker. */
static void tell_refused(struct consumer *c, int code, const char *reason)
{
    if (counter_get(&c->watch_counters.connected) != 0)
        c->refused.standing = false;
    if (complaint_is_due(&c->refused))
        LOG(LOG_ERROR,
            code == RD_KAFKA_RESP_ERR__AUTHENTICATION
                ? "kafka refuses to let kpid in: look at sasl.mechanism, sasl.username and the password"
                : "no encrypted connection to kafka: look at security.protocol and the ssl properties",
            LOG_TEXT("brokers", c->config->kafka.brokers), LOG_TEXT("reason", reason),
            LOG_NUMBER("refused_ms", complaint_age_ms(&c->refused)));
}

static void client_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct consumer *c = opaque;
    char why[256];
    counter_add(&c->counters.errors, 1);
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL)
        tell_refused(c, code, reason);
    else if (code == RD_KAFKA_RESP_ERR__FATAL)
        LOG(LOG_ERROR, "librdkafka cannot go on",
            LOG_TEXT("error", rd_kafka_err2name(rd_kafka_fatal_error(rk, why, sizeof why))), LOG_TEXT("text", why));
    else
        LOG(LOG_DEBUG, "kafka client", LOG_TEXT("error", rd_kafka_err2name(code)), LOG_TEXT("text", reason));
    /* The watch finds out whether the brokers are away, and is the one to say so. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        topic_watch_reason(c->watch, reason);
    topic_watch_ask(c->watch);
}

static void *consume(void *opaque)
{
    struct consumer *c = opaque;
    while (!flag_get(&c->stop)) {
        take_layout(c);
        rd_kafka_consume_callback_queue(c->queue, POLL_MS, consumed, c);
        rd_kafka_poll(c->rk, 0);
        dead_letters_serve(c->dead_letters, 0);
        reset_slots(c);
        measure_lag(c);
        int64_t rounded = decoder_rounded(c->decoder);
        counter_set(&c->counters.rounded, rounded);
    }
    return NULL;
}

/* As measured on 2.0.2: it stalls for a second at its default of queued.min.messages, and with a queue that is bounded
 * in bytes it need not be bounded in messages. */
static rd_kafka_t *make_client(struct consumer *c, struct buffer *problem)
{
    char queue_kb[24];
    int64_t kb = c->config->kafka.queue_bytes_max / 1024;
    snprintf(queue_kb, sizeof queue_kb, "%" PRId64, kb < 1 ? 1 : kb > 2097151 ? 2097151 : kb);
    const struct client_setting defaults[] = {{"queued.min.messages", "1000000"},
                                              {"queued.max.messages.kbytes", queue_kb},
                                              {"fetch.wait.max.ms", "10"},
                                              {"group.id", c->config->kafka.group},
                                              {"socket.keepalive.enable", "true"}};
    static const struct client_setting laws[] = {
        {"enable.auto.commit", "false"},      {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},     {"isolation.level", "read_committed"}, {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"}};
    struct client_options options = {.type = RD_KAFKA_CONSUMER,
                                     .defaults = defaults,
                                     .default_count = sizeof defaults / sizeof defaults[0],
                                     .laws = laws,
                                     .law_count = sizeof laws / sizeof laws[0],
                                     .error = client_error,
                                     .opaque = c};
    return client_create(&c->config->kafka, &options, problem);
}

struct consumer *consumer_create(const struct config *config, const struct calendar *calendar, struct ring *ring,
                                 struct dead_letters *dead_letters, const struct consumer_start *starts,
                                 size_t start_count, struct buffer *problem)
{
    struct consumer *c = must_zalloc(sizeof *c);
    c->config = config;
    c->ring = ring;
    c->dead_letters = dead_letters;
    collect_topics(c);
    c->rk = make_client(c, problem);
    if (c->rk == NULL) {
        free(c);
        return NULL;
    }
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    c->decoder = decoder_create(config, calendar);
    c->starts = must_zalloc(start_count * sizeof *c->starts);
    for (c->start_count = 0; c->start_count < start_count; c->start_count++) {
        c->starts[c->start_count] = starts[c->start_count];
        c->starts[c->start_count].topic = must_strdup(starts[c->start_count].topic);
    }
    return c;
}

void consumer_start(struct consumer *c)
{
    c->watch = topic_watch_start(c->rk, &c->config->kafka, c->names, c->changes_only, c->topic_count, c->queue,
                                 &c->watch_counters);
    REQUIRE(pthread_create(&c->thread, NULL, consume, c) == 0);
}

void consumer_stop(struct consumer *c)
{
    flag_set(&c->stop);
    rd_kafka_queue_yield(c->queue);
}

void consumer_join(struct consumer *c)
{
    pthread_join(c->thread, NULL);
    topic_watch_stop(c->watch);
    c->watch = NULL;
    counter_set(&c->watch_counters.connected, 0);
}

void consumer_destroy(struct consumer *c)
{
    if (c == NULL)
        return;
    rd_kafka_queue_destroy(c->queue);
    rd_kafka_consumer_close(c->rk);
    rd_kafka_destroy(c->rk);
    for (unsigned t = 0; t < c->topic_count; t++)
        free(c->topics[t].slots);
    for (size_t i = 0; i < c->start_count; i++)
        free((char *)(uintptr_t)c->starts[i].topic);
    free(c->starts);
    free(c->slots);
    decoder_destroy(c->decoder);
    free(c);
}

const struct consumer_counters *consumer_counters(const struct consumer *c)
{
    return &c->counters;
}

const struct topic_watch_counters *consumer_watch_counters(const struct consumer *c)
{
    return &c->watch_counters;
}
