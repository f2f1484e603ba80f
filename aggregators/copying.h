/* copying.h - what a checkpoint must still hold of a shard, and its copy in slices.
 *
 * Which records have changed is a list and a flag in each; names, words and keys only grow, so there it is a number. A
 * round takes the list over and copies it while events go on: what changes before its turn is copied as it then is, and
 * what changes after it is in the next list. That is a checkpoint all the same, since records are semilattices (cut.h).
 * What is copied may name records that came to be after the round began; so all keys are in it that there are at its end.
 *
 * Thread: the shard's writer. Memory: copying_init to copying_fini; nothing where nothing is to be stored.
 */
#pragma once
#include "aggregators/ledger.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

struct books;
struct targets;

struct changed_records {
    uint32_t *slots;
    uint32_t count, room;
};

/* How many of those that only grow are stored. */
struct stored_counts {
    uint32_t names[DIMENSION_COUNT], words, keys[KIND_COUNT];
};

struct copying {
    bool in_use, running;
    struct changed_records changed[KIND_COUNT]; /* since the round began */
    struct changed_records taken[KIND_COUNT];   /* by the round */
    uint32_t taken_at[KIND_COUNT];              /* of these: copied */
    struct stored_counts stored, copied;        /* by the last round that was stored; by the one that runs */
};

void copying_init(struct copying *c);
void copying_fini(struct copying *c);
/* From now on changes are noted. So much is stored already. */
void copying_use(struct copying *c, const struct stored_counts *stored);
/* The record has changed. */
void copying_note(struct copying *c, struct record *r);
/* Whether a round would copy any record. */
bool copying_has_changes(const struct copying *c, const struct ledger *l);

/* What is copied: a shard's. */
struct copied_from {
    struct ledger *ledger;
    const struct books *books;
    const struct targets *targets;
};

void copying_begin(struct copying *c);
/* Adds at most about `budget` rows (stored.h) to `out`, and more only to finish. True: that were all. O(rows). */
bool copying_step(struct copying *c, const struct copied_from *from, unsigned budget, struct buffer *out);
/* After the last step: whether it is stored; if not, the next round copies it again. */
void copying_end(struct copying *c, const struct ledger *l, bool is_stored);
/* How many there are. */
struct stored_counts stored_counts_of(const struct ledger *l);
/* Bytes on the heap. */
uint64_t copying_bytes(const struct copying *c);
