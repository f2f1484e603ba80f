#include "daemon/floor_story.h"
#include "base/instant.h"
#include "daemon/floor_correction.h"

/* Price of one sale in a currency, with the manager's touch. */
static int64_t price(struct floor_teller *t, const struct story *s, const struct floor_product *p,
                     currency_code currency)
{
    int64_t milli = floor_random_between(&t->random, p->low, p->high) * s->manager->size_percent / 100;
    int64_t micro = floor_world_price(milli, currency);
    if (teller_chance(t, PPM(3)) && micro % 1000 == 0) {
        micro += floor_random_between(&t->random, 1, 999); /* a discount that nobody rounded */
    }
    return micro;
}

static void dimensions(struct floor_teller *t, struct draft *d, const struct story *s, uint32_t each_ppm)
{
    if (teller_chance(t, each_ppm)) {
        draft_set(d, FIELD_PRODUCT, FORM_WORD, s->product->name);
    }
    if (teller_chance(t, each_ppm)) {
        draft_set(d, FIELD_REGION, FORM_WORD, s->region);
    }
    if (teller_chance(t, each_ppm)) {
        draft_set(d, FIELD_SOURCE, FORM_WORD, s->source->name);
    }
    if (teller_chance(t, each_ppm)) {
        draft_set(d, FIELD_CUSTOMER, FORM_CUSTOMER, s->customer);
    }
}

static int64_t step(struct floor_teller *t, const struct story *s, int64_t at_us, int64_t mean_us)
{
    return teller_later(t, at_us, mean_us * s->manager->pace_percent / 100);
}

/* How many points the answer has depends on how good the manager is. */
static void tell_feedback(struct floor_teller *t, const struct story *s, uint32_t deal, int64_t at_us, bool nps)
{
    struct draft d;
    int64_t at = teller_later(t, at_us, t->cycle_us / 5);
    if (at >= t->horizon_us || !draft_begin(t, &d, KIND_FEEDBACK)) {
        return;
    }
    if (teller_corrects(t, 10)) {
        d.hold_until_us = at + t->cycle_us / 10;
    }
    draft_set(&d, FEEDBACK_DEAL, FORM_DEAL, deal);
    draft_owner_is(&d, s->manager);
    dimensions(t, &d, s, PPM(15));
    draft_time(t, &d, FEEDBACK_ANSWERED_AT, at);
    int64_t scale = nps ? 10 : 5;
    if (teller_chance(t, PPM(4))) {
        scale = nps ? 5 : floor_random_between(&t->random, 3, 10); /* an nps on another scale counts for nothing */
    }
    int64_t score = scale - floor_random_wait(&t->random, 1500) / 1000;
    if (teller_chance(t, PPM(68) - s->manager->win_ppm)) {
        score -= scale / 2;
    }
    score = score < 1 ? 1 : score;
    int64_t micro = score * MICRO;
    if (!nps && score < scale && teller_chance(t, PPM(5))) {
        micro += MICRO / 2; /* half stars */
    }
    draft_decimal(t, &d, FEEDBACK_SCORE, micro);
    if (scale != (nps ? 10 : 5) || teller_chance(t, PPM(40))) {
        draft_set(&d, FEEDBACK_SCALE, FORM_INTEGER, scale);
    }
    /* The kind may come in a message of its own: the score must not be judged before it is known. */
    bool kind_later = teller_corrects(t, 15);
    if (!kind_later) {
        draft_set(&d, FEEDBACK_KIND, FORM_CHOICE, nps ? FEEDBACK_IS_NPS : FEEDBACK_IS_CSAT);
    }
    draft_send(t, &d, at);
    if (kind_later) {
        at = teller_later(t, at, t->cycle_us / 50);
        draft_set(&d, FEEDBACK_KIND, FORM_CHOICE, nps ? FEEDBACK_IS_NPS : FEEDBACK_IS_CSAT);
        draft_send(t, &d, at);
    }
    if (teller_corrects(t, 100)) {
        floor_correct_feedback(t, &d, at);
    }
}

static void tell_payment(struct floor_teller *t, const struct story *s, uint32_t deal, enum payment_kind kind,
                         currency_code currency, int64_t micro, int64_t at)
{
    struct draft d;
    if (micro <= 0 || at >= t->horizon_us || !draft_begin(t, &d, KIND_PAYMENT)) {
        return;
    }
    if (kind != PAYMENT_IS_PAYMENT || teller_chance(t, PPM(50))) {
        draft_set(&d, PAYMENT_KIND, FORM_CHOICE, kind);
    }
    draft_money(t, &d, PAYMENT_AMOUNT, PAYMENT_CURRENCY, currency, micro);
    draft_set(&d, PAYMENT_DEAL, FORM_DEAL, deal);
    draft_owner_is(&d, s->manager);
    dimensions(t, &d, s, PPM(12));
    bool dated = teller_chance(t, PPM(12)); /* a booking system that knows days only */
    if (dated) {
        draft_date(t, &d, PAYMENT_PAID_AT, at);
    } else {
        draft_time(t, &d, PAYMENT_PAID_AT, at);
    }
    bool margin_later = teller_chance(t, PPM(40));
    if (!margin_later && teller_chance(t, PPM(60))) {
        draft_decimal(t, &d, PAYMENT_MARGIN, floor_random_between(&t->random, 5, 80) * 10000);
    }
    draft_send(t, &d, at);
    if (margin_later) { /* controlling adds it */
        at = teller_later(t, at, t->cycle_us / 20);
        draft_decimal(t, &d, PAYMENT_MARGIN, floor_random_between(&t->random, 50, 800) * 1000);
        draft_send(t, &d, at);
    }
    if (teller_corrects(t, 100)) {
        floor_correct_payment(t, &d, at);
    }
}

static void tell_payments(struct floor_teller *t, const struct story *s, uint32_t deal, currency_code currency,
                          int64_t micro, int64_t won_at)
{
    int64_t parts = teller_chance(t, PPM(55)) ? 1 : floor_random_between(&t->random, 2, 4);
    int decimals = currency_decimals_iso(currency);
    int64_t unit = power_of_ten(6 - (decimals < 0 ? 2 : decimals));
    int64_t left = micro - micro % unit, at = won_at;
    int64_t part = left / parts - left / parts % unit;
    for (int64_t i = 0; i < parts; i++) {
        if (teller_chance(t, PPM(6))) {
            return; /* the customer stops paying */
        }
        at = teller_later(t, at, t->cycle_us / 4);
        tell_payment(t, s, deal, PAYMENT_IS_PAYMENT, currency, i + 1 < parts ? part : left, at);
        left -= part;
    }
    if (teller_chance(t, PPM(6))) {
        at = teller_later(t, at, t->cycle_us / 4);
        tell_payment(t, s, deal, PAYMENT_IS_REFUND, currency, part / 2 - part / 2 % unit, at);
    }
    if (teller_chance(t, PPM(2))) {
        at = teller_later(t, at, t->cycle_us / 4);
        tell_payment(t, s, deal, PAYMENT_IS_CHARGEBACK, currency, part, at);
    }
}

static void begin_deal(struct floor_teller *t, struct draft *d, const struct story *s, currency_code currency,
                       int64_t micro, int64_t at)
{
    if (s->lead != 0) {
        draft_set(d, DEAL_LEAD, FORM_LEAD, s->lead);
    }
    draft_owner_is(d, s->manager);
    draft_set(d, DEAL_STAGE, FORM_WORD, t->world->stages[0]);
    if (!teller_chance(t, PPM(8))) { /* some have no price yet */
        draft_money(t, d, DEAL_AMOUNT, DEAL_CURRENCY, currency, micro);
    }
    dimensions(t, d, s, s->lead != 0 ? PPM(50) : PPM(92));
    if (teller_chance(t, PPM(40))) {
        draft_decimal(t, d, DEAL_PROBABILITY, floor_random_between(&t->random, 5, 30) * 10000);
    }
    if (teller_chance(t, PPM(70))) {
        int64_t expected = at + t->cycle_us / 2 + floor_random_wait(&t->random, t->cycle_us);
        if (t->office_hours && teller_chance(t, PPM(50))) {
            draft_date(t, d, DEAL_EXPECTED_CLOSE_AT, expected);
        } else {
            draft_time(t, d, DEAL_EXPECTED_CLOSE_AT, expected);
        }
    }
    if (s->product->several_ppm > 0 && teller_chance(t, s->product->several_ppm)) {
        int64_t quantity = floor_random_between(&t->random, 2, 40) * MICRO;
        quantity += teller_chance(t, PPM(5)) ? floor_random_between(&t->random, 1, 99) * 2500 : 0;
        draft_decimal(t, d, DEAL_QUANTITY, quantity);
    }
    if (!teller_chance(t, PPM(3))) {
        draft_time(t, d, DEAL_CREATED_AT, at);
    }
}

/* Closes the deal; sometimes the moment is left to the stage's event, is a date, or lies before the beginning. */
static int64_t close_deal(struct floor_teller *t, struct draft *d, bool won, int64_t began, int64_t at)
{
    draft_set(d, DEAL_STAGE, FORM_WORD, won ? t->world->stage_won : t->world->stage_lost);
    if (teller_corrects(t, 5)) {
        draft_time(t, d, DEAL_CLOSED_AT, began - floor_random_wait(&t->random, t->cycle_us / 4) - SECOND);
    } else if (t->office_hours && teller_chance(t, PPM(4))) {
        draft_date(t, d, DEAL_CLOSED_AT, at);
    } else if (teller_corrects(t, 3)) {
        draft_time(t, d, DEAL_CLOSED_AT, at + t->cycle_us / 3); /* signed with a later date */
    } else if (!teller_chance(t, PPM(8))) {
        draft_time(t, d, DEAL_CLOSED_AT, at);
    }
    if (!won) {
        const struct floor_world *w = t->world;
        draft_set(d, DEAL_LOSS_REASON, FORM_WORD,
                  w->loss_reasons[floor_random_below(&t->random, w->loss_reason_count)]);
        if (teller_chance(t, PPM(40))) {
            draft_set(d, DEAL_COMPETITOR, FORM_WORD,
                      w->competitors[floor_random_below(&t->random, w->competitor_count)]);
        }
    } else if (teller_chance(t, PPM(30))) {
        draft_decimal(t, d, DEAL_PROBABILITY, MICRO);
    }
    return draft_send(t, d, at) ? at : t->horizon_us;
}

static void tell_deal(struct floor_teller *t, struct story *s, int64_t at)
{
    struct draft d;
    if (at >= t->horizon_us || !draft_begin(t, &d, KIND_DEAL)) {
        return;
    }
    int64_t began = at;
    currency_code currency = teller_currency(t);
    int64_t micro = price(t, s, s->product, currency);
    if (teller_corrects(t, 8)) {
        d.hold_until_us = at + t->cycle_us * 2; /* its payments come first */
    }
    begin_deal(t, &d, s, currency, micro, at);
    bool goes_on = draft_send(t, &d, at);
    for (uint32_t i = 1; i < t->world->stage_count && goes_on; i++) {
        at = step(t, s, at, t->cycle_us / 5);
        draft_set(&d, DEAL_STAGE, FORM_WORD, t->world->stages[i]);
        if (teller_chance(t, PPM(50))) {
            draft_decimal(t, &d, DEAL_PROBABILITY, floor_random_between(&t->random, 10, 25) * (i + 1) * 10000);
        }
        goes_on = draft_send(t, &d, at);
        if (teller_chance(t, PPM(45))) { /* the price moves while they talk */
            at = step(t, s, at, t->cycle_us / 15);
            micro = price(t, s, s->product, currency);
            draft_money(t, &d, DEAL_AMOUNT, DEAL_CURRENCY, currency, micro);
            goes_on = draft_send(t, &d, at);
        }
        if (teller_corrects(t, 12)) {
            at = floor_correct_deal(t, &d, at, false);
            goes_on = at < t->horizon_us;
        }
    }
    if (!goes_on || teller_chance(t, PPM(7))) { /* some are never closed */
        return;
    }
    at = step(t, s, at, t->cycle_us / 5);
    int64_t win_ppm = (int64_t)s->manager->win_ppm + s->source->win_ppm;
    bool won = teller_chance(t, win_ppm < 0 ? 0 : (uint32_t)win_ppm);
    if (won && teller_chance(t, PPM(95))) {
        bool credit_note = teller_corrects(t, 6);
        micro = credit_note ? -micro / 4 : micro;
        draft_money(t, &d, DEAL_AMOUNT, DEAL_CURRENCY, currency, micro);
    }
    at = close_deal(t, &d, won, began, at);
    if (at >= t->horizon_us) {
        return;
    }
    if (won) {
        tell_payments(t, s, d.record, currency, micro, at);
    }
    if (teller_chance(t, won ? PPM(45) : PPM(8))) {
        tell_feedback(t, s, d.record, at, false);
    }
    if (teller_chance(t, won ? PPM(30) : PPM(4))) {
        tell_feedback(t, s, d.record, at, true);
    }
    if (teller_corrects(t, 100)) {
        at = floor_correct_deal(t, &d, at, true);
        if (teller_corrects(t, 100)) {
            floor_correct_deal(t, &d, at, false);
        }
    }
}

/* A colleague adds what is known by now. */
static int64_t touch_lead(struct floor_teller *t, struct draft *d, const struct story *s, int64_t at)
{
    at = step(t, s, at, t->cycle_us / 30);
    switch (floor_random_below(&t->random, 3)) {
    case 0: draft_set(d, FIELD_PRODUCT, FORM_WORD, s->product->name); break;
    case 1: draft_set(d, FIELD_REGION, FORM_WORD, s->region); break;
    default: draft_set(d, FIELD_CUSTOMER, FORM_CUSTOMER, s->customer); break;
    }
    return draft_send(t, d, at) ? at : t->horizon_us;
}

static void begin_lead(struct floor_teller *t, struct draft *d, const struct story *s, int64_t at)
{
    draft_set(d, LEAD_STATUS, FORM_CHOICE, STATUS_NEW);
    draft_owner_is(d, s->manager);
    draft_set(d, FIELD_SOURCE, FORM_WORD, s->source->name);
    if (!teller_chance(t, PPM(10))) {
        draft_set(d, FIELD_REGION, FORM_WORD, s->region);
    }
    if (teller_chance(t, PPM(50))) {
        draft_set(d, FIELD_PRODUCT, FORM_WORD, s->product->name);
    }
    if (teller_chance(t, PPM(60))) {
        draft_set(d, FIELD_CUSTOMER, FORM_CUSTOMER, s->customer);
    }
    if (teller_chance(t, PPM(80))) {
        currency_code currency = teller_currency(t);
        int64_t cost = s->source->cost * floor_random_between(&t->random, 50, 200) / 100;
        draft_money(t, d, LEAD_COST, LEAD_CURRENCY, currency, floor_world_price(cost, currency));
    }
    if (!teller_chance(t, PPM(3))) {
        draft_time(t, d, LEAD_CREATED_AT, at);
    }
}

/* From new to qualified. Returns the moment of the last event; the horizon when the lead goes no further. */
static int64_t work_on_lead(struct floor_teller *t, struct draft *d, const struct story *s, int64_t at)
{
    int64_t created = at;
    int64_t answer = t->cycle_us / 50 < 6 * HOUR ? t->cycle_us / 50 : 6 * HOUR;
    at = step(t, s, at, answer);
    draft_set(d, LEAD_STATUS, FORM_CHOICE, STATUS_CONTACTED);
    int64_t contact = teller_corrects(t, 5) ? created - floor_random_wait(&t->random, HOUR) - SECOND : at;
    draft_time(t, d, LEAD_FIRST_CONTACT_AT, contact);
    if (!draft_send(t, d, at)) {
        return t->horizon_us;
    }
    for (int touches = 0; touches < 2 && at < t->horizon_us; touches++) {
        at = touch_lead(t, d, s, at);
    }
    if (at >= t->horizon_us) {
        return at;
    }
    if (teller_corrects(t, 60)) {
        at = floor_correct_lead(t, d, at);
    }
    at = step(t, s, at, t->cycle_us / 10);
    bool lost = teller_chance(t, PPM(22));
    draft_set(d, LEAD_STATUS, FORM_CHOICE, lost ? STATUS_LOST : STATUS_QUALIFIED);
    if (lost) {
        draft_time(t, d, LEAD_CLOSED_AT, at);
    }
    return draft_send(t, d, at) && !lost ? at : t->horizon_us;
}

static void choose(struct floor_teller *t, struct story *s)
{
    const struct floor_world *w = t->world;
    s->manager = floor_world_manager(w, &t->random);
    s->source = &w->sources[floor_random_below(&t->random, w->source_count)];
    s->product = &w->products[floor_random_below(&t->random, w->product_count)];
    /* A team sells mostly at home. */
    s->region = teller_chance(t, PPM(60)) ? w->regions[s->manager->team_index % w->region_count]
                                          : w->regions[floor_random_below(&t->random, w->region_count)];
    s->customer = t->customers > 10 && teller_chance(t, PPM(28))
                      ? (uint32_t)floor_random_between(&t->random, 1, t->customers)
                      : ++t->customers;
    s->lead = 0;
}

void floor_story_tell(struct floor_teller *t)
{
    struct story s;
    choose(t, &s);
    int64_t at = t->start_us + floor_random_between(&t->random, 0, SECOND - 1);
    at = at < t->horizon_us ? at : t->start_us;
    if (teller_chance(t, PPM(6))) { /* a sale over the counter */
        tell_deal(t, &s, at);
        return;
    }
    struct draft lead;
    if (at >= t->horizon_us || !draft_begin(t, &lead, KIND_LEAD)) {
        return;
    }
    s.lead = lead.record;
    if (t->office_hours && teller_chance(t, PPM(15))) { /* the web form has no office hours */
        int64_t late = at + floor_random_between(&t->random, 0, 14 * HOUR);
        at = late < t->horizon_us ? late : at;
    }
    if (teller_corrects(t, 8)) {
        lead.hold_until_us = at + t->cycle_us; /* its deals come first */
    }
    begin_lead(t, &lead, &s, at);
    draft_send(t, &lead, at);
    at = work_on_lead(t, &lead, &s, at);
    if (at < t->horizon_us && teller_chance(t, PPM(80))) {
        if (teller_corrects(t, 20)) {
            s.manager = floor_other_manager(t, &lead); /* handed over to a closer; the lead stays where it was */
        }
        at = step(t, &s, at, t->cycle_us / 20);
        draft_set(&lead, LEAD_STATUS, FORM_CHOICE, STATUS_CONVERTED);
        draft_time(t, &lead, LEAD_CLOSED_AT, at);
        draft_send(t, &lead, at);
        tell_deal(t, &s, at);
        if (teller_chance(t, PPM(18))) {
            at = step(t, &s, at, t->cycle_us / 4);
            s.product = &t->world->products[floor_random_below(&t->random, t->world->product_count)];
            tell_deal(t, &s, at);
        }
        if (teller_corrects(t, 50)) {
            floor_correct_lead(t, &lead, at);
        }
    }
}
