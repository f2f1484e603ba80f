#include "base/calendar.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "daemon/writer.h"
#include "daemon/writer_budget.h"
#include "tests/support/event_maker.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A writer with its ring; the test's thread is the consumer and the readers. */
struct stage {
    struct config *config;
    struct calendar *calendar;
    struct ring *ring;
    struct writer *writer;
    int64_t pushed;
};

static void push_bytes(struct stage *s, const void *event, uint32_t size)
{
    void *room;
    while ((room = ring_reserve(s->ring, size)) == NULL)
        ring_wait_room(s->ring, size, -1);
    memcpy(room, event, size);
    ring_commit(s->ring);
}

static void push_note(struct stage *s, enum event_fate fate, int64_t offset, const char *topic)
{
    _Alignas(8) unsigned char memory[EVENT_SIZE_MAX];
    push_bytes(s, memory, event_note(memory, fate, 0, offset, text_of(topic)));
}

/* Takes the event over. */
static void push_event(struct stage *s, struct event *e)
{
    e->offset = s->pushed++;
    push_bytes(s, e, e->size);
    free(e);
}

static void push_deal(struct stage *s, int64_t number)
{
    char key[32];
    snprintf(key, sizeof key, "d%lld", (long long)number);
    struct event *e =
        make_event(KIND_DEAL, key, 1700000000 * SECOND,
                   (struct given[]){NAME(FIELD_MANAGER, "Ann"), NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, 5 * MICRO),
                                    NUMBER(DEAL_CREATED_AT, 1700000000 * SECOND), END});
    push_event(s, e);
}

/* Readers hear at once that kpid lives. */
enum { QUICK_MS = 3 };

static void stage_init(struct stage *s, int64_t meta_ttl_ms)
{
    *s = (struct stage){.config = config_default()};
    s->config->publish.meta_ttl_ms = meta_ttl_ms;
    s->calendar = calendar_create("UTC", 1, 1);
    s->ring = ring_create(1 << 17);
    s->writer = writer_create(s->config, shard_create(s->config, s->calendar), s->ring, NULL);
    push_note(s, EVENT_SLOT, 0, "deals");
}

static void stage_fini(struct stage *s)
{
    writer_destroy(s->writer);
    ring_destroy(s->ring);
    calendar_destroy(s->calendar);
    config_destroy(s->config);
}

static struct snapshot *next_snapshot(struct outlet *o)
{
    struct snapshot *s;
    while ((s = outlet_take(o)) == NULL)
        handoff_wait(o->exchange.full, -1);
    return s;
}

/* The first snapshot is of the whole past, so that nothing is derived before that; unless the past is too long. */
Test(writer, the_first_snapshot_waits_for_the_end_of_the_past)
{
    struct stage s;
    int64_t begun_us = clock_monotonic_us();
    const int64_t longest_ms = 60000;
    stage_init(&s, longest_ms * 3);
    for (int i = 0; i < 2000; i++)
        push_deal(&s, i);
    push_note(&s, EVENT_END, 2000, "");
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);
    struct snapshot *first = next_snapshot(o);
    bool is_of_all = snapshot_is_live(first) && snapshot_accounts(first)->read == 2000;
    cr_expect(is_of_all || clock_monotonic_us() - begun_us >= longest_ms * MILLISECOND);
    outlet_give_back(o, first);
    stage_fini(&s);
}

/* What Redis gets: first everything, then no older snapshot, at last all events. */
Test(writer, a_reader_sees_everything_and_then_only_newer)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);

    struct snapshot *first = next_snapshot(o);
    cr_expect(snapshot_is_everything(first));
    cr_expect(not(snapshot_is_live(first)));
    outlet_give_back(o, first);

    int64_t read = 0, as_of = 0;
    for (int i = 0; i < 3000; i++)
        push_deal(&s, i % 1000); /* two of three are repeats */
    push_note(&s, EVENT_END, 3000, "");
    bool live = false;
    while (read < 3000 || !live) {
        struct snapshot *next = next_snapshot(o);
        const struct accounts *a = snapshot_accounts(next);
        cr_assert(a->read >= read && snapshot_as_of_us(next) >= as_of);
        cr_assert(eq(i64, a->read, a->applied + a->duplicate + a->superseded + a->dead_lettered + a->filtered));
        read = a->read;
        as_of = snapshot_as_of_us(next);
        live = snapshot_is_live(next);
        cr_assert(eq(i64, as_of % MILLISECOND, 0));
        outlet_give_back(o, next);
    }
    int64_t board[BOARD_COUNT];
    writer_stop(s.writer, 0);
    writer_board(s.writer, board);
    cr_expect(eq(i64, board[BOARD_READ], 3000));
    cr_expect(eq(i64, board[BOARD_APPLIED], 1000));
    cr_expect(eq(i64, board[BOARD_DUPLICATE], 2000));
    cr_expect(eq(i64, board[BOARD_RECORDS + KIND_DEAL], 1000));
    cr_expect(eq(i64, board[BOARD_LIVE], 1));
    stage_fini(&s);
}

/* A dead Redis: the publisher holds both snapshots for ever. Ingest goes on, and nothing grows. */
Test(writer, a_reader_that_holds_everything_stops_nothing)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);
    struct snapshot *first = next_snapshot(o), *second = next_snapshot(o);

    for (int i = 0; i < 20000; i++)
        push_deal(&s, i); /* many times what the ring holds: a writer that waited would hang here */
    writer_stop(s.writer, 1);

    int64_t board[BOARD_COUNT];
    writer_board(s.writer, board);
    cr_expect(eq(i64, board[BOARD_READ], 20000));
    cr_expect(eq(i64, board[BOARD_CUTS + READER_PUBLISHER], 2));
    outlet_give_back(o, first);
    outlet_give_back(o, second);
    stage_fini(&s);
}

static int64_t events_read(const struct stage *s)
{
    int64_t board[BOARD_COUNT];
    writer_board(s->writer, board);
    return board[BOARD_READ];
}

/* A snapshot that waits for its reader grows old: nothing is cut long before the reader can take it, as it said itself. */
Test(writer, what_is_cut_is_new_when_a_slow_reader_takes_it)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);
    struct snapshot *first = next_snapshot(o);
    int64_t now_us = clock_monotonic_us();
    outlet_tell_work(o, now_us - HOUR, now_us);
    outlet_give_back(o, first);
    push_deal(&s, 0);
    struct snapshot *second = next_snapshot(o);

    for (int i = 1; i < 1000; i++)
        push_deal(&s, i);
    while (events_read(&s) < 1000)
        sched_yield();
    cr_expect(eq(ptr, outlet_take(o), NULL));
    outlet_give_back(o, second);
    struct snapshot *third = next_snapshot(o);
    cr_expect(eq(i64, snapshot_accounts(third)->read, 1000));
    outlet_give_back(o, third);
    stage_fini(&s);
}

/* A publisher that lost its connection knows nothing of what stands. */
Test(writer, whoever_asks_gets_everything)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);
    outlet_give_back(o, next_snapshot(o));
    for (int i = 0; i < 100; i++)
        push_deal(&s, i);

    outlet_ask_everything(o);
    for (;;) {
        struct snapshot *next = next_snapshot(o);
        bool everything = snapshot_is_everything(next);
        if (everything)
            cr_expect(snapshot_entity_count(next) <= 2); /* the company and Ann, if they were there */
        outlet_give_back(o, next);
        if (everything)
            break;
    }
    stage_fini(&s);
}

/* SIGTERM: what was read is handed to both readers before the end. */
Test(writer, the_last_snapshot_holds_what_was_in_the_ring)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER), *alerts = writer_outlet(s.writer, READER_ALERTS);
    outlet_give_back(alerts, next_snapshot(alerts));
    outlet_give_back(o, next_snapshot(o));
    for (int i = 0; i < 500; i++)
        push_deal(&s, i);

    /* Both readers go on while the writer stops. */
    struct snapshot *held = NULL, *next;
    writer_stop(s.writer, 10000);
    while ((next = outlet_take(o)) != NULL) {
        if (held != NULL)
            outlet_give_back(o, held);
        held = next;
    }
    cr_assert(held != NULL);
    cr_expect(eq(i64, snapshot_accounts(held)->read, 500));
    outlet_give_back(o, held);
    next = outlet_take(alerts);
    cr_assert(next != NULL);
    cr_expect(eq(i64, snapshot_accounts(next)->read, 500));
    outlet_give_back(alerts, next);
    stage_fini(&s);
}

static void *scrape(void *argument)
{
    struct stage *s = argument;
    int64_t board[BOARD_COUNT], beats = 0;
    do {
        writer_board(s->writer, board);
        /* REQUIRE: an assertion of Criterion's belongs to the test's own thread. */
        REQUIRE(board[BOARD_READ] == board[BOARD_APPLIED] + board[BOARD_DUPLICATE] + board[BOARD_SUPERSEDED] +
                                         board[BOARD_FILTERED] + board[BOARD_DEAD_LETTERED]);
        int64_t now = writer_beats(s->writer);
        REQUIRE(now >= beats);
        beats = now;
    } while (board[BOARD_READ] < 50000);
    return NULL;
}

/* read = applied + ... in every scrape, whenever it comes. */
Test(writer, the_identity_holds_at_every_instant)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    pthread_t scraper;
    REQUIRE(pthread_create(&scraper, NULL, scrape, &s) == 0);
    for (int i = 0; i < 50000; i++)
        push_deal(&s, i % 5000);
    pthread_join(scraper, NULL);
    stage_fini(&s);
}

struct feed {
    struct stage *stage;
    struct flag stop;
    pthread_t thread;
};

static void feed_begin(struct feed *f, struct stage *s, void *(*run)(void *feed))
{
    *f = (struct feed){.stage = s};
    REQUIRE(pthread_create(&f->thread, NULL, run, f) == 0);
}

static void feed_end(struct feed *f)
{
    flag_set(&f->stop);
    pthread_join(f->thread, NULL);
}

/* Each event leaves more than itself to be settled: a deal, its customer, and who it is taken from. */
static void *feed(void *argument)
{
    struct feed *f = argument;
    char key[32], customer[32], manager[32];
    for (int64_t n = 0; !flag_get(&f->stop); n++) {
        snprintf(key, sizeof key, "d%lld", (long long)(n % 3000));
        snprintf(customer, sizeof customer, "c%lld", (long long)(n * 7 % 5000));
        snprintf(manager, sizeof manager, "m%lld", (long long)(n % 31));
        struct event *e = make_event(KIND_DEAL, key, 1700000000 * SECOND + n,
                                     (struct given[]){NAME(FIELD_MANAGER, manager), NAME(FIELD_CUSTOMER, customer),
                                                      NAME(DEAL_STAGE, n % 2 == 0 ? "won" : "proposal"),
                                                      NUMBER(DEAL_AMOUNT, (n % 1000) * MICRO), END});
        push_event(f->stage, e);
    }
    return NULL;
}

/* Until the writer cuts as it does where the past has been read. */
static void become_live(struct stage *s, struct outlet *o)
{
    push_note(s, EVENT_END, 0, "");
    for (bool live = false; !live;) {
        struct snapshot *first = next_snapshot(o);
        live = snapshot_is_live(first);
        outlet_give_back(o, first);
    }
}

/* However fast events come: a writer that settles no faster than it takes them would hang here. */
Test(writer, a_full_ring_does_not_keep_snapshots_back)
{
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);
    become_live(&s, o);
    struct feed f;
    feed_begin(&f, &s, feed);
    writer_audit_now(s.writer);
    int64_t read = 0;
    for (int newer = 0; newer < 10;) {
        struct snapshot *next = next_snapshot(o);
        newer += snapshot_accounts(next)->read > read;
        read = snapshot_accounts(next)->read;
        outlet_give_back(o, next);
    }
    feed_end(&f);
    writer_stop(s.writer, 0);
    int64_t board[BOARD_COUNT];
    writer_board(s.writer, board);
    cr_expect(eq(i64, board[BOARD_AUDIT_DIFFERENCES], 0));
    stage_fini(&s);
}

enum { MANY_MANAGERS = 8 * CUT_ASIDE_FROM };

/* Deals of very many managers, again and again for another amount. */
static void *feed_many(void *argument)
{
    enum { DEALS = 2 * MANY_MANAGERS };
    struct feed *f = argument;
    char key[32], manager[32];
    for (int64_t n = 0; !flag_get(&f->stop); n++) {
        snprintf(key, sizeof key, "d%lld", (long long)(n % DEALS));
        snprintf(manager, sizeof manager, "m%lld", (long long)(n % MANY_MANAGERS));
        struct event *e = make_event(KIND_DEAL, key, 1700000000 * SECOND + n,
                                     (struct given[]){NAME(FIELD_MANAGER, manager), NAME(DEAL_STAGE, "won"),
                                                      NUMBER(DEAL_AMOUNT, (n % 1000) * MICRO), END});
        push_event(f->stage, e);
    }
    return NULL;
}

static int64_t deals_won(const struct config *config, const struct snapshot *s, enum dimension d)
{
    int64_t won = 0;
    int all = config_window_find(config, TEXT("all"));
    for (size_t e = 0; e < snapshot_entity_count(s); e++) {
        struct sums now, before;
        if (snapshot_entity_dimension(s, e) != d)
            continue;
        snapshot_sums(s, e, (unsigned)all, &now, &before);
        won += (int64_t)now.at[MEASURE_WON];
    }
    return won;
}

/* Of the company, to which its managers must add up. */
static int64_t won_by_all(const struct config *config, const struct snapshot *s)
{
    int64_t won = deals_won(config, s, DIMENSION_COMPANY);
    cr_assert(eq(i64, deals_won(config, s, DIMENSION_MANAGER), won));
    return won;
}

/* A thread of its own makes these cuts, with the writer taking events meanwhile: managers add up to the company in each of them, and
 * whatever stands at the end is in the last one. */
Test(writer, a_cut_of_many_entities_is_of_one_instant)
{
    enum { SNAPSHOTS = 10 };
    struct stage s;
    stage_init(&s, QUICK_MS);
    struct outlet *o = writer_outlet(s.writer, READER_PUBLISHER);
    become_live(&s, o);
    struct feed f;
    feed_begin(&f, &s, feed_many);
    for (int large = 0; large < SNAPSHOTS;) {
        outlet_ask_everything(o);
        struct snapshot *next = next_snapshot(o); /* one that was asked for before, or is only of what has changed */
        if (snapshot_is_everything(next)) {
            won_by_all(s.config, next);
            large += snapshot_entity_count(next) > MANY_MANAGERS;
        }
        outlet_give_back(o, next);
    }
    feed_end(&f);
    for (bool last = false; !last;) {
        outlet_ask_everything(o);
        struct snapshot *next = next_snapshot(o);
        last = snapshot_is_everything(next) && snapshot_accounts(next)->read == s.pushed;
        if (last)
            cr_expect(lt(i64, 0, won_by_all(s.config, next)));
        outlet_give_back(o, next);
    }
    writer_stop(s.writer, 0); /* while a cut may be at hand */
    int64_t board[BOARD_COUNT];
    writer_board(s.writer, board);
    cr_expect(eq(i64, board[BOARD_READ], s.pushed));
    stage_fini(&s);
}
