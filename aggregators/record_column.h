/* record_column.h - a body on its way to become bytes: its columns, one after the other, hashes, and all of it into the record. For
 * record*.c only.
 *
 * Whether a column is counted in thousands, and how wide it is, is known when all of its numbers are: so they are gathered, and then
 * packed. The form is the least one, by which a record's bytes say nothing of the way they came about.
 */
#pragma once
#include "aggregators/record_body.h"
#include "base/error.h"

/* Bytes for a body of so many numbers and events, and eight more that packed_put may spoil. */
#define BODY_ROOM(numbers, events) \
    (BODY_HEAD + (numbers)*8 + (events)*HASH_SIZE + 2 * SETTINGS_MAX + FIELD_COUNT_MAX + 8)

struct open_column {
    unsigned count;
    bool in_ones;
    struct packed_need need, need_in_thousands;
    int64_t numbers[EVENTS_MAX], in_thousands[EVENTS_MAX];
};

static inline void column_begin(struct open_column *column, enum body_column c)
{
    column->count = 0;
    column->in_ones = !is_round(c);
    column->need = column->need_in_thousands = (struct packed_need){0};
}

static inline void column_add(struct open_column *column, enum body_column c, int64_t number)
{
    if (is_round(c)) {
        int64_t thousands = packed_in_units(number, PACKED_THOUSANDS);
        column->in_ones = column->in_ones || thousands * packed_units[PACKED_THOUSANDS] != number;
        column->in_thousands[column->count] = thousands;
        packed_add(&column->need_in_thousands, thousands);
    }
    column->numbers[column->count++] = number;
    packed_add(&column->need, number);
}

/* Packs it to `to`; returns where the next one begins. */
static inline char *column_pack(const struct open_column *column, char *to, uint8_t *out_form)
{
    const struct packed_need *need = column->in_ones ? &column->need : &column->need_in_thousands;
    const int64_t *numbers = column->in_ones ? column->numbers : column->in_thousands;
    struct packed_form f = {(uint8_t)packed_widest(need), column->in_ones ? PACKED_ONES : PACKED_THOUSANDS};
    *out_form = packed_byte(f);
    for (unsigned i = 0; i < column->count && f.width > 0; i++)
        to = packed_put(to, f.width, numbers[i]);
    return to;
}

static inline char *put_hash(char *to, const struct stamp *s)
{
    memcpy(to, &s->hash_high, sizeof s->hash_high);
    memcpy(to + sizeof s->hash_high, &s->hash_low, sizeof s->hash_low);
    return to + HASH_SIZE;
}

/* Gives the record these bytes, which begin with a head, for its body of `before` bytes; 0 where it has none. */
static inline void put_body(struct record *r, size_t before, const char *bytes, size_t count)
{
    if (r->body == NULL || must_room(before) != must_room(count))
        r->body = must_realloc(r->body, must_room(count));
    memcpy(r->body, bytes, count);
}
