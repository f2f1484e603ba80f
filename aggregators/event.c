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
 */
#define XXH_INLINE_ALL
#include "aggregators/event.h"
#include "base/intern.h"
#include <string.h>
#include <xxhash.h>

enum { KEY = FIELD_COUNT_MAX }; /* the key's place in event_builder.texts */

static uint32_t rounded_up(size_t n)
{
    return (uint32_t)((n + 7) & ~(size_t)7);
}

/* Texts are at most 256 bytes each and an event_id is one of them: the canonical form is shorter than an event. */
struct canonical {
    uint8_t bytes[EVENT_SIZE_MAX];
    size_t len;
};

static void canonical_integer(struct canonical *c, uint64_t n, unsigned bytes)
{
    REQUIRE(c->len + bytes <= sizeof c->bytes);
    for (unsigned i = 0; i < bytes; i++)
        c->bytes[c->len++] = (uint8_t)(n >> (8 * i));
}

static void canonical_text(struct canonical *c, struct text t)
{
    canonical_integer(c, t.len, 4);
    REQUIRE(c->len + t.len <= sizeof c->bytes);
    if (t.len > 0)
        memcpy(c->bytes + c->len, t.at, t.len);
    c->len += t.len;
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
    memset(b->event, 0, sizeof *b->event);
    b->event->fate = EVENT_APPLY;
    b->event->kind = (uint8_t)kind;
    b->texts[KEY] = key;
}

/* Marks the field and gives its bit's place; fields come in the order of the table, each once. */
static void carry(struct event_builder *b, unsigned field)
{
    REQUIRE(field < FIELD_COUNT_MAX);
    REQUIRE(b->event->carried >> field == 0);
    b->event->carried |= UINT32_C(1) << field;
}

void event_add_null(struct event_builder *b, unsigned field)
{
    carry(b, field);
    b->event->cleared |= UINT32_C(1) << field;
}

void event_add_number(struct event_builder *b, unsigned field, int64_t number)
{
    carry(b, field);
    uint32_t i = b->event->value_count++;
    b->values[i] = (struct event_value){.number = number};
    b->texts[i] = (struct text){NULL, 0};
}

void event_add_text(struct event_builder *b, unsigned field, struct text value)
{
    carry(b, field);
    REQUIRE(value.at != NULL);
    uint32_t i = b->event->value_count++;
    b->values[i] = (struct event_value){0};
    b->texts[i] = value;
}

static void stamp_hash(const struct event_builder *b, struct text event_id, struct stamp *out)
{
    const struct event *e = b->event;
    struct canonical c;
    c.len = 0;
    canonical_text(&c, event_id);
    canonical_integer(&c, e->kind, 1);
    canonical_integer(&c, e->flags, 1);
    canonical_text(&c, b->texts[KEY]);
    canonical_integer(&c, e->carried, 4);
    canonical_integer(&c, e->cleared, 4);
    for (uint32_t i = 0; i < e->value_count; i++) {
        if (b->texts[i].at != NULL)
            canonical_text(&c, b->texts[i]);
        else
            canonical_integer(&c, (uint64_t)b->values[i].number, 8);
    }
    XXH128_hash_t hash = XXH3_128bits(c.bytes, c.len);
    out->hash_high = hash.high64;
    out->hash_low = hash.low64;
}

/* Appends a text behind what is laid out already and gives its offset. */
static uint32_t lay_text(char *start, size_t *at, struct text t)
{
    uint32_t place = (uint32_t)*at;
    REQUIRE(*at + t.len <= EVENT_SIZE_MAX);
    if (t.len > 0)
        memcpy(start + *at, t.at, t.len);
    *at += t.len;
    return place;
}

uint32_t event_finish(struct event_builder *b, int64_t occurred_at_us, int64_t version, bool by_version,
                      struct text event_id)
{
    struct event *e = b->event;
    if (e->flags & EVENT_DELETED) {
        e->carried = e->cleared = 0;
        e->value_count = 0;
    }
    e->occurred_at_us = occurred_at_us;
    e->stamp.major = by_version ? version : occurred_at_us;
    e->stamp.minor = by_version ? 0 : version;
    stamp_hash(b, event_id, &e->stamp);

    char *start = (char *)e;
    struct event_value *values = (struct event_value *)(void *)(e + 1);
    size_t at = sizeof *e + e->value_count * sizeof *values;
    e->key_at = lay_text(start, &at, b->texts[KEY]);
    e->key_len = (uint32_t)b->texts[KEY].len;
    e->key_hash = intern_hash(b->texts[KEY]);
    for (uint32_t i = 0; i < e->value_count; i++) {
        if (b->texts[i].at != NULL) {
            b->values[i].text_at = lay_text(start, &at, b->texts[i]);
            b->values[i].text_len = (uint32_t)b->texts[i].len;
            b->values[i].number = intern_hash(b->texts[i]);
        }
        values[i] = b->values[i];
    }
    e->size = rounded_up(at);
    memset(start + at, 0, e->size - at);
    return e->size;
}
