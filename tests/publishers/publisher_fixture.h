/* publisher_fixture.h - a shard, a publisher and a real Redis, stepped by hand. For tests/publishers only. */
#pragma once
#include "base/error.h"
#include "base/instant.h"
#include "publishers/publisher.h"
#include "tests/support/core.h"
#include "tests/support/redis_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-03-05T12:00:00Z, a Thursday. */
#define NOW_US (INT64_C(1772712000) * SECOND)

/* What differs between two publishers of the same state. */
static const char *const OWN_KEYS[] = {"}:meta", "}:fence", "}:lease", NULL};

/* A connection of its own, beside whatever publisher there is. */
static inline struct redis *fixture_connect(struct redis_server *server)
{
    struct config *config = config_default();
    free(config->redis.host);
    config->redis.host = must_strdup("127.0.0.1");
    config->redis.port = redis_server_port(server);
    config->redis.timeout_ms = 60000; /* never reached by a test that passes */
    struct redis_failure failure = {0};
    struct redis *redis = redis_open(&config->redis, &failure);
    REQUIRE(redis != NULL);
    config_destroy(config);
    return redis;
}

struct fixture {
    struct core core;
    struct redis_server *server;
    struct publisher *publisher;
    struct snapshot *snapshot;
    int64_t clock_us; /* the publisher's */
    int64_t events;   /* made so far: each is newer than those before */
    int64_t offset;   /* of the next event in the one partition */
};

__attribute__((unused)) static void fixture_point_at(struct fixture *f, int port)
{
    f->core.config->redis.port = port;
}

/* The lease of one that has ended without a word is over: nobody waits for the clock of Redis. */
__attribute__((unused)) static void fixture_end_lease(const struct fixture *f)
{
    freeReplyObject(redis_ask(f->server, "DEL kpid:{default}:lease"));
}

/* A new process in the place of the one before, which was killed. */
__attribute__((unused)) static void fixture_publisher(struct fixture *f, const char *instance, bool reset_fence)
{
    if (f->publisher != NULL)
        fixture_end_lease(f);
    publisher_destroy(f->publisher);
    f->publisher =
        publisher_create(f->core.config, &(struct publisher_options){.instance = instance, .reset_fence = reset_fence});
}

/* Which topic and partition the shard's only slot is, and that its end was seen. */
__attribute__((unused)) static void fixture_note(struct fixture *f, enum event_fate fate, const char *topic)
{
    core_note(f->core.shard, fate, 0, fate == EVENT_SLOT ? 0 : f->offset, topic);
}

__attribute__((unused)) static void fixture_shard(struct fixture *f)
{
    shard_destroy(f->core.shard);
    f->core.shard = shard_create(f->core.config, f->core.calendar);
    f->offset = 0;
    fixture_note(f, EVENT_SLOT, "deals");
    shard_advance(f->core.shard, NOW_US);
}

/* server NULL: one is started. */
__attribute__((unused)) static void fixture_init(struct fixture *f, struct redis_server *server)
{
    memset(f, 0, sizeof *f);
    core_init(&f->core, "UTC", 1, 1);
    struct config *c = f->core.config;
    for (unsigned w = 0; w < c->window_count; w++)
        c->publish.boards.window[w] = strcmp(c->windows[w].name, "month") == 0;
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        c->publish.boards.dimension[d] = d == DIMENSION_MANAGER;
    for (unsigned k = 0; k < KPI_COUNT; k++)
        c->publish.boards.kpi[k] = k == KPI_SALES_VOLUME || k == KPI_WIN_RATE;
    f->server = server != NULL ? server : redis_server_start(0, NULL, NULL);
    free(c->redis.host);
    c->redis.host = must_strdup("127.0.0.1");
    c->redis.timeout_ms = 60000; /* never reached by a test that passes */
    c->redis.lease_ms = 600000;  /* nor is its end; of the publisher's own clock a test may let as much pass */
    fixture_point_at(f, redis_server_port(f->server));
    f->snapshot = snapshot_create();
    f->clock_us = 1;
    fixture_shard(f);
    fixture_publisher(f, "test", false);
}

__attribute__((unused)) static void fixture_fini(struct fixture *f)
{
    publisher_destroy(f->publisher);
    snapshot_destroy(f->snapshot);
    redis_server_stop(f->server);
    core_fini(&f->core);
}

/* A deal of a manager in a team, won or lost at that time; amount in whole units. */
__attribute__((unused)) static void fixture_deal(struct fixture *f, const char *id, const char *manager,
                                                 const char *team, const char *stage, int64_t amount, int64_t closed_us)
{
    struct given fields[] = {NAME(DEAL_STAGE, stage),
                             NUMBER(DEAL_AMOUNT, amount * MICRO),
                             NUMBER(DEAL_CREATED_AT, closed_us - 2 * HOUR),
                             NUMBER(DEAL_CLOSED_AT, closed_us),
                             manager != NULL ? NAME(FIELD_MANAGER, manager) : CLEARED(FIELD_MANAGER),
                             team[0] != '\0' ? NAME(FIELD_TEAM, team) : CLEARED(FIELD_TEAM),
                             END};
    struct event *e = make_event(KIND_DEAL, id, NOW_US - DAY + f->events++ * SECOND, fields);
    e->offset = f->offset++;
    shard_apply(f->core.shard, e);
    free(e);
}

/* A row of the organisation. */
__attribute__((unused)) static void fixture_member(struct fixture *f, const char *id, const struct given *fields)
{
    struct event *e = make_event(KIND_MEMBER, id, NOW_US - DAY + f->events++ * SECOND, fields);
    e->offset = f->offset++;
    shard_apply(f->core.shard, e);
    free(e);
}

__attribute__((unused)) static void fixture_delete(struct fixture *f, const char *id)
{
    struct event *e = make_deletion(KIND_DEAL, id, NOW_US - DAY + f->events++ * SECOND);
    e->offset = f->offset++;
    shard_apply(f->core.shard, e);
    free(e);
}

/* One step with what changed, or with everything where the publisher asks for it. */
__attribute__((unused)) static void fixture_step(struct fixture *f)
{
    core_cut(f->core.shard, READER_PUBLISHER, publisher_wants_everything(f->publisher), f->snapshot);
    publisher_step(f->publisher, f->clock_us, f->snapshot, NULL);
}

/* Steps until the publisher says that Redis is as the shard; waits out its pauses by moving its clock. */
__attribute__((unused)) static void fixture_settle(struct fixture *f)
{
    struct publisher_status status;
    for (int i = 0; i < 50; i++) {
        fixture_step(f);
        publisher_status(f->publisher, &status);
        if (status.state == PUBLISHER_CURRENT)
            return;
        f->clock_us += 10 * SECOND;
    }
    REQUIRE(!"the publisher never settled");
}

__attribute__((unused)) static struct publisher_status fixture_status(const struct fixture *f)
{
    struct publisher_status status;
    publisher_status(f->publisher, &status);
    return status;
}

/* A field of a hash below the namespace; "" where there is none. The text lasts until the fifth call after. */
__attribute__((unused)) static const char *fixture_field(const struct fixture *f, const char *suffix, const char *field)
{
    static char texts[5][4096];
    static unsigned next;
    char *out = texts[next++ % 5];
    char key[512];
    snprintf(key, sizeof key, "kpid:{default}:%s", suffix);
    redis_ask_text(f->server, out, sizeof texts[0], "HGET %s %s", key, field);
    return out;
}

/* What another publisher writes of the same shard into an empty Redis. The caller frees it. */
__attribute__((unused)) static char *fixture_ideal(struct fixture *f)
{
    struct redis_server *server = redis_server_start(0, NULL, NULL);
    int port = f->core.config->redis.port;
    int64_t max_atomic = f->core.config->publish.max_atomic;
    fixture_point_at(f, redis_server_port(server));
    f->core.config->publish.max_atomic = 1000000;
    struct publisher *p = publisher_create(f->core.config, &(struct publisher_options){.instance = "ideal"});
    struct snapshot *s = snapshot_create();
    core_cut(f->core.shard, READER_ALERTS, true, s); /* leaves what changed for our own publisher */
    publisher_step(p, 1, s, NULL);
    publisher_step(p, 2, s, NULL);
    char *dump = redis_dump(server, OWN_KEYS);
    snapshot_destroy(s);
    publisher_destroy(p);
    redis_server_stop(server);
    f->core.config->redis.port = port;
    f->core.config->publish.max_atomic = max_atomic;
    return dump;
}
