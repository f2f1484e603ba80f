#include "aggregators/kpi.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"

/* The fractions, as CONTRACT 4 has them: numerator, denominator, n. A denominator of 0 is no value. */
static struct kpi_value fraction(int128 numerator, int128 denominator, int128 n)
{
    return (struct kpi_value){numerator, denominator, (int64_t)n};
}

static struct kpi_value formula(enum kpi k, const int128 *at)
{
    int128 won = at[MEASURE_WON], lost = at[MEASURE_LOST], closed = won + lost;
    int128 promoters = at[MEASURE_NPS_PROMOTERS], detractors = at[MEASURE_NPS_DETRACTORS];
    switch (k) {
    case KPI_LEADS_CREATED: return fraction(at[MEASURE_LEADS], 1, at[MEASURE_LEADS]);
    case KPI_DEALS_CREATED: return fraction(at[MEASURE_DEALS], 1, at[MEASURE_DEALS]);
    case KPI_DEALS_WON: return fraction(won, 1, won);
    case KPI_SALES_VOLUME: return fraction(at[MEASURE_WON_AMOUNT], 1, won);
    case KPI_UNITS: return fraction(at[MEASURE_WON_QUANTITY], MICRO, won);
    case KPI_DEALS_LOST: return fraction(lost, 1, lost);
    case KPI_LOST_VOLUME: return fraction(at[MEASURE_LOST_AMOUNT], 1, lost);
    case KPI_AVERAGE_CHECK:
        return fraction(at[MEASURE_WON_AMOUNT], at[MEASURE_WON_WITH_AMOUNT], at[MEASURE_WON_WITH_AMOUNT]);
    case KPI_WIN_RATE: return fraction(won, closed, closed);
    case KPI_WIN_RATE_COHORT: return fraction(at[MEASURE_DEALS_WON_SINCE], at[MEASURE_DEALS], at[MEASURE_DEALS]);
    case KPI_CONVERSION: return fraction(won, at[MEASURE_LEADS], at[MEASURE_LEADS]);
    case KPI_CYCLE_TIME_MEAN: return fraction(at[MEASURE_CYCLE_US], at[MEASURE_CYCLES] * SECOND, at[MEASURE_CYCLES]);
    case KPI_CYCLE_TIME_P50: return fraction(at[MEASURE_CYCLE_P50], at[MEASURE_CYCLES] > 0, at[MEASURE_CYCLES]);
    case KPI_CYCLE_TIME_P90: return fraction(at[MEASURE_CYCLE_P90], at[MEASURE_CYCLES] > 0, at[MEASURE_CYCLES]);
    case KPI_RESPONSE_TIME_MEAN:
        return fraction(at[MEASURE_RESPONSE_US], at[MEASURE_RESPONSES] * SECOND, at[MEASURE_RESPONSES]);
    case KPI_RESPONSE_TIME_P50:
        return fraction(at[MEASURE_RESPONSE_P50], at[MEASURE_RESPONSES] > 0, at[MEASURE_RESPONSES]);
    case KPI_RESPONSE_TIME_P90:
        return fraction(at[MEASURE_RESPONSE_P90], at[MEASURE_RESPONSES] > 0, at[MEASURE_RESPONSES]);
    case KPI_OPEN_DEALS: return fraction(at[MEASURE_OPEN], 1, at[MEASURE_OPEN]);
    case KPI_PIPELINE: return fraction(at[MEASURE_OPEN_AMOUNT], 1, at[MEASURE_OPEN]);
    case KPI_WEIGHTED_PIPELINE: return fraction(at[MEASURE_OPEN_WEIGHTED], 1, at[MEASURE_OPEN]);
    case KPI_REVENUE: return fraction(at[MEASURE_REVENUE], 1, at[MEASURE_PAYMENTS]);
    case KPI_REFUNDS: return fraction(at[MEASURE_REFUNDS], 1, at[MEASURE_REFUND_COUNT]);
    case KPI_CSAT: return fraction(at[MEASURE_CSAT_SATISFIED], at[MEASURE_CSAT_ANSWERS], at[MEASURE_CSAT_ANSWERS]);
    case KPI_CSAT_MEAN:
        return fraction(at[MEASURE_CSAT_SCORE], at[MEASURE_CSAT_ANSWERS] * MICRO, at[MEASURE_CSAT_ANSWERS]);
    case KPI_NPS: return fraction(100 * (promoters - detractors), at[MEASURE_NPS_ANSWERS], at[MEASURE_NPS_ANSWERS]);
    case KPI_COUNT: break;
    }
    require_failed("a KPI of the table", __FILE__, __LINE__);
}

bool kpi_evaluate(enum kpi k, const struct sums *sums, struct kpi_value *out)
{
    struct kpi_value v = formula(k, sums->at);
    if (v.denominator == 0 || (kpi_info(k)->absent == ABSENT_ZERO && v.numerator == 0))
        return false;
    *out = v;
    return true;
}

void kpi_format(struct buffer *b, enum kpi k, const struct kpi_value *v, int money_decimals)
{
    switch (kpi_info(k)->unit) {
    case UNIT_COUNT:
    case UNIT_SECONDS: int128_format(b, divide_half_even(v->numerator, v->denominator)); return;
    case UNIT_MONEY: minor_format(b, divide_half_even(v->numerator, v->denominator), money_decimals); return;
    case UNIT_RATIO: ratio_format(b, v->numerator, v->denominator, 6); return;
    case UNIT_SCORE: ratio_format(b, v->numerator, v->denominator, 2); return;
    case UNIT_NPS: ratio_format(b, v->numerator, v->denominator, 1); return;
    case UNIT_QUANTITY: micro_format(b, divide_half_even(v->numerator * MICRO, v->denominator)); return;
    }
}

int kpi_compare(enum kpi k, const struct kpi_value *v, int64_t threshold_micro, int money_decimals)
{
    /* value = n/d <=> threshold = t/10^6, both sides times d x 10^6 (money: times 10^decimals as well) */
    int128 left = v->numerator * MICRO, right = (int128)threshold_micro * v->denominator;
    if (kpi_info(k)->unit == UNIT_MONEY)
        right *= power_of_ten(money_decimals);
    return left < right ? -1 : left > right;
}
