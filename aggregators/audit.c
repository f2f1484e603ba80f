#include "aggregators/audit.h"
#include "base/error.h"

void audit_init(struct audit *a)
{
    *a = (struct audit){0};
}

static struct entity *shadow_at(const struct audit *a, uint32_t i)
{
    return paged_at(&a->shadows, i, sizeof(struct entity));
}

/* Those before are done with. */
static uint32_t first_shadow(const struct audit *a)
{
    return a->station > FACT_KINDS ? a->at : 0;
}

static void drop_shadows(struct audit *a)
{
    for (uint32_t i = first_shadow(a); i < a->shadows_made; i++)
        entity_fini(shadow_at(a, i));
    paged_fini(&a->shadows);
    a->shadow_count = a->shadows_made = 0;
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
    a->summed = a->differs = false;
}

bool audit_make_shadow(struct audit *a, const struct entities *es)
{
    if (a->shadows_made == a->shadow_count)
        return false;
    const struct entity *e = &es->at[a->shadows_made * AUDIT_PARTS + a->part];
    entity_init(paged_need(&a->shadows, a->shadows_made, sizeof *e), (enum dimension)e->dimension, e->name);
    a->shadows_made++;
    return true;
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
    uint32_t i = entity / AUDIT_PARTS;
    return entity % AUDIT_PARTS == a->part && i >= first_shadow(a) && i < a->shadows_made ? shadow_at(a, i) : NULL;
}

void audit_end_shadow(struct audit *a)
{
    entity_fini(shadow_at(a, a->at));
    a->at++;
    a->entities_done++;
    a->differences += a->differs;
    a->summed = a->differs = false;
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
