#include "tests/simulator/world.h"
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct world world;

void world_fail(const char *format, ...)
{
    if (world.failure[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world.failure, sizeof world.failure, format, arguments);
    va_end(arguments);
    process_tell("FAILS: %s", world.failure);
}

void world_digest(struct text bytes)
{
    world.digest = (world.digest ^ text_hash(bytes) ^ (uint64_t)process_true_us) * UINT64_C(0x9E3779B97F4A7C15);
    world.digest ^= world.digest >> 29;
}

#define RULES                                                                                                         \
    "alerts:\n  every: 1s\n  without_redis: 0s\n  receivers:\n    - {name: one, url: 'http://one/', retry_for: 0s}\n" \
    "    - {name: two, url: 'http://two/', retry_for: 0s}\n"                                                          \
    "  rules:\n    - {name: much, kpi: sales_volume, dimension: manager, window: all, above: 400}\n"                  \
    "    - {name: open, kpi: open_deals, dimension: company, window: now, above: 1, for: 3s}\n"                       \
    "    - {name: lost, kpi: deals_lost, dimension: team, window: all, at_least: 1}\n"                                \
    "    - {name: little, kpi: sales_volume, dimension: manager, window: all, below: 200}\n"                          \
    "    - {name: none, kpi: deals_won, dimension: team, window: all, at_most: 0}\n"

static const char *const texts[] = {
    "windows: [1h, all, now]\nboards: {dimensions: [manager], kpis: [sales_volume, win_rate], windows: [all]}\n"
    "publish: {meta_ttl: 3s}\nredis: {backoff_max: 1s, lease: 1s}\n" RULES,
    /* Publishes in parts and staged ones. */
    "windows: [today, all, now]\nboards: {dimensions: [manager, team], kpis: [sales_volume, deals_won], windows: "
    "[all]}\n"
    "publish: {idle: 500ms, meta_ttl: 2s, max_atomic: 8}\nredis: {backoff_max: 1s, lease: 1s}\n" RULES,
    /* Books, series and own KPIs. */
    "company: {time_zone: Europe/Berlin}\nwindows: [all, now]\ncorrections: {mode: book}\n"
    "series:\n  - {dimension: company, kpis: [sales_volume], points: 3}\n"
    "publish: {meta_ttl: 5s, max_atomic: 40}\nredis: {backoff_max: 1s, lease: 1s}\n" RULES,
};
#define SETTING_COUNT (sizeof texts / sizeof *texts)

static struct setting settings[SETTING_COUNT];
_Static_assert(SETTING_COUNT == SETTINGS, "each has its text");

const struct setting *settings_at(unsigned i)
{
    REQUIRE(i < SETTING_COUNT);
    return &settings[i];
}

void settings_init(void)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct config_problems problems = {0};
        struct config *c = config_parse("simulator.yaml", texts[i], strlen(texts[i]), &problems);
        for (size_t k = 0; k < problems.count; k++)
            fprintf(stderr, "%s\n", problems.lines[k]);
        REQUIRE(c != NULL);
        config_add_input(c, KIND_RATE);
        config_add_input(c, KIND_MEMBER);
        settings[i] = (struct setting){c, calendar_create(c->time_zone, c->week_start, c->fiscal_month)};
        REQUIRE(settings[i].calendar != NULL);
    }
}

void settings_fini(void)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        calendar_destroy(settings[i].calendar);
        config_destroy(settings[i].config);
    }
}
