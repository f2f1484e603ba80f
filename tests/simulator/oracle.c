#include "tests/simulator/oracle.h"
#include "aggregators/shard.h"
#include "alerts/engine.h"
#include "base/error.h"
#include "base/instant.h"
#include "publishers/publisher.h"
#include "tests/simulator/world.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "kpid:{default}:"

static struct text meta_field(const char *field)
{
    return redis_key_get(redis_model_find(&world.redis, TEXT(PREFIX "meta")), text_of(field));
}

bool oracle_meta(int64_t *out_as_of_us, bool *out_live)
{
    *out_live = text_equal(meta_field("state"), TEXT("live"));
    return instant_parse(meta_field("as_of"), out_as_of_us) == OK;
}

/* ---- what the log says ---- */

/* The offsets that meta names, by partition of the model; 0: nothing of it. False: no such JSON. */
static bool offsets_of(struct text json, int64_t *out)
{
    json_t *topics = json_loadb(json.at, json.len, 0, NULL);
    bool fine = json_is_object(topics);
    for (unsigned p = 0; p < world.kafka.partition_count; p++) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)world.kafka.partitions[p].number);
        out[p] = json_integer_value(json_object_get(json_object_get(topics, world.kafka.partitions[p].topic), number));
    }
    json_decref(topics);
    return fine;
}

static struct shard *fed_shard(const int64_t *offsets, int64_t as_of_us)
{
    struct shard *s = shard_create(world.setting->config, world.setting->calendar);
    for (unsigned i = 0; i < world.kafka.count; i++)
        if (world.kafka.entries[i].offset < offsets[world.kafka.entries[i].partition])
            shard_apply(s, world.kafka.entries[i].event);
    shard_advance(s, as_of_us);
    while (!shard_work(s, 1000))
        ;
    return s;
}

static void publish(const struct snapshot *s)
{
    struct publisher_options options = {.instance = "oracle"};
    struct publisher *p = publisher_create(world.setting->config, &options);
    publisher_step(p, 0, s, NULL);
    publisher_destroy(p);
}

/* ---- the comparison ---- */

/* What says who wrote when, and not what stands. */
static bool is_about_writing(struct text key)
{
    static const struct text beginnings[] = {{PREFIX "meta", sizeof PREFIX + 3},   {PREFIX "fence", sizeof PREFIX + 4},
                                             {PREFIX "index", sizeof PREFIX + 4},  {PREFIX "stage", sizeof PREFIX + 4},
                                             {PREFIX "alerts", sizeof PREFIX + 5}, {PREFIX "lease", sizeof PREFIX + 4}};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (key.len >= beginnings[i].len && memcmp(key.at, beginnings[i].at, beginnings[i].len) == 0)
            return true;
    return false;
}

static bool is_about_change(struct text field)
{
    return text_equal(field, TEXT("as_of")) || text_equal(field, TEXT("seq"));
}

/* Each item of `should` against the one of that name in `is`. */
static void compare_items(const struct redis_key *should, const struct redis_key *is)
{
    struct text key = word_text(should->name);
    for (uint32_t i = 0; i < should->count; i++) {
        struct text name = word_text(should->items[i].name);
        const struct redis_item *item = redis_key_item(is, name);
        if (should->type == REDIS_HASH && is_about_change(name))
            continue;
        if (item == NULL) {
            world_fail("redis lacks %.*s %.*s", (int)key.len, key.at, (int)name.len, name.at);
            return;
        }
        struct text value = redis_key_get(should, name), standing = redis_key_get(is, name);
        if (!text_equal(value, standing)) {
            world_fail("redis has %.*s %.*s = '%.*s', which should be '%.*s'", (int)key.len, key.at, (int)name.len,
                       name.at, (int)standing.len, standing.at, (int)value.len, value.at);
            return;
        }
    }
}

static void find_left_over(const struct redis_key *is, const struct redis_key *should)
{
    struct text key = word_text(is->name);
    for (uint32_t i = 0; i < is->count; i++) {
        struct text name = word_text(is->items[i].name);
        if (redis_key_item(should, name) == NULL) {
            world_fail("redis holds %.*s %.*s, which nothing should have left", (int)key.len, key.at, (int)name.len,
                       name.at);
            return;
        }
    }
}

static void compare_data(void)
{
    struct redis_model *one = &world.redis, *other = &world.oracle_redis;
    for (uint32_t i = 0; i < other->data.count; i++) {
        const struct redis_key *should = &other->data.keys[i];
        struct text name = word_text(should->name);
        bool is_index = text_equal(name, TEXT(PREFIX "index"));
        if (is_about_writing(name) && !is_index)
            continue;
        const struct redis_key *is = redis_model_find(one, name);
        if (is == NULL || is->type != should->type) {
            world_fail("redis lacks %.*s", (int)name.len, name.at);
            return;
        }
        compare_items(should, is);
        if (!is_index) /* it may name more than what stands */
            find_left_over(is, should);
    }
    for (uint32_t i = 0; i < one->data.count; i++) {
        struct text name = word_text(one->data.keys[i].name);
        if (!is_about_writing(name) && redis_model_find(other, name) == NULL) {
            world_fail("redis holds %.*s, which nothing should have left", (int)name.len, name.at);
            return;
        }
    }
}

static struct process oracle_process;

/* The caller ends it by leave(). */
static struct snapshot *enter(const int64_t *offsets, int64_t as_of_us)
{
    process_init(&oracle_process, ORACLE_NUMBER);
    redis_model_fini(&world.oracle_redis);
    redis_model_init(&world.oracle_redis);
    process_now = &oracle_process;
    struct shard *s = fed_shard(offsets, as_of_us);
    struct snapshot *snapshot = snapshot_create();
    shard_cut(s, READER_PUBLISHER, true, snapshot);
    publish(snapshot);
    process_now = NULL;
    return snapshot;
}

static void leave(void)
{
    process_kill(&oracle_process);
}

bool oracle_look(void)
{
    int64_t as_of_us, offsets[PARTITIONS_MAX];
    if (instant_parse(meta_field("as_of"), &as_of_us) != OK || text_equal(meta_field("state"), TEXT("loading")) ||
        !offsets_of(meta_field("offsets"), offsets))
        return false;
    enter(offsets, as_of_us);
    compare_data();
    leave();
    return true;
}

/* ---- alerts ---- */

static bool in_breach(const struct transition *t, size_t count, const char *fingerprint)
{
    for (size_t i = 0; i < count; i++) {
        char text[17];
        snprintf(text, sizeof text, "%016" PRIx64, t[i].fingerprint);
        if (strcmp(text, fingerprint) == 0)
            return true;
    }
    return false;
}

/* The last that a receiver was told of an alert, by its first arrivals. */
static bool last_told(const struct receiver_model *r, const char *fingerprint, struct notice *out)
{
    bool any = false;
    struct notice n;
    for (unsigned i = 0; i < r->count; i++) {
        if (notice_parse(r->keys[i], &n) && strcmp(n.fingerprint, fingerprint) == 0) {
            *out = n;
            any = true;
        }
    }
    return any;
}

/* Firing and resolved take turns, the second by the number and the start of the first: nothing is lost on the way, and
 * nothing is told twice under another key. A process that begins counts anew; so the numbers of what follows are its own. */
static void judge_turns(const struct receiver_model *r, unsigned receiver)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct notice n, before = {.occurrence = 0, .firing = false}, m;
        REQUIRE(notice_parse(r->keys[i], &n));
        for (unsigned j = 0; j < i; j++)
            if (notice_parse(r->keys[j], &m) && strcmp(m.fingerprint, n.fingerprint) == 0)
                before = m;
        bool fits = n.firing ? !before.firing
                             : before.firing && n.occurrence == before.occurrence && n.start_ms == before.start_ms;
        if (!fits) {
            world_fail("receiver %u: %s comes after %s %u: an alert is lost or doubled", receiver, r->keys[i],
                       before.firing ? "firing" : "resolved", before.occurrence);
            return;
        }
    }
}

static void judge_told(const struct receiver_model *r, unsigned receiver, const struct transition *t, size_t count)
{
    struct notice n;
    for (size_t i = 0; i < count; i++) {
        char fingerprint[17];
        snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, t[i].fingerprint);
        if (!last_told(r, fingerprint, &n) || !n.firing) {
            world_fail("receiver %u was not told that '%s' fires for %.*s", receiver, t[i].rule->name,
                       (int)t[i].entity.len, t[i].entity.at);
            return;
        }
    }
    for (unsigned i = 0; i < r->count; i++) {
        if (!notice_parse(r->keys[i], &n))
            continue;
        struct notice last = {.firing = false};
        last_told(r, n.fingerprint, &last);
        if (last.firing && !in_breach(t, count, n.fingerprint)) {
            world_fail("receiver %u was not told that %s is resolved", receiver, n.fingerprint);
            return;
        }
    }
}

/* alerts:active names what was told last. */
static void judge_active(const struct receiver_model *r)
{
    const struct redis_key *active = redis_model_find(&world.redis, TEXT(PREFIX "alerts:active"));
    unsigned firing = 0;
    for (unsigned i = 0; i < r->count; i++) {
        struct notice n, last = {.firing = false};
        char id[40];
        if (!notice_parse(r->keys[i], &n) || !last_told(r, n.fingerprint, &last) || !n.firing || !last.firing ||
            n.occurrence != last.occurrence || n.start_ms != last.start_ms)
            continue;
        firing++;
        snprintf(id, sizeof id, "%s-%u", n.fingerprint, n.occurrence);
        if (redis_key_get(active, text_of(id)).len == 0)
            world_fail("alerts:active lacks %s", id);
    }
    if ((active != NULL ? active->count : 0) != firing)
        world_fail("alerts:active has %u alerts, and %u fire", active != NULL ? active->count : 0, firing);
}

static void judge_alerts(const struct snapshot *s)
{
    process_now = &oracle_process;
    struct engine *e = engine_create(world.setting->config);
    size_t count;
    const struct transition *t = engine_take(e, s, true, &count);
    process_now = NULL;
    for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
        judge_turns(&world.receivers[i], i);
        judge_told(&world.receivers[i], i, t, count);
        judge_active(&world.receivers[i]);
        world.counts.alerts += world.receivers[i].count;
    }
}

void oracle_judge(bool alerts)
{
    int64_t as_of_us, offsets[PARTITIONS_MAX];
    bool live;
    if (!oracle_meta(&as_of_us, &live) || !live || !offsets_of(meta_field("offsets"), offsets)) {
        world_fail("at the end redis has no live numbers");
        return;
    }
    for (unsigned p = 0; p < world.kafka.partition_count; p++)
        if (offsets[p] != world.kafka.partitions[p].end)
            world_fail("at the end meta does not name the end of %s", world.kafka.partitions[p].topic);
    struct snapshot *s = enter(offsets, as_of_us);
    compare_data();
    if (alerts)
        judge_alerts(s);
    leave();
    for (uint32_t i = 0; i < world.redis.data.count; i++) {
        struct text name = word_text(world.redis.data.keys[i].name);
        if (name.len > sizeof PREFIX + 5 && memcmp(name.at, PREFIX "stage:", sizeof PREFIX + 5) == 0)
            world_fail("a staged key is left behind: %.*s", (int)name.len, name.at);
    }
}
