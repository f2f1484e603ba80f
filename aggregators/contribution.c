#include "aggregators/contribution.h"
#include "aggregators/histogram.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <stdlib.h>

/* No single number that is added is larger, in minor units, microseconds or millionths. */
#define ADDEND_MAX INT64_C(4000000000000000000)

void valuation_init(struct valuation *v, const struct config *config, const struct calendar *calendar)
{
    *v = (struct valuation){.config = config, .calendar = calendar};
    v->base_decimals = config_currency_decimals(config, config->base_currency);
    REQUIRE(v->base_decimals >= 0);
}

void valuation_fini(struct valuation *v)
{
    free(v->stage_probability);
}

struct dimensions dimensions_of(const struct record *r, const struct dimensions *parent)
{
    static const struct {
        unsigned field;
        enum dimension dimension;
    } each[] = {
        {FIELD_MANAGER, DIMENSION_MANAGER}, {FIELD_TEAM, DIMENSION_TEAM},     {FIELD_PRODUCT, DIMENSION_PRODUCT},
        {FIELD_REGION, DIMENSION_REGION},   {FIELD_SOURCE, DIMENSION_SOURCE},
    };
    struct dimensions d = {{0}};
    if (!record_exists(r))
        return d;
    bool own_manager = record_has(r, FIELD_MANAGER);
    for (unsigned i = 0; i < sizeof each / sizeof *each; i++) {
        if (record_has(r, each[i].field))
            d.of[each[i].dimension] = (uint32_t)r->values[each[i].field] + 1;
        else if (each[i].field != FIELD_TEAM || !own_manager)
            d.of[each[i].dimension] = parent->of[each[i].dimension];
    }
    return d;
}

static struct contribution *add(struct contributions *out, enum stream stream, int64_t at_us)
{
    REQUIRE(out->count < CONTRIBUTIONS_MAX);
    struct contribution *c = &out->at[out->count++];
    *c = (struct contribution){.stream = (uint8_t)stream, .at_us = at_us};
    return c;
}

/* Base minor units of an amount that contributes at an instant. False: no amount, no rate, or too large. */
static bool value_amount(const struct valuation *v, const struct record *r, unsigned amount_field,
                         unsigned currency_field, int64_t at_us, struct contributions *out, int64_t *out_minor)
{
    if (!record_has(r, amount_field))
        return false;
    currency_code base = v->config->base_currency;
    currency_code currency = record_has(r, currency_field) ? (currency_code)r->values[currency_field] : base;
    int decimals = currency == base ? v->base_decimals : config_currency_decimals(v->config, currency);
    int64_t rate_nano = 1000000000;
    if (currency != base)
        rate_nano = config_rate_nano(v->config, currency, calendar_local_day(v->calendar, at_us, NULL));
    if (decimals < 0 || rate_nano == 0) {
        out->oddities |= 1u << ODDITY_RATE_MISSING;
        return false;
    }
    int128 minor = micro_to_minor(r->values[amount_field], decimals);
    if (minor > MINOR_MAX || minor < -MINOR_MAX) {
        out->oddities |= 1u << ODDITY_AMOUNT_RANGE;
        return false;
    }
    /* minor < 2^44, rate < 2^63, 10^base_decimals < 2^20: the product fits 128 bits. */
    if (currency != base)
        minor = divide_half_even(minor * rate_nano * power_of_ten(v->base_decimals),
                                 (int128)1000000000 * power_of_ten(decimals));
    if (minor > ADDEND_MAX || minor < -ADDEND_MAX) {
        out->oddities |= 1u << ODDITY_AMOUNT_RANGE;
        return false;
    }
    *out_minor = (int64_t)minor;
    return true;
}

static int64_t probability_of(struct valuation *v, const struct ledger *l, const struct record *deal)
{
    if (record_has(deal, DEAL_PROBABILITY))
        return deal->values[DEAL_PROBABILITY];
    if (!record_has(deal, DEAL_STAGE))
        return 0;
    uint32_t stage = (uint32_t)deal->values[DEAL_STAGE];
    if (stage >= v->stage_count) {
        uint32_t count = l->words.count + l->words.count / 2 + 16;
        v->stage_probability = must_realloc(v->stage_probability, count * sizeof *v->stage_probability);
        while (v->stage_count < count)
            v->stage_probability[v->stage_count++] = -1;
    }
    if (v->stage_probability[stage] < 0)
        v->stage_probability[stage] = config_stage_probability(v->config, intern_text(&l->words, stage));
    return v->stage_probability[stage];
}

static void of_lead(const struct record *r, struct contributions *out)
{
    if (!record_has(r, LEAD_CREATED_AT))
        return;
    int64_t created_us = r->values[LEAD_CREATED_AT];
    add(out, STREAM_LEAD, created_us)->measures[0] = 1;
    if (!record_has(r, LEAD_FIRST_CONTACT_AT))
        return;
    int64_t contact_us = r->values[LEAD_FIRST_CONTACT_AT], waited_us = contact_us - created_us;
    if (waited_us < 0) {
        out->oddities |= 1u << ODDITY_RESPONSE_NEGATIVE;
        return;
    }
    struct contribution *c = add(out, STREAM_RESPONSE, contact_us);
    c->value = histogram_bucket(waited_us);
    c->measures[0] = 1;
    c->measures[1] = waited_us;
}

static void of_won_deal(struct valuation *v, const struct record *r, int64_t closing_us, struct contributions *out)
{
    struct contribution *c = add(out, STREAM_WON, closing_us);
    c->measures[0] = 1;
    c->measures[1] = value_amount(v, r, DEAL_AMOUNT, DEAL_CURRENCY, closing_us, out, &c->measures[2]);
    c->measures[3] = record_has(r, DEAL_QUANTITY) ? r->values[DEAL_QUANTITY] : MICRO;
    if (c->measures[3] > ADDEND_MAX) {
        c->measures[3] = 0;
        out->oddities |= 1u << ODDITY_AMOUNT_RANGE;
    }
    if (!record_has(r, DEAL_CREATED_AT))
        return;
    int64_t cycle_us = closing_us - r->values[DEAL_CREATED_AT];
    if (cycle_us < 0) {
        out->oddities |= 1u << ODDITY_CYCLE_NEGATIVE;
        return;
    }
    c = add(out, STREAM_CYCLE, closing_us);
    c->value = histogram_bucket(cycle_us);
    c->measures[0] = 1;
    c->measures[1] = cycle_us;
}

/* An open deal is a level: it goes up when the deal is created and down, by the same numbers, when it closes. */
static void of_open_span(struct valuation *v, const struct ledger *l, const struct record *r, int64_t created_us,
                         int64_t closing_us, struct contributions *out)
{
    if (closing_us != INSTANT_NONE && closing_us <= created_us)
        return;
    struct contribution *opened = add(out, STREAM_OPEN, created_us);
    opened->measures[0] = 1;
    if (value_amount(v, r, DEAL_AMOUNT, DEAL_CURRENCY, created_us, out, &opened->measures[1]))
        opened->measures[2] = (int64_t)divide_half_even((int128)opened->measures[1] * probability_of(v, l, r), MICRO);
    if (closing_us == INSTANT_NONE)
        return;
    struct contribution *closed = add(out, STREAM_OPEN, closing_us);
    for (unsigned m = 0; m < 3; m++)
        closed->measures[m] = -out->at[out->count - 2].measures[m];
}

static void of_deal(struct valuation *v, const struct ledger *l, const struct record *r, bool won_counted,
                    struct contributions *out)
{
    int64_t closing_us = ledger_deal_closing_us(l, r);
    bool won = closing_us != INSTANT_NONE && ledger_deal_is_won(l, r);
    if (won) {
        of_won_deal(v, r, closing_us, out);
    } else if (closing_us != INSTANT_NONE) {
        struct contribution *c = add(out, STREAM_LOST, closing_us);
        c->measures[0] = 1;
        (void)value_amount(v, r, DEAL_AMOUNT, DEAL_CURRENCY, closing_us, out, &c->measures[1]);
    }
    if (!record_has(r, DEAL_CREATED_AT))
        return;
    int64_t created_us = r->values[DEAL_CREATED_AT];
    struct contribution *c = add(out, STREAM_DEAL, created_us);
    c->measures[0] = 1;
    if (won) {
        out->won_counted_at_us = created_us > closing_us ? created_us : closing_us;
        c->measures[1] = won_counted;
    }
    of_open_span(v, l, r, created_us, closing_us, out);
}

static void of_payment(const struct valuation *v, const struct record *r, struct contributions *out)
{
    int64_t minor;
    if (!record_has(r, PAYMENT_PAID_AT) ||
        !value_amount(v, r, PAYMENT_AMOUNT, PAYMENT_CURRENCY, r->values[PAYMENT_PAID_AT], out, &minor))
        return;
    bool gives_back = record_has(r, PAYMENT_KIND) && r->values[PAYMENT_KIND] != PAYMENT_IS_PAYMENT;
    struct contribution *c = add(out, STREAM_PAYMENT, r->values[PAYMENT_PAID_AT]);
    c->measures[0] = 1;
    c->measures[1] = gives_back ? -minor : minor;
    c->measures[2] = gives_back;
    c->measures[3] = gives_back ? minor : 0;
}

static void of_feedback(const struct record *r, struct contributions *out)
{
    if (!record_has(r, FEEDBACK_SCORE) || !record_has(r, FEEDBACK_ANSWERED_AT))
        return;
    if (!record_has(r, FEEDBACK_KIND)) {
        out->oddities |= 1u << ODDITY_KIND_MISSING;
        return;
    }
    bool nps = r->values[FEEDBACK_KIND] == FEEDBACK_IS_NPS;
    int64_t score = r->values[FEEDBACK_SCORE]; /* millionths */
    int128 scale = record_has(r, FEEDBACK_SCALE) ? r->values[FEEDBACK_SCALE] : nps ? 10 : 5;
    if (score < 0 || score > scale * MICRO || score > ADDEND_MAX) {
        out->oddities |= 1u << ODDITY_SCORE_OUTSIDE;
        return;
    }
    if (nps && scale != 10) {
        out->oddities |= 1u << ODDITY_NPS_SCALE;
        return;
    }
    struct contribution *c = add(out, nps ? STREAM_NPS : STREAM_CSAT, r->values[FEEDBACK_ANSWERED_AT]);
    c->measures[0] = 1;
    if (nps) {
        c->measures[1] = score >= 9 * MICRO;
        c->measures[2] = score <= 6 * MICRO;
    } else {
        c->measures[1] = score >= (scale - 1) * MICRO;
        c->measures[2] = score;
    }
}

void contributions_of(struct valuation *v, const struct ledger *l, const struct record *r, bool won_counted,
                      struct contributions *out)
{
    *out = (struct contributions){.count = 0, .won_counted_at_us = INT64_MAX};
    if (!record_exists(r))
        return;
    switch ((enum record_kind)r->kind) {
    case KIND_LEAD: of_lead(r, out); break;
    case KIND_DEAL: of_deal(v, l, r, won_counted, out); break;
    case KIND_PAYMENT: of_payment(v, r, out); break;
    case KIND_FEEDBACK: of_feedback(r, out); break;
    case KIND_COUNT: break;
    }
    if (r->flags & RECORD_HISTORY_CUT)
        out->oddities |= 1u << ODDITY_HISTORY_CUT;
}
