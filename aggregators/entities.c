#include "aggregators/entities.h"
#include "base/error.h"
#include <stdlib.h>

void entities_init(struct entities *es, const struct config *config)
{
    *es = (struct entities){.config = config};
    timers_init(&es->wake);
}

void entities_fini(struct entities *es)
{
    for (uint32_t i = 0; i < es->count; i++)
        entity_fini(&es->at[i]);
    free(es->at);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        free(es->dimensions[d].id_of);
    for (unsigned r = 0; r < READER_COUNT; r++)
        free(es->changed[r].ids);
    timers_fini(&es->wake);
}

static uint32_t make_entity(struct entities *es, enum dimension d, uint32_t name)
{
    if (es->dimensions[d].count >= es->config->limits.entities_max)
        return ENTITY_REFUSED;
    if (es->count == es->room) {
        es->room = es->room > 0 ? es->room * 2 : 64;
        REQUIRE(es->room < ENTITY_REFUSED);
        es->at = must_realloc(es->at, es->room * sizeof *es->at);
    }
    entity_init(&es->at[es->count], d, name);
    es->dimensions[d].count++;
    return es->count++;
}

uint32_t entities_need(struct entities *es, enum dimension d, uint32_t name)
{
    if (name >= es->dimensions[d].names) {
        uint32_t names = es->dimensions[d].names > 0 ? es->dimensions[d].names : 16;
        while (names <= name)
            names *= 2;
        es->dimensions[d].id_of = must_realloc(es->dimensions[d].id_of, names * sizeof(uint32_t));
        for (uint32_t i = es->dimensions[d].names; i < names; i++)
            es->dimensions[d].id_of[i] = ENTITY_NONE;
        es->dimensions[d].names = names;
    }
    uint32_t *id = &es->dimensions[d].id_of[name];
    if (*id == ENTITY_NONE)
        *id = make_entity(es, d, name);
    return *id;
}

void entities_mark_changed(struct entities *es, uint32_t id)
{
    struct entity *e = &es->at[id];
    for (unsigned r = 0; r < READER_COUNT; r++) {
        if (e->changed_for & 1u << r)
            continue;
        e->changed_for = (uint8_t)(e->changed_for | 1u << r);
        if (es->changed[r].count == es->changed[r].room) {
            es->changed[r].room = es->changed[r].room > 0 ? es->changed[r].room * 2 : 64;
            es->changed[r].ids = must_realloc(es->changed[r].ids, es->changed[r].room * sizeof(uint32_t));
        }
        es->changed[r].ids[es->changed[r].count++] = id;
    }
}

uint32_t entities_find(const struct entities *es, enum dimension d, uint32_t name)
{
    return name < es->dimensions[d].names ? es->dimensions[d].id_of[name] : ENTITY_NONE;
}

void entities_mark_named(struct entities *es, enum dimension d, uint32_t name)
{
    uint32_t id = entities_find(es, d, name);
    if (id < ENTITY_REFUSED)
        entities_mark_changed(es, id);
}

/* Why something was lost says nothing of what was not. */
static bool is_loss(const struct contribution *c)
{
    return c->stream == STREAM_LOST ||
           ((c->stream == STREAM_UNRATED || c->stream == STREAM_OLD_RATE) && c->measures[RATED_LOST] != 0);
}

uint32_t contribution_name(const struct dimensions *d, const struct contribution *c, enum dimension i)
{
    if (c->reach != REACH_ALL && (c->reach == REACH_TEAM) != (i == DIMENSION_TEAM))
        return 0;
    switch (i) {
    case DIMENSION_COMPANY: return 1;
    case DIMENSION_TEAM: return c->team;
    case DIMENSION_LOSS_REASON: return is_loss(c) ? d->of[i] : 0;
    case DIMENSION_MANAGER:
    case DIMENSION_PRODUCT:
    case DIMENSION_REGION:
    case DIMENSION_SOURCE:
    case DIMENSION_COMPETITOR: return d->of[i];
    case DIMENSION_COUNT: break;
    }
    require_failed("a dimension", __FILE__, __LINE__);
}

unsigned entities_add(struct entities *es, const struct dimensions *d, const struct contribution *c, int sign)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
        uint32_t name = contribution_name(d, c, (enum dimension)i);
        if (name == 0)
            continue;
        uint32_t id = entities_need(es, i, name - 1);
        if (id == ENTITY_REFUSED) {
            refused++;
            continue;
        }
        entity_add(&es->at[id], c, sign);
        entities_mark_changed(es, id);
    }
    return refused;
}

void entities_wake(struct entities *es, int64_t now_us)
{
    while (timers_first(&es->wake) <= now_us)
        entities_mark_changed(es, timers_pop(&es->wake));
}

uint64_t entities_bytes(const struct entities *es)
{
    uint64_t bytes = timers_bytes(&es->wake) + (uint64_t)(es->room - es->count) * sizeof *es->at;
    for (uint32_t i = 0; i < es->count; i++)
        bytes += entity_bytes(&es->at[i]);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        bytes += (uint64_t)es->dimensions[d].names * sizeof *es->dimensions[d].id_of;
    for (unsigned r = 0; r < READER_COUNT; r++)
        bytes += (uint64_t)es->changed[r].room * sizeof *es->changed[r].ids;
    return bytes;
}
