/* kpi_streams.h - which streams a KPI is made of, for whoever explains a number. Thread: any; pure. */
#pragma once
#include "aggregators/measure.h"
#include "config/kpi_table.h"

/* Bit i: enum stream i. */
uint64_t kpi_streams(enum kpi k);
