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
#include "consumers/commit.h"
#include "consumers/decode.h"
#include "consumers/gap.h"
#include "consumers/hold.h"
#include "consumers/layout.h"
#include "consumers/prefetch.h"
#include "consumers/reading.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 100 };

#define LAG_EVERY_US (500 * MILLISECOND)

/* --- into the ring ------------------------------------------------------------------------------------------------ */

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

bool consumer_note(struct consumer *c, enum event_fate fate, uint32_t slot, int64_t offset, struct text text)
{
    void *memory = room(c);
    if (memory == NULL)
        return false;
    event_note(memory, fate, slot, offset, text);
    ring_commit(c->ring);
    return true;
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
    if (s->doubt != DOUBT_NONE)
        return true; /* it comes again, if the log is the right one */
    if (m->offset < s->next) {
        gap_compare(s, m);
        return true;
    }
    s->comparing = false; /* the last message is gone by compaction: no proof of anything */
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
    e->message_hash = gap_hash(m);
    s->next = m->offset + 1;
    s->has_message = true;
    s->message_offset = m->offset;
    s->hash = e->message_hash;
    counter_add(&c->counters.messages, 1);
    counter_add(&c->counters.bytes, (int64_t)(m->len + m->key_len));
    ring_commit(c->ring);
    return true;
}

static bool take_end(struct consumer *c, uint32_t slot, struct slot *s, const rd_kafka_message_t *m)
{
    if (s->doubt != DOUBT_NONE)
        return true;
    if (m->offset < s->next) {
        s->doubt = DOUBT_OFFSET;
        return true;
    }
    s->comparing = false;
    s->behind = false;
    s->next = m->offset;
    if (!s->ended) {
        s->ended = true;
        counter_add(&c->counters.ended, 1);
    }
    return consumer_note(c, EVENT_END, slot, m->offset, TEXT(""));
}

static bool is_unknown(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static void take_error(struct consumer *c, struct slot *s, const rd_kafka_message_t *m)
{
    counter_add(&c->counters.errors, 1);
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && s != NULL) {
        if (s->doubt == DOUBT_NONE)
            s->doubt = DOUBT_OFFSET;
        return;
    }
    /* A topic that is deleted says so once for each partition. The watch tells it, once. */
    bool unknown = is_unknown(m->err);
    if (unknown && s != NULL)
        c->topics[s->topic].was_missing = true;
    if (m->err != c->last_error)
        c->errors.standing = false;
    c->last_error = m->err;
    LOG(unknown || !complaint_is_due(&c->errors) ? LOG_DEBUG : LOG_WARNING, "kafka tells an error",
        LOG_TEXT("topic", m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : ""), LOG_NUMBER("partition", m->partition),
        LOG_TEXT("error", rd_kafka_err2name(m->err)), LOG_TEXT("text", rd_kafka_message_errstr(m)));
    topic_watch_ask(c->watch);
}

static void consumed(rd_kafka_message_t *m, void *opaque)
{
    struct consumer *c = opaque;
    uint32_t slot = 0;
    struct slot *s = layout_slot(c, m, &slot);
    bool taken = true;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && s != NULL)
        taken = take_message(c, slot, s, m);
    else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && s != NULL)
        taken = take_end(c, slot, s, m);
    else
        take_error(c, s, m);
    /* Stopping: what is left in the queue is not looked at. Were one skipped and the next one taken, the position
     * would lie beyond a message that nobody saw. */
    if (!taken || flag_get(&c->stop) || hold_begins(c))
        rd_kafka_yield(c->rk);
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
    while (!flag_get(&c->stop) && !flag_get(&c->gave_up)) {
        layout_take(c);
        if (hold_lasts(c) || (!c->looked && hold_begins(c)))
            dead_letters_serve(c->dead_letters, POLL_MS);
        else
            rd_kafka_consume_callback_queue(c->queue, POLL_MS, consumed, c);
        rd_kafka_poll(c->rk, 0);
        dead_letters_serve(c->dead_letters, 0);
        gap_settle(c);
        layout_look_again(c);
        if (!c->held)
            measure_lag(c);
        int64_t rounded = decoder_rounded(c->decoder);
        counter_set(&c->counters.rounded, rounded);
    }
    return NULL;
}

/* As measured on 2.0.2: it stalls for a second at its default of queued.min.messages, and with a queue that is bounded
 * in bytes it need not be bounded in messages. The answer to a fetch is one block of memory, which stays until the last of its messages
 * is taken: one as large as all partitions together may make it would be more than the queue may hold. */
#define FETCH_BYTES     (INT64_C(4) << 20)
/* A broker that answers as soon as it has one message answers a thousand times a second, each of a few, which costs it and us more
 * than the messages do. So it waits for this much, but no longer than FETCH_WAIT_MS and a fifth of the tick. */
#define FETCH_MIN_BYTES "262144"
#define FETCH_WAIT_MS   10
#define WAITS_A_TICK    5

static rd_kafka_t *make_client(struct consumer *c, struct buffer *problem)
{
    char queue_kb[24], fetch_bytes[24], wait_ms[24], look_ms[24];
    int64_t tick_part_ms = c->config->publish.tick_ms / WAITS_A_TICK;
    int64_t bytes = c->config->kafka.queue_bytes_max, kb = bytes / 1024;
    snprintf(queue_kb, sizeof queue_kb, "%" PRId64, kb < 1 ? 1 : kb > 2097151 ? 2097151 : kb);
    snprintf(fetch_bytes, sizeof fetch_bytes, "%" PRId64, bytes < FETCH_BYTES ? bytes : FETCH_BYTES);
    snprintf(wait_ms, sizeof wait_ms, "%" PRId64, tick_part_ms < FETCH_WAIT_MS ? tick_part_ms : FETCH_WAIT_MS);
    snprintf(look_ms, sizeof look_ms, "%d", PREFETCH_EVERY_MS);
    const struct client_setting defaults[] = {
        {"queued.min.messages", "1000000"},   {"queued.max.messages.kbytes", queue_kb},
        {"fetch.wait.max.ms", wait_ms},       {"fetch.max.bytes", fetch_bytes},
        {"fetch.min.bytes", FETCH_MIN_BYTES}, {"group.id", c->config->kafka.group},
        {"socket.keepalive.enable", "true"},  {"fetch.queue.backoff.ms", look_ms}};
    size_t default_count = sizeof defaults / sizeof defaults[0];
    if (!prefetch_is_property())
        default_count--; /* the last one */
    static const struct client_setting laws[] = {
        {"enable.auto.commit", "false"},      {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},     {"isolation.level", "read_committed"}, {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"}};
    struct client_options options = {.type = RD_KAFKA_CONSUMER,
                                     .defaults = defaults,
                                     .default_count = default_count,
                                     .laws = laws,
                                     .law_count = sizeof laws / sizeof laws[0],
                                     .error = client_error,
                                     .committed = commit_answered,
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
    layout_collect(c);
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
    c->prefetch = prefetch_start(c->rk, c->config->kafka.queue_bytes_max, &c->counters.bytes);
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
    prefetch_stop(c->prefetch);
    topic_watch_stop(c->watch);
    c->prefetch = NULL;
    c->watch = NULL;
    counter_set(&c->watch_counters.connected, 0);
}

/* librdkafka 2.0.2 keeps a reference to a partition that was read and that its topic has no more, and waits for it for
 * ever when it is to end. Then its threads end with the process. */
static bool can_end(const struct consumer *c)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].gone && c->slots[i].assigned)
            return false;
    return true;
}

void consumer_destroy(struct consumer *c)
{
    if (c == NULL)
        return;
    rd_kafka_queue_destroy(c->queue);
    if (can_end(c)) {
        rd_kafka_consumer_close(c->rk);
        rd_kafka_destroy(c->rk);
    }
    for (unsigned t = 0; t < c->topic_count; t++)
        free(c->topics[t].slots);
    for (size_t i = 0; i < c->start_count; i++)
        free((char *)(uintptr_t)c->starts[i].topic);
    free(c->starts);
    free(c->slots);
    decoder_destroy(c->decoder);
    free(c);
}

bool consumer_gave_up(const struct consumer *c)
{
    return flag_get(&c->gave_up);
}

const struct consumer_counters *consumer_counters(const struct consumer *c)
{
    return &c->counters;
}

const struct topic_watch_counters *consumer_watch_counters(const struct consumer *c)
{
    return &c->watch_counters;
}
