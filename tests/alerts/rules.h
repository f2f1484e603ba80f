/* rules.h - a small configuration with one rule, for the tests of this folder. */
#pragma once
#include "base/instant.h"
#include "config/config.h"
#include <string.h>

/* Two windows, EUR, a grid of 10 s; `r` is its only rule and must outlive it. */
static inline struct config rules_config(struct rule_config *r)
{
    struct config c;
    memset(&c, 0, sizeof c);
    currency_code eur;
    (void)!currency_parse(TEXT("EUR"), &eur);
    c.base_currency = eur;
    c.window_count = 2;
    strcpy(c.windows[0].name, "month");
    strcpy(c.windows[1].name, "24h");
    c.alerts.rules = r;
    c.alerts.rule_count = 1;
    c.alerts.every_ms = 10000;
    c.alerts.queue_max = 100;
    return c;
}

/* "win rate low": the win rate of a manager in the month below 0.25. */
static inline struct rule_config rules_low(void)
{
    return (struct rule_config){
        .name = (char *)"win rate low",
        .kpi = KPI_WIN_RATE,
        .dimension = DIMENSION_MANAGER,
        .window = 0,
        .comparison = BELOW,
        .threshold_micro = 250000,
        .clear_micro = 250000,
        .severity = SEVERITY_WARNING,
        .summary = (char *)"",
    };
}
