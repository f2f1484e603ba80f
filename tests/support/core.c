#include "tests/support/core.h"
#include "aggregators/kpi.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

/* One that derives what events change, and not all at once in the end, as a twin does. */
static struct shard *create_begun(const struct core *c)
{
    struct shard *s = shard_create(c->config, c->calendar);
    shard_settle(s, UINT32_MAX);
    return s;
}

void core_init(struct core *c, const char *zone, int week_start, int fiscal_month)
{
    static const char *const windows[] = {"1m",           "5m",   "1h",        "24h",   "7d",         "today",
                                          "yesterday",    "week", "last_week", "month", "last_month", "quarter",
                                          "last_quarter", "year", "last_year", "all",   "now"};
    c->week_start = week_start;
    c->fiscal_month = fiscal_month;
    c->config = config_default();
    c->config->window_count = sizeof windows / sizeof *windows;
    for (unsigned w = 0; w < c->config->window_count; w++) {
        REQUIRE(window_spec_parse(text_of(windows[w]), &c->config->windows[w]) == WINDOW_OK);
        for (unsigned d = 0; d < DIMENSION_COUNT; d++)
            c->config->dimension_windows[d][w] = true;
    }
    for (unsigned w = 0; w < c->config->window_count; w++)
        c->config->strengths.window[w] = strcmp(windows[w], "month") == 0 || strcmp(windows[w], "last_month") == 0;
    config_add_input(c->config, KIND_RATE);
    config_add_input(c->config, KIND_MEMBER);
    c->calendar = calendar_create(zone, week_start, fiscal_month);
    REQUIRE(c->calendar != NULL);
    c->shard = create_begun(c);
}

void core_fini(struct core *c)
{
    shard_destroy(c->shard);
    calendar_destroy(c->calendar);
    config_destroy(c->config);
}

const struct core_variant core_variants[CORE_VARIANTS] = {
    {"restate", CORRECTIONS_RESTATE, NULL, CREDIT_CURRENT, 0},
    {"book", CORRECTIONS_BOOK, NULL, CREDIT_CURRENT, 0},
    {"lock", CORRECTIONS_RESTATE, "2024-03-18", CREDIT_CURRENT, 0},
    {"book-lock", CORRECTIONS_BOOK, "2024-03-18", CREDIT_CURRENT, 0},
    {"at-close", CORRECTIONS_RESTATE, NULL, CREDIT_AT_CLOSE, 0},
    {"few-entities", CORRECTIONS_RESTATE, NULL, CREDIT_CURRENT, 2},
};

void core_vary(struct core *c, const struct core_variant *v)
{
    c->config->corrections = v->corrections;
    c->config->credit = v->credit;
    c->config->limits.entities_max = v->entities_max > 0 ? v->entities_max : 100000;
    c->config->lock_day = INT64_MIN;
    REQUIRE(v->lock == NULL || date_parse(text_of(v->lock), &c->config->lock_day) == OK);
    shard_destroy(c->shard);
    c->shard = create_begun(c);
}

enum outcome core_note(struct shard *shard, enum event_fate fate, unsigned slot, int64_t offset, const char *topic)
{
    _Alignas(8) char memory[EVENT_SIZE_MAX];
    event_note(memory, fate, slot, offset, text_of(topic));
    return shard_apply(shard, (const struct event *)(const void *)memory);
}

struct shard *core_twin(const struct core *c, const struct event_list *events, size_t count, int64_t now_us)
{
    struct shard *twin = shard_create(c->config, c->calendar);
    for (size_t i = 0; i < count; i++)
        shard_apply(twin, events->at[i]);
    shard_advance(twin, now_us);
    return twin;
}

void core_work_off(struct shard *shard)
{
    while (!shard_work(shard, 100))
        ;
}

void core_cut(struct shard *shard, enum reader reader, bool everything, struct snapshot *out)
{
    core_work_off(shard);
    shard_cut(shard, reader, everything, out);
}

size_t core_find(const struct snapshot *s, enum dimension d, const char *entity)
{
    size_t i = 0;
    while (i < snapshot_entity_count(s) &&
           (snapshot_entity_dimension(s, i) != d || !text_equal(snapshot_entity_name(s, i), text_of(entity))))
        i++;
    return i;
}

void core_value(struct core *c, struct buffer *out, enum dimension d, const char *entity, const char *window,
                const char *kpi)
{
    enum kpi k = kpi_find(text_of(kpi));
    int w = config_window_find(c->config, text_of(window));
    REQUIRE(k != KPI_COUNT && w >= 0);
    struct snapshot *s = snapshot_create();
    core_cut(c->shard, READER_PUBLISHER, true, s);
    size_t i = core_find(s, d, entity);
    if (i < snapshot_entity_count(s)) {
        struct sums current, previous;
        struct kpi_value value;
        snapshot_sums(s, i, (unsigned)w, &current, &previous);
        if (kpi_evaluate(k, &current, &value))
            kpi_format(out, k, &value, 2);
    }
    snapshot_destroy(s);
}
