#include "aggregators/derivation.h"
#include "aggregators/histogram.h"
#include "aggregators/horizon.h"
#include "aggregators/restoration.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

/* Children that one event may restate at once: about a millisecond's work. What is left is for a pass. */
#define FAN_OUT_MAX 1000

/* An entity is shown for its target, also before anything is reached. */
static void show_entity(void *context, enum dimension dimension, struct text entity)
{
    struct derivation *d = context;
    entities_mark_changed(&d->entities,
                          entities_need(&d->entities, dimension, intern_add(&d->ledger.names[dimension], entity)));
}

/* Of kinds whose events this configuration does not keep they stay where they are. */
static void take_events(struct derivation *d, struct restoration *from)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (uint32_t slot = 0; slot < from->event_room[k]; slot++) {
            struct restored_events *e = &from->events[k][slot];
            if (e->events.count == 0 || (k != KIND_TARGET && !books_keep(&d->valuation.books, k)))
                continue;
            if (k == KIND_TARGET)
                targets_restore(&d->targets, slot, e->events);
            else
                books_restore(&d->valuation.books, ledger_at(&d->ledger, k, slot), e->events, e->is_cut);
            e->events = (struct kept_events){0};
        }
    }
}

static void derive_all(struct derivation *d);

void derivation_init(struct derivation *d, const struct config *config, const struct calendar *calendar,
                     struct restoration *from, int64_t now_us)
{
    memset(d, 0, sizeof *d);
    if (from != NULL) {
        d->ledger = from->ledger;
        ledger_init(&from->ledger);
    } else {
        ledger_init(&d->ledger);
    }
    d->ledger.keep_owners = config->credit == CREDIT_AT_CLOSE;
    intern_add(&d->ledger.names[DIMENSION_COMPANY], text_of(config->company));
    valuation_init(&d->valuation, config, calendar, &d->ledger);
    entities_init(&d->entities, config, d->ledger.names);
    links_init(&d->links);
    targets_init(&d->targets, config, calendar, &d->ledger);
    targets_visit_configured(&d->targets, show_entity, d);
    copying_init(&d->copying);
    timers_init(&d->deals);
    timers_init(&d->leads);
    timers_init(&d->customers);
    audit_init(&d->audit);
    d->now_us = now_us;
    if (from == NULL)
        return;
    take_events(d, from);
    derive_all(d);
}

void derivation_fini(struct derivation *d)
{
    valuation_fini(&d->valuation);
    ledger_fini(&d->ledger);
    entities_fini(&d->entities);
    links_fini(&d->links);
    targets_fini(&d->targets);
    timers_fini(&d->deals);
    timers_fini(&d->leads);
    timers_fini(&d->customers);
    copying_fini(&d->copying);
    audit_fini(&d->audit);
}

/* By which revision what is at that place is judged now. */
static void judge_by_place(struct derivation *d, unsigned station, uint32_t at)
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

/* Adds (or takes back) all of `list` that `other` does not hold as well. */
static void add_all(struct derivation *d, const struct contributions *list, const struct contributions *other, int sign,
                    bool is_audited)
{
    for (unsigned i = 0; i < list->count; i++) {
        const struct contribution *c = &list->at[i];
        if (contributions_hold(other, c))
            continue;
        const struct dimensions *names = dimension_table_get(&d->ledger.tuples, c->names);
        entities_add(&d->entities, names, c, sign);
        if (is_audited)
            audit_add(&d->audit, &d->entities, names, c, sign);
    }
}

/* Of the record or customer at that place. */
static void replace(struct derivation *d, unsigned station, uint32_t at, const struct contributions *old,
                    const struct contributions *fresh)
{
    bool is_audited = audit_covers(&d->audit, station, at);
    add_all(d, old, fresh, -1, is_audited);
    add_all(d, fresh, old, +1, is_audited);
    count_oddities(d, old->oddities, -1);
    count_oddities(d, fresh->oddities, +1);
}

/* What a record stood for before something changed. */
struct before {
    bool existed;
    struct counted_for who;
    struct contributions contributions; /* until restate() */
    struct told told;
};

static void remember(struct derivation *d, const struct record *r, struct before *out)
{
    out->existed = record_exists(r);
    out->who = (struct counted_for){r->names, r->customer};
    judge_by_place(d, r->kind, r->slot);
    contributions_init(&out->contributions);
    contributions_of(&d->valuation, &d->ledger, r, &out->who, r->flags, &out->contributions);
    told_of(&d->valuation, &d->ledger, r, &out->who, &out->told);
}

static void set_flag(struct record *r, unsigned flag, bool on)
{
    r->flags = (uint8_t)(on ? r->flags | flag : r->flags & ~flag);
}

/* Flags say which of a record's instants have passed, and whether a won deal is its customer's first. */
static void set_flags(struct derivation *d, struct record *r)
{
    if (r->kind != KIND_DEAL && r->kind != KIND_LEAD)
        return;
    struct instants at =
        instants_of(&d->ledger, r, r->kind == KIND_LEAD ? links_first_win_us(&d->links, r->slot) : INT64_MAX);
    set_flag(r, RECORD_COUNTED, at.counted_us <= d->now_us);
    set_flag(r, RECORD_WAITING_OVER, r->kind == KIND_LEAD && at.waiting_over_us <= d->now_us);
    set_flag(r, RECORD_OPEN, r->kind == KIND_DEAL && at.opened_us <= d->now_us && at.closed_us > d->now_us);
    const int64_t turns[] = {at.counted_us, at.waiting_over_us, at.opened_us, at.closed_us};
    int64_t next_us = INT64_MAX;
    for (unsigned i = 0; i < sizeof turns / sizeof *turns; i++)
        if (turns[i] > d->now_us && turns[i] < next_us)
            next_us = turns[i];
    timers_set(r->kind == KIND_DEAL ? &d->deals : &d->leads, r->slot, next_us);
    if (r->kind == KIND_DEAL) {
        const struct customer *c = r->customer != 0 ? links_customer(&d->links, r->customer - 1) : NULL;
        set_flag(r, RECORD_REPEAT, c != NULL && c->standing.first_deal != r->slot);
    }
}

/* Replaces what the record stood for by what it stands for. True: those that inherit from it must follow. */
static bool restate_alone(struct derivation *d, struct record *r, struct before *old)
{
    struct counted_for who = counted_for(d->valuation.config, &d->ledger, r);
    bool same = who.names == old->who.names && who.customer == old->who.customer;
    struct contributions fresh;
    struct told told;
    r->names = who.names;
    r->customer = who.customer;
    judge_by_place(d, r->kind, r->slot);
    told_of(&d->valuation, &d->ledger, r, &who, &told);
    links_retell(&d->links, r, &old->told, &told);
    set_flags(d, r);
    if (books_keep(&d->valuation.books, r->kind))
        books_restate(&d->valuation.books, &d->valuation, &d->ledger, r);
    contributions_init(&fresh);
    contributions_of(&d->valuation, &d->ledger, r, &who, r->flags, &fresh);
    replace(d, r->kind, r->slot, &old->contributions, &fresh);
    contributions_fini(&old->contributions);
    contributions_fini(&fresh);
    d->records[r->kind] += record_exists(r) - old->existed;
    if (!same && told.customer != 0 && told.won_us != INSTANT_NONE)
        links_mark_customer(&d->links, told.customer - 1); /* the first deal's names are the customer's */
    return !same;
}

static void restate_children(struct derivation *d, const struct record *parent);

static void restate(struct derivation *d, struct record *r, struct before *old)
{
    if (restate_alone(d, r, old))
        restate_children(d, r);
}

/* Its fields are as they were: only its flags, its names or what is dated may have changed. */
static void refresh(struct derivation *d, struct record *r)
{
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

/* What a customer adds: it is new where its first won deal closed, and has paid back at the moment of payback. */
static void customer_contributions(struct derivation *d, const struct customer_standing *s, struct contributions *out)
{
    contributions_init(out);
    if (s->first_deal == SLOT_NONE)
        return;
    /* Against whom the first deal was won, and why another was lost, are the deal's own. */
    struct dimensions names = *dimension_table_get(&d->ledger.tuples, s->names);
    names.of[DIMENSION_LOSS_REASON] = names.of[DIMENSION_COMPETITOR] = 0;
    uint32_t tuple = dimension_table_need(&d->ledger.tuples, &names);
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

/* Whether and when the customer was won and paid back, by what its records tell now. */
static void find_standing(struct derivation *d, uint32_t word)
{
    struct customer *c = links_customer(&d->links, word);
    struct customer_standing *now = &c->standing;
    *now = (struct customer_standing){.payback_us = INT64_MAX};
    now->first_deal = customer_first_deal(c, &d->ledger, &now->first_won_us);
    if (now->first_deal != SLOT_NONE) {
        now->names = ledger_at(&d->ledger, KIND_DEAL, now->first_deal)->names;
        customer_payback(c, now->first_won_us, now);
        now->paid_back_counted = now->payback_us <= d->now_us;
    }
    timers_set(&d->customers, word, now->payback_us > d->now_us ? now->payback_us : INT64_MAX);
}

/* `passing`: the pass has come to it. */
static void settle_customer(struct derivation *d, uint32_t word, bool passing)
{
    const struct customer *c = links_customer(&d->links, word);
    const struct customer_standing old = c->standing, *now = &c->standing;
    struct contributions taken_back, added;
    judge_by_place(d, FACT_KINDS, word);
    customer_contributions(d, &old, &taken_back);
    if (passing)
        d->pass.at = word + 1;
    find_standing(d, word);
    judge_by_place(d, FACT_KINDS, word);
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

static void settle(struct derivation *d)
{
    uint32_t which;
    while (links_next_pending_lead(&d->links, &which))
        refresh(d, ledger_at(&d->ledger, KIND_LEAD, which));
    while (links_next_pending_customer(&d->links, &which))
        settle_customer(d, which, false);
}

/* What the record says to those who judge by it; -1: it no longer does. */
static void claim_reference(struct derivation *d, const struct record *r, int sign)
{
    switch (r->kind) {
    case KIND_RATE: rates_claim(&d->valuation.rates, r, sign); break;
    case KIND_MEMBER: organisation_claim(&d->valuation.organisation, r, sign); break;
    case KIND_TARGET: targets_visit_record(&d->targets, &d->ledger, r->slot, show_entity, d); break;
    default: break;
    }
}

/* What facts are judged by is only noted; the next pass takes it up. */
static enum record_change apply_reference(struct derivation *d, struct record *r, const struct event *e)
{
    bool existed = record_exists(r);
    if (r->kind != KIND_TARGET)
        claim_reference(d, r, -1);
    enum record_change change = ledger_apply(&d->ledger, r, e);
    if (r->kind == KIND_TARGET) {
        /* What an event said is kept, whatever came after it: a past period sees it. */
        struct record_value values[FIELD_COUNT_MAX];
        ledger_values(&d->ledger, e, values);
        change = targets_apply(&d->targets, r, e, values) ? RECORD_CHANGED : RECORD_REPEATED;
    }
    claim_reference(d, r, +1);
    d->records[r->kind] += record_exists(r) - existed;
    if (change == RECORD_CHANGED)
        copying_note(&d->copying, r);
    return change;
}

/* Whether the event tells the books something; `before`: whom the record inherited from. */
static bool apply_to_books(struct derivation *d, const struct record *r, const struct event *e,
                           const struct record *before)
{
    struct books *b = &d->valuation.books;
    struct record_value values[FIELD_COUNT_MAX];
    ledger_values(&d->ledger, e, values);
    if (!books_apply(b, r, e, values))
        return false;
    const struct record *after = ledger_parent(&d->ledger, r);
    unsigned link;
    enum record_kind parent_kind;
    if (before != NULL && before != after)
        books_add_heir(b, r, before->slot);
    if (ledger_link_of(r->kind, &link, &parent_kind) && e->carried & ~e->cleared & 1u << link &&
        (after == NULL || after->slot != (uint32_t)values[link].value))
        books_add_heir(b, r, (uint32_t)values[link].value);
    return true;
}

static void look_at_names(struct derivation *d)
{
    entities_look(&d->entities);
    d->oddities[ODDITY_ENTITY_LIMIT] = d->entities.others;
}

static enum record_change apply(struct derivation *d, const struct event *e)
{
    struct record *r = ledger_need(&d->ledger, e->kind, event_key(e));
    if (e->kind >= FACT_KINDS)
        return apply_reference(d, r, e);
    struct before old;
    const struct record *parent = ledger_parent(&d->ledger, r);
    remember(d, r, &old);
    enum record_change change = ledger_apply(&d->ledger, r, e);
    /* One that is outvoted tells what stood for a while. */
    if (books_keep(&d->valuation.books, r->kind) && apply_to_books(d, r, e, parent))
        change = RECORD_CHANGED;
    if (change != RECORD_CHANGED) {
        contributions_fini(&old.contributions);
        return change;
    }
    copying_note(&d->copying, r);
    d->fan_out_left = FAN_OUT_MAX;
    restate(d, r, &old);
    settle(d);
    return change;
}

enum record_change derivation_apply(struct derivation *d, const struct event *e)
{
    enum record_change change = apply(d, e);
    look_at_names(d);
    return change;
}

void derivation_advance(struct derivation *d, int64_t now_us)
{
    REQUIRE(now_us >= d->now_us);
    d->now_us = now_us;
    d->fan_out_left = FAN_OUT_MAX;
    /* Each one sets its timer anew, beyond now. */
    while (timers_first(&d->deals) <= now_us)
        refresh(d, ledger_at(&d->ledger, KIND_DEAL, d->deals.heap[0].id));
    while (timers_first(&d->leads) <= now_us)
        refresh(d, ledger_at(&d->ledger, KIND_LEAD, d->leads.heap[0].id));
    while (timers_first(&d->customers) <= now_us)
        settle_customer(d, d->customers.heap[0].id, false);
    settle(d);
    entities_wake(&d->entities, now_us);
}

/* Entities say where their managers are, and who leads them. Whoever has a row is an entity, also without records: one
 * is compared with all of a team. */
static void mark_moved(struct derivation *d)
{
    const struct organisation *o = &d->valuation.organisation;
    for (uint32_t m = 0; m < o->managers.count; m++)
        if (organisation_tells_otherwise(o, m)) {
            entities_mark_changed(&d->entities, entities_need(&d->entities, DIMENSION_MANAGER, m));
        }
    for (uint32_t t = 0; t < d->ledger.names[DIMENSION_TEAM].count; t++)
        entities_mark_named(&d->entities, DIMENSION_TEAM, t);
}

bool derivation_has_work(const struct derivation *d)
{
    return d->pass.running || d->names_are_stale || d->valuation.rates.changed > 0 ||
           organisation_has_changed(&d->valuation.organisation, d->now_us);
}

static void end_pass(struct derivation *d)
{
    d->pass.running = false;
    rates_settle(&d->valuation.rates);
    organisation_settle(&d->valuation.organisation);
}

/* Takes up what has changed since the last pass. */
static void begin_pass(struct derivation *d)
{
    bool moved = organisation_has_changed(&d->valuation.organisation, d->now_us);
    bool matters = rates_revise(&d->valuation.rates, &d->ledger);
    matters = organisation_revise(&d->valuation.organisation, &d->ledger, d->now_us) || matters;
    d->oddities[ODDITY_ORGANISATION_OVERLAP] = d->valuation.organisation.overlaps;
    if (moved)
        mark_moved(d);
    d->pass = (struct pass){.running = true, .of_names = d->names_are_stale};
    if (!matters && !d->names_are_stale)
        end_pass(d);
    d->names_are_stale = false;
}

static bool is_stale(struct derivation *d, const struct record *r)
{
    if (!d->pass.of_names)
        return false;
    struct counted_for who = counted_for(d->valuation.config, &d->ledger, r);
    return who.names != r->names || who.customer != r->customer;
}

/* Whom records count for, and what their links are told; of such that have told nothing yet, after whom they inherit
 * from. */
static void connect(struct derivation *d, struct record *const *records, unsigned count)
{
    struct counted_for who[DIMENSIONS_AT_ONCE];
    struct told nothing, told[DIMENSIONS_AT_ONCE];
    told_nothing(&nothing);
    counted_for_all(d->valuation.config, &d->ledger, records, count, who);
    for (unsigned i = 0; i < count; i++) {
        told_of(&d->valuation, &d->ledger, records[i], &who[i], &told[i]);
        links_fetch(&d->links, &told[i], 0);
    }
    for (unsigned i = 0; i < count; i++)
        links_fetch(&d->links, &told[i], 1);
    for (unsigned i = 0; i < count; i++) {
        struct record *r = records[i];
        r->names = who[i].names;
        r->customer = who[i].customer;
        links_retell(&d->links, r, &nothing, &told[i]);
        d->records[r->kind] += record_exists(r);
    }
}

/* What customers and leads stand for by what has been connected. */
static void find_standings(struct derivation *d)
{
    uint32_t which;
    while (links_next_pending_customer(&d->links, &which))
        find_standing(d, which);
    while (links_next_pending_lead(&d->links, &which)) {
    } /* set_flags will ask for it */
}

/* Of a deal that has been closed what stood open goes up and down; with no snapshot before, nobody sees that it did. */
static bool has_come_and_gone(const struct derivation *d, const struct record *r, const struct contribution *c)
{
    return c->stream == STREAM_OPEN && c->at_us <= d->now_us && !(r->flags & RECORD_OPEN);
}

/* What a deal adds, but whether its customer is a new one is only known when all deals are connected. */
enum share { SHARE_OF_ITS_OWN, SHARE_OF_CUSTOMER };

static void keep_share(const struct derivation *d, const struct record *r, enum share which, struct contributions *list)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < list->count; i++) {
        const struct contribution *c = &list->at[i];
        if ((c->stream == STREAM_REPEAT) == (which == SHARE_OF_CUSTOMER) && !has_come_and_gone(d, r, c))
            list->at[kept++] = *c;
    }
    list->count = kept;
    if (which == SHARE_OF_CUSTOMER)
        list->oddities = 0;
}

static void add_record(struct derivation *d, struct record *r, enum share which)
{
    const struct counted_for who = {r->names, r->customer};
    struct contributions nothing, fresh;
    if (which == SHARE_OF_CUSTOMER && (r->customer == 0 || !record_exists(r) || !ledger_deal_is_won(&d->ledger, r)))
        return;
    set_flags(d, r);
    if (books_keep(&d->valuation.books, r->kind) && which == SHARE_OF_ITS_OWN)
        books_restate(&d->valuation.books, &d->valuation, &d->ledger, r);
    contributions_init(&nothing);
    contributions_init(&fresh);
    contributions_of(&d->valuation, &d->ledger, r, &who, r->flags, &fresh);
    keep_share(d, r, which, &fresh);
    replace(d, r->kind, r->slot, &nothing, &fresh);
    contributions_fini(&fresh);
}

static void add_records(struct derivation *d, enum record_kind k, enum share which)
{
    for (uint32_t slot = 0; slot < d->ledger.keys[k].count; slot++)
        add_record(d, ledger_at(&d->ledger, k, slot), which);
}

/* All of a kind. */
static void connect_all(struct derivation *d, enum record_kind k, bool adds)
{
    struct record *some[DIMENSIONS_AT_ONCE];
    for (uint32_t slot = 0, count = d->ledger.keys[k].count; slot < count;) {
        unsigned n = 0;
        while (n < DIMENSIONS_AT_ONCE && slot < count) {
            some[n] = ledger_at(&d->ledger, k, slot++);
            record_fetch(some[n++]);
        }
        connect(d, some, n);
        for (unsigned i = 0; i < n && adds; i++)
            add_record(d, some[i], SHARE_OF_ITS_OWN);
    }
}

static void add_customer(struct derivation *d, uint32_t word)
{
    const struct customer *c = links_customer(&d->links, word);
    struct contributions nothing, fresh;
    if (c == NULL)
        return;
    contributions_init(&nothing);
    customer_contributions(d, &c->standing, &fresh);
    replace(d, FACT_KINDS, word, &nothing, &fresh);
    contributions_fini(&fresh);
}

/* From a ledger of which nothing has been derived. What facts are judged by comes first, so that all of them are judged by
 * one revision; and what records tell each other before what they stand for, so that each adds it once. */
static void derive_all(struct derivation *d)
{
    struct ledger *l = &d->ledger;
    look_at_names(d);
    ledger_link(l);
    for (unsigned k = 0; k < FACT_KINDS; k++)
        for (uint32_t slot = 0; slot < l->keys[k].count && books_keep(&d->valuation.books, k); slot++)
            books_add_heirs(&d->valuation.books, l, ledger_at(l, k, slot));
    for (unsigned k = FACT_KINDS; k < KIND_COUNT; k++) {
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++) {
            struct record *r = ledger_at(l, k, slot);
            claim_reference(d, r, +1);
            d->records[k] += record_exists(r);
        }
    }
    begin_pass(d);
    if (d->pass.running)
        end_pass(d);
    entities_begin_bulk(&d->entities, horizon_us(d->valuation.config, d->valuation.calendar, d->now_us));
    connect_all(d, KIND_LEAD, false);
    connect_all(d, KIND_DEAL, true);
    find_standings(d);
    add_records(d, KIND_LEAD, SHARE_OF_ITS_OWN);
    add_records(d, KIND_DEAL, SHARE_OF_CUSTOMER);
    connect_all(d, KIND_PAYMENT, true);
    connect_all(d, KIND_FEEDBACK, true);
    find_standings(d); /* and whether they have paid back */
    for (uint32_t word = 0; word < d->links.customer_room; word++)
        add_customer(d, word);
    entities_end_bulk(&d->entities);
}

/* Looks at the record or customer at the cursor. True: it was restated. */
static bool pass_one(struct derivation *d)
{
    if (d->pass.station == FACT_KINDS) {
        uint32_t word = d->pass.at;
        const struct customer *c = links_customer(&d->links, word);
        bool touched = false;
        if (c != NULL && c->standing.first_deal != SLOT_NONE) {
            uint32_t manager = dimension_table_get(&d->ledger.tuples, c->standing.names)->of[DIMENSION_MANAGER];
            touched = manager != 0 && organisation_differs(&d->valuation.organisation, manager - 1);
        }
        d->fan_out_left = FAN_OUT_MAX;
        if (touched)
            settle_customer(d, word, true);
        d->pass.at = word + 1;
        return touched;
    }
    struct record *r = ledger_at(&d->ledger, (enum record_kind)d->pass.station, d->pass.at);
    if (!valuation_differs(&d->valuation, &d->ledger, r) && !is_stale(d, r)) {
        d->pass.at++;
        return false;
    }
    struct before old;
    remember(d, r, &old);
    d->pass.at++;
    d->fan_out_left = 0; /* what inherits from it comes later in this pass */
    restate(d, r, &old);
    return true;
}

void derivation_stands(struct derivation *d, unsigned station, uint32_t at, struct contributions *out)
{
    judge_by_place(d, station, at);
    if (station == FACT_KINDS) {
        static const struct customer_standing nobody = {.first_deal = SLOT_NONE};
        const struct customer *c = links_customer(&d->links, at);
        customer_contributions(d, c != NULL ? &c->standing : &nobody, out);
        return;
    }
    const struct record *r = ledger_at(&d->ledger, (enum record_kind)station, at);
    const struct counted_for who = {r->names, r->customer};
    contributions_init(out);
    contributions_of(&d->valuation, &d->ledger, r, &who, r->flags, out);
}

uint32_t derivation_station_size(const struct derivation *d, unsigned station)
{
    return station < FACT_KINDS ? d->ledger.keys[station].count : d->links.customer_room;
}

bool derivation_work(struct derivation *d, unsigned budget)
{
    while (derivation_has_work(d)) {
        if (!d->pass.running)
            begin_pass(d);
        while (d->pass.running) {
            if (d->pass.at >= derivation_station_size(d, d->pass.station)) {
                d->pass.at = 0;
                if (++d->pass.station > FACT_KINDS)
                    end_pass(d);
                continue;
            }
            if (budget == 0)
                return false;
            unsigned cost = pass_one(d) ? RESTATEMENT_COST : 1;
            settle(d);
            budget = budget > cost ? budget - cost : 0;
        }
    }
    return true;
}

int64_t derivation_next_us(const struct derivation *d)
{
    if (derivation_has_work(d))
        return d->now_us;
    const struct timers *each[] = {&d->deals, &d->leads, &d->customers, &d->entities.wake};
    int64_t next_us = d->valuation.organisation.next_move_us;
    for (unsigned i = 0; i < sizeof each / sizeof *each; i++)
        if (timers_first(each[i]) < next_us)
            next_us = timers_first(each[i]);
    return next_us;
}
