#include "publishers/meta.h"
#include "aggregators/interval.h"
#include "aggregators/kpi.h"
#include "base/error.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *meta_state_name(enum meta_state s)
{
    switch (s) {
    case META_LIVE: return "live";
    case META_LOADING: return "loading";
    case META_CATCHING_UP: return "catching_up";
    case META_STALE: break;
    }
    return "stale";
}

static void add_text(struct arguments *a, const char *name, struct text value)
{
    arguments_string(a, name);
    arguments_text(a, value);
}

static void add_number(struct arguments *a, const char *name, int64_t value)
{
    arguments_string(a, name);
    arguments_integer(a, value);
}

void meta_write(struct commands *c, const struct keys *k, const struct meta *m)
{
    struct arguments fields;
    arguments_init(&fields);
    char currency[4], hash[17];
    currency_format(m->config->base_currency, currency);
    snprintf(hash, sizeof hash, "%016" PRIx64, m->config->hash);
    add_number(&fields, "contract", 1);
    add_number(&fields, "seq", m->seq);
    if (m->as_of.len > 0)
        add_text(&fields, "as_of", m->as_of);
    add_text(&fields, "state", text_of(meta_state_name(m->state)));
    if (m->lag >= 0)
        add_number(&fields, "lag", m->lag);
    add_number(&fields, "epoch", m->epoch);
    add_text(&fields, "instance", text_of(m->instance));
    add_text(&fields, "offsets", m->offsets);
    add_number(&fields, "gaps", m->gaps);
    if (m->accounts.len > 0)
        add_text(&fields, "accounts", m->accounts);
    add_text(&fields, "config_hash", text_of(hash));
    add_text(&fields, "base_currency", text_of(currency));
    add_text(&fields, "time_zone", text_of(m->config->time_zone));

    /* Deleted first: a field that has no value must not stay from the meta before. */
    command_begin(c, "UNLINK", 2);
    command_joined(c, keys_prefix(k), TEXT(KEY_META));
    command_begin(c, "HSET", 2 + fields.count);
    command_joined(c, keys_prefix(k), TEXT(KEY_META));
    command_arguments(c, &fields);
    meta_extend(c, k, m->config->publish.meta_ttl_ms);
    arguments_fini(&fields);
}

void meta_extend(struct commands *c, const struct keys *k, int64_t meta_ttl_ms)
{
    command_begin(c, "PEXPIRE", 3);
    command_joined(c, keys_prefix(k), TEXT(KEY_META));
    command_integer(c, meta_ttl_ms);
}

void meta_announce(struct commands *c, const struct keys *k, const struct meta *m, struct text changed_json,
                   int64_t changed_count)
{
    struct buffer message;
    buffer_init(&message);
    buffer_format(&message, "{\"seq\":%" PRId64 ",\"as_of\":", m->seq);
    if (m->as_of.len > 0)
        buffer_json(&message, m->as_of);
    else
        buffer_string(&message, "null");
    buffer_format(&message, ",\"state\":\"%s\",\"changed\":[", meta_state_name(m->state));
    buffer_text(&message, changed_json);
    buffer_format(&message, "],\"changed_count\":%" PRId64 "}", changed_count);
    command_begin(c, "PUBLISH", 3);
    command_joined(c, keys_prefix(k), TEXT(KEY_UPDATES));
    command_text(c, buffer_view(&message));
    buffer_fini(&message);
}

static void add_json(struct buffer *out, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    REQUIRE(text != NULL);
    buffer_string(out, text);
    free(text);
    json_decref(value);
}

void offsets_format(struct buffer *out, const struct snapshot_position *positions, size_t count)
{
    json_t *topics = json_object();
    for (size_t i = 0; i < count; i++) {
        if (positions[i].offset < 0)
            continue;
        char topic[256], partition[16];
        snprintf(topic, sizeof topic, "%.*s", (int)positions[i].topic.len, positions[i].topic.at);
        snprintf(partition, sizeof partition, "%" PRId32, positions[i].partition);
        json_t *partitions = json_object_get(topics, topic);
        if (partitions == NULL) {
            partitions = json_object();
            REQUIRE(json_object_set_new(topics, topic, partitions) == 0);
        }
        REQUIRE(json_object_set_new(partitions, partition, json_integer(positions[i].offset)) == 0);
    }
    add_json(out, topics);
}

static bool is_reached(const char *topic, const char *partition, int64_t standing,
                       const struct snapshot_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%" PRId32, positions[i].partition);
        if (text_equal(positions[i].topic, text_of(topic)) && strcmp(number, partition) == 0)
            return standing <= positions[i].offset ||
                   (positions[i].earlier > 0 && standing <= positions[i].earlier); /* 0: there was no gap */
    }
    return standing < 0;
}

bool offsets_reach(const struct config *config, struct text standing, const struct snapshot_position *positions,
                   size_t count)
{
    json_t *topics = json_loadb(standing.at, standing.len, JSON_REJECT_DUPLICATES, NULL);
    bool reached = true;
    const char *topic, *partition;
    json_t *partitions, *offset;
    json_object_foreach(topics, topic, partitions)
    {
        if (!config_reads(config, topic))
            continue;
        json_object_foreach(partitions, partition, offset)
        {
            if (json_is_integer(offset) && !is_reached(topic, partition, json_integer_value(offset), positions, count))
                reached = false;
        }
    }
    json_decref(topics);
    return reached;
}

void accounts_format(struct buffer *out, const struct accounts *a)
{
    buffer_format(out,
                  "{\"read\":%" PRId64 ",\"applied\":%" PRId64 ",\"duplicate\":%" PRId64 ",\"superseded\":%" PRId64
                  ",\"dead_lettered\":%" PRId64 ",\"filtered\":%" PRId64 "}",
                  a->read, a->applied, a->duplicate, a->superseded, a->dead_lettered, a->filtered);
}

void catalogue_write(struct commands *c, const struct keys *k, const struct config *config)
{
    struct buffer json;
    buffer_init(&json);
    command_begin(c, "UNLINK", 2);
    command_joined(c, keys_prefix(k), TEXT(KEY_CATALOGUE));
    unsigned published = 0;
    for (unsigned i = 0; i < KPI_COUNT; i++)
        published += !kpi_ages((enum kpi)i);
    command_begin(c, "HSET", 2 + 2 * (published + (unsigned)config->kpi_count));
    command_joined(c, keys_prefix(k), TEXT(KEY_CATALOGUE));
    for (unsigned i = 0; i < KPI_COUNT; i++) {
        const struct kpi_info *info = kpi_info((enum kpi)i);
        if (kpi_ages((enum kpi)i))
            continue;
        buffer_clear(&json);
        buffer_format(
            &json, "{\"unit\":\"%s\",\"better\":\"%s\",\"absent\":\"%s\",\"label\":{\"en\":", kpi_unit_name(info->unit),
            info->better == BETTER_UP ? "up" : "down", info->absent == ABSENT_ZERO ? "0" : "none");
        buffer_json(&json, text_of(info->label_en));
        buffer_string(&json, ",\"ru\":");
        buffer_json(&json, text_of(info->label_ru));
        buffer_string(&json, "},\"formula\":");
        buffer_json(&json, text_of(info->formula));
        if (kpi_is_share((enum kpi)i))
            buffer_string(&json, ",\"rank\":\"low\"");
        buffer_char(&json, '}');
        command_string(c, info->name);
        command_text(c, buffer_view(&json));
    }
    for (size_t i = 0; i < config->kpi_count; i++) {
        const struct own_kpi_config *kpi = &config->kpis[i];
        const char *label = kpi->label[0] != '\0' ? kpi->label : kpi->name;
        buffer_clear(&json);
        buffer_format(&json, "{\"unit\":\"%s\",\"better\":\"%s\",\"absent\":\"%s\",\"label\":{\"en\":",
                      kpi_unit_name(own_kpi_unit(kpi)), kpi->better == BETTER_UP ? "up" : "down",
                      kpi->absent == ABSENT_ZERO ? "0" : "none");
        buffer_json(&json, text_of(label));
        buffer_string(&json, ",\"ru\":");
        buffer_json(&json, text_of(kpi->label_ru[0] != '\0' ? kpi->label_ru : label));
        buffer_string(&json, "},\"formula\":");
        buffer_json(&json, text_of(kpi->formula_text));
        if (kpi->filter.count > 0) {
            buffer_string(&json, ",\"filter\":");
            buffer_json(&json, text_of(kpi->filter_text));
        }
        buffer_char(&json, '}');
        command_string(c, kpi->name);
        command_text(c, buffer_view(&json));
    }
    buffer_fini(&json);
}
