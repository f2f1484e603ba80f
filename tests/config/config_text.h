/* config_text.h - a whole configuration as lines "path = value", so that two can be compared and a difference is seen.
 *
 * Complete on purpose: a field that is not written here is not compared. The hash of the bytes is left out.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"

static inline void write_source(struct buffer *b, unsigned input, const char *name, const struct field_source *s)
{
    buffer_format(b, "inputs[%u].%s = %d '%s'", input, name, (int)s->kind, s->name);
    for (size_t i = 0; i < s->map_count; i++) {
        buffer_format(b, " '%s'>'%s'", s->map[i].from, s->map[i].to);
    }
    buffer_char(b, '\n');
}

static inline void write_input(struct buffer *b, unsigned i, const struct input_config *in)
{
    buffer_format(b, "inputs[%u] = %d %s %d %d %d filter '%s' %d:", i, (int)in->kind, in->topic, (int)in->order_by,
                  (int)in->events, (int)in->tombstones, in->filter.pointer, in->filter.negate);
    for (size_t v = 0; v < in->filter.value_count; v++) {
        buffer_format(b, " '%s'", in->filter.values[v]);
    }
    buffer_char(b, '\n');
    write_source(b, i, "key", &in->key);
    write_source(b, i, "event_id", &in->event_id);
    write_source(b, i, "version", &in->version);
    write_source(b, i, "occurred_at", &in->occurred_at);
    write_source(b, i, "deleted", &in->deleted);
    for (unsigned f = 0; f < record_kind_info(in->kind)->field_count; f++) {
        write_source(b, i, record_kind_info(in->kind)->fields[f].name, &in->fields[f]);
    }
}

static inline void write_properties(struct buffer *b, const char *path, const struct kafka_property *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffer_format(b, "%s.%s = '%s'\n", path, p[i].name, p[i].value);
    }
}

static inline void write_alerts(struct buffer *b, const struct alert_config *a)
{
    buffer_format(b, "alerts = %lld %lld %lld\n", (long long)a->every_ms, (long long)a->queue_max,
                  (long long)a->without_redis_ms);
    for (size_t i = 0; i < a->receiver_count; i++) {
        const struct receiver_config *r = &a->receivers[i];
        buffer_format(b, "receiver = '%s' '%s' '%s' %lld %lld\n", r->name, r->url, r->hmac_secret,
                      (long long)r->timeout_ms, (long long)r->retry_for_ms);
        write_properties(b, "header", r->headers, r->header_count);
    }
    for (size_t i = 0; i < a->rule_count; i++) {
        const struct rule_config *r = &a->rules[i];
        buffer_format(b, "rule = '%s' %d %d %u %d %lld %lld %lld %lld %d '%s' entities", r->name, (int)r->kpi,
                      (int)r->dimension, r->window, (int)r->comparison, (long long)r->threshold_micro,
                      (long long)r->clear_micro, (long long)r->for_ms, (long long)r->sample_min, (int)r->severity,
                      r->summary);
        for (size_t e = 0; e < r->entity_count; e++) {
            buffer_format(b, " '%s'", r->entities[e]);
        }
        buffer_string(b, " receivers");
        for (size_t e = 0; e < r->receiver_count; e++) {
            buffer_format(b, " %zu", r->receivers[e]);
        }
        buffer_char(b, '\n');
    }
}

static inline void write_bits(struct buffer *b, const char *name, const bool *bits, unsigned count)
{
    buffer_format(b, "%s =", name);
    for (unsigned i = 0; i < count; i++) {
        buffer_format(b, " %d", bits[i]);
    }
    buffer_char(b, '\n');
}

/* Zero-terminated; the caller ends the buffer. */
static inline const char *config_text(const struct config *c, struct buffer *b)
{
    buffer_format(b, "company = '%s' '%s' %d %d %u\n", c->company, c->time_zone, c->week_start, c->fiscal_month,
                  (unsigned)c->base_currency);
    for (size_t i = 0; i < c->currency_count; i++) {
        buffer_format(b, "currency = %u %d\n", (unsigned)c->currencies[i].code, c->currencies[i].decimals);
    }
    for (size_t i = 0; i < c->rate_count; i++) {
        buffer_format(b, "rate = %u %lld %lld\n", (unsigned)c->rates[i].code, (long long)c->rates[i].day,
                      (long long)c->rates[i].nano);
    }
    for (size_t i = 0; i < c->stage_count; i++) {
        buffer_format(b, "stage = '%s' %lld\n", c->stages[i].name, (long long)c->stages[i].probability_micro);
    }
    for (unsigned i = 0; i < c->window_count; i++) {
        const struct window_spec *w = &c->windows[i];
        buffer_format(b, "window = %s %d %d %lld %lld\n", w->name, (int)w->kind, (int)w->period,
                      (long long)w->length_us, (long long)w->step_us);
    }
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        write_bits(b, dimension_name((enum dimension)d), c->dimension_windows[d], WINDOWS_MAX);
    }
    for (unsigned i = 0; i < c->input_count; i++) {
        write_input(b, i, &c->inputs[i]);
    }
    const struct kafka_config *k = &c->kafka;
    buffer_format(b, "kafka = '%s' '%s' '%s' %lld %lld %lld %lld %lld\n", k->brokers, k->group, k->dead_letter_topic,
                  (long long)k->message_size_max, (long long)k->queue_bytes_max, (long long)k->metadata_refresh_ms,
                  (long long)k->clock_skew_ms, (long long)k->dead_letters_unsent_max);
    write_properties(b, "kafka", k->properties, k->property_count);
    const struct redis_config *r = &c->redis;
    buffer_format(b, "redis = '%s' %d '%s' '%s' '%s' %d '%s' %lld %lld %lld\n", r->host, r->port, r->unix_socket,
                  r->user, r->password, r->database, r->namespace_, (long long)r->timeout_ms,
                  (long long)r->backoff_max_ms, (long long)r->lease_ms);
    buffer_format(b, "tls = %d '%s' '%s' '%s' '%s'\n", r->tls, r->tls_ca, r->tls_cert, r->tls_key, r->tls_server_name);
    for (size_t i = 0; i < r->sentinel_count; i++)
        buffer_format(b, "sentinel = '%s' %d\n", r->sentinels[i].host, r->sentinels[i].port);
    buffer_format(b, "sentinels = '%s' '%s' '%s'\n", r->sentinel_master, r->sentinel_user, r->sentinel_password);
    const struct publish_config *p = &c->publish;
    buffer_format(b, "publish = %lld %lld %lld %lld %lld\n", (long long)p->tick_ms, (long long)p->idle_ms,
                  (long long)p->max_atomic, (long long)p->meta_ttl_ms, (long long)p->alerts_log_max);
    write_bits(b, "boards.dimensions", p->boards.dimension, DIMENSION_COUNT);
    write_bits(b, "boards.kpis", p->boards.kpi, KPI_COUNT);
    write_bits(b, "boards.windows", p->boards.window, WINDOWS_MAX);
    write_alerts(b, &c->alerts);
    buffer_format(b, "http = '%s' %d\n", c->http.address, c->http.port);
    buffer_format(b, "memory_max = %lld\n", (long long)c->limits.memory_max_bytes);
    buffer_format(b, "log = %d %d\n", (int)c->log.format, (int)c->log.level);
    buffer_format(b, "limits = %lld %lld\n", (long long)c->limits.entities_max, (long long)c->limits.ring_bytes);
    return b->at;
}

/* A configuration from a literal; the test ends with every problem shown where it is wrong. */
#define PARSE(yaml)                                                                                        \
    ({                                                                                                     \
        struct config_problems problems_ = {0};                                                            \
        const char *yaml_ = (yaml);                                                                        \
        struct config *config_ = config_parse("test.yaml", yaml_, strlen(yaml_), &problems_);              \
        cr_assert(config_ != NULL, "%s", problems_.count > 0 ? problems_.lines[0] : "no problem is told"); \
        cr_assert_eq(problems_.count, 0);                                                                  \
        config_;                                                                                           \
    })

/* One that is wrong in just this: "line:column: message". */
#define EXPECT_PROBLEM(yaml, wanted)                                                           \
    do {                                                                                       \
        struct config_problems problems_ = {0};                                                \
        const char *yaml_ = (yaml);                                                            \
        struct config *config_ = config_parse("t", yaml_, strlen(yaml_), &problems_);          \
        cr_expect(config_ == NULL, "taken: %s", yaml_);                                        \
        cr_expect_eq(problems_.count, 1, "%zu problems, not one: %s", problems_.count, yaml_); \
        if (problems_.count > 0) {                                                             \
            cr_expect_str_eq(problems_.lines[0], "t:" wanted);                                 \
        }                                                                                      \
        config_problems_fini(&problems_);                                                      \
        config_destroy(config_);                                                               \
    } while (0)
