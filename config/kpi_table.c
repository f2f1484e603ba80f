#include "config/kpi_table.h"
#include "base/error.h"

static const struct kpi_info kpis[KPI_COUNT] = {
#define X(symbol, name, unit, better, absent, clock, formula, en, ru) \
    [KPI_##symbol] = {name, UNIT_##unit, BETTER_##better, ABSENT_##absent, KPI_##clock, formula, en, ru},
    KPI_TABLE(X)
#undef X
};

const struct kpi_info *kpi_info(enum kpi k)
{
    REQUIRE((unsigned)k < KPI_COUNT);
    return &kpis[k];
}

bool kpi_adds_up(enum kpi k)
{
    return kpi_info(k)->absent == ABSENT_ZERO;
}

enum kpi kpi_find(struct text name)
{
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        if (text_equal(name, text_of(kpis[k].name))) {
            return (enum kpi)k;
        }
    }
    return KPI_COUNT;
}

const char *kpi_unit_name(enum kpi_unit u)
{
    switch (u) {
    case UNIT_COUNT: return "count";
    case UNIT_MONEY: return "money";
    case UNIT_RATIO: return "ratio";
    case UNIT_SECONDS: return "seconds";
    case UNIT_SCORE: return "score";
    case UNIT_NPS: return "nps";
    case UNIT_INSTANT: return "instant";
    case UNIT_QUANTITY: return "quantity";
    }
    require_failed("a unit of the KPI table", __FILE__, __LINE__);
}
