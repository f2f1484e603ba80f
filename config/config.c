/* The configuration without its file: defaults, look-ups, the end of it. */
#include "config/config.h"
#include "base/error.h"
#include "config/defaults.h"
#include <stdlib.h>
#include <string.h>

static struct field_source member(const char *name)
{
    return (struct field_source){.kind = SOURCE_MEMBER, .name = must_strdup(name)};
}

void input_config_default(struct input_config *in, enum record_kind kind)
{
    const struct record_kind_info *info = record_kind_info(kind);
    *in = (struct input_config){
        .kind = kind,
        .topic = must_strdup(info->topic),
        .order_by = ORDER_BY_OCCURRED_AT,
        .events = EVENTS_CHANGES,
        .tombstones = TOMBSTONES_DELETE,
        .filter = {.pointer = must_strdup("")},
        .key = member(info->key),
        .event_id = member("event_id"),
        .version = member("version"),
        .occurred_at = member("occurred_at"),
        .deleted = member("deleted"),
    };
    for (unsigned f = 0; f < FIELD_COUNT_MAX; f++) {
        if (f < info->field_count) {
            in->fields[f] = member(info->fields[f].name);
        } else {
            in->fields[f] = (struct field_source){.kind = SOURCE_NONE, .name = must_strdup("")};
        }
    }
}

static void default_windows(struct config *c)
{
    static const char *const names[] = {"1h",    "24h",        "7d",      "today", "yesterday", "week",
                                        "month", "last_month", "quarter", "year",  "all",       "now"};
    for (unsigned w = 0; w < sizeof names / sizeof names[0]; w++) {
        REQUIRE(window_spec_parse(text_of(names[w]), &c->windows[w]) == WINDOW_OK);
        c->window_count++;
        for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
            c->dimension_windows[d][w] = true;
        }
    }
}

void board_config_default(struct config *c)
{
    static const enum dimension dimensions[] = {DIMENSION_MANAGER, DIMENSION_TEAM, DIMENSION_PRODUCT};
    static const enum kpi kpis[] = {KPI_SALES_VOLUME, KPI_DEALS_WON,  KPI_WIN_RATE,
                                    KPI_REVENUE,      KPI_CONVERSION, KPI_AVERAGE_CHECK};
    static const char *const windows[] = {"today", "week", "month", "quarter"};
    struct board_config *b = &c->publish.boards;
    *b = (struct board_config){0};
    for (unsigned i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
        b->dimension[dimensions[i]] = true;
    }
    for (unsigned i = 0; i < sizeof kpis / sizeof kpis[0]; i++) {
        b->kpi[kpis[i]] = true;
    }
    for (unsigned i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        int w = config_window_find(c, text_of(windows[i]));
        if (w >= 0) { /* a configuration may do without it */
            b->window[w] = true;
        }
    }
}

struct config *config_default(void)
{
    struct config *c = must_zalloc(sizeof *c);
    c->company = must_strdup("all");
    c->time_zone = must_strdup("UTC");
    c->week_start = 1;
    c->fiscal_month = 1;
    REQUIRE(currency_parse(TEXT("USD"), &c->base_currency) == OK);
    default_windows(c);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        input_config_default(&c->inputs[c->input_count++], (enum record_kind)k);
    }
    c->kafka = (struct kafka_config){
        .brokers = must_strdup("localhost:9092"),
        .group = must_strdup("kpid"),
        .dead_letter_topic = must_strdup("kpid-dead-letters"),
        .message_size_max = 1 << 20,
        .queue_bytes_max = 64 << 20,
        .metadata_refresh_ms = 10000,
        .clock_skew_ms = 300000,
        .dead_letters_unsent_max = 1000,
    };
    c->redis = (struct redis_config){
        .host = must_strdup("localhost"),
        .port = 6379,
        .unix_socket = must_strdup(""),
        .user = must_strdup(""),
        .password = must_strdup(""),
        .namespace_ = must_strdup("default"),
        .timeout_ms = 2000,
        .backoff_max_ms = 5000,
    };
    c->publish = (struct publish_config){
        .tick_ms = 100,
        .idle_ms = 1000,
        .max_atomic = 2000,
        .meta_ttl_ms = 15000,
        .alerts_log_max = 10000,
    };
    board_config_default(c);
    c->alerts.every_ms = 10000;
    c->alerts.queue_max = 1000;
    c->http = (struct http_config){.address = must_strdup("127.0.0.1"), .port = 9464};
    c->log = (struct log_config){LOG_LOGFMT, LOG_INFO};
    c->limits = (struct limits_config){.entities_max = 100000, .ring_bytes = 16 << 20};
    c->hash = text_hash(TEXT(""));
    return c;
}

void field_source_fini(struct field_source *s)
{
    free(s->name);
    for (size_t i = 0; i < s->map_count; i++) {
        free(s->map[i].from);
        free(s->map[i].to);
    }
    free(s->map);
    *s = (struct field_source){.kind = SOURCE_NONE};
}

void input_config_fini(struct input_config *in)
{
    free(in->topic);
    free(in->filter.pointer);
    for (size_t i = 0; i < in->filter.value_count; i++) {
        free(in->filter.values[i]);
    }
    free(in->filter.values);
    field_source_fini(&in->key);
    field_source_fini(&in->event_id);
    field_source_fini(&in->version);
    field_source_fini(&in->occurred_at);
    field_source_fini(&in->deleted);
    for (unsigned f = 0; f < FIELD_COUNT_MAX; f++) {
        field_source_fini(&in->fields[f]);
    }
    *in = (struct input_config){0};
}

/* Secrets do not stay behind in freed memory, where a core dump would show them. */
static void free_secret(char *s)
{
    if (s != NULL) {
        explicit_bzero(s, strlen(s));
        free(s);
    }
}

/* Properties and headers may hold secrets (sasl.password, Authorization). */
static void free_properties(struct kafka_property *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(p[i].name);
        free_secret(p[i].value);
    }
    free(p);
}

static void rule_fini(struct rule_config *r)
{
    free(r->name);
    for (size_t i = 0; i < r->entity_count; i++) {
        free(r->entities[i]);
    }
    free(r->entities);
    free(r->summary);
    free(r->receivers);
}

static void receiver_fini(struct receiver_config *r)
{
    free(r->name);
    free_secret(r->url); /* some services put a token into it */
    free_secret(r->hmac_secret);
    free_properties(r->headers, r->header_count);
}

void config_destroy(struct config *c)
{
    if (c == NULL) {
        return;
    }
    free(c->company);
    free(c->time_zone);
    free(c->currencies);
    free(c->rates);
    for (size_t i = 0; i < c->stage_count; i++) {
        free(c->stages[i].name);
    }
    free(c->stages);
    for (unsigned i = 0; i < c->input_count; i++) {
        input_config_fini(&c->inputs[i]);
    }
    free(c->kafka.brokers);
    free(c->kafka.group);
    free(c->kafka.dead_letter_topic);
    free_properties(c->kafka.properties, c->kafka.property_count);
    free(c->redis.host);
    free(c->redis.unix_socket);
    free(c->redis.user);
    free_secret(c->redis.password);
    free(c->redis.namespace_);
    for (size_t i = 0; i < c->alerts.rule_count; i++) {
        rule_fini(&c->alerts.rules[i]);
    }
    free(c->alerts.rules);
    for (size_t i = 0; i < c->alerts.receiver_count; i++) {
        receiver_fini(&c->alerts.receivers[i]);
    }
    free(c->alerts.receivers);
    free(c->http.address);
    free(c);
}

void config_problems_fini(struct config_problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->lines[i]);
    }
    free(p->lines);
    *p = (struct config_problems){0};
}

int config_currency_decimals(const struct config *c, currency_code code)
{
    for (size_t i = 0; i < c->currency_count; i++) {
        if (c->currencies[i].code == code) {
            return c->currencies[i].decimals;
        }
    }
    return currency_decimals_iso(code);
}

int64_t config_rate_nano(const struct config *c, currency_code code, int64_t local_day)
{
    if (code == c->base_currency) {
        return INT64_C(1000000000);
    }
    size_t low = 0, high = c->rate_count; /* the first rate after (code, local_day) */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct rate_config *r = &c->rates[middle];
        if (r->code < code || (r->code == code && r->day <= local_day)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && c->rates[low - 1].code == code ? c->rates[low - 1].nano : 0;
}

int64_t config_stage_probability(const struct config *c, struct text stage)
{
    for (size_t i = 0; i < c->stage_count; i++) {
        if (text_equal(stage, text_of(c->stages[i].name))) {
            return c->stages[i].probability_micro;
        }
    }
    return 0;
}

int config_window_find(const struct config *c, struct text name)
{
    for (unsigned w = 0; w < c->window_count; w++) {
        if (text_equal(name, text_of(c->windows[w].name))) {
            return (int)w;
        }
    }
    return -1;
}
