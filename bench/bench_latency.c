/* bench_latency.c - from an event produced to its number in Redis, beside a bare librdkafka consumer of the same topic.
 *
 * An open loop: when an event is sent is set beforehand by its number and the rate, and its age counts from that instant
 * whatever came between, so that a stall that delays sending is in the figures of all that it delayed. Most events change
 * deals of a floor of 50 managers; every 50 ms one is a probe, a deal won by a manager of its own. A subscriber to
 * kpid's updates reads that manager's deals_won after each publish: n says that the first n probes are visible. A consumer
 * with the daemon's fetch settings sees the same probes come from Kafka, and the producer when the broker says that it has them:
 * what lies before that is no consumer's.
 *
 * bench/latency.py starts the servers and kpid. Usage:
 *     bench_latency BROKERS REDIS_PORT TOPIC RATE SECONDS FETCH_WAIT_MS
 * prints one JSON line. The probes of the first five seconds warm up (Kafka compiles itself) and are not counted. */
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/instant.h"
#include "bench/rounds.h"
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { PROBES_MAX = 20000, FLOOR_DEALS = 20000, MANAGERS = 50, PARTITIONS_MAX = 64, PATIENCE_S = 60 };

#define PROBE_EVERY_US (50 * MILLISECOND)
#define WARM_UP_US     (5 * SECOND)

static struct {
    const char *brokers, *topic, *fetch_wait_ms;
    int redis_port;
    int64_t rate, probes, events;
    int64_t begin_us; /* monotonic: when event 0 is due */
    /* by number of the probe, monotonic; each written by one thread and read when all have ended */
    int64_t due_us[PROBES_MAX], stored_us[PROBES_MAX], consumed_us[PROBES_MAX], visible_us[PROBES_MAX];
    struct counter consumed, visible;
    struct flag stop;
    struct counter refused; /* messages that Kafka did not take */
} bench;

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "bench_latency: %s: %s\n", name, why);
        exit(1);
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[512];
    set(conf, "bootstrap.servers", bench.brokers);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk == NULL) {
        fprintf(stderr, "bench_latency: %s\n", why);
        exit(1);
    }
    return rk;
}

static void sleep_until(int64_t us)
{
    struct timespec t = {.tv_sec = us / SECOND, .tv_nsec = us % SECOND * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

/* --- producing --- */

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        counter_add(&bench.refused, 1);
    else if (m->_private != NULL)
        *(int64_t *)m->_private = clock_monotonic_us();
}

/* *out_stored, unless NULL, becomes the instant at which the broker's answer was seen. */
static void put(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *key, const char *value, size_t len,
                int64_t *out_stored)
{
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value, len, key,
                            strlen(key), out_stored) != 0)
        rd_kafka_poll(rk, 1); /* its queue is full: the delay is in the figures */
}

static void send_probe(rd_kafka_t *rk, rd_kafka_topic_t *topic, int64_t number, int64_t begin_wall_us)
{
    char key[32], value[256];
    int64_t due_us = number * PROBE_EVERY_US;
    bench.due_us[number] = bench.begin_us + due_us;
    snprintf(key, sizeof key, "probe-%05" PRId64, number);
    int len = snprintf(
        value, sizeof value,
        "{\"deal_id\":\"%s\",\"manager_id\":\"probe\",\"stage\":\"won\",\"amount\":\"1.00\",\"created_at\":%" PRId64
        ",\"closed_at\":%" PRId64 "}",
        key, begin_wall_us / MILLISECOND, (begin_wall_us + due_us) / MILLISECOND);
    put(rk, topic, key, value, (size_t)len, &bench.stored_us[number]);
}

static void send_other(rd_kafka_t *rk, rd_kafka_topic_t *topic, int64_t number, int64_t begin_wall_us)
{
    static const char *const stages[] = {"prospecting", "engaging", "negotiation", "won"};
    char key[32], value[256];
    int deal = (int)(number % FLOOR_DEALS), owner = deal % MANAGERS;
    snprintf(key, sizeof key, "deal-%05d", deal);
    int len = snprintf(value, sizeof value,
                       "{\"deal_id\":\"%s\",\"manager_id\":\"manager-%d\",\"team_id\":\"team-%d\",\"region\":\"EMEA\","
                       "\"stage\":\"%s\",\"amount\":\"%d.%02d\",\"created_at\":%" PRId64 "}",
                       key, owner, owner % 5, stages[number / FLOOR_DEALS % 4], 100 + (int)(number % 9973),
                       (int)(number % 97), begin_wall_us / MILLISECOND - 86400000);
    put(rk, topic, key, value, (size_t)len, NULL);
}

static void *produce(void *ready)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "acks", "1");
    set(conf, "linger.ms", "1");
    set(conf, "queue.buffering.max.messages", "2000000");
    set(conf, "queue.buffering.max.kbytes", "1048576");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, bench.topic, NULL);
    const struct rd_kafka_metadata *metadata; /* so that the first event finds its partitions known */
    REQUIRE(rd_kafka_metadata(rk, 0, topic, &metadata, 30000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_metadata_destroy(metadata);
    bench.begin_us = clock_monotonic_us() + 100 * MILLISECOND;
    int64_t begin_wall_us = clock_now_us() + 100 * MILLISECOND, others = 0;
    flag_set(ready);
    for (int64_t probe = 0; probe < bench.probes; probe++) {
        /* Up to the probe all others that are due by then, each at its instant as far as a sleep can tell them apart. */
        int64_t until_us = probe * PROBE_EVERY_US, wanted = until_us * bench.rate / SECOND - probe;
        while (others < wanted) {
            int64_t elapsed_us = clock_monotonic_us() - bench.begin_us;
            int64_t due = elapsed_us * bench.rate / SECOND - probe;
            for (due = due < wanted ? due : wanted; others < due; others++)
                send_other(rk, topic, others, begin_wall_us);
            rd_kafka_poll(rk, 0);
            if (others < wanted)
                sleep_until(bench.begin_us + (elapsed_us / 500 + 1) * 500);
        }
        sleep_until(bench.begin_us + until_us);
        send_probe(rk, topic, probe, begin_wall_us);
        rd_kafka_poll(rk, 0);
    }
    bench.events = others + bench.probes;
    rd_kafka_flush(rk, PATIENCE_S * 1000);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return NULL;
}

/* --- Kafka's own part --- */

static void consumed(rd_kafka_message_t *m, void *opaque)
{
    (void)opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR || m->key_len != strlen("probe-00000") || memcmp(m->key, "probe-", 6) != 0)
        return;
    int64_t number = strtoll((const char *)m->key + 6, NULL, 10);
    if (number < bench.probes && bench.consumed_us[number] == 0) {
        bench.consumed_us[number] = clock_monotonic_us();
        counter_add(&bench.consumed, 1);
    }
}

/* As kpid's consumer fetches: consumers/kafka.c, make_client. */
static void *consume(void *ready)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", "bench-latency");
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.min.messages", "1000000");
    set(conf, "queued.max.messages.kbytes", "16384");
    set(conf, "fetch.wait.max.ms", bench.fetch_wait_ms);
    set(conf, "fetch.min.bytes", "262144");
    set(conf, "fetch.max.bytes", "4194304");
    set(conf, "isolation.level", "read_committed");
    set(conf, "check.crcs", "true");
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS_MAX);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, bench.topic, NULL);
    const struct rd_kafka_metadata *metadata;
    REQUIRE(rd_kafka_metadata(rk, 0, topic, &metadata, 30000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
        int64_t low, high;
        REQUIRE(rd_kafka_query_watermark_offsets(rk, bench.topic, i, &low, &high, 30000) == RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_topic_partition_list_add(list, bench.topic, i)->offset = high;
    }
    rd_kafka_metadata_destroy(metadata);
    REQUIRE(rd_kafka_assign(rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    flag_set(ready);
    while (!flag_get(&bench.stop))
        rd_kafka_consume_callback_queue(queue, 100, consumed, NULL);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return NULL;
}

/* --- what readers of Redis see --- */

static redisContext *redis(void)
{
    redisContext *c = redisConnect("127.0.0.1", bench.redis_port);
    REQUIRE(c != NULL && c->err == 0);
    return c;
}

static int64_t deals_won(redisContext *c)
{
    redisReply *reply = redisCommand(c, "HGET kpid:{default}:kpi:manager:all:probe deals_won");
    REQUIRE(reply != NULL);
    int64_t n = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return n;
}

static void *watch(void *ready)
{
    redisContext *updates = redis(), *reader = redis();
    redisReply *reply = redisCommand(updates, "SUBSCRIBE kpid:{default}:updates");
    REQUIRE(reply != NULL);
    freeReplyObject(reply);
    struct timeval brief = {.tv_usec = 200000};
    redisSetTimeout(updates, brief);
    flag_set(ready);
    int64_t seen = 0;
    while (!flag_get(&bench.stop)) {
        reply = NULL;
        if (redisGetReply(updates, (void **)&reply) == REDIS_OK)
            freeReplyObject(reply);
        else if (updates->err == REDIS_ERR_IO) { /* nothing for so long */
            updates->err = 0;
            updates->errstr[0] = '\0';
        } else {
            fprintf(stderr, "bench_latency: redis: %s\n", updates->errstr);
            exit(1);
        }
        int64_t n = deals_won(reader), now_us = clock_monotonic_us();
        for (; seen < n && seen < bench.probes; seen++)
            bench.visible_us[seen] = now_us;
        counter_set(&bench.visible, seen);
    }
    redisFree(updates);
    redisFree(reader);
    return NULL;
}

/* --- figures --- */

static void print_slices(const char *name, struct slices *s)
{
    printf(",\"%s\":{\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}", name, (double)slices_quantile(s, 5000) / 1000,
           (double)slices_quantile(s, 9900) / 1000, (double)slices_quantile(s, 10000) / 1000);
}

/* Returns when it is where its work begins. */
static void start(pthread_t *thread, void *(*body)(void *))
{
    struct flag ready = {false};
    REQUIRE(pthread_create(thread, NULL, body, &ready) == 0);
    while (!flag_get(&ready))
        sleep_until(clock_monotonic_us() + MILLISECOND);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_latency BROKERS REDIS_PORT TOPIC RATE SECONDS FETCH_WAIT_MS\n");
        return 64;
    }
    bench.brokers = argv[1];
    bench.redis_port = (int)strtol(argv[2], NULL, 10);
    bench.topic = argv[3];
    bench.rate = strtoll(argv[4], NULL, 10);
    bench.probes = strtoll(argv[5], NULL, 10) * SECOND / PROBE_EVERY_US;
    bench.fetch_wait_ms = argv[6];
    REQUIRE(bench.rate > SECOND / PROBE_EVERY_US && bench.probes > 0 && bench.probes <= PROBES_MAX);
    pthread_t producer, consumer, watcher;
    start(&watcher, watch);
    start(&consumer, consume);
    start(&producer, produce);
    pthread_join(producer, NULL);
    int64_t sent_us = clock_monotonic_us();
    while ((counter_get(&bench.consumed) < bench.probes || counter_get(&bench.visible) < bench.probes) &&
           clock_monotonic_us() < sent_us + PATIENCE_S * SECOND)
        sleep_until(clock_monotonic_us() + 10 * MILLISECOND);
    flag_set(&bench.stop);
    pthread_join(consumer, NULL);
    pthread_join(watcher, NULL);

    struct slices stored = {0}, kafka = {0}, kpid = {0}, own = {0};
    int64_t lost = 0;
    for (int64_t i = WARM_UP_US / PROBE_EVERY_US; i < bench.probes; i++) {
        if (bench.stored_us[i] == 0 || bench.consumed_us[i] == 0 || bench.visible_us[i] == 0) {
            lost++;
            continue;
        }
        slices_add(&stored, bench.stored_us[i] - bench.due_us[i]);
        slices_add(&kafka, bench.consumed_us[i] - bench.due_us[i]);
        slices_add(&kpid, bench.visible_us[i] - bench.due_us[i]);
        slices_add(&own, bench.visible_us[i] - bench.consumed_us[i]);
    }
    double seconds = (double)(bench.probes * PROBE_EVERY_US) / (double)SECOND;
    printf("{\"rate\":%" PRId64 ",\"sent_a_second\":%.0f,\"probes\":%zu,\"lost\":%" PRId64 ",\"refused\":%" PRId64,
           bench.rate, (double)bench.events / seconds, kpid.count, lost, counter_get(&bench.refused));
    print_slices("stored", &stored);
    print_slices("kafka", &kafka);
    print_slices("redis", &kpid);
    print_slices("difference", &own);
    printf("}\n");
    slices_fini(&stored);
    slices_fini(&kafka);
    slices_fini(&kpid);
    slices_fini(&own);
    return 0;
}
