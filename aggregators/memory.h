/* memory.h - where the bytes of a shard are: sums of what was asked of the heap, not of what the allocator took.
 *
 * Thread: the shard's writer. O(records + entities), so it is for benchmarks and tests.
 */
#pragma once
#include "config/field.h"
#include <stdbool.h>
#include <stdint.h>

struct derivation;

/* Of some records or entities. */
struct memory_of {
    int64_t count;
    uint64_t bytes;
};

struct memory_use {
    /* By kind, records that exist: with fields, stamps, history and key. Open are deals that are neither won nor lost,
     * and leads that are neither converted nor lost; of all other kinds none is. */
    struct memory_of open[KIND_COUNT], closed[KIND_COUNT];
    uint64_t ledger;                            /* all of it: also what only waits, names, words, tuples, spare room */
    struct memory_of entities[DIMENSION_COUNT]; /* whole */
    struct memory_of trees[DIMENSION_COUNT];    /* of these: their trees' nodes; count: rows */
    uint64_t entity_tables;                     /* by which they are found, have changed, and wake */
    uint64_t links;                             /* customers and leads */
    uint64_t timers;                            /* of records and customers */
    uint64_t other;
};

uint64_t memory_total(const struct memory_use *m);
void derivation_memory(const struct derivation *d, struct memory_use *out);
