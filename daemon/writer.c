#include "daemon/writer.h"
#include "aggregators/audit.h"
#include "aggregators/event.h"
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/memory_bound.h"
#include "daemon/checkpointer.h"
#include "daemon/writer_budget.h"
#include <pthread.h>
#include <stdlib.h>

/* However quiet it is: so often does it show that it lives. */
#define SLEEP_MAX_MS        500
/* While it is quiet a change is published at once, but not more often than the tick divided by this: a trickle of
 * events costs one snapshot for a few of them, not one each. */
#define QUIET_PER_TICK      5
/* While the past is read, nobody waits for the latest tick. */
#define CATCHING_UP_TICK_MS 1000
/* Nor is the machine to spend most of its time on publishing what is of the past: between two publishes the publisher rests for so many
 * times as long as the last one took, but for no more than FIRST_PER_META_TTL says. */
#define CATCHING_UP_RESTS   3
/* The first snapshot waits for the end of the past, which costs less before anything is derived, but for no more than this share of
 * publish.meta_ttl: readers see that kpid lives. */
#define FIRST_PER_META_TTL  3
/* Nor does it wait longer than until this share of limits.memory_max is used: deriving all at once takes up to as much as is there,
 * and nobody asks for it on the way. */
#define FIRST_PER_MEMORY    2
#define MEMORY_LOOK_US      (10 * MILLISECOND)

struct writer {
    const struct config *config;
    struct shard *shard;
    struct ring *ring;
    struct checkpointer *checkpointer; /* NULL: none */
    struct outlet outlets[READER_COUNT];
    pthread_t thread;
    bool joined;

    /* writer thread only */
    int64_t started_at_us;      /* monotonic */
    int64_t published_at_us;    /* monotonic: the publisher's last cut */
    int64_t preparing_at_us;    /* monotonic: when its next one was begun to be prepared; 0: not yet */
    int64_t cut_took_us;        /* from there until the last one was handed over */
    int64_t alerts_grid;        /* number of the last grid instant that was cut for alerts */
    int64_t cuts[READER_COUNT]; /* done */
    enum reader cutting_for;    /* while shard_is_cutting */
    bool live;                  /* the last cut was */
    int64_t memory_look_at_us;  /* monotonic: before the first cut, of how much memory is used */
    bool memory_is_short;       /* as that showed */
    unsigned batch;             /* events that are taken at a time */
    int64_t settling_at_us;     /* monotonic: since when all is being settled; 0: it is not */
    int64_t audited_at_us;      /* monotonic: the background audit is up to date with this instant */
    int64_t audit_owed;         /* looks at a record that it may take, times the microseconds of a round */
    unsigned audit_slices;      /* since the last cut for the publisher */
    int64_t audit_until;        /* parts: until then it goes as fast as it can */
    int64_t audits_asked_seen;

    /* writer shows, any thread reads */
    struct counter_board board;
    struct counter beats;

    /* any thread asks */
    struct counter audits_asked;

    /* main sets */
    struct flag stopping;
    int64_t chance_ms; /* before `stopping` */
};

static void show(struct writer *w)
{
    const struct accounts *a = shard_accounts(w->shard);
    int64_t row[BOARD_COUNT];
    row[BOARD_READ] = a->read;
    row[BOARD_APPLIED] = a->applied;
    row[BOARD_DUPLICATE] = a->duplicate;
    row[BOARD_SUPERSEDED] = a->superseded;
    row[BOARD_FILTERED] = a->filtered;
    row[BOARD_DEAD_LETTERED] = a->dead_lettered;
    row[BOARD_GAPS] = a->gaps;
    for (int i = 0; i < ERROR_COUNT; i++)
        row[BOARD_DEAD_LETTERED_BY + i] = a->dead_lettered_by[i];
    for (int i = 0; i < KIND_COUNT; i++)
        row[BOARD_RECORDS + i] = shard_records(w->shard, (enum record_kind)i);
    for (int i = 0; i < ODDITY_COUNT; i++)
        row[BOARD_ODDITIES + i] = shard_oddities(w->shard, (enum oddity)i);
    int64_t latest = shard_latest_us(w->shard), now = shard_now_us(w->shard);
    row[BOARD_LATEST_US] = latest == INSTANT_NONE ? 0 : latest;
    row[BOARD_AS_OF_US] = now < 0 ? 0 : now;
    row[BOARD_LIVE] = w->live;
    for (int i = 0; i < READER_COUNT; i++)
        row[BOARD_CUTS + i] = w->cuts[i];
    struct audit_counts audited = shard_audited(w->shard);
    row[BOARD_AUDITED] = audited.entities;
    row[BOARD_AUDIT_DIFFERENCES] = audited.differences;
    counter_board_show(&w->board, row, BOARD_COUNT);
}

_Static_assert(BATCH % SHARD_FETCH == 0 && SETTLING_BATCH <= SHARD_FETCH, "a batch is taken in whole fetches");

/* True: the ring is dry. */
static bool take_batch(struct writer *w)
{
    unsigned most = w->batch < SHARD_FETCH ? w->batch : SHARD_FETCH;
    for (unsigned taken = 0; taken < w->batch; taken += most) {
        const void *some[SHARD_FETCH];
        const struct event *events[SHARD_FETCH];
        unsigned count = ring_front_some(w->ring, some, most);
        for (unsigned i = 0; i < count; i++)
            events[i] = some[i];
        shard_fetch(w->shard, events, count);
        for (unsigned i = 0; i < count; i++)
            shard_apply(w->shard, events[i]);
        if (count > 0)
            ring_pop_some(w->ring);
        if (count < most)
            return true;
    }
    return ring_front(w->ring) == NULL;
}

/* as_of has whole milliseconds. */
static int64_t wall_us(void)
{
    int64_t now = clock_now_us();
    return now - now % MILLISECOND;
}

/* Goes on with the cut at hand. True: it is done. */
static bool cut_step(struct writer *w, unsigned budget)
{
    if (!outlet_cut_step(&w->outlets[w->cutting_for], w->shard, budget, &w->live))
        return false;
    w->cuts[w->cutting_for]++;
    if (w->cutting_for == READER_PUBLISHER) {
        w->cut_took_us = clock_monotonic_us() - w->preparing_at_us;
        w->preparing_at_us = 0;
    }
    return true;
}

static void tell_difference(void *context, const struct audit_difference *d)
{
    (void)context;
    struct buffer live, derived;
    buffer_init(&live);
    buffer_init(&derived);
    int128_format(&live, d->live);
    int128_format(&derived, d->derived);
    LOG(LOG_ERROR, "a number is not what the records say", LOG_TEXT("dimension", dimension_name(d->dimension)),
        LOG_VIEW("entity", d->entity), LOG_TEXT("window", d->window), LOG_TEXT("measure", measure_name(d->measure)),
        LOG_VIEW("live", buffer_view(&live)), LOG_VIEW("derived", buffer_view(&derived)));
    buffer_fini(&live);
    buffer_fini(&derived);
}

/* Parts that it shall do as fast as it can, 0: it is in no hurry. */
static int64_t audit_hurries(struct writer *w)
{
    int64_t asked = counter_get(&w->audits_asked), parts = shard_audited(w->shard).parts;
    if (asked != w->audits_asked_seen) {
        w->audits_asked_seen = asked;
        w->audit_until = parts + 1 + AUDIT_PARTS; /* the part at hand may have begun long ago */
        LOG(LOG_INFO, "audit: every number is derived anew");
    }
    return parts < w->audit_until ? w->audit_until - parts : 0;
}

/* A round looks AUDIT_PARTS times at every record; those looks are spread over the time that it may take. */
static bool audit_is_due(struct writer *w)
{
    if (audit_hurries(w) > 0)
        return true;
    int64_t now_us = clock_monotonic_us(), elapsed_us = now_us - w->audited_at_us;
    w->audited_at_us = now_us;
    int64_t round_us = w->config->audit.round_ms * MILLISECOND, looks = 0;
    if (round_us == 0)
        return false;
    for (int k = 0; k < KIND_COUNT; k++)
        looks += shard_records(w->shard, (enum record_kind)k) * (int64_t)AUDIT_PARTS;
    /* What it could not do within a second it does not run to catch up with. */
    int64_t most = AUDITS_A_CUT * AUDIT_SLICE * round_us;
    if (most < looks * SECOND)
        most = looks * SECOND;
    w->audit_owed += looks * (elapsed_us < SECOND ? elapsed_us : SECOND);
    w->audit_owed = w->audit_owed < most ? w->audit_owed : most;
    /* It would have to settle all that waits for the next cut; before that there is nothing to settle. */
    return w->audit_owed >= AUDIT_SLICE * round_us && shard_is_settled(w->shard);
}

/* True: it did some of it. */
static bool audit(struct writer *w)
{
    if (!audit_is_due(w))
        return false;
    w->audit_slices++;
    int64_t hurries = audit_hurries(w);
    if (hurries == 0)
        w->audit_owed -= AUDIT_SLICE * w->config->audit.round_ms * MILLISECOND;
    /* Who asks for a round does not mind a longer slice. */
    unsigned looks = hurries == 0 ? AUDIT_SLICE : AUDITS_A_CUT * AUDIT_SLICE;
    if (shard_audit(w->shard, looks, tell_difference, NULL) && hurries == 1)
        LOG(LOG_INFO, "audit: done", LOG_NUMBER("differences_ever", shard_audited(w->shard).differences));
    return true;
}

/* Whether all that events have changed is derived, so that a snapshot may be cut. */
static bool is_prepared(struct writer *w)
{
    /* While the past is read, nobody waits for the writer, and all at once costs less. */
    if (!w->live)
        return shard_settle(w->shard, UINT32_MAX) && !shard_has_work(w->shard);
    int64_t now_us = clock_monotonic_us();
    if (w->settling_at_us == 0)
        w->settling_at_us = now_us;
    uint32_t slice = settle_slice(now_us - w->settling_at_us);
    w->batch = SETTLING_BATCH;
    if (!shard_settle(w->shard, slice) || shard_has_work(w->shard))
        return false;
    w->settling_at_us = 0;
    return true;
}

static bool memory_is_short(struct writer *w, int64_t monotonic_us)
{
    int64_t most = w->config->limits.memory_max_bytes;
    if (most > 0 && !w->memory_is_short && monotonic_us >= w->memory_look_at_us) {
        w->memory_is_short = memory_own_bytes() >= most / FIRST_PER_MEMORY;
        w->memory_look_at_us = monotonic_us + MEMORY_LOOK_US;
    }
    return w->memory_is_short;
}

/* Microseconds until the first cut may come, 0: it may. */
static int64_t held_us(struct writer *w)
{
    if (shard_is_begun(w->shard) || shard_is_at_end(w->shard))
        return 0;
    int64_t monotonic_us = clock_monotonic_us();
    int64_t most_us = w->config->publish.meta_ttl_ms * MILLISECOND / FIRST_PER_META_TTL;
    int64_t left_us = w->started_at_us + most_us - monotonic_us;
    return left_us > 0 && !memory_is_short(w, monotonic_us) ? left_us : 0;
}

static void ring_bell(void *ring)
{
    ring_wake(ring);
}

/* True: it is done. */
static bool cut(struct writer *w, enum reader r, unsigned budget)
{
    w->cutting_for = r;
    outlet_cut_begin(&w->outlets[r], w->shard);
    if (shard_cut_left(w->shard) >= CUT_ASIDE_FROM && budget != UINT32_MAX &&
        shard_cut_aside(w->shard, ring_bell, w->ring))
        return false;
    return cut_step(w, budget);
}

static int64_t rest_us(const struct writer *w)
{
    const struct outlet *o = &w->outlets[READER_PUBLISHER];
    if (w->live || shard_is_at_end(w->shard) || outlet_wants_everything(o))
        return 0;
    int64_t rest_us = CATCHING_UP_RESTS * outlet_took_us(o);
    int64_t most_us = w->config->publish.meta_ttl_ms * MILLISECOND / FIRST_PER_META_TTL;
    return rest_us < most_us ? rest_us : most_us;
}

/* Microseconds until the publisher's next snapshot is due, 0 = now, INT64_MAX = it depends on others. */
static int64_t publish_due_us(struct writer *w, bool dry, int64_t monotonic_us)
{
    struct outlet *o = &w->outlets[READER_PUBLISHER];
    if (!outlet_is_ready(o))
        return INT64_MAX; /* a snapshot that comes back rings the bell */
    const struct publish_config *p = &w->config->publish;
    int64_t tick_us = (w->live || p->tick_ms > CATCHING_UP_TICK_MS ? p->tick_ms : CATCHING_UP_TICK_MS) * MILLISECOND;
    int64_t wait_us = p->idle_ms * MILLISECOND; /* so that readers see that kpid lives */
    if (outlet_wants_everything(o) || shard_has_changes(w->shard, READER_PUBLISHER))
        wait_us = dry ? p->tick_ms * MILLISECOND / QUIET_PER_TICK : tick_us;
    else if (!dry && wait_us < tick_us)
        wait_us = tick_us;
    int64_t at_us = w->published_at_us + wait_us, free_at_us = outlet_free_at_us(o) + rest_us(w);
    /* A snapshot that waits for its reader grows old, so it is to be done when the reader is. */
    if (at_us < free_at_us - w->cut_took_us)
        at_us = free_at_us - w->cut_took_us;
    return at_us > monotonic_us ? at_us - monotonic_us : 0;
}

/* The same for alerts. */
static int64_t alerts_due_us(struct writer *w, int64_t now_us)
{
    struct outlet *o = &w->outlets[READER_ALERTS];
    if (!outlet_is_ready(o))
        return INT64_MAX;
    int64_t every_us = w->config->alerts.every_ms * MILLISECOND;
    if (now_us / every_us != w->alerts_grid || outlet_wants_everything(o))
        return 0;
    return every_us - now_us % every_us;
}

/* True: no cut is at hand, and none is being prepared. */
static bool serve(struct writer *w, bool dry)
{
    int64_t monotonic_us = clock_monotonic_us();
    w->batch = BATCH;
    if (publish_due_us(w, dry, monotonic_us) != 0) {
        w->preparing_at_us = 0;
    } else {
        if (w->preparing_at_us == 0)
            w->preparing_at_us = monotonic_us;
        if (!is_prepared(w))
            return false;
        /* It may have turned out that nothing has changed, or the reader may be done, and rest. */
        bool is_due = publish_due_us(w, dry, monotonic_us) == 0;
        /* While events come all is settled only now, so this is when the audit has its turns. */
        if (is_due && w->audit_slices < AUDITS_A_CUT && audit_is_due(w))
            return false;
        w->batch = BATCH;
        w->audit_slices = 0;
        w->published_at_us = is_due ? monotonic_us : w->published_at_us;
        w->preparing_at_us = is_due ? w->preparing_at_us : 0;
        if (is_due && !cut(w, READER_PUBLISHER, CUT_SLICE))
            return false;
    }
    int64_t now_us = shard_now_us(w->shard);
    if (alerts_due_us(w, now_us) == 0) {
        if (!is_prepared(w))
            return false;
        w->batch = BATCH;
        w->alerts_grid = now_us / (w->config->alerts.every_ms * MILLISECOND);
        return cut(w, READER_ALERTS, CUT_SLICE);
    }
    w->settling_at_us = 0;
    return true;
}

static int sleep_ms(struct writer *w)
{
    int64_t now_us = shard_now_us(w->shard); /* not the clock's, which may have been set back */
    int64_t least_us = SLEEP_MAX_MS * MILLISECOND;
    /* Of what is not settled nobody knows yet when it changes next; the next cut settles it. */
    int64_t next = shard_is_settled(w->shard) ? shard_next_change_us(w->shard) : INT64_MAX;
    int64_t held = held_us(w);
    bool cuts = shard_is_whole(w->shard) && held == 0;
    const int64_t due[] = {held > 0 ? held : INT64_MAX,
                           cuts ? publish_due_us(w, true, clock_monotonic_us()) : INT64_MAX,
                           cuts ? alerts_due_us(w, now_us) : INT64_MAX, next == INT64_MAX ? INT64_MAX : next - now_us,
                           w->checkpointer != NULL ? checkpointer_due_us(w->checkpointer, w->shard) : INT64_MAX};
    for (size_t i = 0; i < sizeof due / sizeof *due; i++)
        if (due[i] < least_us)
            least_us = due[i];
    /* Up, never down: a wake-up before the instant would find nothing to do, again and again. */
    return least_us > 0 ? (int)((least_us + MILLISECOND - 1) / MILLISECOND) : 0;
}

static void finish(struct writer *w)
{
    if (shard_is_cutting(w->shard))
        cut_step(w, UINT32_MAX);
    while (!take_batch(w))
        counter_add(&w->beats, 1);
    int64_t deadline_us = clock_monotonic_us() + w->chance_ms * MILLISECOND;
    shard_advance(w->shard, wall_us());
    while (!shard_work(w->shard, WORK_SLICE))
        counter_add(&w->beats, 1);
    bool left[READER_COUNT] = {false};
    for (unsigned done = 0; done < READER_COUNT && shard_is_whole(w->shard);) {
        for (int r = 0; r < READER_COUNT; r++) {
            if (!left[r] && outlet_is_ready(&w->outlets[r])) {
                cut(w, (enum reader)r, UINT32_MAX);
                left[r] = true;
                done++;
            }
        }
        int64_t rest_us = deadline_us - clock_monotonic_us();
        if (rest_us <= 0)
            break;
        if (done < READER_COUNT)
            ring_wait(w->ring, (int)(rest_us / MILLISECOND) + 1);
    }
    if (w->checkpointer != NULL &&
        !checkpointer_finish(w->checkpointer, w->shard, clock_monotonic_us() + w->chance_ms * MILLISECOND))
        LOG(LOG_WARNING, "the last checkpoint could not be stored; what came after the one before is read again");
    show(w);
}

static void *run(void *argument)
{
    struct writer *w = argument;
    while (!flag_get(&w->stopping)) {
        bool dry = take_batch(w);
        if (shard_is_cutting(w->shard)) {
            dry = (cut_step(w, CUT_SLICE) || shard_cut_is_aside(w->shard)) && dry;
        } else {
            shard_advance(w->shard, wall_us());
            shard_drop_quiet(w->shard, dry ? QUIET_LOOKS_DRY : QUIET_LOOKS);
            /* A snapshot of half of a change, or of a restart, would be of nothing that ever stood. */
            if (shard_has_work(w->shard) && !shard_work(w->shard, WORK_SLICE))
                dry = false;
            else if (shard_is_whole(w->shard) && held_us(w) == 0)
                dry = serve(w, dry) && dry;
        }
        if (w->checkpointer != NULL)
            checkpointer_step(w->checkpointer, w->shard);
        if (!shard_is_cutting(w->shard) && audit(w))
            dry = false;
        show(w);
        counter_add(&w->beats, 1);
        if (dry)
            ring_wait(w->ring, shard_cut_is_aside(w->shard) ? SLEEP_MAX_MS : sleep_ms(w));
    }
    finish(w);
    return NULL;
}

struct writer *writer_create(const struct config *config, struct shard *shard, struct ring *ring,
                             struct checkpointer *checkpointer)
{
    struct writer *w = must_zalloc(sizeof *w);
    w->config = config;
    w->ring = ring;
    w->shard = shard;
    w->checkpointer = checkpointer;
    w->started_at_us = clock_monotonic_us();
    w->published_at_us = INT64_MIN / 2;
    w->alerts_grid = -1;
    w->batch = BATCH;
    for (int r = 0; r < READER_COUNT; r++)
        outlet_init(&w->outlets[r], (enum reader)r, ring);
    show(w);
    REQUIRE(pthread_create(&w->thread, NULL, run, w) == 0);
    pthread_setname_np(w->thread, "kpid-writer");
    return w;
}

void writer_stop(struct writer *w, int64_t chance_ms)
{
    if (w->joined)
        return;
    w->chance_ms = chance_ms;
    flag_set(&w->stopping);
    ring_wake(w->ring);
    pthread_join(w->thread, NULL);
    w->joined = true;
}

void writer_destroy(struct writer *w)
{
    if (w == NULL)
        return;
    writer_stop(w, 0);
    for (int r = 0; r < READER_COUNT; r++)
        outlet_fini(&w->outlets[r]);
    shard_destroy(w->shard);
    free(w);
}

void writer_audit_now(struct writer *w)
{
    counter_add(&w->audits_asked, 1);
    ring_wake(w->ring);
}

struct outlet *writer_outlet(struct writer *w, enum reader reader)
{
    return &w->outlets[reader];
}

int64_t writer_beats(const struct writer *w)
{
    return counter_get(&w->beats);
}

void writer_board(const struct writer *w, int64_t *out)
{
    counter_board_read(&w->board, out, BOARD_COUNT);
}
