/* kept_names.h - which names of a dimension have an entity of their own where there are more than there may be: those with
 * the least 64-bit hashes, so that it depends on the set of names and not on their order. AMENDMENT 16.
 *
 * Thread: the shard's writer. Memory: of all zero bytes to kept_names_fini.
 */
#pragma once
#include "base/intern.h"
#include <stdbool.h>
#include <stdint.h>

struct kept_names {
    uint32_t *at; /* those that are kept; the one with the greatest hash is first once some are not */
    uint32_t count, room;
    bool is_heap;
};

void kept_names_fini(struct kept_names *k);
/* Takes in a name, each once, where at most `most` are kept. Returns the name that is not, or is no longer: this one or
 * another; INTERN_NONE: all are. O(log most). */
uint32_t kept_names_take(struct kept_names *k, const struct intern *names, uint32_t name, uint32_t most);
