/* What follows from events and from time is derived when somebody asks, once for all events of a record; however it is sliced,
 * the same stands in the end. */
#include "tests/support/dump.h"
#include "tests/support/random.h"
#include "tests/support/story.h"
#include <stdio.h>

TestSuite(settle, .init = setup, .fini = teardown);

static bool has_changes(void)
{
    return shard_has_changes(core.shard, READER_PUBLISHER);
}

/* Takes all changes, so that from here on only new ones are. */
static void cut(void)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s);
    snapshot_destroy(s);
    cr_assert(!has_changes() && shard_is_settled(core.shard));
}

Test(settle, an_event_waits_and_a_repeat_does_not)
{
    DEAL("D1", "2024-03-01T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(5)));
    cr_expect(!shard_is_settled(core.shard) && shard_unsettled(core.shard) == 1);
    DEAL("D1", "2024-03-02T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(6)));
    cr_expect(shard_unsettled(core.shard) == 1, "once, however many events it had");
    cr_expect(shard_records(core.shard, KIND_DEAL) == 1, "it is counted at once");
    shard_advance(core.shard, at("2024-03-03T00:00:00Z"));
    cut();
    company("month", "sales_volume", "6.00");
    cr_expect(DEAL("D1", "2024-03-02T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(6))) == OUTCOME_DUPLICATE);
    cr_expect(shard_is_settled(core.shard) && !has_changes());
    cr_expect(DEAL("D1", "2024-03-01T12:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(1))) == OUTCOME_SUPERSEDED);
    cr_expect(shard_is_settled(core.shard) && !has_changes());
}

/* What comes and goes between two looks has changed nothing. */
Test(settle, there_and_back_is_no_change)
{
    DEAL("D1", "2024-03-01T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(5)));
    shard_advance(core.shard, at("2024-03-03T00:00:00Z"));
    cut();
    DEAL("D1", "2024-03-03T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(7)));
    DEAL("D1", "2024-03-03T11:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(5)));
    cr_expect(has_changes(), "it may have");
    while (!shard_settle(core.shard, 1))
        ;
    cr_expect(!has_changes());
    DEAL("D1", "2024-03-03T12:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(8)));
    while (!shard_settle(core.shard, 1))
        ;
    cr_expect(has_changes());
    company("month", "sales_volume", "8.00");
}

/* Time is settled as well: a deal that is to be won tomorrow. */
Test(settle, what_time_changes_waits_too)
{
    LEAD("L1", "2024-03-01T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-01T10:00:00Z")));
    DEAL("D1", "2024-03-01T11:00:00Z", NAME(DEAL_LEAD, "L1"), NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(5)),
         NUMBER(DEAL_CREATED_AT, at("2024-03-01T11:00:00Z")), NUMBER(DEAL_CLOSED_AT, at("2024-03-04T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-03T00:00:00Z"));
    cut();
    cr_expect(shard_next_change_us(core.shard) <= at("2024-03-04T00:00:00Z"));
    shard_advance(core.shard, at("2024-03-04T00:00:00.001Z"));
    cr_expect(!shard_is_settled(core.shard) && shard_unsettled(core.shard) == 0 && has_changes());
    cr_expect(!shard_settle(core.shard, 1), "the deal, the lead, and the entities");
    while (!shard_settle(core.shard, 1))
        ;
    cr_expect(has_changes());
    cut();
    company("today", "deals_won", "1");
    company("today", "sales_volume", "5.00");
    cut();
    /* A day later no flag of a record turns: only windows have gone on. */
    shard_advance(core.shard, at("2024-03-05T00:00:00Z"));
    cr_expect(!shard_is_settled(core.shard) && has_changes());
    company("today", "deals_won", "");
}

/* More than may wait: the last event settles them. */
Test(settle, no_more_than_a_bound_wait)
{
    enum { DEALS = 70000 };
    uint32_t most = 0;
    for (int i = 0; i < DEALS; i++) {
        char key[16];
        snprintf(key, sizeof key, "D%d", i);
        DEAL(key, "2024-03-01T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(1)));
        most = shard_unsettled(core.shard) > most ? shard_unsettled(core.shard) : most;
    }
    cr_expect(most < 65536 && shard_unsettled(core.shard) < DEALS - 65000);
    shard_advance(core.shard, at("2024-03-03T00:00:00Z"));
    company("month", "deals_won", "70000");
}

/* Before the first settlement nothing is noted of an event, and then all follows at once, however small the budget. */
Test(settle, a_past_is_derived_at_once)
{
    struct shard *begun = core.shard;
    cr_expect(shard_is_begun(begun));
    core.shard = shard_create(core.config, core.calendar);
    cr_expect(!shard_is_begun(core.shard) && !shard_is_settled(core.shard));
    for (int i = 0; i < 10; i++) {
        char key[16];
        snprintf(key, sizeof key, "D%d", i);
        DEAL(key, "2024-03-01T10:00:00Z", NAME(DEAL_STAGE, "open"), NUMBER(DEAL_AMOUNT, UNITS(1)));
        DEAL(key, "2024-03-01T11:00:00Z", NAME(DEAL_STAGE, "won"));
    }
    cr_expect(shard_unsettled(core.shard) == 0 && !shard_is_begun(core.shard));
    cr_expect(shard_records(core.shard, KIND_DEAL) == 10, "it is counted all the same");
    shard_advance(core.shard, at("2024-03-03T00:00:00Z"));
    cr_expect(shard_settle(core.shard, 1) && shard_is_begun(core.shard));
    DEAL("D0", "2024-03-01T12:00:00Z", NAME(DEAL_STAGE, "lost"));
    cr_expect(shard_unsettled(core.shard) == 1, "from then on they wait one by one");
    company("month", "deals_won", "9");
    shard_destroy(begun);
}

/* Slices of any size, with events and time between them, end in what all at once at the end give: derived as a past, and settled. */
Test(settle, slices_leave_no_trace)
{
    struct random r = {random_seed(81)};
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)r.state);
    const int64_t from_us = at("2024-03-01T00:00:00Z"), until_us = at("2024-04-20T00:00:00Z");
    for (int round = 0; round < 20; round++) {
        struct event_list events = {0};
        struct history_options o = {.from_us = from_us, .span_us = 40 * DAY, .count = 400, .records = 12};
        make_history(&events, &r, &o);
        struct shard *sliced = shard_create(core.config, core.calendar);
        for (size_t i = 0; i < events.count; i++) {
            shard_apply(sliced, events.at[i]);
            if (random_chance(&r, 10))
                shard_advance(sliced, from_us + random_below(&r, 50 * DAY));
            if (random_chance(&r, 60))
                shard_settle(sliced, (uint32_t)random_below(&r, 6));
        }
        shard_advance(sliced, until_us);
        struct shard *past = core_twin(&core, &events, events.count, until_us);
        struct shard *at_once = shard_create(core.config, core.calendar);
        shard_settle(at_once, UINT32_MAX);
        for (size_t i = 0; i < events.count; i++)
            shard_apply(at_once, events.at[i]);
        shard_advance(at_once, until_us);
        struct buffer expected, actual;
        buffer_init(&expected);
        buffer_init(&actual);
        dump_shard(&expected, core.config, past, READER_PUBLISHER);
        dump_shard(&actual, core.config, sliced, READER_PUBLISHER);
        cr_expect(text_equal(buffer_view(&expected), buffer_view(&actual)), "round %d", round);
        buffer_clear(&actual);
        dump_shard(&actual, core.config, at_once, READER_PUBLISHER);
        cr_expect(text_equal(buffer_view(&expected), buffer_view(&actual)), "round %d", round);
        buffer_fini(&expected);
        buffer_fini(&actual);
        shard_destroy(sliced);
        shard_destroy(past);
        shard_destroy(at_once);
        event_list_fini(&events);
    }
}
