/* The consumer against librdkafka's mock cluster; what the mock cannot do is in tests/integration. */
#include "aggregators/event.h"
#include "base/clock.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/memory_bound.h"
#include "consumers/decode.h"
#include "consumers/kafka.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PARTITIONS = 2, PATIENCE_S = 120 };

static struct config *config;
static struct calendar *utc;
static struct ring *ring;
static struct dead_letters *letters;
static struct consumer *consumer;
static rd_kafka_t *producer;
static rd_kafka_mock_cluster_t *cluster;

static void replace(char **where, const char *with)
{
    free(*where);
    *where = must_strdup(with);
}

/* For the test's own clients. librdkafka says a line for each connection that ends, among which the line of the case
 * that failed would not be found. */
static rd_kafka_conf_t *quiet_client(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    cr_assert(rd_kafka_conf_set(conf, "log_level", "2", why, sizeof why) == RD_KAFKA_CONF_OK);
    return conf;
}

static void setup_brokers(const char *brokers)
{
    char why[256];
    log_setup(LOG_LOGFMT, LOG_WARNING);
    rd_kafka_conf_t *conf = quiet_client();
    cr_assert(rd_kafka_conf_set(conf, "test.mock.num.brokers", brokers, why, sizeof why) == RD_KAFKA_CONF_OK);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    cr_assert(producer != NULL);
    cluster = rd_kafka_handle_mock_cluster(producer);
    static const char *const topics[] = {"leads", "deals", "payments", "feedback", "kpid-dead-letters"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        cr_assert(rd_kafka_mock_topic_create(cluster, topics[i], PARTITIONS, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
    config = config_default();
    replace(&config->kafka.brokers, rd_kafka_mock_cluster_bootstraps(cluster));
    config->kafka.metadata_refresh_ms = 100;
    utc = calendar_create("UTC", 1, 1);
    ring = ring_create(1 << 20);
}

static void setup(void)
{
    setup_brokers("1");
}

static void setup_two(void)
{
    setup_brokers("2");
}

/* What the consumer was told to begin with: the positions of the slots that it announces. */
static const struct consumer_start *begun;
static size_t begun_count;

static void begin(const struct consumer_start *starts, size_t count)
{
    struct buffer problem;
    buffer_init(&problem);
    letters = dead_letters_create(config, &problem);
    cr_assert(letters != NULL, "%s", problem.at);
    consumer = consumer_create(config, utc, ring, letters, starts, count, &problem);
    cr_assert(consumer != NULL, "%s", problem.at);
    buffer_fini(&problem);
    begun = starts;
    begun_count = count;
    consumer_start(consumer);
}

static void end(void)
{
    consumer_stop(consumer);
    consumer_join(consumer);
    consumer_destroy(consumer);
    dead_letters_destroy(letters, 10000);
    consumer = NULL;
}

static void fini(void)
{
    if (consumer != NULL)
        end();
    ring_destroy(ring);
    calendar_destroy(utc);
    config_destroy(config);
    rd_kafka_destroy(producer);
}

TestSuite(kafka, .init = setup, .fini = fini, .timeout = 600);
TestSuite(kafka_two, .init = setup_two, .fini = fini, .timeout = 600);

static void produce_bytes(const char *topic, int32_t partition, const char *key, const char *value, size_t len)
{
    rd_kafka_resp_err_t err = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
        RD_KAFKA_V_VALUE((char *)(uintptr_t)value, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADER("trace", "t1", 2), RD_KAFKA_V_TIMESTAMP(1700000000000), RD_KAFKA_V_END);
    cr_assert(err == RD_KAFKA_RESP_ERR_NO_ERROR, "%s", rd_kafka_err2str(err));
}

static void produce(const char *topic, int32_t partition, const char *value)
{
    produce_bytes(topic, partition, "k", value, value != NULL ? strlen(value) : 0);
}

static void produced(void)
{
    cr_assert(rd_kafka_flush(producer, PATIENCE_S * 1000) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void produce_deals(int32_t partition, int from, int to)
{
    char json[128];
    for (int i = from; i < to; i++) {
        snprintf(json, sizeof json, "{\"deal_id\":\"%d-%d\",\"amount\":%d}", (int)partition, i, i);
        produce("deals", partition, json);
    }
    produced();
}

/* What came out of the ring. */
struct seen {
    char topics[64][32];
    int32_t partitions[64];
    uint32_t slots;
    int64_t next[64];
    uint64_t hashes[64]; /* of the last message */
    int64_t applied, dead, filtered, ends, gaps, behind;
    int64_t dead_by[ERROR_COUNT];
};

static int64_t begun_at(const char *topic, int32_t partition)
{
    for (size_t i = 0; i < begun_count; i++)
        if (begun[i].partition == partition && strcmp(begun[i].topic, topic) == 0)
            return begun[i].offset;
    return 0;
}

static void look(struct seen *s, const struct event *e)
{
    if (e->fate == EVENT_SLOT) {
        cr_assert(e->slot == s->slots, "slots are announced in order");
        struct text topic = event_key(e);
        snprintf(s->topics[s->slots], sizeof s->topics[0], "%.*s", (int)topic.len, topic.at);
        s->partitions[s->slots] = (int32_t)e->offset;
        s->next[s->slots] = begun_at(s->topics[s->slots], (int32_t)e->offset);
        s->slots++;
        return;
    }
    cr_assert(e->slot < s->slots, "a slot is announced before its events");
    if (e->fate == EVENT_BEHIND) {
        s->behind++;
        return;
    }
    if (e->fate == EVENT_GAP) {
        s->gaps++;
        s->next[e->slot] = e->offset;
        return;
    }
    cr_assert(e->offset == s->next[e->slot] || e->fate == EVENT_END, "offset %lld after %lld", (long long)e->offset,
              (long long)s->next[e->slot]);
    if (e->fate == EVENT_END) {
        cr_assert(e->offset == s->next[e->slot]);
        s->ends++;
        return;
    }
    s->next[e->slot]++;
    s->hashes[e->slot] = e->message_hash;
    s->applied += e->fate == EVENT_APPLY;
    s->filtered += e->fate == EVENT_FILTERED;
    if (e->fate == EVENT_DEAD_LETTER) {
        s->dead++;
        s->dead_by[e->reason]++;
    }
}

static int64_t total(const struct seen *s)
{
    return s->applied + s->dead + s->filtered;
}

/* Takes events until `count` messages have been seen and, with `ends`, that many ends of partitions. */
static void take(struct seen *s, int64_t count, int64_t ends)
{
    int64_t until_us = clock_monotonic_us() + PATIENCE_S * SECOND;
    while (total(s) < count || s->ends < ends) {
        const struct event *e = ring_front(ring);
        if (e != NULL) {
            look(s, e);
            ring_pop(ring);
        } else {
            cr_assert(clock_monotonic_us() < until_us, "%lld of %lld messages, %lld of %lld ends", (long long)total(s),
                      (long long)count, (long long)s->ends, (long long)ends);
            ring_wait(ring, 100);
        }
    }
    cr_assert(total(s) == count, "no message comes twice");
}

static void wait_for(const struct counter *counter, int64_t at_least, const char *what)
{
    int64_t until_us = clock_monotonic_us() + PATIENCE_S * SECOND;
    while (counter_get(counter) < at_least) {
        cr_assert(clock_monotonic_us() < until_us, "%s: %lld of %lld", what, (long long)counter_get(counter),
                  (long long)at_least);
        ring_wait(ring, 20); /* sleeps, unless there is an event: then the counter moves soon */
    }
}

/* The counter's value once it is `expected`, or what it still is when patience has ended: that one counter has moved says
 * nothing of another. */
static int64_t in_the_end(const struct counter *counter, int64_t expected)
{
    int64_t until_us = clock_monotonic_us() + PATIENCE_S * SECOND;
    while (counter_get(counter) != expected && clock_monotonic_us() < until_us)
        ring_wait(ring, 20);
    return counter_get(counter);
}

Test(kafka, every_message_of_every_partition_becomes_one_event)
{
    produce_deals(0, 0, 500);
    produce_deals(1, 0, 300);
    produce("leads", 0, "{\"lead_id\":\"l\"}");
    produced();
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 801, 4 * PARTITIONS);
    cr_expect(eq(i64, s.applied, 801));
    cr_expect(eq(u32, s.slots, 4 * PARTITIONS));
    for (uint32_t i = 0; i < s.slots; i++) {
        int64_t expected = strcmp(s.topics[i], "deals") == 0   ? (s.partitions[i] == 0 ? 500 : 300)
                           : strcmp(s.topics[i], "leads") == 0 ? (s.partitions[i] == 0 ? 1 : 0)
                                                               : 0;
        cr_expect(s.next[i] == expected, "%s %d: %lld", s.topics[i], (int)s.partitions[i], (long long)s.next[i]);
    }
    const struct consumer_counters *counters = consumer_counters(consumer);
    cr_expect(eq(i64, in_the_end(&counters->messages, 801), 801));
    cr_expect(eq(i64, in_the_end(&counters->partitions, 4 * PARTITIONS), 4 * PARTITIONS));
    cr_expect(eq(i64, in_the_end(&counters->ended, 4 * PARTITIONS), 4 * PARTITIONS));
    cr_expect(eq(i64, in_the_end(&consumer_watch_counters(consumer)->connected, 1), 1));
    cr_expect(eq(i64, in_the_end(&consumer_watch_counters(consumer)->missing, 0), 0));
    /* and what comes later comes too */
    produce_deals(0, 500, 600);
    take(&s, 901, 0);
}

static const char *header_of(const rd_kafka_message_t *m, const char *name)
{
    static char text[8][128];
    static unsigned turn;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    char *out = text[turn++ % 8];
    snprintf(out, sizeof text[0], "%.*s", (int)size, (const char *)value);
    return out;
}

/* All that stands in the dead-letter topic, by its kpid-offset; `count` of them are expected. */
static void read_letters(rd_kafka_message_t **by_offset, size_t count)
{
    char why[256];
    rd_kafka_conf_t *conf = quiet_client();
    rd_kafka_conf_set(conf, "bootstrap.servers", config->kafka.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int p = 0; p < PARTITIONS; p++)
        rd_kafka_topic_partition_list_add(list, "kpid-dead-letters", p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_assign(rk, list);
    for (size_t got = 0; got < count;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, PATIENCE_S * 1000);
        cr_assert(m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR);
        size_t offset = strtoul(header_of(m, HEADER_OFFSET), NULL, 10);
        cr_assert(offset < count && by_offset[offset] == NULL);
        by_offset[offset] = m;
        got++;
    }
    rd_kafka_topic_partition_list_destroy(list);
    /* the messages live on; the client goes with the process */
}

Test(kafka, a_bad_message_goes_to_the_dead_letters_as_it_was)
{
    static char large[3 << 20];
    memset(large, 'x', sizeof large);
    produce("deals", 1, "not json");
    produce("deals", 1, "{\"deal_id\":\"d\",\"currency\":\"ABC\"}");
    produce_bytes("deals", 1, NULL, "{\"a\":\"\xff\"}", 9);
    produced();
    char why[256];
    rd_kafka_conf_t *conf = quiet_client();
    rd_kafka_conf_set(conf, "bootstrap.servers", config->kafka.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "message.max.bytes", "5000000", why, sizeof why);
    rd_kafka_t *small = producer;
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    produce_bytes("deals", 1, "big", large, sizeof large);
    produced();
    rd_kafka_destroy(producer);
    producer = small;
    produce("deals", 1, "{\"deal_id\":\"d\"}");
    produced();

    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 5, 0);
    cr_expect(eq(i64, s.applied, 1));
    cr_expect(eq(i64, s.dead_by[BAD_JSON], 1));
    cr_expect(eq(i64, s.dead_by[BAD_CURRENCY], 1));
    cr_expect(eq(i64, s.dead_by[BAD_UTF8], 1));
    cr_expect(eq(i64, s.dead_by[BAD_SIZE], 1));
    wait_for(&dead_letters_counters(letters)->delivered, 4, "delivered");
    cr_expect(eq(i64, in_the_end(&dead_letters_counters(letters)->unsent, 0), 0));
    cr_expect(eq(i64, in_the_end(&dead_letters_counters(letters)->without_value, 1), 1));

    rd_kafka_message_t *m[4] = {NULL};
    read_letters(m, 4);
    cr_expect(m[0]->len == 8 && memcmp(m[0]->payload, "not json", 8) == 0);
    cr_expect(m[0]->key_len == 1 && memcmp(m[0]->key, "k", 1) == 0);
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[0], HEADER_TOPIC), "deals"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[0], HEADER_PARTITION), "1"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[0], HEADER_REASON), "not_json"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[0], HEADER_TIMESTAMP), "1700000000000"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[0], "trace"), "t1"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[1], HEADER_REASON), "unknown_currency"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[1], HEADER_DETAIL), "currency"));
    cr_expect(m[2]->len == 9 && memcmp(m[2]->payload, "{\"a\":\"\xff\"}", 9) == 0 && m[2]->key == NULL);
    cr_expect(m[3]->payload == NULL && m[3]->key_len == 3);
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[3], HEADER_REASON), "too_large"));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[3], HEADER_SIZE), "3145728"));
    char hash[32];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)text_hash((struct text){large, sizeof large}));
    cr_expect(eq(str, (char *)(uintptr_t)header_of(m[3], HEADER_HASH), hash));
    for (int i = 0; i < 4; i++)
        rd_kafka_message_destroy(m[i]);
}

/* A key alone may be more than the topic takes. Sent again for ever, such letters would fill the bound, and ingest
 * would stop for good. */
Test(kafka, a_letter_whose_key_is_too_large_goes_with_its_address_alone)
{
    static char key[4096];
    memset(key, 'k', sizeof key - 1);
    produce_bytes("deals", 1, key, "not json", 8);
    produce_bytes("deals", 1, key, NULL, 0); /* a tombstone: its key is too long for an id */
    produced();
    config->kafka.properties = must_alloc(sizeof *config->kafka.properties);
    config->kafka.properties[0] = (struct kafka_property){must_strdup("message.max.bytes"), must_strdup("2000")};
    config->kafka.property_count = 1;
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 2, 0);
    wait_for(&dead_letters_counters(letters)->delivered, 2, "delivered");
    cr_expect(eq(i64, in_the_end(&dead_letters_counters(letters)->unsent, 0), 0));
    cr_expect(eq(i64, in_the_end(&dead_letters_counters(letters)->without_value, 2), 2));
    rd_kafka_message_t *m[2] = {NULL};
    read_letters(m, 2);
    for (int i = 0; i < 2; i++) {
        cr_expect(m[i]->key == NULL && m[i]->payload == NULL);
        cr_expect(eq(str, (char *)(uintptr_t)header_of(m[i], HEADER_TOPIC), "deals"));
        cr_expect(eq(str, (char *)(uintptr_t)header_of(m[i], HEADER_PARTITION), "1"));
        cr_expect(eq(str, (char *)(uintptr_t)header_of(m[i], HEADER_REASON), i == 0 ? "not_json" : "bad_text"));
        cr_expect(eq(str, (char *)(uintptr_t)header_of(m[i], HEADER_SIZE), i == 0 ? "8" : "0"));
        cr_expect(header_of(m[i], "trace") == NULL);
        rd_kafka_message_destroy(m[i]);
    }
}

/* A ring that holds a handful of events, and a writer that is slow: Kafka holds the rest, nothing is lost. */
Test(kafka, a_full_ring_stops_ingest_and_loses_nothing)
{
    ring_destroy(ring);
    ring = ring_create(1 << 16);
    produce_deals(0, 0, 5000);
    begin(NULL, 0);
    wait_for(&consumer_counters(consumer)->ring_full, 1, "ring full");
    cr_expect(counter_get(&consumer_counters(consumer)->messages) < 5000);
    struct seen s = {0};
    take(&s, 5000, 0);
    cr_expect(eq(i64, s.applied, 5000));
}

Test(kafka, it_stops_while_the_ring_is_full)
{
    ring_destroy(ring);
    ring = ring_create(1 << 16);
    produce_deals(0, 0, 5000);
    begin(NULL, 0);
    wait_for(&consumer_counters(consumer)->ring_full, 1, "ring full");
    consumer_stop(consumer);
    consumer_join(consumer);
    /* what is in the ring is a prefix of the partition */
    struct seen s = {0};
    for (const struct event *e; (e = ring_front(ring)) != NULL; ring_pop(ring))
        look(&s, e);
    cr_expect(eq(i64, s.applied, counter_get(&consumer_counters(consumer)->messages)));
    cr_expect(s.applied < 5000);
    consumer_destroy(consumer);
    dead_letters_destroy(letters, 0);
    consumer = NULL;
}

/* Memory that something else took: reading stands still, and goes on when it is given back. */
Test(kafka, nothing_is_read_while_memory_is_at_its_limit)
{
    enum { MESSAGES = 5000, BYTES = 64 << 20 };
    produce_deals(0, 0, MESSAGES);
    int64_t before = memory_own_bytes();
    char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(p != MAP_FAILED);
    memset(p, 1, BYTES);
    /* By what they really take: with the thread sanitizer five times as much, and all else as well. */
    config->limits.memory_max_bytes = before + (memory_own_bytes() - before) / 2;
    begin(NULL, 0);
    wait_for(&consumer_counters(consumer)->held, 1, "held");
    struct seen s = {0};
    int64_t until_us = clock_monotonic_us() + PATIENCE_S * SECOND;
    while (s.behind == 0) {
        cr_assert(clock_monotonic_us() < until_us, "the writer is told that there is more");
        ring_wait(ring, 100);
        for (const struct event *e; (e = ring_front(ring)) != NULL; ring_pop(ring))
            look(&s, e);
    }
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->lag, MESSAGES), MESSAGES));
    cr_expect(eq(i64, counter_get(&consumer_counters(consumer)->messages), 0));
    munmap(p, BYTES);
    take(&s, MESSAGES, 4 * PARTITIONS);
    cr_expect(eq(i64, s.behind, 1));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->held, 0), 0));
}

/* The dead-letter topic refuses: ingest goes on up to the bound, stops there, and goes on when it is mended. */
Test(kafka, unsent_dead_letters_are_bounded_and_none_is_lost)
{
    config->kafka.dead_letters_unsent_max = 10;
    rd_kafka_mock_topic_set_error(cluster, "kpid-dead-letters", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    char json[64];
    for (int i = 0; i < 40; i++) {
        snprintf(json, sizeof json, "bad %d", i);
        produce("deals", 0, json);
    }
    produced();
    begin(NULL, 0);
    wait_for(&dead_letters_counters(letters)->full, 1, "full");
    cr_expect(eq(i64, in_the_end(&dead_letters_counters(letters)->unsent, 10), 10));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->messages, 10), 10));
    cr_expect(eq(i64, in_the_end(&dead_letters_counters(letters)->delivered, 0), 0));
    rd_kafka_mock_topic_set_error(cluster, "kpid-dead-letters", RD_KAFKA_RESP_ERR_NO_ERROR);
    struct seen s = {0};
    take(&s, 40, 0);
    wait_for(&dead_letters_counters(letters)->delivered, 40, "delivered");
    rd_kafka_message_t *m[40] = {NULL};
    read_letters(m, 40);
    for (int i = 0; i < 40; i++)
        rd_kafka_message_destroy(m[i]);
}

static uint32_t slot_of(const struct seen *s, const char *topic, int32_t partition)
{
    for (uint32_t i = 0; i < s->slots; i++)
        if (s->partitions[i] == partition && strcmp(s->topics[i], topic) == 0)
            return i;
    cr_assert(false, "no slot for %s %d", topic, (int)partition);
    return 0;
}

/* Reads all that is there and forgets the consumer: what a checkpoint would hold of partition 0 of the deals. */
static struct consumer_start checkpoint_of(int64_t messages)
{
    struct seen s = {0};
    begin(NULL, 0);
    take(&s, messages, 4 * PARTITIONS);
    uint32_t slot = slot_of(&s, "deals", 0);
    end();
    for (const struct event *e; (e = ring_front(ring)) != NULL;)
        ring_pop(ring);
    return (struct consumer_start){.topic = "deals",
                                   .offset = s.next[slot],
                                   .has_message = true,
                                   .message_offset = s.next[slot] - 1,
                                   .hash = s.hashes[slot]};
}

Test(kafka, it_begins_where_it_is_told)
{
    produce_deals(0, 0, 100);
    produce_deals(1, 0, 100);
    struct consumer_start starts[] = {{.topic = "deals", .offset = 60},
                                      {.topic = "deals", .partition = 1, .offset = 100}};
    begin(starts, 2);
    struct seen s = {0};
    take(&s, 40, 4 * PARTITIONS);
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 0), 0));
}

/* The last message is read once more to be compared, and not counted twice. */
Test(kafka, a_log_that_is_the_same_goes_on)
{
    produce_deals(0, 0, 100);
    struct consumer_start start = checkpoint_of(100);
    cr_expect(eq(i64, start.offset, 100));
    produce_deals(0, 100, 130);
    begin(&start, 1);
    struct seen s = {0};
    take(&s, 30, 4 * PARTITIONS);
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 0), 0));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->messages, 30), 30));
}

/* And with nothing new. */
Test(kafka, a_log_that_has_not_grown_is_at_its_end)
{
    produce_deals(0, 0, 100);
    struct consumer_start start = checkpoint_of(100);
    begin(&start, 1);
    struct seen s = {0};
    take(&s, 0, 4 * PARTITIONS);
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 0), 0));
    cr_expect(eq(i64, s.next[slot_of(&s, "deals", 0)], 100));
}

/* A topic made anew that is longer by now: the offset is there, but another message stands before it. */
Test(kafka, another_log_is_known_by_its_message)
{
    produce_deals(0, 0, 100);
    struct consumer_start start = checkpoint_of(100);
    start.hash ^= 1;
    produce_deals(0, 100, 130);
    begin(&start, 1);
    struct seen s = {0};
    take(&s, 130, 4 * PARTITIONS);
    cr_expect(eq(i64, s.gaps, 1));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 1), 1));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->lost, 0), 0));
}

/* Between the last message and the position were commit markers. A message there is of another log. */
Test(kafka, a_message_where_there_was_none_is_of_another_log)
{
    produce_deals(0, 0, 100);
    struct consumer_start start = checkpoint_of(100);
    produce_deals(0, 100, 130);
    start.offset = 102;
    begin(&start, 1);
    struct seen s = {0};
    take(&s, 130, 4 * PARTITIONS);
    cr_expect(eq(i64, s.gaps, 1));
}

/* A position beyond the end: the log was cut, or made anew. It is said and counted, and all there is is read. */
Test(kafka, an_offset_that_is_not_there_is_a_gap_that_shows)
{
    produce_deals(0, 0, 100);
    struct consumer_start starts[] = {{.topic = "deals", .offset = 1000}};
    begin(starts, 1);
    struct seen s = {0};
    take(&s, 100, 4 * PARTITIONS);
    cr_expect(eq(i64, s.gaps, 1));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 1), 1));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->lost, 0), 0));
}

/* Cut behind the last message: the message is the right one, the position is beyond the end all the same. */
Test(kafka, a_log_cut_behind_its_last_message_is_a_gap)
{
    produce_deals(0, 0, 100);
    struct consumer_start start = checkpoint_of(100);
    start.offset = 103;
    begin(&start, 1);
    struct seen s = {0};
    take(&s, 100, 4 * PARTITIONS);
    cr_expect(eq(i64, s.gaps, 1));
}

Test(kafka, fewer_partitions_are_a_gap)
{
    produce_deals(0, 0, 100);
    struct consumer_start starts[] = {{.topic = "deals", .partition = 2, .offset = 5},
                                      {.topic = "deals", .partition = 3, .offset = 0}}; /* nothing was read of it */
    begin(starts, 2);
    struct seen s = {0};
    take(&s, 100, 4 * PARTITIONS + 1); /* one for the empty one that is gone: it is not waited for */
    wait_for(&consumer_counters(consumer)->gaps, 1, "gaps");
    while (s.gaps == 0) {
        cr_assert(ring_wait(ring, PATIENCE_S * 1000));
        look(&s, ring_front(ring));
        ring_pop(ring);
    }
    cr_expect(eq(i64, s.next[slot_of(&s, "deals", 2)], -1));
    consumer_stop(consumer);
    consumer_join(consumer); /* partitions are counted after the note */
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 1), 1));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->partitions, 4 * PARTITIONS), 4 * PARTITIONS));
    consumer_destroy(consumer);
    dead_letters_destroy(letters, 0);
    consumer = NULL;
}

/* kafka.on_gap stop: nothing of the partition is told, and nothing is moved: the next start finds the same. */
Test(kafka, it_stops_at_a_gap_if_it_is_told_to)
{
    config->kafka.on_gap = ON_GAP_STOP;
    produce_deals(0, 0, 100);
    struct consumer_start starts[] = {{.topic = "deals", .offset = 1000}};
    begin(starts, 1);
    wait_for(&consumer_counters(consumer)->gaps, 1, "gaps");
    consumer_join(consumer); /* it has ended by itself */
    cr_expect(consumer_gave_up(consumer));
    struct seen s = {0};
    for (const struct event *e; (e = ring_front(ring)) != NULL; ring_pop(ring))
        look(&s, e);
    cr_expect(total(&s) == 0 && s.gaps == 0);
    cr_expect(eq(i64, s.next[slot_of(&s, "deals", 0)], 1000));
    consumer_destroy(consumer);
    dead_letters_destroy(letters, 0);
    consumer = NULL;
}

/* A new leader that has not heard of the offset yet says that it is out of range. Reading goes on where it was. */
Test(kafka, an_offset_that_is_there_after_all_is_no_gap)
{
    produce_deals(0, 0, 100);
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 100, 4 * PARTITIONS);
    rd_kafka_mock_push_request_errors(cluster, 1 /* Fetch */, 2, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
                                      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    produce_deals(0, 100, 200);
    take(&s, 200, 4 * PARTITIONS);
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 0), 0));
}

/* Whatever a fetch is answered with, nothing is lost and nothing comes twice. */
Test(kafka, errors_of_fetches_lose_nothing)
{
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,      RD_KAFKA_RESP_ERR_UNKNOWN};
    enum { ERRORS = sizeof errors / sizeof errors[0] };
    begin(NULL, 0);
    struct seen s = {0};
    for (int i = 0; i < ERRORS; i++) {
        rd_kafka_mock_push_request_errors(cluster, 1 /* Fetch */, 1, errors[i]);
        produce_deals(0, i * 10, (i + 1) * 10);
        take(&s, (i + 1) * 10, 0);
    }
    cr_expect(eq(i64, s.applied, ERRORS * 10));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 0), 0));
}

/* --- offsets for lag monitors -------------------------------------------------------------------------------------- */

static int64_t committed_offset(void)
{
    char why[256];
    rd_kafka_conf_t *conf = quiet_client();
    rd_kafka_conf_set(conf, "bootstrap.servers", config->kafka.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", config->kafka.group, why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "deals", 0);
    cr_assert(rd_kafka_committed(rk, list, PATIENCE_S * 1000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

Test(kafka, offsets_are_committed_when_it_is_asked_to)
{
    produce_deals(0, 0, 100);
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 100, 4 * PARTITIONS);
    cr_expect(eq(i64, committed_offset(), RD_KAFKA_OFFSET_INVALID), "nothing by itself");
    struct consumer_start safe[] = {{.topic = "deals", .offset = 70}, {.topic = "leads", .offset = -1}};
    consumer_commit(consumer, safe, 2);
    wait_for(&consumer_counters(consumer)->commits, 1, "commits");
    cr_expect(eq(i64, committed_offset(), 70));
    safe[0].offset = 90;
    consumer_commit(consumer, safe, 1);
    wait_for(&consumer_counters(consumer)->commits, 2, "commits");
    cr_expect(eq(i64, committed_offset(), 90));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->commits_refused, 0), 0));
}

Test(kafka, a_refused_commit_stops_nothing)
{
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 0, 4 * PARTITIONS);
    rd_kafka_mock_push_request_errors(cluster, 8 /* OffsetCommit */, 2, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    struct consumer_start safe = {.topic = "deals", .offset = 0};
    for (int i = 1; i <= 2; i++) {
        consumer_commit(consumer, &safe, 1);
        wait_for(&consumer_counters(consumer)->commits_refused, i, "refusals");
    }
    consumer_commit(consumer, &safe, 1);
    wait_for(&consumer_counters(consumer)->commits, 1, "commits");
    produce_deals(0, 0, 10);
    take(&s, 10, 0);
}

/* A refusal is counted, and its line cannot be written: standard error is a pipe that nobody reads. What is counted is
 * answered, so the next commit is sent all the same; taken for too early it would be dropped, and none might follow. */
Test(kafka, a_commit_need_not_wait_for_the_line_about_the_one_before)
{
    enum { PIPE_BYTES = 4096 };
    static char bytes[PIPE_BYTES];
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 0, 4 * PARTITIONS);
    rd_kafka_mock_push_request_errors(cluster, 8 /* OffsetCommit */, 2, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    int ends[2], standard_error = dup(STDERR_FILENO);
    cr_assert(standard_error >= 0 && pipe(ends) == 0);
    cr_assert(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES);
    cr_assert(write(ends[1], bytes, PIPE_BYTES) == PIPE_BYTES);
    struct consumer_start safe = {.topic = "deals", .offset = 0};
    dup2(ends[1], STDERR_FILENO);
    consumer_commit(consumer, &safe, 1);
    int64_t refused = in_the_end(&consumer_counters(consumer)->commits_refused, 1);
    consumer_commit(consumer, &safe, 1);
    dup2(standard_error, STDERR_FILENO);
    cr_assert(read(ends[0], bytes, PIPE_BYTES) == PIPE_BYTES); /* now the line has room */
    cr_assert(eq(i64, refused, 1));
    wait_for(&consumer_counters(consumer)->commits_refused, 2, "refusals");
}

/* --- two brokers -------------------------------------------------------------------------------------------------- */

/* Reports come in another order than the letters: those for one of the two partitions have to wait. */
Test(kafka_two, settled_is_the_last_letter_before_which_none_is_missing)
{
    enum { LETTERS = 8, FIRST_AWAY = 4 };
    rd_kafka_mock_partition_set_leader(cluster, "kpid-dead-letters", 0, 1);
    rd_kafka_mock_partition_set_leader(cluster, "kpid-dead-letters", 1, 2);
    rd_kafka_mock_partition_set_leader(cluster, "deals", 0, 1);
    int number = 0;
    for (int i = 1; i <= LETTERS; i++) {
        char key[16];
        int32_t partition = i == FIRST_AWAY || i == LETTERS - 1;
        do
            snprintf(key, sizeof key, "key %d", number++);
        while (rd_kafka_msg_partitioner_consistent(NULL, key, strlen(key), 2, NULL, NULL) != partition);
        produce_bytes("deals", 0, key, "not json", 8);
    }
    produced();
    rd_kafka_mock_broker_set_down(cluster, 2);
    begin(NULL, 0);
    const struct dead_letter_counters *d = dead_letters_counters(letters);
    wait_for(&d->delivered, LETTERS - 2, "delivered");
    wait_for(&consumer_counters(consumer)->messages, LETTERS, "messages");
    cr_expect(eq(i64, in_the_end(&d->delivered, LETTERS - 2), LETTERS - 2));
    cr_expect(eq(i64, in_the_end(&d->settled, FIRST_AWAY - 1), FIRST_AWAY - 1));
    rd_kafka_mock_broker_set_up(cluster, 2);
    wait_for(&d->delivered, LETTERS, "delivered");
    cr_expect(eq(i64, in_the_end(&d->settled, LETTERS), LETTERS));
    cr_expect(eq(i64, in_the_end(&d->unsent, 0), 0));
}

/* The partition moves to another broker and back, in the middle of a stream. */
Test(kafka_two, a_new_leader_goes_on_where_the_old_one_was)
{
    enum { MOVES = 6, EACH = 200 };
    begin(NULL, 0);
    struct seen s = {0};
    for (int i = 0; i < MOVES; i++) {
        produce_deals(0, i * EACH, i * EACH + EACH / 2);
        rd_kafka_mock_partition_set_leader(cluster, "deals", 0, 1 + (i + 1) % 2);
        produce_deals(0, i * EACH + EACH / 2, (i + 1) * EACH);
    }
    take(&s, MOVES * EACH, 4 * PARTITIONS);
    cr_expect(eq(i64, s.applied, MOVES * EACH));
    cr_expect(eq(i64, in_the_end(&consumer_counters(consumer)->gaps, 0), 0));
}

Test(kafka, brokers_that_are_away_are_waited_for)
{
    produce_deals(0, 0, 10);
    rd_kafka_mock_broker_set_down(cluster, 1);
    begin(NULL, 0);
    wait_for(&consumer_counters(consumer)->errors, 1, "errors");
    cr_expect(eq(i64, in_the_end(&consumer_watch_counters(consumer)->connected, 0), 0));
    cr_expect(ring_front(ring) == NULL);
    rd_kafka_mock_broker_set_up(cluster, 1);
    struct seen s = {0};
    take(&s, 10, 0);
    cr_expect(eq(i64, in_the_end(&consumer_watch_counters(consumer)->connected, 1), 1));
    /* and in the middle of the run */
    rd_kafka_mock_broker_set_down(cluster, 1);
    rd_kafka_mock_broker_set_up(cluster, 1);
    produce_deals(0, 10, 20);
    take(&s, 20, 0);
}

Test(kafka, it_stops_while_brokers_are_away)
{
    rd_kafka_mock_broker_set_down(cluster, 1);
    begin(NULL, 0);
    wait_for(&consumer_counters(consumer)->errors, 1, "errors");
    end();
}

/* One topic for two kinds of records, told apart by filters: each message is one event. */
Test(kafka, a_topic_may_feed_several_inputs)
{
    replace(&config->inputs[KIND_LEAD].topic, "deals");
    struct filter_config *filters[] = {&config->inputs[KIND_LEAD].filter, &config->inputs[KIND_DEAL].filter};
    for (int i = 0; i < 2; i++) {
        replace(&filters[i]->pointer, "type");
        filters[i]->values = must_alloc(sizeof *filters[i]->values);
        filters[i]->values[0] = must_strdup(i == 0 ? "lead" : "deal");
        filters[i]->value_count = 1;
    }
    produce("deals", 0, "{\"type\":\"deal\",\"deal_id\":\"1\"}");
    produce("deals", 0, "{\"type\":\"lead\",\"lead_id\":\"1\"}");
    produce("deals", 0, "{\"type\":\"user\"}");
    produced();
    begin(NULL, 0);
    struct seen s = {0};
    take(&s, 3, 0);
    cr_expect(eq(i64, s.applied, 2));
    cr_expect(eq(i64, s.filtered, 1));
    cr_expect(eq(u32, s.slots, 3 * PARTITIONS));
}

Test(kafka, a_wrong_property_is_told_and_not_its_value)
{
    config->kafka.properties = must_alloc(sizeof *config->kafka.properties);
    config->kafka.properties[0] = (struct kafka_property){must_strdup("sasl.pasword"), must_strdup("secret")};
    config->kafka.property_count = 1;
    struct buffer problem;
    buffer_init(&problem);
    cr_expect(consumer_create(config, utc, ring, NULL, NULL, 0, &problem) == NULL);
    cr_expect(strstr(problem.at, "sasl.pasword") != NULL, "%s", problem.at);
    cr_expect(strstr(problem.at, "secret") == NULL, "%s", problem.at);
    buffer_fini(&problem);
}
