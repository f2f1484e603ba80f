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
 * A message has a dozen short texts, and calls of memcpy and of the hash took longer than what they do. So each text is copied
 * once from where it is, by a few moves, into the canonical form, and from there into the event sixteen bytes at a time.
 */
#define XXH_INLINE_ALL
#include "aggregators/event.h"
#include "base/intern.h"
#include <string.h>
#include <xxhash.h>

/* Behind a text in the canonical form so many bytes may be read, and behind one in an event's memory as many be written. */
#define SLACK 16

static uint32_t rounded_up(size_t n)
{
    return (uint32_t)((n + 7) & ~(size_t)7);
}

/* Of what is not text in a canonical form: lengths, kind, flags, masks and numbers. */
#define CANONICAL_NUMBERS (4 + 2 + 4 + 8 + 8 * FIELD_COUNT_MAX)

/* Texts are at most 256 bytes each and an event_id is one of them: the canonical form is shorter than an event. */
struct canonical {
    uint8_t bytes[EVENT_SIZE_MAX + SLACK];
};

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

/* Leaves room for all that is no text. */
static inline uint8_t *put_text(struct canonical *c, uint8_t *at, struct text t)
{
    REQUIRE((size_t)(at - c->bytes) + t.len + CANONICAL_NUMBERS <= EVENT_SIZE_MAX);
    at = put_32(at, (uint32_t)t.len);
    copy(at, t.at, t.len);
    return at + t.len;
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
    b->key = key;
}

/* Puts a text, which ends the canonical form so far, behind what is laid out already, and gives its offset. */
static inline uint32_t lay_text(char *start, size_t *at, const uint8_t *end, size_t len)
{
    size_t place = *at;
    if (len <= SLACK && place + SLACK <= EVENT_SIZE_MAX) {
        memcpy(start + place, end - len, SLACK);
    } else {
        REQUIRE(place + len <= EVENT_SIZE_MAX);
        memcpy(start + place, end - len, len);
    }
    *at = place + len;
    return (uint32_t)place;
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
        e->value_count = 0;
    }
    e->occurred_at_us = occurred_at_us;
    e->stamp.major = by_version ? version : occurred_at_us;
    e->stamp.minor = by_version ? 0 : version;

    struct canonical c;
    char *start = (char *)e;
    struct event_value *values = (struct event_value *)(void *)(e + 1);
    size_t at = sizeof *e + e->value_count * sizeof *values;
    uint8_t *end = put_text(&c, c.bytes, event_id);
    *end++ = e->kind;
    *end++ = e->flags;
    end = put_text(&c, end, b->key);
    e->key_at = lay_text(start, &at, end, b->key.len);
    e->key_len = (uint32_t)b->key.len;
    e->key_hash = hash_text(b->key);
    end = put_32(end, e->carried);
    end = put_32(end, e->cleared);
    for (uint32_t i = 0; i < e->value_count; i++) {
        struct text t = b->texts[i];
        if (t.at == NULL) {
            end = put_64(end, (uint64_t)values[i].number);
            continue;
        }
        end = put_text(&c, end, t);
        values[i].number = hash_text(t);
        values[i].text_at = lay_text(start, &at, end, t.len);
        values[i].text_len = (uint32_t)t.len;
    }
    XXH128_hash_t hash = XXH3_128bits(c.bytes, (size_t)(end - c.bytes));
    e->stamp.hash_high = hash.high64;
    e->stamp.hash_low = hash.low64;
    e->size = rounded_up(at);
    memset(start + at, 0, e->size - at);
    return e->size;
}
