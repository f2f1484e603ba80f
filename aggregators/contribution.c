#include "aggregators/contribution.h"
#include "aggregators/histogram.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <stdlib.h>
#include <string.h>

/* No single number that is added is larger, in minor units, microseconds or millionths. */
#define ADDEND_MAX INT64_C(4000000000000000000)

void valuation_init(struct valuation *v, const struct config *config, const struct calendar *calendar, struct ledger *l)
{
    *v = (struct valuation){.config = config, .calendar = calendar, .revision = REVISION_STANDING};
    v->base_decimals = config_currency_decimals(config, config->base_currency);
    REQUIRE(v->base_decimals >= 0);
    rates_init(&v->rates, config, calendar);
    organisation_init(&v->organisation, config, calendar, l);
    books_init(&v->books, config, calendar);
}

void valuation_fini(struct valuation *v)
{
    free(v->stage_probability);
    rates_fini(&v->rates);
    organisation_fini(&v->organisation);
    books_fini(&v->books);
}

void contributions_init(struct contributions *list)
{
    list->at = list->few;
    list->count = 0;
    list->room = CONTRIBUTIONS_FEW;
    list->oddities = 0;
}

void contributions_fini(struct contributions *list)
{
    if (list->at != list->few)
        free(list->at);
}

bool contributions_hold(const struct contributions *list, const struct contribution *c)
{
    for (unsigned i = 0; i < list->count; i++)
        if (memcmp(&list->at[i], c, sizeof *c) == 0)
            return true;
    return false;
}

/* By what it measures it is known whom a mark counts for: a reason of a loss hears of losses. */
static bool is_mark(const struct contribution *c)
{
    return c->stream == STREAM_UNRATED || c->stream == STREAM_OLD_RATE;
}

bool contribution_meets(const struct contribution *a, const struct contribution *b)
{
    return a->at_us == b->at_us && a->stream == b->stream && a->value == b->value && a->names == b->names &&
           a->team == b->team && a->reach == b->reach &&
           (!is_mark(a) || memcmp(a->measures, b->measures, sizeof a->measures) == 0);
}

struct contribution *contributions_add(struct contributions *list, enum stream stream, int64_t at_us, uint64_t names)
{
    if (list->count == list->room) {
        list->room *= 2;
        struct contribution *more =
            must_realloc(list->at != list->few ? list->at : NULL, list->room * sizeof *list->at);
        if (list->at == list->few)
            memcpy(more, list->few, sizeof list->few);
        list->at = more;
    }
    struct contribution *c = &list->at[list->count++];
    memset(c, 0, sizeof *c); /* whole, since contributions are compared by their bytes */
    c->stream = (uint8_t)stream;
    c->at_us = at_us;
    c->names = names;
    return c;
}

/* The manager and the team that a deal is credited to, as number + 1; at_close: those that it had when it closed. */
static void own_seat(const struct config *c, const struct ledger *l, const struct record *r, uint32_t *out_manager,
                     uint32_t *out_team)
{
    *out_manager = record_has(r, FIELD_MANAGER) ? (uint32_t)record_value(r, FIELD_MANAGER) + 1 : 0;
    *out_team = record_has(r, FIELD_TEAM) ? (uint32_t)record_value(r, FIELD_TEAM) + 1 : 0;
    if (c->credit != CREDIT_AT_CLOSE || r->kind != KIND_DEAL)
        return;
    int64_t closing_us = ledger_deal_closing_us(l, r);
    if (closing_us == INSTANT_NONE)
        return;
    *out_manager = (uint32_t)record_owner_at(r, FIELD_MANAGER, closing_us);
    *out_team = (uint32_t)record_owner_at(r, FIELD_TEAM, closing_us);
}

/* Its names, and whose it is (as in struct counted_for). */
static struct dimensions names_of(const struct config *c, const struct ledger *l, const struct record *r,
                                  uint32_t *out_customer)
{
    static const struct {
        unsigned field;
        enum dimension dimension;
    } inherited[] = {
        {FIELD_PRODUCT, DIMENSION_PRODUCT}, {FIELD_REGION, DIMENSION_REGION}, {FIELD_SOURCE, DIMENSION_SOURCE}};
    struct dimensions d = {{0}}, above = {{0}};
    *out_customer = 0;
    if (!record_exists(r) || r->kind >= FACT_KINDS)
        return d;
    const struct record *parent = ledger_parent(l, r);
    if (parent != NULL)
        above = dimension_table_get(&l->tuples, parent->names);
    own_seat(c, l, r, &d.of[DIMENSION_MANAGER], &d.of[DIMENSION_TEAM]);
    if (d.of[DIMENSION_MANAGER] == 0) {
        d.of[DIMENSION_MANAGER] = above.of[DIMENSION_MANAGER];
        if (d.of[DIMENSION_TEAM] == 0)
            d.of[DIMENSION_TEAM] = above.of[DIMENSION_TEAM];
    }
    for (unsigned i = 0; i < sizeof inherited / sizeof *inherited; i++)
        d.of[inherited[i].dimension] = record_has(r, inherited[i].field)
                                           ? (uint32_t)record_value(r, inherited[i].field) + 1
                                           : above.of[inherited[i].dimension];
    if (r->kind == KIND_DEAL) {
        if (record_has(r, DEAL_LOSS_REASON))
            d.of[DIMENSION_LOSS_REASON] = (uint32_t)record_value(r, DEAL_LOSS_REASON) + 1;
        if (record_has(r, DEAL_COMPETITOR))
            d.of[DIMENSION_COMPETITOR] = (uint32_t)record_value(r, DEAL_COMPETITOR) + 1;
    }
    if (record_has(r, FIELD_CUSTOMER))
        *out_customer = (uint32_t)record_value(r, FIELD_CUSTOMER) + 1;
    else if (parent != NULL)
        *out_customer = parent->customer;
    return d;
}

struct counted_for counted_for(const struct config *c, struct ledger *l, const struct record *r)
{
    struct counted_for who;
    struct dimensions d = names_of(c, l, r, &who.customer);
    who.names = dimension_table_need(&l->tuples, &d);
    return who;
}

void counted_for_all(const struct config *c, struct ledger *l, struct record *const *records, unsigned count,
                     struct counted_for *out)
{
    struct dimensions names[DIMENSIONS_AT_ONCE] = {{{0}}};
    uint64_t numbers[DIMENSIONS_AT_ONCE];
    REQUIRE(count <= DIMENSIONS_AT_ONCE);
    for (unsigned i = 0; i < count; i++)
        names[i] = names_of(c, l, records[i], &out[i].customer);
    dimension_table_need_all(&l->tuples, names, count, numbers);
    for (unsigned i = 0; i < count; i++)
        out[i].names = numbers[i];
}

/* What an amount is worth: nothing where there is none. */
enum worth { WORTH_NOTHING, WORTH_KNOWN, WORTH_BY_OLD_RATE, WORTH_UNRATED };

static bool is_known(enum worth worth)
{
    return worth == WORTH_KNOWN || worth == WORTH_BY_OLD_RATE;
}

/* Base minor units of an amount that contributes at an instant; 0 where it is not known. */
static enum worth value_amount(struct valuation *v, const struct record *r, unsigned amount_field,
                               unsigned currency_field, int64_t at_us, struct contributions *out, int64_t *out_minor)
{
    *out_minor = 0;
    if (!record_has(r, amount_field))
        return WORTH_NOTHING;
    currency_code base = v->config->base_currency;
    currency_code currency = record_has(r, currency_field) ? (currency_code)record_value(r, currency_field) : base;
    int decimals = currency == base ? v->base_decimals : config_currency_decimals(v->config, currency);
    int64_t rate_nano = 1000000000, age_days = 0;
    if (currency != base)
        rate_nano =
            rates_nano(&v->rates, v->revision, currency, calendar_local_day(v->calendar, at_us, NULL), &age_days);
    if (decimals < 0 || rate_nano == 0) {
        out->oddities |= 1u << ODDITY_RATE_MISSING;
        return WORTH_UNRATED;
    }
    int128 minor = micro_to_minor(record_value(r, amount_field), decimals);
    if (minor > MINOR_MAX || minor < -MINOR_MAX) {
        out->oddities |= 1u << ODDITY_AMOUNT_RANGE;
        return WORTH_NOTHING;
    }
    /* minor < 2^44, rate < 2^63, 10^base_decimals < 2^20: the product fits 128 bits. */
    if (currency != base)
        minor = divide_half_even(minor * rate_nano * power_of_ten(v->base_decimals),
                                 (int128)1000000000 * power_of_ten(decimals));
    if (minor > ADDEND_MAX || minor < -ADDEND_MAX) {
        out->oddities |= 1u << ODDITY_AMOUNT_RANGE;
        return WORTH_NOTHING;
    }
    *out_minor = (int64_t)minor;
    bool is_old = v->config->rate_age_max_days > 0 && age_days > v->config->rate_age_max_days;
    return is_old ? WORTH_BY_OLD_RATE : WORTH_KNOWN;
}

/* Says of the entities that a number of theirs lacks something, or rests on an old rate. */
static void mark(struct contributions *out, enum worth worth, enum rated what, int64_t at_us, uint64_t names)
{
    if (worth == WORTH_UNRATED || worth == WORTH_BY_OLD_RATE)
        contributions_add(out, worth == WORTH_UNRATED ? STREAM_UNRATED : STREAM_OLD_RATE, at_us, names)
            ->measures[what] = 1;
}

static int64_t probability_of(struct valuation *v, const struct ledger *l, const struct record *deal)
{
    if (record_has(deal, DEAL_PROBABILITY))
        return record_value(deal, DEAL_PROBABILITY);
    if (!record_has(deal, DEAL_STAGE))
        return 0;
    uint32_t stage = (uint32_t)record_value(deal, DEAL_STAGE);
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

static void of_lead(struct valuation *v, const struct record *r, uint64_t names, unsigned flags,
                    struct contributions *out)
{
    if (!record_has(r, LEAD_CREATED_AT))
        return;
    int64_t created_us = record_value(r, LEAD_CREATED_AT), cost_minor;
    enum worth worth = value_amount(v, r, LEAD_COST, LEAD_CURRENCY, created_us, out, &cost_minor);
    struct contribution *created = contributions_add(out, STREAM_LEAD, created_us, names);
    created->measures[0] = 1;
    created->measures[1] = (flags & RECORD_COUNTED) != 0;
    created->measures[2] = cost_minor;
    mark(out, worth, RATED_COST, created_us, names);
    if (!(flags & RECORD_WAITING_OVER))
        contributions_add(out, STREAM_WAITING, created_us, names)->measures[0] = 1;
    if (!record_has(r, LEAD_FIRST_CONTACT_AT))
        return;
    int64_t contact_us = record_value(r, LEAD_FIRST_CONTACT_AT), waited_us = contact_us - created_us;
    if (waited_us < 0) {
        out->oddities |= 1u << ODDITY_RESPONSE_NEGATIVE;
        return;
    }
    struct contribution *c = contributions_add(out, STREAM_RESPONSE, contact_us, names);
    c->value = histogram_bucket(waited_us);
    c->measures[0] = 1;
    c->measures[1] = waited_us;
}

static void of_won_deal(struct valuation *v, const struct record *r, uint64_t names, int64_t closing_us,
                        struct contributions *out)
{
    int64_t minor;
    enum worth worth = value_amount(v, r, DEAL_AMOUNT, DEAL_CURRENCY, closing_us, out, &minor);
    struct contribution *c = contributions_add(out, STREAM_WON, closing_us, names);
    c->measures[0] = 1;
    c->measures[1] = is_known(worth);
    c->measures[2] = minor;
    c->measures[3] = record_has(r, DEAL_QUANTITY) ? record_value(r, DEAL_QUANTITY) : MICRO;
    if (c->measures[3] > ADDEND_MAX) {
        c->measures[3] = 0;
        out->oddities |= 1u << ODDITY_AMOUNT_RANGE;
    }
    mark(out, worth, RATED_WON, closing_us, names);
}

static void of_cycle(const struct record *r, uint64_t names, int64_t closing_us, struct contributions *out)
{
    if (!record_has(r, DEAL_CREATED_AT))
        return;
    int64_t cycle_us = closing_us - record_value(r, DEAL_CREATED_AT);
    if (cycle_us < 0) {
        out->oddities |= 1u << ODDITY_CYCLE_NEGATIVE;
        return;
    }
    struct contribution *c = contributions_add(out, STREAM_CYCLE, closing_us, names);
    c->value = histogram_bucket(cycle_us);
    c->measures[0] = 1;
    c->measures[1] = cycle_us;
}

/* An open deal is a level: it goes up when the deal is created and down, by the same numbers, when it closes. */
static void of_open_span(struct valuation *v, const struct ledger *l, const struct record *r, uint64_t names,
                         int64_t closing_us, unsigned flags, struct contributions *out)
{
    int64_t created_us = record_value(r, DEAL_CREATED_AT), minor;
    if (closing_us != INSTANT_NONE && closing_us <= created_us)
        return;
    enum worth worth = value_amount(v, r, DEAL_AMOUNT, DEAL_CURRENCY, created_us, out, &minor);
    int64_t probability = probability_of(v, l, r);
    const int64_t level[STREAM_MEASURES_MAX] = {1, minor, (int64_t)divide_half_even((int128)minor * probability, MICRO),
                                                worth == WORTH_UNRATED, worth == WORTH_BY_OLD_RATE};
    struct contribution *c = contributions_add(out, STREAM_OPEN, created_us, names);
    memcpy(c->measures, level, sizeof level);
    if (closing_us != INSTANT_NONE) {
        c = contributions_add(out, STREAM_OPEN, closing_us, names);
        for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++)
            c->measures[m] = -level[m];
    }
    if (!(flags & RECORD_OPEN) || !record_has(r, DEAL_EXPECTED_CLOSE_AT))
        return;
    c = contributions_add(out, STREAM_EXPECTED, record_value(r, DEAL_EXPECTED_CLOSE_AT), names);
    c->measures[0] = probability;
    c->measures[1] = level[2];
}

/* What was sold or lost. */
static void of_sale(struct valuation *v, const struct ledger *l, const struct record *r, uint64_t names,
                    struct contributions *out)
{
    int64_t closing_us = ledger_deal_closing_us(l, r);
    if (closing_us == INSTANT_NONE)
        return;
    if (ledger_deal_is_won(l, r)) {
        of_won_deal(v, r, names, closing_us, out);
        return;
    }
    int64_t minor;
    enum worth worth = value_amount(v, r, DEAL_AMOUNT, DEAL_CURRENCY, closing_us, out, &minor);
    struct contribution *c = contributions_add(out, STREAM_LOST, closing_us, names);
    c->measures[0] = 1;
    c->measures[1] = minor;
    mark(out, worth, RATED_LOST, closing_us, names);
}

/* All else that a deal adds. */
static void of_deal(struct valuation *v, const struct ledger *l, const struct record *r, const struct counted_for *who,
                    unsigned flags, struct contributions *out)
{
    int64_t closing_us = ledger_deal_closing_us(l, r);
    if (closing_us != INSTANT_NONE && ledger_deal_is_won(l, r)) {
        of_cycle(r, who->names, closing_us, out);
        if (who->customer != 0) {
            struct contribution *c = contributions_add(out, STREAM_REPEAT, closing_us, who->names);
            c->measures[0] = 1;
            c->measures[1] = (flags & RECORD_REPEAT) != 0;
        }
    }
    if (!record_has(r, DEAL_CREATED_AT))
        return;
    struct contribution *c = contributions_add(out, STREAM_DEAL, record_value(r, DEAL_CREATED_AT), who->names);
    c->measures[0] = 1;
    c->measures[1] = (flags & RECORD_COUNTED) != 0;
    of_open_span(v, l, r, who->names, closing_us, flags, out);
}

static bool gives_back(const struct record *payment)
{
    return record_has(payment, PAYMENT_KIND) && record_value(payment, PAYMENT_KIND) != PAYMENT_IS_PAYMENT;
}

static void of_payment(struct valuation *v, const struct record *r, uint64_t names, struct contributions *out)
{
    if (!record_has(r, PAYMENT_PAID_AT))
        return;
    int64_t paid_us = record_value(r, PAYMENT_PAID_AT), minor;
    enum worth worth = value_amount(v, r, PAYMENT_AMOUNT, PAYMENT_CURRENCY, paid_us, out, &minor);
    mark(out, worth, RATED_PAYMENT, paid_us, names);
    if (!is_known(worth))
        return;
    struct contribution *c = contributions_add(out, STREAM_PAYMENT, paid_us, names);
    c->measures[0] = 1;
    c->measures[1] = gives_back(r) ? -minor : minor;
    c->measures[2] = gives_back(r);
    c->measures[3] = gives_back(r) ? minor : 0;
}

static void of_feedback(const struct record *r, uint64_t names, struct contributions *out)
{
    if (!record_has(r, FEEDBACK_SCORE) || !record_has(r, FEEDBACK_ANSWERED_AT))
        return;
    if (!record_has(r, FEEDBACK_KIND)) {
        out->oddities |= 1u << ODDITY_KIND_MISSING;
        return;
    }
    bool nps = record_value(r, FEEDBACK_KIND) == FEEDBACK_IS_NPS;
    int64_t score = record_value(r, FEEDBACK_SCORE); /* millionths */
    int128 scale = record_has(r, FEEDBACK_SCALE) ? record_value(r, FEEDBACK_SCALE) : nps ? 10 : 5;
    if (score < 0 || score > scale * MICRO || score > ADDEND_MAX) {
        out->oddities |= 1u << ODDITY_SCORE_OUTSIDE;
        return;
    }
    if (nps && scale != 10) {
        out->oddities |= 1u << ODDITY_NPS_SCALE;
        return;
    }
    struct contribution *c =
        contributions_add(out, nps ? STREAM_NPS : STREAM_CSAT, record_value(r, FEEDBACK_ANSWERED_AT), names);
    c->measures[0] = 1;
    if (nps) {
        c->measures[1] = score >= 9 * MICRO;
        c->measures[2] = score <= 6 * MICRO;
    } else {
        c->measures[1] = score >= (scale - 1) * MICRO;
        c->measures[2] = score;
    }
}

/* What stands now belongs to today's team. */
static bool stands_now(unsigned stream)
{
    return stream == STREAM_WAITING || stream == STREAM_EXPECTED;
}

/* An open deal's level, up at `from_us` and down at `until_us` (INT64_MAX = never), in each team that the manager was in
 * meanwhile. True: there was a time without a team. */
static bool place_level(struct valuation *v, struct contributions *out, unsigned opened, unsigned closed,
                        uint32_t manager)
{
    int64_t from_us = out->at[opened].at_us, until_us = closed != 0 ? out->at[closed].at_us : INT64_MAX, next_us;
    uint32_t team = organisation_team(&v->organisation, v->revision, manager, from_us, &next_us);
    if (next_us >= until_us) {
        out->at[opened].team = team;
        if (closed != 0)
            out->at[closed].team = team;
        return team == 0;
    }
    bool missing = team == 0;
    out->at[opened].reach = REACH_ALL_BUT_TEAM;
    if (closed != 0)
        out->at[closed].reach = REACH_ALL_BUT_TEAM;
    while (from_us < until_us) {
        if (next_us > until_us)
            next_us = until_us;
        for (int down = 0; team != 0 && down <= (next_us != INT64_MAX); down++) {
            struct contribution *c =
                contributions_add(out, STREAM_OPEN, down ? next_us : from_us, out->at[opened].names);
            for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++)
                c->measures[m] = down ? -out->at[opened].measures[m] : out->at[opened].measures[m];
            c->team = team;
            c->reach = REACH_TEAM;
        }
        from_us = next_us;
        if (from_us < until_us)
            team = organisation_team(&v->organisation, v->revision, manager, from_us, &next_us);
        missing = missing || team == 0;
    }
    return missing;
}

void contributions_place(struct valuation *v, const struct ledger *l, struct contributions *out)
{
    if (out->count == 0)
        return;
    const struct dimensions d = dimension_table_get(&l->tuples, out->at[0].names);
    uint32_t team = d.of[DIMENSION_TEAM], manager = d.of[DIMENSION_MANAGER] - 1;
    if (team != 0 || d.of[DIMENSION_MANAGER] == 0 || !v->organisation.in_use) {
        for (unsigned i = 0; i < out->count; i++)
            out->at[i].team = team;
        return;
    }
    unsigned count = out->count, opened = 0, closed = 0; /* of an open deal; closed 0 = none, since it comes second */
    bool missing = false, is_open = false;
    for (unsigned i = 0; i < count; i++) {
        struct contribution *c = &out->at[i];
        if (c->stream == STREAM_OPEN) {
            if (is_open)
                closed = i;
            else
                opened = i;
            is_open = true;
            continue;
        }
        int64_t until_us;
        c->team = stands_now(c->stream)
                      ? organisation_team_now(&v->organisation, v->revision, manager)
                      : organisation_team(&v->organisation, v->revision, manager, c->at_us, &until_us);
        missing = missing || c->team == 0;
    }
    if (is_open)
        missing = place_level(v, out, opened, closed, manager) || missing;
    if (missing)
        out->oddities |= 1u << ODDITY_TEAM_MISSING;
}

void contributions_of_books(struct valuation *v, struct ledger *l, const struct record *r, uint64_t names,
                            struct contributions *out)
{
    if (!record_exists(r))
        return;
    if (r->kind == KIND_DEAL)
        of_sale(v, l, r, names, out);
    else if (r->kind == KIND_PAYMENT)
        of_payment(v, r, names, out);
}

void contributions_of(struct valuation *v, struct ledger *l, const struct record *r, const struct counted_for *who,
                      unsigned flags, struct contributions *out)
{
    bool has_books = books_keep(&v->books, r->kind);
    if (record_exists(r)) {
        if (!has_books)
            contributions_of_books(v, l, r, who->names, out);
        if (r->kind == KIND_LEAD)
            of_lead(v, r, who->names, flags, out);
        else if (r->kind == KIND_DEAL)
            of_deal(v, l, r, who, flags, out);
        else if (r->kind == KIND_FEEDBACK)
            of_feedback(r, who->names, out);
        contributions_place(v, l, out);
        if (r->flags & RECORD_HISTORY_CUT)
            out->oddities |= 1u << ODDITY_HISTORY_CUT;
    }
    if (has_books)
        books_stand(&v->books, r, out); /* also of one that is gone: its taking back has been booked */
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A lead waits from its creation to its first contact, or to when it was converted or lost without one. */
static int64_t waiting_over_us(const struct ledger *l, const struct record *lead)
{
    int64_t over_us = record_has(lead, LEAD_FIRST_CONTACT_AT) ? record_value(lead, LEAD_FIRST_CONTACT_AT) : INT64_MAX;
    int64_t closing_us = ledger_lead_closing_us(l, lead);
    if (closing_us != INSTANT_NONE && closing_us < over_us)
        over_us = closing_us;
    return over_us; /* not after its creation: it has waited at no time */
}

struct instants instants_of(const struct ledger *l, const struct record *r, int64_t first_win_us)
{
    struct instants at = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    if (!record_exists(r))
        return at;
    if (r->kind == KIND_DEAL && record_has(r, DEAL_CREATED_AT)) {
        at.opened_us = record_value(r, DEAL_CREATED_AT);
        int64_t closing_us = ledger_deal_closing_us(l, r);
        if (closing_us != INSTANT_NONE)
            at.closed_us = closing_us;
        if (ledger_deal_is_won(l, r))
            at.counted_us = later(at.opened_us, closing_us);
    } else if (r->kind == KIND_LEAD && record_has(r, LEAD_CREATED_AT)) {
        at.counted_us = first_win_us == INT64_MAX ? INT64_MAX : later(record_value(r, LEAD_CREATED_AT), first_win_us);
        at.waiting_over_us = waiting_over_us(l, r);
    }
    return at;
}

bool value_lead_cost(struct valuation *v, const struct record *lead, int64_t *out_minor)
{
    struct contributions ignored = {.count = 0};
    if (!record_exists(lead) || !record_has(lead, LEAD_CREATED_AT))
        return false;
    enum worth worth =
        value_amount(v, lead, LEAD_COST, LEAD_CURRENCY, record_value(lead, LEAD_CREATED_AT), &ignored, out_minor);
    return is_known(worth);
}

bool value_payment_margin(struct valuation *v, const struct record *payment, int64_t *out_minor)
{
    struct contributions ignored = {.count = 0};
    int64_t minor;
    if (!record_exists(payment) || !record_has(payment, PAYMENT_PAID_AT))
        return false;
    enum worth worth = value_amount(v, payment, PAYMENT_AMOUNT, PAYMENT_CURRENCY,
                                    record_value(payment, PAYMENT_PAID_AT), &ignored, &minor);
    if (!is_known(worth))
        return false;
    int64_t margin =
        record_has(payment, PAYMENT_MARGIN) ? record_value(payment, PAYMENT_MARGIN) : v->config->default_margin_micro;
    minor = (int64_t)divide_half_even((int128)minor * margin, MICRO);
    *out_minor = gives_back(payment) ? -minor : minor;
    return true;
}

static bool amount_differs(const struct valuation *v, const struct record *r, unsigned currency_field, int64_t at_us)
{
    return rates_differ(&v->rates, (currency_code)record_value(r, currency_field), at_us);
}

static bool money_differs(const struct valuation *v, const struct ledger *l, const struct record *r)
{
    switch ((enum record_kind)r->kind) {
    case KIND_LEAD:
        return record_has(r, LEAD_CURRENCY) && record_has(r, LEAD_CREATED_AT) &&
               amount_differs(v, r, LEAD_CURRENCY, record_value(r, LEAD_CREATED_AT));
    case KIND_DEAL: {
        if (!record_has(r, DEAL_CURRENCY))
            return false;
        int64_t closing_us = ledger_deal_closing_us(l, r);
        return (record_has(r, DEAL_CREATED_AT) &&
                amount_differs(v, r, DEAL_CURRENCY, record_value(r, DEAL_CREATED_AT))) ||
               (closing_us != INSTANT_NONE && amount_differs(v, r, DEAL_CURRENCY, closing_us));
    }
    case KIND_PAYMENT:
        return record_has(r, PAYMENT_CURRENCY) && record_has(r, PAYMENT_PAID_AT) &&
               amount_differs(v, r, PAYMENT_CURRENCY, record_value(r, PAYMENT_PAID_AT));
    case KIND_FEEDBACK:
    case KIND_RATE:
    case KIND_MEMBER:
    case KIND_TARGET:
    case KIND_COUNT: break;
    }
    return false;
}

bool valuation_differs(const struct valuation *v, const struct ledger *l, const struct record *r)
{
    if (books_keep(&v->books, r->kind))
        return true; /* any of its versions may */
    if (!record_exists(r))
        return false;
    const struct dimensions d = dimension_table_get(&l->tuples, r->names);
    uint32_t manager = d.of[DIMENSION_MANAGER];
    if (manager != 0 && d.of[DIMENSION_TEAM] == 0) {
        if (organisation_differs(&v->organisation, manager - 1))
            return true;
        bool stands = (r->kind == KIND_LEAD && !(r->flags & RECORD_WAITING_OVER)) ||
                      (r->kind == KIND_DEAL && (r->flags & RECORD_OPEN));
        if (stands && organisation_differs_now(&v->organisation, manager - 1))
            return true;
    }
    return money_differs(v, l, r);
}
