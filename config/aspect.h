/* aspect.h - what can be said about a KPI beside its value: "sales_volume.pace". Thread: any; constants only. */
#pragma once
#include "config/kpi_table.h"

/* In the order of the names. */
enum aspect {
    ASPECT_VALUE,
    ASPECT_ATTAINMENT,
    ASPECT_FORECAST,
    ASPECT_PACE,
    ASPECT_REQUIRED_RATE,
    ASPECT_TARGET,
    ASPECT_COUNT
};

/* "" for the value, else what follows the KPI's name: ".target" ... */
const char *aspect_suffix(enum aspect a);
/* Whether a KPI has the aspect at all. */
bool aspect_exists(enum kpi k, enum aspect a);
/* The KPI and the aspect that a name such as "sales_volume.pace" means; false: none. */
bool aspect_find(struct text name, enum kpi *out_kpi, enum aspect *out_aspect);
/* A share for attainment and pace, else the KPI's. */
enum kpi_unit aspect_unit(enum kpi k, enum aspect a);
