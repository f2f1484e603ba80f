/* kafka_tool.c - topics and messages for the tests, without the seconds that a Java tool needs to start.
 *
 * Messages are produced from files of JSON lines, byte for byte but for the members `kafka_timestamp` (ms) and
 * `kafka_key`, which are taken out and become the message's own; a line that holds nothing else is a tombstone.
 * So the files that `kpid replay` reads are the files that a topic is filled with. A line that is no JSON object
 * is sent as it is, without a key.
 *
 * Exit: 0 done, 1 failed, 64 usage.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { EXIT_USAGE = 64, TIMEOUT_MS = 120000, HEADERS_MAX = 16 };

static const char usage_text[] =
    "usage: kafka_tool COMMAND -b BOOTSTRAP [OPTION]... [ARGUMENT]...\n"
    "  create-topic [--partitions N] [--replicas N] [--config NAME=VALUE]... TOPIC...\n"
    "                                waits until the topics can be used\n"
    "  delete-topic TOPIC...\n"
    "  add-partitions --partitions TOTAL TOPIC\n"
    "  offsets -t TOPIC              a line a partition: partition, first offset, end offset\n"
    "  delete-records -t TOPIC --partition P --before OFFSET\n"
    "  produce -t TOPIC [--key-field FIELD] [--partition P] [--transaction commit|abort] [--set NAME=VALUE]... "
    "FILE...\n"
    "                                a message a line; - is standard input\n"
    "  produce-one -t TOPIC [--key K] [--value V | --value-file FILE | --null] [--timestamp MS]\n"
    "              [--header NAME=VALUE]... [--partition P]\n"
    "  consume -t TOPIC [--count N] [--timeout-ms MS] [--uncommitted]\n"
    "                                messages as JSON lines, from the first to the present end; with --count waits\n"
    "                                until that many have come\n"
    "  bench-drain [--set NAME=VALUE]... TOPIC...   reads all there is by the callback API; one JSON line\n";

struct options {
    const char *bootstrap;
    const char *topic;
    const char *key_field;
    const char *key;
    const char *value;
    const char *value_file;
    const char *transaction;
    const char *pairs[HEADERS_MAX]; /* --config, --header, --set: NAME=VALUE */
    size_t pairs_count;
    int64_t timestamp_ms;
    int32_t partition;
    int partitions, replicas;
    int64_t before;
    int64_t count; /* -1: to the present end */
    int timeout_ms;
    bool null_value;
    bool uncommitted;
    char **arguments;
    int arguments_count;
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "kafka_tool: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static _Noreturn void usage(void)
{
    fputs(usage_text, stderr);
    exit(EXIT_USAGE);
}

static void conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        die(name, why);
    }
}

/* NAME=VALUE in two; the name is copied into `name`. */
static const char *pair_split(const char *pair, char name[128])
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals - pair >= 128) {
        usage();
    }
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = '\0';
    return equals + 1;
}

static rd_kafka_t *client_open(const struct options *o, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[512];
    conf_set(conf, "bootstrap.servers", o->bootstrap);
    conf_set(conf, "log_level", "3");
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client) {
        die("librdkafka", why);
    }
    return client;
}

/* Partitions of a topic, 0 while it is not there. */
static int partitions_of(rd_kafka_t *client, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (err) {
        die(topic, rd_kafka_err2str(err));
    }
    int n = 0;
    if (metadata->topic_cnt == 1 && !metadata->topics[0].err) {
        n = metadata->topics[0].partition_cnt;
        for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
            if (metadata->topics[0].partitions[i].leader < 0) {
                n = 0;
            }
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return n;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000 + now.tv_nsec / 1000000;
}

/* Until the topic has at least (or, for 0, no) partitions, each with a leader. */
static void partitions_wait(rd_kafka_t *client, const char *topic, int wanted)
{
    int64_t until = monotonic_ms() + TIMEOUT_MS;
    for (;;) {
        int n = partitions_of(client, topic);
        if (wanted ? n >= wanted : n == 0) {
            return;
        }
        if (monotonic_ms() > until) {
            die(topic, "its partitions did not come to stand");
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
}

/* --- administration --- */

/* False if it may be asked for again: a broker that has just come is not counted for replicas yet. */
static bool admin_wait(rd_kafka_queue_t *queue)
{
    bool done = true;
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (!event) {
        die("administration", "no answer");
    }
    if (rd_kafka_event_error(event)) {
        die("administration", rd_kafka_event_error_string(event));
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **results = NULL;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        break;
    case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
        results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
        break;
    case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
        results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
        break;
    default: die("administration", rd_kafka_event_name(event));
    }
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        if (err == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR) {
            done = false;
        } else if (err) {
            die(rd_kafka_topic_result_name(results[i]), rd_kafka_topic_result_error_string(results[i]));
        }
    }
    rd_kafka_event_destroy(event);
    return done;
}

static void create_topics(const struct options *o, rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    char why[512];
    int partitions = o->partitions ? o->partitions : 1;
    for (int i = 0; i < o->arguments_count; i++) {
        rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(o->arguments[i], partitions, o->replicas, why, sizeof why);
        if (!topic) {
            die(o->arguments[i], why);
        }
        for (size_t p = 0; p < o->pairs_count; p++) {
            char name[128];
            const char *value = pair_split(o->pairs[p], name);
            rd_kafka_NewTopic_set_config(topic, name, value);
        }
        int64_t until = monotonic_ms() + TIMEOUT_MS;
        do {
            rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
        } while (!admin_wait(queue) && monotonic_ms() < until);
        rd_kafka_NewTopic_destroy(topic);
        partitions_wait(client, o->arguments[i], partitions);
    }
}

static void delete_topics(const struct options *o, rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    for (int i = 0; i < o->arguments_count; i++) {
        rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(o->arguments[i]);
        rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
        admin_wait(queue);
        rd_kafka_DeleteTopic_destroy(topic);
        partitions_wait(client, o->arguments[i], 0);
    }
}

static void add_partitions(const struct options *o, rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    char why[512];
    if (o->arguments_count != 1 || o->partitions < 1) {
        usage();
    }
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(o->arguments[0], (size_t)o->partitions, why, sizeof why);
    if (!more) {
        die(o->arguments[0], why);
    }
    rd_kafka_CreatePartitions(client, &more, 1, NULL, queue);
    admin_wait(queue);
    rd_kafka_NewPartitions_destroy(more);
    partitions_wait(client, o->arguments[0], o->partitions);
}

static void delete_records(const struct options *o, rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, o->topic, o->partition)->offset = o->before;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_DeleteRecords(client, &records, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (!event || rd_kafka_event_error(event)) {
        die(o->topic, event ? rd_kafka_event_error_string(event) : "no answer");
    }
    const rd_kafka_topic_partition_list_t *done =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    if (done->cnt != 1 || done->elems[0].err) {
        die(o->topic, "the records were not deleted");
    }
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(records);
}

static int administer(const struct options *o, void (*act)(const struct options *, rd_kafka_t *, rd_kafka_queue_t *))
{
    rd_kafka_t *client = client_open(o, RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    act(o, client, queue);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return EXIT_SUCCESS;
}

static int offsets(const struct options *o)
{
    rd_kafka_t *client = client_open(o, RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    int n = partitions_of(client, o->topic);
    for (int32_t p = 0; p < n; p++) {
        int64_t low, high;
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(client, o->topic, p, &low, &high, TIMEOUT_MS);
        if (err) {
            die(o->topic, rd_kafka_err2str(err));
        }
        printf("%d %lld %lld\n", p, (long long)low, (long long)high);
    }
    rd_kafka_destroy(client);
    return n ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- producing --- */

/* A member of a JSON object as bytes of its text. */
struct member {
    const char *name, *value; /* the name is without quotes and not unescaped */
    size_t name_length, value_length;
    const char *begin, *end; /* of the whole member */
};

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) {
        at++;
    }
    return at;
}

/* Past the closing quote; NULL if there is none. `at` is behind the opening one. */
static const char *skip_string(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            return at + 1;
        }
    }
    return NULL;
}

/* Past a value: up to the comma or bracket that ends it. Does not check what it passes. */
static const char *skip_value(const char *at, const char *end)
{
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at + 1, end);
            if (!at) {
                return NULL;
            }
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) {
                return at;
            }
            depth--;
        } else if (*at == ',' && depth == 0) {
            return at;
        }
        at++;
    }
    return NULL;
}

/* The member at `at`; false if there is none that can be read. */
static bool member_parse(const char *at, const char *end, struct member *out)
{
    at = skip_space(at, end);
    out->begin = at;
    if (at >= end || *at != '"') {
        return false;
    }
    out->name = at + 1;
    at = skip_string(at + 1, end);
    if (!at) {
        return false;
    }
    out->name_length = (size_t)(at - 1 - out->name);
    at = skip_space(at, end);
    if (at >= end || *at != ':') {
        return false;
    }
    out->value = skip_space(at + 1, end);
    out->end = skip_value(out->value, end);
    if (!out->end) {
        return false;
    }
    size_t length = (size_t)(out->end - out->value);
    while (length && strchr(" \t\r\n", out->value[length - 1])) {
        length--;
    }
    out->value_length = length;
    return true;
}

static bool member_is(const struct member *m, const char *name)
{
    return strlen(name) == m->name_length && memcmp(m->name, name, m->name_length) == 0;
}

/* Text of a string or number member, unescaped, in a new buffer; NULL for null and what is neither. */
static char *member_text(const struct member *m)
{
    if (m->value_length && m->value[0] == '"') {
        json_t *value = json_loadb(m->value, m->value_length, JSON_DECODE_ANY, NULL);
        char *text = value ? strdup(json_string_value(value)) : NULL;
        json_decref(value);
        return text;
    }
    if (m->value_length && (m->value[0] == '-' || (m->value[0] >= '0' && m->value[0] <= '9'))) {
        return strndup(m->value, m->value_length);
    }
    return NULL;
}

struct message {
    char *key;   /* NULL: none */
    char *value; /* NULL: a tombstone */
    size_t value_length;
    int64_t timestamp_ms; /* 0: now */
};

/* A line as a message; see the top. Takes nothing, gives key and value in new buffers. */
static struct message message_from_line(const char *line, size_t length, const char *key_field)
{
    struct message out = {.value = malloc(length + 1)};
    char *kafka_key = NULL;
    char *to = out.value;
    const char *end = line + length;
    const char *at = skip_space(line, end);
    bool object = at < end && *at == '{';
    size_t kept = 0, taken = 0;
    struct member m;

    if (!out.value) {
        die("memory", strerror(ENOMEM));
    }
    *to++ = '{';
    for (at++; object; at = m.end + 1) {
        if (!member_parse(at, end, &m)) {
            /* `{}` ends here as well; whatever it is, it goes as it came. */
            object = false;
            break;
        }
        if (member_is(&m, "kafka_timestamp")) {
            out.timestamp_ms = strtoll(m.value, NULL, 10);
            taken++;
        } else if (member_is(&m, "kafka_key")) {
            free(kafka_key);
            kafka_key = member_text(&m);
            taken++;
        } else {
            if (key_field && member_is(&m, key_field)) {
                free(out.key);
                out.key = member_text(&m);
            }
            if (kept++) {
                *to++ = ',';
            }
            memcpy(to, m.begin, (size_t)(m.end - m.begin));
            to += m.end - m.begin;
        }
        if (*m.end == '}') {
            break;
        }
    }
    if (kafka_key) {
        free(out.key);
        out.key = kafka_key;
    }
    if (object && taken && !kept) {
        free(out.value);
        out.value = NULL;
    } else if (object && taken) {
        *to++ = '}';
        out.value_length = (size_t)(to - out.value);
    } else {
        memcpy(out.value, line, length);
        out.value_length = length;
    }
    return out;
}

struct delivery {
    uint64_t delivered, failed;
};

static void delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct delivery *delivery = opaque;
    (void)client;
    if (message->err) {
        if (delivery->failed++ == 0) {
            fprintf(stderr, "kafka_tool: %s\n", rd_kafka_err2str(message->err));
        }
    } else {
        delivery->delivered++;
    }
}

/* Waits while the queue is full. Takes `headers`. */
static void produce_message(rd_kafka_t *client, const struct options *o, const struct message *m,
                            rd_kafka_headers_t *headers)
{
    for (;;) {
        rd_kafka_headers_t *copy = headers ? rd_kafka_headers_copy(headers) : rd_kafka_headers_new(0);
        rd_kafka_resp_err_t err = rd_kafka_producev(
            client, RD_KAFKA_V_TOPIC(o->topic), RD_KAFKA_V_PARTITION(o->partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(m->key, m->key ? strlen(m->key) : 0),
            RD_KAFKA_V_VALUE(m->value, m->value_length), RD_KAFKA_V_TIMESTAMP(m->timestamp_ms),
            RD_KAFKA_V_HEADERS(copy), RD_KAFKA_V_END);
        if (!err) {
            break;
        }
        rd_kafka_headers_destroy(copy);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            die(o->topic, rd_kafka_err2str(err));
        }
        rd_kafka_poll(client, 100);
    }
    if (headers) {
        rd_kafka_headers_destroy(headers);
    }
    rd_kafka_poll(client, 0);
}

/* The first `settings` of the pairs are properties. */
static rd_kafka_t *producer_open(const struct options *o, struct delivery *delivery, size_t settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, delivery);
    rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
    conf_set(conf, "linger.ms", "5");
    conf_set(conf, "message.max.bytes", "64000000");
    conf_set(conf, "queue.buffering.max.kbytes", "200000");
    conf_set(conf, "enable.idempotence", "true");
    if (o->transaction) {
        conf_set(conf, "transactional.id", "kafka_tool");
    }
    for (size_t i = 0; i < settings; i++) {
        char name[128];
        const char *value = pair_split(o->pairs[i], name);
        conf_set(conf, name, value);
    }
    return client_open(o, RD_KAFKA_PRODUCER, conf);
}

static void check(rd_kafka_error_t *error)
{
    if (error) {
        die("transaction", rd_kafka_error_string(error));
    }
}

static int producer_close(rd_kafka_t *client, const struct options *o, struct delivery *delivery)
{
    rd_kafka_resp_err_t err = rd_kafka_flush(client, 10 * TIMEOUT_MS);
    if (err) {
        die(o->topic, rd_kafka_err2str(err));
    }
    if (o->transaction) {
        check(strcmp(o->transaction, "abort") == 0 ? rd_kafka_abort_transaction(client, TIMEOUT_MS)
                                                   : rd_kafka_commit_transaction(client, TIMEOUT_MS));
    }
    rd_kafka_destroy(client);
    fprintf(stderr, "%s: %llu messages\n", o->topic, (unsigned long long)delivery->delivered);
    return delivery->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int produce(const struct options *o)
{
    struct delivery delivery = {0};
    rd_kafka_t *client = producer_open(o, &delivery, o->pairs_count);
    if (o->transaction) {
        check(rd_kafka_init_transactions(client, TIMEOUT_MS));
        check(rd_kafka_begin_transaction(client));
    }
    for (int i = 0; i < o->arguments_count; i++) {
        const char *path = o->arguments[i];
        FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
        if (!file) {
            die(path, strerror(errno));
        }
        char *line = NULL;
        size_t size = 0;
        for (ssize_t n; (n = getline(&line, &size, file)) >= 0;) {
            if (n > 0 && line[n - 1] == '\n') {
                n--;
            }
            if (n == 0) {
                continue;
            }
            struct message m = message_from_line(line, (size_t)n, o->key_field);
            produce_message(client, o, &m, NULL);
            free(m.key);
            free(m.value);
        }
        free(line);
        if (file != stdin) {
            fclose(file);
        }
    }
    return producer_close(client, o, &delivery);
}

static char *file_read(const char *path, size_t *out_length)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        die(path, strerror(errno));
    }
    long length = ftell(file);
    rewind(file);
    char *bytes = malloc(length > 0 ? (size_t)length : 1);
    if (!bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length) {
        die(path, "cannot be read");
    }
    fclose(file);
    *out_length = (size_t)length;
    return bytes;
}

static int produce_one(const struct options *o)
{
    struct delivery delivery = {0};
    struct message m = {.timestamp_ms = o->timestamp_ms, .key = o->key ? strdup(o->key) : NULL};
    if (o->value_file) {
        m.value = file_read(o->value_file, &m.value_length);
    } else if (!o->null_value) {
        m.value = strdup(o->value ? o->value : "");
        m.value_length = strlen(m.value);
    }
    rd_kafka_headers_t *headers = rd_kafka_headers_new(o->pairs_count);
    for (size_t i = 0; i < o->pairs_count; i++) {
        char name[128];
        const char *value = pair_split(o->pairs[i], name);
        rd_kafka_header_add(headers, name, -1, value, -1);
    }
    rd_kafka_t *client = producer_open(o, &delivery, 0);
    produce_message(client, o, &m, headers);
    free(m.key);
    free(m.value);
    return producer_close(client, o, &delivery);
}

/* --- consuming --- */

/* All partitions of all topics, from their first messages on. */
static rd_kafka_t *consumer_open(const struct options *o, rd_kafka_conf_t *conf, char *const *topics, int topics_count,
                                 int *out_partitions)
{
    conf_set(conf, "group.id", "kafka_tool");
    conf_set(conf, "enable.auto.commit", "false");
    conf_set(conf, "enable.partition.eof", "true");
    conf_set(conf, "auto.offset.reset", "earliest");
    conf_set(conf, "fetch.message.max.bytes", "64000000");
    conf_set(conf, "receive.message.max.bytes", "200000000");
    conf_set(conf, "isolation.level", o->uncommitted ? "read_uncommitted" : "read_committed");
    rd_kafka_t *client = client_open(o, RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topics_count);
    for (int i = 0; i < topics_count; i++) {
        int partitions = partitions_of(client, topics[i]);
        if (partitions < 1) {
            die(topics[i], "no such topic");
        }
        for (int32_t p = 0; p < partitions; p++) {
            rd_kafka_topic_partition_list_add(list, topics[i], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
        }
    }
    rd_kafka_resp_err_t err = rd_kafka_assign(client, list);
    if (err) {
        die("assign", rd_kafka_err2str(err));
    }
    *out_partitions = list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return client;
}

/* Bytes as a JSON string; what is not UTF-8 has each foreign byte as the code point of its value. */
static json_t *json_bytes(const void *bytes, size_t length)
{
    json_t *text = json_stringn(bytes, length);
    if (text) {
        return text;
    }
    char *wide = malloc(length * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; wide && i < length; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        if (byte < 0x80) {
            wide[n++] = (char)byte;
        } else {
            wide[n++] = (char)(0xc0 | byte >> 6);
            wide[n++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    text = json_stringn(wide, n);
    free(wide);
    return text;
}

static void message_print(const rd_kafka_message_t *message, const char *topic)
{
    json_t *line = json_object();
    json_object_set_new(line, "topic", json_string(topic));
    json_object_set_new(line, "partition", json_integer(message->partition));
    json_object_set_new(line, "offset", json_integer(message->offset));
    json_object_set_new(line, "timestamp", json_integer(rd_kafka_message_timestamp(message, NULL)));
    json_object_set_new(line, "key", message->key ? json_bytes(message->key, message->key_len) : json_null());
    json_object_set_new(line, "value", message->payload ? json_bytes(message->payload, message->len) : json_null());
    json_t *object = json_object();
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *value;
        size_t size;
        for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
            json_object_set_new(object, name, value ? json_bytes(value, size) : json_null());
        }
    }
    json_object_set_new(line, "headers", object);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static int consume(const struct options *o)
{
    int partitions, ended = 0;
    int64_t count = 0;
    char *topic = strdup(o->topic);
    rd_kafka_t *client = consumer_open(o, rd_kafka_conf_new(), &topic, 1, &partitions);
    free(topic);
    int64_t until = monotonic_ms() + o->timeout_ms;
    while (o->count < 0 ? ended < partitions : count < o->count) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (monotonic_ms() > until) {
            fprintf(stderr, "kafka_tool: %s: %lld messages came in time\n", o->topic, (long long)count);
            return EXIT_FAILURE;
        }
        if (!message) {
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            ended++;
        } else if (message->err) {
            die(o->topic, rd_kafka_message_errstr(message));
        } else {
            message_print(message, o->topic);
            count++;
        }
        rd_kafka_message_destroy(message);
    }
    fflush(stdout);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return EXIT_SUCCESS;
}

/* --- bench-drain --- */

struct drain {
    uint64_t events, bytes;
    int ended;
};

static void drain_message(rd_kafka_message_t *message, void *opaque)
{
    struct drain *drain = opaque;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        drain->ended++;
    } else if (!message->err) {
        drain->events++;
        drain->bytes += message->len;
    }
}

static double cpu_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int bench_drain(const struct options *o)
{
    struct drain drain = {0};
    int partitions;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    conf_set(conf, "queued.min.messages", "1000000");
    conf_set(conf, "queued.max.messages.kbytes", "65536");
    conf_set(conf, "fetch.wait.max.ms", "10");
    conf_set(conf, "fetch.max.bytes", "4194304");
    conf_set(conf, "check.crcs", "true");
    for (size_t i = 0; i < o->pairs_count; i++) {
        char name[128];
        const char *value = pair_split(o->pairs[i], name);
        conf_set(conf, name, value);
    }
    double cpu = cpu_s();
    int64_t begin = monotonic_ms();
    rd_kafka_t *client = consumer_open(o, conf, o->arguments, o->arguments_count, &partitions);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    /* The callback API on the consumer's queue: several times cheaper than a poll for each message. */
    while (drain.ended < partitions) {
        rd_kafka_consume_callback_queue(queue, 100, drain_message, &drain);
    }
    double seconds = (double)(monotonic_ms() - begin) / 1e3;
    cpu = cpu_s() - cpu;
    double events = drain.events ? (double)drain.events : 1;
    printf("{\"what\":\"drain\",\"events\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"events_per_s\":%.0f,"
           "\"cpu_s_per_million\":%.3f}\n",
           (unsigned long long)drain.events, (unsigned long long)drain.bytes, seconds, events / seconds,
           cpu / events * 1e6);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return EXIT_SUCCESS;
}

/* --- arguments --- */

enum option_id {
    OPTION_PARTITIONS = 256,
    OPTION_PAIR,
    OPTION_KEY_FIELD,
    OPTION_KEY,
    OPTION_VALUE,
    OPTION_VALUE_FILE,
    OPTION_NULL,
    OPTION_TIMESTAMP,
    OPTION_PARTITION,
    OPTION_TRANSACTION,
    OPTION_COUNT,
    OPTION_TIMEOUT,
    OPTION_UNCOMMITTED,
    OPTION_REPLICAS,
    OPTION_BEFORE,
};

static const struct option option_table[] = {
    {"partitions", required_argument, NULL, OPTION_PARTITIONS},
    {"config", required_argument, NULL, OPTION_PAIR},
    {"header", required_argument, NULL, OPTION_PAIR},
    {"set", required_argument, NULL, OPTION_PAIR},
    {"key-field", required_argument, NULL, OPTION_KEY_FIELD},
    {"key", required_argument, NULL, OPTION_KEY},
    {"value", required_argument, NULL, OPTION_VALUE},
    {"value-file", required_argument, NULL, OPTION_VALUE_FILE},
    {"null", no_argument, NULL, OPTION_NULL},
    {"timestamp", required_argument, NULL, OPTION_TIMESTAMP},
    {"partition", required_argument, NULL, OPTION_PARTITION},
    {"transaction", required_argument, NULL, OPTION_TRANSACTION},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
    {"uncommitted", no_argument, NULL, OPTION_UNCOMMITTED},
    {"replicas", required_argument, NULL, OPTION_REPLICAS},
    {"before", required_argument, NULL, OPTION_BEFORE},
    {NULL, 0, NULL, 0},
};

static int64_t number(const char *text)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text || *end) {
        usage();
    }
    return n;
}

static void options_parse(struct options *o, int argc, char **argv)
{
    for (int id; (id = getopt_long(argc, argv, "b:t:", option_table, NULL)) != -1;) {
        switch (id) {
        case 'b': o->bootstrap = optarg; break;
        case 't': o->topic = optarg; break;
        case OPTION_PARTITIONS: o->partitions = (int)number(optarg); break;
        case OPTION_PAIR:
            if (o->pairs_count == HEADERS_MAX) {
                usage();
            }
            o->pairs[o->pairs_count++] = optarg;
            break;
        case OPTION_KEY_FIELD: o->key_field = optarg; break;
        case OPTION_KEY: o->key = optarg; break;
        case OPTION_VALUE: o->value = optarg; break;
        case OPTION_VALUE_FILE: o->value_file = optarg; break;
        case OPTION_NULL: o->null_value = true; break;
        case OPTION_TIMESTAMP: o->timestamp_ms = number(optarg); break;
        case OPTION_PARTITION: o->partition = (int32_t)number(optarg); break;
        case OPTION_TRANSACTION: o->transaction = optarg; break;
        case OPTION_COUNT: o->count = number(optarg); break;
        case OPTION_TIMEOUT: o->timeout_ms = (int)number(optarg); break;
        case OPTION_UNCOMMITTED: o->uncommitted = true; break;
        case OPTION_REPLICAS: o->replicas = (int)number(optarg); break;
        case OPTION_BEFORE: o->before = number(optarg); break;
        default: usage();
        }
    }
    o->arguments = argv + optind;
    o->arguments_count = argc - optind;
}

int main(int argc, char **argv)
{
    struct options o = {.partition = RD_KAFKA_PARTITION_UA, .replicas = 1, .count = -1, .timeout_ms = 10 * TIMEOUT_MS};
    if (argc < 2) {
        usage();
    }
    const char *command = argv[1];
    options_parse(&o, argc - 1, argv + 1);
    if (!o.bootstrap) {
        usage();
    }
    if (strcmp(command, "create-topic") == 0) {
        return administer(&o, create_topics);
    }
    if (strcmp(command, "delete-topic") == 0) {
        return administer(&o, delete_topics);
    }
    if (strcmp(command, "add-partitions") == 0) {
        return administer(&o, add_partitions);
    }
    if (strcmp(command, "bench-drain") == 0 && o.arguments_count > 0) {
        return bench_drain(&o);
    }
    if (!o.topic) {
        usage();
    }
    if (strcmp(command, "delete-records") == 0) {
        return administer(&o, delete_records);
    }
    if (strcmp(command, "offsets") == 0) {
        return offsets(&o);
    }
    if (strcmp(command, "produce") == 0) {
        return produce(&o);
    }
    if (strcmp(command, "produce-one") == 0) {
        return produce_one(&o);
    }
    if (strcmp(command, "consume") == 0) {
        return consume(&o);
    }
    usage();
}
