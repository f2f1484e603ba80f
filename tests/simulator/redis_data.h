/* redis_data.h - what a Redis holds: keys of five types, of counted texts, so that a copy of all of it is cheap.
 *
 * Expiry is lazy and by the true time. Thread: one. Memory: the simulator's; a data set is all zero when it begins, and
 * ends by redis_data_clear.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

#define REDIS_PREFIX "kpid:{default}:"

/* An immutable text, counted. */
struct word;
struct word *word_make(struct text t);
struct word *word_share(struct word *w);
void word_drop(struct word *w);
struct text word_text(const struct word *w);

enum redis_type { REDIS_HASH, REDIS_SET, REDIS_ZSET, REDIS_STRING, REDIS_STREAM };

struct redis_item {
    struct word *name, *value; /* value NULL: a set's */
};

struct redis_key {
    struct word *name;
    enum redis_type type;
    struct redis_item *items;
    uint32_t count, room;
    int64_t expires_us; /* INT64_MAX: never */
};

enum redis_watched { WATCHED_FENCE = 1, WATCHED_LEASE = 2 };
/* 0: it is never watched. */
unsigned redis_watched(struct text key);

struct redis_data {
    struct redis_key *keys;
    uint32_t count, room;
    /* Of the keys that are ever watched, those that were changed since somebody reset this: bits of enum redis_watched. */
    unsigned touched;
};

void redis_data_clear(struct redis_data *d);
void redis_data_copy(struct redis_data *to, const struct redis_data *from);
/* The name is whole, with its prefix. NULL: there is none, or it has expired. */
struct redis_key *redis_data_find(struct redis_data *d, struct text name);
/* Made where there is none; NULL: it is of another type. */
struct redis_key *redis_data_need(struct redis_data *d, struct text name, enum redis_type type);
/* Other keys may move. */
void redis_data_remove(struct redis_data *d, struct redis_key *k);
/* The key was changed. */
void redis_data_touch(struct redis_data *d, struct text key);

struct redis_item *redis_key_item(const struct redis_key *k, struct text name);
/* The value of a field, or a member's score; no bytes: there is none. k may be NULL. */
struct text redis_key_get(const struct redis_key *k, struct text name);
/* Takes both. */
void redis_key_add(struct redis_key *k, struct word *name, struct word *value);
/* Takes the value. True: it is new. */
bool redis_key_put(struct redis_key *k, struct text name, struct word *value);
bool redis_key_drop(struct redis_key *k, struct text name);
