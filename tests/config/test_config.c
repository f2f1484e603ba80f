#include "base/instant.h"
#include "tests/config/config_text.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static currency_code code(const char *letters)
{
    currency_code c = 0;
    cr_assert_eq(currency_parse(text_of(letters), &c), OK);
    return c;
}

static int64_t day(const char *date)
{
    int64_t days = 0;
    cr_assert_eq(date_parse(text_of(date), &days), OK);
    return days;
}

/* `kpid run` with a broker and a Redis address must work as it is. */
Test(config, defaults_read_the_four_topics)
{
    struct config *c = config_default();
    cr_assert_eq(c->input_count, FACT_KINDS);
    for (unsigned k = 0; k < FACT_KINDS; k++) {
        const struct input_config *in = &c->inputs[k];
        const struct record_kind_info *info = record_kind_info((enum record_kind)k);
        cr_expect_eq(in->kind, k);
        cr_expect_str_eq(in->topic, info->topic);
        cr_expect_eq(in->order_by, ORDER_BY_OCCURRED_AT);
        cr_expect_eq(in->events, EVENTS_CHANGES);
        cr_expect_eq(in->tombstones, TOMBSTONES_DELETE);
        cr_expect_str_eq(in->key.name, info->key);
        cr_expect_str_eq(in->filter.pointer, "");
        for (unsigned f = 0; f < info->field_count; f++) {
            cr_expect_eq(in->fields[f].kind, SOURCE_MEMBER);
            cr_expect_str_eq(in->fields[f].name, info->fields[f].name);
        }
        for (unsigned f = info->field_count; f < FIELD_COUNT_MAX; f++) {
            cr_expect_eq(in->fields[f].kind, SOURCE_NONE);
        }
    }
    cr_expect_str_eq(c->kafka.brokers, "localhost:9092");
    cr_expect_str_eq(c->redis.host, "localhost");
    cr_expect_eq(c->redis.port, 6379);
    cr_expect_str_eq(c->redis.password, "");
    cr_expect_str_eq(c->company, "all");
    cr_expect_str_eq(c->time_zone, "UTC");
    cr_expect_eq(c->week_start, 1);
    cr_expect_eq(c->fiscal_month, 1);
    cr_expect_eq(c->base_currency, code("USD"));
    cr_expect_eq(c->publish.tick_ms, 100);
    cr_expect_eq(c->publish.max_atomic, 2000, "AMENDMENT IV.3");
    cr_expect_eq(c->kafka.clock_skew_ms, 300000, "CONTRACT 1");
    cr_expect_eq(c->alerts.every_ms, 10000);
    cr_expect_eq(c->log.level, LOG_INFO);
    cr_expect_eq(c->limits.ring_bytes, 4 << 20);
    config_destroy(c);
}

Test(config, default_windows_are_there_for_every_dimension)
{
    static const char *const names[] = {"1h",    "24h",        "7d",      "today", "yesterday", "week",
                                        "month", "last_month", "quarter", "year",  "all",       "now"};
    struct config *c = config_default();
    cr_assert_eq(c->window_count, 12);
    for (unsigned w = 0; w < 12; w++) {
        cr_expect_eq(config_window_find(c, text_of(names[w])), (int)w);
        for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
            cr_expect(c->dimension_windows[d][w]);
        }
    }
    cr_expect_eq(config_window_find(c, TEXT("30d")), -1);
    cr_expect(c->publish.boards.dimension[DIMENSION_MANAGER] && !c->publish.boards.dimension[DIMENSION_REGION]);
    cr_expect(c->publish.boards.kpi[KPI_WIN_RATE] && !c->publish.boards.kpi[KPI_NPS]);
    cr_expect(c->publish.boards.window[config_window_find(c, TEXT("quarter"))]);
    cr_expect(!c->publish.boards.window[config_window_find(c, TEXT("1h"))]);
    config_destroy(c);
}

/* The sample, --print-defaults and the code must not part. */
Test(config, file_of_the_defaults_is_the_default)
{
    struct buffer wanted, found;
    buffer_init(&wanted);
    buffer_init(&found);
    struct config *c = config_default(), *empty = PARSE("# nothing\n"),
                  *groups = PARSE("redis:\nkafka: ~\ninputs:\nalerts: {rules: }\n");
    config_text(c, &wanted);
    cr_expect_str_eq(config_text(empty, &found), wanted.at);
    buffer_clear(&found);
    cr_expect_str_eq(config_text(groups, &found), wanted.at);
    cr_expect_neq(empty->hash, groups->hash, "the hash is of the bytes");
    buffer_fini(&wanted);
    buffer_fini(&found);
    config_destroy(c);
    config_destroy(empty);
    config_destroy(groups);
}

/* The latest rate on or before the day; the day before the first has none (AMENDMENTS 7 and 19). */
Test(config, rate_is_the_latest_on_or_before_the_day)
{
    struct config *c = PARSE("rates:\n"
                             "- {currency: JPY, day: 2024-01-05, rate: 0.007}\n"
                             "- {currency: EUR, day: 2024-01-10, rate: 1.2}\n"
                             "- {currency: EUR, day: 2024-01-02, rate: 1.095612345}\n"
                             "- {currency: BTC, day: 2024-01-02, rate: 999999999}\n"
                             "currencies: {BTC: 6, JPY: 2}\n");
    cr_expect_eq(config_rate_nano(c, code("EUR"), day("2024-01-01")), 0);
    cr_expect_eq(config_rate_nano(c, code("EUR"), day("2024-01-02")), 1095612345);
    cr_expect_eq(config_rate_nano(c, code("EUR"), day("2024-01-09")), 1095612345);
    cr_expect_eq(config_rate_nano(c, code("EUR"), day("2024-01-10")), 1200000000);
    cr_expect_eq(config_rate_nano(c, code("EUR"), day("2199-12-31")), 1200000000);
    cr_expect_eq(config_rate_nano(c, code("JPY"), day("2024-01-04")), 0);
    cr_expect_eq(config_rate_nano(c, code("JPY"), day("2024-01-05")), 7000000);
    cr_expect_eq(config_rate_nano(c, code("BTC"), day("2024-01-05")), INT64_C(999999999000000000));
    cr_expect_eq(config_rate_nano(c, code("GBP"), day("2024-01-05")), 0);
    cr_expect_eq(config_rate_nano(c, code("AAA"), day("2024-01-05")), 0);
    cr_expect_eq(config_rate_nano(c, code("ZZZ"), day("2024-01-05")), 0);
    cr_expect_eq(config_rate_nano(c, code("USD"), 0), 1000000000);
    cr_expect_eq(config_currency_decimals(c, code("BTC")), 6);
    cr_expect_eq(config_currency_decimals(c, code("JPY")), 2, "the configuration stands over ISO 4217");
    cr_expect_eq(config_currency_decimals(c, code("EUR")), 2);
    cr_expect_eq(config_currency_decimals(c, code("KWD")), 3);
    cr_expect_eq(config_currency_decimals(c, code("XQX")), -1);
    config_destroy(c);
}

Test(config, stages_have_probabilities)
{
    struct config *c = PARSE("stages: {open: 12.5%, offer: 0.7, Closed Won: 1, 'x': 0}\n");
    cr_expect_eq(config_stage_probability(c, TEXT("open")), 125000);
    cr_expect_eq(config_stage_probability(c, TEXT("offer")), 700000);
    cr_expect_eq(config_stage_probability(c, TEXT("Closed Won")), 1000000);
    cr_expect_eq(config_stage_probability(c, TEXT("x")), 0);
    cr_expect_eq(config_stage_probability(c, TEXT("unknown")), 0);
    config_destroy(c);
}

Test(config, search_goes_from_the_option_to_the_environment)
{
    unsetenv("KPID_CONFIG");
    cr_expect_str_eq(config_find("a.yaml"), "a.yaml");
    setenv("KPID_CONFIG", "b.yaml", 1);
    cr_expect_str_eq(config_find("a.yaml"), "a.yaml");
    cr_expect_str_eq(config_find(NULL), "b.yaml");
    struct config_problems problems = {0};
    setenv("KPID_CONFIG", "/no/such/file.yaml", 1);
    cr_expect_null(config_open(NULL, &problems));
    cr_assert_eq(problems.count, 1);
    cr_expect_str_eq(problems.lines[0], "/no/such/file.yaml: cannot be read: No such file or directory");
    config_problems_fini(&problems);
}
