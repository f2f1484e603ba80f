#include "base/intern.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* A text lies in a chunk behind its length: one byte, or 255 and four more. Where: the chunk's index and the offset
 * in it, 16 bits each; a text that is larger than a chunk has one of its own, at offset 0. */
enum { CHUNK_BYTES = 64 * 1024, FIRST_CHUNK_BYTES = 1024, LONG = 255 };

struct intern_chunk {
    uint32_t used, room;
    uint8_t bytes[];
};

void intern_init(struct intern *t)
{
    *t = (struct intern){0};
}

static struct intern_chunk *chunk_at(const struct intern *t, uint32_t i)
{
    return *(struct intern_chunk **)paged_at(&t->chunks, i, sizeof(struct intern_chunk *));
}

/* Where the text of a number lies. */
static uint32_t *place_in_chunks(const struct intern *t, uint32_t number)
{
    return paged_at(&t->at, number, sizeof(uint32_t));
}

void intern_fini(struct intern *t)
{
    for (uint32_t i = 0; i < t->chunk_count; i++)
        free(chunk_at(t, i));
    paged_fini(&t->chunks);
    paged_fini(&t->at);
    free(t->places);
    *t = (struct intern){0};
}

static size_t head_bytes(size_t len)
{
    return len < LONG ? 1 : 1 + sizeof(uint32_t);
}

/* The chunk that has room for so many bytes. */
static struct intern_chunk *need_chunk(struct intern *t, size_t bytes)
{
    struct intern_chunk *last = t->chunk_count > 0 ? chunk_at(t, t->chunk_count - 1) : NULL;
    if (last != NULL && last->room - last->used >= bytes)
        return last;
    /* The first chunk is small: most tables hold a few texts, and each has a page of places and one of chunks already. */
    size_t room = last == NULL ? FIRST_CHUNK_BYTES : CHUNK_BYTES;
    room = room > bytes ? room : bytes;
    REQUIRE(t->chunk_count <= UINT16_MAX && room <= UINT32_MAX);
    struct intern_chunk *fresh = must_alloc(sizeof *fresh + room);
    *fresh = (struct intern_chunk){.used = 0, .room = (uint32_t)room};
    *(struct intern_chunk **)paged_need(&t->chunks, t->chunk_count++, sizeof fresh) = fresh;
    return fresh;
}

static uint32_t keep_text(struct intern *t, struct text text)
{
    size_t head = head_bytes(text.len);
    struct intern_chunk *chunk = need_chunk(t, head + text.len);
    uint32_t at = (t->chunk_count - 1) << 16 | chunk->used;
    uint8_t *to = chunk->bytes + chunk->used;
    uint32_t len = (uint32_t)text.len;
    to[0] = len < LONG ? (uint8_t)len : LONG;
    if (len >= LONG)
        memcpy(to + 1, &len, sizeof len);
    if (len > 0)
        memcpy(to + head, text.at, len);
    chunk->used += (uint32_t)(head + len);
    return at;
}

static struct text text_at(const struct intern *t, uint32_t at)
{
    const uint8_t *from = chunk_at(t, at >> 16)->bytes + (at & UINT16_MAX);
    uint32_t len = from[0];
    if (len == LONG)
        memcpy(&len, from + 1, sizeof len);
    return (struct text){(const char *)from + head_bytes(len), len};
}

static void grow_places(struct intern *t)
{
    uint32_t count = t->place_count > 0 ? t->place_count * 2 : 16;
    REQUIRE(count > t->place_count);
    /* Not zalloc: that leaves fresh pages untouched, and one that is read before it is written is fetched twice. */
    struct intern_place *places = must_alloc(count * sizeof *places);
    memset(places, 0, count * sizeof *places);
    for (uint32_t i = 0; i < t->place_count; i++) {
        if (t->places[i].number == 0)
            continue;
        uint32_t at = t->places[i].hash & (count - 1);
        while (places[at].number != 0)
            at = (at + 1) & (count - 1);
        places[at] = t->places[i];
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
        const struct intern_place *p = &t->places[at];
        if (p->number == 0 || (p->hash == hash && text_equal(text_at(t, *place_in_chunks(t, p->number - 1)), text)))
            return at;
    }
}

uint32_t intern_hash(struct text text)
{
    return (uint32_t)text_hash(text);
}

uint32_t intern_find(const struct intern *t, struct text text)
{
    if (t->place_count == 0)
        return INTERN_NONE;
    return t->places[place_of(t, text, intern_hash(text))].number - 1; /* a free place is 0: INTERN_NONE */
}

uint32_t intern_add_hashed(struct intern *t, struct text text, uint32_t hash)
{
    if (t->count >= t->place_count / 4 * 3)
        grow_places(t);
    uint32_t at = place_of(t, text, hash);
    if (t->places[at].number != 0)
        return t->places[at].number - 1;
    *(uint32_t *)paged_need(&t->at, t->count, sizeof(uint32_t)) = keep_text(t, text);
    t->places[at] = (struct intern_place){t->count + 1, hash};
    return t->count++;
}

uint32_t intern_add(struct intern *t, struct text text)
{
    return intern_add_hashed(t, text, intern_hash(text));
}

uint32_t intern_fetch(const struct intern *t, uint32_t hash, unsigned step)
{
    if (t->place_count == 0)
        return INTERN_NONE;
    uint32_t at = hash & (t->place_count - 1);
    if (step == 0) {
        __builtin_prefetch(&t->places[at]);
        return INTERN_NONE;
    }
    while (t->places[at].number != 0 && t->places[at].hash != hash)
        at = (at + 1) & (t->place_count - 1);
    uint32_t number = t->places[at].number - 1;
    if (number == INTERN_NONE)
        return INTERN_NONE;
    uint32_t *place = place_in_chunks(t, number);
    if (step == 1)
        __builtin_prefetch(place);
    else
        __builtin_prefetch(chunk_at(t, *place >> 16)->bytes + (*place & UINT16_MAX));
    return number;
}

struct text intern_text(const struct intern *t, uint32_t number)
{
    REQUIRE(number < t->count);
    return text_at(t, *place_in_chunks(t, number));
}

uint64_t intern_bytes(const struct intern *t)
{
    uint64_t bytes = (uint64_t)t->place_count * sizeof *t->places + paged_bytes(&t->at, sizeof(uint32_t)) +
                     paged_bytes(&t->chunks, sizeof(struct intern_chunk *));
    for (uint32_t i = 0; i < t->chunk_count; i++)
        bytes += sizeof(struct intern_chunk) + chunk_at(t, i)->room;
    return bytes;
}

uint64_t intern_text_bytes(const struct intern *t, uint32_t number)
{
    size_t len = intern_text(t, number).len;
    return head_bytes(len) + len + sizeof(uint32_t) + t->place_count * sizeof *t->places / t->count;
}
