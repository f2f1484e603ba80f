/* dead_letter.c - a producer that does not give up.
 *
 * librdkafka retries what the network lost. What it reports as failed for good (no such topic, not allowed, timed
 * out) is sent again here, after a pause that doubles up to RETRY_MAX_US, because a letter must not be lost while
 * somebody mends the topic. What is too large, for the producer or for the topic, will never be taken, so the letter
 * then goes without its value, and if that is not enough without its key and the message's own headers: what is left
 * is its address.
 */
#include "consumers/dead_letter.h"
#include "base/clock.h"
#include "base/instant.h"
#include "base/log.h"
#include "consumers/client.h"
#include "consumers/decode.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MIN_US   (1 * SECOND)
#define RETRY_MAX_US   (30 * SECOND)
/* For key, headers and framing beside the value. */
#define HEADROOM_BYTES 65536

/* A letter that has no delivery report yet; librdkafka borrows its value. */
struct unsent {
    struct unsent *next;            /* of those that wait to be sent again */
    struct unsent *older, *younger; /* of all that have no report */
    int64_t number;
    rd_kafka_headers_t *headers;
    bool has_key, has_value, bare;
    size_t key_len, value_len;
    char bytes[]; /* key, value */
};

struct dead_letters {
    rd_kafka_t *rk;
    char *topic;
    int64_t unsent_max, bytes;
    size_t value_max; /* a longer one was refused for its size and is not sent */
    struct unsent *failed;
    struct unsent *oldest, *youngest; /* without a report */
    int64_t number;                   /* of the letter that was given last */
    int64_t retry_at_us, retry_after_us;
    bool failing; /* the last attempt failed: said once */
    struct dead_letter_counters counters;
};

static void put_in_order(struct dead_letters *d, struct unsent *u)
{
    u->number = ++d->number;
    u->older = d->youngest;
    *(d->youngest != NULL ? &d->youngest->younger : &d->oldest) = u;
    d->youngest = u;
}

/* Reports come in any order: partitions of the topic have leaders of their own, and what failed waits. */
static void settle(struct dead_letters *d, struct unsent *u)
{
    *(u->older != NULL ? &u->older->younger : &d->oldest) = u->younger;
    *(u->younger != NULL ? &u->younger->older : &d->youngest) = u->older;
    counter_set(&d->counters.settled, d->oldest != NULL ? d->oldest->number - 1 : d->number);
}

static void unsent_destroy(struct dead_letters *d, struct unsent *u)
{
    d->bytes -= (int64_t)(u->key_len + u->value_len);
    counter_add(&d->counters.unsent, -1);
    rd_kafka_headers_destroy(u->headers);
    free(u);
}

static void header_text(rd_kafka_headers_t *headers, const char *name, struct text t)
{
    rd_kafka_header_add(headers, name, -1, t.at, (ssize_t)t.len);
}

static void header_integer(rd_kafka_headers_t *headers, const char *name, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    rd_kafka_header_add(headers, name, -1, digits, len);
}

static void add_digest(struct dead_letters *d, rd_kafka_headers_t *headers, struct text value)
{
    char hash[17];
    int len = snprintf(hash, sizeof hash, "%016" PRIx64, text_hash(value));
    header_integer(headers, HEADER_SIZE, (int64_t)value.len);
    rd_kafka_header_add(headers, HEADER_HASH, -1, hash, len);
    counter_add(&d->counters.without_value, 1);
}

static bool is_ours(const char *header)
{
    return strncmp(header, "kpid-", 5) == 0;
}

/* Only the address: for a key or headers of the message that the topic does not take. */
static void strip(struct dead_letters *d, struct unsent *u)
{
    rd_kafka_headers_t *ours = rd_kafka_headers_new(8);
    const char *name;
    const void *value;
    size_t size;
    bool has_digest = false;
    for (size_t i = 0; rd_kafka_header_get_all(u->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (!is_ours(name))
            continue;
        has_digest = has_digest || strcmp(name, HEADER_SIZE) == 0;
        rd_kafka_header_add(ours, name, -1, value, (ssize_t)size);
    }
    rd_kafka_headers_destroy(u->headers);
    u->headers = ours;
    /* So that a tombstone, which had no value to leave out, is not sent again without its key. */
    if (!has_digest)
        add_digest(d, u->headers, TEXT(""));
    u->has_key = false;
    u->bare = true;
}

/* False: it is as small as it can be. */
static bool make_smaller(struct dead_letters *d, struct unsent *u)
{
    if (u->bare)
        return false;
    if (u->has_value)
        add_digest(d, u->headers, (struct text){u->bytes + u->key_len, u->value_len});
    else
        strip(d, u);
    u->has_value = false;
    return true;
}

static void send_again_later(struct dead_letters *d, struct unsent *u, rd_kafka_resp_err_t err)
{
    counter_add(&d->counters.failed, 1);
    if (!d->failing) {
        LOG(LOG_ERROR, "a dead letter could not be delivered; it is sent again until it is",
            LOG_TEXT("topic", d->topic), LOG_TEXT("error", rd_kafka_err2str(err)));
        d->failing = true;
        d->retry_after_us = RETRY_MIN_US;
    }
    if (d->failed == NULL)
        d->retry_at_us = clock_monotonic_us() + d->retry_after_us;
    u->next = d->failed;
    d->failed = u;
}

static rd_kafka_resp_err_t produce(struct dead_letters *d, struct unsent *u)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(u->headers);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        d->rk, RD_KAFKA_V_TOPIC(d->topic), RD_KAFKA_V_KEY(u->has_key ? u->bytes : NULL, u->key_len),
        RD_KAFKA_V_VALUE(u->has_value ? u->bytes + u->key_len : NULL, u->has_value ? u->value_len : 0),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(u), RD_KAFKA_V_END);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers); /* else they went with the message */
    return err;
}

static void attempt(struct dead_letters *d, struct unsent *u)
{
    rd_kafka_resp_err_t err = produce(d, u);
    while (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && make_smaller(d, u))
        err = produce(d, u);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        send_again_later(d, u, err);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct dead_letters *d = opaque;
    struct unsent *u = m->_private;
    (void)rk;
    switch (m->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        if (d->failing)
            LOG(LOG_INFO, "dead letters are delivered again", LOG_TEXT("topic", d->topic));
        d->failing = false;
        counter_add(&d->counters.delivered, 1);
        settle(d, u);
        unsent_destroy(d, u);
        break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        if (make_smaller(d, u)) {
            attempt(d, u);
            break;
        } /* fall through */
    default: send_again_later(d, u, m->err); break;
    }
}

struct dead_letters *dead_letters_create(const struct config *config, struct buffer *problem)
{
    /* One broker's queue must not hold a letter for minutes where another would take it. */
    char size[24];
    snprintf(size, sizeof size, "%" PRId64, config->kafka.message_size_max + HEADROOM_BYTES);
    const struct client_setting defaults[] = {
        {"linger.ms", "5"}, {"message.timeout.ms", "60000"}, {"message.max.bytes", size}};
    /* A broker refuses a batch as a whole, the small letters in it with the large one. The bound is looked at after a
     * batch's first message, so a batch that is larger than this holds one letter. */
    static const struct client_setting laws[] = {
        {"acks", "all"}, {"delivery.report.only.error", "false"}, {"batch.size", "16384"}};
    struct dead_letters *d = must_zalloc(sizeof *d);
    struct client_options options = {.type = RD_KAFKA_PRODUCER,
                                     .defaults = defaults,
                                     .default_count = sizeof defaults / sizeof defaults[0],
                                     .laws = laws,
                                     .law_count = sizeof laws / sizeof laws[0],
                                     .delivered = delivered,
                                     .opaque = d};
    d->rk = client_create(&config->kafka, &options, problem);
    if (d->rk == NULL) {
        free(d);
        return NULL;
    }
    d->topic = must_strdup(config->kafka.dead_letter_topic);
    d->value_max = (size_t)config->kafka.message_size_max;
    d->unsent_max = config->kafka.dead_letters_unsent_max;
    return d;
}

void dead_letters_destroy(struct dead_letters *d, int flush_ms)
{
    if (d == NULL)
        return;
    int64_t until_us = clock_monotonic_us() + flush_ms * MILLISECOND;
    while (counter_get(&d->counters.unsent) > 0 && clock_monotonic_us() < until_us)
        dead_letters_serve(d, 50);
    int64_t left = counter_get(&d->counters.unsent);
    if (left > 0)
        LOG(LOG_ERROR, "dead letters were not delivered before the end", LOG_NUMBER("letters", left));
    rd_kafka_purge(d->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(d->rk, 1000); /* the reports of what was purged, which free it */
    for (struct unsent *u = d->failed; u != NULL;) {
        struct unsent *next = u->next;
        unsent_destroy(d, u);
        u = next;
    }
    rd_kafka_destroy(d->rk);
    free(d->topic);
    free(d);
}

bool dead_letters_have_room(const struct dead_letters *d)
{
    int64_t unsent = counter_get(&d->counters.unsent);
    return unsent == 0 || (unsent < d->unsent_max && d->bytes < DEAD_LETTERS_BYTES_MAX);
}

/* The message's headers but for those of an earlier death, then ours. */
static rd_kafka_headers_t *make_headers(const struct dead_letter *letter)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(16);
    const char *name;
    const void *value;
    size_t size;
    for (size_t i = 0; letter->headers != NULL &&
                       rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        if (!is_ours(name))
            rd_kafka_header_add(headers, name, -1, value, (ssize_t)size);
    header_text(headers, HEADER_TOPIC, letter->topic);
    header_integer(headers, HEADER_PARTITION, letter->partition);
    header_integer(headers, HEADER_OFFSET, letter->offset);
    header_text(headers, HEADER_REASON, text_of(error_name(letter->reason)));
    if (letter->detail[0] != '\0')
        header_text(headers, HEADER_DETAIL, text_of(letter->detail));
    if (letter->kafka_ms >= 0)
        header_integer(headers, HEADER_TIMESTAMP, letter->kafka_ms);
    return headers;
}

void dead_letters_send(struct dead_letters *d, const struct dead_letter *letter)
{
    struct text value = letter->value;
    rd_kafka_headers_t *headers = make_headers(letter);
    if (value.len > d->value_max) {
        add_digest(d, headers, value);
        value = (struct text){NULL, 0};
    }
    struct unsent *u = must_alloc(sizeof *u + letter->key.len + value.len);
    *u = (struct unsent){.headers = headers,
                         .has_key = letter->key.at != NULL,
                         .has_value = value.at != NULL,
                         .key_len = letter->key.len,
                         .value_len = value.len};
    if (letter->key.len > 0)
        memcpy(u->bytes, letter->key.at, letter->key.len);
    if (value.len > 0)
        memcpy(u->bytes + u->key_len, value.at, value.len);
    d->bytes += (int64_t)(u->key_len + u->value_len);
    counter_add(&d->counters.unsent, 1);
    put_in_order(d, u);
    attempt(d, u);
}

void dead_letters_serve(struct dead_letters *d, int timeout_ms)
{
    rd_kafka_poll(d->rk, timeout_ms);
    if (d->failed == NULL || clock_monotonic_us() < d->retry_at_us)
        return;
    struct unsent *u = d->failed;
    d->failed = NULL;
    d->retry_after_us = d->retry_after_us * 2 < RETRY_MAX_US ? d->retry_after_us * 2 : RETRY_MAX_US;
    while (u != NULL) {
        struct unsent *next = u->next;
        attempt(d, u);
        u = next;
    }
}

struct dead_letter_counters *dead_letters_counters(struct dead_letters *d)
{
    return &d->counters;
}
