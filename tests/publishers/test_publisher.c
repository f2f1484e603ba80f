/* Against a real Redis: what readers find there, and that it is always the whole truth of one snapshot. */
#include "tests/publishers/publisher_fixture.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void expect_ideal(struct fixture *f)
{
    char *ideal = fixture_ideal(f), *stands = redis_dump(f->server, OWN_KEYS);
    cr_expect(eq(str, stands, ideal));
    free(ideal);
    free(stands);
}

static void in_team(struct fixture *f, const char *manager, const char *team)
{
    fixture_member(f, manager, (struct given[]){NAME(MEMBER_MANAGER, manager), NAME(MEMBER_TEAM, team), END});
}

/* The contract of readers, field by field. */
Test(publisher, a_first_snapshot_is_readable_by_the_contract)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "won", 51, NOW_US - HOUR);
    fixture_deal(&f, "3", "Ada", "North", "lost", 7, NOW_US - HOUR);
    fixture_deal(&f, "4", "Bob: B", "North", "won", 1, NOW_US - 32 * DAY);
    fixture_note(&f, EVENT_END, "");

    fixture_step(&f);

    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "151.00"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume.n"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "win_rate"), "0.666667"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "win_rate.n"), "3"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "win_rate.prev"), ""));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "leads_created"), ""),
              "a count of 0 is left out");
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "seq"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "as_of"), "2026-03-05T12:00:00.000Z"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Bob: B", "deals_won.prev"), "1"),
              "only a previous value");
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Bob: B", "deals_won"), ""));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:team:month:North", "sales_volume"), "151.00"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:company:all:all", "deals_won"), "3"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "name"), "Ada"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "contract"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "state"), "live"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "epoch"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "instance"), "test"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "offsets"), "{\"deals\":{\"0\":4}}"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "lag"), ""), "unknown");
    cr_expect(eq(str, (char *)fixture_field(&f, "fence", "offsets"), "{\"deals\":{\"0\":4}}"));
    char text[64];
    redis_ask_text(f.server, text, sizeof text, "ZSCORE kpid:{default}:board:manager:month:sales_volume Ada");
    cr_expect(eq(str, text, "151"));
    redis_ask_text(f.server, text, sizeof text, "ZSCORE kpid:{default}:board:manager:month:win_rate Ada");
    cr_expect(eq(flt, strtof(text, NULL), 0.207654F), "the lower edge of the interval");
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "win_rate.low"), "0.207654"));
    cr_expect(ne(ptr, strstr(fixture_field(&f, "catalogue", "win_rate"), "\"rank\":\"low\""), NULL));
    cr_expect(eq(ptr, strstr(fixture_field(&f, "catalogue", "sales_volume"), "rank"), NULL));
    redis_ask_text(f.server, text, sizeof text, "PTTL kpid:{default}:meta");
    cr_expect(lt(int, 0, atoi(text)), "a dead daemon is seen");
    redis_ask_text(f.server, text, sizeof text, "PTTL kpid:{default}:fence");
    cr_expect(eq(str, text, "-1"), "the fence outlives it");
    cr_expect(ne(ptr, strstr(fixture_field(&f, "catalogue", "win_rate"), "\"absent\":\"none\""), NULL));
    expect_ideal(&f);
    fixture_fini(&f);
}

static void expect_tree(struct fixture *f, const char *members)
{
    char text[64];
    redis_ask_text(f->server, text, sizeof text, "OBJECT ENCODING kpid:{default}:board:manager:month:sales_volume");
    cr_expect(eq(str, text, "skiplist"));
    redis_ask_text(f->server, text, sizeof text, "ZCARD kpid:{default}:board:manager:month:sales_volume");
    cr_expect(eq(str, text, (char *)(uintptr_t)members));
}

static long long times_meta_is_extended(struct redis_server *server)
{
    redisReply *log = redis_ask(server, "SLOWLOG GET -1");
    long long times = 0;
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *words = log->element[i]->element[3];
        times += words->elements == 3 && strcmp(words->element[0]->str, "PEXPIRE") == 0 &&
                 strcmp(words->element[1]->str, "kpid:{default}:meta") == 0;
    }
    freeReplyObject(log);
    return times;
}

/* With very many entities it takes longer than publish.meta_ttl, after which readers would take us for dead. */
Test(publisher, a_staged_publish_keeps_meta_alive_on_its_way)
{
    struct fixture f;
    fixture_init(&f, NULL);
    f.core.config->publish.max_atomic = 5;
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 100000"));
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).staged, 1));
    cr_expect(lt(i64, 4, times_meta_is_extended(f.server)), "once with each part, and at the end");
    fixture_fini(&f);
}

/* To change a board that Redis has as a list costs it more than all the rest of a publish. What makes a tree of it does not stay. */
Test(publisher, boards_are_trees_from_their_first_member_on)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_settle(&f);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    expect_tree(&f, "1");
    f.core.config->publish.max_atomic = 1; /* all boards but one are copied */
    fixture_deal(&f, "2", "Bob", "North", "won", 50, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).staged, 1));
    expect_tree(&f, "2");
    fixture_publisher(&f, "test", false); /* which fills anew */
    fixture_settle(&f);
    expect_tree(&f, "2");
    fixture_fini(&f);
}

/* as_of and seq of a hash tell a reader when it last changed. */
Test(publisher, only_what_changed_is_written)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Bob", "South", "won", 50, NOW_US - HOUR);
    fixture_step(&f);
    fixture_deal(&f, "3", "Ada", "North", "won", 1, NOW_US - HOUR);
    shard_advance(f.core.shard, NOW_US + SECOND);

    fixture_step(&f);

    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "seq"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "as_of"), "2026-03-05T12:00:01.000Z"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Bob", "seq"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "2"));

    /* Nothing changed, meta is young: nothing is sent. */
    int64_t bytes = fixture_status(&f).bytes;
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).bytes, bytes));
    fixture_fini(&f);
}

/* publish.idle: so old may as_of be on a quiet floor, however long meta lives. */
Test(publisher, what_the_organisation_says_of_people_and_teams)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Eve", "", "won", 100, NOW_US - HOUR);
    fixture_member(&f, "a",
                   (struct given[]){NAME(MEMBER_MANAGER, "Ada"), NAME(MEMBER_TEAM, "North"),
                                    NAME(MEMBER_NAME, "Ada Lovelace"), NUMBER(MEMBER_LEAD, 1), END});
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "name"), "Ada Lovelace"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "team"), "North"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "active"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Eve", "team"), ""), "she has no row");
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:team:North", "lead"), "Ada"));
    expect_ideal(&f);

    /* No number changes: it is said all the same. What is no longer said goes. */
    fixture_member(&f, "a", (struct given[]){NUMBER(MEMBER_LEAD, 0), CLEARED(MEMBER_NAME), END});
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "name"), "Ada"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:team:North", "lead"), ""));
    expect_ideal(&f);

    fixture_member(&f, "a", (struct given[]){NUMBER(MEMBER_ENDS_AT, NOW_US - MINUTE), END});
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "team"), ""));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "active"), "0"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:team:North", "name"), "North"), "its deals were made then");
    expect_ideal(&f);
    fixture_fini(&f);
}

/* By time alone somebody joins, and becomes the lead. */
Test(publisher, the_organisation_moves_with_time)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_member(&f, "a",
                   (struct given[]){NAME(MEMBER_MANAGER, "Ada"), NAME(MEMBER_TEAM, "North"),
                                    NUMBER(MEMBER_STARTS_AT, NOW_US + HOUR), NUMBER(MEMBER_LEAD, 1), END});
    fixture_member(&f, "b",
                   (struct given[]){NAME(MEMBER_MANAGER, "Ada"), NAME(MEMBER_TEAM, "North"), NAME(MEMBER_NAME, "A. L."),
                                    NUMBER(MEMBER_STARTS_AT, NOW_US + 2 * HOUR), END});
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "active"), "0"), "not yet there");
    shard_advance(f.core.shard, NOW_US + HOUR);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "active"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:team:North", "lead"), "Ada"));
    shard_advance(f.core.shard, NOW_US + 2 * HOUR);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:manager:Ada", "name"), "A. L."), "in the same team");
    cr_expect(eq(str, (char *)fixture_field(&f, "entity:team:North", "lead"), ""));
    expect_ideal(&f);
    fixture_fini(&f);
}

/* A manager's change is a change of all of the team, and of nobody else. */
Test(publisher, strengths_follow_the_whole_team)
{
    struct fixture f;
    fixture_init(&f, NULL);
    in_team(&f, "Ada", "North");
    in_team(&f, "Bob", "North");
    in_team(&f, "Eve", "South");
    in_team(&f, "Kim", "South");
    fixture_deal(&f, "1", "Ada", "", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Ada", "team"), "North"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Ada", "peers"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Ada", "win_rate"), "1.000000"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Ada", "deals.team"), "0.50"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Ada", "strongest"), "deals"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Bob", "weakest"), "deals"), "also without a record");
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Bob", "deals.size"), "50.00"));
    expect_ideal(&f);

    int64_t keys = fixture_status(&f).keys;
    fixture_deal(&f, "2", "Ada", "", "lost", 100, NOW_US - HOUR);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Bob", "win_rate.team"), "0.500000"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Bob", "deals.size"), "50.00"),
              "twice as many, half won");
    cr_expect(lt(i64, keys, fixture_status(&f).keys));
    char text[64];
    redis_ask_text(f.server, text, sizeof text,
                   "EXISTS kpid:{default}:strengths:month:Eve kpid:{default}:strengths:month:Kim");
    cr_expect(eq(str, text, "2"));
    expect_ideal(&f);

    /* Bob leaves: Ada has no peers any more. */
    in_team(&f, "Bob", "South");
    fixture_settle(&f);
    redis_ask_text(f.server, text, sizeof text, "EXISTS kpid:{default}:strengths:month:Ada");
    cr_expect(eq(str, text, "0"));
    cr_expect(eq(str, (char *)fixture_field(&f, "strengths:month:Eve", "peers"), "3"));
    expect_ideal(&f);
    fixture_fini(&f);
}

static void expect_points(struct fixture *f, const char *key, const char *text)
{
    char stands[1024];
    redis_ask_text(f->server, stands, sizeof stands, "GET kpid:{default}:%s", key);
    cr_expect(eq(str, stands, (char *)text), "%s", key);
}

/* Thursday noon; by the next midnight a point begins though nothing happens. */
Test(publisher, points_for_charts)
{
    struct fixture f;
    fixture_init(&f, NULL);
    struct config *c = f.core.config;
    c->series[c->series_count++] = (struct series_config){.dimension = DIMENSION_MANAGER, .points = 3};
    c->series[0].kpi[KPI_SALES_VOLUME] = c->series[0].kpi[KPI_WIN_RATE] = true;
    fixture_shard(&f);
    fixture_publisher(&f, "test", false);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "won", 51, NOW_US - 2 * DAY);
    fixture_settle(&f);
    expect_points(
        &f, "series:manager:Ada:sales_volume",
        "{\"every\":\"day\",\"points\":[[\"2026-03-03T00:00:00Z\",\"51.00\"],[\"2026-03-04T00:00:00Z\",\"0.00\"],"
        "[\"2026-03-05T00:00:00Z\",\"100.00\"]]}");
    expect_points(
        &f, "series:manager:Ada:win_rate",
        "{\"every\":\"day\",\"points\":[[\"2026-03-03T00:00:00Z\",\"1.000000\"],[\"2026-03-04T00:00:00Z\",null],"
        "[\"2026-03-05T00:00:00Z\",\"1.000000\"]]}");
    expect_ideal(&f);

    shard_advance(f.core.shard, NOW_US + 12 * HOUR);
    fixture_settle(&f);
    expect_points(
        &f, "series:manager:Ada:sales_volume",
        "{\"every\":\"day\",\"points\":[[\"2026-03-04T00:00:00Z\",\"0.00\"],[\"2026-03-05T00:00:00Z\",\"100.00\"],"
        "[\"2026-03-06T00:00:00Z\",\"0.00\"]]}");
    expect_ideal(&f);

    fixture_delete(&f, "1");
    fixture_delete(&f, "2");
    fixture_settle(&f);
    char text[16];
    redis_ask_text(f.server, text, sizeof text, "EXISTS kpid:{default}:series:manager:Ada:sales_volume");
    cr_expect(eq(str, text, "0"));
    expect_ideal(&f);
    fixture_fini(&f);
}

Test(publisher, a_snapshot_without_a_change_moves_as_of)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    int64_t idle_us = f.core.config->publish.idle_ms * MILLISECOND;

    f.clock_us += idle_us / 2;
    shard_advance(f.core.shard, NOW_US + 3 * MILLISECOND);
    fixture_step(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "1"));
    f.clock_us += idle_us / 2;
    fixture_step(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "as_of"), "2026-03-05T12:00:00.003Z"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "seq"), "1"));
    fixture_fini(&f);
}

/* Readers of a quiet floor still see that kpid lives, and how far. */
Test(publisher, meta_is_kept_alive)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    publisher_set_lag(f.publisher, 7);
    fixture_note(&f, EVENT_GAP, "");
    fixture_note(&f, EVENT_GAP, "");
    redis_ask_text(f.server, (char[8]){0}, 8, "PERSIST kpid:{default}:meta");
    shard_advance(f.core.shard, NOW_US + 5 * MILLISECOND);
    f.clock_us += 6 * SECOND; /* a third of meta_ttl has passed */

    fixture_step(&f);

    char text[64];
    redis_ask_text(f.server, text, sizeof text, "PTTL kpid:{default}:meta");
    cr_expect(lt(int, 0, atoi(text)));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "as_of"), "2026-03-05T12:00:00.005Z"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "lag"), "7"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "gaps"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "seq"), "1"));
    fixture_fini(&f);
}

/* Between the claim and the first fill only a snapshot of everything helps: a thread that is told to step at once would
 * spin until it comes. Found by the simulator. */
Test(publisher, waits_for_everything_without_being_asked_again)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    core_cut(f.core.shard, READER_PUBLISHER, false, f.snapshot);

    publisher_step(f.publisher, f.clock_us, f.snapshot, NULL);

    cr_expect(eq(int, (int)fixture_status(&f).state, (int)PUBLISHER_FILLING));
    cr_expect(publisher_wants_everything(f.publisher));
    cr_expect(lt(i64, f.clock_us, publisher_next_us(f.publisher)), "but to renew the lease");
    fixture_fini(&f);
}

/* A value that is gone must not stay in a hash, on a board, in a set. */
Test(publisher, what_is_gone_is_deleted)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "lost", 100, NOW_US - HOUR);
    fixture_deal(&f, "3", "Bob", "South", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    fixture_delete(&f, "2");
    fixture_step(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "deals_lost"), ""));
    expect_ideal(&f);

    fixture_delete(&f, "1");
    fixture_step(&f);
    char text[64];
    redis_ask_text(f.server, text, sizeof text,
                   "EXISTS kpid:{default}:kpi:manager:month:Ada kpid:{default}:entity:manager:Ada");
    cr_expect(eq(str, text, "0"));
    expect_ideal(&f);

    fixture_delete(&f, "3");
    fixture_step(&f);
    expect_ideal(&f);
    fixture_fini(&f);
}

/* After any sequence of changes Redis is as if written at once: hashes, boards, sets and the index. In one
 * transaction or staged in many. */
static void keep_equal(int64_t max_atomic, bool restarts)
{
    uint64_t seed = random_seed(7);
    struct random r = {seed};
    struct fixture f;
    fixture_init(&f, NULL);
    f.core.config->publish.max_atomic = max_atomic;
    struct series_config *series = &f.core.config->series[f.core.config->series_count++];
    *series = (struct series_config){.dimension = DIMENSION_TEAM, .hourly = 1, .points = 30};
    series->kpi[KPI_DEALS_WON] = series->kpi[KPI_WIN_RATE] = true;
    fixture_shard(&f);
    fixture_publisher(&f, "test", false);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 6; i++) {
            char id[16], manager[16], team[16];
            snprintf(id, sizeof id, "d%d", (int)random_below(&r, 12));
            snprintf(manager, sizeof manager, "m%d", (int)random_below(&r, 5));
            snprintf(team, sizeof team, "t%d", (int)random_below(&r, 2));
            if (random_below(&r, 5) == 0) {
                in_team(&f, manager, team);
            } else if (random_below(&r, 4) == 0) {
                fixture_delete(&f, id);
            } else {
                fixture_deal(&f, id, manager, random_below(&r, 2) ? team : "", random_below(&r, 3) ? "won" : "lost",
                             1 + (int64_t)random_below(&r, 99), NOW_US - (int64_t)random_below(&r, 60) * DAY);
            }
        }
        shard_advance(f.core.shard, NOW_US + round * 2 * HOUR);
        if (restarts && random_below(&r, 3) == 0)
            fixture_publisher(&f, "again", false);
        fixture_settle(&f);
        char *ideal = fixture_ideal(&f), *stands = redis_dump(f.server, OWN_KEYS);
        cr_assert(eq(str, stands, ideal), "SEED=%llu round %d", (unsigned long long)seed, round);
        free(ideal);
        free(stands);
    }
    if (max_atomic < 100 && !restarts)
        cr_expect(lt(i64, 0, fixture_status(&f).staged));
    fixture_fini(&f);
}

Test(publisher, many_changes_end_in_the_state_of_one_full_write)
{
    keep_equal(2000, false);
}

Test(publisher, staged_changes_end_in_the_state_of_one_full_write)
{
    keep_equal(20, false);
}

/* A staged board begins as a copy: those whose numbers stayed must not fall from it. */
Test(publisher, a_staged_board_keeps_whoever_did_not_change)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Bob", "North", "won", 50, NOW_US - HOUR);
    fixture_settle(&f);
    f.core.config->publish.max_atomic = 1; /* all boards but one are copied */
    fixture_deal(&f, "3", "Ada", "North", "won", 1, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).staged, 1));
    char text[16];
    redis_ask_text(f.server, text, sizeof text, "ZSCORE kpid:{default}:board:manager:month:sales_volume Bob");
    cr_expect(eq(str, text, "50"));
    expect_ideal(&f);
    fixture_fini(&f);
}

Test(publisher, restarts_between_changes_end_in_the_state_of_one_full_write)
{
    keep_equal(2000, true);
}

Test(publisher, restarts_between_staged_changes_end_in_the_state_of_one_full_write)
{
    keep_equal(20, true);
}

/* What a publisher before us wrote of entities, windows and boards that we do not have must not stay for ever. */
Test(publisher, a_new_process_deletes_what_it_does_not_know)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Gone", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    fixture_shard(&f);
    fixture_deal(&f, "2", "Ada", "South", "lost", 50, NOW_US - HOUR);
    f.core.config->publish.boards.kpi[KPI_SALES_VOLUME] = false;
    fixture_publisher(&f, "second", true); /* its log is another one */

    fixture_settle(&f);

    char text[64];
    redis_ask_text(f.server, text, sizeof text,
                   "EXISTS kpid:{default}:kpi:manager:month:Gone kpid:{default}:kpi:team:month:North "
                   "kpid:{default}:entity:manager:Gone kpid:{default}:board:manager:month:sales_volume");
    cr_expect(eq(str, text, "0"));
    expect_ideal(&f);
    fixture_fini(&f);
}

/* A fill in parts says so; readers who see `loading` keep what they had. */
Test(publisher, a_large_first_fill_says_loading_until_its_last_part)
{
    struct fixture f;
    fixture_init(&f, NULL);
    for (int i = 0; i < 20; i++) {
        char id[16], manager[16];
        snprintf(id, sizeof id, "d%d", i);
        snprintf(manager, sizeof manager, "m%d", i);
        fixture_deal(&f, id, manager, "North", "won", i, NOW_US - HOUR);
    }
    f.core.config->publish.max_atomic = 60;
    redisContext *c = redisConnect("127.0.0.1", redis_server_port(f.server));
    freeReplyObject(redisCommand(c, "SUBSCRIBE kpid:{default}:updates"));

    fixture_step(&f);

    int64_t parts = fixture_status(&f).publishes;
    cr_assert(lt(i64, 3, parts));
    for (int64_t i = 1; i <= parts; i++) {
        redisReply *message = NULL;
        cr_assert(eq(int, redisGetReply(c, (void **)&message), REDIS_OK));
        char seq[32];
        snprintf(seq, sizeof seq, "{\"seq\":%d,", (int)i);
        cr_expect(eq(int, strncmp(message->element[2]->str, seq, strlen(seq)), 0));
        bool loading = strstr(message->element[2]->str, "\"state\":\"loading\"") != NULL;
        cr_expect(eq(int, loading, i < parts));
        freeReplyObject(message);
    }
    redisFree(c);
    char text[16];
    snprintf(text, sizeof text, "%d", (int)parts);
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), text));
    expect_ideal(&f);
    fixture_fini(&f);
}

/* A message names what changed, and stays short however much that is. */
Test(publisher, a_message_names_at_most_a_hundred_keys)
{
    struct fixture f;
    fixture_init(&f, NULL);
    for (int i = 0; i < 30; i++) {
        char id[16], manager[16];
        snprintf(id, sizeof id, "d%d", i);
        snprintf(manager, sizeof manager, "m\"%d", i);
        fixture_deal(&f, id, manager, "North", "won", i, NOW_US - HOUR);
    }
    redisContext *c = redisConnect("127.0.0.1", redis_server_port(f.server));
    freeReplyObject(redisCommand(c, "SUBSCRIBE kpid:{default}:updates"));
    fixture_step(&f);
    redisReply *message = NULL;
    cr_assert(eq(int, redisGetReply(c, (void **)&message), REDIS_OK));
    const char *json = message->element[2]->str;
    cr_expect(ne(ptr, strstr(json, "\"kpi:company:month:all\""), NULL));
    cr_expect(ne(ptr, strstr(json, "\"kpi:manager:1h:m\\\"0\""), NULL));
    int keys = 0;
    for (const char *at = json; (at = strstr(at, "\"kpi:")) != NULL; at++)
        keys++;
    cr_expect(le(int, keys, 100));
    cr_expect(ne(ptr, strstr(json, "\"changed_count\":"), NULL));
    freeReplyObject(message);
    redisFree(c);
    fixture_fini(&f);
}

/* Redis stopped in mid-run and came back empty: it holds the exact state, though nothing was queued meanwhile. */
Test(publisher, after_an_outage_the_state_is_exact)
{
    struct fixture f;
    fixture_init(&f, NULL);
    int port = redis_server_port(f.server);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Bob", "North", "won", 10, NOW_US - HOUR);
    fixture_settle(&f);
    redis_server_stop(f.server);

    fixture_deal(&f, "3", "Ada", "North", "won", 5, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_AWAY));
    cr_expect(not(publisher_wants_everything(f.publisher)), "no large snapshots for nobody");
    fixture_delete(&f, "2");
    fixture_step(&f);

    f.server = redis_server_start(port, NULL, NULL);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "105.00"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "epoch"), "2"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "2"), "seq goes on, though Redis forgot it");
    expect_ideal(&f);
    fixture_fini(&f);
}

/* Somebody flushed Redis while we were connected. */
Test(publisher, after_a_flush_everything_is_written_again)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "FLUSHALL"));
    fixture_deal(&f, "2", "Bob", "North", "won", 10, NOW_US - HOUR);

    fixture_step(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Bob", "sales_volume"), ""), "nothing half");
    f.clock_us += 10 * SECOND;
    fixture_settle(&f);
    expect_ideal(&f);
    fixture_fini(&f);
}

/* A command that fails inside of EXEC does not undo the others: only a full write heals that. */
Test(publisher, a_damaged_publish_is_healed)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "SET kpid:{default}:kpi:manager:month:Ada text"));
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);

    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_WRONGTYPE], 1));
    fixture_settle(&f);
    expect_ideal(&f);
    fixture_fini(&f);
}

/* A server that accepts and never answers must cost a time-out, not for ever; what timed out may have been
 * done, and is not done twice. */
Test(publisher, a_time_out_is_survived)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    f.core.config->redis.timeout_ms = 200;
    fixture_settle(&f);
    redis_server_freeze(f.server);
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_TIMEOUT], 1));
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_AWAY));

    redis_server_thaw(f.server);
    f.core.config->redis.timeout_ms = 60000;
    f.clock_us += 10 * SECOND;
    fixture_settle(&f);
    expect_ideal(&f);
    fixture_fini(&f);
}

/* The alerts' report: all that is active, each transition once, also over an outage. */
Test(publisher, alerts_are_written_with_the_next_publish)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    struct alert_report *r = alert_report_create();
    alert_report_add_active(r, TEXT("a-1"), TEXT("{\"a\":1}"));
    alert_report_add_active(r, TEXT("b-1"), TEXT("{\"b\":1}"));
    alert_report_add_log(r, TEXT("a-1"), TEXT("{\"a\":\"firing\"}"));
    publisher_step(f.publisher, f.clock_us, NULL, r);
    alert_report_destroy(r);
    cr_expect(eq(str, (char *)fixture_field(&f, "alerts:active", "a-1"), "{\"a\":1}"));
    char text[64];
    redis_ask_text(f.server, text, sizeof text, "XLEN kpid:{default}:alerts:log");
    cr_expect(eq(str, text, "1"));

    int port = redis_server_port(f.server);
    redis_server_stop(f.server);
    r = alert_report_create();
    alert_report_add_active(r, TEXT("b-1"), TEXT("{\"b\":1}"));
    alert_report_add_log(r, TEXT("a-1"), TEXT("{\"a\":\"resolved\"}"));
    publisher_step(f.publisher, f.clock_us, NULL, r);
    alert_report_destroy(r);
    f.server = redis_server_start(port, NULL, NULL);
    f.clock_us += 10 * SECOND;
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "alerts:active", "a-1"), ""));
    cr_expect(eq(str, (char *)fixture_field(&f, "alerts:active", "b-1"), "{\"b\":1}"));
    redis_ask_text(f.server, text, sizeof text, "XLEN kpid:{default}:alerts:log");
    cr_expect(eq(str, text, "1"), "the one of the outage");
    fixture_fini(&f);
}

/* The answer to a publish is lost, though it was done: what it appended must not be appended again. */
Test(publisher, a_publish_whose_answer_was_lost_is_not_told_twice)
{
    struct fixture f;
    fixture_init(&f, NULL);
    struct redis_proxy *proxy = redis_proxy_start(f.server);
    fixture_point_at(&f, redis_proxy_port(proxy));
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    struct alert_report *r = alert_report_create();
    alert_report_add_log(r, TEXT("a-1"), TEXT("{\"a\":\"firing\"}"));
    redis_proxy_lose_exec(proxy);
    publisher_step(f.publisher, f.clock_us, NULL, r);
    alert_report_destroy(r);
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_AWAY));
    char text[16];
    redis_ask_text(f.server, text, sizeof text, "XLEN kpid:{default}:alerts:log");
    cr_expect(eq(str, text, "1"), "it was done");

    f.clock_us += 10 * SECOND;
    fixture_settle(&f);
    redis_ask_text(f.server, text, sizeof text, "XLEN kpid:{default}:alerts:log");
    cr_expect(eq(str, text, "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "seq"), "3"), "neither a seq twice nor one left out");
    redis_proxy_stop(proxy);
    fixture_fini(&f);
}
