/* entities.h - all entities of a shard: found by (dimension, name), who has changed, and who changes next.
 *
 * Thread: the shard's writer. Memory: entities_init to entities_fini. Entities never go; their trees empty.
 */
#pragma once
#include "aggregators/contribution.h"
#include "aggregators/entity.h"
#include "aggregators/shard.h"
#include "aggregators/timers.h"

#define ENTITY_NONE    UINT32_MAX       /* not made yet */
#define ENTITY_REFUSED (UINT32_MAX - 1) /* its dimension was full when it came */

struct entities {
    const struct config *config;
    const struct intern *names; /* the ledger's, by dimension: for the filters of own KPIs */
    struct own_plan own;
    struct {
        uint64_t *of;   /* by tuple: pairs whose filter passes without its loss_reason, and with it */
        uint32_t known; /* tuples that are */
    } passing;
    struct entity *at; /* by id */
    uint32_t count, room;
    struct {
        uint32_t *id_of; /* by name number; ENTITY_NONE, ENTITY_REFUSED or an id */
        uint32_t names;
        uint32_t count;
    } dimensions[DIMENSION_COUNT];
    struct {
        uint32_t *ids;
        uint32_t count, room;
    } changed[READER_COUNT];
    struct timers wake; /* by id: when a value changes by time alone */
};

void entities_init(struct entities *es, const struct config *config, const struct intern *names);
void entities_fini(struct entities *es);
/* The name by which the contribution counts in a dimension, as number + 1; 0 = it does not. The company's is 1. */
uint32_t contribution_name(const struct dimensions *d, const struct contribution *c, enum dimension i);
/* Pairs of own KPIs that the contribution counts for, as bits. O(1) but for a new tuple. */
uint64_t entities_own_pairs(struct entities *es, const struct dimensions *d, const struct contribution *c);
/* Adds the contribution to the company and to each entity that its tuple `d` and its team name. Returns how many of them are
 * refused, since their dimension is full (config.limits.entities_max). */
unsigned entities_add(struct entities *es, const struct dimensions *d, const struct contribution *c, int sign);
/* The id of a name's entity, which is made where it is new; ENTITY_REFUSED where its dimension is full. */
uint32_t entities_need(struct entities *es, enum dimension d, uint32_t name);
void entities_mark_changed(struct entities *es, uint32_t id);
/* The id of a name's entity; ENTITY_NONE or ENTITY_REFUSED where there is none. */
uint32_t entities_find(const struct entities *es, enum dimension d, uint32_t name);
/* The same by name number, where there is such an entity. */
void entities_mark_named(struct entities *es, enum dimension d, uint32_t name);
/* Marks those whose values have changed by time up to now_us. */
void entities_wake(struct entities *es, int64_t now_us);
/* Bytes of the tables, without the entities themselves (entity_bytes). */
uint64_t entities_table_bytes(const struct entities *es);
