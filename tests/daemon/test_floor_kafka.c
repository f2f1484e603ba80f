/* The floor's way into Kafka, through librdkafka's mock cluster: key, value, tombstone and time stamp arrive. */
#include "base/instant.h"
#include "daemon/floor.h"
#include "daemon/floor_kafka.h"
#include "daemon/floor_random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#define PARTITIONS 2

static struct floor_options options_of(void)
{
    return (struct floor_options){.seed = 5,
                                  .records = 400,
                                  .managers = 4,
                                  .teams = 2,
                                  .start_us = INT64_C(1704067200) * SECOND,
                                  .days = 60,
                                  .zone = "UTC",
                                  .base = (currency_code)'U' << 16 | (currency_code)'S' << 8 | (currency_code)'D',
                                  .corrections_ppm = PPM(100),
                                  .repeat_ppm = PPM(5),
                                  .late_ppm = PPM(5),
                                  .garbage_ppm = PPM(2)};
}

/* The order over partitions is nobody's, so messages are summed by their hashes. */
struct sum {
    uint64_t messages, tombstones, hash;
};

static void add(struct sum *s, const char *topic, struct text key, struct text value, bool tombstone, int64_t ms)
{
    struct buffer b;
    buffer_init(&b);
    buffer_format(&b, "%s %lld %d ", topic, (long long)ms, tombstone);
    buffer_text(&b, key);
    buffer_char(&b, ' ');
    buffer_text(&b, value);
    s->messages++;
    s->tombstones += tombstone;
    s->hash += text_hash(buffer_view(&b));
    buffer_fini(&b);
}

static struct sum send_all(const char *brokers)
{
    struct sum s = {0};
    struct buffer problem;
    buffer_init(&problem);
    bool usage;
    struct floor_kafka *k = floor_kafka_open(
        &(struct floor_kafka_options){.brokers = brokers, .topic_prefix = "test-", .hurry = true}, &problem, &usage);
    cr_assert(k != NULL, "%s", problem.at);
    struct floor_options o = options_of();
    struct floor *f = floor_create(&o);
    for (struct floor_message m; floor_next(f, &m);) {
        while (!floor_kafka_send(k, &m))
            floor_kafka_wait(k, 10);
        char topic[64];
        snprintf(topic, sizeof topic, "test-%s", record_kind_info(m.kind)->topic);
        add(&s, topic, m.key, m.value, m.tombstone, m.kafka_ms);
    }
    floor_destroy(f);
    cr_expect(eq(u64, floor_kafka_close(k, 120000, &problem), 0), "%s", problem.at);
    buffer_fini(&problem);
    return s;
}

static struct sum read_all(const char *brokers)
{
    struct sum s = {0};
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    cr_assert(consumer != NULL, "%s", why);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (int k = 0; k < FACT_KINDS; k++) {
        char topic[64];
        snprintf(topic, sizeof topic, "test-%s", record_kind_info((enum record_kind)k)->topic);
        for (int p = 0; p < PARTITIONS; p++)
            rd_kafka_topic_partition_list_add(list, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    for (int ends = 0; ends < FACT_KINDS * PARTITIONS;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 120000);
        cr_assert(m != NULL, "no answer from the mock");
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            ends++;
        } else {
            cr_assert(m->err == RD_KAFKA_RESP_ERR_NO_ERROR, "%s", rd_kafka_message_errstr(m));
            add(&s, rd_kafka_topic_name(m->rkt), (struct text){m->key, m->key_len}, (struct text){m->payload, m->len},
                m->payload == NULL, rd_kafka_message_timestamp(m, NULL));
        }
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return s;
}

Test(floor_kafka, everything_arrives_as_it_was_told, .timeout = 600)
{
    struct buffer problem;
    buffer_init(&problem);
    struct floor_mock *mock = floor_mock_open("test-", PARTITIONS, &problem);
    cr_assert(mock != NULL, "%s", problem.at);

    struct sum sent = send_all(floor_mock_brokers(mock));
    struct sum got = read_all(floor_mock_brokers(mock));

    cr_expect(sent.messages > 1500 && sent.tombstones > 0);
    cr_expect(eq(u64, got.messages, sent.messages));
    cr_expect(eq(u64, got.tombstones, sent.tombstones));
    cr_expect(eq(u64, got.hash, sent.hash));
    floor_mock_close(mock);
    buffer_fini(&problem);
}

Test(floor_kafka, a_wrong_property_is_told)
{
    struct buffer problem;
    buffer_init(&problem);
    const char *properties[] = {"no.such.property=1"};
    bool usage = false;
    cr_expect(floor_kafka_open(
                  &(struct floor_kafka_options){
                      .brokers = "127.0.0.1:1", .topic_prefix = "", .properties = properties, .property_count = 1},
                  &problem, &usage) == NULL);
    cr_expect(usage);
    cr_expect(problem.len > 0);
    buffer_fini(&problem);
}
