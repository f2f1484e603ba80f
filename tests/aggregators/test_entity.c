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
