/* Confluent: the same set of events in any order, with any repetition, ends in the same values. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/dump.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <stdio.h>

static void end_of(const struct core *core, const struct event_list *events, int64_t now_us, struct buffer *out)
{
    struct shard *shard = core_twin(core, events, events->count, now_us);
    dump_shard(out, core->config, shard, READER_PUBLISHER);
    shard_destroy(shard);
}

/* Time moves, some of what has changed is settled and snapshots are cut in the middle of it: none leaves a trace. */
static void end_of_interrupted(const struct core *core, const struct event_list *events, int64_t now_us,
                               struct random *r, struct buffer *out)
{
    struct shard *shard = shard_create(core->config, core->calendar);
    struct snapshot *s = snapshot_create();
    for (size_t i = 0; i < events->count; i++) {
        shard_apply(shard, events->at[i]);
        if (random_chance(r, 20))
            shard_apply(shard, events->at[random_below(r, (int64_t)i + 1)]);
        if (random_chance(r, 30))
            shard_settle(shard, (uint32_t)random_below(r, 5));
        if (random_chance(r, 10)) {
            shard_advance(shard, now_us - random_below(r, 40 * DAY));
            core_cut(shard, READER_PUBLISHER, random_chance(r, 50), s);
        }
    }
    shard_advance(shard, now_us);
    dump_shard(out, core->config, shard, READER_PUBLISHER);
    snapshot_destroy(s);
    shard_destroy(shard);
}

struct trial {
    const struct core *core;
    int64_t now_us;
    uint64_t seed; /* of the orders */
};

static bool ends_the_same(void *context, const struct event_list *events)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    struct event_list mixed = {0};
    for (size_t i = 0; i < events->count; i++)
        event_list_add(&mixed, event_part(events->at[i], events->at[i]->carried, events->at[i]->stamp.minor));
    struct buffer expected, actual;
    buffer_init(&expected);
    buffer_init(&actual);
    end_of(t->core, events, t->now_us, &expected);
    bool same = true;
    for (int order = 0; same && order < 5; order++) {
        event_list_shuffle(&mixed, &r);
        buffer_clear(&actual);
        end_of_interrupted(t->core, &mixed, t->now_us, &r, &actual);
        same = text_equal(buffer_view(&expected), buffer_view(&actual));
    }
    buffer_fini(&expected);
    buffer_fini(&actual);
    event_list_fini(&mixed);
    return same;
}

/* By default, with closed books, and with deals that stay with whom they had: what is derived from a history of its own
 * must not depend on the order in which that came either. */
Test(confluent, any_order_any_repetition_any_cuts_end_in_the_same_values)
{
    uint64_t seed = random_seed(7);
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct core core;
    core_init(&core, "Europe/Berlin", 1, 1);
    const int64_t from_us = INT64_C(1709000000) * SECOND;
    for (unsigned v = 0; v < CORE_VARIANTS; v++) {
        struct random r = {seed};
        char name[32];
        snprintf(name, sizeof name, "confluent-%s", core_variants[v].name);
        core_vary(&core, &core_variants[v]);
        for (int round = 0, rounds = random_rounds(20); round < rounds; round++) {
            struct event_list events = {0};
            struct history_options o = {.from_us = from_us, .span_us = 40 * DAY, .count = 400, .records = 15};
            make_history(&events, &r, &o);
            struct trial trial = {&core, from_us + random_below(&r, 60) * DAY, random_next(&r)};
            struct law law = {name, ends_the_same, NULL, &trial};
            cr_assert(law_check(&law, &events, &core, trial.now_us), "%s, round %d", name, round);
            event_list_fini(&events);
        }
    }
    core_fini(&core);
}

/* A record whose every event was outvoted by a deletion is as if it had never been. */
Test(confluent, a_deletion_after_everything_leaves_no_trace)
{
    struct random r = {random_seed(8)};
    struct core core;
    core_init(&core, "UTC", 1, 1);
    const int64_t from_us = INT64_C(1709000000) * SECOND;
    struct event_list events = {0};
    struct history_options o = {.from_us = from_us, .span_us = 40 * DAY, .count = 600, .records = 15};
    make_history(&events, &r, &o);
    for (unsigned k = 0; k < KIND_TARGET; k++) {
        for (int i = 0; i < o.records; i++) {
            char key[32];
            snprintf(key, sizeof key, "%c%d", "LDPFRM"[k], i);
            event_list_add(&events, make_deletion((enum record_kind)k, key, from_us + 41 * DAY));
        }
    }
    event_list_shuffle(&events, &r);
    struct buffer actual;
    buffer_init(&actual);
    end_of(&core, &events, from_us + 30 * DAY, &actual);
    for (size_t at = 0; at < actual.len;) {
        size_t end = at;
        while (actual.at[end] != '\n')
            end++;
        cr_assert(actual.at[end - 1] == '0' && actual.at[end - 2] == ' ', "%.*s", (int)(end - at), actual.at + at);
        at = end + 1;
    }
    buffer_fini(&actual);
    event_list_fini(&events);
    core_fini(&core);
}
