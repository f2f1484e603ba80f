#include "daemon/floor_correction.h"
#include "base/instant.h"

const struct floor_manager *floor_other_manager(struct floor_teller *t, const struct draft *d)
{
    const struct floor_manager *m = floor_world_manager(t->world, &t->random);
    for (int tries = 0; tries < 8 && d->values[FIELD_MANAGER].number == m->name; tries++) {
        m = floor_world_manager(t->world, &t->random);
    }
    return m;
}

static int64_t send(struct floor_teller *t, struct draft *d, int64_t at)
{
    return draft_send(t, d, at) ? at : t->horizon_us;
}

static void hand_over(struct floor_teller *t, struct draft *d)
{
    if (!t->options->all_owned && d->owner != OWNER_NONE && teller_chance(t, PPM(12))) {
        draft_null(d, FIELD_MANAGER); /* left the company, and nobody took over */
        draft_null(d, FIELD_TEAM);
        return;
    }
    if (d->owner == OWNER_NONE || d->owner == OWNER_TEAM_ONLY) {
        d->owner = OWNER_FULL; /* until now it had none of its own */
    }
    draft_owner_is(d, floor_other_manager(t, d));
}

/* Deletes the record; two times of three it comes back, whole or with what is changed then. `again` sets that. */
static int64_t delete_and_revive(struct floor_teller *t, struct draft *d, int64_t at,
                                 void (*again)(struct floor_teller *, struct draft *, int64_t))
{
    struct draft before = *d;
    if (!draft_delete(t, d, at, teller_chance(t, PPM(40)))) {
        return t->horizon_us;
    }
    if (teller_chance(t, PPM(35))) {
        return t->horizon_us; /* for good */
    }
    at = teller_later(t, at, t->cycle_us / 10);
    if (teller_chance(t, PPM(50))) { /* restored from the bin */
        for (unsigned i = 0; i < FIELD_COUNT_MAX; i++) {
            d->values[i] = before.values[i];
        }
        d->known = before.known;
        draft_touch_all(d);
    } else {
        draft_touch_all(d); /* the owner only, and what follows */
        again(t, d, at);
    }
    return send(t, d, at);
}

static void clear_a_dimension(struct floor_teller *t, struct draft *d)
{
    static const unsigned fields[] = {FIELD_PRODUCT, FIELD_REGION, FIELD_SOURCE, FIELD_CUSTOMER};
    draft_null(d, fields[floor_random_below(&t->random, 4)]);
}

static void change_a_dimension(struct floor_teller *t, struct draft *d)
{
    const struct floor_world *w = t->world;
    switch (floor_random_below(&t->random, 4)) {
    case 0:
        draft_set(d, FIELD_PRODUCT, FORM_WORD, w->products[floor_random_below(&t->random, w->product_count)].name);
        break;
    case 1: draft_set(d, FIELD_REGION, FORM_WORD, w->regions[floor_random_below(&t->random, w->region_count)]); break;
    case 2:
        draft_set(d, FIELD_SOURCE, FORM_WORD, w->sources[floor_random_below(&t->random, w->source_count)].name);
        break;
    default:
        draft_set(d, FIELD_CUSTOMER, FORM_CUSTOMER,
                  floor_random_between(&t->random, 1, t->customers > 0 ? t->customers : 1));
        break;
    }
}

/* Up to a quarter more or less, or typed with a digit too many. */
static void change_amount(struct floor_teller *t, struct draft *d, unsigned field)
{
    const struct floor_value *v = &d->values[field];
    bool stands = d->known >> field & 1 && (v->form == FORM_STRING || v->form == FORM_NUMBER);
    int64_t micro =
        stands ? v->number : floor_world_price(floor_random_between(&t->random, 100, 2000) * 1000, t->world->base);
    int64_t cents = micro / 10000;
    if (cents > 100 && cents < INT64_C(1000000000) && teller_chance(t, PPM(10))) {
        cents = cents / 10;
    } else {
        cents += cents * floor_random_between(&t->random, -25, 25) / 100;
    }
    draft_decimal(t, d, field, cents * 10000 + (cents == 0 ? 10000 : 0));
}

/* The digits stay and are another currency's now; null is the base currency. */
static void change_currency(struct floor_teller *t, struct draft *d, unsigned field)
{
    if (teller_chance(t, PPM(20))) {
        draft_null(d, field);
    } else {
        draft_set(d, field, FORM_CURRENCY, teller_currency(t));
    }
}

static void lead_again(struct floor_teller *t, struct draft *d, int64_t at)
{
    draft_set(d, LEAD_STATUS, FORM_CHOICE, STATUS_CONTACTED);
    draft_time(t, d, LEAD_FIRST_CONTACT_AT, at);
}

int64_t floor_correct_lead(struct floor_teller *t, struct draft *d, int64_t at)
{
    at = teller_later(t, at, t->cycle_us / 12);
    switch (floor_random_below(&t->random, 10)) {
    case 0: change_amount(t, d, LEAD_COST); break;
    case 1: change_currency(t, d, LEAD_CURRENCY); break;
    case 2:
    case 3: hand_over(t, d); break;
    case 4: clear_a_dimension(t, d); break;
    case 5: change_a_dimension(t, d); break;
    case 6: /* it began earlier; or nobody knows when */
        if (teller_chance(t, PPM(20))) {
            draft_null(d, LEAD_CREATED_AT);
        } else {
            draft_time(t, d, LEAD_CREATED_AT, at - floor_random_wait(&t->random, t->cycle_us / 8) - SECOND);
        }
        break;
    case 7: /* given up, then not: the closing time that stands is stale */
        draft_set(d, LEAD_STATUS, FORM_CHOICE, STATUS_LOST);
        draft_time(t, d, LEAD_CLOSED_AT, at);
        if (!draft_send(t, d, at)) {
            return t->horizon_us;
        }
        at = teller_later(t, at, t->cycle_us / 12);
        draft_set(d, LEAD_STATUS, FORM_CHOICE, STATUS_CONTACTED);
        if (teller_chance(t, PPM(50))) {
            draft_null(d, LEAD_CLOSED_AT);
        }
        break;
    case 8: draft_time(t, d, LEAD_FIRST_CONTACT_AT, at - floor_random_wait(&t->random, t->cycle_us / 12)); break;
    default: return delete_and_revive(t, d, at, lead_again);
    }
    return send(t, d, at);
}

static void deal_again(struct floor_teller *t, struct draft *d, int64_t at)
{
    draft_set(d, DEAL_STAGE, FORM_WORD, t->world->stages[0]);
    draft_time(t, d, DEAL_CREATED_AT, at);
    draft_decimal(t, d, DEAL_AMOUNT,
                  floor_world_price(floor_random_between(&t->random, 100, 5000) * 1000, t->world->base));
}

/* Won or lost, then open, then mostly won, by somebody else as a rule. Half of the second wins do not say when,
 * and half of the reopenings leave the old closing time standing: it must not count any more. */
static int64_t reopen(struct floor_teller *t, struct draft *d, int64_t at)
{
    draft_set(d, DEAL_STAGE, FORM_WORD, t->world->stages[t->world->stage_count - 1]);
    if (teller_chance(t, PPM(50))) {
        draft_null(d, DEAL_CLOSED_AT);
    }
    bool owner_now = teller_chance(t, PPM(40));
    if (owner_now) {
        hand_over(t, d);
    }
    if (!draft_send(t, d, at)) {
        return t->horizon_us;
    }
    at = teller_later(t, at, t->cycle_us / 4);
    draft_set(d, DEAL_STAGE, FORM_WORD, teller_chance(t, PPM(80)) ? t->world->stage_won : t->world->stage_lost);
    if (!owner_now && teller_chance(t, PPM(80))) {
        hand_over(t, d);
    }
    if (teller_chance(t, PPM(50))) {
        draft_time(t, d, DEAL_CLOSED_AT, at);
    }
    if (!draft_send(t, d, at)) {
        return t->horizon_us;
    }
    if (teller_chance(t, PPM(40))) {
        /* The stage comes again with some other change, as from a CRM that always sends it. */
        at = teller_later(t, at, t->cycle_us / 8);
        change_amount(t, d, DEAL_AMOUNT);
        draft_set(d, DEAL_STAGE, FORM_WORD, d->values[DEAL_STAGE].number);
        return send(t, d, at);
    }
    return at;
}

static void move_closing(struct floor_teller *t, struct draft *d, int64_t at)
{
    if (teller_chance(t, PPM(15))) {
        draft_null(d, DEAL_CLOSED_AT);
    } else if (t->office_hours && teller_chance(t, PPM(30))) {
        draft_date(t, d, DEAL_CLOSED_AT, at - floor_random_wait(&t->random, t->cycle_us / 2));
    } else {
        draft_time(t, d, DEAL_CLOSED_AT, at - floor_random_wait(&t->random, t->cycle_us / 2));
    }
}

int64_t floor_correct_deal(struct floor_teller *t, struct draft *d, int64_t at, bool closed)
{
    at = teller_later(t, at, t->cycle_us / 8);
    switch (floor_random_below(&t->random, closed ? 17 : 11)) {
    case 0:
    case 1: change_amount(t, d, DEAL_AMOUNT); break;
    case 2: change_currency(t, d, DEAL_CURRENCY); break;
    case 3:
    case 4: hand_over(t, d); break;
    case 5: clear_a_dimension(t, d); break;
    case 6: change_a_dimension(t, d); break;
    case 7: /* some other lead, or none */
        if (t->records[KIND_LEAD] > 0 && teller_chance(t, PPM(70))) {
            int64_t last = t->records[KIND_LEAD];
            draft_set(d, DEAL_LEAD, FORM_LEAD, floor_random_between(&t->random, last > 50 ? last - 50 : 1, last));
        } else {
            draft_null(d, DEAL_LEAD);
        }
        break;
    case 8:
        if (teller_chance(t, PPM(25))) {
            draft_null(d, DEAL_CREATED_AT);
        } else {
            draft_time(t, d, DEAL_CREATED_AT, at - floor_random_wait(&t->random, t->cycle_us) - SECOND);
        }
        break;
    case 9: draft_decimal(t, d, DEAL_QUANTITY, floor_random_between(&t->random, 0, 12) * MICRO); break;
    case 10: return delete_and_revive(t, d, at, deal_again);
    case 11:
    case 12:
    case 13: return reopen(t, d, at);
    case 14:
    case 15: move_closing(t, d, at); break;
    default: /* the other way round: a fraud, or a customer who comes back; nobody says when */
        draft_set(d, DEAL_STAGE, FORM_WORD,
                  d->values[DEAL_STAGE].number == t->world->stage_won ? t->world->stage_lost : t->world->stage_won);
        break;
    }
    return send(t, d, at);
}

static void payment_again(struct floor_teller *t, struct draft *d, int64_t at)
{
    draft_decimal(t, d, PAYMENT_AMOUNT,
                  floor_world_price(floor_random_between(&t->random, 20, 900) * 1000, t->world->base));
    draft_time(t, d, PAYMENT_PAID_AT, at);
}

int64_t floor_correct_payment(struct floor_teller *t, struct draft *d, int64_t at)
{
    at = teller_later(t, at, t->cycle_us / 10);
    switch (floor_random_below(&t->random, 9)) {
    case 0:
    case 1: change_amount(t, d, PAYMENT_AMOUNT); break;
    case 2: change_currency(t, d, PAYMENT_CURRENCY); break;
    case 3: hand_over(t, d); break;
    case 4: draft_set(d, PAYMENT_KIND, FORM_CHOICE, floor_random_between(&t->random, 0, 2)); break;
    case 5: /* booked on the wrong deal */
        if (t->records[KIND_DEAL] > 1 && teller_chance(t, PPM(70))) {
            int64_t last = t->records[KIND_DEAL];
            draft_set(d, PAYMENT_DEAL, FORM_DEAL, floor_random_between(&t->random, last > 50 ? last - 50 : 1, last));
        } else {
            draft_null(d, PAYMENT_DEAL);
        }
        break;
    case 6: draft_time(t, d, PAYMENT_PAID_AT, at - floor_random_wait(&t->random, t->cycle_us / 3)); break;
    case 7: clear_a_dimension(t, d); break;
    default: return delete_and_revive(t, d, at, payment_again);
    }
    return send(t, d, at);
}

static void feedback_again(struct floor_teller *t, struct draft *d, int64_t at)
{
    draft_decimal(t, d, FEEDBACK_SCORE, floor_random_between(&t->random, 1, 5) * MICRO);
    draft_time(t, d, FEEDBACK_ANSWERED_AT, at);
}

int64_t floor_correct_feedback(struct floor_teller *t, struct draft *d, int64_t at)
{
    at = teller_later(t, at, t->cycle_us / 10);
    switch (floor_random_below(&t->random, 6)) {
    case 0:
    case 1: /* alone, so that no message names kind, scale and score together */
        draft_decimal(t, d, FEEDBACK_SCORE, floor_random_between(&t->random, 0, 10) * MICRO);
        break;
    case 2: draft_set(d, FEEDBACK_SCALE, FORM_INTEGER, floor_random_between(&t->random, 3, 10)); break;
    case 3: hand_over(t, d); break;
    case 4: draft_time(t, d, FEEDBACK_ANSWERED_AT, at - floor_random_wait(&t->random, t->cycle_us / 6)); break;
    default: return delete_and_revive(t, d, at, feedback_again);
    }
    return send(t, d, at);
}
