/* Accounted: read = applied + duplicate + superseded + dead-lettered + filtered, after every event. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <stdio.h>

static bool is_identity(const struct shard *shard, int64_t read)
{
    const struct accounts *a = shard_accounts(shard);
    int64_t by_reason = 0;
    for (unsigned i = 0; i < ERROR_COUNT; i++)
        by_reason += a->dead_lettered_by[i];
    return a->read == read && by_reason == a->dead_lettered &&
           a->read == a->applied + a->duplicate + a->superseded + a->dead_lettered + a->filtered;
}

struct trial {
    const struct core *core;
    uint64_t seed;          /* of what is refused between the events */
    struct accounts counts; /* in the end */
};

/* Each event, the same once more, and now and then one that the decoder has refused. */
static bool is_accounted(void *context, const struct event_list *events)
{
    struct trial *t = context;
    struct random r = {t->seed};
    struct shard *shard = shard_create(t->core->config, t->core->calendar);
    _Alignas(8) char memory[EVENT_SIZE_MAX];
    int64_t read = 0;
    bool holds = true;
    for (size_t i = 0; holds && i < events->count; i++) {
        enum outcome first = shard_apply(shard, events->at[i]);
        holds = is_identity(shard, ++read);
        enum outcome again = shard_apply(shard, events->at[i]);
        holds = holds && is_identity(shard, ++read);
        /* A repeat changes nothing. What was applied and carries no field is a duplicate then; but books also keep what
         * is outvoted, for what stood before, and there it is applied once and superseded ever after. */
        bool is_kept = t->core->config->corrections == CORRECTIONS_BOOK || t->core->config->lock_day != INT64_MIN;
        holds = holds && (again == OUTCOME_DUPLICATE || again == OUTCOME_SUPERSEDED) &&
                (first != OUTCOME_APPLIED || again == OUTCOME_DUPLICATE || events->at[i]->carried != 0 || is_kept);
        if (!holds)
            fprintf(stderr, "event %zu: outcome %d, then %d\n", i, (int)first, (int)again);
        if (random_chance(&r, 10)) {
            event_note(memory, random_chance(&r, 50) ? EVENT_DEAD_LETTER : EVENT_FILTERED, 0, (int64_t)i, TEXT(""));
            ((struct event *)(void *)memory)->reason = BAD_JSON;
            shard_apply(shard, (struct event *)(void *)memory);
            holds = holds && is_identity(shard, ++read);
        }
    }
    t->counts = *shard_accounts(shard);
    shard_destroy(shard);
    return holds;
}

Test(accounted, every_event_is_counted_once_with_its_outcome)
{
    uint64_t seed = random_seed(21);
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    const int64_t from_us = INT64_C(1709000000) * SECOND;
    struct core core;
    core_init(&core, "UTC", 1, 1);
    for (unsigned v = 0; v < CORE_VARIANTS; v++) {
        struct random r = {seed};
        core_vary(&core, &core_variants[v]);
        struct event_list events = {0};
        struct history_options o = {.from_us = from_us, .span_us = 20 * DAY, .count = 2000, .records = 40};
        make_history(&events, &r, &o);
        struct trial trial = {.core = &core, .seed = random_next(&r)};
        struct law law = {"accounted", is_accounted, NULL, &trial};
        cr_assert(law_check(&law, &events, &core, from_us + 20 * DAY), "%s", core_variants[v].name);
        /* Each outcome has come. */
        cr_assert(is_accounted(&trial, &events));
        const struct accounts *a = &trial.counts;
        cr_assert(a->applied > 0 && a->duplicate > 0 && a->superseded > 0 && a->dead_lettered > 0 && a->filtered > 0);
        event_list_fini(&events);
    }
    core_fini(&core);
}
