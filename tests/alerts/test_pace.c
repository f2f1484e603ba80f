/* A sales lead is told that Anna falls behind the pace of her target, and that she has caught up. */
#include "alerts/engine.h"
#include "tests/support/story.h"
#include <string.h>

static struct rule_config rule;

static void begin(void)
{
    core_init(&core, "UTC", 1, 1);
    struct target_config target = {.dimension = DIMENSION_MANAGER,
                                   .entity = must_strdup("Anna"),
                                   .kpi = must_strdup("sales_volume"),
                                   .period = PERIOD_MONTH,
                                   .value_micro = 3100 * INT64_C(1000000),
                                   .starts_on = 0,
                                   .ends_on = INT64_MAX};
    core.config->targets = must_alloc(sizeof target);
    core.config->targets[0] = target;
    core.config->target_count = 1;
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
    rule = (struct rule_config){.name = (char *)"behind",
                                .kpi = KPI_SALES_VOLUME,
                                .aspect = ASPECT_PACE,
                                .dimension = DIMENSION_MANAGER,
                                .window = (unsigned)config_window_find(core.config, TEXT("month")),
                                .comparison = BELOW,
                                .threshold_micro = 800000,
                                .clear_micro = 900000,
                                .summary = (char *)""};
    core.config->alerts.rules = &rule;
    core.config->alerts.rule_count = 1;
}

static void finish(void)
{
    core.config->alerts.rules = NULL;
    core.config->alerts.rule_count = 0;
    core_fini(&core);
}

TestSuite(pace, .init = begin, .fini = finish);

static enum alert_state state_at(struct engine *e, const char *when)
{
    struct snapshot *s = snapshot_create();
    size_t count;
    shard_advance(core.shard, at(when));
    core_cut(core.shard, READER_ALERTS, false, s);
    engine_take(e, s, true, &count);
    snapshot_destroy(s);
    return engine_count(e, ALERT_FIRING) == 1     ? ALERT_FIRING
           : engine_count(e, ALERT_RESOLVED) == 1 ? ALERT_RESOLVED
                                                  : ALERT_INACTIVE;
}

/* March has 31 days of 100 each, worked around the clock. */
Test(pace, who_falls_behind_is_told_of_by_time_alone)
{
    struct engine *e = engine_create(core.config);
    DEAL("D1", "2024-03-05T00:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_AMOUNT, UNITS(1000)));
    cr_expect_eq(state_at(e, "2024-03-06T00:00:00Z"), ALERT_INACTIVE, "1000 of 500");
    cr_expect_eq(state_at(e, "2024-03-13T12:00:00Z"), ALERT_INACTIVE, "1000 of 1250: 0.8 is not below");
    cr_expect_eq(state_at(e, "2024-03-13T12:15:00Z"), ALERT_FIRING, "a quarter of an hour later");
    DEAL("D2", "2024-03-13T12:20:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_AMOUNT, UNITS(100)));
    cr_expect_eq(state_at(e, "2024-03-13T12:30:00Z"), ALERT_FIRING,
                 "1100 of 1252: not yet past the clearing threshold");
    DEAL("D3", "2024-03-13T12:40:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_AMOUNT, UNITS(100)));
    cr_expect_eq(state_at(e, "2024-03-13T12:45:00Z"), ALERT_RESOLVED);
    engine_destroy(e);
}
