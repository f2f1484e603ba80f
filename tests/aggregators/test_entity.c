/* When an entity wakes: at the next instant at which a window that it is shown in changes, and not before. */
#include "tests/support/story.h"

TestSuite(entity, .init = setup, .fini = teardown);

/* The only window that is shown. */
static void show_only(const char *window)
{
    int shown = config_window_find(core.config, text_of(window));
    cr_assert(shown >= 0);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        for (unsigned w = 0; w < core.config->window_count; w++)
            core.config->dimension_windows[d][w] = w == (unsigned)shown;
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
}

static void expect_next(const char *expected)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s); /* whoever looks sets the alarm for the next look */
    core_cut(core.shard, READER_ALERTS, false, s);
    snapshot_destroy(s);
    int64_t next_us = shard_next_change_us(core.shard);
    int64_t expected_us = expected != NULL ? at(expected) : INT64_MAX;
    cr_expect(next_us == expected_us, "%lld, not %s", (long long)next_us, expected != NULL ? expected : "never");
}

static void win(void)
{
    DEAL("D", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CREATED_AT, at("2024-03-20T09:30:00Z")), NUMBER(DEAL_CLOSED_AT, at("2024-03-20T10:00:00Z")));
}

Test(entity, wakes_with_the_period_that_is_shown)
{
    show_only("month");
    win();
    shard_advance(core.shard, at("2024-03-20T10:00:01Z"));
    expect_next("2024-04-01T00:00:00Z");
}

/* The deal was created at half past nine and won at ten. */
Test(entity, wakes_when_a_row_leaves_the_window_and_the_one_before)
{
    show_only("1h");
    win();
    static const char *const instants[] = {"2024-03-20T10:30:00Z", "2024-03-20T11:00:00Z", "2024-03-20T11:30:00Z",
                                           "2024-03-20T12:00:00Z", NULL};
    shard_advance(core.shard, at("2024-03-20T10:00:01Z"));
    for (unsigned i = 0; i < sizeof instants / sizeof *instants; i++) {
        expect_next(instants[i]);
        if (instants[i] != NULL)
            shard_advance(core.shard, at(instants[i]));
    }
}

/* Then yesterday is compared up to an hour less, in which the lead had come. */
Test(entity, wakes_when_clocks_go_back)
{
    core_fini(&core);
    core_init(&core, "Europe/Berlin", 1, 1);
    show_only("today");
    LEAD("L", "2024-10-27T02:50:00+02:00", NUMBER(LEAD_CREATED_AT, at("2024-10-26T02:20:00+02:00")));
    shard_advance(core.shard, at("2024-10-27T02:50:00+02:00"));
    expect_next("2024-10-27T02:00:00+01:00");
}

Test(entity, sleeps_where_nothing_can_change)
{
    show_only("all");
    win();
    shard_advance(core.shard, at("2024-03-20T10:00:01Z"));
    expect_next(NULL);
}

Test(entity, wakes_for_what_is_still_ahead)
{
    show_only("all");
    win();
    DEAL("E", "2024-03-20T10:00:00Z", NUMBER(DEAL_CREATED_AT, at("2024-03-22T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T10:00:01Z"));
    expect_next("2024-03-22T00:00:00Z");
}

/* Whether the next snapshot of everything says that something stands for it; -1: it is not in it. */
static int stands(enum dimension d, const char *name)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    size_t i = core_find(s, d, name);
    int found = i < snapshot_entity_count(s) ? snapshot_entity_stands(s, i) : -1;
    snapshot_destroy(s);
    return found;
}

Test(entity, stands_while_a_record_counts_for_it)
{
    cr_expect(stands(DIMENSION_MANAGER, "Anna") == -1);
    DEAL("D", "2024-03-20T10:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(FIELD_REGION, "North"),
         NUMBER(DEAL_CREATED_AT, at("2024-03-20T09:30:00Z")));
    shard_advance(core.shard, at("2024-03-21T00:00:00Z"));
    cr_expect(stands(DIMENSION_MANAGER, "Anna") == 1 && stands(DIMENSION_COMPANY, "all") == 1);
    shard_advance(core.shard, at("2034-03-21T00:00:00Z"));
    cr_expect(stands(DIMENSION_MANAGER, "Anna") == 1, "it happened, however long ago");
    DEAL("D", "2024-03-20T11:00:00Z", NAME(FIELD_MANAGER, "Boris"));
    cr_expect(stands(DIMENSION_MANAGER, "Anna") == 0 && stands(DIMENSION_MANAGER, "Boris") == 1);
    apply(make_deletion(KIND_DEAL, "D", at("2024-03-20T12:00:00Z")));
    cr_expect(stands(DIMENSION_MANAGER, "Boris") == 0 && stands(DIMENSION_REGION, "North") == 0 &&
              stands(DIMENSION_COMPANY, "all") == 0);
}

Test(entity, stands_for_its_target_and_its_row)
{
    config_add_input(core.config, KIND_TARGET);
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
    apply(make_event(KIND_TARGET, "T", at("2024-03-01T00:00:00Z"),
                     (struct given[]){NUMBER(TARGET_DIMENSION, DIMENSION_REGION), NAME(TARGET_ENTITY, "North"),
                                      NAME(TARGET_KPI, "leads_created"), NUMBER(TARGET_PERIOD, PERIOD_MONTH),
                                      NUMBER(TARGET_VALUE, UNITS(3)),
                                      NUMBER(TARGET_STARTS_ON, at("2024-03-01T00:00:00Z") / DAY), END}));
    apply(make_event(KIND_MEMBER, "M", at("2024-03-01T00:00:00Z"),
                     (struct given[]){NAME(MEMBER_MANAGER, "Anna"), NAME(MEMBER_TEAM, "South"),
                                      NUMBER(MEMBER_STARTS_AT, at("2024-03-02T00:00:00Z")), END}));
    shard_advance(core.shard, at("2024-03-01T12:00:00Z"));
    cr_expect(stands(DIMENSION_REGION, "North") == 1);
    cr_expect(stands(DIMENSION_MANAGER, "Anna") == 0, "her row is of tomorrow");
    shard_advance(core.shard, at("2024-03-02T12:00:00Z"));
    cr_expect(stands(DIMENSION_MANAGER, "Anna") == 1 && stands(DIMENSION_TEAM, "South") <= 0);
    apply(make_deletion(KIND_TARGET, "T", at("2024-03-03T00:00:00Z")));
    apply(make_deletion(KIND_MEMBER, "M", at("2024-03-03T00:00:00Z")));
    cr_expect(stands(DIMENSION_REGION, "North") == 0 && stands(DIMENSION_MANAGER, "Anna") == 0);
}
