/* One cut: within a snapshot each dimension's entities add up to the company, and a team to its managers. */
#include "aggregators/entity.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/dump.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct sums *to, const struct sums *s)
{
    for (unsigned m = 0; m < MEASURE_ADDED_COUNT; m++)
        to->at[m] += s->at[m];
}

static bool same(const struct sums *a, const struct sums *b)
{
    return memcmp(a->at, b->at, MEASURE_ADDED_COUNT * sizeof *a->at) == 0;
}

#define FROM_US (INT64_C(1709000000) * SECOND)

/* Of each window: the managers and the teams are the company, and Anna and Boris are North. */
static bool adds_up(const struct core *core, const struct snapshot *s)
{
    bool adds = true;
    for (unsigned w = 0; adds && w < core->config->window_count; w++) {
        struct sums company = {{0}}, managers = {{0}}, teams = {{0}}, north = {{0}}, anna_and_boris = {{0}};
        for (size_t e = 0; e < snapshot_entity_count(s); e++) {
            struct sums current, previous;
            struct text name = snapshot_entity_name(s, e);
            snapshot_sums(s, e, w, &current, &previous);
            switch (snapshot_entity_dimension(s, e)) {
            case DIMENSION_COMPANY: add(&company, &current); break;
            case DIMENSION_MANAGER:
                add(&managers, &current);
                if (text_equal(name, TEXT("Anna")) || text_equal(name, TEXT("Boris")))
                    add(&anna_and_boris, &current);
                break;
            case DIMENSION_TEAM:
                add(&teams, &current);
                if (text_equal(name, TEXT("North")))
                    add(&north, &current);
                break;
            default: break;
            }
        }
        adds = same(&company, &managers) && same(&company, &teams) && same(&north, &anna_and_boris);
        if (!adds)
            fprintf(stderr, "window %s\n", core->config->windows[w].name);
    }
    return adds;
}

static bool every_cut_adds_up(void *context, const struct event_list *events)
{
    const struct core *core = context;
    struct shard *shard = shard_create(core->config, core->calendar);
    struct snapshot *s = snapshot_create();
    bool adds = true;
    for (size_t i = 0; adds && i < events->count; i++) {
        shard_apply(shard, events->at[i]);
        /* Its number in the whole history: it is cut at the same instants when some events are left out. */
        int64_t number = events->at[i]->occurred_at_us % SECOND;
        if (number % 100 != 0 && i + 1 < events->count)
            continue;
        shard_advance(shard, FROM_US + number * 20 * MINUTE);
        core_cut(shard, READER_PUBLISHER, true, s);
        adds = adds_up(core, s);
    }
    snapshot_destroy(s);
    shard_destroy(shard);
    return adds;
}

Test(one_cut, managers_add_up_to_their_team_and_to_the_company)
{
    uint64_t seed = random_seed(11);
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct core core;
    core_init(&core, "UTC", 1, 1);
    for (unsigned v = 0; v < CORE_VARIANTS; v++) {
        struct random r = {seed};
        if (core_variants[v].entities_max > 0)
            continue; /* the others are of no one team */
        core_vary(&core, &core_variants[v]);
        for (int round = 0, rounds = random_rounds(2); round < rounds; round++) {
            struct event_list events = {0};
            struct history_options o = {
                .from_us = FROM_US, .span_us = 20 * DAY, .count = 2000, .records = 60, .all_owned = true};
            make_history(&events, &r, &o);
            struct law law = {"one-cut", every_cut_adds_up, NULL, &core};
            cr_assert(law_check(&law, &events, &core, FROM_US + 28 * DAY), "%s, round %d", core_variants[v].name,
                      round);
            event_list_fini(&events);
        }
    }
    core_fini(&core);
}

/* Cuts in slices: a number of events between two of them. */
struct slices {
    const struct core *core;
    uint64_t seed;
    int64_t from_us;
};

static void apply_all(struct shard *shard, const struct event_list *events, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        shard_apply(shard, events->at[i]);
}

/* Say the same of every entity that they show. */
static bool same_text(const struct core *core, const struct snapshot *a, const struct snapshot *b)
{
    struct buffer x, y;
    buffer_init(&x);
    buffer_init(&y);
    dump_snapshot(&x, core->config, a);
    dump_snapshot(&y, core->config, b);
    bool same = text_equal(buffer_view(&x), buffer_view(&y));
    buffer_fini(&x);
    buffer_fini(&y);
    return same;
}

/* And hold the same entities after the same messages. */
static bool same_cut(const struct core *core, const struct snapshot *a, const struct snapshot *b)
{
    bool same = same_text(core, a, b) &&
                memcmp(snapshot_accounts(a), snapshot_accounts(b), sizeof(struct accounts)) == 0 &&
                snapshot_entity_count(a) == snapshot_entity_count(b);
    for (size_t e = 0; same && e < snapshot_entity_count(a); e++)
        same = text_equal(snapshot_entity_name(a, e), snapshot_entity_name(b, e)) &&
               snapshot_entity_dimension(a, e) == snapshot_entity_dimension(b, e) &&
               snapshot_entity_stands(a, e) == snapshot_entity_stands(b, e);
    return same;
}

/* One shard cuts at once, and then takes in what the other takes in between its slices, or while another thread makes its cut; both
 * must say the same. */
static bool slices_are_of_one_instant(void *context, const struct event_list *events)
{
    const struct slices *slices = context;
    const struct core *core = slices->core;
    struct random r = {slices->seed};
    struct shard *at_once = shard_create(core->config, core->calendar),
                 *sliced = shard_create(core->config, core->calendar);
    struct snapshot *a = snapshot_create(), *b = snapshot_create();
    bool same = true;
    for (size_t i = 0; same && i < events->count;) {
        size_t until = i + 1 + (size_t)random_below(&r, 40);
        until = until < events->count ? until : events->count;
        apply_all(at_once, events, i, until);
        apply_all(sliced, events, i, until);
        i = until;
        int64_t now_us = FROM_US + (int64_t)i * 20 * MINUTE;
        shard_advance(at_once, now_us);
        shard_advance(sliced, now_us);
        shard_drop_quiet(sliced, (uint32_t)random_below(&r, 6));
        core_work_off(at_once);
        core_work_off(sliced);
        bool everything = random_chance(&r, 10);
        enum reader reader = random_chance(&r, 30) ? READER_ALERTS : READER_PUBLISHER;
        shard_cut(at_once, reader, everything, a);
        shard_cut_begin(sliced, reader, everything, b);
        /* How far another thread has come is nobody's choice: what is drawn must not depend on it. */
        bool aside = random_chance(&r, 50) && shard_cut_aside(sliced, NULL, NULL);
        uint64_t rounds = random_below(&r, 8);
        while (aside ? rounds-- > 0 : !shard_cut_step(sliced, (unsigned)random_below(&r, 4))) {
            until = i + (size_t)random_below(&r, 3);
            until = until < events->count ? until : events->count;
            apply_all(sliced, events, i, until);
            apply_all(at_once, events, i, until);
            /* Entities change while others are still to be copied. In both, since what comes and goes between two
             * settlements is no change. */
            uint32_t budget = random_chance(&r, 50) ? UINT32_MAX : (uint32_t)random_below(&r, 4);
            if (random_chance(&r, 50)) {
                shard_settle(sliced, budget);
                shard_settle(at_once, budget);
            }
            i = until;
        }
        if (aside)
            cr_assert(shard_cut_step(sliced, UINT32_MAX));
        snapshot_sort(b);
        same = same_cut(core, a, b);
    }
    snapshot_destroy(a);
    snapshot_destroy(b);
    shard_destroy(at_once);
    shard_destroy(sliced);
    return same;
}

/* The law holds in all variants, for histories of each span in turn. */
static void check_law(const char *name, bool (*holds)(void *context, const struct event_list *events), const char *zone,
                      uint64_t seed, int records, const int64_t spans_us[3])
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct core core;
    core_init(&core, zone, 1, 1);
    for (unsigned v = 0; v < CORE_VARIANTS; v++) {
        struct random r = {seed};
        core_vary(&core, &core_variants[v]);
        for (int round = 0, rounds = random_rounds(3); round < rounds; round++) {
            struct event_list events = {0};
            struct history_options o = {
                .from_us = FROM_US, .span_us = spans_us[round % 3], .count = 2000, .records = records};
            make_history(&events, &r, &o);
            struct slices slices = {&core, random_next(&r), FROM_US + o.span_us / 2};
            struct law law = {name, holds, NULL, &slices};
            cr_assert(law_check(&law, &events, &core, FROM_US + 28 * DAY), "%s, round %d", core_variants[v].name,
                      round);
            event_list_fini(&events);
        }
    }
    core_fini(&core);
}

Test(one_cut, slices_are_of_one_instant)
{
    static const int64_t spans_us[] = {20 * DAY, 20 * DAY, 20 * DAY};
    check_law("slices", slices_are_of_one_instant, "UTC", random_seed(12), 60, spans_us);
}

/* Mostly some milliseconds or seconds, so that entities are cut again and again; now and then over many edges, to just before a
 * midnight or a quarter of an hour, or to where an edge passes over what has come. */
static int64_t later(struct random *r, int64_t now_us)
{
    int64_t chance = random_below(r, 1000), quarter_us = 15 * MINUTE;
    if (chance < 3)
        return now_us + random_below(r, 2 * DAY);
    if (chance < 6)
        return now_us - now_us % DAY + DAY - random_below(r, 3) * SECOND - 1;
    if (chance < 20)
        return now_us - now_us % quarter_us + quarter_us - random_below(r, 3) * SECOND - 1;
    if (chance < 50)
        return now_us + random_below(r, 15 * MINUTE);
    return now_us + random_below(r, chance < 500 ? 5 * SECOND : 100 * MILLISECOND);
}

static bool same_dump(const struct core *core, struct shard *goes_on, struct snapshot *from_scratch, enum reader r)
{
    struct snapshot *s = snapshot_create();
    core_cut(goes_on, r, true, s);
    bool same = same_text(core, s, from_scratch);
    snapshot_destroy(s);
    return same;
}

/* Of a reader, by (entity, window): the hash of sums in the last snapshot with the entity, and one of the sums themselves. */
struct seen_sums {
    struct {
        uint64_t hash, sums;
        bool any;
    } * at;
    uint32_t room;
};

/* Where the hash is the last one, so are the sums. */
static bool hashes_hold(struct seen_sums *seen, const struct core *core, const struct snapshot *s)
{
    bool hold = true;
    unsigned windows = (unsigned)core->config->window_count;
    for (size_t e = 0; e < snapshot_entity_count(s); e++) {
        for (unsigned w = 0; w < windows; w++) {
            struct sums sums[2];
            uint32_t at = snapshot_entity_id(s, e) * windows + w;
            snapshot_sums(s, e, w, &sums[0], &sums[1]);
            sums[0].at[MEASURE_WAITING_AGE_US] = 0;
            uint64_t of_sums = text_hash((struct text){(const char *)sums, sizeof sums});
            uint64_t hash = snapshot_sums_hash(s, e, w);
            seen->at = must_grow(seen->at, &seen->room, at, sizeof *seen->at);
            hold = hold && (!seen->at[at].any || seen->at[at].hash != hash || seen->at[at].sums == of_sums);
            seen->at[at].hash = hash;
            seen->at[at].sums = of_sums;
            seen->at[at].any = true;
        }
    }
    return hold;
}

/* A shard that is cut all the time says what one says that never was before; also where what it has kept is of no use for a while. */
static bool goes_on_as_from_scratch(void *context, const struct event_list *events)
{
    const struct slices *slices = context;
    const struct core *core = slices->core;
    struct random r = {slices->seed};
    struct shard *shard = shard_create(core->config, core->calendar);
    struct snapshot *s = snapshot_create();
    struct seen_sums seen[READER_COUNT] = {{0}};
    int64_t now_us = slices->from_us;
    bool same = true, falls_behind = random_chance(&r, 50);
    if (falls_behind)
        core_note(shard, EVENT_SLOT, 0, 0, "events");
    for (size_t i = 0; same && i < events->count;) {
        size_t until = i + (size_t)random_below(&r, 6);
        until = until < events->count ? until : events->count;
        apply_all(shard, events, i, until);
        if (falls_behind && random_chance(&r, 10))
            core_note(shard, random_chance(&r, 70) ? EVENT_END : EVENT_BEHIND, 0, 0, "");
        i = until;
        now_us = later(&r, now_us);
        shard_advance(shard, now_us);
        shard_drop_quiet(shard, (uint32_t)random_below(&r, 6));
        core_work_off(shard);
        enum reader reader = random_chance(&r, 20) ? READER_ALERTS : READER_PUBLISHER;
        core_cut(shard, reader, random_chance(&r, 5), s);
        same = hashes_hold(&seen[reader], core, s);
        if (!same) {
            fprintf(stderr, "the same hash of other sums\n");
            break;
        }
        if (!random_chance(&r, 20) && i < events->count)
            continue;
        struct shard *twin = core_twin(core, events, i, now_us);
        core_cut(twin, READER_PUBLISHER, true, s);
        same = same_dump(core, shard, s, random_chance(&r, 50) ? READER_ALERTS : READER_PUBLISHER);
        shard_destroy(twin);
    }
    for (int reader = 0; reader < READER_COUNT; reader++)
        free(seen[reader].at);
    snapshot_destroy(s);
    shard_destroy(shard);
    return same;
}

Test(one_cut, goes_on_as_from_scratch)
{
    static const int64_t spans_us[] = {30 * MINUTE, 6 * HOUR, 3 * DAY};
    check_law("goes-on", goes_on_as_from_scratch, "Europe/Berlin", random_seed(13), 300, spans_us);
}

/* A lead that was contacted where the windows' edges are about to pass, or have just passed. */
static struct event *make_at_an_edge(const struct core *core, const struct shard *shard, struct random *r, int number,
                                     int64_t now_us)
{
    struct window_span s = shard_span(shard, (unsigned)random_below(r, core->config->window_count));
    int64_t within_us = random_chance(r, 50) ? 20 * SECOND : 20 * MINUTE;
    int64_t edges_us[] = {s.from_us, s.to_us, s.previous_from_us, s.previous_to_us};
    int64_t edge_us = edges_us[random_below(r, s.has_previous ? 4 : 2)];
    int64_t at_us = (edge_us == INT64_MIN ? now_us : edge_us) + random_below(r, 2 * within_us) - within_us;
    char key[16], manager[16];
    snprintf(key, sizeof key, "L%d", number);
    int latest = number / 20 % 50; /* some in a row, so that what it adds up to is kept */
    snprintf(manager, sizeof manager, "M%d", random_chance(r, 50) ? latest : (int)random_below(r, latest + 1));
    return make_event(KIND_LEAD, key, now_us,
                      (struct given[]){NAME(FIELD_MANAGER, manager),
                                       NUMBER(LEAD_CREATED_AT, at_us - random_below(r, 3) * 10 * MINUTE),
                                       NUMBER(LEAD_FIRST_CONTACT_AT, at_us), END});
}

/* A cut of the shard, in the middle of which the event comes and is derived, says what the snapshot does. */
static bool same_around(const struct core *core, struct snapshot *from_scratch, const struct event *e)
{
    struct snapshot *s = snapshot_create();
    core_work_off(core->shard);
    shard_cut_begin(core->shard, READER_PUBLISHER, true, s);
    bool done = shard_cut_step(core->shard, 1);
    shard_apply(core->shard, e);
    if (!done) {
        shard_settle(core->shard, UINT32_MAX);
        shard_cut_step(core->shard, UINT32_MAX);
    }
    snapshot_sort(s);
    bool same = same_text(core, s, from_scratch);
    snapshot_destroy(s);
    return same;
}

/* What has come goes over edges, and edges over what has come, all the time, and now and then those of quarters of an hour and of
 * periods; `begin`: a local time. */
static void go_over_edges(const char *zone, const char *begin, const struct core_variant *v, uint64_t seed)
{
    struct core core;
    struct random r = {seed};
    struct event_list events = {0};
    struct snapshot *s = snapshot_create();
    int64_t now_us;
    cr_assert(instant_parse(text_of(begin), &now_us) == OK);
    core_init(&core, zone, 1, 1);
    core_vary(&core, v);
    for (unsigned w = 0; w < core.config->window_count; w += 3)
        core.config->dimension_windows[DIMENSION_MANAGER][w] = false;
    for (int i = 0, steps = 1000 * random_rounds(1); i < steps; i++) {
        bool jumps = random_chance(&r, 1);
        int64_t edge_us = random_chance(&r, 70) ? now_us - now_us % (15 * MINUTE) + 15 * MINUTE
                                                : calendar_period_start(core.calendar, PERIOD_DAY, now_us, 1);
        now_us =
            jumps && edge_us - 20 * SECOND > now_us ? edge_us - 20 * SECOND : now_us + random_below(&r, 4 * SECOND);
        shard_advance(core.shard, now_us);
        shard_drop_quiet(core.shard, (uint32_t)random_below(&r, 6));
        if (random_chance(&r, 30)) {
            event_list_add(&events, make_at_an_edge(&core, core.shard, &r, i, now_us));
            shard_apply(core.shard, events.at[events.count - 1]);
        }
        core_cut(core.shard, random_chance(&r, 20) ? READER_ALERTS : READER_PUBLISHER, random_chance(&r, 20), s);
        if (!random_chance(&r, 10))
            continue;
        struct shard *twin = core_twin(&core, &events, events.count, now_us);
        core_cut(twin, READER_PUBLISHER, true, s);
        event_list_add(&events, make_at_an_edge(&core, core.shard, &r, steps + i, now_us));
        cr_assert(same_around(&core, s, events.at[events.count - 1]), "SEED=%llu, %s, step %d",
                  (unsigned long long)seed, begin, i);
        shard_destroy(twin);
    }
    snapshot_destroy(s);
    event_list_fini(&events);
    core_fini(&core);
}

Test(one_cut, goes_on_over_edges)
{
    uint64_t seed = random_seed(14);
    for (unsigned round = 0; round < 4; round++) {
        const struct core_variant *v = &core_variants[round % 2 == 0 ? 0 : CORE_VARIANTS - 1]; /* and few entities */
        go_over_edges("Europe/Berlin", "2024-06-30T23:40:00+02:00", v, seed + round);
        go_over_edges("Europe/Berlin", "2024-03-31T01:40:00+01:00", v, seed + round); /* clocks go forward */
        go_over_edges("Europe/Berlin", "2024-10-27T02:40:00+02:00", v, seed + round); /* and back */
    }
}

static struct event *make_lead(const char *key, int64_t now_us, int64_t created_us)
{
    return make_event(KIND_LEAD, key, now_us,
                      (struct given[]){NAME(FIELD_MANAGER, "Anna"), NUMBER(LEAD_CREATED_AT, created_us),
                                       NUMBER(LEAD_FIRST_CONTACT_AT, created_us), END});
}

/* Anna, whose leads are long ago, is told of one more seconds before it changes sides. */
static void changes_sides(const char *row, const char *instant)
{
    static const char *const keys[] = {"L0", "L1", "L2", "L3"};
    enum { LEADS = sizeof keys / sizeof *keys };
    struct core core;
    struct event_list events = {0};
    struct snapshot *s = snapshot_create();
    int64_t row_us, at_us;
    cr_assert(instant_parse(text_of(row), &row_us) == OK && instant_parse(text_of(instant), &at_us) == OK);
    core_init(&core, "Europe/Berlin", 1, 1);
    for (unsigned i = 0; i <= LEADS; i++) {
        int64_t now_us = at_us + ((int64_t)i - LEADS) * SECOND;
        if (i < LEADS) {
            event_list_add(&events, make_lead(keys[i], now_us, i + 1 < LEADS ? row_us - 3000 * DAY : row_us));
            shard_apply(core.shard, events.at[i]);
        }
        shard_advance(core.shard, now_us);
        core_cut(core.shard, READER_PUBLISHER, false, s);
    }
    struct shard *twin = core_twin(&core, &events, LEADS, at_us);
    core_cut(twin, READER_PUBLISHER, true, s);
    cr_expect(same_dump(&core, core.shard, s, READER_PUBLISHER), "%s at %s", row, instant);
    shard_destroy(twin);
    snapshot_destroy(s);
    event_list_fini(&events);
    core_fini(&core);
}

Test(one_cut, what_has_just_come_changes_sides)
{
    changes_sides("2024-06-10T10:00:00+02:00", "2024-06-11T00:00:00+02:00"); /* today is yesterday */
    changes_sides("2024-06-09T12:05:00+02:00", "2024-06-10T12:15:00+02:00"); /* so much of yesterday is compared */
    changes_sides("2024-10-26T02:20:00+02:00", "2024-10-27T02:00:00+01:00"); /* and less, as clocks go back */
    changes_sides("2024-06-10T11:00:15+02:00", "2024-06-10T12:00:10+02:00"); /* out of the hour */
    changes_sides("2024-06-10T10:00:15+02:00", "2024-06-10T12:00:10+02:00"); /* and of the one before */
    changes_sides("2024-06-10T12:00:00+02:00", "2024-06-10T12:00:00+02:00"); /* it lay ahead */
}

/* Bytes that are neither rows nor what an entity is without any. */
static uint64_t kept_bytes(const struct memory_use *m, enum dimension d)
{
    return m->entities[d].bytes - m->trees[d].bytes - (uint64_t)m->entities[d].count * sizeof(struct entity);
}

/* Who has very many rows keeps what cuts ask for from the first one on, and goes on from there after hours of nothing as well; who has
 * few does not. */
Test(one_cut, who_has_very_many_rows_goes_on_after_hours)
{
    enum { MANY = 70000, FEW = 500 };
    struct core core;
    struct event_list events = {0};
    struct snapshot *s = snapshot_create();
    char key[16];
    core_init(&core, "UTC", 1, 1);
    int64_t now_us = FROM_US + 2 * DAY;
    enum { MANY_KEEP = 50000, FEW_KEEP = 500 };
    for (int i = 0; i < MANY + FEW; i++) {
        snprintf(key, sizeof key, "L%d", i);
        int64_t at_us = i < MANY ? FROM_US + i * (DAY / MANY) : now_us - (i - MANY) * MINUTE;
        event_list_add(&events,
                       make_event(KIND_LEAD, key, now_us,
                                  (struct given[]){NAME(FIELD_MANAGER, i < MANY ? "Anna" : "Ben"),
                                                   i < MANY ? NAME(FIELD_TEAM, "North") : NAME(FIELD_PRODUCT, "Hat"),
                                                   NUMBER(LEAD_CREATED_AT, at_us - i % 977 * SECOND),
                                                   NUMBER(LEAD_FIRST_CONTACT_AT, at_us), END}));
    }
    apply_all(core.shard, &events, 0, MANY + FEW);
    shard_advance(core.shard, now_us);
    core_cut(core.shard, READER_PUBLISHER, true, s);
    struct memory_use before, after;
    shard_memory(core.shard, &before);
    cr_expect_gt(kept_bytes(&before, DIMENSION_TEAM), (uint64_t)MANY_KEEP);
    cr_expect_lt(kept_bytes(&before, DIMENSION_PRODUCT), (uint64_t)FEW_KEEP);
    for (int hours = 1; hours <= 30; hours += 14) {
        now_us += hours * HOUR;
        shard_advance(core.shard, now_us);
        struct shard *twin = core_twin(&core, &events, MANY + FEW, now_us);
        core_cut(twin, READER_PUBLISHER, true, s);
        cr_expect(same_dump(&core, core.shard, s, READER_PUBLISHER), "after %d hours", hours);
        shard_destroy(twin);
    }
    shard_memory(core.shard, &after);
    cr_expect_gt(kept_bytes(&after, DIMENSION_TEAM), (uint64_t)MANY_KEEP);
    cr_expect_lt(kept_bytes(&after, DIMENSION_PRODUCT), (uint64_t)FEW_KEEP);
    snapshot_destroy(s);
    event_list_fini(&events);
    core_fini(&core);
}

/* What an event tells several entities at once, here a target, is not in a cut that has begun before it. */
Test(one_cut, a_target_in_between_is_not_in_it)
{
    struct core core;
    core_init(&core, "UTC", 1, 1);
    struct event *deal = make_event(
        KIND_DEAL, "D1", FROM_US, (struct given[]){NAME(FIELD_MANAGER, "Anna"), NUMBER(DEAL_CREATED_AT, FROM_US), END});
    int64_t february;
    cr_assert(date_parse(TEXT("2024-02-01"), &february) == OK);
    struct event *target =
        make_event(KIND_TARGET, "T1", FROM_US,
                   (struct given[]){NUMBER(TARGET_DIMENSION, DIMENSION_MANAGER), NAME(TARGET_ENTITY, "Anna"),
                                    NAME(TARGET_KPI, "deals_won"), NUMBER(TARGET_PERIOD, PERIOD_MONTH),
                                    NUMBER(TARGET_VALUE, 5 * MICRO), NUMBER(TARGET_STARTS_ON, february), END});
    shard_apply(core.shard, deal);
    shard_advance(core.shard, FROM_US + DAY);
    core_work_off(core.shard);
    struct snapshot *s = snapshot_create();
    shard_cut_begin(core.shard, READER_PUBLISHER, true, s);
    shard_apply(core.shard, target);
    cr_assert(shard_is_cutting(core.shard) && shard_cut_step(core.shard, 1) && !shard_is_cutting(core.shard));
    snapshot_sort(s);
    size_t anna = core_find(s, DIMENSION_MANAGER, "Anna");
    cr_assert(anna < snapshot_entity_count(s) && snapshot_target_count(s, anna) == 0);
    core_cut(core.shard, READER_PUBLISHER, true, s);
    cr_assert(snapshot_target_count(s, core_find(s, DIMENSION_MANAGER, "Anna")) > 0, "the next one has it");
    snapshot_destroy(s);
    free(deal);
    free(target);
    core_fini(&core);
}

static void count(void *whom)
{
    counter_add(whom, 1);
}

/* Of so many managers, one each. The last argument may be END. */
static void tell_deals(struct shard *shard, int managers, int64_t at_us, struct given more)
{
    char key[32], name[32];
    for (int i = 0; i < managers; i++) {
        snprintf(key, sizeof key, "D%d", i);
        snprintf(name, sizeof name, "manager %d", i);
        struct event *deal =
            make_event(KIND_DEAL, key, at_us,
                       (struct given[]){NAME(FIELD_MANAGER, name), NUMBER(DEAL_CREATED_AT, FROM_US), more, END});
        shard_apply(shard, deal);
        free(deal);
    }
}

/* Nor where another thread makes the cut; and that one tells when it is done. */
Test(one_cut, a_cut_aside_is_of_its_begin)
{
    struct core core;
    core_init(&core, "UTC", 1, 1);
    enum { MANAGERS = 5000 }; /* and as many more, beyond what the first list of pages names */
    tell_deals(core.shard, MANAGERS, FROM_US, END);
    shard_advance(core.shard, FROM_US + DAY);
    core_work_off(core.shard);
    struct snapshot *s = snapshot_create();
    struct counter told = {0};
    shard_cut_begin(core.shard, READER_PUBLISHER, true, s);
    cr_assert(shard_cut_left(core.shard) == MANAGERS + 1);
    cr_assert(shard_cut_aside(core.shard, count, &told));
    cr_assert(shard_is_cutting(core.shard) && shard_cut_is_aside(core.shard));
    /* Others come, and those that there are sell, while it is made: names, records and what is noted of them. */
    tell_deals(core.shard, 2 * MANAGERS, FROM_US + HOUR, NAME(DEAL_STAGE, "won"));
    while (!shard_cut_step(core.shard, 1))
        sched_yield();
    cr_assert(!shard_is_cutting(core.shard) && !shard_cut_is_aside(core.shard));
    snapshot_sort(s);
    struct sums now, before;
    int all = config_window_find(core.config, TEXT("all"));
    cr_assert(snapshot_entity_count(s) == MANAGERS + 1);
    for (size_t e = 0; e < MANAGERS + 1; e++) {
        snapshot_sums(s, e, (unsigned)all, &now, &before);
        cr_assert(now.at[MEASURE_WON] == 0 && now.at[MEASURE_OPEN] > 0, "%zu", e);
    }
    core_cut(core.shard, READER_PUBLISHER, false, s);
    cr_assert(snapshot_entity_count(s) == 2 * MANAGERS + 1, "the next one has all of that");
    snapshot_destroy(s);
    core_fini(&core); /* from here on nobody is told */
    cr_assert(counter_get(&told) == 1);
}

/* A snapshot names the offsets that it reflects. */
Test(one_cut, a_snapshot_names_its_offsets)
{
    struct core core;
    core_init(&core, "UTC", 1, 1);
    cr_assert(core_note(core.shard, EVENT_SLOT, 0, 3, "deals") == OUTCOME_NOTE);
    struct event *deal = make_event(KIND_DEAL, "D1", SECOND, (struct given[]){NAME(FIELD_MANAGER, "Anna"), END});
    deal->offset = 41;
    shard_apply(core.shard, deal);
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s);
    cr_assert(snapshot_position_count(s) == 1);
    struct snapshot_position p = snapshot_position(s, 0);
    cr_assert(text_equal(p.topic, TEXT("deals")) && p.partition == 3 && p.offset == 42 && !p.ended);
    cr_assert(!snapshot_is_live(s));
    core_note(core.shard, EVENT_END, 0, 44, "");
    core_cut(core.shard, READER_PUBLISHER, false, s);
    cr_assert(snapshot_position(s, 0).offset == 44 && snapshot_is_live(s));
    cr_assert(shard_accounts(core.shard)->read == 1);
    snapshot_destroy(s);
    free(deal);
    core_fini(&core);
}
