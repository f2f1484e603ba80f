/* changes.h - what stands in Redis by our last publishes, so that only what changed is written again.
 *
 * For each (entity, window) a hash of all that it was made of, by which most of those that have not changed are known without a look
 * at their sums. For each piece of it: a hash of what it was made of, so that it is made again only where that has changed, a hash
 * of its fields, and which fields it has; and which KPIs have a value (they are the boards of which the entity is a member). 136
 * bytes each, in blocks of an entity's windows. One that is written again within ten seconds has a hash of each
 * field besides, until it is written later than that or changes_tidy comes by.
 * After a failure nothing is known any more: changes_forget, and everything is written anew.
 *
 * Thread: the publisher's. Memory: create to destroy. Errors: none.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include "publishers/field_hashes.h"
#include "publishers/render.h"
#include <stdbool.h>
#include <stdint.h>

struct slot_piece {
    uint64_t given; /* what it was made of; 0: not known */
    struct rendered_piece is;
};

struct slot {
    struct slot_piece pieces[PIECE_COUNT];
    uint64_t values, previous;   /* as in struct rendered */
    struct field_hashes *fields; /* the slot's in `changes`, copies borrow it; NULL: fields are not known one by one */
    uint32_t written_s;          /* when it was written last, in whole seconds of as_of; 0: never */
    bool provisional;
};

/* So long after a window was written its fields are worth being known, as a busy entity's windows are to cuts (entity.c); and in so
 * many publishes changes_tidy comes by each slot. */
enum { FIELDS_KEPT_S = 10, TIDYING_PUBLISHES = 600 };

struct changes;

struct changes *changes_create(unsigned window_count);
void changes_destroy(struct changes *c);
void changes_forget(struct changes *c);
/* Of all that is known nothing is known to be made of what it was: all is rendered, and compared. */
void changes_doubt(struct changes *c);
/* To be called with each publish: frees what some of the slots have kept of their fields for longer than FIELDS_KEPT_S. */
void changes_tidy(struct changes *c, int64_t as_of_us);

/* The slot of an entity's window, until the next call. `entity` is the snapshot's dense number. */
struct slot *changes_slot(struct changes *c, uint32_t entity, unsigned window);
/* What the entity's window was made of when it was looked at last, as the hash by seen_of; 0: not known. Until the next call. */
uint64_t *changes_seen(struct changes *c, uint32_t entity, unsigned window);
/* With the answer that was given then. */
static inline uint64_t seen_of(uint64_t hash, bool has_value)
{
    return hash << 2 | 2 | has_value;
}
static inline bool seen_has_value(uint64_t seen)
{
    return seen & 1;
}
/* A hash of what stands in the entity's `entity:` key; 0: it has none. */
uint64_t *changes_about(struct changes *c, uint32_t entity);
/* How many members a board has. */
uint32_t *changes_members(struct changes *c, enum dimension d, unsigned window, enum kpi k);

/* There is no such key: no field of it. */
bool slot_is_empty(const struct slot *s);
/* The pieces that are made of something else than they were. `given`: a hash for each, none of them 0. */
unsigned slot_outdated(const struct slot *s, const uint64_t *given);
/* What the slot becomes by pieces that were rendered; `fields` and `written_s` stay. */
struct slot slot_after(const struct slot *s, const uint64_t *given, const struct rendered *r, unsigned pieces);
/* Whether the key's fields are other ones, or have other values. */
bool slot_differs(const struct slot *before, const struct slot *after);
/* After slot_after: the key is as it says now. `as_of_us` of the publish; SLOT_OF_PAST while a past is read, whose publishes come one
 * after the other and soon end: no fields are known of it. */
#define SLOT_OF_PAST INT64_C(0)
void slot_note_written(struct slot *s, const struct rendered *r, unsigned pieces, int64_t as_of_us);
enum slot_names { NAMES_SAME, NAMES_MORE, NAMES_LESS /* some go; others may come as well */ };
enum slot_names slot_names(const struct slot *before, const struct slot *after);

/* A set of keys by 64-bit hash: what a full write has written, so that the rest can be deleted. */
struct key_set {
    uint64_t *at;
    size_t count, room; /* room is a power of two, or 0 */
};

void key_set_add(struct key_set *s, struct text key);
bool key_set_has(const struct key_set *s, struct text key);
void key_set_fini(struct key_set *s); /* empty again */
