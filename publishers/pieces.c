#include "publishers/pieces.h"
#include "base/error.h"

_Static_assert(KPI_COUNT <= 64 && MEASURE_COUNT <= 64, "their masks are 64 bits wide");

#define K(name) (UINT64_C(1) << KPI_##name)
static const uint64_t kpis[PIECE_COUNT] = {
    [PIECE_LEADS] = K(LEADS_CREATED) | K(CONVERSION_COHORT) | K(LEAD_COST) | K(RESPONSE_TIME_MEAN) |
                    K(RESPONSE_TIME_P50) | K(RESPONSE_TIME_P90) | K(LEADS_WAITING) | K(LEADS_WAITING_SINCE) |
                    K(LEADS_WAITING_OLDEST), /* the last one is of no window in Redis: kpi_ages */
    [PIECE_SALES] = K(DEALS_WON) | K(SALES_VOLUME) | K(UNITS) | K(DEALS_LOST) | K(LOST_VOLUME) | K(AVERAGE_CHECK) |
                    K(SALES_GROWTH) | K(WIN_RATE) | K(CYCLE_TIME_MEAN) | K(CYCLE_TIME_P50) | K(CYCLE_TIME_P90) |
                    K(NEW_CUSTOMERS) | K(REPEAT_RATE),
    [PIECE_MONEY] = K(REVENUE) | K(REFUNDS) | K(REVENUE_GROSS) | K(PAYBACK_P50) | K(PAYBACK_P90) | K(PAYBACK_SHARE) |
                    K(CSAT) | K(CSAT_MEAN) | K(NPS),
    [PIECE_MIXED] = K(DEALS_CREATED) | K(WIN_RATE_COHORT) | K(CONVERSION) | K(CAC) | K(OPEN_DEALS) | K(PIPELINE) |
                    K(WEIGHTED_PIPELINE) | K(VELOCITY),
};
#undef K

#define M(name) (UINT64_C(1) << MEASURE_##name)
static const uint64_t measures[PIECE_COUNT] = {
    [PIECE_LEADS] = M(LEADS) | M(LEADS_CONVERTED) | M(LEAD_COST) | M(RESPONSES) | M(RESPONSE_US) | M(RESPONSE_P50) |
                    M(RESPONSE_P90) | M(WAITING) | M(WAITING_SINCE_US) | M(UNRATED_COST) | M(OLD_RATE_COST),
    [PIECE_SALES] = M(WON) | M(WON_WITH_AMOUNT) | M(WON_AMOUNT) | M(WON_QUANTITY) | M(WON_AMOUNT_BEFORE) | M(CYCLES) |
                    M(CYCLE_US) | M(CYCLE_P50) | M(CYCLE_P90) | M(LOST) | M(LOST_AMOUNT) | M(CUSTOMER_DEALS) |
                    M(REPEAT_DEALS) | M(NEW_CUSTOMERS) | M(EXPECTED) | M(EXPECTED_AMOUNT) | M(UNRATED_WON) |
                    M(UNRATED_LOST) | M(OLD_RATE_WON) | M(OLD_RATE_LOST),
    [PIECE_MONEY] = M(PAYMENTS) | M(REVENUE) | M(REFUND_COUNT) | M(REFUNDS) | M(PAYBACKS) | M(PAYBACK_P50) |
                    M(PAYBACK_P90) | M(NEW_WITH_COST) | M(NEW_PAID_BACK) | M(CSAT_ANSWERS) | M(CSAT_SATISFIED) |
                    M(CSAT_SCORE) | M(NPS_ANSWERS) | M(NPS_PROMOTERS) | M(NPS_DETRACTORS) | M(UNRATED_PAYMENTS) |
                    M(OLD_RATE_PAYMENTS),
    [PIECE_MIXED] = M(DEALS) | M(DEALS_WON_SINCE) | M(LEADS) | M(LEAD_COST) | M(NEW_CUSTOMERS) | M(OPEN) |
                    M(OPEN_AMOUNT) | M(OPEN_WEIGHTED) | M(OPEN_UNRATED) | M(OPEN_OLD_RATE) | M(WON) | M(LOST) |
                    M(WON_WITH_AMOUNT) | M(WON_AMOUNT) | M(CYCLES) | M(CYCLE_US) | M(LEVEL_KNOWN) | M(UNRATED_COST) |
                    M(OLD_RATE_COST) | M(UNRATED_WON) | M(OLD_RATE_WON),
};
#undef M

enum piece piece_of(enum kpi k)
{
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        if (kpis[p] >> k & 1)
            return (enum piece)p;
    require_failed("a piece for each KPI", __FILE__, __LINE__);
}

uint64_t pieces_kpis(unsigned pieces)
{
    uint64_t all = 0;
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        if (pieces >> p & 1)
            all |= kpis[p];
    return all;
}

uint64_t piece_measures(enum piece p)
{
    return measures[p];
}
