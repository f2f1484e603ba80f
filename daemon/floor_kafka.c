#include "daemon/floor_kafka.h"
#include "base/error.h"
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 10000

struct floor_kafka {
    rd_kafka_t *producer;
    char *topics[FACT_KINDS];
    uint64_t sent, failed;
    struct buffer problem; /* the first */
};

static void remember(struct floor_kafka *k, const char *topic, const char *reason)
{
    k->failed++;
    if (k->problem.len == 0) {
        buffer_format(&k->problem, "topic %s: %s", topic, reason);
    }
}

/* Runs inside floor_kafka_wait, floor_kafka_send and floor_kafka_close, on their thread. */
static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        remember(opaque, rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err));
    }
}

/* librdkafka would write its own lines; what matters comes as a delivery report or an answer. */
static void silent(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
    (void)producer;
    (void)level;
    (void)facility;
    (void)text;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct buffer *out_problem)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) {
        return true;
    }
    buffer_string(out_problem, why);
    return false;
}

static bool set_pair(rd_kafka_conf_t *conf, const char *pair, struct buffer *out_problem)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL) {
        buffer_format(out_problem, "'%s' is not name=value", pair);
        return false;
    }
    char *name = strndup(pair, (size_t)(equals - pair));
    REQUIRE(name != NULL);
    bool fine = set(conf, name, equals + 1, out_problem);
    free(name);
    return fine;
}

static rd_kafka_conf_t *configure(const struct floor_kafka_options *options, struct buffer *out_problem)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* Java's partitioner, so that a record's events meet in one partition whoever sends them. */
    bool fine = set(conf, "bootstrap.servers", options->brokers, out_problem) &&
                set(conf, "client.id", "kpid-simulate", out_problem) &&
                set(conf, "enable.idempotence", "true", out_problem) &&
                set(conf, "partitioner", "murmur2_random", out_problem) &&
                set(conf, "message.timeout.ms", "30000", out_problem) &&
                set(conf, "linger.ms", options->hurry ? "20" : "2", out_problem);
    for (size_t i = 0; i < options->property_count && fine; i++) {
        fine = set_pair(conf, options->properties[i], out_problem);
    }
    if (!fine) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

static void forget(struct floor_kafka *k)
{
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        free(k->topics[kind]);
    }
    buffer_fini(&k->problem);
    if (k->producer != NULL) {
        rd_kafka_destroy(k->producer);
    }
    free(k);
}

static char *topic_name(const char *prefix, enum record_kind kind)
{
    struct buffer b;
    buffer_init(&b);
    buffer_format(&b, "%s%s", prefix, record_kind_info(kind)->topic);
    char *name = must_strdup(b.at);
    buffer_fini(&b);
    return name;
}

/* Asks for the topic, which makes it where the brokers make topics by themselves; that takes them a moment.
 * Without this a missing topic would show after message.timeout.ms only, as a time-out. */
static bool topic_is_there(struct floor_kafka *k, const char *name, struct buffer *out_problem)
{
    rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k->producer, name, NULL);
    if (topic == NULL) {
        buffer_format(out_problem, "topic %s: %s", name, rd_kafka_err2str(rd_kafka_last_error()));
        return false;
    }
    for (int tries = 0; tries < 10; tries++) {
        const struct rd_kafka_metadata *metadata;
        e = rd_kafka_metadata(k->producer, 0, topic, &metadata, ANSWER_MS);
        if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
            e = metadata->topic_cnt > 0 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
            rd_kafka_metadata_destroy(metadata);
        }
        if (e != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && e != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
            break;
        }
        rd_kafka_poll(k->producer, 200);
    }
    rd_kafka_topic_destroy(topic);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        buffer_format(out_problem, "topic %s: %s", name, rd_kafka_err2str(e));
    }
    return e == RD_KAFKA_RESP_ERR_NO_ERROR;
}

struct floor_kafka *floor_kafka_open(const struct floor_kafka_options *options, struct buffer *out_problem,
                                     bool *out_usage)
{
    *out_usage = true;
    rd_kafka_conf_t *conf = configure(options, out_problem);
    if (conf == NULL) {
        return NULL;
    }
    struct floor_kafka *k = must_zalloc(sizeof *k);
    buffer_init(&k->problem);
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_log_cb(conf, silent);
    char why[512];
    k->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (k->producer == NULL) {
        buffer_string(out_problem, why);
        rd_kafka_conf_destroy(conf);
        forget(k);
        return NULL;
    }
    *out_usage = false;
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        k->topics[kind] = topic_name(options->topic_prefix, (enum record_kind)kind);
    }
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t e = rd_kafka_metadata(k->producer, 0, NULL, &metadata, ANSWER_MS);
    bool fine = e == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (fine) {
        rd_kafka_metadata_destroy(metadata);
    } else {
        buffer_format(out_problem, "no answer from Kafka at %s: %s", options->brokers, rd_kafka_err2str(e));
    }
    for (int kind = 0; kind < FACT_KINDS && fine; kind++) {
        fine = topic_is_there(k, k->topics[kind], out_problem);
    }
    if (!fine) {
        forget(k);
        return NULL;
    }
    return k;
}

bool floor_kafka_send(struct floor_kafka *k, const struct floor_message *m)
{
    /* An empty value and none differ: only NULL is a tombstone. */
    const void *value = m->tombstone ? NULL : m->value.at;
    size_t size = m->tombstone ? 0 : m->value.len;
    rd_kafka_resp_err_t e =
        rd_kafka_producev(k->producer, RD_KAFKA_V_TOPIC(k->topics[m->kind]), RD_KAFKA_V_KEY(m->key.at, m->key.len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size), RD_KAFKA_V_TIMESTAMP(m->kafka_ms),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return false;
    }
    k->sent++;
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        remember(k, k->topics[m->kind], rd_kafka_err2str(e));
    }
    if (k->sent % 256 == 0) {
        rd_kafka_poll(k->producer, 0);
    }
    return true;
}

void floor_kafka_wait(struct floor_kafka *k, int timeout_ms)
{
    rd_kafka_poll(k->producer, timeout_ms);
}

uint64_t floor_kafka_close(struct floor_kafka *k, int timeout_ms, struct buffer *out_problem)
{
    if (k == NULL) {
        return 0;
    }
    if (rd_kafka_flush(k->producer, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(k->producer, 1000); /* reports of the purged */
    }
    uint64_t failed = k->failed;
    buffer_text(out_problem, buffer_view(&k->problem));
    forget(k);
    return failed;
}

struct floor_mock {
    rd_kafka_t *handle; /* the mock's threads hang on a client that does nothing else */
    rd_kafka_mock_cluster_t *cluster;
};

struct floor_mock *floor_mock_open(const char *topic_prefix, int partitions, struct buffer *out_problem)
{
    struct floor_mock *m = must_zalloc(sizeof *m);
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, silent);
    m->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (m->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        buffer_string(out_problem, why);
        floor_mock_close(m);
        return NULL;
    }
    m->cluster = rd_kafka_mock_cluster_new(m->handle, 1);
    if (m->cluster == NULL) {
        buffer_string(out_problem, "librdkafka cannot host its mock cluster");
        floor_mock_close(m);
        return NULL;
    }
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        char *topic = topic_name(topic_prefix, (enum record_kind)kind);
        rd_kafka_resp_err_t e = rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1);
        if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
            buffer_format(out_problem, "topic %s: %s", topic, rd_kafka_err2str(e));
            free(topic);
            floor_mock_close(m);
            return NULL;
        }
        free(topic);
    }
    return m;
}

const char *floor_mock_brokers(const struct floor_mock *m)
{
    return rd_kafka_mock_cluster_bootstraps(m->cluster);
}

void floor_mock_close(struct floor_mock *m)
{
    if (m == NULL) {
        return;
    }
    if (m->cluster != NULL) {
        rd_kafka_mock_cluster_destroy(m->cluster);
    }
    if (m->handle != NULL) {
        rd_kafka_destroy(m->handle);
    }
    free(m);
}
