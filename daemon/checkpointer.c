#include "daemon/checkpointer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "daemon/exchange.h"
#include "daemon/writer_budget.h"
#include <pthread.h>
#include <stdlib.h>

enum { POLL_MS = 50 };

#define RETRY_US (1 * SECOND)

struct batch {
    struct buffer rows;
    bool is_first, is_last;
    bool is_stored;   /* of the last one of a round: the thread's answer */
    int64_t letters;  /* of the last one: dead letters that must have been reported */
    int64_t begun_us; /* of the round */
};

enum round { ROUND_NONE, ROUND_COPIES, ROUND_IS_STORED };

struct checkpointer {
    struct checkpointer_options options;
    pthread_t thread;

    /* writer only */
    enum round round;
    bool first_slice, hurries;
    int64_t due_us, begun_us; /* monotonic */
    int64_t letters_before;   /* that were counted before this process began */
    int64_t letters_at_begin;
    int64_t read_stored, read_at_begin; /* messages */
    int64_t gaps_stored, gaps_at_begin;

    struct exchange exchange; /* of batches from the writer to the thread, which sleeps at its `full` */
    struct flag stopping;

    /* thread only */
    bool failed, was_failing;
    struct buffer problem;

    struct checkpointer_counters counters;
};

/* --- the writer's side -------------------------------------------------------------------------------------------- */

static void collect(struct checkpointer *c, struct shard *shard)
{
    for (const struct batch *b; (b = exchange_collect(&c->exchange)) != NULL;) {
        if (!b->is_last)
            continue;
        REQUIRE(c->round == ROUND_IS_STORED);
        c->round = ROUND_NONE;
        shard_copy_end(shard, b->is_stored);
        if (b->is_stored) {
            c->read_stored = c->read_at_begin;
            c->gaps_stored = c->gaps_at_begin;
            c->due_us = c->begun_us + c->options.every_ms * MILLISECOND;
        } else {
            c->due_us = clock_monotonic_us() + RETRY_US;
        }
    }
}

static bool has_news(const struct checkpointer *c, const struct shard *shard)
{
    const struct accounts *a = shard_accounts(shard);
    return shard_has_unstored(shard) || a->read != c->read_stored || a->gaps != c->gaps_stored;
}

static void begin(struct checkpointer *c, struct shard *shard, int64_t now_us)
{
    const struct accounts *a = shard_accounts(shard);
    shard_copy_begin(shard);
    c->round = ROUND_COPIES;
    c->first_slice = true;
    c->begun_us = now_us;
    c->letters_at_begin = a->dead_lettered - c->letters_before;
    c->read_at_begin = a->read;
    c->gaps_at_begin = a->gaps;
}

static void copy_slice(struct checkpointer *c, struct shard *shard)
{
    struct batch *b = exchange_spare(&c->exchange);
    int64_t began_us = clock_monotonic_us();
    buffer_clear(&b->rows);
    b->is_first = c->first_slice;
    b->is_last = shard_copy_step(shard, COPY_SLICE, &b->rows);
    b->is_stored = false;
    b->letters = c->letters_at_begin;
    b->begun_us = c->begun_us;
    c->first_slice = false;
    int64_t took_us = clock_monotonic_us() - began_us;
    if (took_us > counter_get(&c->counters.longest_slice_us))
        counter_set(&c->counters.longest_slice_us, took_us);
    if (b->is_last)
        c->round = ROUND_IS_STORED;
    exchange_put(&c->exchange, b);
}

void checkpointer_step(struct checkpointer *c, struct shard *shard)
{
    collect(c, shard);
    int64_t now_us = clock_monotonic_us();
    if (c->round == ROUND_NONE && (now_us >= c->due_us || c->hurries) && has_news(c, shard))
        begin(c, shard, now_us);
    if (c->round == ROUND_COPIES && exchange_is_ready(&c->exchange))
        copy_slice(c, shard);
}

int64_t checkpointer_due_us(const struct checkpointer *c, const struct shard *shard)
{
    if (c->round == ROUND_COPIES)
        return exchange_is_ready(&c->exchange) ? 0 : INT64_MAX;
    if (c->round == ROUND_IS_STORED || !has_news(c, shard))
        return INT64_MAX;
    int64_t wait_us = c->due_us - clock_monotonic_us();
    return wait_us > 0 ? wait_us : 0;
}

bool checkpointer_finish(struct checkpointer *c, struct shard *shard, int64_t deadline_us)
{
    c->hurries = true;
    int64_t failed = counter_get(&c->counters.failed);
    for (;;) {
        checkpointer_step(c, shard);
        if (c->round == ROUND_NONE && !has_news(c, shard))
            return true;
        int64_t rest_us = deadline_us - clock_monotonic_us();
        if (rest_us <= 0 || counter_get(&c->counters.failed) > failed + 1)
            return false;
        if (checkpointer_due_us(c, shard) > 0)
            ring_wait(c->exchange.bell, POLL_MS);
    }
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void note(struct checkpointer *c, enum store_result result)
{
    if (result == STORE_OK || c->failed)
        return;
    c->failed = true;
    if (!c->was_failing && result != STORE_FULL)
        LOG(LOG_ERROR, "a checkpoint cannot be stored; kpid goes on, and tries again",
            LOG_VIEW("problem", buffer_view(&c->problem)));
    c->was_failing = c->was_failing || result != STORE_FULL;
}

static void take_rows(struct checkpointer *c, const struct batch *b)
{
    if (b->is_first) {
        c->failed = false;
        note(c, store_begin(c->options.store, &c->problem));
        for (unsigned k = 0; k < KIND_COUNT && !c->failed; k++)
            if (c->options.cleared >> k & 1)
                note(c, store_clear(c->options.store, STORED_EVENTS + k, &c->problem));
    }
    if (!c->failed)
        note(c, store_put(c->options.store, buffer_view(&b->rows), &c->problem));
}

/* False: kpid stops before that. */
static bool wait_for_letters(struct checkpointer *c, int64_t letters)
{
    while (c->options.letters != NULL && counter_get(c->options.letters) < letters) {
        if (flag_get(&c->stopping))
            return false;
        handoff_wait(c->exchange.full, POLL_MS);
    }
    return true;
}

static void tell_stored(struct checkpointer *c, const struct batch *b)
{
    struct text rows = buffer_view(&b->rows);
    struct stored_row row;
    struct cut cut;
    cut_init(&cut);
    while (stored_next(&rows, &row))
        if (row.table == STORED_CUT && cut_read(row.bytes, &cut) && c->options.stored != NULL)
            c->options.stored(c->options.context, &cut);
    cut_fini(&cut);
}

static void commit(struct checkpointer *c, struct batch *b)
{
    if (!c->failed && !wait_for_letters(c, b->letters)) {
        store_abort(c->options.store);
        c->failed = true;
    }
    if (!c->failed)
        note(c, store_commit(c->options.store, &c->problem));
    b->is_stored = !c->failed;
    if (c->failed) {
        store_abort(c->options.store);
        counter_add(&c->counters.failed, 1);
        return;
    }
    if (c->was_failing)
        LOG(LOG_INFO, "checkpoints can be stored again");
    c->was_failing = false;
    c->options.cleared = 0;
    counter_add(&c->counters.stored, 1);
    counter_set(&c->counters.stored_at_us, b->begun_us);
    counter_set(&c->counters.took_us, clock_monotonic_us() - b->begun_us);
    tell_stored(c, b);
}

static void *run(void *argument)
{
    struct checkpointer *c = argument;
    while (!flag_get(&c->stopping)) {
        struct batch *b = exchange_take(&c->exchange);
        if (b == NULL) {
            handoff_wait(c->exchange.full, -1);
            continue;
        }
        take_rows(c, b);
        if (b->is_last)
            commit(c, b);
        if (!c->failed) {
            counter_add(&c->counters.rows, stored_count(buffer_view(&b->rows)));
            counter_add(&c->counters.bytes, (int64_t)b->rows.len);
        }
        exchange_give_back(&c->exchange, b);
    }
    return NULL;
}

static struct batch *create_batch(void)
{
    struct batch *b = must_zalloc(sizeof *b);
    buffer_init(&b->rows);
    return b;
}

static void destroy_batch(void *thing)
{
    struct batch *b = thing;
    buffer_fini(&b->rows);
    free(b);
}

struct checkpointer *checkpointer_create(const struct checkpointer_options *options, struct shard *shard,
                                         struct ring *bell)
{
    struct checkpointer *c = must_zalloc(sizeof *c);
    c->options = *options;
    c->letters_before = shard_accounts(shard)->dead_lettered;
    c->read_stored = shard_accounts(shard)->read;
    c->gaps_stored = shard_accounts(shard)->gaps;
    shard_store_changes(shard);
    c->due_us = clock_monotonic_us() + options->every_ms * MILLISECOND;
    buffer_init(&c->problem);
    exchange_init(&c->exchange, (void *[]){create_batch(), create_batch()}, bell);
    REQUIRE(pthread_create(&c->thread, NULL, run, c) == 0);
    pthread_setname_np(c->thread, "kpid-checkpoint");
    return c;
}

void checkpointer_destroy(struct checkpointer *c)
{
    if (c == NULL)
        return;
    flag_set(&c->stopping);
    handoff_wake(c->exchange.full);
    pthread_join(c->thread, NULL);
    exchange_fini(&c->exchange, destroy_batch);
    store_close(c->options.store);
    buffer_fini(&c->problem);
    free(c);
}

const struct checkpointer_counters *checkpointer_counters(const struct checkpointer *c)
{
    return &c->counters;
}
