#include "alerts/render.h"
#include "tests/alerts/rules.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdlib.h>

static struct transition firing(const struct rule_config *r, const char *entity)
{
    return (struct transition){
        .rule = r,
        .entity = text_of(entity),
        .window = "month",
        .from = ALERT_PENDING,
        .to = ALERT_FIRING,
        .reason = ALERT_HELD,
        .occurrence = 2,
        .at_us = INT64_C(1700000060) * SECOND,
        .starts_us = INT64_C(1700000000) * SECOND,
        .has_value = true,
        .value = {.numerator = 22, .denominator = 95, .n = 95},
        .fingerprint = alert_fingerprint(text_of(r->name), r->dimension, text_of(entity), TEXT("month")),
    };
}

static void expect_summary(const struct transition *t, const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    render_summary(&b, t, 2);
    cr_expect(eq(str, b.at, (char *)expected));
    buffer_fini(&b);
}

Test(render, a_summary_is_a_sentence)
{
    struct rule_config r = rules_low();
    struct transition t = firing(&r, "Anna");
    expect_summary(&t, "win rate of Anna, month: 0.231579 below 0.25 (n 95)");
    t.to = ALERT_RESOLVED;
    t.reason = ALERT_RECOVERED;
    t.value.numerator = 30;
    expect_summary(&t, "win rate of Anna, month: 0.315789, no longer below 0.25 (n 95)");
    t.reason = ALERT_VANISHED;
    t.has_value = false;
    expect_summary(&t, "win rate of Anna, month: gone, no longer below 0.25");
    r.kpi = KPI_SALES_VOLUME;
    r.comparison = AT_LEAST;
    r.threshold_micro = 1000 * MICRO;
    t.reason = ALERT_BREACH;
    t.has_value = true;
    t.value = (struct kpi_value){.numerator = 123456, .denominator = 1, .n = 3};
    expect_summary(&t, "sales volume of Anna, month: 1234.56 at least 1000 (n 3)");
}

Test(render, a_rule_may_have_its_own_words)
{
    struct rule_config r = rules_low();
    struct transition t = firing(&r, "Anna {n}");
    r.summary =
        (char *)"{entity}: {kpi} {value} < {threshold} in {window} (n={n}, {rule}, {dimension}, {state}) {unknown} {";
    expect_summary(&t, "Anna {n}: win_rate 0.231579 < 0.25 in month (n=95, win rate low, manager, firing) {unknown} {");
    r.summary = (char *)"{{entity}}";
    expect_summary(&t, "{Anna {n}}");
}

static const char *member(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static json_t *parse(char *text)
{
    cr_assert(ne(ptr, text, NULL));
    cr_expect(eq(ptr, strchr(text, '\n'), NULL), "one line");
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(ne(ptr, o, NULL));
    free(text);
    return o;
}

Test(render, what_redis_holds)
{
    struct rule_config r = rules_low();
    r.clear_micro = 300000;
    struct transition t = firing(&r, "Анна \"A\"");
    json_t *o = parse(render_alert(&t, 2));
    char id[64];
    snprintf(id, sizeof id, "%016lx-2", (unsigned long)t.fingerprint);
    const char *rows[][2] = {{"id", id},
                             {"rule", "win rate low"},
                             {"severity", "warning"},
                             {"state", "firing"},
                             {"kpi", "win_rate"},
                             {"dimension", "manager"},
                             {"window", "month"},
                             {"entity", "Анна \"A\""},
                             {"comparison", "below"},
                             {"threshold", "0.25"},
                             {"clear", "0.3"},
                             {"value", "0.231579"},
                             {"starts_at", "2023-11-14T22:13:20.000Z"},
                             {"fired_at", "2023-11-14T22:14:20.000Z"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(eq(str, (char *)member(o, rows[i][0]), (char *)rows[i][1]), "%s", rows[i][0]);
    }
    cr_expect(eq(i64, json_integer_value(json_object_get(o, "n")), 95));
    cr_expect(eq(i64, json_integer_value(json_object_get(o, "occurrence")), 2));
    json_decref(o);

    t.from = ALERT_FIRING;
    t.to = ALERT_RESOLVED;
    t.reason = ALERT_VANISHED;
    t.has_value = false;
    o = parse(render_log(&t, 2));
    cr_expect(eq(str, (char *)member(o, "from"), (char *)"firing"));
    cr_expect(eq(str, (char *)member(o, "to"), (char *)"resolved"));
    cr_expect(eq(str, (char *)member(o, "reason"), (char *)"vanished"));
    cr_expect(eq(str, (char *)member(o, "at"), (char *)"2023-11-14T22:14:20.000Z"));
    cr_expect(eq(ptr, json_object_get(o, "value"), NULL), "no value, no member");
    json_decref(o);
}

/* Every member that Alertmanager's webhook data (version 4) has, with its type. */
Test(render, a_webhook_has_the_shape_of_alertmanagers)
{
    struct rule_config r = rules_low();
    struct transition t = firing(&r, "Anna");
    json_t *o = parse(render_webhook(&t, "sales", "the-key", 2));
    cr_expect(eq(str, (char *)member(o, "version"), (char *)"4"));
    cr_expect(eq(str, (char *)member(o, "groupKey"), (char *)"{}:{alertname=\"win rate low\"}"));
    cr_expect(eq(int, json_is_integer(json_object_get(o, "truncatedAlerts")), 1));
    cr_expect(eq(str, (char *)member(o, "status"), (char *)"firing"));
    cr_expect(eq(str, (char *)member(o, "receiver"), (char *)"sales"));
    cr_expect(eq(int, json_is_string(json_object_get(o, "externalURL")), 1));
    cr_expect(eq(str, (char *)member(json_object_get(o, "groupLabels"), "alertname"), (char *)"win rate low"));
    cr_expect(eq(str, (char *)member(o, "idempotencyKey"), (char *)"the-key"));
    cr_assert(eq(sz, json_array_size(json_object_get(o, "alerts")), 1));
    const json_t *alert = json_array_get(json_object_get(o, "alerts"), 0);
    cr_expect(eq(str, (char *)member(alert, "status"), (char *)"firing"));
    cr_expect(eq(str, (char *)member(alert, "startsAt"), (char *)"2023-11-14T22:13:20.000Z"));
    cr_expect(eq(str, (char *)member(alert, "endsAt"), (char *)"0001-01-01T00:00:00Z"));
    cr_expect(eq(int, json_is_string(json_object_get(alert, "generatorURL")), 1));
    cr_expect(eq(sz, strlen(member(alert, "fingerprint")), 16));
    const char *maps[] = {"labels", "annotations"}, *common[] = {"commonLabels", "commonAnnotations"};
    for (size_t i = 0; i < 2; i++) {
        json_t *map = json_object_get(alert, maps[i]);
        cr_expect(json_equal(map, json_object_get(o, common[i])));
        const char *name;
        json_t *value;
        json_object_foreach(map, name, value)
        {
            cr_expect(eq(int, json_is_string(value), 1), "%s", name);
        }
    }
    const json_t *labels = json_object_get(alert, "labels");
    cr_expect(eq(str, (char *)member(labels, "alertname"), (char *)"win rate low"));
    cr_expect(eq(str, (char *)member(labels, "entity"), (char *)"Anna"));
    cr_expect(eq(str, (char *)member(labels, "severity"), (char *)"warning"));
    cr_expect(eq(str, (char *)member(json_object_get(alert, "annotations"), "summary"),
                 (char *)"win rate of Anna, month: 0.231579 below 0.25 (n 95)"));
    json_decref(o);

    t.from = ALERT_FIRING;
    t.to = ALERT_RESOLVED;
    t.reason = ALERT_RECOVERED;
    o = parse(render_webhook(&t, "sales", "k", 2));
    cr_expect(eq(str, (char *)member(o, "status"), (char *)"resolved"));
    alert = json_array_get(json_object_get(o, "alerts"), 0);
    cr_expect(eq(str, (char *)member(alert, "endsAt"), (char *)"2023-11-14T22:14:20.000Z"));
    json_decref(o);
}

/* By the fingerprint the four are told apart, wherever a name ends and the next begins. */
Test(render, fingerprints_differ_where_the_alerts_do)
{
    const uint64_t all[] = {
        alert_fingerprint(TEXT("a"), DIMENSION_TEAM, TEXT("b"), TEXT("c")),
        alert_fingerprint(TEXT("a"), DIMENSION_MANAGER, TEXT("b"), TEXT("c")),
        alert_fingerprint(TEXT("ab"), DIMENSION_TEAM, TEXT(""), TEXT("c")),
        alert_fingerprint(TEXT("a"), DIMENSION_TEAM, TEXT("bc"), TEXT("")),
        alert_fingerprint(TEXT("a"), DIMENSION_TEAM, TEXT("b1:c"), TEXT("")),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t k = 0; k < i; k++) {
            cr_expect(ne(u64, all[i], all[k]));
        }
    }
    cr_expect(eq(u64, all[0], alert_fingerprint(TEXT("a"), DIMENSION_TEAM, TEXT("b"), TEXT("c"))));
}
