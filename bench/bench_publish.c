/* bench_publish.c - what cutting ten times a second costs the writer, by how many entities change between two cuts; goal: with
 * 10,000 at most 3 % of its time.
 *
 * A floor of 10,000 managers in 100 teams, the default windows, filled with sixty days of deals and payments. Then in each tick of a
 * tenth of a second so many managers have an event each, so that they and their teams change, and what has changed is cut for the
 * publisher as the daemon's writer does it: few entities in slices, many by a thread of their own, while the writer applies the next
 * tick's events. Processor time of the writer, and of that thread. Usage: bench_publish [ENTITIES]... */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/rounds.h"
#include "bench/sales_floor.h"
#include "daemon/writer_budget.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANAGERS = 10000, TEAMS = 100, FILL = 400000, WARM_UP = 5, WORK_US = 12000000, TICKS_MAX = 600 };

#define TICK_US (100 * MILLISECOND)
#define FILL_US (60 * DAY)

struct bench {
    struct sales_floor floor;
    struct config *config;
    struct calendar *calendar;
    struct shard *shard;
    struct snapshot *snapshot;
    int64_t number, now_us;
};

static void begin(struct bench *b)
{
    *b = (struct bench){.floor = {.managers = MANAGERS, .teams = TEAMS}, .now_us = FLOOR_UNTIL_US};
    b->config = config_default();
    b->calendar = calendar_create("UTC", 1, 1);
    b->shard = shard_create(b->config, b->calendar);
    b->snapshot = snapshot_create();
    sales_floor_open(b->shard);
    for (; b->number < FILL; b->number++)
        shard_apply(b->shard,
                    sales_floor_live(&b->floor, b->number, FLOOR_UNTIL_US - FILL_US + b->number * (FILL_US / FILL)));
    shard_advance(b->shard, b->now_us);
    shard_cut(b->shard, READER_PUBLISHER, true, b->snapshot);
}

static void end(struct bench *b)
{
    snapshot_destroy(b->snapshot);
    shard_destroy(b->shard);
    calendar_destroy(b->calendar);
    config_destroy(b->config);
}

/* What some ticks took. */
struct taken {
    struct slices slices; /* of the writer, for cuts */
    int64_t apply_us, process_us, events, changed;
    int ticks;
};

/* Of the cut at hand. True: it is done. */
static bool step(struct bench *b, struct taken *t, unsigned budget)
{
    int64_t from_us = clock_own_cpu_us();
    bool done = shard_cut_step(b->shard, budget);
    slices_add(&t->slices, clock_own_cpu_us() - from_us);
    return done;
}

static void begin_cut(struct bench *b, struct taken *t)
{
    int64_t from_us = clock_own_cpu_us();
    shard_cut_begin(b->shard, READER_PUBLISHER, false, b->snapshot);
    uint32_t left = shard_cut_left(b->shard);
    bool aside = left >= CUT_ASIDE_FROM;
    if (aside)
        shard_cut_aside(b->shard, NULL, NULL);
    slices_add(&t->slices, clock_own_cpu_us() - from_us);
    t->changed += left;
    while (!aside && !step(b, t, CUT_SLICE)) {
    }
}

/* A tick's events, with a look at the cut that was begun before them between two batches. */
static void apply(struct bench *b, struct taken *t, int64_t entities)
{
    b->now_us += TICK_US;
    for (int64_t i = 0; i < entities;) {
        int64_t until = i + BATCH < entities ? i + BATCH : entities, from_us = clock_own_cpu_us();
        t->events += until - i;
        for (; i < until; i++, b->number++)
            shard_apply(b->shard, sales_floor_live(&b->floor, b->number, b->now_us - b->number % TICK_US));
        t->apply_us += clock_own_cpu_us() - from_us;
        if (shard_is_cutting(b->shard))
            step(b, t, CUT_SLICE);
    }
}

static void settle(struct bench *b, struct taken *t)
{
    int64_t from_us = clock_own_cpu_us();
    shard_advance(b->shard, b->now_us);
    while (!shard_work(b->shard, UINT32_MAX)) {
    }
    t->apply_us += clock_own_cpu_us() - from_us;
}

static void measure(struct bench *b, int64_t entities)
{
    struct taken t = {.ticks = 0};
    b->number += MANAGERS - b->number % MANAGERS; /* from where so many events in a row are of different managers */
    /* As many ticks as some seconds of work allow. */
    for (int tick = 0; t.ticks < TICKS_MAX && t.process_us < WORK_US; tick++) {
        if (tick == WARM_UP) { /* what is cut again begins to keep what its next cuts need */
            slices_fini(&t.slices);
            t = (struct taken){.ticks = 0};
        }
        int64_t from_us = clock_cpu_us();
        apply(b, &t, entities);
        if (shard_is_cutting(b->shard))
            step(b, &t, UINT32_MAX);
        settle(b, &t);
        begin_cut(b, &t);
        t.process_us += clock_cpu_us() - from_us;
        t.ticks++;
    }
    if (shard_is_cutting(b->shard))
        step(b, &t, UINT32_MAX);
    double ticks = t.ticks, writer_us = (double)t.slices.total_us / ticks;
    double aside_us = (double)(t.process_us - t.apply_us - t.slices.total_us) / ticks,
           changed = (double)t.changed / ticks;
    printf("%8.0f changed of %d  a cut: writer %6.2f ms, beside it %6.2f ms, %5.1f us an entity  %6.2f %% of a tick  "
           "events %5.1f us  slices: p99.99 %5.2f ms, longest %5.2f ms\n",
           changed, MANAGERS + TEAMS + 1, writer_us / 1000, aside_us / 1000, (writer_us + aside_us) / changed,
           100 * writer_us / (double)TICK_US, (double)t.apply_us / (double)t.events,
           (double)slices_quantile(&t.slices, 9999) / 1000, (double)slices_quantile(&t.slices, 10000) / 1000);
    struct memory_use memory;
    shard_memory(b->shard, &memory);
    const struct memory_of *managers = &memory.entities[DIMENSION_MANAGER], *trees = &memory.trees[DIMENSION_MANAGER];
    printf("%8.0f bytes a manager beside its trees\n",
           (double)(managers->bytes - trees->bytes) / (double)managers->count);
    if (entities == MANAGERS)
        printf("10,000 entities ten times a second: %.2f %% of the writer's time, goal 3 %%: %s\n",
               100 * writer_us / (double)TICK_US, writer_us <= 0.03 * (double)TICK_US ? "met" : "missed");
    fflush(stdout);
    slices_fini(&t.slices);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {100, 1000, 10000};
    struct bench b;
    begin(&b);
    for (int i = 1; i < argc; i++)
        measure(&b, strtoll(argv[i], NULL, 10));
    for (size_t i = 0; argc < 2 && i < sizeof usual / sizeof *usual; i++)
        measure(&b, usual[i]);
    end(&b);
    return 0;
}
