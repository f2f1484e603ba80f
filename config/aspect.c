#include "config/aspect.h"
#include "base/error.h"

static const char *const suffixes[ASPECT_COUNT] = {"",      ".attainment",    ".forecast",
                                                   ".pace", ".required_rate", ".target"};

const char *aspect_suffix(enum aspect a)
{
    REQUIRE((unsigned)a < ASPECT_COUNT);
    return suffixes[a];
}

bool aspect_exists(enum kpi k, enum aspect a)
{
    switch (a) {
    case ASPECT_VALUE: return true;
    case ASPECT_TARGET:
    case ASPECT_ATTAINMENT: return kpi_info(k)->clock == KPI_SPAN;
    case ASPECT_PACE:
    case ASPECT_REQUIRED_RATE: return kpi_info(k)->clock == KPI_SPAN && kpi_adds_up(k);
    case ASPECT_FORECAST: return k == KPI_SALES_VOLUME || k == KPI_DEALS_WON;
    case ASPECT_COUNT: break;
    }
    return false;
}

bool aspect_find(struct text name, enum kpi *out_kpi, enum aspect *out_aspect)
{
    size_t dot = 0;
    while (dot < name.len && name.at[dot] != '.')
        dot++;
    enum kpi k = kpi_find((struct text){name.at, dot});
    struct text suffix = {name.at + dot, name.len - dot};
    for (unsigned a = 0; k != KPI_COUNT && a < ASPECT_COUNT; a++) {
        if (!text_equal(suffix, text_of(suffixes[a])) || !aspect_exists(k, (enum aspect)a))
            continue;
        *out_kpi = k;
        *out_aspect = (enum aspect)a;
        return true;
    }
    return false;
}

enum kpi_unit aspect_unit(enum kpi k, enum aspect a)
{
    return a == ASPECT_ATTAINMENT || a == ASPECT_PACE ? UNIT_RATIO : kpi_info(k)->unit;
}
