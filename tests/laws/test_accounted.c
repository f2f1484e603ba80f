/* Accounted: read = applied + duplicate + superseded + dead-lettered + filtered, after every event. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>

static void expect_identity(const struct shard *shard, int64_t read)
{
    const struct accounts *a = shard_accounts(shard);
    int64_t by_reason = 0;
    for (unsigned i = 0; i < ERROR_COUNT; i++)
        by_reason += a->dead_lettered_by[i];
    cr_assert(a->read == read);
    cr_assert(a->read == a->applied + a->duplicate + a->superseded + a->dead_lettered + a->filtered);
    cr_assert(by_reason == a->dead_lettered);
}

Test(accounted, every_event_is_counted_once_with_its_outcome)
{
    struct random r = {random_seed(21)};
    struct core core;
    core_init(&core, "UTC", 1, 1);
    struct event_list events = {0};
    struct history_options o = {
        .from_us = INT64_C(1709000000) * SECOND, .span_us = 20 * DAY, .count = 2000, .records = 40};
    make_history(&events, &r, &o);
    _Alignas(8) char memory[EVENT_SIZE_MAX];
    int64_t read = 0;
    for (size_t i = 0; i < events.count; i++) {
        enum outcome first = shard_apply(core.shard, events.at[i]);
        expect_identity(core.shard, ++read);
        enum outcome again = shard_apply(core.shard, events.at[i]);
        expect_identity(core.shard, ++read);
        cr_assert(again == OUTCOME_DUPLICATE || again == OUTCOME_SUPERSEDED, "a repeat changes nothing");
        cr_assert(first != OUTCOME_APPLIED || again == OUTCOME_DUPLICATE || events.at[i]->carried != 0);
        if (random_chance(&r, 10)) {
            event_note(memory, random_chance(&r, 50) ? EVENT_DEAD_LETTER : EVENT_FILTERED, 0, (int64_t)i, TEXT(""));
            ((struct event *)(void *)memory)->reason = BAD_JSON;
            shard_apply(core.shard, (struct event *)(void *)memory);
            expect_identity(core.shard, ++read);
        }
    }
    const struct accounts *a = shard_accounts(core.shard);
    cr_assert(a->applied > 0 && a->duplicate > 0 && a->superseded > 0 && a->dead_lettered > 0 && a->filtered > 0);
    event_list_fini(&events);
    core_fini(&core);
}
