/* What the file says arrives in the structs. What is refused is in tests/config/broken/. */
#include "tests/config/config_text.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(load, company_and_calendar)
{
    struct config *c =
        PARSE("company: {name: ACME & Sons, time_zone: Europe/Berlin, week_start: sunday, fiscal_year_start: april,"
              " base_currency: EUR}\n");
    cr_expect_str_eq(c->company, "ACME & Sons");
    cr_expect_str_eq(c->time_zone, "Europe/Berlin");
    cr_expect_eq(c->week_start, 7);
    cr_expect_eq(c->fiscal_month, 4);
    cr_expect_eq(c->base_currency, (currency_code)('E' << 16 | 'U' << 8 | 'R'));
    config_destroy(c);
    c = PARSE("company: {fiscal_year_start: 12}\n");
    cr_expect_eq(c->fiscal_month, 12);
    config_destroy(c);
}

Test(load, units_become_milliseconds_and_bytes)
{
    struct config *c =
        PARSE("publish: {tick: 250ms, idle: 3s, meta_ttl: 1h}\n"
              "kafka: {clock_skew: 2d, metadata_refresh: 5m, message_size_max: 2048B, queue_size_max: 1GiB}\n"
              "limits: {ring_size: 1MiB}\nredis: {database: 15, port: 1}\nlog: {format: json, level: debug}\n");
    cr_expect_eq(c->publish.tick_ms, 250);
    cr_expect_eq(c->publish.idle_ms, 3000);
    cr_expect_eq(c->publish.meta_ttl_ms, 3600000);
    cr_expect_eq(c->kafka.clock_skew_ms, 172800000);
    cr_expect_eq(c->kafka.metadata_refresh_ms, 300000);
    cr_expect_eq(c->kafka.message_size_max, 2048);
    cr_expect_eq(c->kafka.queue_bytes_max, 1 << 30);
    cr_expect_eq(c->limits.ring_bytes, 1 << 20);
    cr_expect_eq(c->redis.database, 15);
    cr_expect_eq(c->redis.port, 1);
    cr_expect_eq(c->log.format, LOG_JSON);
    cr_expect_eq(c->log.level, LOG_DEBUG);
    config_destroy(c);
}

/* YAML 1.1 takes no for false and 007 for 7: a manager of that name must not vanish. */
Test(load, texts_are_texts_whatever_yaml_makes_of_them)
{
    struct config *c =
        PARSE("company: {name: no}\nkafka: {group: 007}\nalerts:\n  rules:\n  - {name: 1e3, kpi: revenue, dimension: "
              "team, window: month, below: 1, entities: [no, 012, 'x: y', ~x]}\n");
    cr_expect_str_eq(c->company, "no");
    cr_expect_str_eq(c->kafka.group, "007");
    cr_expect_str_eq(c->alerts.rules[0].name, "1e3");
    cr_assert_eq(c->alerts.rules[0].entity_count, 4);
    cr_expect_str_eq(c->alerts.rules[0].entities[1], "012");
    cr_expect_str_eq(c->alerts.rules[0].entities[2], "x: y");
    config_destroy(c);
}

Test(load, windows_of_one_dimension_are_its_own)
{
    struct config *c = PARSE("windows:\n  manager: [30d, today]\n  default: [today, month]\n");
    cr_assert_eq(c->window_count, 3);
    int today = config_window_find(c, TEXT("today")), month = config_window_find(c, TEXT("month")),
        rolling = config_window_find(c, TEXT("30d"));
    cr_expect_eq(today, 0, "the default's come first, whatever the order of the keys");
    const bool *manager = c->dimension_windows[DIMENSION_MANAGER], *team = c->dimension_windows[DIMENSION_TEAM];
    cr_expect(manager[today] && manager[rolling] && !manager[month]);
    cr_expect(team[today] && team[month] && !team[rolling]);
    cr_expect(c->publish.boards.window[today] && c->publish.boards.window[month],
              "boards have of their windows what there is");
    config_destroy(c);

    c = PARSE("windows: {company: [all], team: [all], manager: [all], product: [all], region: [all], "
              "source: [now], loss_reason: [now], competitor: [all]}\n");
    cr_expect_eq(c->window_count, 2, "no dimension has the default ones, so they are not kept");
    config_destroy(c);

    c = PARSE("windows: {team: [2h]}\n");
    cr_expect_eq(c->window_count, 13, "the other dimensions have the default ones");
    config_destroy(c);
}

Test(load, inputs_map_fields)
{
    struct config *c = PARSE("inputs:\n"
                             "- kind: deal\n"
                             "  topic: crm.deals\n"
                             "  order_by: version\n"
                             "  events: full\n"
                             "  tombstones: ignore\n"
                             "  filter: {member: /op, not_in: [d, t]}\n"
                             "  key: {message_key: true}\n"
                             "  event_id: {header: event-id}\n"
                             "  version: /source/lsn\n"
                             "  occurred_at: ~\n"
                             "  deleted: {member: __deleted}\n"
                             "  other_fields: none\n"
                             "  fields:\n"
                             "    stage: {pointer: /after/stage, values: {Closed Won: won, '': ~}}\n"
                             "    currency: {constant: EUR}\n"
                             "    amount: value\n"
                             "    region: {values: {N: north}}\n"
                             "    product: ~\n");
    const struct input_config *in = &c->inputs[0];
    cr_assert_eq(c->input_count, 1);
    cr_expect_eq(in->order_by, ORDER_BY_VERSION);
    cr_expect_eq(in->events, EVENTS_FULL);
    cr_expect_eq(in->tombstones, TOMBSTONES_IGNORE);
    cr_expect(in->filter.negate);
    cr_assert_eq(in->filter.value_count, 2);
    cr_expect_str_eq(in->filter.pointer, "/op");
    cr_expect_str_eq(in->filter.values[1], "t");
    cr_expect_eq(in->key.kind, SOURCE_MESSAGE_KEY);
    cr_expect_eq(in->event_id.kind, SOURCE_HEADER);
    cr_expect_str_eq(in->event_id.name, "event-id");
    cr_expect_eq(in->version.kind, SOURCE_POINTER);
    cr_expect_eq(in->occurred_at.kind, SOURCE_NONE);
    cr_expect_str_eq(in->deleted.name, "__deleted");
    const struct field_source *stage = &in->fields[DEAL_STAGE];
    cr_expect_eq(stage->kind, SOURCE_POINTER);
    cr_assert_eq(stage->map_count, 2);
    cr_expect_str_eq(stage->map[0].from, "Closed Won");
    cr_expect_str_eq(stage->map[0].to, "won");
    cr_expect_str_eq(stage->map[1].to, "");
    cr_expect_eq(in->fields[DEAL_CURRENCY].kind, SOURCE_CONSTANT);
    cr_expect_eq(in->fields[DEAL_AMOUNT].kind, SOURCE_MEMBER);
    cr_expect_str_eq(in->fields[DEAL_AMOUNT].name, "value");
    cr_expect_eq(in->fields[FIELD_REGION].kind, SOURCE_MEMBER);
    cr_expect_str_eq(in->fields[FIELD_REGION].name, "region");
    cr_expect_eq(in->fields[FIELD_PRODUCT].kind, SOURCE_NONE);
    cr_expect_eq(in->fields[DEAL_QUANTITY].kind, SOURCE_NONE, "other_fields: none");
    config_destroy(c);
}

/* AMENDMENT IV.2: two systems may write one kind by version where they share no field. */
Test(load, two_inputs_by_version_need_fields_of_their_own)
{
    config_destroy(
        PARSE("inputs:\n"
              "- {kind: payment, topic: a, order_by: version, other_fields: none, fields: {amount: amount}}\n"
              "- {kind: payment, topic: b, order_by: version, other_fields: none, fields: {margin: margin}}\n"));
    config_destroy(PARSE("inputs:\n- {kind: payment, topic: a}\n- {kind: payment, topic: b, events: full}\n"));
    EXPECT_PROBLEM(
        "inputs:\n"
        "- {kind: payment, topic: a, order_by: version, other_fields: none, fields: {amount: amount}}\n"
        "- {kind: payment, topic: b, order_by: version, other_fields: none, fields: {amount: amount, margin: "
        "margin}}\n",
        "3:39: field amount comes from here and from line 2, and versions of two sources do not compare; write "
        "'order_by: occurred_at' in both, or 'other_fields: none' and the fields of each");
}

Test(load, rules_are_in_the_unit_of_their_kpi)
{
    struct config *c =
        PARSE("alerts:\n"
              "  receivers:\n"
              "  - {name: a, url: 'http://localhost:1/x'}\n"
              "  - {name: b, url: 'https://[::1]/y', timeout: 1s, retry_for: 0s, headers: {X-A: b}}\n"
              "  rules:\n"
              "  - {name: r, kpi: win_rate, dimension: manager, window: month, below: 25%, clear: 0.3, for: 15m,"
              " sample_min: 20, severity: critical, summary: low, receivers: [b]}\n"
              "  - {name: s, kpi: cycle_time_p90, window: month, above: 30d, clear: 28d}\n"
              "  - {name: t, kpi: revenue, window: today, at_most: -12.50, receivers: []}\n"
              "  - {name: u, kpi: nps, window: year, at_least: 50}\n");
    const struct rule_config *r = c->alerts.rules;
    cr_assert_eq(c->alerts.rule_count, 4);
    cr_expect_eq(r[0].kpi, KPI_WIN_RATE);
    cr_expect_eq(r[0].dimension, DIMENSION_MANAGER);
    cr_expect_eq(r[0].window, (unsigned)config_window_find(c, TEXT("month")));
    cr_expect_eq(r[0].comparison, BELOW);
    cr_expect_eq(r[0].threshold_micro, 250000);
    cr_expect_eq(r[0].clear_micro, 300000);
    cr_expect_eq(r[0].for_ms, 900000);
    cr_expect_eq(r[0].sample_min, 20);
    cr_expect_eq(r[0].severity, SEVERITY_CRITICAL);
    cr_assert_eq(r[0].receiver_count, 1);
    cr_expect_eq(r[0].receivers[0], 1);
    cr_expect_eq(r[1].comparison, ABOVE);
    cr_expect_eq(r[1].threshold_micro, INT64_C(30) * 86400 * 1000000);
    cr_expect_eq(r[1].clear_micro, INT64_C(28) * 86400 * 1000000);
    cr_expect_eq(r[1].dimension, DIMENSION_COMPANY);
    cr_expect_eq(r[1].severity, SEVERITY_WARNING);
    cr_expect_eq(r[1].receiver_count, 2, "all where none is named");
    cr_expect_eq(r[2].comparison, AT_MOST);
    cr_expect_eq(r[2].threshold_micro, -12500000);
    cr_expect_eq(r[2].clear_micro, -12500000, "the threshold where it is not given");
    cr_expect_eq(r[2].receiver_count, 0, "[] is nobody");
    cr_expect_eq(r[3].threshold_micro, 50000000);
    cr_expect_eq(c->alerts.receivers[0].timeout_ms, 10000);
    cr_expect_eq(c->alerts.receivers[1].retry_for_ms, 0);
    cr_expect_str_eq(c->alerts.receivers[1].headers[0].name, "X-A");
    config_destroy(c);
}

Test(load, properties_go_to_librdkafka_as_they_are)
{
    struct config *c =
        PARSE("kafka: {properties: {security.protocol: SASL_SSL, linger.ms: 5, socket.keepalive.enable: true}}\n");
    cr_assert_eq(c->kafka.property_count, 3);
    cr_expect_str_eq(c->kafka.properties[1].name, "linger.ms");
    cr_expect_str_eq(c->kafka.properties[1].value, "5");
    cr_expect_str_eq(c->kafka.properties[2].value, "true");
    config_destroy(c);
}

static bool refuse_retries(const char *name, const char *value, char *why, size_t why_size)
{
    (void)value;
    snprintf(why, why_size, "not here");
    return strcmp(name, "retries") != 0;
}

Test(load, librdkafka_is_asked_about_properties)
{
    config_check_properties_with(refuse_retries);
    EXPECT_PROBLEM("kafka:\n  properties:\n    linger.ms: 5\n    retries: 1\n",
                   "4:5: property 'retries' is refused by librdkafka: not here");
    config_check_properties_with(NULL);
}

Test(load, an_entity_twice_is_told_once)
{
    EXPECT_PROBLEM(
        "alerts:\n  rules:\n  - {name: a, kpi: revenue, dimension: team, window: month, below: 1, entities: [b, a, b, "
        "c, b]}\n",
        "3:81: 'b' is in this list more than once; keep one of them");
}

/* All at once: a person repairs ten slips in one go, not one by one. */
Test(load, every_problem_is_told_in_the_order_of_the_file)
{
    struct config_problems problems = {0};
    static const char yaml[] = "log: {level: loud}\nhttp: {port: x}\ncompany: {week_start: never}\n";
    cr_expect_null(config_parse("f", yaml, sizeof yaml - 1, &problems));
    cr_assert_eq(problems.count, 3);
    cr_expect(strncmp(problems.lines[0], "f:1:14: ", 8) == 0, "%s", problems.lines[0]);
    cr_expect(strncmp(problems.lines[1], "f:2:14: ", 8) == 0, "%s", problems.lines[1]);
    cr_expect(strncmp(problems.lines[2], "f:3:23: ", 8) == 0, "%s", problems.lines[2]);
    config_problems_fini(&problems);
}

/* A wrong value must not make right ones look wrong: idle is 1s here, not 0. */
Test(load, one_slip_is_one_problem)
{
    EXPECT_PROBLEM("publish:\n  idle: 1\n  tick: 900ms\n",
                   "2:9: 'idle': '1' is no duration; write a whole number and its unit: ms, s, m, h or d, such as 10s");
    EXPECT_PROBLEM("company:\n  base_currency: Euro\n",
                   "2:18: 'Euro' is no currency; write three capital letters such as EUR");
    EXPECT_PROBLEM("alerts:\n  rules:\n  - {name: a, kpi: winrate, dimension: manager, window: month, below: 25%}\n",
                   "3:20: unknown KPI 'winrate'; did you mean 'win_rate'?");
}

Test(load, more_problems_than_a_person_reads_are_counted)
{
    struct buffer yaml;
    buffer_init(&yaml);
    buffer_string(&yaml, "stages:\n");
    for (int i = 0; i < 150; i++) {
        buffer_format(&yaml, "  s%d: x\n", i);
    }
    struct config_problems problems = {0};
    cr_expect_null(config_parse("f", yaml.at, yaml.len, &problems));
    cr_assert_eq(problems.count, 101);
    cr_expect_str_eq(problems.lines[100], "f: and 50 more problems");
    config_problems_fini(&problems);
    buffer_fini(&yaml);
}

Test(load, sentinels_with_and_without_a_port)
{
    struct config *c =
        PARSE("redis: {sentinels: [one:26380, two, '[::1]:5'], sentinel_master: my-master.1, namespace: x}\n");
    cr_assert_eq(c->redis.sentinel_count, 3);
    cr_expect_str_eq(c->redis.sentinels[0].host, "one");
    cr_expect_eq(c->redis.sentinels[0].port, 26380);
    cr_expect_str_eq(c->redis.sentinels[1].host, "two");
    cr_expect_eq(c->redis.sentinels[1].port, 26379);
    cr_expect_str_eq(c->redis.sentinels[2].host, "::1");
    cr_expect_eq(c->redis.sentinels[2].port, 5);
    cr_expect_str_eq(c->redis.sentinel_master, "my-master.1");
    config_destroy(c);
}
