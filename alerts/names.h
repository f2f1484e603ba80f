/* names.h - the entities of one dimension that the rules have met: name to dense number, and back.
 *
 * Thread: one at a time. Memory: names_init to names_fini; a name once added stays, at the same address.
 * It grows with the entities that the shard knows, which the configuration bounds.
 */
#pragma once
#include "base/text.h"
#include <stdint.h>

#define NAMES_NONE UINT32_MAX

struct names {
    struct text *at; /* by number; the bytes are owned */
    uint32_t count, room;
    uint32_t *slots;     /* open addressing: number + 1, 0 = free */
    uint32_t slot_count; /* a power of two, at least twice the count; 0 at first */
};

void names_init(struct names *n);
void names_fini(struct names *n);
/* The number of a name, NAMES_NONE where it was never added. O(1). */
uint32_t names_find(const struct names *n, struct text name);
/* The number of a name that may be new: then it is names->count before the call. O(1), amortised. */
uint32_t names_add(struct names *n, struct text name);
