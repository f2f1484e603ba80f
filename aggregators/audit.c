#include "aggregators/audit.h"
#include "base/error.h"

enum { ROWS_A_STEP = 1024, LEAVES_A_STEP = 1024 };

void audit_init(struct audit *a)
{
    *a = (struct audit){.rows_a_step = ROWS_A_STEP};
}

static struct entity *shadow_at(const struct audit *a, uint32_t i)
{
    return paged_at(&a->shadows, i, sizeof(struct entity));
}

/* Those before are done with. */
static uint32_t first_shadow(const struct audit *a)
{
    return a->station > FACT_KINDS ? a->at + a->compared : 0;
}

static void free_pages(struct audit *a)
{
    paged_fini(&a->shadows);
    a->shadow_count = a->shadows_made = 0;
}

void audit_fini(struct audit *a)
{
    for (uint32_t i = 0; i < a->shadows_made; i++)
        entity_fini(shadow_at(a, i));
    free_pages(a);
}

void audit_begin(struct audit *a, const struct entities *es)
{
    REQUIRE(a->shadows_made == 0);
    a->running = true;
    a->station = 0;
    a->at = 0;
    a->moves = es->moves;
    a->shadow_count = (es->count + AUDIT_PARTS - 1 - a->part) / AUDIT_PARTS;
    a->summed = a->compared = a->differs = a->asked = false;
}

void audit_make_shadow(struct audit *a, const struct entities *es)
{
    const struct entity *e = &es->at[a->shadows_made * AUDIT_PARTS + a->part];
    struct entity *shadow = paged_need(&a->shadows, a->shadows_made, sizeof *e);
    entity_init(shadow, (enum dimension)e->dimension, e->name);
    shadow->base_us = e->base_us;
    shadow->folded_us = e->folded_us;
    a->shadows_made++;
}

bool audit_is_stale(const struct audit *a, const struct entities *es)
{
    return a->running && a->moves != es->moves;
}

void audit_give_up(struct audit *a)
{
    a->running = false;
}

bool audit_drop_some(struct audit *a)
{
    for (uint32_t leaves = LEAVES_A_STEP; a->shadows_made > 0; a->shadows_made--)
        if (leaves == 0 || !entity_fini_some(shadow_at(a, a->shadows_made - 1), &leaves))
            return false;
    free_pages(a);
    return true;
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
    uint32_t leaves = LEAVES_A_STEP;
    a->compared = true;
    if (!entity_fini_some(shadow_at(a, a->at), &leaves))
        return;
    a->at++;
    a->entities_done++;
    a->summed = a->compared = a->differs = a->asked = false;
}

uint64_t audit_bytes(const struct audit *a)
{
    uint64_t bytes = paged_bytes(&a->shadows, sizeof(struct entity));
    for (uint32_t i = first_shadow(a); i < a->shadows_made && a->running; i++)
        bytes += entity_bytes(shadow_at(a, i)) - sizeof(struct entity);
    return bytes;
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
    free_pages(a);
    a->running = false;
    a->part = (a->part + 1) % AUDIT_PARTS;
    a->parts_done++;
}
