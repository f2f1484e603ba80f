#include "aggregators/own.h"
#include "base/error.h"
#include <string.h>

/* A formula's measures by the names that the core has for them. */
static const struct {
    enum measure measure;
    enum stream stream;
} known[FORMULA_MEASURE_COUNT] = {
    [FORMULA_leads] = {MEASURE_LEADS, STREAM_LEAD},
    [FORMULA_leads_converted] = {MEASURE_LEADS_CONVERTED, STREAM_LEAD},
    [FORMULA_lead_cost] = {MEASURE_LEAD_COST, STREAM_LEAD},
    [FORMULA_responses] = {MEASURE_RESPONSES, STREAM_RESPONSE},
    [FORMULA_response_us] = {MEASURE_RESPONSE_US, STREAM_RESPONSE},
    [FORMULA_deals] = {MEASURE_DEALS, STREAM_DEAL},
    [FORMULA_deals_won_since] = {MEASURE_DEALS_WON_SINCE, STREAM_DEAL},
    [FORMULA_won] = {MEASURE_WON, STREAM_WON},
    [FORMULA_won_with_amount] = {MEASURE_WON_WITH_AMOUNT, STREAM_WON},
    [FORMULA_won_amount] = {MEASURE_WON_AMOUNT, STREAM_WON},
    [FORMULA_won_quantity] = {MEASURE_WON_QUANTITY, STREAM_WON},
    [FORMULA_cycles] = {MEASURE_CYCLES, STREAM_CYCLE},
    [FORMULA_cycle_us] = {MEASURE_CYCLE_US, STREAM_CYCLE},
    [FORMULA_lost] = {MEASURE_LOST, STREAM_LOST},
    [FORMULA_lost_amount] = {MEASURE_LOST_AMOUNT, STREAM_LOST},
    [FORMULA_payments] = {MEASURE_PAYMENTS, STREAM_PAYMENT},
    [FORMULA_revenue] = {MEASURE_REVENUE, STREAM_PAYMENT},
    [FORMULA_refund_count] = {MEASURE_REFUND_COUNT, STREAM_PAYMENT},
    [FORMULA_refunds] = {MEASURE_REFUNDS, STREAM_PAYMENT},
    [FORMULA_csat_answers] = {MEASURE_CSAT_ANSWERS, STREAM_CSAT},
    [FORMULA_csat_satisfied] = {MEASURE_CSAT_SATISFIED, STREAM_CSAT},
    [FORMULA_csat_score] = {MEASURE_CSAT_SCORE, STREAM_CSAT},
    [FORMULA_nps_answers] = {MEASURE_NPS_ANSWERS, STREAM_NPS},
    [FORMULA_nps_promoters] = {MEASURE_NPS_PROMOTERS, STREAM_NPS},
    [FORMULA_nps_detractors] = {MEASURE_NPS_DETRACTORS, STREAM_NPS},
    [FORMULA_customer_deals] = {MEASURE_CUSTOMER_DEALS, STREAM_REPEAT},
    [FORMULA_repeat_deals] = {MEASURE_REPEAT_DEALS, STREAM_REPEAT},
    [FORMULA_new_customers] = {MEASURE_NEW_CUSTOMERS, STREAM_NEW},
    [FORMULA_new_with_cost] = {MEASURE_NEW_WITH_COST, STREAM_NEW},
    [FORMULA_new_paid_back] = {MEASURE_NEW_PAID_BACK, STREAM_NEW},
    [FORMULA_paybacks] = {MEASURE_PAYBACKS, STREAM_PAYBACK},
};

/* That of an earlier KPI with the same text, or its own; -1: it has none. */
static int need_filter(struct own_plan *p, unsigned k)
{
    const struct own_kpi_config *kpis = p->config->kpis;
    if (kpis[k].filter.count == 0)
        return -1;
    for (unsigned i = 0; i < k; i++)
        if (p->filter_of[i] >= 0 && strcmp(kpis[i].filter_text, kpis[k].filter_text) == 0)
            return p->filter_of[i];
    p->filters[p->filter_count] = &kpis[k].filter;
    return (int)p->filter_count++;
}

static int need_pair(struct own_plan *p, unsigned filter, unsigned stream)
{
    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].filter == filter && p->pairs[i].stream == stream)
            return (int)i;
    REQUIRE(p->pair_count < OWN_FILTERED_MAX); /* config/load_kpis.c has counted them */
    p->pairs[p->pair_count] = (struct own_pair){filter, stream};
    return (int)p->pair_count++;
}

void own_plan_init(struct own_plan *p, const struct config *config)
{
    *p = (struct own_plan){.config = config};
    for (unsigned k = 0; k < config->kpi_count; k++) {
        const struct own_kpi_config *kpi = &config->kpis[k];
        p->filter_of[k] = need_filter(p, k);
        for (unsigned m = 0; m < FORMULA_MEASURE_COUNT && p->filter_of[k] >= 0; m++)
            if (kpi->formula.measures >> m & 1 || kpi->sample == m)
                p->pair_of[k][known[m].stream] = need_pair(p, (unsigned)p->filter_of[k], known[m].stream);
    }
}

static int128 read_measure(const struct own_plan *p, unsigned k, unsigned m, const struct sums *sums,
                           const struct own_sums *own)
{
    if (p->filter_of[k] < 0)
        return sums->at[known[m].measure];
    return own->at[p->pair_of[k][known[m].stream]][known[m].measure - stream_infos[known[m].stream].first];
}

bool own_evaluate(const struct own_plan *p, unsigned k, const struct sums *sums, const struct own_sums *own,
                  struct kpi_value *out)
{
    const struct own_kpi_config *kpi = &p->config->kpis[k];
    int128 values[FORMULA_MEASURE_COUNT] = {0};
    bool any = false;
    for (unsigned m = 0; m < FORMULA_MEASURE_COUNT; m++) {
        if (!(kpi->formula.measures >> m & 1))
            continue;
        values[m] = read_measure(p, k, m, sums, own);
        any = any || values[m] != 0;
    }
    struct fraction f;
    if (!any || !formula_compute(&kpi->formula, values, &f) || (kpi->absent == ABSENT_ZERO && f.numerator == 0))
        return false;
    *out = (struct kpi_value){f.numerator, f.denominator, 0};
    if (kpi->sample != FORMULA_MEASURE_COUNT)
        out->n = (int64_t)read_measure(p, k, kpi->sample, sums, own);
    return true;
}

void own_format(struct buffer *b, const struct own_plan *p, unsigned k, const struct kpi_value *v, int money_decimals)
{
    kpi_format_unit(b, own_kpi_unit(&p->config->kpis[k]), v, money_decimals);
}
