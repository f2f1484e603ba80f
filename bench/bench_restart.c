/* bench_restart.c - what a checkpoint costs, and a restart from it: a shard is filled with two years of a sales floor
 * (sales_floor.h), stored whole, then a thousandth of its records changes and is stored, and then a new shard begins from the
 * store.
 *
 * The machine's page cache is warm, as after a kill. Usage: bench_restart [DEALS]...
 *        bench_restart keep DEALS FOLDER, and then as often as wanted, as for a profile: bench_restart from FOLDER */
#include "aggregators/restoration.h"
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/sales_floor.h"
#include "checkpoint/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_ROWS = 1000 };

/* So large that no round has to be told again with a larger one. */
#define MAP_BYTES ((size_t)1 << 35)

struct round {
    int64_t rows, bytes;
    int64_t copy_us, longest_us, store_us;
};

static void must(enum store_result result, const struct buffer *problem)
{
    if (result == STORE_OK)
        return;
    fprintf(stderr, "bench_restart: %s\n", problem->at);
    exit(1);
}

static struct round store_round(struct shard *shard, struct store *store)
{
    struct round r = {0, 0, 0, 0, 0};
    struct buffer rows, problem;
    buffer_init(&rows);
    buffer_init(&problem);
    shard_copy_begin(shard);
    must(store_begin(store, &problem), &problem);
    for (bool all = false; !all;) {
        buffer_clear(&rows);
        int64_t from_us = clock_monotonic_us();
        all = shard_copy_step(shard, SLICE_ROWS, &rows);
        int64_t until_us = clock_monotonic_us();
        r.copy_us += until_us - from_us;
        r.longest_us = until_us - from_us > r.longest_us ? until_us - from_us : r.longest_us;
        r.rows += stored_count(buffer_view(&rows));
        r.bytes += (int64_t)rows.len;
        from_us = clock_monotonic_us();
        must(store_put(store, buffer_view(&rows), &problem), &problem);
        r.store_us += clock_monotonic_us() - from_us;
    }
    int64_t from_us = clock_monotonic_us();
    must(store_commit(store, &problem), &problem);
    r.store_us += clock_monotonic_us() - from_us;
    shard_copy_end(shard, true);
    buffer_fini(&rows);
    buffer_fini(&problem);
    return r;
}

static void print_round(const char *what, const struct round *r)
{
    printf("  %-26s %8" PRId64
           " rows of %.0f bytes; copied in %.1f ms, the longest slice %.2f ms; on disk after %.0f ms\n",
           what, r->rows, (double)r->bytes / (double)r->rows, (double)r->copy_us / 1000, (double)r->longest_us / 1000,
           (double)r->store_us / 1000);
}

static bool take_row(void *context, const struct stored_row *row)
{
    return restoration_take(context, row);
}

/* One event each for a thousandth of the deals. */
static void change_some(struct shard *shard, const struct sales_floor *f)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    for (int64_t deal = 0; deal < f->deals; deal += 1000) {
        struct event_builder b;
        char key[24];
        snprintf(key, sizeof key, "D%07" PRId64, deal);
        event_begin(&b, memory, KIND_DEAL, text_of(key));
        event_add_number(&b, DEAL_AMOUNT, 1000000 + deal);
        event_finish(&b, FLOOR_UNTIL_US + deal, 0, false, TEXT(""));
        shard_apply(shard, (const struct event *)(const void *)memory);
    }
}

static void print_restart(const struct config *config, const struct calendar *calendar, const char *folder)
{
    struct buffer problem;
    buffer_init(&problem);
    int64_t begun_us = clock_monotonic_us();
    struct restoration *r = restoration_create();
    must(store_read_apart(folder, take_row, r, &problem), &problem);
    int64_t read_us = clock_monotonic_us(), cpu_us = clock_cpu_us();
    struct shard *shard = shard_restore(config, calendar, r, FLOOR_UNTIL_US);
    int64_t derived_us = clock_monotonic_us();
    cpu_us = clock_cpu_us() - cpu_us;
    int64_t records = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        records += shard_records(shard, k);
    printf("  restart: %" PRId64 " records in %.2f s: read %.2f, derived %.2f (processor time %.2f, %.2f us a "
           "record)\n",
           records, (double)(derived_us - begun_us) / 1e6, (double)(read_us - begun_us) / 1e6,
           (double)(derived_us - read_us) / 1e6, (double)cpu_us / 1e6, (double)cpu_us / (double)records);
    shard_destroy(shard);
    buffer_fini(&problem);
}

/* Fills a store in the folder, and restarts from it. */
static void run_in(const char *folder, int64_t deals)
{
    struct sales_floor f = sales_floor_of(deals);
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    struct shard *shard = shard_create(config, calendar);
    struct buffer problem;
    struct store *store;
    struct store_size size;
    buffer_init(&problem);
    shard_store_changes(shard);
    sales_floor_tell(&f, shard);
    must(store_open_sized(folder, STORE_WRITE, MAP_BYTES, &store, &problem), &problem);
    printf("\n%" PRId64 " deals\n", deals);
    struct round all = store_round(shard, store);
    print_round("all of it:", &all);
    change_some(shard, &f);
    struct round some = store_round(shard, store);
    print_round("a thousandth of the deals:", &some);
    must(store_size(store, &size, &problem), &problem);
    printf("  on disk %.1f MiB, %.0f bytes a row\n", (double)size.file_bytes / 1048576,
           (double)size.file_bytes / (double)size.rows);
    store_close(store);
    shard_destroy(shard);
    print_restart(config, calendar, folder);
    fflush(stdout);
    buffer_fini(&problem);
    calendar_destroy(calendar);
    config_destroy(config);
}

static void run(int64_t deals)
{
    char folder[] = "/tmp/kpid-bench-XXXXXX", command[64];
    REQUIRE(mkdtemp(folder) != NULL);
    run_in(folder, deals);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    REQUIRE(system(command) == 0);
}

static void restart_from(const char *folder)
{
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    print_restart(config, calendar, folder);
    calendar_destroy(calendar);
    config_destroy(config);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {4000, 40000, 400000};
    if (argc == 4 && strcmp(argv[1], "keep") == 0) {
        run_in(argv[3], strtoll(argv[2], NULL, 10));
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "from") == 0) {
        restart_from(argv[2]);
        return 0;
    }
    for (int i = 1; i < argc; i++)
        run(strtoll(argv[i], NULL, 10));
    for (unsigned i = 0; argc < 2 && i < sizeof usual / sizeof *usual; i++)
        run(usual[i]);
    return 0;
}
