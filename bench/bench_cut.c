/* bench_cut.c - what a cut costs the writer while events come: a shard holds two years of a sales floor (sales_floor.h), then
 * time goes on by ticks of a tenth of a second, in each of which deals are won and payments come in, and after each of which
 * what has changed is cut for the publisher, in slices as the daemon's writer does it. At the end all of it is cut.
 *
 * Usage: bench_cut [DEALS [EVENTS A TICK]] */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/sales_floor.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TICKS = 3000, TICK_US = 100 * MILLISECOND, SLICE = 24 };

static int64_t longest_slice_us;

/* Returns what it took in all. */
static int64_t cut(struct shard *shard, bool everything, struct snapshot *s)
{
    int64_t took_us = 0;
    for (bool begun = false, done = false; !done;) {
        int64_t from_us = clock_monotonic_us();
        if (!begun)
            shard_cut_begin(shard, READER_PUBLISHER, everything, s);
        begun = true;
        done = shard_cut_step(shard, SLICE);
        int64_t slice_us = clock_monotonic_us() - from_us;
        longest_slice_us = slice_us > longest_slice_us ? slice_us : longest_slice_us;
        took_us += slice_us;
    }
    return took_us;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    int64_t deals = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000, each = argc > 2 ? strtoll(argv[2], NULL, 10) : 100;
    static int64_t took_us[TICKS];
    struct sales_floor f = sales_floor_of(deals);
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    struct shard *shard = shard_create(config, calendar);
    struct snapshot *s = snapshot_create();
    sales_floor_tell(&f, shard);
    shard_cut(shard, READER_PUBLISHER, true, s);
    int64_t now_us = FLOOR_UNTIL_US, number = 0, cut_us = 0, apply_us = 0;
    size_t entities = 0;
    for (int tick = 0; tick < TICKS; tick++) {
        int64_t from_us = clock_monotonic_us();
        now_us += TICK_US;
        for (int64_t i = 0; i < each; i++, number++)
            shard_apply(shard, sales_floor_live(&f, number, now_us - number % TICK_US));
        shard_advance(shard, now_us);
        int64_t applied_us = clock_monotonic_us();
        took_us[tick] = cut(shard, false, s);
        apply_us += applied_us - from_us;
        cut_us += took_us[tick];
        entities += snapshot_entity_count(s);
    }
    qsort(took_us, TICKS, sizeof *took_us, by_size);
    printf("%" PRId64 " deals, %u managers, %u windows; %d ticks of %d ms with %" PRId64
           " events and %.0f changed entities each\n",
           deals, f.managers, config->window_count, TICKS, (int)(TICK_US / MILLISECOND), each,
           (double)entities / TICKS);
    printf("  a cut %.0f us, median %" PRId64 ", 99 of 100 %" PRId64 ", longest %" PRId64
           "; %.1f us an entity; %.1f %% of a tick\n",
           (double)cut_us / TICKS, took_us[TICKS / 2], took_us[TICKS * 99 / 100], took_us[TICKS - 1],
           (double)cut_us / (double)entities, 100.0 * (double)cut_us / TICKS / TICK_US);
    printf("  longest slice of %d entities %" PRId64 " us; events %.2f us each\n", SLICE, longest_slice_us,
           (double)apply_us / (double)number);
    longest_slice_us = 0;
    int64_t all_us = cut(shard, true, s);
    printf("  everything, %zu entities: %" PRId64 " us, longest slice %" PRId64 " us\n", snapshot_entity_count(s),
           all_us, longest_slice_us);
    snapshot_destroy(s);
    shard_destroy(shard);
    calendar_destroy(calendar);
    config_destroy(config);
    return 0;
}
