/* What is not rendered because nothing it is made of has changed is as if it were: two publishers follow one history, one of
 * which renders everything and writes whole keys, and what stands in the Redis of each is the same, with as_of and seq. */
#include "aggregators/snapshot_fill.h"
#include "publishers/scribe.h"
#include "tests/publishers/publisher_fixture.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct pair {
    struct fixture f; /* its publisher is the one that skips */
    struct redis_server *server;
    struct publisher *whole;
};

static void restart(struct pair *p)
{
    fixture_publisher(&p->f, "skips", false);
    publisher_destroy(p->whole);
    freeReplyObject(redis_ask(p->server, "DEL kpid:{default}:lease"));
    p->whole =
        publisher_create(p->f.core.config, &(struct publisher_options){.instance = "whole", .renders_all = true});
}

static void step(struct pair *p, bool everything)
{
    struct fixture *f = &p->f;
    everything = everything || publisher_wants_everything(f->publisher) || publisher_wants_everything(p->whole);
    core_cut(f->core.shard, READER_PUBLISHER, everything, f->snapshot);
    fixture_point_at(f, redis_server_port(f->server));
    publisher_step(f->publisher, f->clock_us, f->snapshot, NULL);
    fixture_point_at(f, redis_server_port(p->server));
    publisher_step(p->whole, f->clock_us, f->snapshot, NULL);
}

static void settle(struct pair *p)
{
    struct publisher_status a, b;
    for (int i = 0; i < 50; i++) {
        step(p, false);
        publisher_status(p->f.publisher, &a);
        publisher_status(p->whole, &b);
        if (a.state == PUBLISHER_CURRENT && b.state == PUBLISHER_CURRENT)
            return;
        p->f.clock_us += 10 * SECOND;
    }
    REQUIRE(!"the publishers never settled");
}

static void own_kpi(struct config *c)
{
    char why[240];
    c->kpis = must_zalloc(sizeof *c->kpis);
    c->kpi_count = 1;
    struct own_kpi_config *k = c->kpis;
    k->name = must_strdup("own");
    k->label = must_strdup("own");
    k->label_ru = must_strdup("own");
    k->formula_text = must_strdup("won_amount / leads");
    k->filter_text = must_strdup("manager != \"nobody\"");
    REQUIRE(formula_parse(text_of(k->formula_text), &k->formula, why, sizeof why));
    REQUIRE(name_filter_parse(text_of(k->filter_text), &k->filter, why, sizeof why));
    k->sample = formula_measure_find(TEXT("leads"));
    k->absent = ABSENT_NONE;
}

static void target(struct fixture *f, int n, const char *kpi, enum dimension d, const char *entity, int64_t value)
{
    char key[16];
    snprintf(key, sizeof key, "T%d", n);
    struct event *e =
        make_event(KIND_TARGET, key, NOW_US - DAY + f->events++ * SECOND,
                   (struct given[]){NUMBER(TARGET_DIMENSION, d), NAME(TARGET_ENTITY, entity), NAME(TARGET_KPI, kpi),
                                    NUMBER(TARGET_PERIOD, PERIOD_MONTH), NUMBER(TARGET_VALUE, value * MICRO),
                                    NUMBER(TARGET_STARTS_ON, NOW_US / DAY / 31 * 31), END});
    e->offset = f->offset++;
    shard_apply(f->core.shard, e);
    free(e);
}

enum { ROUNDS = 60, EVENTS_A_ROUND = 12 };

static void follow(const struct core_variant *variant, bool own)
{
    uint64_t seed = random_seed(3);
    struct random r = {seed};
    struct pair p = {0};
    struct fixture *f = &p.f;
    fixture_init(f, NULL);
    p.server = redis_server_start(0, NULL, NULL);
    core_vary(&f->core, variant);
    if (own)
        own_kpi(f->core.config);
    for (unsigned w = 0; w < f->core.config->window_count; w++)
        f->core.config->publish.boards.window[w] = true;
    fixture_shard(f);
    restart(&p);
    struct event_list events = {0};
    make_history(
        &events, &r,
        &(struct history_options){
            .from_us = NOW_US - 40 * DAY, .span_us = 60 * DAY, .count = ROUNDS * EVENTS_A_ROUND, .records = 40});
    int64_t bytes = 0, bytes_whole = 0, now_us = NOW_US;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t few = random_below(&r, 2) == 0 ? EVENTS_A_ROUND : 1;
        for (size_t i = 0; i < few && round * EVENTS_A_ROUND + i < events.count; i++) {
            events.at[round * EVENTS_A_ROUND + i]->offset = f->offset++;
            shard_apply(f->core.shard, events.at[round * EVENTS_A_ROUND + i]);
        }
        if (random_below(&r, 4) == 0)
            target(f, (int)random_below(&r, 3),
                   random_below(&r, 2) ? "sales_volume"
                   : own               ? "own"
                                       : "csat",
                   DIMENSION_COMPANY, "all", 1 + (int64_t)random_below(&r, 1000));
        /* Also so short a time that fields are known one by one. */
        uint64_t passes = random_below(&r, 4);
        now_us += passes == 0 ? (int64_t)random_below(&r, 40) * HOUR : passes == 1 ? MINUTE : SECOND;
        shard_advance(f->core.shard, now_us);
        f->core.config->publish.max_atomic = random_below(&r, 3) == 0 ? 20 : 100000;
        uint64_t happens = random_below(&r, 20);
        if (happens == 0) {
            freeReplyObject(redis_ask(f->server, "FLUSHALL"));
            freeReplyObject(redis_ask(p.server, "FLUSHALL"));
        } else if (happens == 1) {
            restart(&p);
        }
        if (random_below(&r, 6) == 0)
            step(&p, true);
        settle(&p);
        if (happens > 1) { /* otherwise all is written, by both */
            bytes = fixture_status(f).bytes;
            struct publisher_status status;
            publisher_status(p.whole, &status);
            bytes_whole = status.bytes;
        }
        char *skips = redis_dump_whole(f->server, OWN_KEYS), *whole = redis_dump_whole(p.server, OWN_KEYS);
        cr_assert(eq(str, skips, whole), "SEED=%llu round %zu", (unsigned long long)seed, round);
        free(skips);
        free(whole);
    }
    cr_expect(lt(i64, bytes, bytes_whole), "some of it was left out");
    event_list_fini(&events);
    publisher_destroy(p.whole);
    redis_server_stop(p.server);
    fixture_fini(f);
}

Test(scribe, what_is_skipped_is_as_it_would_be)
{
    follow(&core_variants[0], false);
}

Test(scribe, also_with_own_kpis_and_their_targets)
{
    follow(&core_variants[0], true);
}

Test(scribe, also_with_books_that_are_closed)
{
    unsigned v = 0;
    while (v < CORE_VARIANTS - 1 && core_variants[v].lock == NULL)
        v++;
    follow(&core_variants[v], false);
}

/* Whoever deletes a key gets it back whole with its next change, not the half that has changed. */
Test(scribe, a_key_that_was_lost_is_written_whole)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "lost", 100, NOW_US - HOUR);
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "DEL kpid:{default}:kpi:manager:month:Ada"));
    fixture_deal(&f, "3", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_WRONGTYPE], 1));
    f.clock_us += 10 * SECOND;
    fixture_settle(&f);
    char *ideal = fixture_ideal(&f), *stands = redis_dump(f.server, OWN_KEYS);
    cr_expect(eq(str, stands, ideal));
    free(ideal);
    free(stands);
    fixture_fini(&f);
}

struct written {
    bool provisional;
    int64_t waiting_since_us, won_amount, won_more;
};

/* A scribe without Redis. */
struct desk {
    struct config *config;
    struct keys keys;
    struct changes *changes;
    struct batch *batch;
    struct snapshot *snapshot;
    struct scribe scribe;
};

static void desk_init(struct desk *d, bool boards)
{
    d->config = config_default();
    for (unsigned w = 0; w < d->config->window_count; w++)
        d->config->publish.boards.window[w] = boards;
    keys_init(&d->keys, "default");
    d->changes = changes_create(d->config->window_count);
    d->batch = batch_create(d->config, &d->keys, d->changes);
    d->snapshot = snapshot_create();
    scribe_init(&d->scribe, d->config, d->changes, d->batch);
}

static void desk_fini(struct desk *d)
{
    scribe_fini(&d->scribe);
    snapshot_destroy(d->snapshot);
    batch_destroy(d->batch);
    changes_destroy(d->changes);
    keys_fini(&d->keys);
    config_destroy(d->config);
}

/* The windows of one entity, written by hand; keys that have changed by it. */
static int64_t desk_write(struct desk *d, const struct written *what, int64_t as_of_us)
{
    static const bool has_previous[WINDOWS_MAX];
    static const struct accounts accounts;
    static const int64_t none[ODDITY_COUNT + KIND_COUNT];
    struct sums sums = {{0}}, previous = {{0}};
    sums.at[MEASURE_WON] = sums.at[MEASURE_WON_WITH_AMOUNT] = 1 + what->won_more;
    sums.at[MEASURE_WON_AMOUNT] = what->won_amount;
    sums.at[MEASURE_WAITING] = what->waiting_since_us != 0;
    sums.at[MEASURE_WAITING_SINCE_US] = what->waiting_since_us;
    snapshot_begin(d->snapshot, as_of_us, false, d->config->window_count, has_previous, &accounts, none, none);
    for (unsigned w = 0; w < d->config->window_count; w++)
        snapshot_set_provisional(d->snapshot, w, what->provisional);
    snapshot_add_entity(d->snapshot, DIMENSION_MANAGER, TEXT("Ada"), 0);
    for (unsigned w = 0; w < d->config->window_count; w++)
        snapshot_add_sums(d->snapshot, w, &sums, &previous);
    batch_end(d->batch); /* what the one before collected, and nobody has sent */
    batch_begin(d->batch, false);
    for (unsigned w = 0; w < d->config->window_count; w++)
        scribe_window(&d->scribe, d->snapshot, 0, w, TEXT("now"), 1);
    return batch_changed(d->batch);
}

/* Amounts of 5.00 and 6.00 within a second of each other, so that fields are known one by one. */
static void desk_write_twice(struct desk *d)
{
    desk_write(d, &(struct written){.won_amount = 500}, NOW_US);
    desk_write(d, &(struct written){.won_amount = 600}, NOW_US + SECOND);
}

/* What is said of a window beside its sums changes its key; an instant alone does not. */
Test(scribe, what_else_feeds_a_window)
{
    struct desk d;
    desk_init(&d, false);
    struct written w = {0};
    int64_t spans = desk_write(&d, &w, NOW_US);
    cr_expect(lt(i64, 1, spans));
    cr_expect(eq(i64, desk_write(&d, &w, NOW_US + HOUR), 0));
    w.provisional = true;
    cr_expect(eq(i64, desk_write(&d, &w, NOW_US + HOUR), spans));
    cr_expect(eq(i64, desk_write(&d, &w, NOW_US + HOUR), 0));
    w.provisional = false;
    cr_expect(eq(i64, desk_write(&d, &w, NOW_US + HOUR), spans));
    w.waiting_since_us = NOW_US;
    cr_expect(eq(i64, desk_write(&d, &w, NOW_US + HOUR), 1), "`now`");
    cr_expect(eq(i64, desk_write(&d, &w, NOW_US + DAY), 0), "ages by itself");
    desk_fini(&d);
}

/* The command for one key, in words: "HSET deals_won 1 ..."; "" where there is none. */
static const char *command_for(struct desk *d, const char *key)
{
    static char out[4096];
    struct commands c;
    commands_init(&c);
    batch_emit(d->batch, &c);
    buffer_char(&c.bytes, '\0');
    out[0] = '\0';
    char *save, *line = strtok_r(c.bytes.at, "\r\n", &save);
    for (bool is_it = false; line != NULL; line = strtok_r(NULL, "\r\n", &save)) {
        const char *name = strtok_r(NULL, "\r\n", &save); /* behind the count or the length */
        if (line[0] == '*') {
            char *command = strtok_r(NULL, "\r\n", &save);
            is_it = false;
            if (strcmp(command, "HSET") != 0 && strcmp(command, "ZADD") != 0)
                continue;
            strtok_r(NULL, "\r\n", &save);
            if (strcmp(strtok_r(NULL, "\r\n", &save), key) == 0) {
                is_it = true;
                snprintf(out, sizeof out, "%s", command);
            }
        } else if (is_it) {
            strncat(strncat(out, " ", 2), name, 100);
        }
    }
    commands_fini(&c);
    return out;
}

#define MONTH_KEY "kpid:{default}:kpi:manager:month:Ada"

/* Where a window is written again within ten seconds. */
Test(scribe, only_the_fields_that_have_changed)
{
    struct desk d;
    desk_init(&d, true);
    desk_write_twice(&d);
    desk_write(&d, &(struct written){.won_amount = 700}, NOW_US + 2 * SECOND);
    cr_expect(eq(str, (char *)command_for(&d, MONTH_KEY),
                 "HSET sales_volume 7.00 sales_volume.forecast 7.00 average_check 7.00 as_of now seq 1"));
    desk_fini(&d);
}

Test(scribe, only_the_boards_that_have_changed)
{
    struct desk d;
    desk_init(&d, true);
    desk_write_twice(&d);
    desk_write(&d, &(struct written){.won_amount = 700}, NOW_US + 2 * SECOND);
    cr_expect(eq(str, (char *)command_for(&d, "kpid:{default}:board:manager:month:deals_won"), ""));
    desk_write(&d, &(struct written){.won_amount = 800}, NOW_US + 3 * SECOND);
    cr_expect(eq(str, (char *)command_for(&d, "kpid:{default}:board:manager:month:sales_volume"), "ZADD 8.00 Ada"));
    desk_write(&d, &(struct written){.won_amount = 800, .won_more = 1}, NOW_US + 4 * SECOND);
    cr_expect(eq(str, (char *)command_for(&d, "kpid:{default}:board:manager:month:win_rate"), "ZADD 0.342371 Ada"),
              "all are won as before, but the lower edge, by which it ranks, has moved");
    desk_fini(&d);
}

/* What was left alone for longer than that is written once by what is known of its fields still, and then whole. */
Test(scribe, after_a_while_a_whole_piece)
{
    struct desk d;
    desk_init(&d, false);
    desk_write_twice(&d);
    desk_write(&d, &(struct written){.won_amount = 700}, NOW_US + (2 + FIELDS_KEPT_S) * SECOND);
    cr_expect(eq(ptr, changes_slot(d.changes, 0, 0)->fields, NULL));
    desk_write(&d, &(struct written){.won_amount = 800}, NOW_US + (3 + FIELDS_KEPT_S) * SECOND);
    const char *command = command_for(&d, MONTH_KEY);
    cr_expect(not(eq(ptr, (char *)strstr(command, " deals_won.n 1 "), NULL)), "%s", command);
    desk_fini(&d);
}

Test(scribe, what_is_kept_of_fields_is_let_go)
{
    struct desk d;
    desk_init(&d, false);
    desk_write_twice(&d);
    for (unsigned publish = 0; publish < TIDYING_PUBLISHES; publish++)
        changes_tidy(d.changes, NOW_US + (1 + FIELDS_KEPT_S) * SECOND);
    cr_expect(not(eq(ptr, changes_slot(d.changes, 0, 0)->fields, NULL)));
    for (unsigned publish = 0; publish < TIDYING_PUBLISHES; publish++)
        changes_tidy(d.changes, NOW_US + (2 + FIELDS_KEPT_S) * SECOND);
    for (unsigned w = 0; w < d.config->window_count; w++)
        cr_expect(eq(ptr, changes_slot(d.changes, 0, w)->fields, NULL));
    desk_fini(&d);
}

/* A clock that is set back says nothing of how long ago that was; and nothing is known where all is in doubt. */
Test(scribe, fields_are_known_of_a_short_time_ago_alone)
{
    struct desk d;
    desk_init(&d, false);
    desk_write_twice(&d);
    cr_expect(not(eq(ptr, changes_slot(d.changes, 0, 0)->fields, NULL)));
    desk_write(&d, &(struct written){.won_amount = 700}, NOW_US - HOUR);
    cr_expect(eq(ptr, changes_slot(d.changes, 0, 0)->fields, NULL));
    desk_write(&d, &(struct written){.won_amount = 800}, NOW_US - HOUR);
    cr_expect(not(eq(ptr, changes_slot(d.changes, 0, 0)->fields, NULL)));
    struct written same = {.won_amount = 800};
    d.scribe.rendered.provisional = true; /* until something is rendered */
    for (unsigned w = 0; w < d.config->window_count; w++)
        for (unsigned p = 0; p < PIECE_COUNT; p++)
            changes_slot(d.changes, 0, w)->pieces[p].given = 0;
    cr_expect(eq(i64, desk_write(&d, &same, NOW_US), 0));
    cr_expect(d.scribe.rendered.provisional, "it is known to be the same without a look at its pieces");
    changes_doubt(d.changes);
    cr_expect(eq(ptr, changes_slot(d.changes, 0, 0)->fields, NULL));
    cr_expect(eq(i64, desk_write(&d, &same, NOW_US), 0));
    cr_expect(not(d.scribe.rendered.provisional));
    desk_fini(&d);
}

/* Bytes of the publish after a deal's amount has become another one. */
static int64_t bytes_of_change(struct fixture *f, int64_t amount, int64_t now_us)
{
    int64_t before = fixture_status(f).bytes;
    fixture_deal(f, "1", "Ada", "North", "won", amount, NOW_US - HOUR);
    shard_advance(f->core.shard, now_us);
    fixture_step(f);
    return fixture_status(f).bytes - before;
}

/* While a past is read nothing is known of fields: very many of them would change again and again, and then no more. */
Test(scribe, of_a_past_no_fields_are_known)
{
    struct fixture f;
    fixture_init(&f, NULL);
    int64_t now_us = NOW_US, bytes[4];
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    for (int change = 0; change < 4; change++)
        bytes[change] = bytes_of_change(&f, 101 + change, now_us += SECOND);
    cr_expect(eq(i64, bytes[3], bytes[0]), "whole each time");
    fixture_note(&f, EVENT_END, "");
    for (int change = 0; change < 4; change++)
        bytes[change] = bytes_of_change(&f, 201 + change, now_us += SECOND);
    cr_expect(lt(i64, bytes[3], bytes[0]), "then some of them");
    fixture_fini(&f);
}

/* The publisher lets go of it, too: what changes after a while is written whole. */
Test(scribe, a_publisher_lets_go_of_fields)
{
    struct fixture f;
    fixture_init(&f, NULL);
    int64_t now_us = NOW_US, known = 0;
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_note(&f, EVENT_END, "");
    fixture_settle(&f);
    int64_t whole = bytes_of_change(&f, 101, now_us += SECOND);
    for (int amount = 102; amount < 104; amount++)
        known = bytes_of_change(&f, amount, now_us += SECOND);
    cr_expect(lt(i64, known, whole));
    shard_advance(f.core.shard, now_us += (2 + FIELDS_KEPT_S) * SECOND);
    for (unsigned publish = 0; publish < TIDYING_PUBLISHES; publish++)
        fixture_step(&f);
    cr_expect(lt(i64, whole + known, 2 * bytes_of_change(&f, 104, now_us + MILLISECOND)), "nearer to a whole one");
    fixture_fini(&f);
}
