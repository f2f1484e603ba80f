#include "base/intern.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024 };

struct intern_chunk {
    struct intern_chunk *older;
    size_t used, room;
    char bytes[];
};

void intern_init(struct intern *t)
{
    *t = (struct intern){0};
}

void intern_fini(struct intern *t)
{
    while (t->chunks != NULL) {
        struct intern_chunk *older = t->chunks->older;
        free(t->chunks);
        t->chunks = older;
    }
    free(t->places);
    free(t->texts);
    free(t->hashes);
    *t = (struct intern){0};
}

static const char *keep_bytes(struct intern *t, struct text text)
{
    struct intern_chunk *chunk = t->chunks;
    if (chunk == NULL || chunk->room - chunk->used < text.len) {
        /* The first chunk is small: most tables hold a few names. */
        size_t room = chunk == NULL ? 1024 : CHUNK_BYTES;
        if (room < text.len)
            room = text.len;
        struct intern_chunk *fresh = must_alloc(sizeof *fresh + room);
        *fresh = (struct intern_chunk){.older = chunk, .used = 0, .room = room};
        t->chunks = chunk = fresh;
    }
    char *at = chunk->bytes + chunk->used;
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    chunk->used += text.len;
    return at;
}

static void grow_places(struct intern *t)
{
    uint32_t count = t->place_count > 0 ? t->place_count * 2 : 16;
    REQUIRE(count > t->place_count);
    uint32_t *places = must_zalloc(count * sizeof *places);
    for (uint32_t number = 0; number < t->count; number++) {
        uint32_t at = t->hashes[number] & (count - 1);
        while (places[at] != 0)
            at = (at + 1) & (count - 1);
        places[at] = number + 1;
    }
    free(t->places);
    t->places = places;
    t->place_count = count;
}

/* The place where the text is or belongs. */
static uint32_t place_of(const struct intern *t, struct text text, uint32_t hash)
{
    uint32_t at = hash & (t->place_count - 1);
    for (;; at = (at + 1) & (t->place_count - 1)) {
        if (t->places[at] == 0)
            return at;
        uint32_t number = t->places[at] - 1;
        if (t->hashes[number] == hash && text_equal(t->texts[number], text))
            return at;
    }
}

uint32_t intern_find(const struct intern *t, struct text text)
{
    if (t->place_count == 0)
        return INTERN_NONE;
    return t->places[place_of(t, text, (uint32_t)text_hash(text))] - 1; /* a free place is 0: INTERN_NONE */
}

uint32_t intern_add(struct intern *t, struct text text)
{
    if (t->count >= t->place_count / 4 * 3)
        grow_places(t);
    uint32_t hash = (uint32_t)text_hash(text), at = place_of(t, text, hash);
    if (t->places[at] != 0)
        return t->places[at] - 1;
    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 16;
        t->texts = must_realloc(t->texts, t->room * sizeof *t->texts);
        t->hashes = must_realloc(t->hashes, t->room * sizeof *t->hashes);
    }
    t->texts[t->count] = (struct text){keep_bytes(t, text), text.len};
    t->hashes[t->count] = hash;
    t->places[at] = t->count + 1;
    return t->count++;
}

struct text intern_text(const struct intern *t, uint32_t number)
{
    REQUIRE(number < t->count);
    return t->texts[number];
}

uint64_t intern_bytes(const struct intern *t)
{
    uint64_t bytes =
        (uint64_t)t->place_count * sizeof *t->places + (uint64_t)t->room * (sizeof *t->texts + sizeof *t->hashes);
    for (const struct intern_chunk *chunk = t->chunks; chunk != NULL; chunk = chunk->older)
        bytes += sizeof *chunk + chunk->room;
    return bytes;
}

uint64_t intern_text_bytes(const struct intern *t, uint32_t number)
{
    REQUIRE(number < t->count);
    return t->texts[number].len + sizeof *t->texts + sizeof *t->hashes + t->place_count * sizeof *t->places / t->count;
}
