/* What a record or customer stood for is replaced by what it stands for: derivation_steps.h. */
#include "aggregators/derivation_steps.h"
#include "aggregators/histogram.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

void judge_by_place(struct derivation *d, unsigned station, uint32_t at)
{
    const struct pass *p = &d->pass;
    bool is_ahead = p->running && (station > p->station || (station == p->station && at >= p->at));
    d->valuation.revision = is_ahead ? REVISION_FORMER : REVISION_STANDING;
}

static void count_oddities(struct derivation *d, uint32_t oddities, int sign)
{
    for (; oddities != 0; oddities &= oddities - 1)
        d->oddities[__builtin_ctz(oddities)] += sign;
}

static void add(struct derivation *d, const struct contribution *c, int sign, bool is_audited)
{
    const struct dimensions names = dimension_table_get(&d->ledger.tuples, c->names);
    entities_add(&d->entities, &names, c, sign);
    if (is_audited)
        audit_add(&d->audit, &d->entities, &names, c, sign);
}

/* Of two that meet: adds what the later one adds more. */
static void add_difference(struct derivation *d, const struct contribution *old, const struct contribution *fresh,
                           bool is_audited)
{
    struct contribution more = *fresh;
    bool is_any = false, is_large = false;
    for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++) {
        is_large = is_large || __builtin_sub_overflow(fresh->measures[m], old->measures[m], &more.measures[m]) ||
                   more.measures[m] > ROW_MAX || more.measures[m] < -ROW_MAX;
        is_any = is_any || more.measures[m] != 0;
    }
    if (is_large) {
        add(d, old, -1, is_audited);
        add(d, fresh, +1, is_audited);
    } else if (is_any) {
        add(d, &more, 0, is_audited);
    }
}

void replace(struct derivation *d, unsigned station, uint32_t at, const struct contributions *old,
             const struct contributions *fresh)
{
    bool is_audited = audit_covers(&d->audit, station, at);
    uint64_t met = 0; /* of `fresh`: bit i: there is one of `old` for it */
    for (unsigned i = 0; i < old->count; i++) {
        unsigned j = 0;
        while (j < fresh->count && j < 64 && (met >> j & 1 || !contribution_meets(&old->at[i], &fresh->at[j])))
            j++;
        if (j >= fresh->count || j >= 64) {
            add(d, &old->at[i], -1, is_audited);
            continue;
        }
        met |= UINT64_C(1) << j;
        add_difference(d, &old->at[i], &fresh->at[j], is_audited);
    }
    for (unsigned j = 0; j < fresh->count; j++)
        if (j >= 64 || !(met >> j & 1))
            add(d, &fresh->at[j], +1, is_audited);
    count_oddities(d, old->oddities, -1);
    count_oddities(d, fresh->oddities, +1);
}

void remember(struct derivation *d, const struct record *r, struct before *out)
{
    const struct counted_for who = {r->names, r->customer};
    judge_by_place(d, r->kind, r->slot);
    contributions_init(&out->contributions);
    contributions_of(&d->valuation, &d->ledger, r, &who, r->flags, &out->contributions);
    told_of(&d->valuation, &d->ledger, r, &who, &out->told);
}

void set_flags(struct derivation *d, struct record *r)
{
    if (r->kind != KIND_DEAL && r->kind != KIND_LEAD)
        return;
    struct instants at =
        instants_of(&d->ledger, r, r->kind == KIND_LEAD ? links_first_win_us(&d->links, r->slot) : INT64_MAX);
    record_set_flag(r, RECORD_COUNTED, at.counted_us <= d->now_us);
    record_set_flag(r, RECORD_WAITING_OVER, r->kind == KIND_LEAD && at.waiting_over_us <= d->now_us);
    record_set_flag(r, RECORD_OPEN, r->kind == KIND_DEAL && at.opened_us <= d->now_us && at.closed_us > d->now_us);
    const int64_t turns[] = {at.counted_us, at.waiting_over_us, at.opened_us, at.closed_us};
    int64_t next_us = INT64_MAX;
    for (unsigned i = 0; i < sizeof turns / sizeof *turns; i++)
        if (turns[i] > d->now_us && turns[i] < next_us)
            next_us = turns[i];
    timers_set(r->kind == KIND_DEAL ? &d->deals : &d->leads, r->slot, next_us);
    if (r->kind == KIND_DEAL) {
        const struct customer *c = r->customer != 0 ? links_customer(&d->links, r->customer - 1) : NULL;
        record_set_flag(r, RECORD_REPEAT, c != NULL && customer_standing(c)->first_deal != r->slot);
    }
}

static void restate_children(struct derivation *d, const struct record *parent);

void restate_as(struct derivation *d, struct record *r, const struct contributions *stood, const struct told *had_told,
                const struct standing *now)
{
    bool same = now->who.names == r->names && now->who.customer == r->customer;
    struct contributions fresh;
    r->names = now->who.names;
    r->customer = now->who.customer;
    judge_by_place(d, r->kind, r->slot);
    links_retell(&d->links, r, had_told, &now->told);
    set_flags(d, r);
    if (books_keep(&d->valuation.books, r->kind))
        books_restate(&d->valuation.books, &d->valuation, &d->ledger, r);
    contributions_init(&fresh);
    contributions_of(&d->valuation, &d->ledger, r, &now->who, r->flags, &fresh);
    replace(d, r->kind, r->slot, stood, &fresh);
    contributions_fini(&fresh);
    if (same)
        return;
    if (now->told.customer != 0 && now->told.won_us != INSTANT_NONE)
        links_mark_customer(&d->links, now->told.customer - 1); /* the first deal's names are the customer's */
    restate_children(d, r);
}

void find_what_stands(struct derivation *d, struct record *const *records, unsigned count, struct standing *out)
{
    struct counted_for who[DIMENSIONS_AT_ONCE];
    counted_for_all(d->valuation.config, &d->ledger, records, count, who);
    for (unsigned i = 0; i < count; i++) {
        out[i].who = who[i];
        judge_by_place(d, records[i]->kind, records[i]->slot);
        told_of(&d->valuation, &d->ledger, records[i], &who[i], &out[i].told);
        links_fetch(&d->links, &out[i].told, 0);
    }
    for (unsigned i = 0; i < count; i++)
        links_fetch(&d->links, &out[i].told, 1);
}

void restate(struct derivation *d, struct record *r, struct before *old)
{
    struct standing now = {.who = counted_for(d->valuation.config, &d->ledger, r)};
    judge_by_place(d, r->kind, r->slot);
    told_of(&d->valuation, &d->ledger, r, &now.who, &now.told);
    restate_as(d, r, &old->contributions, &old->told, &now);
    contributions_fini(&old->contributions);
}

void refresh(struct derivation *d, struct record *r)
{
    if (r->flags & RECORD_DIRTY)
        return;
    struct before old;
    remember(d, r, &old);
    restate(d, r, &old);
}

/* True: what inherits from a record is for a pass, the next one where the one that runs does not come to that kind. */
static bool has_no_fan_out_left(struct derivation *d, enum record_kind k)
{
    if (d->fan_out_left > 0)
        return false;
    bool passes_by = d->pass.running && d->pass.of_names && d->pass.station < k;
    d->names_are_stale = d->names_are_stale || !passes_by;
    return true;
}

/* Those of which only a version inherits from it. */
static void restate_heirs(struct derivation *d, const struct record *parent, enum record_kind k)
{
    struct heirs heirs = books_heirs(&d->valuation.books, k, parent->slot);
    for (uint32_t i = 0; i < heirs.count && !has_no_fan_out_left(d, k); i++) {
        d->fan_out_left--;
        refresh(d, ledger_at(&d->ledger, k, heirs.slots[i]));
    }
}

static void restate_children(struct derivation *d, const struct record *parent)
{
    static const enum record_kind kinds[] = {KIND_DEAL, KIND_PAYMENT, KIND_FEEDBACK};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((parent->kind == KIND_LEAD) != (kinds[i] == KIND_DEAL) || parent->kind > KIND_DEAL)
            continue;
        for (struct record *c = ledger_first_child(&d->ledger, parent, kinds[i]); c != NULL;
             c = ledger_next_child(&d->ledger, c)) {
            if (has_no_fan_out_left(d, kinds[i]))
                break;
            d->fan_out_left--;
            refresh(d, c);
        }
        restate_heirs(d, parent, kinds[i]);
    }
}

void customer_contributions(struct derivation *d, const struct customer_standing *s, struct contributions *out)
{
    contributions_init(out);
    if (s->first_deal == SLOT_NONE)
        return;
    /* Against whom the first deal was won, and why another was lost, are the deal's own. */
    struct dimensions names = dimension_table_get(&d->ledger.tuples, s->names);
    names.of[DIMENSION_LOSS_REASON] = names.of[DIMENSION_COMPETITOR] = 0;
    uint64_t tuple = dimension_table_need(&d->ledger.tuples, &names);
    struct contribution *c = contributions_add(out, STREAM_NEW, s->first_won_us, tuple);
    c->measures[0] = 1;
    c->measures[1] = s->measured;
    c->measures[2] = s->measured && s->paid_back_counted;
    if (s->measured && s->payback_us != INT64_MAX) {
        c = contributions_add(out, STREAM_PAYBACK, s->payback_us, tuple);
        c->value = histogram_bucket(s->payback_us - s->first_lead_us);
        c->measures[0] = 1;
    }
    contributions_place(&d->valuation, &d->ledger, out);
    out->oddities = 0; /* the deal's own say it */
}

void find_standing(struct derivation *d, uint32_t word)
{
    struct customer *c = links_customer(&d->links, word);
    if (c->buyer == NULL)
        return; /* and stood for nothing before */
    struct customer_standing *now = &c->buyer->standing;
    *now = (struct customer_standing){.payback_us = INT64_MAX};
    now->first_deal = customer_first_deal(c, &d->ledger, &now->first_won_us);
    if (now->first_deal != SLOT_NONE) {
        now->names = ledger_at(&d->ledger, KIND_DEAL, now->first_deal)->names;
        customer_payback(c, now->first_won_us, now);
        now->paid_back_counted = now->payback_us <= d->now_us;
    }
    timers_set(&d->customers, word, now->payback_us > d->now_us ? now->payback_us : INT64_MAX);
}

void settle_customer(struct derivation *d, uint32_t word, bool passing)
{
    const struct customer *c = links_customer(&d->links, word);
    const struct customer_standing old = *customer_standing(c);
    struct contributions taken_back, added;
    judge_by_place(d, FACT_KINDS, word);
    customer_contributions(d, &old, &taken_back);
    if (passing)
        d->pass.at = word + 1;
    find_standing(d, word);
    judge_by_place(d, FACT_KINDS, word);
    const struct customer_standing *now = customer_standing(c);
    customer_contributions(d, now, &added);
    replace(d, FACT_KINDS, word, &taken_back, &added);
    contributions_fini(&taken_back);
    contributions_fini(&added);
    uint32_t first = now->first_deal;
    if (old.first_deal == first)
        return;
    if (old.first_deal != SLOT_NONE)
        refresh(d, ledger_at(&d->ledger, KIND_DEAL, old.first_deal));
    if (first != SLOT_NONE)
        refresh(d, ledger_at(&d->ledger, KIND_DEAL, first));
}

bool settle_linked(struct derivation *d)
{
    uint32_t which;
    if (links_next_pending_lead(&d->links, &which))
        refresh(d, ledger_at(&d->ledger, KIND_LEAD, which));
    else if (links_next_pending_customer(&d->links, &which))
        settle_customer(d, which, false);
    else
        return false;
    return true;
}
