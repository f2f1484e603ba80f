/* Passes over all records, in slices, after a change that reaches very many of them. */
#include "aggregators/derivation_steps.h"
#include "base/error.h"

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
    return d->is_begun && (d->pass.running || d->names_are_stale || d->valuation.rates.changed > 0 ||
                           organisation_has_changed(&d->valuation.organisation, d->now_us));
}

void end_pass(struct derivation *d)
{
    d->pass.running = false;
    rates_settle(&d->valuation.rates);
    organisation_settle(&d->valuation.organisation);
}

/* Takes up what has changed since the last pass. */
void begin_pass(struct derivation *d)
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

/* Looks at the record or customer at the cursor. True: it was restated. */
static bool pass_one(struct derivation *d)
{
    if (d->pass.station == FACT_KINDS) {
        uint32_t word = d->pass.at;
        const struct customer_standing *standing = customer_standing(links_customer(&d->links, word));
        bool touched = false;
        if (standing->first_deal != SLOT_NONE) {
            uint32_t manager = dimension_table_get(&d->ledger.tuples, standing->names).of[DIMENSION_MANAGER];
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

bool pass_on(struct derivation *d, unsigned budget)
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
            while (settle_linked(d)) {
            }
            budget = budget > cost ? budget - cost : 0;
        }
    }
    return true;
}
