/* event.h - one decoded message, as bytes that can lie in a ring.
 *
 * A consumer writes it, the shard's writer reads it. It holds no pointers: texts are offsets into
 * the bytes that follow the values. Values stand in the order of the field table, one for each
 * field that the event carries.
 *
 * Layout: struct event, value_count x struct event_value, text bytes; `size` covers all and is a
 * multiple of 8.
 */
#pragma once
#include "base/bits.h"
#include "base/error.h"
#include "base/text.h"
#include "config/field.h"
#include <stdint.h>

/* How new an event is. Compared field by field in this order; equal stamps are the same event.
 * order_by occurred_at: major = occurred_at in us, minor = version or 0. order_by version: major = version, minor = 0.
 * hash: XXH3-128 of event_id (its length first) and of the decoded content. AMENDMENTS 8 and IV.6. */
struct stamp {
    int64_t major, minor;
    uint64_t hash_high, hash_low;
};

static inline int stamp_compare(const struct stamp *a, const struct stamp *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    if (a->minor != b->minor)
        return a->minor < b->minor ? -1 : 1;
    if (a->hash_high != b->hash_high)
        return a->hash_high < b->hash_high ? -1 : 1;
    if (a->hash_low != b->hash_low)
        return a->hash_low < b->hash_low ? -1 : 1;
    return 0;
}

enum event_fate {
    EVENT_APPLY,       /* goes to the ledger */
    EVENT_DEAD_LETTER, /* only counted, by `reason`; moves the offset */
    EVENT_FILTERED,    /* only counted; moves the offset */
    EVENT_SLOT,        /* announces a slot: key = topic, `offset` = partition; before any other of that slot */
    EVENT_END,         /* EOF of a partition: moves the offset to `offset`, is not counted as read */
    EVENT_BEHIND,      /* the partition has more than will be read for now: it is not at its end. Moves nothing */
    EVENT_GAP, /* the log does not go on where we were: moves the offset to `offset` (-1: the partition is gone),
                          back as well, and is counted as a gap */
};

enum { EVENT_DELETED = 1 }; /* flags: deleted, or a tombstone; carries no fields */

struct event {
    uint32_t size;
    uint8_t fate;   /* enum event_fate */
    uint8_t kind;   /* enum record_kind */
    uint8_t reason; /* enum error, of a dead letter */
    uint8_t flags;
    uint32_t slot;            /* which topic and partition: index in the shard's positions */
    uint32_t carried;         /* bit i: field i of the kind is carried */
    uint32_t cleared;         /* bit i: carried as null; its value is not there */
    uint32_t key_at, key_len; /* offset from the start of the event */
    uint32_t key_hash;        /* intern_hash, so that its reader need not look at the bytes to ask for its record */
    uint32_t value_count;     /* = popcount(carried & ~cleared) */
    uint32_t zero;
    int64_t offset;   /* of the message in its partition; EVENT_END: the next position */
    int64_t kafka_ms; /* the message's time stamp */
    int64_t occurred_at_us;
    uint64_t message_hash; /* of the message's bytes: tells whether a log still is the one that was read */
    struct stamp stamp;
};

struct event_value {
    int64_t number;             /* of a text: its intern_hash */
    uint32_t text_at, text_len; /* FIELD_TEXT: offset from the start of the event */
};

/* No event is larger: 20 values and 20 texts of 256 bytes fit. */
#define EVENT_SIZE_MAX 8192u

/* An event of fate EVENT_SLOT, EVENT_END, EVENT_BEHIND, EVENT_GAP, EVENT_DEAD_LETTER or EVENT_FILTERED in `memory`; `text` is the
 * topic of EVENT_SLOT, else empty. Returns the size. */
uint32_t event_note(void *memory, enum event_fate fate, uint32_t slot, int64_t offset, struct text text);

static inline const struct event_value *event_values(const struct event *e)
{
    return (const struct event_value *)(const void *)(e + 1);
}

static inline struct text event_key(const struct event *e)
{
    return (struct text){(const char *)e + e->key_at, e->key_len};
}

static inline struct text event_text(const struct event *e, const struct event_value *v)
{
    return (struct text){(const char *)e + v->text_at, v->text_len};
}

/* Writes an event step by step into memory of EVENT_SIZE_MAX bytes, aligned to 8. Fields must be
 * added in the order of the field table. The builder borrows the memory until event_finish. */
struct event_builder {
    struct event *event;                /* numbers are written into their values at once */
    uint32_t count;                     /* of values so far */
    struct text texts[FIELD_COUNT_MAX]; /* by value; at NULL: a number. Borrowed until event_finish */
    struct text key;
    struct text roomy; /* behind texts that begin in here 2 * EVENT_SLACK bytes may be read; empty after event_begin */
};

/* No more than that is copied at once; and no text is longer than EVENT_TEXT_MAX. */
enum { EVENT_SLACK = 16, EVENT_TEXT_MAX = 256 };

void event_begin(struct event_builder *b, void *memory, enum record_kind kind, struct text key);

/* Adds a value in three steps instead of one, where there are many: values come first, in the order of their fields, and
 * event_carry says of all of them whose they are, and which other fields are null. */
static inline void event_put_number(struct event_builder *b, int64_t number)
{
    uint32_t i = b->count++;
    REQUIRE(i < FIELD_COUNT_MAX);
    ((struct event_value *)(void *)(b->event + 1))[i] = (struct event_value){.number = number};
    b->texts[i].at = NULL;
}

static inline void event_put_text(struct event_builder *b, struct text value)
{
    uint32_t i = b->count++;
    REQUIRE(i < FIELD_COUNT_MAX);
    b->texts[i] = value;
}

static inline void event_carry(struct event_builder *b, uint32_t carried, uint32_t cleared)
{
    REQUIRE((cleared & ~carried) == 0 && carried >> FIELD_COUNT_MAX == 0);
    b->event->carried = carried;
    b->event->cleared = cleared;
    REQUIRE(b->count == bits_count(carried & ~cleared));
}

/* One field after the other, in the order of the table, each once. */
static inline uint32_t event_next(const struct event_builder *b, unsigned field)
{
    REQUIRE(field < FIELD_COUNT_MAX && b->event->carried >> field == 0);
    return b->event->carried | UINT32_C(1) << field;
}

static inline void event_add_null(struct event_builder *b, unsigned field)
{
    event_carry(b, event_next(b, field), b->event->cleared | UINT32_C(1) << field);
}

static inline void event_add_number(struct event_builder *b, unsigned field, int64_t number)
{
    event_put_number(b, number);
    event_carry(b, event_next(b, field), b->event->cleared);
}

static inline void event_add_text(struct event_builder *b, unsigned field, struct text value)
{
    REQUIRE(value.at != NULL);
    event_put_text(b, value);
    event_carry(b, event_next(b, field), b->event->cleared);
}

/* Lays out the bytes and sets size and the stamp: occurred_at_us, version (0 where none), event_id
 * (empty where none) and, with `by_version`, version alone first. A deleted event (flag set before)
 * carries no fields. Returns the size. */
uint32_t event_finish(struct event_builder *b, int64_t occurred_at_us, int64_t version, bool by_version,
                      struct text event_id);
