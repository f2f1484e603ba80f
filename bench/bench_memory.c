/* bench_memory.c - what a record and an entity cost in memory: a shard is filled with two years of a sales floor
 * (sales_floor.h), as it would have been told live, and its bytes are counted. Time moves with the events, and each day what
 * has changed is cut for both readers.
 *
 * Bytes are what was asked of the heap (aggregators/memory.h); beside them stands what malloc and the kernel say.
 * With numbers of deals named, only those are filled. Usage: bench_memory [DEALS]... */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "bench/sales_floor.h"
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of events, and of cuts for both readers. */
struct times {
    int64_t apply_us, longest_apply_us;
    int64_t cut_us, longest_cut_us;
};

static void cut(struct shard *shard, struct snapshot *s, struct times *times)
{
    int64_t begin_us = clock_monotonic_us();
    shard_cut(shard, READER_PUBLISHER, false, s);
    shard_cut(shard, READER_ALERTS, false, s);
    int64_t took_us = clock_monotonic_us() - begin_us;
    times->cut_us += took_us;
    if (took_us > times->longest_cut_us)
        times->longest_cut_us = took_us;
}

static void fill(struct shard *shard, const struct sales_floor *f, struct times *times, size_t *out_events)
{
    struct floor_item *items = sales_floor_programme(f, out_events);
    struct snapshot *s = snapshot_create();
    int64_t day = FLOOR_FROM_US / DAY;
    for (size_t i = 0; i < *out_events; i++) {
        if (items[i].at_us / DAY != day) {
            day = items[i].at_us / DAY;
            shard_advance(shard, day * DAY);
            cut(shard, s, times);
        }
        const struct event *e = sales_floor_event(f, &items[i]);
        int64_t begin_us = clock_monotonic_us();
        shard_apply(shard, e);
        int64_t took_us = clock_monotonic_us() - begin_us;
        times->apply_us += took_us;
        if (took_us > times->longest_apply_us)
            times->longest_apply_us = took_us;
    }
    shard_advance(shard, FLOOR_UNTIL_US);
    cut(shard, s, times);
    snapshot_destroy(s);
    free(items);
}

/* So much time goes by that no window has any of it any more; and as many cuts are made as folding it takes. */
static void grow_old(struct shard *shard)
{
    struct snapshot *s = snapshot_create();
    shard_advance(shard, FLOOR_UNTIL_US + 1500 * DAY);
    for (int i = 0; i < 2000; i++)
        shard_cut(shard, READER_PUBLISHER, true, s);
    snapshot_destroy(s);
}

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL);
    int64_t pages = 0;
    REQUIRE(fscanf(file, "%*d %" SCNd64, &pages) == 1);
    fclose(file);
    return pages * 4096;
}

static double mean(struct memory_of of)
{
    return of.count > 0 ? (double)of.bytes / (double)of.count : 0;
}

static void add(struct memory_of *to, struct memory_of more)
{
    to->count += more.count;
    to->bytes += more.bytes;
}

static void print_floor(int64_t deals)
{
    struct sales_floor f = sales_floor_of(deals);
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    malloc_trim(0);
    int64_t resident_before = resident_bytes();
    size_t allocated_before = mallinfo2().uordblks + mallinfo2().hblkhd, events;
    struct shard *shard = shard_create(config, calendar);
    struct times times = {0};
    fill(shard, &f, &times, &events);
    malloc_trim(0);
    size_t allocated = mallinfo2().uordblks + mallinfo2().hblkhd - allocated_before;
    int64_t resident = resident_bytes() - resident_before;
    struct memory_use m;
    shard_memory(shard, &m);

    struct memory_of open = {0, 0}, closed = {0, 0}, entities = {0, 0}, trees = {0, 0}, old = {0, 0};
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        add(&open, m.open[k]);
        add(&closed, m.closed[k]);
    }
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        add(&entities, m.entities[d]);
        add(&trees, m.trees[d]);
    }
    double records = (double)(open.count + closed.count);
    printf("\n%" PRId64 " deals: %" PRId64 " records, %" PRId64 " of them open; %zu events, %u managers, %" PRId64
           " entities, %u windows\n",
           deals, open.count + closed.count, open.count, events, f.managers, entities.count, config->window_count);
    printf("  bytes per open record      %8.1f   goal 300   (deal %.1f, lead %.1f)\n", mean(open),
           mean(m.open[KIND_DEAL]), mean(m.open[KIND_LEAD]));
    printf("  bytes per closed record    %8.1f   goal 250   (deal %.1f, lead %.1f, payment %.1f, feedback %.1f)\n",
           mean(closed), mean(m.closed[KIND_DEAL]), mean(m.closed[KIND_LEAD]), mean(m.closed[KIND_PAYMENT]),
           mean(m.closed[KIND_FEEDBACK]));
    printf("  a record, by what it is for: ledger %.1f, links %.1f, timers %.1f, trees of entities %.1f (%.2f rows of "
           "%.1f)\n",
           (double)m.ledger / records, (double)m.links / records, (double)m.timers / records,
           (double)trees.bytes / records, (double)trees.count / records, mean(trees));
    printf("  a record, all of it        %8.1f   malloc %.1f   resident %.1f   (%.1f MiB)\n",
           (double)memory_total(&m) / records, (double)allocated / records, (double)resident / records,
           (double)memory_total(&m) / 1048576);
    printf("  entities without their trees' rows %.1f each; tables %.1f each\n",
           (double)(entities.bytes - trees.bytes) / (double)entities.count,
           (double)m.entity_tables / (double)entities.count);
    printf("  %.2f us an event, the longest %" PRId64 " us; %.0f us a cut, the longest %" PRId64 " us\n",
           (double)times.apply_us / (double)events, times.longest_apply_us, (double)times.cut_us / (FLOOR_DAYS + 1),
           times.longest_cut_us);
    grow_old(shard);
    shard_memory(shard, &m);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        add(&old, m.trees[d]);
    printf("  once it lies before every window: a record, all of it %.1f, trees of entities %.1f\n",
           (double)memory_total(&m) / records, (double)old.bytes / records);
    fflush(stdout);
    shard_destroy(shard);
    calendar_destroy(calendar);
    config_destroy(config);
}

/* A manager's bytes, where each manager has so many deals in the two years. */
static void print_quiet(const char *what, int64_t deals_each, unsigned managers)
{
    struct sales_floor f = {
        .deals = deals_each * managers, .managers = managers, .teams = managers, .customers = managers};
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    struct shard *shard = shard_create(config, calendar);
    struct times times = {0};
    size_t events;
    fill(shard, &f, &times, &events);
    struct memory_use m;
    shard_memory(shard, &m);
    struct memory_of of = m.entities[DIMENSION_MANAGER], trees = m.trees[DIMENSION_MANAGER];
    printf("  %-22s %8.1f   goal 1200   (%.1f without its rows, %.1f rows of %.1f)\n", what, mean(of),
           (double)(of.bytes - trees.bytes) / (double)of.count, (double)trees.count / (double)of.count, mean(trees));
    fflush(stdout);
    shard_destroy(shard);
    calendar_destroy(calendar);
    config_destroy(config);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {10000, 100000, 1000000};
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* what the bench itself needs goes back to the kernel */
    for (int i = 1; i < argc; i++)
        print_floor(strtoll(argv[i], NULL, 10));
    for (unsigned i = 0; argc < 2 && i < sizeof usual / sizeof *usual; i++)
        print_floor(usual[i]);
    if (argc > 1)
        return 0;
    printf("\na quiet manager, all dimensions' default windows:\n");
    print_quiet("6 deals in two years", 6, 400);
    print_quiet("one deal a month", 24, 400);
    print_quiet("one deal a week", 104, 100);
    print_quiet("one deal a working day", 520, 40);
    return 0;
}
