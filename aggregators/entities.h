/* entities.h - all entities of a shard: found by (dimension, name), who has changed, and who changes next.
 *
 * Thread: the shard's writer; or who makes a cut for it (cutting.h).
 * Memory: entities_init to entities_fini. Entities never go; their trees empty.
 */
#pragma once
#include "aggregators/bulk.h"
#include "aggregators/contribution.h"
#include "aggregators/entity.h"
#include "aggregators/kept_names.h"
#include "aggregators/shard.h"
#include "aggregators/timers.h"

#define ENTITY_NONE UINT32_MAX /* not made yet */

/* The entity of all names of a dimension that have none of their own, since there are more of them than
 * config.limits.entities_max: kept_names.h. A name that says the same counts there, too. */
#define OTHER_ENTITIES "(other)"

/* What filters said of a tuple; it lies in the place that its number hashes to, until another one needs it. */
struct passing {
    uint64_t tuple;    /* number; TUPLE_NONE = none */
    uint64_t pairs[2]; /* of own KPIs that pass without its loss_reason, and with it; UINT64_MAX = not asked yet */
};
#define TUPLE_NONE   UINT64_MAX
#define PASSING_KEPT 1024u

struct entities {
    const struct config *config;
    struct intern *names; /* the ledger's, by dimension */
    struct own_plan own;
    struct passing *passing; /* [PASSING_KEPT], by tuple; NULL: no KPI has a filter */
    struct entity *at;       /* by id */
    int64_t base_us;         /* of those that are made */
    uint32_t count, room;
    struct {
        uint32_t *id_of; /* by name number: ENTITY_NONE, or an id */
        uint32_t names;
        uint32_t looked; /* names before this number have been taken in */
        struct kept_names kept;
        uint32_t other; /* number of the name of the others; INTERN_NONE: not named yet */
    } dimensions[DIMENSION_COUNT];
    struct {
        uint32_t *ids;
        uint32_t count, room;
        uint8_t bit; /* of those that are in it; a cut takes the list, and the next one has another bit */
    } changed[READER_COUNT];
    uint8_t awaited;    /* bit of those that the cut at hand has still to copy; 0: there is none */
    struct timers wake; /* by id: when a value changes by time alone */
    int64_t others;     /* names that count as others, over all dimensions */
    uint64_t moves;     /* entities that went into another one, ever */
    uint32_t quiet;     /* whose turn it is in entities_drop_quiet */
    struct bulk *bulk;  /* between entities_begin_bulk and _end_bulk */
    struct bulk *batch; /* what has been added since entities_flush; NULL: nothing yet */
    /* Are called before an entity that awaits its cut changes, and before anything is settled while a cut is at hand: another thread
     * may make it. */
    void (*copy_first)(void *context, uint32_t id);
    void (*take_back)(void *context);
    void *copy_context;
    struct {
        uint64_t tuple;                /* number; TUPLE_NONE = none */
        uint32_t ids[DIMENSION_COUNT]; /* of those that it names, marked as changed; else ENTITY_NONE */
    } last;                            /* of what was counted last in bulk */
};

void entities_init(struct entities *es, const struct config *config, struct intern *names);
void entities_fini(struct entities *es);
/* The name by which the contribution counts in a dimension, as number + 1; 0 = it does not. The company's is 1. */
uint32_t contribution_name(const struct dimensions *d, const struct contribution *c, enum dimension i);
/* Pairs of own KPIs that the contribution counts for, as bits. O(1) for a tuple that was asked for lately. */
uint64_t entities_own_pairs(struct entities *es, const struct dimensions *d, const struct contribution *c);
/* Adds the contribution to the company and to each entity that its tuple `d` and its team name; sign as for entity_add. It is
 * in them by entities_flush. */
void entities_add(struct entities *es, const struct dimensions *d, const struct contribution *c, int sign);
/* What is gathered from now on before it is added: what so many records add, so that adding it takes no longer than finding
 * it; UINT32_MAX: as much as is good. */
void entities_gather(struct entities *es, uint32_t records);
/* Before anything changes that has to do with an entity, and while a cut is at hand before anything is asked of one. */
void entities_take_back(struct entities *es);
/* Before anything is asked of an entity. */
void entities_flush(struct entities *es);
/* Whether entities_look and entities_flush have nothing to do. */
bool entities_are_settled(const struct entities *es);
/* Until entities_end_bulk what is added is gathered, and in the trees only then. Nothing is taken back, no name may come in
 * between, and nothing may be asked of an entity. `horizon_us`: what happened before it is folded at once. */
void entities_begin_bulk(struct entities *es, int64_t horizon_us);
void entities_end_bulk(struct entities *es);
/* Takes in names that have come: entities may go into the one of the others. */
void entities_look(struct entities *es);
/* Whether the name counts for the entity that `entity` names: it is that one, or that is the one of the others, and so is
 * this. */
bool entities_counts_for(const struct entities *es, enum dimension d, uint32_t name, uint32_t entity);
/* The id of a name's entity, which is made where it is new. */
uint32_t entities_need(struct entities *es, enum dimension d, uint32_t name);
void entities_mark_changed(struct entities *es, uint32_t id);
/* The id of a name's entity; ENTITY_NONE where there is none. */
uint32_t entities_find(const struct entities *es, enum dimension d, uint32_t name);
/* The same by name number, where there is such an entity. */
void entities_mark_named(struct entities *es, enum dimension d, uint32_t name);
/* Marks some of those whose values have changed by time up to now_us. False: there is none. */
bool entities_wake(struct entities *es, int64_t now_us);
/* What cuts have kept of who is cut no more is freed: looks at `looks` entities, each in its turn, or
 * fewer where there is much to free. Not while a cut is at hand. */
void entities_drop_quiet(struct entities *es, int64_t now_us, uint32_t looks);
/* Bytes of the tables, without the entities themselves (entity_bytes). */
uint64_t entities_table_bytes(const struct entities *es);
