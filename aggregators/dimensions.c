#include "aggregators/dimensions.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(DIMENSION_COMPANY == 0 && OWNER_FIRST == 1, "a tuple is company, which is not used, and the two halves");

/* A width is a constant wherever these are called, and then no call is left of memcpy, memcmp and the hash. */
#define ALWAYS static inline __attribute__((always_inline))

ALWAYS uint32_t *half_at(const struct half_table *t, unsigned width, uint32_t number)
{
    return &t->at[(size_t)number * width];
}

ALWAYS uint64_t hash_of(const uint32_t *names, unsigned width)
{
    return XXH3_64bits(names, width * sizeof *names);
}

ALWAYS void grow_buckets(struct half_table *t, unsigned width)
{
    free(t->buckets);
    t->bucket_count = t->bucket_count > 0 ? t->bucket_count * 2 : 64;
    t->buckets = must_zalloc(t->bucket_count * sizeof *t->buckets);
    for (uint32_t i = 0; i < t->count; i++) {
        uint64_t at = hash_of(half_at(t, width, i), width) & (t->bucket_count - 1);
        while (t->buckets[at] != 0)
            at = (at + 1) & (t->bucket_count - 1);
        t->buckets[at] = i + 1;
    }
}

ALWAYS uint32_t need_half(struct half_table *t, unsigned width, const uint32_t *names, uint64_t hash)
{
    size_t bytes = width * sizeof *names;
    if (t->count * 2 >= t->bucket_count)
        grow_buckets(t, width);
    uint64_t at = hash & (t->bucket_count - 1);
    for (; t->buckets[at] != 0; at = (at + 1) & (t->bucket_count - 1))
        if (memcmp(half_at(t, width, t->buckets[at] - 1), names, bytes) == 0)
            return t->buckets[at] - 1;
    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 32;
        t->at = must_realloc(t->at, t->room * bytes);
    }
    REQUIRE(t->count < UINT32_MAX);
    memcpy(half_at(t, width, t->count), names, bytes);
    t->buckets[at] = ++t->count;
    return t->count - 1;
}

/* Puts the numbers of a half, which begins at `first`, behind what stands in `out`. */
ALWAYS void need_halves(struct half_table *t, unsigned first, unsigned width, const struct dimensions *d,
                        unsigned count, uint64_t *out)
{
    uint64_t hashes[DIMENSIONS_AT_ONCE];
    for (unsigned i = 0; i < count; i++) {
        hashes[i] = hash_of(d[i].of + first, width);
        __builtin_prefetch(&t->buckets[hashes[i] & (t->bucket_count - 1)]);
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t number = t->buckets[hashes[i] & (t->bucket_count - 1)];
        if (number != 0)
            __builtin_prefetch(half_at(t, width, number - 1));
    }
    for (unsigned i = 0; i < count; i++)
        out[i] = out[i] << 32 | need_half(t, width, d[i].of + first, hashes[i]);
}

void dimension_table_init(struct dimension_table *t)
{
    *t = (struct dimension_table){0};
    grow_buckets(&t->owners, OWNER_WIDTH);
    grow_buckets(&t->subjects, SUBJECT_WIDTH);
    REQUIRE(dimension_table_need(t, &(struct dimensions){{0}}) == DIMENSIONS_NONE);
}

void dimension_table_fini(struct dimension_table *t)
{
    free(t->owners.at);
    free(t->owners.buckets);
    free(t->subjects.at);
    free(t->subjects.buckets);
}

uint64_t dimension_table_need(struct dimension_table *t, const struct dimensions *d)
{
    uint64_t number;
    dimension_table_need_all(t, d, 1, &number);
    return number;
}

void dimension_table_need_all(struct dimension_table *t, const struct dimensions *d, unsigned count, uint64_t *out)
{
    REQUIRE(count <= DIMENSIONS_AT_ONCE);
    memset(out, 0, count * sizeof *out);
    need_halves(&t->owners, OWNER_FIRST, OWNER_WIDTH, d, count, out);
    need_halves(&t->subjects, SUBJECT_FIRST, SUBJECT_WIDTH, d, count, out);
}

static uint64_t half_bytes(const struct half_table *t, unsigned width)
{
    return (uint64_t)t->room * width * sizeof *t->at + (uint64_t)t->bucket_count * sizeof *t->buckets;
}

uint64_t dimension_table_bytes(const struct dimension_table *t)
{
    return half_bytes(&t->owners, OWNER_WIDTH) + half_bytes(&t->subjects, SUBJECT_WIDTH);
}
