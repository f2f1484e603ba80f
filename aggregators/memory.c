#include "aggregators/memory.h"
#include "aggregators/derivation.h"
#include "base/instant.h"
#include <string.h>

static bool stands_open(const struct ledger *l, const struct record *r)
{
    if (r->kind == KIND_DEAL)
        return ledger_deal_closing_us(l, r) == INSTANT_NONE;
    return r->kind == KIND_LEAD && ledger_lead_closing_us(l, r) == INSTANT_NONE;
}

void derivation_memory(const struct derivation *d, struct memory_use *out)
{
    const struct ledger *l = &d->ledger;
    *out = (struct memory_use){.ledger = ledger_bytes(l), .links = links_bytes(&d->links)};
    out->other = sizeof *d + copying_bytes(&d->copying) + dirty_bytes(&d->dirty) + audit_bytes(&d->audit);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++) {
            const struct record *r = ledger_at(l, k, slot);
            struct memory_of *of = stands_open(l, r) ? &out->open[k] : &out->closed[k];
            if (!record_exists(r))
                continue;
            of->count++;
            of->bytes += ledger_record_bytes(l, r);
        }
    }
    out->entity_tables = entities_table_bytes(&d->entities);
    for (uint32_t i = 0; i < d->entities.count; i++) {
        const struct entity *e = &d->entities.at[i];
        out->entities[e->dimension].count++;
        out->entities[e->dimension].bytes += entity_bytes(e);
        out->trees[e->dimension].count += (int64_t)entity_rows(e);
        out->trees[e->dimension].bytes += entity_tree_bytes(e);
    }
    out->timers = timers_bytes(&d->deals) + timers_bytes(&d->leads) + timers_bytes(&d->customers);
}

uint64_t memory_total(const struct memory_use *m)
{
    uint64_t bytes = m->ledger + m->entity_tables + m->links + m->timers + m->other;
    for (unsigned i = 0; i < DIMENSION_COUNT; i++)
        bytes += m->entities[i].bytes;
    return bytes;
}
