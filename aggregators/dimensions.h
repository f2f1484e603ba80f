/* dimensions.h - the names that a record counts for, kept by number.
 *
 * A record keeps its tuple of manager, team, product, region, source ... by number. What was derived from a record can
 * then be taken back under the very names under which it was added, whatever has happened to its lead or deal since.
 * Of very many managers nearly each record has a tuple of its own; but few pairs of manager and team, and few tuples of
 * what else it names. So a tuple is two halves, each distinct one of which is kept once.
 *
 * Thread: the shard's writer. Memory: dimension_table_init to dimension_table_fini. Halves never go.
 */
#pragma once
#include "config/field.h"
#include <stdint.h>
#include <string.h>

/* Number in the dimension's names + 1; 0 = none. DIMENSION_COMPANY, which every record has, is not used. */
struct dimensions {
    uint32_t of[DIMENSION_COUNT];
};

#define DIMENSIONS_NONE UINT64_C(0) /* the tuple without any name */

/* Where a half begins in a tuple, and its dimensions: whose the record is, and what it is about. */
enum {
    OWNER_FIRST = DIMENSION_TEAM,
    SUBJECT_FIRST = DIMENSION_PRODUCT,
    OWNER_WIDTH = SUBJECT_FIRST - OWNER_FIRST,
    SUBJECT_WIDTH = DIMENSION_COUNT - SUBJECT_FIRST
};

struct half_table {
    uint32_t *at; /* [count][width], by number */
    uint32_t count, room;
    uint32_t *buckets; /* open addressing: number + 1, 0 = free */
    uint32_t bucket_count;
};

struct dimension_table {
    struct half_table owners, subjects;
};

void dimension_table_init(struct dimension_table *t);
void dimension_table_fini(struct dimension_table *t);
/* The tuple's number: its owner's half in the upper 32 bits, its subject's in the lower ones, which are kept where they
 * are new. Two tuples are equal if their numbers are. Expected O(1). */
uint64_t dimension_table_need(struct dimension_table *t, const struct dimensions *d);
/* The same of `count` tuples, at most DIMENSIONS_AT_ONCE; their places in the table are fetched together. */
#define DIMENSIONS_AT_ONCE 16u
void dimension_table_need_all(struct dimension_table *t, const struct dimensions *d, unsigned count, uint64_t *out);
/* Bytes on the heap. */
uint64_t dimension_table_bytes(const struct dimension_table *t);

static inline struct dimensions dimension_table_get(const struct dimension_table *t, uint64_t number)
{
    struct dimensions d;
    d.of[DIMENSION_COMPANY] = 0;
    memcpy(d.of + OWNER_FIRST, t->owners.at + (number >> 32) * OWNER_WIDTH, OWNER_WIDTH * sizeof *d.of);
    memcpy(d.of + SUBJECT_FIRST, t->subjects.at + (uint32_t)number * (size_t)SUBJECT_WIDTH,
           SUBJECT_WIDTH * sizeof *d.of);
    return d;
}
