#include "aggregators/derivation_steps.h"
#include "aggregators/restoration.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

/* An entity is shown for its target, also before anything is reached. */
void derivation_show_entity(void *context, enum dimension dimension, struct text entity)
{
    struct derivation *d = context;
    uint32_t name = intern_add(&d->ledger.names[dimension], entity);
    uint32_t id = entities_need(&d->entities, dimension, name);
    struct entity *e = &d->entities.at[id];
    if (e->name == name) /* else it is one of the others */
        e->target_word = intern_find(&d->ledger.words, entity) + 1;
    entities_mark_changed(&d->entities, id);
}

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
    targets_visit_configured(&d->targets, derivation_show_entity, d);
    copying_init(&d->copying);
    dirty_init(&d->dirty);
    timers_init(&d->deals);
    timers_init(&d->leads);
    timers_init(&d->customers);
    audit_init(&d->audit);
    d->now_us = now_us;
    if (from == NULL)
        return;
    take_restored(d, from);
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
    dirty_fini(&d->dirty);
    audit_fini(&d->audit);
}

/* What the record says to those who judge by it; -1: it no longer does. */
void derivation_claim(struct derivation *d, const struct record *r, int sign)
{
    switch (r->kind) {
    case KIND_RATE: rates_claim(&d->valuation.rates, r, sign); break;
    case KIND_MEMBER: organisation_claim(&d->valuation.organisation, r, sign); break;
    case KIND_TARGET: targets_visit_record(&d->targets, &d->ledger, r->slot, derivation_show_entity, d); break;
    default: break;
    }
}

/* What facts are judged by is only noted; the next pass takes it up. */
static enum record_change apply_reference(struct derivation *d, struct record *r, const struct event *e)
{
    bool existed = record_exists(r);
    if (r->kind != KIND_TARGET && d->is_begun)
        derivation_claim(d, r, -1);
    enum record_change change = ledger_apply(&d->ledger, r, e);
    if (r->kind == KIND_TARGET) {
        /* What an event said is kept, whatever came after it: a past period sees it. */
        struct record_value values[FIELD_COUNT_MAX];
        ledger_values(&d->ledger, e, values);
        change = targets_apply(&d->targets, r, e, values) ? RECORD_CHANGED : RECORD_REPEATED;
    }
    if (d->is_begun)
        derivation_claim(d, r, +1);
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

void derivation_look_at_names(struct derivation *d)
{
    entities_look(&d->entities);
    d->oddities[ODDITY_ENTITY_LIMIT] = d->entities.others;
}

/* Notes what the record stands for, before its first change since it was settled. */
static void make_dirty(struct derivation *d, struct record *r)
{
    struct before old;
    remember(d, r, &old);
    dirty_add(&d->dirty, r, &old.contributions, &old.told);
    contributions_fini(&old.contributions);
    record_set_flag(r, RECORD_DIRTY, true);
}

static int64_t facts(const struct derivation *d)
{
    int64_t count = 0;
    for (unsigned k = 0; k < FACT_KINDS; k++)
        count += d->records[k];
    return count;
}

enum record_change derivation_apply(struct derivation *d, const struct event *e)
{
    struct record *r = ledger_need(&d->ledger, e->kind, event_key(e), e->key_hash);
    if (e->kind >= FACT_KINDS) {
        enum record_change change = apply_reference(d, r, e);
        if (d->is_begun)
            derivation_look_at_names(d);
        return change;
    }
    /* What nothing has been derived of needs no note: it is derived with all others. */
    bool existed = record_exists(r), is_noted = !d->is_begun || r->flags & RECORD_DIRTY;
    const struct record *parent = ledger_parent(&d->ledger, r);
    if (!is_noted)
        make_dirty(d, r);
    enum record_change change = ledger_apply(&d->ledger, r, e);
    /* One that is outvoted tells what stood for a while. */
    if (books_keep(&d->valuation.books, r->kind) && apply_to_books(d, r, e, parent))
        change = RECORD_CHANGED;
    if (change == RECORD_CHANGED) {
        copying_note(&d->copying, r);
        d->records[r->kind] += record_exists(r) - existed;
    } else if (!is_noted) {
        dirty_drop_last(&d->dirty, (enum record_kind)r->kind);
        record_set_flag(r, RECORD_DIRTY, false);
    }
    if (d->dirty.count >= DIRTY_MAX || (!d->is_begun && facts(d) >= BEGUN_MAX))
        derivation_settle(d, UINT32_MAX);
    return change;
}

/* Some of a kind, which do not inherit from each other. */
static void settle_records(struct derivation *d, struct dirty_record *const *some, unsigned count)
{
    struct record *records[DIMENSIONS_AT_ONCE] = {NULL};
    struct standing now[DIMENSIONS_AT_ONCE];
    for (unsigned i = 0; i < count; i++) {
        records[i] = some[i]->record;
        record_fetch(records[i]);
    }
    find_what_stands(d, records, count, now);
    for (unsigned i = 0; i < count; i++) {
        struct contributions stood;
        dirty_stood(&d->dirty, some[i], &stood);
        d->fan_out_left = FAN_OUT_MAX;
        record_set_flag(records[i], RECORD_DIRTY, false);
        restate_as(d, records[i], &stood, &some[i]->told, &now[i]);
    }
}

/* Whether some flag turns by the time that it is. */
static bool is_due(const struct derivation *d)
{
    return timers_first(&d->deals) <= d->now_us || timers_first(&d->leads) <= d->now_us ||
           timers_first(&d->customers) <= d->now_us || timers_first(&d->entities.wake) <= d->now_us;
}

bool derivation_is_settled(const struct derivation *d)
{
    return d->is_begun && d->dirty.count == 0 && !is_due(d) && !links_are_pending(&d->links) &&
           entities_are_settled(&d->entities);
}

bool derivation_is_begun(const struct derivation *d)
{
    return d->is_begun;
}

/* What time alone changes; nothing is dirty. Each one sets its timer anew, beyond now. False: nothing was due. */
static bool settle_due(struct derivation *d)
{
    d->fan_out_left = FAN_OUT_MAX;
    if (timers_first(&d->deals) <= d->now_us)
        refresh(d, ledger_at(&d->ledger, KIND_DEAL, timers_first_id(&d->deals)));
    else if (timers_first(&d->leads) <= d->now_us)
        refresh(d, ledger_at(&d->ledger, KIND_LEAD, timers_first_id(&d->leads)));
    else if (timers_first(&d->customers) <= d->now_us)
        settle_customer(d, timers_first_id(&d->customers), false);
    else
        return entities_wake(&d->entities, d->now_us);
    return true;
}

bool derivation_settle(struct derivation *d, uint32_t budget)
{
    entities_take_back(&d->entities);
    if (!d->is_begun)
        derive_all(d);
    if (derivation_is_settled(d))
        return true;
    derivation_look_at_names(d);
    entities_gather(&d->entities, budget);
    while (budget > 0) {
        struct dirty_record *some[DIMENSIONS_AT_ONCE];
        unsigned count = dirty_take(&d->dirty, budget < DIMENSIONS_AT_ONCE ? budget : DIMENSIONS_AT_ONCE, some);
        budget -= count > 0 ? count : 1;
        if (count > 0) {
            settle_records(d, some, count);
        } else if (!settle_due(d) && !settle_linked(d)) {
            entities_flush(&d->entities);
            dirty_clear(&d->dirty);
            return true;
        }
    }
    return false;
}

void derivation_advance(struct derivation *d, int64_t now_us)
{
    REQUIRE(now_us >= d->now_us);
    d->now_us = now_us;
}

void derivation_stands(struct derivation *d, unsigned station, uint32_t at, struct contributions *out)
{
    judge_by_place(d, station, at);
    if (station == FACT_KINDS) {
        customer_contributions(d, customer_standing(links_customer(&d->links, at)), out);
        return;
    }
    const struct record *r = ledger_at(&d->ledger, (enum record_kind)station, at);
    const struct counted_for who = {r->names, r->customer};
    contributions_init(out);
    contributions_of(&d->valuation, &d->ledger, r, &who, r->flags, out);
}

uint32_t derivation_station_size(const struct derivation *d, unsigned station)
{
    return station < FACT_KINDS ? d->ledger.keys[station].count : d->links.customer_end;
}

/* So many are settled before any work, however small the slice: more than events make dirty between two slices, so that an end
 * comes. */
#define SETTLED_FIRST 1024

bool derivation_work(struct derivation *d, unsigned budget)
{
    uint32_t records = budget / RESTATEMENT_COST;
    /* What has changed is restated by what was taken for granted when it did. */
    if (!derivation_settle(d, records > SETTLED_FIRST ? records : SETTLED_FIRST))
        return false;
    return pass_on(d, budget);
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
