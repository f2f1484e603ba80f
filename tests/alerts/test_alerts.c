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
    f->alerts = alerts_create_with(&f->config, &QUICK);
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
    f.alerts = alerts_create_with(&f.config, &QUICK);
    cr_expect(step(&f, 5, true, true, 20, 80));
    alerts_destroy(f.alerts);
    f.rule.sample_min = 2;
    f.alerts = alerts_create_with(&f.config, &QUICK);
    cr_expect(not(step(&f, 5, true, true, 20, 80)), "too few records");
    alerts_destroy(f.alerts);
    f.rule.sample_min = 1;
    f.rule.kpi = KPI_WIN_RATE;
    f.alerts = alerts_create_with(&f.config, &QUICK);
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

    f.alerts = alerts_create_with(&f.config, &QUICK);
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
    f.alerts = alerts_create_with(&f.config, &QUICK);
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
