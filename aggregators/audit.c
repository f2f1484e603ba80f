#include "aggregators/audit.h"
#include "base/error.h"
#include <stdlib.h>

void audit_init(struct audit *a)
{
    *a = (struct audit){0};
}

static void drop_shadows(struct audit *a)
{
    for (uint32_t i = 0; i < a->shadow_count; i++)
        entity_fini(&a->shadows[i]);
    free(a->shadows);
    a->shadows = NULL;
    a->shadow_count = 0;
}

void audit_fini(struct audit *a)
{
    drop_shadows(a);
}

void audit_begin(struct audit *a, const struct entities *es)
{
    a->running = true;
    a->station = 0;
    a->at = 0;
    a->moves = es->moves;
    a->shadow_count = (es->count + AUDIT_PARTS - 1 - a->part) / AUDIT_PARTS;
    a->shadows = must_alloc(a->shadow_count * sizeof *a->shadows + 1);
    for (uint32_t i = 0; i < a->shadow_count; i++) {
        const struct entity *e = &es->at[i * AUDIT_PARTS + a->part];
        entity_init(&a->shadows[i], (enum dimension)e->dimension, e->name);
    }
}

bool audit_is_stale(const struct audit *a, const struct entities *es)
{
    return a->running && a->moves != es->moves;
}

void audit_give_up(struct audit *a)
{
    drop_shadows(a);
    a->running = false;
}

bool audit_covers(const struct audit *a, unsigned station, uint32_t at)
{
    return a->running && (station < a->station || (station == a->station && at < a->at));
}

struct entity *audit_shadow(const struct audit *a, uint32_t entity)
{
    if (entity % AUDIT_PARTS != a->part || entity / AUDIT_PARTS >= a->shadow_count)
        return NULL;
    return &a->shadows[entity / AUDIT_PARTS];
}

void audit_add(struct audit *a, struct entities *es, const struct dimensions *d, const struct contribution *c, int sign)
{
    uint64_t pairs = entities_own_pairs(es, d, c);
    for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
        uint32_t name = contribution_name(d, c, (enum dimension)i);
        uint32_t id = name != 0 ? entities_find(es, (enum dimension)i, name - 1) : ENTITY_NONE;
        struct entity *shadow = id != ENTITY_NONE ? audit_shadow(a, id) : NULL;
        if (shadow != NULL)
            entity_add_all(shadow, c, pairs, sign);
    }
}

void audit_end(struct audit *a)
{
    drop_shadows(a);
    a->running = false;
    a->part = (a->part + 1) % AUDIT_PARTS;
    a->parts_done++;
}
