/* changes.h - what stands in Redis by our last publishes, so that only what changed is written again.
 *
 * For each (entity, window): a 128-bit hash of the fields and which KPIs have a value (they are the
 * boards of which the entity is a member). 40 bytes each, in blocks of an entity's windows.
 * After a failure nothing is known any more: changes_forget, and everything is written anew.
 *
 * Thread: the publisher's. Memory: create to destroy. Errors: none.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include "publishers/render.h"
#include <stdbool.h>
#include <stdint.h>

struct slot {
    uint64_t hash_high, hash_low;      /* both 0: no such key */
    uint64_t values, previous, extras; /* as in struct rendered */
};

struct changes;

struct changes *changes_create(unsigned window_count);
void changes_destroy(struct changes *c);
void changes_forget(struct changes *c);

/* The slot of an entity's window, until the next call. `entity` is the snapshot's dense number. */
struct slot *changes_slot(struct changes *c, uint32_t entity, unsigned window);
/* A hash of what stands in the entity's `entity:` key; 0: it has none. */
uint64_t *changes_about(struct changes *c, uint32_t entity);
/* How many members a board has. */
uint32_t *changes_members(struct changes *c, enum dimension d, unsigned window, enum kpi k);

static inline bool slot_is_empty(const struct slot *s)
{
    return s->hash_high == 0 && s->hash_low == 0;
}

/* What the slot must become for these fields. */
struct slot slot_of(const struct rendered *r);

/* A set of keys by 64-bit hash: what a full write has written, so that the rest can be deleted. */
struct key_set {
    uint64_t *at;
    size_t count, room; /* room is a power of two, or 0 */
};

void key_set_add(struct key_set *s, struct text key);
bool key_set_has(const struct key_set *s, struct text key);
void key_set_fini(struct key_set *s); /* empty again */
