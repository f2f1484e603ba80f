/* The records that stand behind a number add up to it. */
#include "aggregators/entity.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct total {
    struct window_span span;
    struct sums sums;
    int rows;
};

static void add_up(void *context, const struct explained *e)
{
    struct total *t = context;
    t->rows++;
    if (e->at_us < t->span.from_us || e->at_us >= t->span.to_us)
        return;
    for (unsigned m = 0; m < e->stream->measures; m++)
        t->sums.at[e->stream->first + m] += e->measures[m];
}

Test(explain, records_add_up_to_a_thousand_numbers)
{
    struct random r = {random_seed(33)};
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)r.state);
    struct core core;
    core_init(&core, "Asia/Kolkata", 7, 4);
    struct event_list events = {0};
    struct history_options o = {
        .from_us = INT64_C(1709000000) * SECOND, .span_us = 40 * DAY, .count = 3000, .records = 60};
    make_history(&events, &r, &o);
    for (size_t i = 0; i < events.count; i++)
        shard_apply(core.shard, events.at[i]);
    struct snapshot *s = snapshot_create();
    shard_advance(core.shard, o.from_us + 25 * DAY);
    core_cut(core.shard, READER_PUBLISHER, true, s);
    int checked = 0, filled = 0;
    while (checked < 1000) {
        size_t i = (size_t)random_below(&r, (int64_t)snapshot_entity_count(s));
        unsigned w = (unsigned)random_below(&r, core.config->window_count);
        if (core.config->windows[w].kind == WINDOW_NOW)
            continue;
        struct total t = {.span = shard_span(core.shard, w)};
        shard_explain(core.shard, snapshot_entity_dimension(s, i), snapshot_entity_name(s, i), UINT64_MAX, add_up, &t);
        struct sums current, previous;
        snapshot_sums(s, i, w, &current, &previous);
        for (unsigned stream = 0; stream < STREAM_COUNT; stream++) {
            if (stream == STREAM_OPEN || stream == STREAM_WAITING || stream == STREAM_EXPECTED)
                continue;
            for (unsigned m = 0; m < stream_infos[stream].measures; m++) {
                unsigned measure = stream_infos[stream].first + m;
                cr_expect(t.sums.at[measure] == current.at[measure], "%s", measure_name((enum measure)measure));
                filled += current.at[measure] != 0;
            }
        }
        cr_expect(t.rows > 0);
        checked++;
    }
    cr_expect(filled > 3000, "%d", filled);
    snapshot_destroy(s);
    event_list_fini(&events);
    core_fini(&core);
}
