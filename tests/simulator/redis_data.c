#include "tests/simulator/redis_data.h"
#include "base/error.h"
#include "tests/simulator/process.h"
#include <stdlib.h>
#include <string.h>

struct word {
    uint32_t references, hash;
    size_t len;
    char bytes[];
};

static uint32_t hash_of(struct text t)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < t.len; i++)
        hash = (hash ^ (unsigned char)t.at[i]) * 16777619u;
    return hash;
}

struct word *word_make(struct text t)
{
    struct word *w = must_alloc(sizeof *w + t.len);
    w->references = 1;
    w->hash = hash_of(t);
    w->len = t.len;
    memcpy(w->bytes, t.at, t.len);
    return w;
}

struct word *word_share(struct word *w)
{
    if (w != NULL)
        w->references++;
    return w;
}

void word_drop(struct word *w)
{
    if (w != NULL && --w->references == 0)
        free(w);
}

struct text word_text(const struct word *w)
{
    return (struct text){w->bytes, w->len};
}

static bool word_is(const struct word *w, struct text t, uint32_t hash)
{
    return w->hash == hash && w->len == t.len && memcmp(w->bytes, t.at, t.len) == 0;
}

static void key_fini(struct redis_key *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        word_drop(k->items[i].name);
        word_drop(k->items[i].value);
    }
    free(k->items);
    word_drop(k->name);
}

void redis_data_clear(struct redis_data *d)
{
    for (uint32_t i = 0; i < d->count; i++)
        key_fini(&d->keys[i]);
    free(d->keys);
    *d = (struct redis_data){0};
}

void redis_data_copy(struct redis_data *to, const struct redis_data *from)
{
    redis_data_clear(to);
    to->keys = must_alloc(from->count * sizeof *to->keys);
    to->count = to->room = from->count;
    for (uint32_t i = 0; i < from->count; i++) {
        struct redis_key *k = &to->keys[i];
        *k = from->keys[i];
        word_share(k->name);
        k->room = k->count;
        k->items = must_alloc(k->count * sizeof *k->items);
        for (uint32_t j = 0; j < k->count; j++)
            k->items[j] =
                (struct redis_item){word_share(from->keys[i].items[j].name), word_share(from->keys[i].items[j].value)};
    }
}

static struct redis_key *find_key(struct redis_data *d, struct text name)
{
    uint32_t hash = hash_of(name);
    for (uint32_t i = 0; i < d->count; i++)
        if (word_is(d->keys[i].name, name, hash))
            return &d->keys[i];
    return NULL;
}

void redis_data_remove(struct redis_data *d, struct redis_key *k)
{
    key_fini(k);
    *k = d->keys[--d->count];
}

struct redis_item *redis_key_item(const struct redis_key *k, struct text name)
{
    uint32_t hash = hash_of(name);
    for (uint32_t i = 0; i < k->count; i++)
        if (word_is(k->items[i].name, name, hash))
            return &k->items[i];
    return NULL;
}

void redis_key_add(struct redis_key *k, struct word *name, struct word *value)
{
    if (k->count == k->room) {
        k->room = k->room > 0 ? k->room * 2 : 8;
        k->items = must_realloc(k->items, k->room * sizeof *k->items);
    }
    k->items[k->count++] = (struct redis_item){name, value};
}

/* True: it is new. */
bool redis_key_put(struct redis_key *k, struct text name, struct word *value)
{
    struct redis_item *item = redis_key_item(k, name);
    if (item == NULL) {
        redis_key_add(k, word_make(name), value);
        return true;
    }
    word_drop(item->value);
    item->value = value;
    return false;
}

bool redis_key_drop(struct redis_key *k, struct text name)
{
    struct redis_item *item = redis_key_item(k, name);
    if (item == NULL)
        return false;
    word_drop(item->name);
    word_drop(item->value);
    *item = k->items[--k->count];
    return true;
}

struct text redis_key_get(const struct redis_key *k, struct text name)
{
    const struct redis_item *item = k != NULL ? redis_key_item(k, name) : NULL;
    return item != NULL && item->value != NULL ? word_text(item->value) : TEXT("");
}

unsigned redis_watched(struct text key)
{
    if (text_equal(key, TEXT(REDIS_PREFIX "fence")))
        return WATCHED_FENCE;
    return text_equal(key, TEXT(REDIS_PREFIX "lease")) ? WATCHED_LEASE : 0;
}

void redis_data_touch(struct redis_data *d, struct text key)
{
    d->touched |= redis_watched(key);
}

struct redis_key *redis_data_find(struct redis_data *d, struct text name)
{
    struct redis_key *k = find_key(d, name);
    if (k != NULL && k->expires_us <= process_true_us) {
        redis_data_remove(d, k);
        if (random_chance(&process_random, 50)) /* servers differ in whether that is a change */
            redis_data_touch(d, name);
        return NULL;
    }
    return k;
}

struct redis_key *redis_data_need(struct redis_data *d, struct text name, enum redis_type type)
{
    struct redis_key *k = redis_data_find(d, name);
    if (k != NULL)
        return k->type == type ? k : NULL;
    if (d->count == d->room) {
        d->room = d->room > 0 ? d->room * 2 : 64;
        d->keys = must_realloc(d->keys, d->room * sizeof *d->keys);
    }
    k = &d->keys[d->count++];
    *k = (struct redis_key){.name = word_make(name), .type = type, .expires_us = INT64_MAX};
    return k;
}
