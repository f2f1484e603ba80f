#include "aggregators/derivation.h"
#include "aggregators/histogram.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

void derivation_init(struct derivation *d, const struct config *config, const struct calendar *calendar)
{
    memset(d, 0, sizeof *d);
    valuation_init(&d->valuation, config, calendar);
    ledger_init(&d->ledger);
    intern_add(&d->ledger.names[DIMENSION_COMPANY], text_of(config->company));
    entities_init(&d->entities, config);
    links_init(&d->links);
    timers_init(&d->deals);
    timers_init(&d->leads);
    timers_init(&d->customers);
    d->now_us = INSTANT_MIN;
}

void derivation_fini(struct derivation *d)
{
    valuation_fini(&d->valuation);
    ledger_fini(&d->ledger);
    entities_fini(&d->entities);
    links_fini(&d->links);
    timers_fini(&d->deals);
    timers_fini(&d->leads);
    timers_fini(&d->customers);
}

static void count_oddities(struct derivation *d, uint32_t oddities, int sign)
{
    for (; oddities != 0; oddities &= oddities - 1)
        d->oddities[__builtin_ctz(oddities)] += sign;
}

static bool same_contribution(const struct contribution *a, const struct contribution *b)
{
    return a->stream == b->stream && a->at_us == b->at_us && a->value == b->value &&
           memcmp(a->measures, b->measures, sizeof a->measures) == 0;
}

static bool holds(const struct contributions *list, const struct contribution *c)
{
    for (unsigned i = 0; i < list->count; i++)
        if (same_contribution(&list->at[i], c))
            return true;
    return false;
}

/* Adds (or takes back) all of `list` that `other` does not hold as well; other == NULL: all. */
static void add_all(struct derivation *d, const struct dimensions *dimensions, const struct contributions *list,
                    const struct contributions *other, int sign)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (other != NULL && holds(other, &list->at[i]))
            continue;
        unsigned refused = entities_add(&d->entities, dimensions, &list->at[i], sign);
        d->oddities[ODDITY_ENTITY_LIMIT] += sign * (int)refused;
    }
}

static bool same_dimensions(const struct dimensions *a, const struct dimensions *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* What a record stood for before something changed. */
struct before {
    bool existed;
    struct dimensions dimensions;
    struct contributions contributions;
    struct told told;
};

static void remember(struct derivation *d, const struct record *r, const struct dimensions *parent, struct before *out)
{
    *out = (struct before){.existed = record_exists(r), .dimensions = dimensions_of(r, parent)};
    contributions_of(&d->valuation, &d->ledger, r, &out->dimensions, r->flags, &out->contributions);
    told_of(&d->valuation, &d->ledger, r, &out->dimensions, &out->told);
}

static void set_flag(struct record *r, unsigned flag, bool on)
{
    r->flags = (uint8_t)(on ? r->flags | flag : r->flags & ~flag);
}

static int64_t when_after(int64_t at_us, int64_t now_us)
{
    return at_us > now_us ? at_us : INT64_MAX;
}

/* Flags say which of a record's instants have passed, and whether a won deal is its customer's first. */
static void set_flags(struct derivation *d, struct record *r, const struct dimensions *dimensions)
{
    if (r->kind != KIND_DEAL && r->kind != KIND_LEAD)
        return;
    struct instants at =
        instants_of(&d->ledger, r, r->kind == KIND_LEAD ? links_first_win_us(&d->links, r->slot) : INT64_MAX);
    set_flag(r, RECORD_COUNTED, at.counted_us <= d->now_us);
    set_flag(r, RECORD_WAITING_OVER, at.waiting_over_us <= d->now_us);
    int64_t counted_us = when_after(at.counted_us, d->now_us), over_us = when_after(at.waiting_over_us, d->now_us);
    timers_set(r->kind == KIND_DEAL ? &d->deals : &d->leads, r->slot, counted_us < over_us ? counted_us : over_us);
    if (r->kind == KIND_DEAL) {
        uint32_t word = dimensions->of[DIMENSIONS_CUSTOMER];
        const struct customer *c = word != 0 ? links_customer(&d->links, word - 1) : NULL;
        set_flag(r, RECORD_REPEAT, c != NULL && c->standing.first_deal != r->slot);
    }
}

static void restate_children(struct derivation *d, const struct record *parent, const struct dimensions *old_dimensions,
                             const struct dimensions *new_dimensions);

/* Replaces what the record stood for by what it stands for, and does the same for those that inherit from it. */
static void restate(struct derivation *d, struct record *r, const struct before *old, const struct dimensions *parent)
{
    struct dimensions dimensions = dimensions_of(r, parent);
    struct contributions fresh;
    struct told told;
    told_of(&d->valuation, &d->ledger, r, &dimensions, &told);
    links_retell(&d->links, r, &old->told, &told);
    set_flags(d, r, &dimensions);
    contributions_of(&d->valuation, &d->ledger, r, &dimensions, r->flags, &fresh);
    bool same = same_dimensions(&dimensions, &old->dimensions);
    add_all(d, &old->dimensions, &old->contributions, same ? &fresh : NULL, -1);
    add_all(d, &dimensions, &fresh, same ? &old->contributions : NULL, +1);
    count_oddities(d, old->contributions.oddities, -1);
    count_oddities(d, fresh.oddities, +1);
    d->records[r->kind] += record_exists(r) - old->existed;
    if (same)
        return;
    if (told.customer != 0 && told.won_us != INSTANT_NONE)
        links_mark_customer(&d->links, told.customer - 1); /* the first deal's names are the customer's */
    restate_children(d, r, &old->dimensions, &dimensions);
}

static void restate_child(struct derivation *d, struct record *child, const struct dimensions *old_dimensions,
                          const struct dimensions *new_dimensions)
{
    struct before old;
    remember(d, child, old_dimensions, &old);
    struct dimensions dimensions = dimensions_of(child, new_dimensions);
    if (!same_dimensions(&dimensions, &old.dimensions))
        restate(d, child, &old, new_dimensions);
}

static void restate_children(struct derivation *d, const struct record *parent, const struct dimensions *old_dimensions,
                             const struct dimensions *new_dimensions)
{
    static const enum record_kind kinds[] = {KIND_DEAL, KIND_PAYMENT, KIND_FEEDBACK};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((parent->kind == KIND_LEAD) != (kinds[i] == KIND_DEAL))
            continue;
        for (struct record *c = ledger_first_child(&d->ledger, parent, kinds[i]); c != NULL;
             c = ledger_next_child(&d->ledger, c))
            restate_child(d, c, old_dimensions, new_dimensions);
    }
}

/* What the record's parent hands down: nothing where there is none. */
static struct dimensions inherited(const struct derivation *d, const struct record *r)
{
    struct dimensions none = {{0}};
    const struct record *parent = ledger_parent(&d->ledger, r);
    if (parent == NULL)
        return none;
    struct dimensions above = inherited(d, parent);
    return dimensions_of(parent, &above);
}

/* The record's fields are as they were: only its flags may have to change. */
static void refresh(struct derivation *d, struct record *r)
{
    struct dimensions parent = inherited(d, r);
    struct before old;
    remember(d, r, &parent, &old);
    restate(d, r, &old, &parent);
}

/* What a customer adds: it is new where its first won deal closed, and has paid back at the moment of payback. */
static void customer_contributions(const struct customer_standing *s, struct contributions *out)
{
    *out = (struct contributions){.count = 0};
    if (s->first_deal == SLOT_NONE)
        return;
    out->at[out->count++] = (struct contribution){.stream = STREAM_NEW,
                                                  .at_us = s->first_won_us,
                                                  .measures = {1, s->measured, s->measured && s->paid_back_counted}};
    if (!s->measured || s->payback_us == INT64_MAX)
        return;
    out->at[out->count++] = (struct contribution){.stream = STREAM_PAYBACK,
                                                  .at_us = s->payback_us,
                                                  .value = histogram_bucket(s->payback_us - s->first_lead_us),
                                                  .measures = {1}};
}

static void settle_customer(struct derivation *d, uint32_t word)
{
    struct customer *c = links_customer(&d->links, word);
    struct customer_standing old = c->standing, *now = &c->standing;
    *now = (struct customer_standing){.payback_us = INT64_MAX};
    now->first_deal = customer_first_deal(c, &d->ledger, &now->first_won_us);
    if (now->first_deal != SLOT_NONE) {
        const struct record *first = ledger_at(&d->ledger, KIND_DEAL, now->first_deal);
        struct dimensions parent = inherited(d, first);
        now->dimensions = dimensions_of(first, &parent);
        customer_payback(c, now->first_won_us, now);
        now->paid_back_counted = now->payback_us <= d->now_us;
    }
    timers_set(&d->customers, word, when_after(now->payback_us, d->now_us));
    struct contributions taken_back, added;
    customer_contributions(&old, &taken_back);
    customer_contributions(now, &added);
    bool same = same_dimensions(&old.dimensions, &now->dimensions);
    add_all(d, &old.dimensions, &taken_back, same ? &added : NULL, -1);
    add_all(d, &now->dimensions, &added, same ? &taken_back : NULL, +1);
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
        settle_customer(d, which);
}

enum record_change derivation_apply(struct derivation *d, const struct event *e)
{
    struct record *r = ledger_need(&d->ledger, e->kind, event_key(e));
    struct dimensions parent = inherited(d, r);
    struct before old;
    remember(d, r, &parent, &old);
    enum record_change change = ledger_apply(&d->ledger, r, e);
    if (change != RECORD_CHANGED)
        return change;
    parent = inherited(d, r);
    restate(d, r, &old, &parent);
    settle(d);
    return change;
}

void derivation_advance(struct derivation *d, int64_t now_us)
{
    REQUIRE(now_us >= d->now_us);
    d->now_us = now_us;
    /* Each one sets its timer anew, beyond now. */
    while (timers_first(&d->deals) <= now_us)
        refresh(d, ledger_at(&d->ledger, KIND_DEAL, d->deals.heap[0].id));
    while (timers_first(&d->leads) <= now_us)
        refresh(d, ledger_at(&d->ledger, KIND_LEAD, d->leads.heap[0].id));
    while (timers_first(&d->customers) <= now_us)
        settle_customer(d, d->customers.heap[0].id);
    settle(d);
    entities_wake(&d->entities, now_us);
}

int64_t derivation_next_us(const struct derivation *d)
{
    const struct timers *each[] = {&d->deals, &d->leads, &d->customers, &d->entities.wake};
    int64_t next_us = INT64_MAX;
    for (unsigned i = 0; i < sizeof each / sizeof *each; i++)
        if (timers_first(each[i]) < next_us)
            next_us = timers_first(each[i]);
    return next_us;
}
