/* dimensions.h - the names that a record counts for, each distinct tuple of them once.
 *
 * A sales floor has many records and few tuples of manager, team, product, region, source ...; so a record keeps
 * its tuple by number. What was derived from a record can then be taken back under the very names under which it
 * was added, whatever has happened to its lead or deal since.
 *
 * Thread: the shard's writer. Memory: dimension_table_init to dimension_table_fini. Tuples never go.
 */
#pragma once
#include "config/field.h"
#include <stdint.h>

/* Number in the dimension's names + 1; 0 = none. DIMENSION_COMPANY, which every record has, is not used. */
struct dimensions {
    uint32_t of[DIMENSION_COUNT];
};

#define DIMENSIONS_NONE 0u /* the tuple without any name */

struct dimension_table {
    struct dimensions *at; /* by number */
    uint32_t count, room;
    uint32_t *buckets; /* open addressing: number + 1, 0 = free */
    uint32_t bucket_count;
};

void dimension_table_init(struct dimension_table *t);
void dimension_table_fini(struct dimension_table *t);
/* The tuple's number; it is kept where it is new. Expected O(1). */
uint32_t dimension_table_need(struct dimension_table *t, const struct dimensions *d);
/* The same of `count` tuples, at most DIMENSIONS_AT_ONCE; their places in the table are fetched together. */
#define DIMENSIONS_AT_ONCE 16u
void dimension_table_need_all(struct dimension_table *t, const struct dimensions *d, unsigned count, uint32_t *out);
/* Bytes on the heap. */
uint64_t dimension_table_bytes(const struct dimension_table *t);

static inline const struct dimensions *dimension_table_get(const struct dimension_table *t, uint32_t number)
{
    return &t->at[number];
}
