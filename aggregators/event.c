/* event.c - how an event is laid out, and the hash that makes stamps of different events differ.
 *
 * The hash covers a canonical form that does not depend on this machine's byte order or padding, so that
 * any two kpids (and a replay years later) order equal instants alike. All integers are little-endian:
 *
 *     u32 length of event_id, event_id, u8 kind, u8 flags, u32 length of key, key, u32 carried, u32 cleared,
 *     then for each field that is carried and not cleared, in the order of the field table:
 *     a text as u32 length and bytes, anything else as i64.
 *
 * Which of the two a field is follows from kind and index, so no two events share one form.
 *
 * A message has a dozen short texts, and calls of memcpy and of the hash took longer than what they do. So a text is
 * copied by a few moves into both, sixteen bytes at a time where more than the text may be read.
 */
#define XXH_INLINE_ALL
#include "aggregators/event.h"
#include "base/intern.h"
#include <string.h>
#include <xxhash.h>

static uint32_t rounded_up(size_t n)
{
    return (uint32_t)((n + 7) & ~(size_t)7);
}

struct canonical {
    uint8_t bytes[EVENT_SIZE_MAX + EVENT_SLACK];
};

/* All fields, the key and the event_id as texts: so many fit wherever texts go, and no place is asked for a single one. */
_Static_assert((FIELD_COUNT_MAX + 2) * (EVENT_TEXT_MAX + 4 + 8) + 32 <= EVENT_SIZE_MAX, "a canonical form");
_Static_assert(sizeof(struct event) + FIELD_COUNT_MAX * sizeof(struct event_value) +
                       (FIELD_COUNT_MAX + 1) * EVENT_TEXT_MAX + EVENT_SLACK <=
                   EVENT_SIZE_MAX,
               "an event");

static inline uint8_t *put_32(uint8_t *at, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> (8 * i));
    return at + 4;
}

static inline uint8_t *put_64(uint8_t *at, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(n >> (8 * i));
    return at + 8;
}

/* Two moves that may overlap reach all of a short text, and nothing beside it. */
static inline void copy(void *to, const char *from, size_t len)
{
    char *out = to;
    if (len > 16) {
        memcpy(out, from, len);
    } else if (len >= 8) {
        uint64_t first, last;
        memcpy(&first, from, 8);
        memcpy(&last, from + len - 8, 8);
        memcpy(out, &first, 8);
        memcpy(out + len - 8, &last, 8);
    } else if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + len - 4, 4);
        memcpy(out, &first, 4);
        memcpy(out + len - 4, &last, 4);
    } else if (len > 0) {
        out[0] = from[0];
        out[len / 2] = from[len / 2];
        out[len - 1] = from[len - 1];
    }
}

/* Sixteen bytes at a time, which reaches over the end of the text, here and there. */
static inline void copy_roomy(uint8_t *to, char *also_to, const char *from, size_t len)
{
    size_t i = 0;
    do {
        char step[EVENT_SLACK];
        memcpy(step, from + i, sizeof step);
        memcpy(to + i, step, sizeof step);
        memcpy(also_to + i, step, sizeof step);
        i += sizeof step;
    } while (i < len);
}

uint32_t event_note(void *memory, enum event_fate fate, uint32_t slot, int64_t offset, struct text text)
{
    REQUIRE(fate != EVENT_APPLY);
    REQUIRE(sizeof(struct event) + text.len <= EVENT_SIZE_MAX);
    struct event *e = memory;
    memset(e, 0, sizeof *e);
    e->size = rounded_up(sizeof *e + text.len);
    memset((char *)e + sizeof *e, 0, e->size - sizeof *e);
    e->fate = (uint8_t)fate;
    e->slot = slot;
    e->offset = offset;
    e->key_at = sizeof *e;
    e->key_len = (uint32_t)text.len;
    if (text.len > 0)
        memcpy((char *)e + e->key_at, text.at, text.len);
    return e->size;
}

void event_begin(struct event_builder *b, void *memory, enum record_kind kind, struct text key)
{
    b->event = memory;
    *b->event = (struct event){.fate = EVENT_APPLY, .kind = (uint8_t)kind};
    b->count = 0;
    b->key = key;
    b->roomy = TEXT("");
}

/* What is written one behind the other: the canonical form, and the texts of the event. */
struct layout {
    uint8_t *end;
    char *place;
    struct text roomy;
};

static inline bool is_roomy(const struct layout *l, struct text t)
{
    return (uintptr_t)t.at - (uintptr_t)l->roomy.at < l->roomy.len;
}

/* With its length, into the canonical form alone. */
static inline void put_text(struct layout *l, struct text t)
{
    REQUIRE(t.len <= EVENT_TEXT_MAX);
    l->end = put_32(l->end, (uint32_t)t.len);
    if (is_roomy(l, t) && t.len <= 2 * EVENT_SLACK) {
        memcpy(l->end, t.at, EVENT_SLACK);
        memcpy(l->end + EVENT_SLACK, t.at + EVENT_SLACK, EVENT_SLACK);
    } else {
        copy(l->end, t.at, t.len);
    }
    l->end += t.len;
}

/* Into the event as well. */
static inline void lay_text(struct layout *l, struct text t)
{
    if (is_roomy(l, t)) {
        REQUIRE(t.len <= EVENT_TEXT_MAX);
        l->end = put_32(l->end, (uint32_t)t.len);
        copy_roomy(l->end, l->place, t.at, t.len);
        l->end += t.len;
    } else {
        put_text(l, t);
        copy(l->place, t.at, t.len);
    }
    l->place += t.len;
}

/* intern_hash, without the two calls on the way to it. */
static inline uint32_t hash_text(struct text t)
{
    return (uint32_t)XXH3_64bits(t.at, t.len);
}

uint32_t event_finish(struct event_builder *b, int64_t occurred_at_us, int64_t version, bool by_version,
                      struct text event_id)
{
    struct event *e = b->event;
    if (e->flags & EVENT_DELETED) {
        e->carried = e->cleared = 0;
        b->count = 0;
    }
    e->value_count = b->count;
    e->occurred_at_us = occurred_at_us;
    e->stamp.major = by_version ? version : occurred_at_us;
    e->stamp.minor = by_version ? 0 : version;

    struct canonical c;
    char *start = (char *)e;
    struct event_value *values = (struct event_value *)(void *)(e + 1);
    struct layout l = {c.bytes, start + sizeof *e + b->count * sizeof *values, b->roomy};
    put_text(&l, event_id);
    *l.end++ = e->kind;
    *l.end++ = e->flags;
    e->key_at = (uint32_t)(l.place - start);
    e->key_len = (uint32_t)b->key.len;
    e->key_hash = hash_text(b->key);
    lay_text(&l, b->key);
    l.end = put_32(l.end, e->carried);
    l.end = put_32(l.end, e->cleared);
    const struct text *t = b->texts;
    for (struct event_value *v = values, *end = values + b->count; v < end; v++, t++) {
        if (t->at == NULL) {
            l.end = put_64(l.end, (uint64_t)v->number);
            continue;
        }
        v->number = hash_text(*t);
        v->text_at = (uint32_t)(l.place - start);
        v->text_len = (uint32_t)t->len;
        lay_text(&l, *t);
    }
    XXH128_hash_t hash = XXH3_128bits(c.bytes, (size_t)(l.end - c.bytes));
    e->stamp.hash_high = hash.high64;
    e->stamp.hash_low = hash.low64;
    memset(l.place, 0, 8);
    e->size = rounded_up((size_t)(l.place - start));
    return e->size;
}
