/* A start: all that is derived, from a ledger of which nothing has been, whether it comes from a checkpoint or from the events of a
 * past. */
#include "aggregators/derivation_steps.h"
#include "aggregators/horizon.h"
#include "aggregators/restoration.h"

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

/* Whom records count for, and what their links are told; of such that have told nothing yet, after whom they inherit
 * from. */
static void connect(struct derivation *d, struct record *const *records, unsigned count)
{
    struct told nothing;
    struct standing now[DIMENSIONS_AT_ONCE];
    told_nothing(&nothing);
    find_what_stands(d, records, count, now);
    for (unsigned i = 0; i < count; i++) {
        struct record *r = records[i];
        r->names = now[i].who.names;
        r->customer = now[i].who.customer;
        links_retell(&d->links, r, &nothing, &now[i].told);
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
    customer_contributions(d, customer_standing(c), &fresh);
    replace(d, FACT_KINDS, word, &nothing, &fresh);
    contributions_fini(&fresh);
}

void take_restored(struct derivation *d, struct restoration *from)
{
    struct ledger *l = &d->ledger;
    take_events(d, from);
    ledger_link(l);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++) {
            struct record *r = ledger_at(l, k, slot);
            d->records[k] += record_exists(r);
            if (k < FACT_KINDS && books_keep(&d->valuation.books, k))
                books_add_heirs(&d->valuation.books, l, r);
        }
    }
}

/* What facts are judged by comes first, so that all of them are judged by one revision; and what records tell each other
 * before what they stand for, so that each adds it once. */
void derive_all(struct derivation *d)
{
    struct ledger *l = &d->ledger;
    d->is_begun = true;
    derivation_look_at_names(d);
    for (unsigned k = FACT_KINDS; k < KIND_COUNT; k++)
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++)
            derivation_claim(d, ledger_at(l, k, slot), +1);
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
    for (uint32_t word = 0; word < d->links.customer_end; word++)
        add_customer(d, word);
    entities_end_bulk(&d->entities);
}
