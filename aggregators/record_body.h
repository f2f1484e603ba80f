/* record_body.h - how the body of a record lies in memory, and in a checkpoint. For record*.c only.
 *
 * Many records stand still while one changes, so what was told of a record lies packed in one block, the body. Of most events
 * a new one is made of it by what they add (record_append.c); for all others it is laid open (record_change.c). A body holds each
 * event once by which something stands: fields and settings name it by its number, from 1. Events lie in the order of their
 * stamps, so that whether one is newer than another is a comparison of two numbers, and a record's bytes are the same in
 * whatever order its events came.
 */
#pragma once
#include "aggregators/record.h"
#include "base/bits.h"
#include "base/packed.h"
#include <stddef.h>
#include <string.h>

enum {
    SETTINGS_MAX = 2 * HISTORY_MAX,
    EVENTS_MAX = FIELD_COUNT_MAX + 2 + SETTINGS_MAX + 1, /* the last one is new, and may turn out to matter to nobody */
    NAMES_MAX = EVENTS_MAX - 1,
    NO_EVENT = 0, /* older than all */
};

struct told_event {
    struct stamp stamp;
    int64_t occurred_at_us;
};

/* Columns of numbers (base/packed.h), in this order. Made for inputs that are ordered by time: where they are by version, which lies far
 * from any instant, instants take seven bytes. */
enum body_column {
    COLUMN_NAMES,    /* of each field that has a value, by field, and is none of these; in ones */
    COLUMN_INSTANTS, /* of each field that is an instant: since the first event's major */
    COLUMN_NUMBERS,  /* of each field that is money, another decimal or a whole number */
    COLUMN_WORDS,    /* of each setting; in ones */
    COLUMN_MAJORS,   /* of each event, by stamp: since the first one's */
    COLUMN_MINORS,   /* in ones */
    COLUMN_OCCURRED, /* since its major, in ones: all are 0 but where inputs are ordered by version */
    BODY_COLUMNS,
    FIELD_COLUMNS = COLUMN_WORDS /* which are the first */
};

/* Followed by, each without a gap: the columns; then
 *   2 uint64_t   of each event: its hash, high and low
 *   uint8_t      of each setting: the number of its event
 *   uint8_t      of each setting: its field
 *   uint8_t      of each field that was told: the number of its event */
struct record_body {
    int64_t first_major; /* of the least stamp */
    uint32_t set;        /* bit i: field i has a value */
    uint32_t told;       /* bit i: field i was set or cleared since the deletion */
    uint8_t event_count, setting_count;
    uint8_t deletion; /* the greatest one: number of its event, or NO_EVENT */
    uint8_t exists;   /* the greatest event since that is none, or NO_EVENT: it does not exist */
    uint8_t forms[BODY_COLUMNS];
};

/* All that a body has before its columns: less than sizeof, which is padded. With its first event it has more. */
enum { BODY_HEAD = offsetof(struct record_body, forms) + BODY_COLUMNS, HASH_SIZE = 2 * sizeof(uint64_t) };
_Static_assert(BODY_HEAD + HASH_SIZE >= sizeof(struct record_body), "a body is read as a whole struct");

/* Fields whose values are instants; those that need more than 32 bits otherwise. */
extern const uint32_t record_instants[KIND_COUNT], record_numbers[KIND_COUNT];

/* The fields whose values lie in a column. */
static inline uint32_t fields_in(enum body_column c, unsigned kind)
{
    uint32_t instants = record_instants[kind], numbers = record_numbers[kind];
    return c == COLUMN_INSTANTS ? instants : c == COLUMN_NUMBERS ? numbers : ~instants & ~numbers;
}

/* Times and money are mostly of thousands: such a column is counted in them where all of its numbers are. */
static inline bool is_round(enum body_column c)
{
    return c == COLUMN_INSTANTS || c == COLUMN_NUMBERS || c == COLUMN_MAJORS;
}

/* From where the values in it are counted. */
static inline int64_t base_of(enum body_column c, int64_t first_major)
{
    return c == COLUMN_INSTANTS ? first_major : 0;
}

/* Where the parts of a body begin. */
struct layout {
    size_t columns[BODY_COLUMNS];
    uint8_t counts[BODY_COLUMNS]; /* of numbers in them */
    size_t hashes, setting_events, setting_fields, told, end;
};

static inline uint32_t below(unsigned field)
{
    return (1u << field) - 1;
}

static inline struct packed_form form_in(const struct record_body *b, enum body_column c)
{
    return packed_form_of(b->forms[c]);
}

static inline struct layout layout_of(const struct record_body *b, unsigned kind)
{
    struct layout at = {.counts = {[COLUMN_NAMES] = (uint8_t)bits_count(b->set & fields_in(COLUMN_NAMES, kind)),
                                   [COLUMN_INSTANTS] = (uint8_t)bits_count(b->set & fields_in(COLUMN_INSTANTS, kind)),
                                   [COLUMN_NUMBERS] = (uint8_t)bits_count(b->set & fields_in(COLUMN_NUMBERS, kind)),
                                   [COLUMN_WORDS] = b->setting_count,
                                   [COLUMN_MAJORS] = b->event_count,
                                   [COLUMN_MINORS] = b->event_count,
                                   [COLUMN_OCCURRED] = b->event_count}};
    size_t next = BODY_HEAD;
    for (unsigned c = 0; c < BODY_COLUMNS; c++) {
        at.columns[c] = next;
        next += (size_t)at.counts[c] * form_in(b, c).width;
    }
    at.hashes = next;
    at.setting_events = at.hashes + b->event_count * (size_t)HASH_SIZE;
    at.setting_fields = at.setting_events + b->setting_count;
    at.told = at.setting_fields + b->setting_count;
    at.end = at.told + bits_count(b->told);
    return at;
}

static inline const char *bytes_of(const struct record_body *b)
{
    return (const char *)b;
}

static inline int64_t number_in(const struct record_body *b, const struct layout *at, enum body_column c, unsigned i)
{
    struct packed_form f = form_in(b, c);
    return packed_number(bytes_of(b) + at->columns[c] + i * f.width, f);
}

/* Differences may be of numbers that lie further apart than an int64_t reaches, and wrap. */
static inline int64_t since(int64_t from, int64_t to)
{
    return (int64_t)((uint64_t)to - (uint64_t)from);
}

static inline int64_t after(int64_t from, int64_t difference)
{
    return (int64_t)((uint64_t)from + (uint64_t)difference);
}

static inline struct told_event event_at(const struct record_body *b, const struct layout *at, unsigned number)
{
    unsigned i = number - 1;
    struct told_event e;
    const char *hash = bytes_of(b) + at->hashes + i * (size_t)HASH_SIZE;
    e.stamp.major = after(b->first_major, number_in(b, at, COLUMN_MAJORS, i));
    e.stamp.minor = number_in(b, at, COLUMN_MINORS, i);
    e.occurred_at_us = after(e.stamp.major, number_in(b, at, COLUMN_OCCURRED, i));
    memcpy(&e.stamp.hash_high, hash, sizeof e.stamp.hash_high);
    memcpy(&e.stamp.hash_low, hash + sizeof e.stamp.hash_high, sizeof e.stamp.hash_low);
    return e;
}

static inline unsigned event_of_field(const struct record_body *b, const struct layout *at, unsigned field)
{
    return (uint8_t)bytes_of(b)[at->told + bits_count(b->told & below(field))];
}

static inline int64_t word_at(const struct record_body *b, const struct layout *at, unsigned i)
{
    return number_in(b, at, COLUMN_WORDS, i);
}

/* The word of a setting by which a field became what it is. */
static inline uint32_t setting_word(const struct record_value *v)
{
    return v->present ? (uint32_t)v->value + 1 : 0;
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

/* Applies an event where it only adds to what was told: record_append.c. `kept`: the fields of which settings are kept. False: it does
 * more, and nothing has changed. */
bool record_append(struct record *r, const struct told_event *e, uint32_t carried, uint32_t kept,
                   const struct record_value *values);
