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
        {FIELD_REGION, DIMENSION_REGION},   {FIELD_SOURCE, DIMENSION_SOURCE}, {FIELD_CUSTOMER, DIMENSIONS_CUSTOMER},
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

static void of_lead(const struct valuation *v, const struct record *r, unsigned flags, struct contributions *out)
{
    if (!record_has(r, LEAD_CREATED_AT))
        return;
    int64_t created_us = r->values[LEAD_CREATED_AT];
    struct contribution *created = add(out, STREAM_LEAD, created_us);
    created->measures[0] = 1;
    created->measures[1] = (flags & RECORD_COUNTED) != 0;
    (void)value_amount(v, r, LEAD_COST, LEAD_CURRENCY, created_us, out, &created->measures[2]);
    if (!(flags & RECORD_WAITING_OVER))
        add(out, STREAM_WAITING, created_us)->measures[0] = 1;
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

static void of_deal(struct valuation *v, const struct ledger *l, const struct record *r, const struct dimensions *d,
                    unsigned flags, struct contributions *out)
{
    int64_t closing_us = ledger_deal_closing_us(l, r);
    bool won = closing_us != INSTANT_NONE && ledger_deal_is_won(l, r);
    if (won) {
        of_won_deal(v, r, closing_us, out);
        if (d->of[DIMENSIONS_CUSTOMER] != 0) {
            struct contribution *c = add(out, STREAM_REPEAT, closing_us);
            c->measures[0] = 1;
            c->measures[1] = (flags & RECORD_REPEAT) != 0;
        }
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
    c->measures[1] = (flags & RECORD_COUNTED) != 0;
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

void contributions_of(struct valuation *v, const struct ledger *l, const struct record *r, const struct dimensions *d,
                      unsigned flags, struct contributions *out)
{
    *out = (struct contributions){.count = 0};
    if (!record_exists(r))
        return;
    switch ((enum record_kind)r->kind) {
    case KIND_LEAD: of_lead(v, r, flags, out); break;
    case KIND_DEAL: of_deal(v, l, r, d, flags, out); break;
    case KIND_PAYMENT: of_payment(v, r, out); break;
    case KIND_FEEDBACK: of_feedback(r, out); break;
    case KIND_COUNT: break;
    }
    if (r->flags & RECORD_HISTORY_CUT)
        out->oddities |= 1u << ODDITY_HISTORY_CUT;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A lead waits from its creation to its first contact, or to when it was converted or lost without one. */
static int64_t waiting_over_us(const struct ledger *l, const struct record *lead)
{
    int64_t over_us = record_has(lead, LEAD_FIRST_CONTACT_AT) ? lead->values[LEAD_FIRST_CONTACT_AT] : INT64_MAX;
    int64_t closing_us = ledger_lead_closing_us(l, lead);
    if (closing_us != INSTANT_NONE && closing_us < over_us)
        over_us = closing_us;
    return over_us > lead->values[LEAD_CREATED_AT] ? over_us : INT64_MIN;
}

struct instants instants_of(const struct ledger *l, const struct record *r, int64_t first_win_us)
{
    struct instants never = {INT64_MAX, INT64_MAX};
    if (!record_exists(r))
        return never;
    if (r->kind == KIND_DEAL && record_has(r, DEAL_CREATED_AT) && ledger_deal_is_won(l, r))
        return (struct instants){later(r->values[DEAL_CREATED_AT], ledger_deal_closing_us(l, r)), INT64_MAX};
    if (r->kind == KIND_LEAD && record_has(r, LEAD_CREATED_AT))
        return (struct instants){first_win_us == INT64_MAX ? INT64_MAX
                                                           : later(r->values[LEAD_CREATED_AT], first_win_us),
                                 waiting_over_us(l, r)};
    return never;
}

bool value_lead_cost(const struct valuation *v, const struct record *lead, int64_t *out_minor)
{
    struct contributions ignored = {.count = 0};
    return record_exists(lead) && record_has(lead, LEAD_CREATED_AT) &&
           value_amount(v, lead, LEAD_COST, LEAD_CURRENCY, lead->values[LEAD_CREATED_AT], &ignored, out_minor);
}

bool value_payment_margin(const struct valuation *v, const struct record *payment, int64_t *out_minor)
{
    struct contributions ignored = {.count = 0};
    int64_t minor;
    if (!record_exists(payment) || !record_has(payment, PAYMENT_PAID_AT) ||
        !value_amount(v, payment, PAYMENT_AMOUNT, PAYMENT_CURRENCY, payment->values[PAYMENT_PAID_AT], &ignored, &minor))
        return false;
    int64_t margin =
        record_has(payment, PAYMENT_MARGIN) ? payment->values[PAYMENT_MARGIN] : v->config->default_margin_micro;
    minor = (int64_t)divide_half_even((int128)minor * margin, MICRO);
    bool gives_back = record_has(payment, PAYMENT_KIND) && payment->values[PAYMENT_KIND] != PAYMENT_IS_PAYMENT;
    *out_minor = gives_back ? -minor : minor;
    return true;
}
