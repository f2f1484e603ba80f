/* A restart is invisible: a shard that is copied while events go on, dies at any point and begins again from what was
 * stored ends in the values of one that ran through; and whatever it shows in between is of one instant. */
#include "aggregators/restoration.h"
#include "aggregators/stored.h"
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/dump.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FROM_US (INT64_C(1709000000) * SECOND)
enum { PARTITIONS = 3 };

/* The topic: each record's events are in one partition, in the order of the history. */
struct log {
    const struct event *at[PARTITIONS][1024];
    size_t count[PARTITIONS];
};

/* The rows that are stored, by (table, number). */
struct store {
    struct stored_row *rows;
    size_t count;
};

static int by_place(const void *a, const void *b)
{
    const struct stored_row *first = a, *second = b;
    if (first->table != second->table)
        return first->table < second->table ? -1 : 1;
    return first->number < second->number ? -1 : first->number > second->number;
}

static void store_put(struct store *s, const struct stored_row *row)
{
    size_t i = 0;
    while (i < s->count && by_place(&s->rows[i], row) != 0)
        i++;
    if (i == s->count) {
        s->rows = must_realloc(s->rows, (s->count + 1) * sizeof *s->rows);
        s->rows[s->count++] = *row;
    } else {
        free((char *)(uintptr_t)s->rows[i].bytes.at);
    }
    char *bytes = must_alloc(row->bytes.len + 1);
    memcpy(bytes, row->bytes.at, row->bytes.len);
    s->rows[i] = (struct stored_row){row->table, row->number, {bytes, row->bytes.len}};
}

static void store_commit(struct store *s, const struct buffer *rows)
{
    struct text left = buffer_view(rows);
    struct stored_row row;
    while (stored_next(&left, &row))
        store_put(s, &row);
    cr_assert(left.len == 0);
    qsort(s->rows, s->count, sizeof *s->rows, by_place);
}

static void store_fini(struct store *s)
{
    for (size_t i = 0; i < s->count; i++)
        free((char *)(uintptr_t)s->rows[i].bytes.at);
    free(s->rows);
}

/* What a law knows beside the events. */
struct trial {
    struct core *core;
    int64_t now_us;
    uint64_t seed;
};

static void deal_out(const struct event_list *events, struct log *out)
{
    *out = (struct log){0};
    for (size_t i = 0; i < events->count; i++) {
        unsigned p = (unsigned)(text_hash(event_key(events->at[i])) % PARTITIONS);
        out->at[p][out->count[p]++] = events->at[i];
    }
}

struct life {
    const struct trial *trial;
    const struct log *log;
    struct random *random;
    struct store *store;
    struct shard *shard;
    size_t next[PARTITIONS];
    struct buffer copied;
    bool copying, copied_all;
};

/* Events that end in memory of their own, since slot and offset are the shard's to read. */
static void apply(struct life *l, unsigned p, size_t offset)
{
    const struct event *e = l->log->at[p][offset];
    struct event *copy = must_alloc(e->size);
    memcpy(copy, e, e->size);
    copy->slot = p;
    copy->offset = (int64_t)offset;
    shard_apply(l->shard, copy);
    free(copy);
}

static void note(struct life *l, enum event_fate fate, unsigned slot, int64_t offset)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    event_note(memory, fate, slot, offset, fate == EVENT_SLOT ? TEXT("events") : TEXT(""));
    shard_apply(l->shard, (const struct event *)(const void *)memory);
}

static void begin(struct life *l)
{
    struct config *config = l->trial->core->config;
    const struct calendar *calendar = l->trial->core->calendar;
    memset(l->next, 0, sizeof l->next);
    l->copying = l->copied_all = false;
    buffer_clear(&l->copied);
    if (l->store->count == 0) {
        l->shard = shard_create(config, calendar);
    } else {
        struct restoration *r = restoration_create();
        for (size_t i = 0; i < l->store->count; i++)
            cr_assert(restoration_take(r, &l->store->rows[i]), "row %u of table %u is refused",
                      l->store->rows[i].number, l->store->rows[i].table);
        for (size_t i = 0; i < r->cut.position_count; i++)
            l->next[r->cut.positions[i].partition] =
                r->cut.positions[i].offset > 0 ? (size_t)r->cut.positions[i].offset : 0;
        l->shard = shard_restore(config, calendar, r, FROM_US);
    }
    shard_store_changes(l->shard);
    for (unsigned p = 0; p < PARTITIONS; p++)
        note(l, EVENT_SLOT, p, (int64_t)p);
}

static void dump(const struct life *l, struct shard *shard, struct buffer *out)
{
    buffer_clear(out);
    dump_shard(out, l->trial->core->config, shard, READER_PUBLISHER);
}

/* What it shows is what a shard says that has read the partitions so far and no further. */
static bool shows_one_instant(struct life *l)
{
    struct shard *twin = shard_create(l->trial->core->config, l->trial->core->calendar);
    struct life other = *l;
    other.shard = twin;
    for (unsigned p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < l->next[p]; i++)
            apply(&other, p, i);
    shard_advance(twin, shard_now_us(l->shard));
    struct buffer expected, actual;
    buffer_init(&expected);
    buffer_init(&actual);
    dump(l, twin, &expected);
    dump(l, l->shard, &actual);
    bool same = text_equal(buffer_view(&expected), buffer_view(&actual));
    buffer_fini(&expected);
    buffer_fini(&actual);
    shard_destroy(twin);
    return same;
}

static void copy_on(struct life *l)
{
    struct random *r = l->random;
    if (!l->copying) {
        shard_copy_begin(l->shard);
        l->copying = true;
        l->copied_all = false;
        buffer_clear(&l->copied);
    } else if (!l->copied_all) {
        l->copied_all = shard_copy_step(l->shard, 1 + (unsigned)random_below(r, 30), &l->copied);
    } else {
        bool is_stored = random_chance(r, 70);
        if (is_stored)
            store_commit(l->store, &l->copied);
        shard_copy_end(l->shard, is_stored);
        l->copying = false;
    }
}

/* False: something that it showed was of no one instant. True: it has read all, or died before. */
static bool live(struct life *l, bool may_die)
{
    struct random *r = l->random;
    begin(l);
    for (;;) {
        unsigned p = (unsigned)random_below(r, PARTITIONS);
        if (l->next[p] < l->log->count[p])
            apply(l, p, l->next[p]++);
        if (random_chance(r, 30))
            copy_on(l);
        if (random_chance(r, 10))
            shard_work(l->shard, (unsigned)random_below(r, 5));
        if (random_chance(r, 20))
            shard_settle(l->shard, (unsigned)random_below(r, 5));
        if (random_chance(r, 5))
            shard_advance(l->shard, l->trial->now_us - random_below(r, 40 * DAY));
        if (random_chance(r, 2) && shard_is_whole(l->shard) && !shows_one_instant(l))
            return false;
        if (may_die && random_chance(r, 1))
            return true;
        bool all_read = true;
        for (unsigned i = 0; i < PARTITIONS; i++)
            all_read = all_read && l->next[i] == l->log->count[i];
        if (all_read)
            break;
    }
    for (unsigned p = 0; p < PARTITIONS; p++)
        note(l, EVENT_END, p, (int64_t)l->log->count[p]);
    return true;
}

static bool is_accounted(const struct life *l)
{
    const struct accounts *a = shard_accounts(l->shard);
    int64_t messages = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        messages += (int64_t)l->log->count[p];
    return a->read == messages && a->read == a->applied + a->duplicate + a->superseded;
}

static bool restarts(void *context, const struct event_list *events)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    struct log log;
    struct store store = {NULL, 0};
    deal_out(events, &log);
    struct life l = {.trial = t, .log = &log, .random = &r, .store = &store};
    buffer_init(&l.copied);
    bool holds = true;
    for (int lives = 6; holds && lives > 0; lives--) {
        holds = live(&l, lives > 1);
        if (lives > 1) {
            shard_destroy(l.shard);
            l.shard = NULL;
        }
    }
    struct buffer through, restarted;
    buffer_init(&through);
    buffer_init(&restarted);
    if (holds) {
        holds = shard_is_whole(l.shard) && is_accounted(&l);
        shard_advance(l.shard, t->now_us);
        dump(&l, l.shard, &restarted);
        struct shard *twin = core_twin(t->core, events, events->count, t->now_us);
        dump(&l, twin, &through);
        for (unsigned k = 0; k < KIND_COUNT; k++)
            holds = holds && shard_records(twin, k) == shard_records(l.shard, k);
        for (unsigned o = 0; o < ODDITY_COUNT; o++)
            holds = holds && shard_oddities(twin, o) == shard_oddities(l.shard, o);
        holds = holds && text_equal(buffer_view(&through), buffer_view(&restarted));
        shard_destroy(twin);
    }
    shard_destroy(l.shard);
    buffer_fini(&through);
    buffer_fini(&restarted);
    buffer_fini(&l.copied);
    store_fini(&store);
    return holds;
}

static void try(const char *name, uint64_t otherwise, void (*prepare)(struct config *config))
{
    uint64_t seed = random_seed(otherwise);
    fprintf(stderr, "SEED=%llu %s\n", (unsigned long long)seed, name);
    struct random r = {seed};
    struct core core;
    core_init(&core, "Europe/Berlin", 1, 1);
    prepare(core.config);
    for (int round = 0, rounds = random_rounds(40); round < rounds; round++) {
        struct event_list events = {0};
        struct history_options o = {.from_us = FROM_US, .span_us = 40 * DAY, .count = 400, .records = 15};
        make_history(&events, &r, &o);
        struct trial trial = {&core, FROM_US + (41 + random_below(&r, 30)) * DAY, random_next(&r)};
        struct law law = {name, restarts, NULL, &trial};
        cr_assert(law_check(&law, &events, &core, trial.now_us), "round %d", round);
        event_list_fini(&events);
    }
    core_fini(&core);
}

static void as_configured(struct config *config)
{
    (void)config;
}

static void credited_at_close(struct config *config)
{
    config->credit = CREDIT_AT_CLOSE;
}

static void booked(struct config *config)
{
    config->corrections = CORRECTIONS_BOOK;
}

static void few_entities(struct config *config)
{
    config->limits.entities_max = 2;
}

Test(restart, is_invisible_where_there_are_too_many_names)
{
    try("restarted-few-entities", 44, few_entities);
}

Test(restart, is_invisible)
{
    try("restarted", 41, as_configured);
}

Test(restart, is_invisible_where_owners_are_kept)
{
    try("restarted-at-close", 42, credited_at_close);
}

Test(restart, is_invisible_where_books_are_kept)
{
    try("restarted-booked", 43, booked);
}
