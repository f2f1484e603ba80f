/* bench_stall.c - for how long the writer does not look at its ring: a company of 100,000 managers, its events, cuts and
 * checkpoints, over a midnight. Goals: 99.99 of 100 turns within 1 ms, none above 5 ms.
 *
 * The loop is that of daemon/writer.c, with its budgets: up to 512 events, or 8 while it settles, then a slice of the cut at
 * hand, or time moves on and, when the tick has passed, a slice of what is to be settled; once all is, four slices of the audit
 * in turns of their own (the daemon does them as the audit's round demands), and a cut begins, which a thread of its own makes
 * where it is of many entities; then a slice of the checkpoint. One of the cuts is of all there is, into a snapshot that never
 * had any; before it all, a part of the audit runs from its begin to its end by itself. Each of these is a slice, by its kind, and a
 * turn is all that lies between two batches of events. An event is measured alone: the longest of them are those by which a table
 * grows. The writer's processor time, and event time goes on as much as the work took, so that what falls behind stays behind.
 * Where it has nothing to do until that thread is done, event time goes on by the clock. The
 * publisher takes each snapshot at once; the checkpoint's rows go nowhere. Beside it stands a program that does nothing: what a
 * host takes it takes from whoever runs.
 *
 * Usage: bench_stall [MANAGERS [EVENTS A SECOND]] */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/rounds.h"
#include "bench/sales_floor.h"
#include "daemon/writer_budget.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_US       (100 * MILLISECOND)
#define CHECKPOINT_US (5 * SECOND)
#define BEFORE_US     (10 * SECOND) /* of midnight */
#define AFTER_US      (20 * SECOND)
#define FILL_US       (3 * DAY)
#define NOTHING_US    (5 * SECOND)
/* This cut is of all there is, into a snapshot that never had any: as after Redis has come back. */
#define EVERYTHING_AT 100

enum kind { AN_EVENT, TIME, WORK, SETTLING, CUT_BEGIN, CUT, COPY, AUDIT, WHOLE_AUDIT, TURN, NOTHING, KINDS_OF_SLICES };

static const char *const kind_names[] = {
    "an event",         "time moves on",     "work of a change",      "slice of settling",
    "a cut begins",     "slice of a cut",    "slice of a checkpoint", "slice of the audit",
    "of a whole audit", "a turn, all of it", "50 us of nothing"};

struct bench {
    struct sales_floor floor;
    struct config *config;
    struct calendar *calendar;
    struct shard *shard;
    struct snapshot *snapshot, *fresh;
    int64_t number, rate, begin_us, now_us, cut_us, stored_us;
    unsigned audits; /* since the last cut */
    unsigned batch;
    int64_t settling_us; /* since when it settles, 0: it does not */
    int64_t slept_us;    /* in this turn, while a cut was made aside */
    int64_t cuts, checkpoints, rows;
    bool copying;
    struct buffer row_bytes;
    struct slices slices[KINDS_OF_SLICES];
};

static void no_difference(void *context, const struct audit_difference *d)
{
    (void)context;
    REQUIRE(d == NULL); /* the audit found one */
}

static void fill(struct bench *b)
{
    sales_floor_open(b->shard);
    int64_t fill = 4 * (int64_t)b->floor.managers;
    for (; b->number < fill; b->number++)
        shard_apply(b->shard,
                    sales_floor_live(&b->floor, b->number, b->now_us - FILL_US + b->number * (FILL_US / fill)));
    shard_advance(b->shard, b->now_us);
    while (!shard_work(b->shard, UINT32_MAX))
        ;
    shard_cut(b->shard, READER_PUBLISHER, true, b->snapshot);
}

/* A slice that began at from_us ends now. */
static int64_t ended(struct bench *b, enum kind kind, int64_t from_us)
{
    int64_t now_us = clock_own_cpu_us();
    slices_add(&b->slices[kind], now_us - from_us);
    return now_us;
}

/* What the host took from this machine's processors since it runs, 0: it does not say. */
static int64_t stolen_ms(void)
{
    long long ticks = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &ticks) != 1)
        ticks = 0;
    fclose(f);
    return ticks * 1000 / sysconf(_SC_CLK_TCK);
}

/* What a host takes from a virtual processor looks like processor time: in as long as the turns take, of a program that does
 * nothing but look at the clock. */
static void do_nothing(struct bench *b, int64_t for_us)
{
    int64_t begun_us = clock_own_cpu_us(), from_us = begun_us;
    while (from_us - begun_us < for_us) {
        int64_t at_us = from_us;
        while (at_us - from_us < 50)
            at_us = clock_own_cpu_us();
        slices_add(&b->slices[NOTHING], at_us - from_us);
        from_us = at_us;
    }
}

/* Those that have come by now; an event's instant is the one by which it comes. */
static int64_t take_batch(struct bench *b, int64_t at_us)
{
    int64_t told = (b->now_us - b->begin_us) * b->rate / SECOND, first = 4 * (int64_t)b->floor.managers;
    for (unsigned i = 0; i < b->batch && b->number - first < told; i++, b->number++) {
        const struct event *e =
            sales_floor_live(&b->floor, b->number, b->begin_us + (b->number - first) * SECOND / b->rate);
        at_us = clock_own_cpu_us();
        shard_apply(b->shard, e);
        at_us = ended(b, AN_EVENT, at_us);
    }
    return at_us;
}

/* A part of the audit from its begin to its end, with nothing in between: while events come it would take a day. */
static void audit_a_part(struct bench *b)
{
    while (shard_audited(b->shard).parts == 0) {
        int64_t from_us = clock_own_cpu_us();
        shard_audit(b->shard, AUDIT_SLICE, no_difference, NULL);
        ended(b, WHOLE_AUDIT, from_us);
    }
}

static int64_t copy(struct bench *b, int64_t at_us)
{
    if (!b->copying) {
        if (b->now_us - b->stored_us < CHECKPOINT_US || !shard_has_unstored(b->shard))
            return at_us;
        shard_copy_begin(b->shard);
        b->copying = true;
        b->stored_us = b->now_us;
        b->checkpoints++;
    }
    buffer_clear(&b->row_bytes);
    if (shard_copy_step(b->shard, COPY_SLICE, &b->row_bytes)) {
        shard_copy_end(b->shard, true);
        b->copying = false;
    }
    return ended(b, COPY, at_us);
}

/* Goes on with the cut at hand; `dry`: there are no events. */
static int64_t cut(struct bench *b, int64_t at_us, bool dry)
{
    bool sleeps = dry && shard_cut_is_aside(b->shard);
    int64_t from_us = clock_monotonic_us();
    shard_cut_step(b->shard, sleeps ? UINT32_MAX : CUT_SLICE);
    b->slept_us = sleeps ? clock_monotonic_us() - from_us : 0;
    return ended(b, CUT, at_us);
}

static int64_t serve(struct bench *b, int64_t at_us, bool dry)
{
    bool cutting = shard_is_cutting(b->shard);
    if (!cutting) {
        b->batch = BATCH;
        shard_advance(b->shard, b->now_us - b->now_us % MILLISECOND);
        shard_drop_quiet(b->shard, dry ? QUIET_LOOKS_DRY : QUIET_LOOKS);
        at_us = ended(b, TIME, at_us);
        if (shard_has_work(b->shard)) {
            bool done = shard_work(b->shard, WORK_SLICE);
            at_us = ended(b, WORK, at_us);
            if (!done)
                return at_us;
        }
        if (b->now_us - b->cut_us < TICK_US || !shard_has_changes(b->shard, READER_PUBLISHER))
            return at_us;
        b->batch = SETTLING_BATCH;
        b->settling_us = b->settling_us == 0 ? b->now_us : b->settling_us;
        bool settled = shard_settle(b->shard, settle_slice(b->now_us - b->settling_us));
        at_us = ended(b, SETTLING, at_us);
        if (!settled || shard_has_work(b->shard))
            return at_us;
        b->settling_us = 0;
        if (b->audits < AUDITS_A_CUT) {
            b->audits++;
            shard_audit(b->shard, AUDIT_SLICE, no_difference, NULL);
            return ended(b, AUDIT, at_us);
        }
        b->audits = 0;
        b->batch = BATCH;
        b->cut_us = b->now_us;
        bool everything = b->cuts == EVERYTHING_AT;
        shard_cut_begin(b->shard, READER_PUBLISHER, everything, everything ? b->fresh : b->snapshot);
        if (shard_cut_left(b->shard) >= CUT_ASIDE_FROM)
            shard_cut_aside(b->shard, NULL, NULL);
        at_us = ended(b, CUT_BEGIN, at_us);
        b->cuts++;
    }
    return cut(b, at_us, dry);
}

static void turn(struct bench *b)
{
    int64_t number = b->number, begun_us = clock_own_cpu_us(), from_us = take_batch(b, begun_us);
    b->slept_us = 0;
    int64_t at_us = serve(b, from_us, b->number == number);
    at_us = copy(b, at_us);
    slices_add(&b->slices[TURN], at_us - from_us);
    int64_t took_us = at_us - begun_us;
    bool busy =
        shard_is_cutting(b->shard) || b->copying || shard_has_work(b->shard) || b->settling_us != 0 || b->audits > 0;
    b->now_us += b->slept_us;
    b->now_us += busy || took_us > MILLISECOND ? took_us : MILLISECOND;
}

static void print(struct bench *b)
{
    static const int64_t edges_us[] = {10, 100, 1000, 5000, 20000, INT32_MAX};
    enum { EDGES = sizeof edges_us / sizeof *edges_us };
    printf("%-22s %9s %8s %8s %8s %9s   %8s %8s %8s %8s %8s %8s\n", "ms", "slices", "p50", "p99", "p99.99", "longest",
           "<=0.01", "<=0.1", "<=1", "<=5", "<=20", "more");
    for (enum kind k = 0; k < KINDS_OF_SLICES; k++) {
        struct slices *s = &b->slices[k];
        int64_t counts[EDGES] = {0};
        for (size_t i = 0; i < s->count; i++) {
            int edge = 0;
            while (s->us[i] > edges_us[edge])
                edge++;
            counts[edge]++;
        }
        printf("%-22s %9zu %8.3f %8.3f %8.3f %9.3f  ", kind_names[k], s->count, (double)slices_quantile(s, 5000) / 1000,
               (double)slices_quantile(s, 9900) / 1000, (double)slices_quantile(s, 9999) / 1000,
               (double)slices_quantile(s, 10000) / 1000);
        for (int i = 0; i < EDGES; i++)
            printf(" %8" PRId64, counts[i]);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    static struct bench b;
    unsigned managers = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    b.rate = argc > 2 ? strtoll(argv[2], NULL, 10) : 5000;
    REQUIRE(managers > 0 && b.rate > 0);
    b.floor = (struct sales_floor){.managers = managers, .teams = managers / 100 + 1};
    b.config = config_default();
    b.calendar = calendar_create("UTC", 1, 1);
    b.shard = shard_create(b.config, b.calendar);
    b.snapshot = snapshot_create();
    b.fresh = snapshot_create();
    buffer_init(&b.row_bytes);
    shard_store_changes(b.shard);
    b.batch = BATCH;
    b.begin_us = b.now_us = FLOOR_UNTIL_US - BEFORE_US; /* which is a midnight */
    fill(&b);
    int64_t stolen_before_ms = stolen_ms();
    do_nothing(&b, NOTHING_US / 2);
    audit_a_part(&b);
    while (b.now_us < FLOOR_UNTIL_US + AFTER_US)
        turn(&b);
    do_nothing(&b, NOTHING_US / 2);
    REQUIRE(b.cuts > EVERYTHING_AT); /* it settles faster than events come */
    int64_t late = (b.now_us - b.begin_us) * b.rate / SECOND - (b.number - 4 * (int64_t)managers);
    printf("%u managers, %" PRId64 " events a second over midnight, %" PRId64 " cuts, %" PRId64 " checkpoints; %" PRId64
           " events behind at the end\n",
           managers, b.rate, b.cuts, b.checkpoints, late);
    print(&b);
    printf("the host took %" PRId64 " ms from the machine's processors meanwhile\n", stolen_ms() - stolen_before_ms);
    int64_t most = slices_quantile(&b.slices[TURN], 9999), longest = slices_quantile(&b.slices[TURN], 10000);
    int64_t audit_us = slices_quantile(&b.slices[WHOLE_AUDIT], 10000);
    longest = audit_us > longest ? audit_us : longest;
    printf("a turn: p99.99 %.1f ms, goal 1: %s; longest %.1f ms, goal 5: %s\n", (double)most / 1000,
           most <= MILLISECOND ? "met" : "missed", (double)longest / 1000,
           longest <= 5 * MILLISECOND ? "met" : "missed");
    for (enum kind k = 0; k < KINDS_OF_SLICES; k++)
        slices_fini(&b.slices[k]);
    buffer_fini(&b.row_bytes);
    snapshot_destroy(b.snapshot);
    snapshot_destroy(b.fresh);
    shard_destroy(b.shard);
    calendar_destroy(b.calendar);
    config_destroy(b.config);
    return 0;
}
