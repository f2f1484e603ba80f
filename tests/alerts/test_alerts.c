/* The parts together: snapshots in, webhooks and reports out, and what is kept over a restart. */
#include "aggregators/snapshot_fill.h"
#include "alerts/alerts.h"
#include "tests/alerts/rules.h"
#include "tests/support/http_receiver.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct delivery_options QUICK = {.backoff_first_ms = 1, .backoff_most_ms = 4, .parallel_max = 4};
static const struct http_answer TAKEN[] = {{ANSWER_STATUS, 200, NULL}};

struct fixture {
    struct rule_config rule;
    struct receiver_config receiver;
    size_t receivers[1];
    char url[64];
    struct config config;
    struct http_receiver *http;
    struct alerts *alerts;
};

/* One that tells, and begins so. */
static void create(struct fixture *f)
{
    f->alerts = alerts_create_with(&f->config, &QUICK);
    alerts_take_over(f->alerts, false);
}

static void fixture_init(struct fixture *f)
{
    unsetenv("http_proxy");
    memset(f, 0, sizeof *f);
    f->http = http_receiver_open_script(0, TAKEN, 1);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/", http_receiver_port(f->http));
    f->receiver = (struct receiver_config){
        .name = (char *)"sales", .url = f->url, .hmac_secret = (char *)"", .timeout_ms = 30000};
    f->rule = rules_low();
    f->rule.clear_micro = 300000;
    f->rule.receivers = f->receivers;
    f->rule.receiver_count = 1;
    f->config = rules_config(&f->rule);
    f->config.alerts.receivers = &f->receiver;
    f->config.alerts.receiver_count = 1;
    create(f);
}

static void fixture_fini(struct fixture *f)
{
    alerts_destroy(f->alerts);
    http_receiver_close(f->http);
}

/* A snapshot without entities yet. */
static struct snapshot *begin(int at_s, bool everything, bool live)
{
    struct snapshot *s = snapshot_create();
    const bool has_previous[2] = {true, true};
    struct accounts accounts = {0};
    int64_t records[KIND_COUNT] = {0}, oddities[ODDITY_COUNT] = {0};
    snapshot_begin(s, at_s * SECOND, everything, 2, has_previous, &accounts, records, oddities);
    struct snapshot_position p = {.topic = TEXT("deals"), .partition = 0, .offset = 5, .ended = live};
    snapshot_add_position(s, &p);
    return s;
}

/* Anna's deals in `month`; the other window has none of hers. */
static bool step(struct fixture *f, int at_s, bool everything, bool live, int won, int lost)
{
    struct snapshot *s = begin(at_s, everything, live);
    if (won + lost > 0) {
        struct sums sums = {0}, nothing = {0};
        sums.at[MEASURE_WON] = won;
        sums.at[MEASURE_LOST] = lost;
        snapshot_add_entity(s, DIMENSION_MANAGER, TEXT("Anna"), 0);
        snapshot_mark_standing(s);
        snapshot_add_sums(s, 0, &sums, &nothing);
        snapshot_add_sums(s, 1, &nothing, &nothing);
    }
    bool moved = alerts_step(f->alerts, s, at_s * SECOND);
    alerts_noted(f->alerts, INT64_MAX / 2);
    snapshot_destroy(s);
    return moved;
}

static void expect_member(struct text json, const char *name, const char *expected)
{
    json_t *o = json_loadb(json.at, json.len, 0, NULL);
    cr_assert(ne(ptr, o, NULL));
    const char *value = json_string_value(json_object_get(o, name));
    cr_expect(eq(str, (char *)(value ? value : ""), (char *)expected), "%s", name);
    json_decref(o);
}

Test(alerts, a_breach_is_told_once_and_so_is_its_end)
{
    struct fixture f;
    fixture_init(&f);
    cr_expect(not(step(&f, 5, true, true, 9, 1)));
    struct alert_report *r = alerts_report(f.alerts);
    cr_assert(ne(ptr, r, NULL), "after the first decision Redis is told what stands");
    cr_expect(eq(sz, r->active_count + r->log_count, 0));
    alert_report_destroy(r);

    cr_expect(step(&f, 12, false, true, 20, 80));
    cr_assert(eq(sz, http_receiver_await(f.http, 1), 1));
    r = alerts_report(f.alerts);
    cr_assert(ne(ptr, r, NULL));
    cr_assert(eq(sz, r->active_count, 1));
    cr_assert(eq(sz, r->log_count, 1));
    expect_member(r->active[0].json, "value", "0.200000");
    expect_member(r->log[0].json, "to", "firing");
    cr_expect(text_equal(r->active[0].id, r->log[0].id));
    alert_report_destroy(r);
    cr_expect(eq(ptr, alerts_report(f.alerts), NULL), "nothing new");

    cr_expect(not(step(&f, 25, false, true, 27, 73)), "between threshold and clear");
    cr_expect(not(step(&f, 35, false, true, 20, 80)), "still low");
    cr_expect(step(&f, 45, false, true, 30, 70));
    cr_expect(not(step(&f, 55, false, true, 31, 70)));
    cr_assert(eq(sz, http_receiver_await(f.http, 2), 2));
    r = alerts_report(f.alerts);
    cr_assert(ne(ptr, r, NULL));
    cr_expect(eq(sz, r->active_count, 0));
    cr_assert(eq(sz, r->log_count, 1));
    expect_member(r->log[0].json, "reason", "recovered");
    alert_report_destroy(r);

    alerts_stop(f.alerts, 30000);
    cr_expect(eq(sz, http_receiver_count(f.http), 2));
    struct text bodies[] = {text_of(http_receiver_at(f.http, 0)->body), text_of(http_receiver_at(f.http, 1)->body)};
    expect_member(bodies[0], "status", "firing");
    expect_member(bodies[1], "status", "resolved");
    char keys[2][64];
    for (size_t i = 0; i < 2; i++) {
        http_header(http_receiver_at(f.http, i), "Idempotency-Key", keys[i], 64);
        expect_member(bodies[i], "idempotencyKey", keys[i]);
    }
    cr_expect(ne(str, keys[0], keys[1]));
    const struct alerts_counters *c = alerts_counters(f.alerts);
    cr_expect(eq(i64, counter_get(&c->moves[ALERT_FIRING]), 1));
    cr_expect(eq(i64, counter_get(&c->moves[ALERT_RESOLVED]), 1));
    cr_expect(eq(i64, counter_get(&c->standing[ALERT_FIRING]), 0));
    fixture_fini(&f);
}

/* While history is read the numbers are those of the past. */
Test(alerts, nothing_is_told_while_catching_up_or_stale)
{
    struct fixture f;
    fixture_init(&f);
    cr_expect(not(step(&f, 5, true, false, 20, 80)));
    cr_expect(not(step(&f, 15, false, false, 20, 80)));
    cr_expect(eq(ptr, alerts_report(f.alerts), NULL), "what Redis holds stays until something was decided");
    struct snapshot *s = begin(25, false, true);
    cr_expect(not(alerts_step(f.alerts, s, 25 * SECOND + 31 * SECOND)), "half a minute old");
    cr_expect(alerts_step(f.alerts, s, 25 * SECOND + 30 * SECOND), "not too old");
    snapshot_destroy(s);
    fixture_fini(&f);
}

/* A quantity that is left out because it is 0 is 0; a ratio without records is no value. */
Test(alerts, a_count_that_is_left_out_is_zero)
{
    struct fixture f;
    fixture_init(&f);
    alerts_destroy(f.alerts);
    f.rule.kpi = KPI_DEALS_WON;
    f.rule.window = 1; /* in which Anna has nothing */
    f.rule.comparison = AT_MOST;
    f.rule.threshold_micro = f.rule.clear_micro = 0;
    f.rule.sample_min = 1; /* the configuration's default */
    create(&f);
    cr_expect(step(&f, 5, true, true, 20, 80));
    alerts_destroy(f.alerts);
    f.rule.sample_min = 2;
    create(&f);
    cr_expect(not(step(&f, 5, true, true, 20, 80)), "too few records");
    alerts_destroy(f.alerts);
    f.rule.sample_min = 1;
    f.rule.kpi = KPI_WIN_RATE;
    create(&f);
    cr_expect(not(step(&f, 5, true, true, 20, 80)));
    fixture_fini(&f);
}

/* A restart with state is invisible: nothing told twice, the end told once with the key of the same occurrence. */
Test(alerts, what_is_exported_goes_on_after_a_restart)
{
    struct fixture f;
    fixture_init(&f);
    step(&f, 5, true, true, 20, 80);
    step(&f, 15, false, true, 50, 50);
    step(&f, 25, false, true, 20, 80); /* the second occurrence */
    alerts_stop(f.alerts, 30000);
    char *kept = alerts_export(f.alerts);
    alerts_destroy(f.alerts);

    create(&f);
    size_t refused = 9;
    cr_assert(alerts_import(f.alerts, kept, &refused));
    cr_expect(eq(sz, refused, 0));
    char *again = alerts_export(f.alerts);
    cr_expect(eq(str, again, kept), "what was read is what is written");
    free(again);
    free(kept);
    cr_expect(not(step(&f, 30, true, false, 20, 80)));
    cr_expect(not(step(&f, 31, false, true, 20, 80)));
    struct alert_report *r = alerts_report(f.alerts);
    cr_assert(ne(ptr, r, NULL));
    cr_assert(eq(sz, r->active_count, 1));
    cr_expect(eq(sz, r->log_count, 0));
    expect_member(r->active[0].json, "starts_at", "1970-01-01T00:00:20.000Z");
    alert_report_destroy(r);
    cr_expect(step(&f, 45, false, true, 50, 50));
    cr_assert(eq(sz, http_receiver_await(f.http, 4), 4));
    char keys[2][64];
    http_header(http_receiver_at(f.http, 2), "Idempotency-Key", keys[0], 64);
    http_header(http_receiver_at(f.http, 3), "Idempotency-Key", keys[1], 64);
    cr_expect(ne(ptr, strstr(keys[0], "-2-firing-20000"), NULL), "%s", keys[0]);
    cr_expect(ne(ptr, strstr(keys[1], "-2-resolved-20000"), NULL), "%s", keys[1]);
    fixture_fini(&f);
}

/* A take-over without a checkpoint knows from Redis what was told. */
Test(alerts, what_redis_holds_is_adopted)
{
    struct fixture f;
    fixture_init(&f);
    step(&f, 5, true, true, 20, 80);
    struct alert_report *r = alerts_report(f.alerts);
    cr_assert(eq(sz, r->active_count, 1));
    alerts_stop(f.alerts, 30000);
    alerts_destroy(f.alerts);
    create(&f);
    struct buffer json; /* what a report holds is not terminated */
    buffer_init(&json);
    buffer_text(&json, r->active[0].json);
    cr_expect(alerts_adopt(f.alerts, json.at));
    buffer_fini(&json);
    alert_report_destroy(r);
    cr_expect(not(step(&f, 20, true, true, 20, 80)), "already told");
    cr_expect(step(&f, 30, false, true, 90, 10));
    alerts_stop(f.alerts, 30000);
    cr_expect(eq(sz, http_receiver_count(f.http), 2));
    fixture_fini(&f);
}

Test(alerts, state_that_is_not_understood_is_refused)
{
    struct fixture f;
    fixture_init(&f);
    size_t refused = 0;
    const char *bad[] = {"", "[]", "{", "{\"version\":2,\"alerts\":[]}", "{\"version\":1}", "null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect(not(alerts_import(f.alerts, bad[i], &refused)), "%s", bad[i]);
        cr_expect(not(alerts_adopt(f.alerts, bad[i])), "%s", bad[i]);
    }
    cr_expect(
        alerts_import(f.alerts,
                      "{\"version\":1,\"alerts\":[1,{},{\"state\":\"firing\"},"
                      "{\"rule\":\"other\",\"dimension\":\"manager\",\"window\":\"month\",\"entity\":\"Anna\","
                      "\"state\":\"resolved\",\"occurrence\":1},"
                      "{\"rule\":\"win rate low\",\"dimension\":\"manager\",\"window\":\"month\",\"entity\":\"Anna\","
                      "\"state\":\"firing\",\"occurrence\":1,\"starts_at\":\"yesterday\"},"
                      "{\"rule\":\"win rate low\",\"dimension\":\"manager\",\"window\":\"month\",\"entity\":\"Anna\","
                      "\"state\":\"resolved\",\"occurrence\":0},"
                      "{\"rule\":\"win rate low\",\"dimension\":\"manager\",\"window\":\"month\",\"entity\":\"Anna\","
                      "\"state\":\"resolved\",\"occurrence\":4}]}",
                      &refused));
    cr_expect(eq(sz, refused, 6));
    char *kept = alerts_export(f.alerts);
    cr_expect(ne(ptr, strstr(kept, "\"occurrence\":4"), NULL));
    free(kept);
    fixture_fini(&f);
}

/* Nobody fetches the report: the log is bounded, and what is lost is counted. */
Test(alerts, the_log_is_bounded)
{
    struct fixture f;
    fixture_init(&f);
    f.rule.receiver_count = 0;
    step(&f, 5, true, true, 9, 1);
    for (int i = 1; i <= 10050; i++) {
        cr_assert(step(&f, i * 10, false, true, i % 2 ? 1 : 9, i % 2 ? 9 : 1));
    }
    struct alert_report *r = alerts_report(f.alerts);
    cr_expect(eq(sz, r->log_count, 10000));
    expect_member(r->log[0].json, "at", "1970-01-01T00:08:30.000Z");
    alert_report_destroy(r);
    cr_expect(eq(i64, counter_get(&alerts_counters(f.alerts)->log_dropped), 50));
    fixture_fini(&f);
}

/* ---- two instances ---- */

static size_t told(struct fixture *f)
{
    alerts_collect(f->alerts);
    return (size_t)counter_get(&alerts_delivery_counters(f->alerts)->queued);
}

/* It decides, for itself. */
Test(alerts, a_stand_by_tells_nobody)
{
    struct fixture f;
    fixture_init(&f);
    alerts_stand_by(f.alerts);
    cr_expect(step(&f, 5, true, true, 20, 80));
    cr_expect(eq(i64, counter_get(&alerts_counters(f.alerts)->standing[ALERT_FIRING]), 1));
    cr_expect(step(&f, 15, false, true, 90, 10));
    cr_expect(eq(ptr, alerts_report(f.alerts), NULL));
    cr_expect(eq(sz, told(&f), 0));
    alerts_stop(f.alerts, 0);
    cr_expect(eq(sz, http_receiver_count(f.http), 0));
    fixture_fini(&f);
}

/* The one before was gone before it told: it is told now, if the breach lasts. */
Test(alerts, what_fires_untold_is_told_after_a_take_over)
{
    for (int lasts = 0; lasts < 2; lasts++) {
        struct fixture f;
        fixture_init(&f);
        alerts_stand_by(f.alerts);
        cr_expect(step(&f, 5, true, true, 20, 80));
        alerts_take_over(f.alerts, true);
        cr_expect(eq(i64, counter_get(&alerts_counters(f.alerts)->tells), 1));
        bool moved = lasts ? step(&f, 15, false, true, 20, 80) : step(&f, 15, false, true, 90, 10);
        cr_expect(eq(int, moved, lasts));
        struct alert_report *r = alerts_report(f.alerts);
        cr_assert(ne(ptr, r, NULL));
        cr_expect(eq(sz, r->active_count, (size_t)lasts));
        cr_expect(eq(sz, r->unsent_count, (size_t)lasts));
        alert_report_destroy(r);
        cr_expect(eq(sz, told(&f), (size_t)lasts));
        fixture_fini(&f);
    }
}

/* A breach that the stand-by has seen from its beginning is as old here as there. */
Test(alerts, a_take_over_keeps_how_long_a_breach_has_lasted)
{
    struct fixture f;
    fixture_init(&f);
    alerts_destroy(f.alerts);
    f.rule.for_ms = 30000;
    create(&f);
    alerts_stand_by(f.alerts);
    cr_expect(step(&f, 5, true, true, 20, 80), "pending since 0");
    cr_expect(not(step(&f, 15, false, true, 20, 80)));
    alerts_take_over(f.alerts, true);
    cr_expect(not(step(&f, 25, false, true, 20, 80)));
    cr_expect(step(&f, 35, false, true, 20, 80));
    struct alert_report *r = alerts_report(f.alerts);
    cr_assert(eq(sz, r->active_count, 1));
    expect_member(r->active[0].json, "starts_at", "1970-01-01T00:00:00.000Z");
    alert_report_destroy(r);
    fixture_fini(&f);
}

static char *firing_json(int occurrence, int start_s)
{
    static char json[512];
    snprintf(json, sizeof json,
             "{\"rule\":\"win rate low\",\"dimension\":\"manager\",\"window\":\"month\",\"entity\":\"Anna\","
             "\"state\":\"firing\",\"occurrence\":%d,\"starts_at\":\"1970-01-01T00:00:%02d.000Z\"}",
             occurrence, start_s);
    return json;
}

/* Both have seen it fire, at different instants: the key that was told is the key of its end. */
Test(alerts, what_another_instance_has_told_ends_under_its_key)
{
    for (int seen = 0; seen < 2; seen++) {
        struct fixture f;
        fixture_init(&f);
        alerts_stand_by(f.alerts);
        step(&f, 5, true, true, seen ? 20 : 50, seen ? 80 : 50);
        alerts_take_over(f.alerts, true);
        cr_expect(alerts_adopt(f.alerts, firing_json(4, 10)));
        cr_expect(not(step(&f, 25, false, true, 20, 80)), "told already");
        struct alert_report *r = alerts_report(f.alerts);
        cr_assert(eq(sz, r->active_count, 1));
        expect_member(r->active[0].json, "starts_at", "1970-01-01T00:00:10.000Z");
        alert_report_destroy(r);
        cr_expect(step(&f, 35, false, true, 90, 10));
        cr_assert(eq(sz, http_receiver_await(f.http, 1), 1));
        char key[64];
        http_header(http_receiver_at(f.http, 0), "Idempotency-Key", key, sizeof key);
        cr_expect(ne(ptr, strstr(key, "-4-resolved-10000"), NULL), "%s", key);
        fixture_fini(&f);
    }
}

/* Told here, then there: what we told is no longer ours, also if we come back. */
Test(alerts, what_was_told_before_standing_by_is_not_ended_here)
{
    struct fixture f;
    fixture_init(&f);
    cr_expect(step(&f, 5, true, true, 20, 80));
    cr_assert(eq(sz, http_receiver_await(f.http, 1), 1));
    alerts_stand_by(f.alerts);
    alerts_take_over(f.alerts, true); /* the other one has resolved it: alerts:active is empty */
    cr_expect(not(step(&f, 15, false, true, 27, 73)), "between threshold and clear: it does not fire");
    struct alert_report *r = alerts_report(f.alerts);
    cr_expect(eq(sz, r->active_count, 0));
    alert_report_destroy(r);
    cr_expect(step(&f, 25, false, true, 20, 80), "a new one");
    cr_assert(eq(sz, http_receiver_await(f.http, 2), 2));
    char keys[2][64];
    for (size_t i = 0; i < 2; i++)
        http_header(http_receiver_at(f.http, i), "Idempotency-Key", keys[i], 64);
    cr_expect(ne(str, keys[0], keys[1]));
    fixture_fini(&f);
}

/* What was restored goes on after a Redis that lost its data, and gives way to what another instance says. */
Test(alerts, what_was_restored_waits_for_the_take_over)
{
    for (int after_others = 0; after_others < 2; after_others++) {
        struct fixture f;
        fixture_init(&f);
        step(&f, 5, true, true, 20, 80);
        alerts_stop(f.alerts, 30000);
        char *kept = alerts_export(f.alerts);
        alerts_destroy(f.alerts);
        f.alerts = alerts_create_with(&f.config, &QUICK);
        size_t refused;
        cr_assert(alerts_import(f.alerts, kept, &refused));
        cr_expect(not(step(&f, 15, true, true, 90, 10)), "its end would be told to nobody");
        alerts_take_over(f.alerts, after_others);
        cr_expect(eq(int, step(&f, 25, false, true, 90, 10), !after_others));
        cr_expect(eq(sz, told(&f), after_others ? 0 : 1));
        free(kept);
        fixture_fini(&f);
    }
}

/* Its checkpoint must not say of an alert that it was told. */
Test(alerts, what_a_stand_by_exports_was_told_by_nobody)
{
    struct fixture f;
    fixture_init(&f);
    alerts_stand_by(f.alerts);
    step(&f, 5, true, true, 20, 80);
    char *kept = alerts_export(f.alerts);
    cr_expect(eq(ptr, strstr(kept, "\"firing\""), NULL), "%s", kept);
    cr_expect(ne(ptr, strstr(kept, "\"occurrence\":1"), NULL), "%s", kept);
    free(kept);
    fixture_fini(&f);
}

/* Without Redis for too long: better twice than never. */
Test(alerts, unnoted_messages_can_go_out)
{
    struct fixture f;
    fixture_init(&f);
    struct snapshot *s = begin(5, true, true);
    struct sums sums = {0}, nothing = {0};
    sums.at[MEASURE_WON] = 20;
    sums.at[MEASURE_LOST] = 80;
    snapshot_add_entity(s, DIMENSION_MANAGER, TEXT("Anna"), 0);
    snapshot_mark_standing(s);
    snapshot_add_sums(s, 0, &sums, &nothing);
    snapshot_add_sums(s, 1, &nothing, &nothing);
    alerts_step(f.alerts, s, 5 * SECOND);
    snapshot_destroy(s);
    cr_expect(alerts_wait_to_be_noted(f.alerts));
    cr_expect(eq(sz, told(&f), 0));
    alerts_send_unnoted(f.alerts);
    cr_expect(not(alerts_wait_to_be_noted(f.alerts)));
    cr_expect(eq(i64, counter_get(&alerts_counters(f.alerts)->unnoted), 1));
    cr_assert(eq(sz, http_receiver_await(f.http, 1), 1));
    fixture_fini(&f);
}
