/* record_body.h - how the body of a record lies in memory, and in a checkpoint. For record*.c only.
 *
 * Many records stand still while one changes, so what was told of a record lies packed in one block, the body, and is
 * laid open when an event comes (record_change.c). A body holds each event once by which something stands: fields and
 * settings name it by its number, from 1. Events lie in the order of their stamps, so that whether one is newer than
 * another is a comparison of two numbers, and a record's bytes are the same in whatever order its events came.
 */
#pragma once
#include "aggregators/record.h"
#include <string.h>

enum {
    SETTINGS_MAX = 2 * HISTORY_MAX,
    EVENTS_MAX = FIELD_COUNT_MAX + 2 + SETTINGS_MAX + 1, /* the last one is new, and may turn out to matter to nobody */
    NAMES_MAX = EVENTS_MAX - 1,
    NO_EVENT = 0, /* older than all */
};

/* An event where its time says all: stamp.major is occurred_at_us, stamp.minor is 0. */
struct short_event {
    int64_t occurred_at_us;
    uint64_t hash_high, hash_low;
};

struct long_event {
    struct stamp stamp;
    int64_t occurred_at_us;
};

/* Followed by, each without a gap:
 *   int64_t      of each field that has a value and is wide, by field
 *   events       struct short_event, or struct long_event where one of them needs that; by stamp
 *   uint32_t     of each other field that has a value, by field
 *   uint32_t     the word of each setting
 *   uint8_t      of each setting: the number of its event
 *   uint8_t      of each setting: its field
 *   uint8_t      of each field that was told: the number of its event */
struct record_body {
    uint32_t set;  /* bit i: field i has a value */
    uint32_t told; /* bit i: field i was set or cleared since the deletion */
    uint16_t size; /* of all of it */
    uint8_t event_count, setting_count;
    uint8_t deletion; /* the greatest one: number of its event, or NO_EVENT */
    uint8_t exists;   /* the greatest event since that is none, or NO_EVENT: it does not exist */
    uint8_t has_long_events;
    uint8_t zero;
};

/* Fields whose values need more than 32 bits: instants, money and other decimals, whole numbers. */
extern const uint32_t record_wide_fields[KIND_COUNT];

/* Where the parts of a body begin. */
struct layout {
    size_t wide, events, narrow, words, setting_events, setting_fields, told, end;
    size_t event_size;
};

/* How many are set. Written out, since without an instruction for it, as on the least x86-64, the compiler calls a
 * function. Source: H. Warren, Hacker's Delight, 5-1. */
static inline unsigned bits(uint32_t set)
{
    set -= set >> 1 & 0x55555555;
    set = (set & 0x33333333) + (set >> 2 & 0x33333333);
    return ((set + (set >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

static inline uint32_t below(unsigned field)
{
    return (1u << field) - 1;
}

static inline struct layout layout_of(const struct record_body *b, unsigned kind)
{
    struct layout at = {.event_size = b->has_long_events ? sizeof(struct long_event) : sizeof(struct short_event)};
    at.wide = sizeof *b;
    at.events = at.wide + bits(b->set & record_wide_fields[kind]) * sizeof(int64_t);
    at.narrow = at.events + b->event_count * at.event_size;
    at.words = at.narrow + bits(b->set & ~record_wide_fields[kind]) * sizeof(uint32_t);
    at.setting_events = at.words + b->setting_count * sizeof(uint32_t);
    at.setting_fields = at.setting_events + b->setting_count;
    at.told = at.setting_fields + b->setting_count;
    at.end = at.told + bits(b->told);
    return at;
}

/* What malloc gives for so many bytes: a body that grows within it stays where it is. */
static inline size_t body_room(size_t size)
{
    return (size + 7) / 16 * 16 + 8;
}

static inline const char *bytes_of(const struct record_body *b)
{
    return (const char *)b;
}

static inline struct long_event event_at(const struct record_body *b, const struct layout *at, unsigned number)
{
    struct long_event e;
    const char *from = bytes_of(b) + at->events + (number - 1) * at->event_size;
    if (b->has_long_events) {
        memcpy(&e, from, sizeof e);
    } else {
        struct short_event s;
        memcpy(&s, from, sizeof s);
        e = (struct long_event){{s.occurred_at_us, 0, s.hash_high, s.hash_low}, s.occurred_at_us};
    }
    return e;
}

static inline unsigned event_of_field(const struct record_body *b, const struct layout *at, unsigned field)
{
    return (uint8_t)bytes_of(b)[at->told + bits(b->told & below(field))];
}

static inline int64_t word_at(const struct record_body *b, const struct layout *at, unsigned i)
{
    uint32_t word;
    memcpy(&word, bytes_of(b) + at->words + i * sizeof word, sizeof word);
    return word;
}

static inline unsigned event_of_setting(const struct record_body *b, const struct layout *at, unsigned i)
{
    return (uint8_t)bytes_of(b)[at->setting_events + i];
}

static inline unsigned field_of_setting(const struct record_body *b, const struct layout *at, unsigned i)
{
    return (uint8_t)bytes_of(b)[at->setting_fields + i];
}

static inline unsigned stage_field_of(unsigned kind)
{
    return kind == KIND_DEAL ? (unsigned)DEAL_STAGE : kind == KIND_LEAD ? (unsigned)LEAD_STATUS : FIELD_COUNT_MAX;
}
