#include "aggregators/measure.h"
#include "base/error.h"

const struct stream_info stream_infos[STREAM_COUNT] = {
#define X(symbol, first, measures, valued) [STREAM_##symbol] = {MEASURE_##first, measures, valued},
    STREAM_TABLE(X)
#undef X
};

/* clang-format off */
static const char *const names[MEASURE_COUNT] = {
    [MEASURE_LEADS] = "leads",
    [MEASURE_LEADS_CONVERTED] = "leads_converted",
    [MEASURE_LEAD_COST] = "lead_cost",
    [MEASURE_RESPONSES] = "responses",
    [MEASURE_RESPONSE_US] = "response_us",
    [MEASURE_DEALS] = "deals",
    [MEASURE_DEALS_WON_SINCE] = "deals_won_since",
    [MEASURE_WON] = "won",
    [MEASURE_WON_WITH_AMOUNT] = "won_with_amount",
    [MEASURE_WON_AMOUNT] = "won_amount",
    [MEASURE_WON_QUANTITY] = "won_quantity",
    [MEASURE_CYCLES] = "cycles",
    [MEASURE_CYCLE_US] = "cycle_us",
    [MEASURE_LOST] = "lost",
    [MEASURE_LOST_AMOUNT] = "lost_amount",
    [MEASURE_OPEN] = "open",
    [MEASURE_OPEN_AMOUNT] = "open_amount",
    [MEASURE_OPEN_WEIGHTED] = "open_weighted",
    [MEASURE_OPEN_UNRATED] = "open_unrated",
    [MEASURE_OPEN_OLD_RATE] = "open_old_rate",
    [MEASURE_PAYMENTS] = "payments",
    [MEASURE_REVENUE] = "revenue",
    [MEASURE_REFUND_COUNT] = "refund_count",
    [MEASURE_REFUNDS] = "refunds",
    [MEASURE_CSAT_ANSWERS] = "csat_answers",
    [MEASURE_CSAT_SATISFIED] = "csat_satisfied",
    [MEASURE_CSAT_SCORE] = "csat_score",
    [MEASURE_NPS_ANSWERS] = "nps_answers",
    [MEASURE_NPS_PROMOTERS] = "nps_promoters",
    [MEASURE_NPS_DETRACTORS] = "nps_detractors",
    [MEASURE_CUSTOMER_DEALS] = "customer_deals",
    [MEASURE_REPEAT_DEALS] = "repeat_deals",
    [MEASURE_NEW_CUSTOMERS] = "new_customers",
    [MEASURE_NEW_WITH_COST] = "new_with_cost",
    [MEASURE_NEW_PAID_BACK] = "new_paid_back",
    [MEASURE_PAYBACKS] = "paybacks",
    [MEASURE_WAITING] = "waiting",
    [MEASURE_EXPECTED] = "expected",
    [MEASURE_EXPECTED_AMOUNT] = "expected_amount",
    [MEASURE_UNRATED_COST] = "unrated_cost",
    [MEASURE_UNRATED_WON] = "unrated_won",
    [MEASURE_UNRATED_LOST] = "unrated_lost",
    [MEASURE_UNRATED_PAYMENTS] = "unrated_payments",
    [MEASURE_OLD_RATE_COST] = "old_rate_cost",
    [MEASURE_OLD_RATE_WON] = "old_rate_won",
    [MEASURE_OLD_RATE_LOST] = "old_rate_lost",
    [MEASURE_OLD_RATE_PAYMENTS] = "old_rate_payments",
    [MEASURE_RESPONSE_P50] = "response_p50",
    [MEASURE_RESPONSE_P90] = "response_p90",
    [MEASURE_CYCLE_P50] = "cycle_p50",
    [MEASURE_CYCLE_P90] = "cycle_p90",
    [MEASURE_PAYBACK_P50] = "payback_p50",
    [MEASURE_PAYBACK_P90] = "payback_p90",
    [MEASURE_WAITING_SINCE_US] = "waiting_since_us",
    [MEASURE_WAITING_AGE_US] = "waiting_age_us",
    [MEASURE_WON_AMOUNT_BEFORE] = "won_amount_before",
    [MEASURE_LEVEL_KNOWN] = "level_known",
};
/* clang-format on */

const char *measure_name(enum measure m)
{
    REQUIRE((unsigned)m < MEASURE_COUNT);
    return names[m];
}
