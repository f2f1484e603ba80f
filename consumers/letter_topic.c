#include "consumers/letter_topic.h"
#include "base/clock.h"
#include "base/instant.h"
#include "consumers/client.h"
#include "consumers/dead_letter.h"
#include "consumers/decode.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000, SILENCE_MS = 30000 };

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/* A set of letters' addresses by their 64-bit hash: of a million addresses, two share one with a chance of 3e-8. */
struct address_set {
    uint64_t *at; /* 0 = free */
    size_t count, room;
};

static uint64_t address_hash(const struct letter *l)
{
    char address[320];
    int len = snprintf(address, sizeof address, "%" PRId32 " %" PRId64 " %.*s", l->partition, l->offset,
                       (int)(l->topic.len < 256 ? l->topic.len : 256), l->topic.at);
    uint64_t hash = text_hash((struct text){address, (size_t)len});
    return hash != 0 ? hash : 1;
}

static bool set_has(const struct address_set *s, uint64_t hash)
{
    if (s->room == 0)
        return false;
    for (size_t i = hash & (s->room - 1); s->at[i] != 0; i = (i + 1) & (s->room - 1))
        if (s->at[i] == hash)
            return true;
    return false;
}

static void set_put(struct address_set *s, uint64_t hash)
{
    size_t i = hash & (s->room - 1);
    while (s->at[i] != 0)
        i = (i + 1) & (s->room - 1);
    s->at[i] = hash;
    s->count++;
}

/* False: it was in already. */
static bool set_add(struct address_set *s, uint64_t hash)
{
    if (set_has(s, hash))
        return false;
    if (s->count * 2 >= s->room) {
        struct address_set bigger = {.room = s->room > 0 ? s->room * 2 : 1024};
        bigger.at = must_zalloc(bigger.room * sizeof *bigger.at);
        for (size_t i = 0; i < s->room; i++)
            if (s->at[i] != 0)
                set_put(&bigger, s->at[i]);
        free(s->at);
        *s = bigger;
    }
    set_put(s, hash);
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int64_t integer_of(struct text t, int64_t otherwise)
{
    char digits[24];
    char *end;
    if (t.len == 0 || t.len >= sizeof digits)
        return otherwise;
    memcpy(digits, t.at, t.len);
    digits[t.len] = '\0';
    long long n = strtoll(digits, &end, 10);
    return *end == '\0' && n >= 0 ? n : otherwise;
}

/* False: a message that no kpid wrote. */
static bool letter_of(const rd_kafka_message_t *m, struct letter *out, bool *out_is_note)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    int64_t partition = -1;
    memset(out, 0, sizeof *out);
    out->offset = out->timestamp_ms = -1;
    out->key = (struct text){m->key, m->key != NULL ? m->key_len : 0};
    out->value = (struct text){m->payload, m->payload != NULL ? m->len : 0};
    *out_is_note = false;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        struct text t = {value, size};
        if (strcmp(name, HEADER_TOPIC) == 0)
            out->topic = t;
        else if (strcmp(name, HEADER_PARTITION) == 0)
            partition = integer_of(t, -1);
        else if (strcmp(name, HEADER_OFFSET) == 0)
            out->offset = integer_of(t, -1);
        else if (strcmp(name, HEADER_REASON) == 0)
            out->reason = t;
        else if (strcmp(name, HEADER_DETAIL) == 0)
            out->detail = t;
        else if (strcmp(name, HEADER_TIMESTAMP) == 0)
            out->timestamp_ms = integer_of(t, -1);
        else if (strcmp(name, HEADER_RESENT) == 0)
            *out_is_note = true;
        else if (strcmp(name, HEADER_HASH) == 0)
            out->hash = t;
        else if (strcmp(name, HEADER_SIZE) == 0)
            out->left_out = (out->size = integer_of(t, -1)) >= 0;
        else if (out->header_count < LETTER_HEADERS_MAX)
            out->headers[out->header_count++] = (struct letter_header){text_of(name), t};
    }
    out->partition = (int32_t)partition;
    return out->topic.len > 0 && partition >= 0 && partition <= INT32_MAX && out->offset >= 0;
}

struct reading {
    rd_kafka_t *rk;
    const char *topic;
    bool all, notes_only, stopped;
    struct address_set noted, shown;
    letter_visitor *visit;
    void *context;
};

static void show(struct reading *r, const rd_kafka_message_t *m)
{
    struct letter l;
    bool is_note;
    if (!letter_of(m, &l, &is_note))
        return;
    uint64_t address = address_hash(&l);
    if (r->notes_only) {
        if (is_note)
            set_add(&r->noted, address);
    } else if (!is_note && (r->all || !set_has(&r->noted, address)) && set_add(&r->shown, address)) {
        r->stopped = !r->visit(r->context, &l);
    }
}

/* The messages that stand in one partition now. */
static enum letter_result read_partition(struct reading *r, int32_t partition)
{
    int64_t low, high;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(r->rk, r->topic, partition, &low, &high, ANSWER_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return LETTERS_UNREACHABLE;
    if (low >= high)
        return LETTERS_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->topic, partition)->offset = low;
    err = rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    int64_t heard_us = clock_monotonic_us();
    bool ended = err != RD_KAFKA_RESP_ERR_NO_ERROR;
    while (!ended && !r->stopped) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->rk, 500);
        if (m == NULL) {
            if (clock_monotonic_us() - heard_us > SILENCE_MS * MILLISECOND)
                return LETTERS_UNREACHABLE;
            continue;
        }
        heard_us = clock_monotonic_us();
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->partition == partition) {
            if (m->offset < high)
                show(r, m);
            ended = m->offset + 1 >= high;
        } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && m->partition == partition) {
            ended = true; /* the last ones are markers, or of a transaction that was given up */
        }
        rd_kafka_message_destroy(m);
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? LETTERS_OK : LETTERS_UNREACHABLE;
}

static enum letter_result partitions_of(struct reading *r, int32_t *out)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(r->rk, r->topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(r->rk, 0, topic, &metadata, ANSWER_MS);
    rd_kafka_topic_destroy(topic);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return LETTERS_UNREACHABLE;
    *out = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? metadata->topics[0].partition_cnt
               : 0;
    rd_kafka_metadata_destroy(metadata);
    return *out > 0 ? LETTERS_OK : LETTERS_NO_TOPIC;
}

static enum letter_result read_all(struct reading *r)
{
    int32_t partitions;
    enum letter_result result = partitions_of(r, &partitions);
    for (int pass = r->all ? 1 : 0; result == LETTERS_OK && pass < 2; pass++) {
        /* A note stands behind its letter, and perhaps in another partition: all of them come first. */
        r->notes_only = pass == 0;
        for (int32_t p = 0; p < partitions && result == LETTERS_OK && !r->stopped; p++)
            result = read_partition(r, p);
    }
    return result;
}

enum letter_result letters_read(const struct kafka_config *kafka, bool all, letter_visitor *visit, void *context,
                                struct buffer *problem)
{
    /* A group of its own name, which never commits: nothing of the daemon's is touched. */
    static const struct client_setting defaults[] = {{"fetch.wait.max.ms", "10"}};
    static const struct client_setting laws[] = {
        {"group.id", "kpid-dead-letters"},     {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"},     {"enable.partition.eof", "true"},
        {"isolation.level", "read_committed"}, {"allow.auto.create.topics", "false"}};
    struct client_options options = {.type = RD_KAFKA_CONSUMER,
                                     .defaults = defaults,
                                     .default_count = sizeof defaults / sizeof defaults[0],
                                     .laws = laws,
                                     .law_count = sizeof laws / sizeof laws[0]};
    struct reading r = {.topic = kafka->dead_letter_topic, .all = all, .visit = visit, .context = context};
    r.rk = client_create(kafka, &options, problem);
    if (r.rk == NULL)
        return LETTERS_BAD_SETTING;
    rd_kafka_poll_set_consumer(r.rk);
    enum letter_result result = read_all(&r);
    rd_kafka_consumer_close(r.rk);
    rd_kafka_destroy(r.rk);
    free(r.noted.at);
    free(r.shown.at);
    return result;
}

/* --- sending again ------------------------------------------------------------------------------------------------ */

struct letter_sender {
    rd_kafka_t *rk;
    char *letter_topic;
    int64_t waiting; /* letters and notes without a report */
    int64_t delivered, failed;
    rd_kafka_resp_err_t last;
};

/* The address of a letter on its way, for its note. */
struct on_its_way {
    char *topic, *key;
    bool has_key;
    size_t key_len;
    int32_t partition;
    int64_t offset;
};

static void on_its_way_destroy(struct on_its_way *o)
{
    free(o->topic);
    free(o->key);
    free(o);
}

static rd_kafka_resp_err_t produce(struct letter_sender *s, const char *topic, int32_t partition, struct text key,
                                   struct text value, rd_kafka_headers_t *headers, void *opaque)
{
    rd_kafka_resp_err_t err;
    while ((err = rd_kafka_producev(s->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                    RD_KAFKA_V_KEY(key.at, key.len),
                                    RD_KAFKA_V_VALUE((char *)(uintptr_t)value.at, value.len),
                                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
                                    RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(s->rk, 100);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        s->waiting++;
    else
        rd_kafka_headers_destroy(headers);
    return err;
}

static void header_integer(rd_kafka_headers_t *headers, const char *name, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    rd_kafka_header_add(headers, name, -1, digits, len);
}

static void send_note(struct letter_sender *s, const struct on_its_way *o)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    rd_kafka_header_add(headers, HEADER_TOPIC, -1, o->topic, -1);
    header_integer(headers, HEADER_PARTITION, o->partition);
    header_integer(headers, HEADER_OFFSET, o->offset);
    rd_kafka_header_add(headers, HEADER_RESENT, -1, "1", 1);
    rd_kafka_resp_err_t err =
        produce(s, s->letter_topic, RD_KAFKA_PARTITION_UA, (struct text){o->has_key ? o->key : NULL, o->key_len},
                (struct text){NULL, 0}, headers, NULL);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        s->last = err;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct letter_sender *s = opaque;
    struct on_its_way *o = m->_private;
    (void)rk;
    s->waiting--;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        s->last = m->err;
    if (o == NULL)
        return; /* a note: without it the letter is shown again, no more */
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        s->delivered++;
        send_note(s, o);
    } else {
        s->failed++;
    }
    on_its_way_destroy(o);
}

struct letter_sender *letter_sender_create(const struct kafka_config *kafka, struct buffer *problem)
{
    static const struct client_setting defaults[] = {{"linger.ms", "5"}, {"message.timeout.ms", "30000"}};
    static const struct client_setting laws[] = {{"acks", "all"}, {"delivery.report.only.error", "false"}};
    struct letter_sender *s = must_zalloc(sizeof *s);
    struct client_options options = {.type = RD_KAFKA_PRODUCER,
                                     .defaults = defaults,
                                     .default_count = sizeof defaults / sizeof defaults[0],
                                     .laws = laws,
                                     .law_count = sizeof laws / sizeof laws[0],
                                     .delivered = delivered,
                                     .opaque = s};
    s->rk = client_create(kafka, &options, problem);
    if (s->rk == NULL) {
        free(s);
        return NULL;
    }
    s->letter_topic = must_strdup(kafka->dead_letter_topic);
    return s;
}

static char *copy_of(struct text t)
{
    char *copy = must_alloc(t.len + 1);
    if (t.len > 0)
        memcpy(copy, t.at, t.len);
    copy[t.len] = '\0';
    return copy;
}

void letter_sender_send(struct letter_sender *s, const struct letter *l)
{
    struct on_its_way *o = must_alloc(sizeof *o);
    *o = (struct on_its_way){.topic = copy_of(l->topic),
                             .key = copy_of(l->key),
                             .has_key = l->key.at != NULL,
                             .key_len = l->key.len,
                             .partition = l->partition,
                             .offset = l->offset};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(l->header_count + 1);
    for (unsigned i = 0; i < l->header_count; i++)
        rd_kafka_header_add(headers, l->headers[i].name.at, (ssize_t)l->headers[i].name.len, l->headers[i].value.at,
                            (ssize_t)l->headers[i].value.len);
    if (l->timestamp_ms >= 0)
        header_integer(headers, HEADER_TIMESTAMP, l->timestamp_ms);
    rd_kafka_resp_err_t err = produce(s, o->topic, l->partition, l->key, l->value, headers, o);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        s->failed++;
        s->last = err;
        on_its_way_destroy(o);
    }
    rd_kafka_poll(s->rk, 0);
}

void letter_sender_finish(struct letter_sender *s, int timeout_ms, int64_t *out_delivered, int64_t *out_failed,
                          struct buffer *problem)
{
    int64_t until_us = clock_monotonic_us() + timeout_ms * MILLISECOND;
    while (s->waiting > 0 && clock_monotonic_us() < until_us)
        rd_kafka_poll(s->rk, 100);
    *out_delivered = s->delivered;
    *out_failed = s->failed + s->waiting;
    if (s->last != RD_KAFKA_RESP_ERR_NO_ERROR)
        buffer_string(problem, rd_kafka_err2str(s->last));
}

void letter_sender_destroy(struct letter_sender *s)
{
    if (s == NULL)
        return;
    rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (s->waiting > 0 && rd_kafka_outq_len(s->rk) > 0)
        rd_kafka_poll(s->rk, 100); /* the reports of what was purged, which free it */
    rd_kafka_destroy(s->rk);
    free(s->letter_topic);
    free(s);
}
