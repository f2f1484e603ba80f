/* bench_publish.c - what cutting ten times a second costs the writer, by how many entities change between two cuts; goal: with
 * 10,000 at most 3 % of its time.
 *
 * A floor of 10,000 managers in 100 teams, the default windows, filled with sixty days of deals and payments. Then in each tick of a
 * tenth of a second so many managers have an event each, so that they and their teams change, and what has changed is cut for the publisher in
 * slices of 24, as the daemon's writer does. Processor time. Usage: bench_publish [ENTITIES]... */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/rounds.h"
#include "bench/sales_floor.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANAGERS = 10000, TEAMS = 100, FILL = 400000, SLICE = 24, WARM_UP = 5, WORK_US = 12000000, TICKS_MAX = 600 };

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
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    *b = (struct bench){.floor = {.managers = MANAGERS, .teams = TEAMS}, .now_us = FLOOR_UNTIL_US};
    b->config = config_default();
    b->calendar = calendar_create("UTC", 1, 1);
    b->shard = shard_create(b->config, b->calendar);
    b->snapshot = snapshot_create();
    event_note(memory, EVENT_SLOT, 0, 0, TEXT("events"));
    shard_apply(b->shard, (const struct event *)(const void *)memory);
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

static int64_t cut(struct bench *b, struct slices *slices)
{
    int64_t took_us = 0;
    for (bool begun = false, done = false; !done; begun = true) {
        int64_t from_us = clock_cpu_us();
        if (!begun)
            shard_cut_begin(b->shard, READER_PUBLISHER, false, b->snapshot);
        done = shard_cut_step(b->shard, SLICE);
        int64_t slice_us = clock_cpu_us() - from_us;
        slices_add(slices, slice_us);
        took_us += slice_us;
    }
    return took_us;
}

static void measure(struct bench *b, int64_t entities)
{
    static double cuts_us[TICKS_MAX];
    struct slices slices = {0};
    int64_t apply_us = 0, cut_us = 0, events = 0, changed = 0;
    int ticks = 0;
    b->number += MANAGERS - b->number % MANAGERS; /* from where so many events in a row are of different managers */
    /* As many ticks as some seconds of work allow. */
    for (int tick = 0; ticks < TICKS_MAX && apply_us + cut_us < WORK_US; tick++) {
        if (tick == WARM_UP) { /* what is cut again begins to keep what its next cuts need */
            slices_fini(&slices);
            apply_us = cut_us = events = changed = ticks = 0;
        }
        int64_t from_us = clock_cpu_us();
        b->now_us += TICK_US;
        for (int64_t i = 0; i < entities; i++, b->number++, events++)
            shard_apply(b->shard, sales_floor_live(&b->floor, b->number, b->now_us - b->number % TICK_US));
        shard_advance(b->shard, b->now_us);
        while (!shard_work(b->shard, UINT32_MAX))
            ;
        apply_us += clock_cpu_us() - from_us;
        int64_t took_us = cut(b, &slices);
        cuts_us[ticks++] = (double)took_us;
        cut_us += took_us;
        changed += (int64_t)snapshot_entity_count(b->snapshot);
    }
    double each_ms = (double)cut_us / ticks / 1000;
    printf(
        "%8.0f changed of %d  %8.1f ms a cut  median %7.1f  %5.1f us an entity  %7.1f %% of a tick  events %5.1f us  "
        "slices: p99.99 %5.1f ms, longest %5.1f ms\n",
        (double)changed / ticks, MANAGERS + TEAMS + 1, each_ms, median(cuts_us, ticks) / 1000,
        (double)cut_us / (double)changed, 100 * each_ms * 1000 / (double)TICK_US, (double)apply_us / (double)events,
        (double)slices_quantile(&slices, 9999) / 1000, (double)slices_quantile(&slices, 10000) / 1000);
    struct memory_use memory;
    shard_memory(b->shard, &memory);
    const struct memory_of *managers = &memory.entities[DIMENSION_MANAGER], *trees = &memory.trees[DIMENSION_MANAGER];
    printf("%8.0f bytes a manager beside its trees\n",
           (double)(managers->bytes - trees->bytes) / (double)managers->count);
    if (entities == MANAGERS)
        printf("10,000 entities ten times a second: %.1f %% of the writer's time, goal 3 %%: %s\n",
               100 * each_ms * 1000 / (double)TICK_US, each_ms * 1000 <= 0.03 * (double)TICK_US ? "met" : "missed");
    fflush(stdout);
    slices_fini(&slices);
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
