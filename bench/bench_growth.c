/* bench_growth.c - whether what an event costs stays the same as a configuration grows: windows 1 to 32, managers 1,000 to
 * 1,000,000, events that come late none to one of ten. Goals: 1.15, 1.3 and 1.15 times.
 *
 * Windows grow in two ways: in number, where the longest is a year all along; and from one of a day, by which rows of two days alone
 * are kept, to 32 of which the longest is without end. The second one measures how long what was is kept, more than how many windows
 * there are.
 *
 * Of each kind of growth all sizes stand in one process, filled alike, and take turns by batches of 500 events: won deals and
 * payments, a tenth of a second of event time a batch. Counted is the processor time of applying them and of moving time on.
 * Windows and late events are measured between cuts, by which busy entities keep more (aggregators/panes.c); cuts themselves are
 * bench_publish's. A million managers are not cut: that would take a minute, and what is asked is the apply.
 *
 * Usage: bench_growth [windows|history|managers|late]... */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/rounds.h"
#include "bench/sales_floor.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 15, BATCHES = 20, BATCH = 500, SIZES_MAX = 3 };

#define BATCH_US (100 * MILLISECOND)
#define FILL_US  (60 * DAY)

static const char one_window[] = "windows: [365d]\n";
static const char one_day[] = "windows: [24h]\n";
static const char usual_windows[] = "limits: {entities_max: 2000000}\n";
static const char all_windows[] =
    "windows: [1h, 2h, 3h, 4h, 6h, 8h, 12h, 16h, 24h, 2d, 3d, 4d, 5d, 6d, 7d, 10d, 14d, 21d, 30d, "
    "45d, 60d, 90d, 180d, 365d, today, yesterday, week, last_week, month, quarter, year, all]\n";

struct size {
    const char *name, *yaml;
    unsigned managers;
    int late_percent;
};

struct growth {
    const char *name, *what;
    double goal; /* the last size against the first */
    int64_t fill;
    bool cuts;
    int size_count;
    struct size sizes[SIZES_MAX];
};

static const struct growth growths[] = {
    {"windows",
     "windows",
     1.15,
     200000,
     true,
     3,
     {{"1", one_window, 1000, 0}, {"12", usual_windows, 1000, 0}, {"32", all_windows, 1000, 0}}},
    {"history", "history", 1.15, 200000, true, 2, {{"a day", one_day, 1000, 0}, {"all", all_windows, 1000, 0}}},
    {"managers",
     "managers",
     1.3,
     2000000,
     false,
     3,
     {{"1,000", usual_windows, 1000, 0},
      {"100,000", usual_windows, 100000, 0},
      {"1,000,000", usual_windows, 1000000, 0}}},
    {"late",
     "late events",
     1.15,
     200000,
     true,
     2,
     {{"none", usual_windows, 1000, 0}, {"10 %", usual_windows, 1000, 10}}},
};

struct stand {
    const struct size *size;
    struct sales_floor floor;
    struct config *config;
    struct calendar *calendar;
    struct shard *shard;
    struct snapshot *snapshot;
    struct buffer batch;
    int64_t number, now_us, round_us;
    double us[ROUNDS], ratio[ROUNDS];
};

/* The next events, the last of them at until_us. Those that are late were before by an hour to thirty days. */
static void tell(struct stand *s, int count, int64_t until_us)
{
    buffer_clear(&s->batch);
    for (int i = 0; i < count; i++, s->number++) {
        int64_t at_us = until_us - (count - 1 - i) * BATCH_US / BATCH;
        if (s->number * 37 % 100 < s->size->late_percent)
            at_us -= HOUR + s->number * 7919 % (30 * DAY / SECOND) * SECOND;
        const struct event *e = sales_floor_live(&s->floor, s->number, at_us);
        buffer_add(&s->batch, e, e->size);
    }
}

static int64_t apply(struct stand *s)
{
    int64_t begun_us = clock_cpu_us();
    for (size_t at = 0; at < s->batch.len;) {
        const struct event *e = (const struct event *)(const void *)(s->batch.at + at);
        shard_apply(s->shard, e);
        at += e->size;
    }
    shard_advance(s->shard, s->now_us);
    while (!shard_work(s->shard, UINT32_MAX))
        ;
    return clock_cpu_us() - begun_us;
}

static void stand_init(struct stand *s, const struct growth *g, const struct size *size)
{
    struct config_problems problems = {0};
    *s = (struct stand){.size = size, .floor = {.managers = size->managers, .teams = 100}};
    s->config = config_parse("bench_growth", size->yaml, strlen(size->yaml), &problems);
    REQUIRE(s->config != NULL);
    config_problems_fini(&problems);
    s->calendar = calendar_create("UTC", 1, 1);
    s->shard = shard_create(s->config, s->calendar);
    s->snapshot = snapshot_create();
    buffer_init(&s->batch);
    sales_floor_open(s->shard);
    for (int64_t done = 0; done < g->fill; done += BATCH) {
        s->now_us = FLOOR_UNTIL_US - FILL_US + done * (FILL_US / g->fill);
        tell(s, BATCH, s->now_us);
        apply(s);
    }
    s->now_us = FLOOR_UNTIL_US;
    if (g->cuts)
        shard_cut(s->shard, READER_PUBLISHER, true, s->snapshot);
}

static void stand_fini(struct stand *s)
{
    buffer_fini(&s->batch);
    snapshot_destroy(s->snapshot);
    shard_destroy(s->shard);
    calendar_destroy(s->calendar);
    config_destroy(s->config);
}

static void measure(const struct growth *g)
{
    static struct stand stands[SIZES_MAX];
    for (int i = 0; i < g->size_count; i++)
        stand_init(&stands[i], g, &g->sizes[i]);
    for (int round = 0; round < ROUNDS; round++) {
        for (int batch = 0; batch < BATCHES; batch++) {
            for (int i = 0; i < g->size_count; i++) {
                struct stand *s = &stands[i];
                s->now_us += BATCH_US;
                tell(s, BATCH, s->now_us);
                s->round_us += apply(s);
                if (g->cuts)
                    shard_cut(s->shard, READER_PUBLISHER, false, s->snapshot);
            }
        }
        for (int i = 0; i < g->size_count; i++) {
            stands[i].us[round] = (double)stands[i].round_us / (BATCHES * BATCH);
            stands[i].ratio[round] = (double)stands[i].round_us / (double)stands[0].round_us;
        }
        for (int i = 0; i < g->size_count; i++)
            stands[i].round_us = 0;
    }
    for (int i = 0; i < g->size_count; i++) {
        double us = median(stands[i].us, ROUNDS), ratio = median(stands[i].ratio, ROUNDS);
        printf("%-12s %-10s %6.2f us an event", g->what, stands[i].size->name, us);
        if (i > 0)
            printf("  %5.2f times", ratio);
        if (i == g->size_count - 1)
            printf(", goal %.2f: %s", g->goal, ratio <= g->goal ? "met" : "missed");
        printf("\n");
        stand_fini(&stands[i]);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    printf("processor time of applying, medians of %d rounds of %d events each, in turns\n", ROUNDS, BATCHES * BATCH);
    for (size_t g = 0; g < sizeof growths / sizeof *growths; g++) {
        bool wanted = argc < 2;
        for (int i = 1; i < argc; i++)
            wanted |= strcmp(argv[i], growths[g].name) == 0;
        if (wanted)
            measure(&growths[g]);
    }
    return 0;
}
