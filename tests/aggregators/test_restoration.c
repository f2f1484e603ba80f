/* A shard from its rows: with every way of counting what was told comes back, and only what changed is copied again; rows
 * that are damaged, missing or out of order are refused. tests/laws/test_restart.c has the same with events going on. */
#include "aggregators/bulk.h"
#include "aggregators/cut.h"
#include "aggregators/restoration.h"
#include "tests/support/dump.h"
#include "tests/support/story.h"
#include <stdio.h>
#include <string.h>

#define FROM_US (INT64_C(1709000000) * SECOND)
enum { ROWS_MAX = 4000 };

/* Rows by (table, number), each as it was copied last. */
static struct {
    struct stored_row at[ROWS_MAX];
    size_t count;
} store;

static void put(const struct stored_row *row)
{
    size_t i = 0;
    while (i < store.count &&
           (store.at[i].table < row->table || (store.at[i].table == row->table && store.at[i].number < row->number)))
        i++;
    bool is_there = i < store.count && store.at[i].table == row->table && store.at[i].number == row->number;
    cr_assert(store.count < ROWS_MAX);
    if (!is_there)
        memmove(&store.at[i + 1], &store.at[i], (store.count++ - i) * sizeof *row);
    else
        free((char *)(uintptr_t)store.at[i].bytes.at);
    char *bytes = memcpy(must_alloc(row->bytes.len + 1), row->bytes.at, row->bytes.len);
    store.at[i] = (struct stored_row){row->table, row->number, {bytes, row->bytes.len}};
}

static void clear(void)
{
    while (store.count > 0)
        free((char *)(uintptr_t)store.at[--store.count].bytes.at);
}

/* The positions that a shard would go on from are stored again, whether or not a consumer has announced them yet. */
static void expect_positions(struct shard *shard, int64_t first, int64_t second)
{
    struct buffer rows;
    struct stored_row row;
    struct cut cut;
    buffer_init(&rows);
    cut_init(&cut);
    shard_store_changes(shard);
    shard_copy_begin(shard);
    while (!shard_copy_step(shard, 100, &rows))
        ;
    struct text left = buffer_view(&rows);
    while (stored_next(&left, &row) && row.table != STORED_CUT)
        ;
    cr_assert(row.table == STORED_CUT && cut_read(row.bytes, &cut));
    cr_expect(cut.position_count == 2 && cut_find(&cut, TEXT("events"), 0)->offset == first &&
              cut_find(&cut, TEXT("events"), 3)->offset == second);
    shard_copy_end(shard, false);
    cut_fini(&cut);
    buffer_fini(&rows);
}

/* How many records were copied. */
static int copy(bool is_stored)
{
    struct buffer rows;
    struct stored_row row;
    int records = 0;
    buffer_init(&rows);
    shard_copy_begin(core.shard);
    while (!shard_copy_step(core.shard, 7, &rows))
        ;
    struct text left = buffer_view(&rows);
    while (stored_next(&left, &row)) {
        records += row.table >= STORED_RECORDS && row.table < STORED_EVENTS;
        if (is_stored)
            put(&row);
    }
    cr_assert(left.len == 0);
    shard_copy_end(core.shard, is_stored);
    buffer_fini(&rows);
    return records;
}

static void announce(unsigned slot, int64_t partition)
{
    core_note(core.shard, EVENT_SLOT, slot, partition, "events");
}

static void begin(const struct core_variant *v)
{
    setup();
    config_add_input(core.config, KIND_TARGET);
    core_vary(&core, v);
    shard_store_changes(core.shard);
    announce(0, 0);
    announce(1, 3);
}

static void end(void)
{
    clear();
    teardown();
}

static void tell(struct event *e, int64_t offset)
{
    e->slot = 1;
    e->offset = offset;
    shard_apply(core.shard, e);
}

static struct restoration *take_all(void)
{
    struct restoration *r = restoration_create();
    for (size_t i = 0; i < store.count; i++)
        cr_assert(restoration_take(r, &store.at[i]), "row %u of table %u", store.at[i].number, store.at[i].table);
    cr_assert(r->has_cut);
    return r;
}

static void expect_same(struct shard *other)
{
    struct buffer expected, actual;
    buffer_init(&expected);
    buffer_init(&actual);
    dump_shard(&expected, core.config, core.shard, READER_PUBLISHER);
    dump_shard(&actual, core.config, other, READER_PUBLISHER);
    cr_expect(text_equal(buffer_view(&expected), buffer_view(&actual)) && expected.len > 100);
    buffer_fini(&expected);
    buffer_fini(&actual);
}

Test(restoration, what_was_told_comes_back)
{
    struct random r = {random_seed(71)};
    for (unsigned v = 0; v < CORE_VARIANTS; v++) {
        begin(&core_variants[v]);
        struct event_list events = {0};
        struct history_options o = {.from_us = FROM_US, .span_us = 40 * DAY, .count = 500, .records = 15};
        make_history(&events, &r, &o);
        event_list_add(
            &events,
            make_event(KIND_TARGET, "T", FROM_US,
                       (struct given[]){NUMBER(TARGET_DIMENSION, DIMENSION_MANAGER), NAME(TARGET_ENTITY, "Anna"),
                                        NAME(TARGET_KPI, "leads_created"), NUMBER(TARGET_PERIOD, PERIOD_MONTH),
                                        NUMBER(TARGET_VALUE, UNITS(3)), NUMBER(TARGET_STARTS_ON, FROM_US / DAY), END}));
        for (unsigned i = 0; i < HISTORY_MAX + 3; i++) /* more than is kept */
            event_list_add(&events, make_event(KIND_DEAL, "H", FROM_US + i,
                                               (struct given[]){NAME(DEAL_STAGE, i % 2 ? "won" : "lost"),
                                                                NAME(FIELD_MANAGER, i % 2 ? "Anna" : "Boris"), END}));
        event_list_shuffle(&events, &r);
        size_t half = events.count / 2;
        for (size_t i = 0; i < half; i++)
            tell(events.at[i], (int64_t)i);
        cr_expect(shard_has_unstored(core.shard));
        copy(false);
        cr_expect(shard_has_unstored(core.shard), "it was not stored");
        int all = copy(true);
        cr_expect(!shard_has_unstored(core.shard) && copy(true) == 0, "nothing has changed since");
        for (size_t i = half; !shard_has_unstored(core.shard); i++) /* one that is outvoted changes nothing */
            tell(events.at[i], (int64_t)i);
        int one = copy(false);
        cr_expect(one >= 1 && one <= 10 && one < all,
                  "one event: its record, and whom it names for the first time: %d of %d", one, all);
        cr_expect(copy(false) == one, "again, since it was not stored");
        for (size_t i = half; i < events.count; i++)
            tell(events.at[i], (int64_t)i);
        copy(true);
        shard_advance(core.shard, FROM_US + 45 * DAY);

        struct restoration *taken = take_all();
        cr_assert(taken->cut.position_count == 2 && taken->cut.keeps == shard_keeps(core.config));
        cr_expect(cut_find(&taken->cut, TEXT("events"), 0)->offset == -1, "nothing was read of it");
        struct cut_position *of = cut_find(&taken->cut, TEXT("events"), 3);
        cr_expect(of->offset == (int64_t)events.count && of->reached == of->offset);
        cr_expect(cut_find(&taken->cut, TEXT("events"), 1) == NULL && cut_find(&taken->cut, TEXT("other"), 3) == NULL);
        struct shard *other = shard_restore(core.config, core.calendar, taken, FROM_US + 45 * DAY);
        cr_expect(shard_is_whole(other));
        cr_expect(memcmp(shard_accounts(other), shard_accounts(core.shard), sizeof(struct accounts)) == 0);
        cr_expect(shard_latest_us(other) == shard_latest_us(core.shard));
        expect_same(other);
        expect_positions(other, -1, (int64_t)events.count);
        shard_destroy(other);
        event_list_fini(&events);
        end();
    }
}

static int by_place(const void *a, const void *b)
{
    const struct stored_row *x = a, *y = b;
    return x->table != y->table ? (x->table < y->table ? -1 : 1) : (x->number > y->number) - (x->number < y->number);
}

/* So many that a thread adds them while more are gathered, and with them come entities of which none was there before. */
Test(restoration, more_than_are_gathered_at_once)
{
    enum { DEALS = 65536 / 2, DEALS_A_MANAGER = 100 };
    begin(&core_variants[0]);
    for (int i = 0; i < DEALS; i++) {
        char deal[16], manager[16];
        snprintf(deal, sizeof deal, "D%d", i);
        snprintf(manager, sizeof manager, "M%d", i / DEALS_A_MANAGER);
        struct event *e = make_event(KIND_DEAL, deal, FROM_US + i * SECOND,
                                     (struct given[]){NAME(FIELD_MANAGER, manager), NAME(DEAL_STAGE, "won"),
                                                      NUMBER(DEAL_AMOUNT, UNITS(i)),
                                                      NUMBER(DEAL_CREATED_AT, FROM_US + i * SECOND), END});
        tell(e, i);
        free(e);
    }
    shard_advance(core.shard, FROM_US + DAY);

    struct buffer bytes;
    buffer_init(&bytes);
    shard_copy_begin(core.shard);
    while (!shard_copy_step(core.shard, 1000, &bytes))
        ;
    size_t count = (size_t)stored_count(buffer_view(&bytes)), taken = 0;
    struct stored_row *rows = must_alloc(count * sizeof *rows);
    struct text left = buffer_view(&bytes);
    while (stored_next(&left, &rows[taken]))
        taken++;
    cr_assert(taken == count && count > DEALS);
    qsort(rows, count, sizeof *rows, by_place);
    struct restoration *r = restoration_create();
    for (size_t i = 0; i < count; i++)
        cr_assert(restoration_take(r, &rows[i]));
    struct shard *other = shard_restore(core.config, core.calendar, r, FROM_US + DAY);
    expect_same(other);
    shard_destroy(other);
    free(rows);
    buffer_fini(&bytes);
    shard_copy_end(core.shard, false);
    end();
}

/* What only a version names is known after a restart as well: its lead comes later. */
Test(restoration, versions_inherit_from_what_comes_later)
{
    begin(&core_variants[1]);
    struct event_list events = {0};
    event_list_add(&events, make_event(KIND_DEAL, "D", at("2024-03-19T00:00:00Z"),
                                       (struct given[]){NAME(DEAL_LEAD, "one"), NAME(DEAL_STAGE, "lost"), END}));
    event_list_add(&events, make_event(KIND_DEAL, "D", at("2024-04-10T00:00:00Z"),
                                       (struct given[]){NAME(DEAL_LEAD, "other"), NAME(DEAL_STAGE, "lost"), END}));
    event_list_add(&events,
                   make_event(KIND_LEAD, "one", at("2024-03-01T00:00:00Z"),
                              (struct given[]){NAME(FIELD_MANAGER, "Anna"), NAME(FIELD_REGION, "North"), END}));
    tell(events.at[0], 0);
    tell(events.at[1], 1);
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    copy(true);
    struct shard *before = core.shard;
    core.shard = shard_restore(core.config, core.calendar, take_all(), at("2024-04-20T00:00:00Z"));
    announce(1, 3);
    tell(events.at[2], 2);
    struct shard *restored = core.shard;
    core.shard = before;
    tell(events.at[2], 2);
    expect(DIMENSION_MANAGER, "Anna", "all", "deals_lost", "");
    expect(DIMENSION_MANAGER, "Anna", "last_month", "deals_lost", "1");
    expect_same(restored);
    shard_destroy(restored);
    event_list_fini(&events);
    end();
}

/* Each row is left out, comes twice, or is cut short by a byte: it, or one after it, is refused, or nobody needed it. */
Test(restoration, rows_that_are_not_whole_are_refused)
{
    struct random r = {random_seed(72)};
    begin(&core_variants[3]);
    struct event_list events = {0};
    struct history_options o = {.from_us = FROM_US, .span_us = 40 * DAY, .count = 60, .records = 3};
    make_history(&events, &r, &o);
    for (size_t i = 0; i < events.count; i++)
        tell(events.at[i], (int64_t)i);
    copy(true);
    for (size_t victim = 0; victim < store.count; victim++) {
        const struct stored_row *row = &store.at[victim];
        bool is_last = victim + 1 == store.count || store.at[victim + 1].table != row->table;
        for (int how = 0; how < 3; how++) {
            struct restoration *taken = restoration_create();
            bool whole = true;
            for (size_t i = 0; whole && i < store.count; i++) {
                struct stored_row changed = store.at[i];
                changed.bytes.len -= i == victim && how == 2;
                if (i != victim || how != 0)
                    whole = restoration_take(taken, &changed);
                if (whole && i == victim && how == 1)
                    whole = restoration_take(taken, &changed);
            }
            whole = whole && taken->has_cut;
            bool is_text = row->table < STORED_RECORDS,
                 is_events = row->table >= STORED_EVENTS && row->table < STORED_CUT;
            /* The last of its table may be one that nothing names; events are kept where there are some; a shorter name is
             * a name, and two rows of the same text are the same. */
            bool is_given = row->table == STORED_WORDS && row->number < 2; /* "won" and "lost" */
            bool may_pass = (how == 0 && (is_last || is_events || is_given)) || (is_text && how > 0);
            cr_expect(!whole || may_pass, "row %u of table %u, %d", row->number, row->table, how);
            restoration_destroy(taken);
        }
    }
    /* A payment of a deal that there is not; and tables that there are not. */
    struct restoration *taken = restoration_create();
    bool whole = true;
    for (size_t i = 0; i < store.count && store.at[i].table <= STORED_RECORDS + KIND_PAYMENT; i++)
        if (store.at[i].table != STORED_RECORDS + KIND_DEAL)
            whole = whole && restoration_take(taken, &store.at[i]);
    cr_expect(!whole);
    const struct ledger *l = &taken->ledger;
    int64_t leads = l->keys[KIND_LEAD].count, managers = l->names[DIMENSION_MANAGER].count;
    cr_expect(leads > 0 && ledger_holds(l, KIND_DEAL, DEAL_LEAD, leads - 1) &&
              !ledger_holds(l, KIND_DEAL, DEAL_LEAD, leads) && !ledger_holds(l, KIND_DEAL, DEAL_LEAD, -1));
    cr_expect(managers > 0 && ledger_holds(l, KIND_DEAL, FIELD_MANAGER, managers - 1) &&
              !ledger_holds(l, KIND_DEAL, FIELD_MANAGER, managers));
    cr_expect(!restoration_take(taken, &(struct stored_row){STORED_NAMES + DIMENSION_COMPANY, 0, TEXT("all")}),
              "the company's name is the configuration's");
    cr_expect(!restoration_take(taken, &(struct stored_row){STORED_TABLE_COUNT, 0, TEXT("")}), "no table");
    restoration_destroy(taken);
    event_list_fini(&events);
    end();
}

/* What tests/fuzz/fuzz_checkpoint.c begins with: rows as this kpid writes them, behind a byte that says by which configuration. Else it
 * would try nothing but what the first look at a row refuses. */
static void corpus_file(unsigned choice, int count, struct buffer *out)
{
    static const unsigned variants[] = {0, 4, 1}; /* credit and corrections as there */
    struct random r = {73};
    begin(&core_variants[variants[choice]]);
    struct event_list events = {0};
    struct history_options o = {.from_us = FROM_US, .span_us = 40 * DAY, .count = count, .records = 3};
    make_history(&events, &r, &o);
    for (size_t i = 0; i < events.count; i++)
        tell(events.at[i], (int64_t)i);
    copy(true);
    buffer_init(out);
    buffer_char(out, (char)choice);
    for (size_t i = 0; i < store.count; i++) {
        size_t begun = stored_begin(out, store.at[i].table, store.at[i].number);
        buffer_text(out, store.at[i].bytes);
        stored_end(out, begun);
    }
    event_list_fini(&events);
    end();
}

Test(restoration, the_corpus_of_the_fuzz_target_is_fresh)
{
    const char *root = getenv("SOURCE_DIR");
    bool writes = getenv("WRITE_CORPUS") != NULL;
    for (unsigned choice = 0; choice < 3; choice++)
        for (int count = 12; count <= 60; count += 48) {
            char path[512];
            static char there[1 << 16];
            struct buffer made;
            corpus_file(choice, count, &made);
            snprintf(path, sizeof path, "%s/tests/fuzz/corpus/checkpoint/history-%u-%d", root != NULL ? root : ".",
                     choice, count);
            FILE *f = fopen(path, writes ? "w+b" : "rb");
            cr_assert(f != NULL, "%s (set SOURCE_DIR)", path);
            if (writes)
                fwrite(made.at, 1, made.len, f);
            rewind(f);
            size_t len = fread(there, 1, sizeof there, f);
            fclose(f);
            cr_expect(len == made.len && memcmp(there, made.at, len) == 0, "%s is stale: run this with WRITE_CORPUS=1",
                      path);
            buffer_fini(&made);
        }
}

Test(restoration, the_bytes_of_copying)
{
    struct ledger l;
    struct copying c;
    ledger_init(&l);
    copying_init(&c);
    struct stored_counts none = stored_counts_of(&l);
    cr_expect(none.keys[KIND_COUNT - 1] == 0 && none.names[0] == l.names[0].count && none.words == l.words.count);
    copying_use(&c, &none);
    cr_expect(copying_bytes(&c) == 0);
    struct record *r = record_create(KIND_TARGET, 0);
    copying_note(&c, r);
    uint64_t noted = copying_bytes(&c);
    cr_expect(noted >= sizeof(uint32_t) && noted <= 1024, "%llu", (unsigned long long)noted);
    copying_begin(&c);
    cr_expect(copying_bytes(&c) == noted, "they are the same, in another list");
    r->flags = 0;
    copying_note(&c, r);
    cr_expect(copying_bytes(&c) == 2 * noted);
    record_destroy(r);
    copying_fini(&c);
    ledger_fini(&l);
}

static struct cut a_cut(void)
{
    struct cut c;
    cut_init(&c);
    c.keeps = CUT_KEEPS_BOOKS;
    c.now_us = 5;
    c.latest_us = 4;
    c.accounts =
        (struct accounts){.read = 21, .applied = 1, .duplicate = 2, .superseded = 3, .dead_lettered = 7, .filtered = 8};
    c.accounts.dead_lettered_by[0] = 3;
    c.accounts.dead_lettered_by[ERROR_COUNT - 1] = 4;
    struct cut_position *p = cut_add(&c, TEXT("deals"), 2);
    p->offset = 10;
    p->reached = 10;
    p = cut_add(&c, TEXT("leads"), 0);
    p->offset = 5;
    p->reached = 6;
    p->has_message = true;
    p->message_offset = 3;
    p->kafka_ms = 9;
    p->hash = 99;
    return c;
}

static bool is_read(const struct buffer *b, struct cut *out)
{
    cut_init(out);
    return cut_read(buffer_view(b), out);
}

/* Writes a cut that was changed, and reads it. */
static bool holds(void (*change)(struct cut *c))
{
    struct cut c = a_cut(), out;
    struct buffer b;
    buffer_init(&b);
    change(&c);
    cut_write(&c, &b);
    bool taken = is_read(&b, &out);
    cut_fini(&out);
    cut_fini(&c);
    buffer_fini(&b);
    return taken;
}

static void nothing(struct cut *c)
{
    (void)c;
}
static void one_more_read(struct cut *c)
{
    c->accounts.read++;
}
static void one_more_reason(struct cut *c)
{
    c->accounts.dead_lettered_by[1]++;
}
static void one_less(struct cut *c)
{
    c->accounts.applied -= 2, c->accounts.read -= 2;
}
static void a_reason_less(struct cut *c)
{
    c->accounts.dead_lettered_by[0] = -1, c->accounts.dead_lettered_by[1] = 4;
}
static void no_partition(struct cut *c)
{
    c->positions[0].partition = -1;
}
static void reached_before(struct cut *c)
{
    c->positions[0].reached = 9;
}
static void before_all(struct cut *c)
{
    c->positions[1].offset = -2;
}
static void no_time(struct cut *c)
{
    c->now_us = INSTANT_END;
}

/* Four numbers are at the head of a cut; after its 88 bytes come the counts of reasons. */
enum { REASONS_AT = 2, ZERO_AT = 3, HEAD_BYTES = 88 };

static bool is_read_with(const struct buffer *whole, int at, const void *inserted, size_t size)
{
    struct buffer b;
    struct cut out;
    buffer_init(&b);
    size_t first = HEAD_BYTES + ERROR_COUNT * sizeof(int64_t);
    buffer_add(&b, whole->at, first);
    buffer_add(&b, inserted, size);
    buffer_add(&b, whole->at + first, whole->len - first);
    ((uint32_t *)(void *)b.at)[at]++;
    bool taken = is_read(&b, &out);
    cut_fini(&out);
    buffer_fini(&b);
    return taken;
}

Test(restoration, a_cut_with_a_head_that_nobody_wrote_is_refused)
{
    struct cut c = a_cut();
    struct buffer b;
    buffer_init(&b);
    cut_write(&c, &b);
    cr_expect(!is_read_with(&b, REASONS_AT, &(int64_t){0}, sizeof(int64_t)), "one reason more than there are");
    cr_expect(!is_read_with(&b, ZERO_AT, "", 0));
    cut_fini(&c);
    buffer_fini(&b);
}

Test(restoration, a_cut_is_read_as_it_was_written)
{
    struct cut c = a_cut(), out;
    struct buffer b;
    buffer_init(&b);
    cut_write(&c, &b);
    cr_assert(is_read(&b, &out));
    cr_expect(out.keeps == c.keeps && out.now_us == 5 && out.latest_us == 4);
    cr_expect(memcmp(&out.accounts, &c.accounts, sizeof c.accounts) == 0);
    cr_assert(out.position_count == 2);
    cr_expect_str_eq(out.positions[0].topic, "deals");
    cr_expect(out.positions[0].partition == 2 && out.positions[0].offset == 10 && out.positions[0].reached == 10 &&
              !out.positions[0].has_message);
    cr_expect(out.positions[1].partition == 0 && out.positions[1].offset == 5 && out.positions[1].reached == 6 &&
              out.positions[1].has_message && out.positions[1].message_offset == 3 && out.positions[1].kafka_ms == 9 &&
              out.positions[1].hash == 99);
    cut_fini(&out);
    for (size_t len = b.len; len-- > 0;) {
        b.len = len;
        cr_expect(!is_read(&b, &out), "%zu bytes", len);
        cut_fini(&out);
    }
    cut_fini(&c);
    buffer_fini(&b);
    cr_expect(holds(nothing));
    cr_expect(!holds(one_more_read) && !holds(one_more_reason) && !holds(one_less) && !holds(a_reason_less));
    cr_expect(!holds(no_partition) && !holds(reached_before) && !holds(before_all) && !holds(no_time));
}
