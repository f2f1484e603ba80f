#include "aggregators/kpi.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include "base/wide.h"

/* What is compared and written with the least trouble stays below it (kpi_compare). */
#define PRODUCT_MAX ((int128)1 << 104)

/* The fractions, as CONTRACT 4 has them: numerator, denominator, n. A denominator of 0 is no value. */
static struct kpi_value fraction(int128 numerator, int128 denominator, int128 n)
{
    return (struct kpi_value){numerator, denominator, (int64_t)n};
}

static int128 magnitude(int128 n)
{
    return n < 0 ? -n : n;
}

/* open x (won / closed) x (amount / with_amount) / (cycle_us / cycles / DAY), with common factors taken out before they
 * are multiplied. Where even so a product leaves 128 bits, another fraction stands for it, on the same side of each
 * millionth of a minor unit. */
static struct kpi_value velocity(const int128 *at)
{
    int128 n[] = {at[MEASURE_OPEN], at[MEASURE_WON], at[MEASURE_WON_AMOUNT], at[MEASURE_CYCLES], DAY};
    int128 d[] = {at[MEASURE_WON] + at[MEASURE_LOST], at[MEASURE_WON_WITH_AMOUNT], at[MEASURE_CYCLE_US]};
    enum { N = sizeof n / sizeof *n, D = sizeof d / sizeof *d };
    if (at[MEASURE_LEVEL_KNOWN] == 0 || d[0] <= 0 || d[1] <= 0 || d[2] <= 0)
        return fraction(0, 0, 0);
    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < D; j++) {
            int128 common = common_divisor(n[i], d[j]);
            n[i] /= common;
            d[j] /= common;
        }
    }
    int128 above = n[0], below = d[0];
    bool fits = true;
    for (unsigned i = 1; i < N; i++)
        fits = fits && !__builtin_mul_overflow(above, n[i], &above) && magnitude(above) < PRODUCT_MAX;
    for (unsigned j = 1; j < D; j++)
        fits = fits && !__builtin_mul_overflow(below, d[j], &below) && below < PRODUCT_MAX;
    if (fits)
        return fraction(above, below, at[MEASURE_WON]);
    if (!wide_near(n, N, d, D, MICRO, &above, &below))
        return fraction(0, 0, 0);
    return fraction(above, below, at[MEASURE_WON]);
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
    case KPI_SALES_GROWTH: {
        int128 before = at[MEASURE_WON_AMOUNT_BEFORE];
        return fraction(at[MEASURE_WON_AMOUNT] - before, before > 0 ? before : 0, won);
    }
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
    case KPI_REVENUE_GROSS:
        return fraction(at[MEASURE_REVENUE] + at[MEASURE_REFUNDS], 1, at[MEASURE_PAYMENTS] - at[MEASURE_REFUND_COUNT]);
    case KPI_CSAT: return fraction(at[MEASURE_CSAT_SATISFIED], at[MEASURE_CSAT_ANSWERS], at[MEASURE_CSAT_ANSWERS]);
    case KPI_CSAT_MEAN:
        return fraction(at[MEASURE_CSAT_SCORE], at[MEASURE_CSAT_ANSWERS] * MICRO, at[MEASURE_CSAT_ANSWERS]);
    case KPI_NPS: return fraction(100 * (promoters - detractors), at[MEASURE_NPS_ANSWERS], at[MEASURE_NPS_ANSWERS]);
    case KPI_NEW_CUSTOMERS: return fraction(at[MEASURE_NEW_CUSTOMERS], 1, at[MEASURE_NEW_CUSTOMERS]);
    case KPI_REPEAT_RATE:
        return fraction(at[MEASURE_REPEAT_DEALS], at[MEASURE_CUSTOMER_DEALS], at[MEASURE_CUSTOMER_DEALS]);
    case KPI_CONVERSION_COHORT: return fraction(at[MEASURE_LEADS_CONVERTED], at[MEASURE_LEADS], at[MEASURE_LEADS]);
    case KPI_LEAD_COST: return fraction(at[MEASURE_LEAD_COST], 1, at[MEASURE_LEADS]);
    case KPI_CAC: return fraction(at[MEASURE_LEAD_COST], at[MEASURE_NEW_CUSTOMERS], at[MEASURE_NEW_CUSTOMERS]);
    case KPI_PAYBACK_P50: return fraction(at[MEASURE_PAYBACK_P50], at[MEASURE_PAYBACKS] > 0, at[MEASURE_PAYBACKS]);
    case KPI_PAYBACK_P90: return fraction(at[MEASURE_PAYBACK_P90], at[MEASURE_PAYBACKS] > 0, at[MEASURE_PAYBACKS]);
    case KPI_PAYBACK_SHARE:
        return fraction(at[MEASURE_NEW_PAID_BACK], at[MEASURE_NEW_WITH_COST], at[MEASURE_NEW_WITH_COST]);
    case KPI_LEADS_WAITING: return fraction(at[MEASURE_WAITING], 1, at[MEASURE_WAITING]);
    case KPI_LEADS_WAITING_SINCE:
        return fraction(at[MEASURE_WAITING_SINCE_US], at[MEASURE_WAITING] > 0 ? SECOND : 0, at[MEASURE_WAITING]);
    case KPI_LEADS_WAITING_OLDEST:
        return fraction(at[MEASURE_WAITING_AGE_US], at[MEASURE_WAITING] > 0 ? SECOND : 0, at[MEASURE_WAITING]);
    case KPI_VELOCITY: return velocity(at);
    case KPI_COUNT: break;
    }
    require_failed("a KPI of the table", __FILE__, __LINE__);
}

bool kpi_evaluate(enum kpi k, const struct sums *sums, struct kpi_value *out)
{
    struct kpi_value v = formula(k, sums->at);
    /* Where books are closed a period may hold more that was taken back than was added: there is no ratio then. */
    if (v.denominator <= 0 || (kpi_adds_up(k) && v.numerator == 0))
        return false;
    *out = v;
    return true;
}

enum kpi_mark kpi_marked(enum kpi k, const struct sums *sums)
{
    static const struct {
        enum kpi kpi;
        enum measure unrated, old_rate;
    } each[] = {
        {KPI_LEAD_COST, MEASURE_UNRATED_COST, MEASURE_OLD_RATE_COST},
        {KPI_CAC, MEASURE_UNRATED_COST, MEASURE_OLD_RATE_COST},
        {KPI_SALES_VOLUME, MEASURE_UNRATED_WON, MEASURE_OLD_RATE_WON},
        {KPI_AVERAGE_CHECK, MEASURE_UNRATED_WON, MEASURE_OLD_RATE_WON},
        {KPI_SALES_GROWTH, MEASURE_UNRATED_WON, MEASURE_OLD_RATE_WON},
        {KPI_VELOCITY, MEASURE_UNRATED_WON, MEASURE_OLD_RATE_WON},
        {KPI_LOST_VOLUME, MEASURE_UNRATED_LOST, MEASURE_OLD_RATE_LOST},
        {KPI_REVENUE, MEASURE_UNRATED_PAYMENTS, MEASURE_OLD_RATE_PAYMENTS},
        {KPI_REFUNDS, MEASURE_UNRATED_PAYMENTS, MEASURE_OLD_RATE_PAYMENTS},
        {KPI_REVENUE_GROSS, MEASURE_UNRATED_PAYMENTS, MEASURE_OLD_RATE_PAYMENTS},
        {KPI_PIPELINE, MEASURE_OPEN_UNRATED, MEASURE_OPEN_OLD_RATE},
        {KPI_WEIGHTED_PIPELINE, MEASURE_OPEN_UNRATED, MEASURE_OPEN_OLD_RATE},
    };
    for (unsigned i = 0; i < sizeof each / sizeof *each; i++)
        if (each[i].kpi == k)
            return sums->at[each[i].unrated] != 0    ? MARK_RATE_MISSING
                   : sums->at[each[i].old_rate] != 0 ? MARK_RATE_OLD
                                                     : MARK_NONE;
    return MARK_NONE;
}

const char *kpi_mark_name(enum kpi_mark m)
{
    static const char *const names[] = {"", "rate_missing", "rate_old"};
    return names[m];
}

bool kpi_ages(enum kpi k)
{
    return k == KPI_LEADS_WAITING_OLDEST;
}

void kpi_age(enum kpi k, struct kpi_value *v, int64_t by_us)
{
    if (kpi_ages(k))
        v->numerator += (int128)by_us * v->denominator / SECOND;
}

void kpi_format(struct buffer *b, enum kpi k, const struct kpi_value *v, int money_decimals)
{
    kpi_format_unit(b, kpi_info(k)->unit, v, money_decimals);
}

void kpi_format_unit(struct buffer *b, enum kpi_unit unit, const struct kpi_value *v, int money_decimals)
{
    switch (unit) {
    case UNIT_COUNT:
    case UNIT_SECONDS: int128_format(b, divide_half_even(v->numerator, v->denominator)); return;
    case UNIT_MONEY: minor_format(b, divide_half_even(v->numerator, v->denominator), money_decimals); return;
    case UNIT_RATIO: ratio_format(b, v->numerator, v->denominator, 6); return;
    case UNIT_SCORE: ratio_format(b, v->numerator, v->denominator, 2); return;
    case UNIT_NPS: ratio_format(b, v->numerator, v->denominator, 1); return;
    case UNIT_INSTANT: instant_format(b, (int64_t)(v->numerator * SECOND / v->denominator), false); return;
    case UNIT_QUANTITY: micro_format(b, divide_half_even(v->numerator * MICRO, v->denominator)); return;
    }
}

int kpi_compare(enum kpi k, const struct kpi_value *v, int64_t threshold_micro, int money_decimals)
{
    /* n/d against t: whole parts in millionths first, so that nothing but the rest is multiplied; what is left over
     * decides between equal and greater. n and d are below 2^105. */
    int128 n = v->numerator, d = v->denominator;
    int128 whole = n / d, rest = n % d;
    if (rest < 0) {
        whole--;
        rest += d;
    }
    int128 left = whole * MICRO + rest * MICRO / d;
    int128 right = threshold_micro;
    if (kpi_info(k)->unit == UNIT_MONEY)
        right *= power_of_ten(money_decimals);
    if (left != right)
        return left < right ? -1 : 1;
    return rest * MICRO % d > 0;
}
