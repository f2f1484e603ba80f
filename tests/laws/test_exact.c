/* Exact: what a reader puts together from the changes that it was handed equals what stands, at every instant. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/dump.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* What a reader knows: the lines of each entity as of the snapshot in which it came last. */
struct mirror {
    struct buffer *lines; /* by entity id */
    size_t room;
};

static void mirror_take(struct mirror *m, const struct config *config, const struct snapshot *s)
{
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        uint32_t id = snapshot_entity_id(s, i);
        while (id >= m->room) {
            m->lines = must_realloc(m->lines, (m->room + 1) * sizeof *m->lines);
            buffer_init(&m->lines[m->room++]);
        }
        buffer_clear(&m->lines[id]);
    }
    struct buffer all;
    buffer_init(&all);
    dump_snapshot(&all, config, s);
    /* Lines begin with "dimension name ": each goes to the entity whose prefix it has. */
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        struct buffer prefix;
        buffer_init(&prefix);
        buffer_format(&prefix, "%s ", dimension_name(snapshot_entity_dimension(s, i)));
        buffer_text(&prefix, snapshot_entity_name(s, i));
        buffer_char(&prefix, ' ');
        for (size_t at = 0; at < all.len;) {
            size_t end = at;
            while (all.at[end] != '\n')
                end++;
            struct text line = {all.at + at, end + 1 - at};
            if (line.len > prefix.len && text_equal((struct text){line.at, prefix.len}, buffer_view(&prefix)))
                buffer_text(&m->lines[snapshot_entity_id(s, i)], line);
            at = end + 1;
        }
        buffer_fini(&prefix);
    }
    buffer_fini(&all);
}

static int by_text(const void *a, const void *b)
{
    const struct buffer *first = a, *second = b;
    return text_compare(buffer_view(first), buffer_view(second));
}

static void sort_lines(struct text all, struct buffer *out)
{
    struct buffer *lines = NULL;
    size_t count = 0;
    for (size_t at = 0; at < all.len;) {
        size_t end = at;
        while (all.at[end] != '\n')
            end++;
        lines = must_realloc(lines, (count + 1) * sizeof *lines);
        buffer_init(&lines[count]);
        buffer_add(&lines[count++], all.at + at, end + 1 - at);
        at = end + 1;
    }
    if (count > 0)
        qsort(lines, count, sizeof *lines, by_text);
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, buffer_view(&lines[i]));
        buffer_fini(&lines[i]);
    }
    free(lines);
}

static void show_difference(struct text expected, struct text actual)
{
    size_t at = 0, line = 0;
    while (at < expected.len && at < actual.len && expected.at[at] == actual.at[at]) {
        if (expected.at[at] == '\n')
            line = at + 1;
        at++;
    }
    fprintf(stderr, "expected ...%.*s\nactual   ...%.*s\n",
            (int)(expected.len - line < 160 ? expected.len - line : 160), expected.at + line,
            (int)(actual.len - line < 160 ? actual.len - line : 160), actual.at + line);
}

/* The twin starts anew with the same events and goes to the same instant at once: it needs no timers. */
static bool same_as_twin(const struct core *core, const struct mirror *m, const struct event_list *events,
                         size_t applied, int64_t now_us)
{
    struct shard *twin = core_twin(core, events, applied, now_us);
    struct snapshot *s = snapshot_create();
    core_cut(twin, READER_PUBLISHER, true, s);
    struct buffer expected, unsorted, actual, together;
    buffer_init(&expected);
    buffer_init(&unsorted);
    buffer_init(&actual);
    buffer_init(&together);
    dump_snapshot(&unsorted, core->config, s);
    sort_lines(buffer_view(&unsorted), &expected);
    for (size_t i = 0; i < m->room; i++)
        buffer_text(&together, buffer_view(&m->lines[i]));
    sort_lines(buffer_view(&together), &actual);
    bool equal = text_equal(buffer_view(&expected), buffer_view(&actual));
    if (!equal)
        show_difference(buffer_view(&expected), buffer_view(&actual));
    buffer_fini(&expected);
    buffer_fini(&unsorted);
    buffer_fini(&actual);
    buffer_fini(&together);
    snapshot_destroy(s);
    shard_destroy(twin);
    return equal;
}

struct trial {
    const struct core *core;
    int64_t from_us, step_us;
    uint64_t seed; /* of when time moves, and how far */
};

/* A reader who takes every change, and a twin at every instant. */
static bool changes_add_up(void *context, const struct event_list *events)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    struct shard *shard = shard_create(t->core->config, t->core->calendar);
    struct mirror m = {0};
    struct snapshot *s = snapshot_create();
    int64_t now_us = t->from_us;
    bool same = true;
    for (size_t i = 0; same && i < events->count;) {
        for (int64_t some = random_below(&r, 6); some >= 0 && i < events->count; some--)
            shard_apply(shard, events->at[i++]);
        if (random_chance(&r, 50))
            shard_settle(shard, (uint32_t)random_below(&r, 4));
        now_us += random_below(&r, t->step_us);
        if (random_chance(&r, 30))
            now_us -= now_us % (15 * MINUTE); /* on an edge exactly */
        shard_advance(shard, now_us);
        now_us = shard_now_us(shard);
        if (random_chance(&r, 50))
            core_cut(shard, READER_ALERTS, false, s); /* another reader does not disturb this one */
        core_cut(shard, READER_PUBLISHER, false, s);
        mirror_take(&m, t->core->config, s);
        same = same_as_twin(t->core, &m, events, i, now_us);
    }
    /* Afterwards only time moves: from one change to the next, and just before it. */
    for (int steps = 0; same && steps < 80; steps++) {
        int64_t next_us = shard_next_change_us(shard);
        if (next_us == INT64_MAX)
            break;
        shard_advance(shard, random_chance(&r, 50) ? next_us : next_us + random_below(&r, t->step_us));
        core_cut(shard, READER_PUBLISHER, false, s);
        mirror_take(&m, t->core->config, s);
        same = same_as_twin(t->core, &m, events, events->count, shard_now_us(shard));
    }
    for (size_t i = 0; i < m.room; i++)
        buffer_fini(&m.lines[i]);
    free(m.lines);
    snapshot_destroy(s);
    shard_destroy(shard);
    return same;
}

/* With `only` < window_count the dimensions have that window alone: where all windows stand side by side, one
 * wakes the entity for what another has missed. */
static void run_windows(uint64_t seed, const char *zone, int week_start, int fiscal_month, int64_t from_us,
                        int64_t span_us, int64_t step_us, unsigned only)
{
    struct random r = {seed};
    struct core core;
    core_init(&core, zone, week_start, fiscal_month);
    core_vary(&core, &core_variants[seed % CORE_VARIANTS]);
    for (unsigned w = 0; w < core.config->window_count; w++)
        for (unsigned d = 0; d < DIMENSION_COUNT; d++)
            core.config->dimension_windows[d][w] = only >= core.config->window_count || only == w;
    struct event_list events = {0};
    struct history_options o = {.from_us = from_us, .span_us = span_us, .count = 120, .records = 12};
    make_history(&events, &r, &o);
    struct trial trial = {&core, from_us, step_us, random_next(&r)};
    struct law law = {"exact", changes_add_up, NULL, &trial};
    cr_assert(law_check(&law, &events, &core, from_us + span_us), "%s, window %u",
              core_variants[seed % CORE_VARIANTS].name, only);
    event_list_fini(&events);
    core_fini(&core);
}

static void run(uint64_t seed, const char *zone, int week_start, int fiscal_month, int64_t from_us, int64_t span_us,
                int64_t step_us)
{
    fprintf(stderr, "SEED=%llu %s\n", (unsigned long long)seed, zone);
    for (unsigned only = 0; only <= 17; only++)
        run_windows(seed, zone, week_start, fiscal_month, from_us, span_us, step_us, only);
}

static int64_t instant(const char *t)
{
    int64_t us;
    REQUIRE(instant_parse(text_of(t), &us) == OK);
    return us;
}

/* The hours in which Berlin's clock goes forward and back are where days have 23 and 25 hours. */
Test(exact, changes_add_up_over_a_spring_night_in_berlin)
{
    for (uint64_t seed = random_seed(1), end = seed + (uint64_t)random_rounds(3); seed < end; seed++)
        run(seed, "Europe/Berlin", 1, 1, instant("2024-03-29T00:00:00Z"), 5 * DAY, 4 * HOUR);
}

Test(exact, changes_add_up_over_an_autumn_night_in_berlin)
{
    for (uint64_t seed = random_seed(100), end = seed + (uint64_t)random_rounds(3); seed < end; seed++)
        run(seed, "Europe/Berlin", 7, 4, instant("2024-10-25T00:00:00Z"), 5 * DAY, 4 * HOUR);
}

/* Month ends: the month before lacks the day, so the end of `previous` jumps at a local midnight. */
Test(exact, changes_add_up_over_month_ends_and_a_leap_day)
{
    for (uint64_t seed = random_seed(200), end = seed + (uint64_t)random_rounds(3); seed < end; seed++)
        run(seed, "Asia/Kolkata", 1, 2, instant("2024-02-20T00:00:00Z"), 45 * DAY, 30 * HOUR);
}

Test(exact, changes_add_up_over_two_years)
{
    for (uint64_t seed = random_seed(300), end = seed + (uint64_t)random_rounds(3); seed < end; seed++)
        run(seed, "America/New_York", 1, 1, instant("2023-01-05T00:00:00Z"), 700 * DAY, 20 * DAY);
}

/* Minutes and seconds: the small rolling windows lose their rows step by step. */
Test(exact, changes_add_up_within_an_hour)
{
    for (uint64_t seed = random_seed(400), end = seed + (uint64_t)random_rounds(3); seed < end; seed++)
        run(seed, "UTC", 1, 1, instant("2024-05-05T23:30:00Z"), 50 * MINUTE, 90 * SECOND);
}
