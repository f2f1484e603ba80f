#include "aggregators/kpi_streams.h"
#include "base/error.h"

#define S(stream) (UINT64_C(1) << STREAM_##stream)

uint64_t kpi_streams(enum kpi k)
{
    switch (k) {
    case KPI_LEADS_CREATED:
    case KPI_CONVERSION_COHORT: return S(LEAD);
    case KPI_LEAD_COST: return S(LEAD) | S(UNRATED) | S(OLD_RATE);
    case KPI_DEALS_CREATED:
    case KPI_WIN_RATE_COHORT: return S(DEAL);
    case KPI_DEALS_WON:
    case KPI_UNITS: return S(WON);
    case KPI_SALES_VOLUME:
    case KPI_AVERAGE_CHECK:
    case KPI_SALES_GROWTH: return S(WON) | S(UNRATED) | S(OLD_RATE);
    case KPI_DEALS_LOST: return S(LOST);
    case KPI_LOST_VOLUME: return S(LOST) | S(UNRATED) | S(OLD_RATE);
    case KPI_WIN_RATE: return S(WON) | S(LOST);
    case KPI_CONVERSION: return S(WON) | S(LEAD);
    case KPI_CYCLE_TIME_MEAN:
    case KPI_CYCLE_TIME_P50:
    case KPI_CYCLE_TIME_P90: return S(CYCLE);
    case KPI_RESPONSE_TIME_MEAN:
    case KPI_RESPONSE_TIME_P50:
    case KPI_RESPONSE_TIME_P90: return S(RESPONSE);
    case KPI_OPEN_DEALS:
    case KPI_PIPELINE:
    case KPI_WEIGHTED_PIPELINE: return S(OPEN);
    case KPI_REVENUE:
    case KPI_REVENUE_GROSS:
    case KPI_REFUNDS: return S(PAYMENT) | S(UNRATED) | S(OLD_RATE);
    case KPI_CSAT:
    case KPI_CSAT_MEAN: return S(CSAT);
    case KPI_NPS: return S(NPS);
    case KPI_NEW_CUSTOMERS: return S(NEW);
    case KPI_REPEAT_RATE: return S(REPEAT);
    case KPI_CAC: return S(LEAD) | S(NEW);
    case KPI_PAYBACK_P50:
    case KPI_PAYBACK_P90: return S(PAYBACK);
    case KPI_PAYBACK_SHARE: return S(NEW);
    case KPI_LEADS_WAITING:
    case KPI_LEADS_WAITING_SINCE:
    case KPI_LEADS_WAITING_OLDEST: return S(WAITING);
    case KPI_VELOCITY: return S(WON) | S(LOST) | S(CYCLE) | S(OPEN);
    case KPI_COUNT: break;
    }
    require_failed("a KPI of the table", __FILE__, __LINE__);
}
