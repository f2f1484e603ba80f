/* level.h - the names that an input wants in one object, and what each is for.
 *
 * What an input names is a tree: its plain members are the first level, and what JSON Pointers lead to lies below,
 * so that an envelope ("/payload/after/...") is walked once, however many fields are in it. The names of a level are
 * in a table of 128 places, at most 23 of them taken. A name is looked up by its length and its first and last eight
 * bytes, which for up to sixteen bytes are all of it: they are hashed and compared as two integers, and only the rest
 * of a longer one byte by byte.
 *
 * Who sends messages sends members in the same order each time; so where names are looked at in the bytes of a message
 * (scan.c) the one that came next the last time is compared first, together with the quote and colon behind it, and most
 * names are never looked up.
 *
 * Thread: one at a time, for the order is remembered. Memory: the mapping's (mapping.c), which makes and frees levels.
 */
#pragma once
#include "consumers/mapping.h"
#include <string.h>

enum { TABLE_SIZE = 128 };

_Static_assert((int)TARGET_COUNT <= 32, "a set of targets is a 32-bit mask");

/* What a name is found by: its ends, which overlap in the middle where it is short. */
struct name_ends {
    uint64_t head, tail;
};

/* A name as it stands in a message, with `":` behind it, in words of eight bytes as they lie in memory. */
enum { WRITTEN_WORDS = 4, WRITTEN_MAX = 8 * WRITTEN_WORDS };
struct written {
    uint64_t words[WRITTEN_WORDS], masks[WRITTEN_WORDS];
    unsigned len; /* 0: it is not compared so, but looked up */
};

struct level;

struct member {
    struct written written;
    struct member *next; /* which came after it the last time */
    struct name_ends ends;
    struct text name;
    uint32_t bit;        /* of the members seen in an object */
    uint32_t targets;    /* who is filled from it: more than one field may be */
    uint32_t first;      /* of the targets; TARGET_NONE: without any */
    uint32_t place;      /* of the first one's value, in bytes from the start of struct mapped */
    bool alone;          /* it fills one target and nothing is wanted in it, as most */
    int32_t index;       /* that the name would be in an array, -1: none */
    struct level *below; /* what is wanted in it; NULL: nothing */
};

struct level {
    unsigned member_count;
    uint32_t shared;                         /* the bits of members that fill more than one target */
    uint8_t table[TABLE_SIZE];               /* index in members; 0 = free */
    struct member members[TARGET_COUNT + 1]; /* the first one is none: before the first, or not wanted */
};

/* The first level. */
struct level *mapping_level(struct mapping *m);

static inline struct name_ends ends_of(struct text name)
{
    struct name_ends e = {0, 0};
    if (name.len >= 8) {
        memcpy(&e.head, name.at, 8);
        memcpy(&e.tail, name.at + name.len - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&e.head, name.at, 4);
        memcpy(&e.tail, name.at + name.len - 4, 4);
    } else if (name.len > 0) {
        const unsigned char *at = (const unsigned char *)name.at;
        e.head = (uint64_t)at[0] << 16 | (uint64_t)at[name.len / 2] << 8 | at[name.len - 1];
    }
    return e;
}

static inline unsigned place_of(struct name_ends e, size_t len)
{
    /* Multiplied so that each byte reaches the upper seven bits; the factor is that of Fibonacci hashing. */
    return (unsigned)((e.head + e.tail * 31 + len) * UINT64_C(0x9e3779b97f4a7c15) >> 57);
}

static inline bool is_named(const struct member *m, struct text name, struct name_ends e)
{
    return m->name.len == name.len && m->ends.head == e.head && m->ends.tail == e.tail &&
           (name.len <= 16 || memcmp(m->name.at + 8, name.at + 8, name.len - 16) == 0);
}

/* The place of the name in the table, or the free one where it would be. */
static inline unsigned place_find(const struct level *l, struct text name, struct name_ends e)
{
    unsigned i = place_of(e, name.len);
    while (l->table[i] != 0 && !is_named(&l->members[l->table[i]], name, e))
        i = (i + 1) % TABLE_SIZE;
    return i;
}

/* The index of the member of that name, 0: it is not wanted. */
static inline unsigned level_find(const struct level *l, struct text name)
{
    return l->table[place_find(l, name, ends_of(name))];
}
