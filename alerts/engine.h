/* engine.h - decides which alerts stand: rules against the last known values, on a grid of time.
 *
 * A grid instant is a multiple of config.alerts.every_ms since the epoch. The first trusted decision whose
 * as_of has reached a grid instant decides it, with the values that stand then; grid instants that were
 * jumped over are not decided. At a grid instant, for each rule and entity:
 *
 *     inactive, resolved   value in breach           pending since this instant; firing at once without `for`
 *     pending              still in breach           firing when the breach is as old as `for`
 *                          not, or no value          inactive: a breach that was not seen to last starts over
 *     firing               past the clearing value   resolved
 *                          nothing stands for it     resolved
 *                          no value, or between      stays
 *
 * A value whose n is below the rule's smallest sample is no value. A count or sum that is left out is 0 with
 * n 0, and a value all the same unless the smallest sample is above 1. While the numbers cannot be trusted (catching up, stale) nothing is decided: no new alert, what
 * fires stays, what is pending becomes inactive.
 *
 * Pure: no I/O, no clock, no randomness; the same calls give the same transitions.
 * Thread: one at a time. Memory: engine_create to engine_destroy; the configuration is borrowed for that long.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "alerts/alert.h"
#include "base/error.h"

struct engine;

struct engine *engine_create(const struct config *config);
void engine_destroy(struct engine *e);

/* What a snapshot says: begin, then each entity with the values of its rules, then decide.
 * everything: an entity that is not named until the decision is gone. */
void engine_begin(struct engine *e, bool everything);
/* The number of an entity, which it keeps. Marks it as there. */
uint32_t engine_entity(struct engine *e, enum dimension dimension, struct text name);
/* Nothing stands for that entity, and it is gone from now on, if it ever was there. */
void engine_absent(struct engine *e, enum dimension dimension, struct text name);
/* The value that stands from now on; NULL: there is none. `entity` is of the rule's dimension. An entity
 * that the rule does not name is ignored. */
void engine_value(struct engine *e, size_t rule, uint32_t entity, const struct kpi_value *value);
/* Decides the grid instant that as_of has reached, if it is a new one. The transitions are sorted by rule and
 * entity and stay valid until the next call that changes the engine. O(changed values + pending). */
const struct transition *engine_decide(struct engine *e, int64_t as_of_us, bool trusted, size_t *out_count);

/* All of the above for one snapshot. */
const struct transition *engine_take(struct engine *e, const struct snapshot *s, bool trusted, size_t *out_count);

/* How many pairs of a rule and an entity that it looks at are in this state. */
size_t engine_count(const struct engine *e, enum alert_state state);
/* Grid instants decided so far. */
int64_t engine_decisions(const struct engine *e);

/* What must outlive the process: every alert that ever fired here. What is pending is not kept: over a gap
 * nobody saw whether the breach lasted. */
struct engine_kept {
    const struct rule_config *rule;
    struct text entity;
    const char *window;
    uint32_t occurrence;
    bool firing; /* and told */
    int64_t starts_us;
    uint64_t fingerprint;
};

/* In the order of rule, then of the entity's number. */
void engine_each_kept(const struct engine *e, void (*visit)(void *context, const struct engine_kept *kept),
                      void *context);
/* Puts one back, before the first decision. False: no such rule, window or dimension now, the rule does not look
 * at this entity, or a later occurrence is there already; nothing changes. *out_replaced: the occurrence that was
 * there, 0 = none. */
MUST_CHECK bool engine_restore(struct engine *e, struct text rule, struct text dimension, struct text window,
                               struct text entity, uint32_t occurrence, bool firing, int64_t starts_us,
                               uint32_t *out_replaced);

/* Of several instances one tells. An engine begins without telling: what it decides is for itself, so that it knows how
 * long a breach has lasted; what fires then is not told. */

/* From now on another instance tells: what we told is its business. */
void engine_stand_by(struct engine *e);
/* From now on we tell. What fires and was not told is as if it were about to: at the next decision it fires, and so is
 * told, if the breach lasts still. after_others: what was restored, and not told since, is of no account either. */
void engine_take_over(struct engine *e, bool after_others);
/* After engine_take_over: another instance has told that this fires. False: as engine_restore, or we have told of it
 * ourselves. */
MUST_CHECK bool engine_adopt(struct engine *e, struct text rule, struct text dimension, struct text window,
                             struct text entity, uint32_t occurrence, int64_t starts_us, uint32_t *out_replaced);
