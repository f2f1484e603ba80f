/* dirty.h - records that have changed since what they stand for was derived last, and what they stood for then.
 *
 * An event changes its record at once. What the record adds to entities follows before anybody looks at these: then it is
 * derived once, however many events the record had, and together with that of others. derivation.c.
 *
 * Thread: the shard's writer. Memory: dirty_init to dirty_fini; what stood is copied.
 */
#pragma once
#include "aggregators/contribution.h"
#include "aggregators/links.h"

/* So many wait at most: 20 MB of memory, and a tenth of a second's work for who settles them all at once. */
#define DIRTY_MAX 65536u

struct dirty_record {
    struct record *record;
    struct told told;                      /* what its links have been told */
    uint32_t first, stood_count, oddities; /* what it stood for */
};

struct dirty {
    struct {
        struct dirty_record *at;
        uint32_t count, room;
        uint32_t next; /* those before it have been taken */
    } kinds[FACT_KINDS];
    uint32_t count; /* of those that have not been taken */
    struct contribution *stood;
    uint32_t stood_count, stood_room;
};

void dirty_init(struct dirty *d);
void dirty_fini(struct dirty *d);
/* A record of a fact that is not in it. */
void dirty_add(struct dirty *d, struct record *r, const struct contributions *stood, const struct told *told);
/* Takes back the last dirty_add, of that kind: nothing has come of it. */
void dirty_drop_last(struct dirty *d, enum record_kind kind);
/* Takes at most `most` out, all of one kind: leads before deals before payments, since these inherit from those. They and what
 * they stood for stay until dirty_clear. */
unsigned dirty_take(struct dirty *d, unsigned most, struct dirty_record **out);
/* What it stood for: a view, not to be freed. */
void dirty_stood(const struct dirty *d, const struct dirty_record *r, struct contributions *out);
/* Once all are taken, their memory is free for others. */
void dirty_clear(struct dirty *d);
/* Bytes on the heap. */
uint64_t dirty_bytes(const struct dirty *d);
