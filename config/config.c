/* The configuration once it is there: default inputs, look-ups, the end of it. */
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

void working_calendar_default(struct working_calendar_config *c, const char *name)
{
    *c = (struct working_calendar_config){.name = must_strdup(name), .to_minute = 24 * 60};
    for (int d = 0; d < 7; d++) {
        c->works[d] = true;
    }
}

enum kpi_unit own_kpi_unit(const struct own_kpi_config *k)
{
    /* In the order of own_unit_words. */
    static const enum kpi_unit units[] = {UNIT_COUNT, UNIT_MONEY, UNIT_RATIO, UNIT_SECONDS, UNIT_QUANTITY, UNIT_SCORE};
    return units[k->unit];
}

unsigned config_kpi_find(const struct config *c, struct text name)
{
    enum kpi k = kpi_find(name);
    if (k != KPI_COUNT) {
        return k;
    }
    for (unsigned i = 0; i < c->kpi_count; i++) {
        if (text_equal(name, text_of(c->kpis[i].name))) {
            return KPI_COUNT + i;
        }
    }
    return KPI_ANY_COUNT;
}

enum kpi_unit config_kpi_unit(const struct config *c, unsigned kpi)
{
    return kpi < KPI_COUNT ? kpi_info((enum kpi)kpi)->unit : own_kpi_unit(&c->kpis[kpi - KPI_COUNT]);
}

bool config_kpi_is_of_span(unsigned kpi)
{
    return kpi >= KPI_COUNT || kpi_info((enum kpi)kpi)->clock == KPI_SPAN;
}

size_t config_team_calendar(const struct config *c, struct text team)
{
    for (size_t i = 0; i < c->team_count; i++) {
        if (text_equal(team, text_of(c->teams[i].name))) {
            return c->teams[i].calendar;
        }
    }
    return 0;
}

int config_find_input(const struct config *c, enum record_kind k)
{
    for (unsigned i = 0; i < c->input_count; i++) {
        if (c->inputs[i].kind == k) {
            return (int)i;
        }
    }
    return -1;
}

bool config_reads(const struct config *c, const char *topic)
{
    for (unsigned i = 0; i < c->input_count; i++) {
        if (strcmp(c->inputs[i].topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

bool config_has_books(const struct config *c)
{
    return c->corrections == CORRECTIONS_BOOK || c->lock_day != INT64_MIN;
}

void config_add_input(struct config *c, enum record_kind k)
{
    REQUIRE(c->input_count < INPUTS_MAX);
    input_config_default(&c->inputs[c->input_count++], k);
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

int64_t config_memory_beside(const struct config *c)
{
    return c->limits.ring_bytes + 6 * c->kafka.queue_bytes_max;
}

int64_t config_memory_least(const struct config *c)
{
    return config_memory_beside(c) + (INT64_C(32) << 20);
}

void redis_config_drop_sentinels(struct redis_config *r)
{
    for (size_t i = 0; i < r->sentinel_count; i++) {
        free(r->sentinels[i].host);
    }
    free(r->sentinels);
    r->sentinels = NULL;
    r->sentinel_count = 0;
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
    for (size_t i = 0; i < c->member_count; i++) {
        free(c->members[i].manager_id);
        free(c->members[i].team_id);
        free(c->members[i].name);
    }
    free(c->members);
    for (size_t i = 0; i < c->kpi_count; i++) {
        free(c->kpis[i].name);
        free(c->kpis[i].formula_text);
        free(c->kpis[i].filter_text);
        free(c->kpis[i].label);
        free(c->kpis[i].label_ru);
        name_filter_fini(&c->kpis[i].filter);
    }
    free(c->kpis);
    for (size_t i = 0; i < c->calendar_count; i++) {
        free(c->calendars[i].name);
        free(c->calendars[i].holidays);
    }
    free(c->calendars);
    for (size_t i = 0; i < c->team_count; i++) {
        free(c->teams[i].name);
    }
    free(c->teams);
    for (size_t i = 0; i < c->target_count; i++) {
        free(c->targets[i].entity);
        free(c->targets[i].kpi);
    }
    free(c->targets);
    for (size_t i = 0; i < c->series_count; i++) {
        for (size_t k = 0; k < c->series[i].entity_count; k++) {
            free(c->series[i].entities[k]);
        }
        free(c->series[i].entities);
    }
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
    free(c->redis.tls_ca);
    free(c->redis.tls_cert);
    free(c->redis.tls_key);
    free(c->redis.tls_server_name);
    redis_config_drop_sentinels(&c->redis);
    free(c->redis.sentinel_master);
    free(c->redis.sentinel_user);
    free_secret(c->redis.sentinel_password);
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
    free(c->checkpoint.directory);
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
