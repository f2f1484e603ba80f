/* Reading dead letters and sending them again, against librdkafka's mock cluster. */
#include "consumers/dead_letter.h"
#include "consumers/decode.h"
#include "consumers/letter_topic.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 2, PATIENCE_MS = 120000 };

static struct config *config;
static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;

static void setup(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, sizeof why);
    host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    cr_assert(host != NULL);
    cluster = rd_kafka_handle_mock_cluster(host);
    rd_kafka_mock_topic_create(cluster, "deals", PARTITIONS, 1);
    rd_kafka_mock_topic_create(cluster, "kpid-dead-letters", PARTITIONS, 1);
    config = config_default();
    free(config->kafka.brokers);
    config->kafka.brokers = must_strdup(rd_kafka_mock_cluster_bootstraps(cluster));
}

static void fini(void)
{
    config_destroy(config);
    rd_kafka_destroy(host);
}

TestSuite(letter_topic, .init = setup, .fini = fini, .timeout = 600);

/* Dead letters of deals/1, offsets [from, to), as the daemon writes them. */
static void write_letters(int from, int to)
{
    struct buffer problem;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    rd_kafka_header_add(headers, "trace", -1, "t1", 2);
    rd_kafka_header_add(headers, HEADER_TIMESTAMP, -1, "5", 1); /* of an earlier death: replaced */
    buffer_init(&problem);
    struct dead_letters *d = dead_letters_create(config, &problem);
    cr_assert(d != NULL);
    for (int i = from; i < to; i++) {
        struct dead_letter letter = {.topic = TEXT("deals"),
                                     .partition = 1,
                                     .offset = i,
                                     .kafka_ms = 1700000000000 + i,
                                     .reason = i % 2 == 0 ? BAD_JSON : BAD_CURRENCY,
                                     .detail = "x",
                                     .key = TEXT("k"),
                                     .value = TEXT("bad"),
                                     .headers = headers};
        cr_assert(dead_letters_have_room(d));
        dead_letters_send(d, &letter);
    }
    dead_letters_destroy(d, PATIENCE_MS);
    rd_kafka_headers_destroy(headers);
    buffer_fini(&problem);
}

struct seen {
    int count, most;
    bool offsets[100];
    struct letter_sender *sender;
};

static bool see(void *context, const struct letter *l)
{
    struct seen *s = context;
    cr_assert(text_equal(l->topic, TEXT("deals")) && l->partition == 1 && l->offset < 100 && !s->offsets[l->offset]);
    cr_expect(l->timestamp_ms == 1700000000000 + l->offset);
    cr_expect(text_equal(l->reason, l->offset % 2 == 0 ? TEXT("not_json") : TEXT("unknown_currency")));
    cr_expect(text_equal(l->detail, TEXT("x")) && text_equal(l->key, TEXT("k")) && text_equal(l->value, TEXT("bad")));
    cr_expect(l->header_count == 1 && text_equal(l->headers[0].name, TEXT("trace")));
    s->offsets[l->offset] = true;
    if (s->sender != NULL)
        letter_sender_send(s->sender, l);
    return ++s->count != s->most;
}

static enum letter_result look(bool all, struct seen *s)
{
    struct buffer problem;
    buffer_init(&problem);
    enum letter_result result = letters_read(&config->kafka, all, see, s, &problem);
    buffer_fini(&problem);
    return result;
}

Test(letter_topic, each_letter_is_shown_once)
{
    write_letters(0, 20);
    write_letters(10, 30); /* a daemon without a checkpoint was started anew */
    struct seen s = {0};
    cr_expect(look(false, &s) == LETTERS_OK);
    cr_expect(eq(int, s.count, 30));
    struct seen few = {.most = 5};
    cr_expect(look(false, &few) == LETTERS_OK);
    cr_expect(eq(int, few.count, 5));
}

static void expect_resent(int count)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", config->kafka.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "deals", 1)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    for (int i = 0; i < count; i++) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, PATIENCE_MS);
        rd_kafka_headers_t *headers;
        const void *value;
        size_t size;
        cr_assert(m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect(m->len == 3 && memcmp(m->payload, "bad", 3) == 0 && m->key_len == 1);
        cr_assert(rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect(rd_kafka_header_get_last(headers, "trace", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect(rd_kafka_header_get_last(headers, HEADER_REASON, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect(rd_kafka_header_get_last(headers, HEADER_TIMESTAMP, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect(size == 13 && memcmp(value, "17000000000", 11) == 0, "%.*s", (int)size, (const char *)value);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

/* What was sent again is done with, until it dies again at its new place. */
Test(letter_topic, a_letter_sent_again_is_shown_no_more)
{
    write_letters(0, 10);
    struct buffer problem;
    int64_t delivered, failed;
    buffer_init(&problem);
    struct seen s = {.most = 4, .sender = letter_sender_create(&config->kafka, &problem)};
    cr_assert(s.sender != NULL);
    cr_expect(look(false, &s) == LETTERS_OK);
    letter_sender_finish(s.sender, PATIENCE_MS, &delivered, &failed, &problem);
    letter_sender_destroy(s.sender);
    cr_expect(delivered == 4 && failed == 0);
    expect_resent(4);
    struct seen rest = {0}, all = {0};
    cr_expect(look(false, &rest) == LETTERS_OK);
    cr_expect(eq(int, rest.count, 6));
    for (int i = 0; i < 10; i++)
        cr_expect(rest.offsets[i] != s.offsets[i]);
    cr_expect(look(true, &all) == LETTERS_OK);
    cr_expect(eq(int, all.count, 10));
    buffer_fini(&problem);
}

Test(letter_topic, what_cannot_be_delivered_is_told)
{
    /* Of the answer to Produce (0): librdkafka 2.8 does not survive a topic of its mock that has an error of its own. */
    rd_kafka_mock_push_request_errors(cluster, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct buffer problem;
    int64_t delivered, failed;
    buffer_init(&problem);
    struct letter_sender *sender = letter_sender_create(&config->kafka, &problem);
    struct letter l = {.topic = TEXT("deals"), .partition = 0, .value = TEXT("v"), .timestamp_ms = -1};
    letter_sender_send(sender, &l);
    letter_sender_finish(sender, PATIENCE_MS, &delivered, &failed, &problem);
    letter_sender_destroy(sender);
    cr_expect(delivered == 0 && failed == 1 && problem.len > 0);
    buffer_fini(&problem);
}

Test(letter_topic, brokers_that_are_away_are_told)
{
    struct seen s = {0};
    free(config->kafka.brokers);
    config->kafka.brokers = must_strdup("127.0.0.1:1");
    cr_expect(look(false, &s) == LETTERS_UNREACHABLE);
}
