/* bench_traffic.c - what is sent to Redis in a tick, and what it costs Redis, by how many managers have an event in it.
 *
 * A floor of 10,000 managers in 100 teams, the default windows and boards, filled with sixty days of deals and payments. In each
 * tick so many managers have an event each, by turns a deal won and a payment; they, their teams and the company are cut and published to
 * a real Redis. Bytes are those that Redis says it has received, its time is its process's; the publisher's is this one's, for
 * rendering and sending.
 *
 * At the end what stands in Redis is compared with what one publish of everything, to an empty Redis, leaves there: each
 * field of each key but as_of and seq.
 *
 * bench/traffic.py starts the server. Usage: bench_traffic REDIS_PORT [MANAGERS]... */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "bench/sales_floor.h"
#include "publishers/publisher.h"
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANAGERS = 10000, TEAMS = 100, FILL = 400000, WARM_UP = 3, TICKS = 40, PIPELINED = 500 };

#define TICK_US        (100 * MILLISECOND)
#define FILL_US        (60 * DAY)
/* What Redis receives beside the commands that the publisher counts: the look at the fence, and our questions. */
#define LOOK_BYTES_MAX 400

struct bench {
    struct sales_floor floor;
    struct config *config;
    struct calendar *calendar;
    struct shard *shard;
    struct snapshot *snapshot;
    struct publisher *publisher;
    redisContext *redis;
    int64_t number, now_us;
};

/* Of Redis, since it started. */
struct costs {
    int64_t bytes, cpu_us, exec_us;
};

static redisReply *ask(struct bench *b, const char *command)
{
    redisReply *reply = redisCommand(b->redis, command);
    REQUIRE(reply != NULL && reply->type != REDIS_REPLY_ERROR);
    return reply;
}

static double number_behind(const char *info, const char *name)
{
    const char *at = strstr(info, name);
    return at != NULL ? strtod(at + strlen(name), NULL) : 0;
}

static struct costs costs(struct bench *b)
{
    redisReply *reply = ask(b, "INFO everything");
    struct costs c = {
        .bytes = (int64_t)number_behind(reply->str, "total_net_input_bytes:"),
        .cpu_us =
            (int64_t)(1e6 * (number_behind(reply->str, "used_cpu_user:") + number_behind(reply->str, "used_cpu_sys:"))),
        .exec_us = (int64_t)number_behind(strstr(reply->str, "cmdstat_exec:"), "usec="),
    };
    freeReplyObject(reply);
    return c;
}

static struct publisher_status status(const struct bench *b)
{
    struct publisher_status s;
    publisher_status(b->publisher, &s);
    return s;
}

/* Claims and writes everything. */
static void fill(struct bench *b)
{
    publisher_destroy(b->publisher);
    redisReply *flushed = ask(b, "FLUSHALL");
    freeReplyObject(flushed);
    b->publisher = publisher_create(b->config, &(struct publisher_options){.instance = "bench"});
    shard_cut(b->shard, READER_PUBLISHER, true, b->snapshot);
    snapshot_sort(b->snapshot);
    for (int i = 0; i < 10 && status(b).state != PUBLISHER_CURRENT; i++)
        publisher_step(b->publisher, clock_monotonic_us(), b->snapshot, NULL);
    REQUIRE(status(b).state == PUBLISHER_CURRENT);
}

static void begin(struct bench *b, int port)
{
    *b = (struct bench){.floor = {.managers = MANAGERS, .teams = TEAMS}, .now_us = FLOOR_UNTIL_US};
    b->config = config_default();
    b->config->redis.port = port;
    b->config->redis.timeout_ms = 30000;
    b->calendar = calendar_create("UTC", 1, 1);
    b->shard = shard_create(b->config, b->calendar);
    b->snapshot = snapshot_create();
    b->redis = redisConnect("127.0.0.1", port);
    REQUIRE(b->redis != NULL && b->redis->err == 0);
    sales_floor_open(b->shard);
    for (; b->number < FILL; b->number++)
        shard_apply(b->shard,
                    sales_floor_live(&b->floor, b->number, FLOOR_UNTIL_US - FILL_US + b->number * (FILL_US / FILL)));
    shard_advance(b->shard, b->now_us);
    fill(b);
}

static void end(struct bench *b)
{
    redisFree(b->redis);
    publisher_destroy(b->publisher);
    snapshot_destroy(b->snapshot);
    shard_destroy(b->shard);
    calendar_destroy(b->calendar);
    config_destroy(b->config);
}

static void change(struct bench *b, int64_t managers)
{
    b->now_us += TICK_US;
    for (int64_t i = 0; i < managers; i++, b->number++)
        shard_apply(b->shard, sales_floor_live(&b->floor, b->number, b->now_us - b->number % TICK_US));
    shard_advance(b->shard, b->now_us);
    while (!shard_work(b->shard, UINT32_MAX))
        ;
    shard_cut(b->shard, READER_PUBLISHER, false, b->snapshot);
    snapshot_sort(b->snapshot);
}

static void measure(struct bench *b, int64_t managers)
{
    int64_t entities = 0, own_us = 0;
    struct costs before = {0};
    struct publisher_status from = {0};
    b->number += MANAGERS - b->number % MANAGERS; /* from where so many events in a row are of different managers */
    for (int tick = -WARM_UP; tick < TICKS; tick++) {
        if (tick == 0) {
            before = costs(b);
            from = status(b);
            entities = own_us = 0;
        }
        change(b, managers);
        int64_t from_us = clock_cpu_us();
        publisher_step(b->publisher, clock_monotonic_us(), b->snapshot, NULL);
        own_us += clock_cpu_us() - from_us;
        REQUIRE(status(b).state == PUBLISHER_CURRENT);
        entities += (int64_t)snapshot_entity_count(b->snapshot);
    }
    struct costs after = costs(b);
    struct publisher_status to = status(b);
    int64_t bytes = after.bytes - before.bytes, keys = to.keys - from.keys;
    int64_t counted = to.bytes - from.bytes;
    REQUIRE(bytes >= counted && bytes <= counted + counted / 100 + TICKS * (int64_t)LOOK_BYTES_MAX);
    printf("%8" PRId64 " %9.0f %9.0f %12.0f %12.0f %9.0f %12.1f %12.1f %14.1f\n", managers, (double)entities / TICKS,
           (double)keys / TICKS, (double)bytes / TICKS, (double)bytes / (double)entities, (double)bytes / (double)keys,
           (double)(after.cpu_us - before.cpu_us) / (double)entities,
           (double)(after.exec_us - before.exec_us) / (double)entities, (double)own_us / (double)entities);
    fflush(stdout);
}

/* --- what stands --- */

static uint64_t hash_of(const redisReply *r, uint64_t seed)
{
    return seed * UINT64_C(0x9e3779b97f4a7c15) ^ text_hash((struct text){r->str, r->len});
}

/* The same for the same fields in whatever order. */
static uint64_t hash_of_fields(const redisReply *key, const redisReply *fields)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i];
        if (strcmp(name->str, "as_of") != 0 && strcmp(name->str, "seq") != 0)
            sum += hash_of(fields->element[i + 1], hash_of(name, hash_of(key, 1)));
    }
    return sum;
}

static uint64_t hash_of_all(struct bench *b, size_t *out_keys)
{
    uint64_t sum = 0;
    redisReply *keys = ask(b, "SMEMBERS kpid:{default}:index");
    for (size_t done = 0; done < keys->elements;) {
        size_t first = done, last = done + PIPELINED < keys->elements ? done + PIPELINED : keys->elements;
        for (; done < last; done++) {
            const redisReply *key = keys->element[done];
            const char *command = strncmp(key->str, "board:", 6) == 0      ? "ZRANGE kpid:{default}:%b 0 -1 WITHSCORES"
                                  : strncmp(key->str, "entities:", 9) == 0 ? "SORT kpid:{default}:%b ALPHA"
                                                                           : "HGETALL kpid:{default}:%b";
            redisAppendCommand(b->redis, command, key->str, key->len);
        }
        for (size_t i = first; i < last; i++) {
            redisReply *fields = NULL;
            REQUIRE(redisGetReply(b->redis, (void **)&fields) == REDIS_OK && fields->type == REDIS_REPLY_ARRAY);
            REQUIRE(fields->elements > 0);
            sum += hash_of_fields(keys->element[i], fields);
            freeReplyObject(fields);
        }
    }
    *out_keys = keys->elements;
    freeReplyObject(keys);
    return sum;
}

static void verify(struct bench *b)
{
    size_t keys, keys_at_once;
    uint64_t stands = hash_of_all(b, &keys);
    fill(b);
    uint64_t at_once = hash_of_all(b, &keys_at_once);
    if (stands != at_once || keys != keys_at_once) {
        fprintf(stderr, "bench_traffic: what stands in Redis is not what one publish of everything leaves there\n");
        exit(1);
    }
    printf("what stands in Redis, %zu keys, is what one publish of everything leaves there\n", keys);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {1, 10, 100, 1000};
    if (argc < 2) {
        fprintf(stderr, "usage: bench_traffic REDIS_PORT [MANAGERS]...\n");
        return 64;
    }
    log_setup(LOG_LOGFMT, LOG_WARNING);
    struct bench b;
    begin(&b, (int)strtol(argv[1], NULL, 10));
    printf("%8s %9s %9s %12s %12s %9s %12s %12s %14s\n", "", "", "", "bytes", "bytes", "bytes", "Redis, us",
           "its EXEC, us", "kpid, us");
    printf("%8s %9s %9s %12s %12s %9s %12s %12s %14s\n", "managers", "entities", "keys", "a tick", "an entity", "a key",
           "an entity", "an entity", "an entity");
    for (int i = 2; i < argc; i++)
        measure(&b, strtoll(argv[i], NULL, 10));
    for (size_t i = 0; argc < 3 && i < sizeof usual / sizeof *usual; i++)
        measure(&b, usual[i]);
    verify(&b);
    end(&b);
    return 0;
}
