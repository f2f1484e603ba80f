#include "aggregators/dimensions.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static void place(struct dimension_table *t, uint32_t number)
{
    uint64_t at = XXH3_64bits(&t->at[number], sizeof t->at[number]) & (t->bucket_count - 1);
    while (t->buckets[at] != 0)
        at = (at + 1) & (t->bucket_count - 1);
    t->buckets[at] = number + 1;
}

static void grow_buckets(struct dimension_table *t)
{
    free(t->buckets);
    t->bucket_count = t->bucket_count > 0 ? t->bucket_count * 2 : 64;
    t->buckets = must_zalloc(t->bucket_count * sizeof *t->buckets);
    for (uint32_t i = 0; i < t->count; i++)
        place(t, i);
}

void dimension_table_init(struct dimension_table *t)
{
    *t = (struct dimension_table){0};
    REQUIRE(dimension_table_need(t, &(struct dimensions){{0}}) == DIMENSIONS_NONE);
}

void dimension_table_fini(struct dimension_table *t)
{
    free(t->at);
    free(t->buckets);
}

static uint32_t need(struct dimension_table *t, const struct dimensions *d, uint64_t hash)
{
    if (t->count * 2 >= t->bucket_count)
        grow_buckets(t);
    uint64_t at = hash & (t->bucket_count - 1);
    for (; t->buckets[at] != 0; at = (at + 1) & (t->bucket_count - 1))
        if (memcmp(&t->at[t->buckets[at] - 1], d, sizeof *d) == 0)
            return t->buckets[at] - 1;
    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 32;
        t->at = must_realloc(t->at, t->room * sizeof *t->at);
    }
    REQUIRE(t->count < UINT32_MAX);
    t->at[t->count] = *d;
    t->buckets[at] = ++t->count;
    return t->count - 1;
}

uint32_t dimension_table_need(struct dimension_table *t, const struct dimensions *d)
{
    return need(t, d, XXH3_64bits(d, sizeof *d));
}

void dimension_table_need_all(struct dimension_table *t, const struct dimensions *d, unsigned count, uint32_t *out)
{
    uint64_t hashes[DIMENSIONS_AT_ONCE];
    REQUIRE(count <= DIMENSIONS_AT_ONCE);
    for (unsigned i = 0; i < count; i++) {
        hashes[i] = XXH3_64bits(&d[i], sizeof d[i]);
        __builtin_prefetch(&t->buckets[hashes[i] & (t->bucket_count - 1)]);
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t number = t->buckets[hashes[i] & (t->bucket_count - 1)];
        if (number != 0)
            __builtin_prefetch(&t->at[number - 1]);
    }
    for (unsigned i = 0; i < count; i++)
        out[i] = need(t, &d[i], hashes[i]);
}

uint64_t dimension_table_bytes(const struct dimension_table *t)
{
    return (uint64_t)t->room * sizeof *t->at + (uint64_t)t->bucket_count * sizeof *t->buckets;
}
