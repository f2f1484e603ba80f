/* One cut: within a snapshot each dimension's entities add up to the company, and a team to its managers. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
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

Test(one_cut, managers_add_up_to_their_team_and_to_the_company)
{
    struct random r = {random_seed(11)};
    struct core core;
    core_init(&core, "UTC", 1, 1);
    const int64_t from_us = INT64_C(1709000000) * SECOND;
    struct event_list events = {0};
    struct history_options o = {
        .from_us = from_us, .span_us = 20 * DAY, .count = 2000, .records = 60, .all_owned = true};
    make_history(&events, &r, &o);
    struct snapshot *s = snapshot_create();
    int compared = 0;
    for (size_t i = 0; i < events.count; i++) {
        shard_apply(core.shard, events.at[i]);
        if (i % 100 != 0)
            continue;
        shard_advance(core.shard, from_us + (int64_t)i * 20 * MINUTE);
        core_cut(core.shard, READER_PUBLISHER, true, s);
        for (unsigned w = 0; w < core.config->window_count; w++) {
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
            cr_assert(same(&company, &managers) && same(&company, &teams), "window %s", core.config->windows[w].name);
            cr_assert(same(&north, &anna_and_boris), "window %s", core.config->windows[w].name);
            compared++;
        }
    }
    cr_assert(compared > 100);
    snapshot_destroy(s);
    event_list_fini(&events);
    core_fini(&core);
}

/* A snapshot names the offsets that it reflects. */
Test(one_cut, a_snapshot_names_its_offsets)
{
    struct core core;
    core_init(&core, "UTC", 1, 1);
    _Alignas(8) char memory[EVENT_SIZE_MAX];
    event_note(memory, EVENT_SLOT, 0, 3, TEXT("deals"));
    cr_assert(shard_apply(core.shard, (struct event *)(void *)memory) == OUTCOME_NOTE);
    struct event *deal = make_event(KIND_DEAL, "D1", SECOND, (struct given[]){NAME(FIELD_MANAGER, "Anna"), END});
    deal->offset = 41;
    shard_apply(core.shard, deal);
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s);
    cr_assert(snapshot_position_count(s) == 1);
    struct snapshot_position p = snapshot_position(s, 0);
    cr_assert(text_equal(p.topic, TEXT("deals")) && p.partition == 3 && p.offset == 42 && !p.ended);
    cr_assert(!snapshot_is_live(s));
    event_note(memory, EVENT_END, 0, 44, TEXT(""));
    shard_apply(core.shard, (struct event *)(void *)memory);
    core_cut(core.shard, READER_PUBLISHER, false, s);
    cr_assert(snapshot_position(s, 0).offset == 44 && snapshot_is_live(s));
    cr_assert(shard_accounts(core.shard)->read == 1);
    snapshot_destroy(s);
    free(deal);
    core_fini(&core);
}
