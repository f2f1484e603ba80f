/* Each column has a form of its own (packed.h): what lies before its numbers is never less than the head of the leaf. A number that does
 * not fit makes its column be looked through, and laid out anew by the least form that all of its numbers fit; the allocation is rounded
 * up to what malloc gives anyway. */
#include "aggregators/leaf.h"
#include "base/error.h"
#include "base/packed.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 2 + STREAM_MEASURES_MAX };

static unsigned column_count(struct row_shape s)
{
    return 1u + s.valued + s.measures;
}

static struct packed_form form_of(const struct leaf *leaf, unsigned column)
{
    return packed_form_of(leaf->bytes[column]);
}

static unsigned row_width(struct row_shape s, const struct leaf *leaf)
{
    unsigned width = 0;
    for (unsigned c = 0; c < column_count(s); c++)
        width += form_of(leaf, c).width;
    return width;
}

/* Where a column begins in `bytes`. */
static unsigned column_begin(struct row_shape s, const struct leaf *leaf, unsigned column)
{
    unsigned width = 0;
    for (unsigned c = 0; c < column; c++)
        width += form_of(leaf, c).width;
    return column_count(s) + width * leaf->room;
}

/* The form of a column whose numbers are all 1, as most counts are: it takes no bytes either. That of zeros has unit 0. */
enum { ALL_ONE = 1 };

/* What each number of a column is that takes no bytes. */
static inline int64_t number_without_bytes(struct packed_form f)
{
    return f.unit == ALL_ONE;
}

static int64_t read_row(const struct leaf *leaf, unsigned begin, struct packed_form f, unsigned i)
{
    return f.width == 0 ? number_without_bytes(f) : packed_number(leaf->bytes + begin + i * f.width, f);
}

static struct packed_form form_for(const int64_t *numbers, unsigned count, int64_t *out_in_units)
{
    unsigned ones = 0;
    while (ones < count && numbers[ones] == 1)
        ones++;
    return ones == count ? (struct packed_form){0, ALL_ONE} : packed_form_for(numbers, count, out_in_units);
}

/* A leaf with no rows yet and room for at least `rows`. */
static struct leaf *leaf_alloc(struct row_shape s, const uint8_t *forms, unsigned rows, int64_t base_us)
{
    unsigned columns = column_count(s), width = 0;
    for (unsigned c = 0; c < columns; c++)
        width += forms[c] & 15;
    size_t head = offsetof(struct leaf, bytes) + columns, room = LEAF_ROWS;
    if (width > 0 && rows < LEAF_ROWS)
        room = (must_room(head + (size_t)rows * width) - head) / width;
    room = room < LEAF_ROWS ? room : LEAF_ROWS;
    struct leaf *leaf = must_alloc(must_room(head + room * width));
    leaf->room = (uint8_t)room;
    leaf->base_us = base_us;
    leaf->count = 0;
    memcpy(leaf->bytes, forms, columns);
    return leaf;
}

/* The same rows in those forms, with room for `rows`; the numbers of columns in `fresh` (a bit each) are taken from
 * there. `leaf` is freed. */
static struct leaf *lay_out(struct row_shape s, struct leaf *leaf, const uint8_t *forms, unsigned rows, int64_t base_us,
                            uint32_t fresh, int64_t numbers[][LEAF_ROWS])
{
    struct leaf *to = leaf_alloc(s, forms, rows, base_us);
    unsigned from_begin = column_count(s), to_begin = from_begin;
    to->count = leaf->count;
    for (unsigned c = 0; c < column_count(s); c++) {
        struct packed_form f = form_of(to, c), was = form_of(leaf, c);
        if (fresh & 1u << c)
            for (unsigned i = 0; i < leaf->count; i++)
                packed_write(to->bytes + to_begin + i * f.width, f.width, packed_in_units(numbers[c][i], f.unit));
        else
            memcpy(to->bytes + to_begin, leaf->bytes + from_begin, (size_t)leaf->count * f.width);
        from_begin += leaf->room * was.width;
        to_begin += to->room * f.width;
    }
    free(leaf);
    return to;
}

/* A column's number of a row, instants as they are. */
static inline int64_t *number_of(struct row_shape s, struct row *row, unsigned column)
{
    if (column == 0)
        return &row->at_us;
    return s.valued && column == 1 ? &row->value : &row->measures[column - 1 - s.valued];
}

/* The number that a column keeps of a row, in a leaf with that base. */
static int64_t number_in(struct row_shape s, int64_t base_us, unsigned column, const struct row *row)
{
    return *number_of(s, (struct row *)(uintptr_t)row, column) - (column == 0 ? base_us : 0);
}

static inline bool fits(int64_t number, unsigned width)
{
    return width >= 8 || (int64_t)((uint64_t)number << (64 - 8 * width)) >> (64 - 8 * width) == number;
}

/* The row in the units of the columns; bit c of the result: column c cannot take its number. */
static uint32_t encode(struct row_shape s, const struct leaf *leaf, const struct row *row, int64_t *out)
{
    uint32_t misfits = row->at_us < leaf->base_us;
    unsigned columns = column_count(s);
    out[0] = row->at_us - leaf->base_us;
    out[1] = row->value;
    memcpy(out + 1 + s.valued, row->measures, s.measures * sizeof *out);
    for (unsigned c = 0; c < columns; c++) {
        struct packed_form f = form_of(leaf, c);
        int64_t number = out[c];
        if (f.width == 0) {
            misfits |= (uint32_t)(number != number_without_bytes(f)) << c;
            continue;
        }
        if (packed_units[f.unit] != 1) {
            out[c] = packed_in_units(number, f.unit);
            misfits |= (uint32_t)(out[c] * packed_units[f.unit] != number) << c;
        }
        misfits |= (uint32_t)!fits(out[c], f.width) << c;
    }
    return misfits;
}

/* Gives the columns a form that takes the row's numbers as well, with room for `rows`. */
static struct leaf *reform(struct row_shape s, struct leaf *leaf, const struct row *row, uint32_t misfits,
                           unsigned rows)
{
    int64_t numbers[COLUMNS_MAX][LEAF_ROWS];
    uint8_t forms[COLUMNS_MAX];
    memcpy(forms, leaf->bytes, column_count(s));
    int64_t base_us = leaf->base_us;
    for (uint32_t left = misfits; left != 0; left &= left - 1) {
        unsigned c = (unsigned)__builtin_ctz(left), begin = column_begin(s, leaf, c);
        int64_t all[LEAF_ROWS + 1];
        for (unsigned i = 0; i < leaf->count; i++)
            all[i] = read_row(leaf, begin, form_of(leaf, c), i);
        all[leaf->count] = number_in(s, leaf->base_us, c, row);
        if (c == 0) { /* counted from the least one */
            int64_t least = leaf->count > 0 && all[0] < all[leaf->count] ? all[0] : all[leaf->count];
            base_us += least;
            for (unsigned i = 0; i <= leaf->count; i++)
                all[i] -= least;
        }
        int64_t ignored[LEAF_ROWS + 1];
        struct packed_form f = form_for(all, leaf->count + 1u, ignored);
        forms[c] = packed_byte(f);
        memcpy(numbers[c], all, leaf->count * sizeof *all);
    }
    return lay_out(s, leaf, forms, rows, base_us, misfits, numbers);
}

/* Writes the row as row i. `rows`: how many there are then; where that is one more, the rows from i on move up. */
static struct leaf *put_row(struct row_shape s, struct leaf *leaf, unsigned i, const struct row *row, unsigned rows)
{
    int64_t numbers[COLUMNS_MAX] = {0};
    uint32_t misfits = encode(s, leaf, row, numbers);
    if (misfits != 0 || rows > leaf->room) {
        leaf = reform(s, leaf, row, misfits, rows > leaf->count ? rows + rows / 4 : rows);
        REQUIRE(encode(s, leaf, row, numbers) == 0);
    }
    unsigned columns = column_count(s), above = rows > leaf->count ? leaf->count - i : 0;
    uint8_t *column = leaf->bytes + columns;
    for (unsigned c = 0; c < columns; c++) {
        unsigned width = form_of(leaf, c).width;
        uint8_t *at = column + i * width;
        if (above > 0) /* mostly it is the last row */
            memmove(at + width, at, (size_t)above * width);
        packed_write(at, width, numbers[c]);
        column += leaf->room * width;
    }
    leaf->count = (uint8_t)rows;
    return leaf;
}

struct leaf *leaf_create(struct row_shape s, const struct row *first, const struct leaf *like)
{
    uint8_t none[COLUMNS_MAX] = {0};
    struct leaf *leaf =
        leaf_alloc(s, like != NULL ? like->bytes : none, like != NULL ? LEAF_ROWS / 4 : 1, first->at_us);
    return leaf_insert(s, leaf, 0, first);
}

struct leaf *leaf_build(struct row_shape s, const struct row *rows, unsigned count)
{
    int64_t numbers[COLUMNS_MAX][LEAF_ROWS];
    uint8_t forms[COLUMNS_MAX];
    REQUIRE(count > 0 && count <= LEAF_ROWS);
    for (unsigned c = 0; c < column_count(s); c++) {
        int64_t column[LEAF_ROWS];
        for (unsigned i = 0; i < count; i++)
            column[i] = number_in(s, rows[0].at_us, c, &rows[i]);
        struct packed_form f = form_for(column, count, numbers[c]);
        forms[c] = packed_byte(f);
    }
    struct leaf *leaf = leaf_alloc(s, forms, count, rows[0].at_us);
    uint8_t *column = leaf->bytes + column_count(s);
    leaf->count = (uint8_t)count;
    for (unsigned c = 0; c < column_count(s); c++) {
        unsigned width = form_of(leaf, c).width;
        packed_put_column(column, width, numbers[c], count);
        column += leaf->room * width;
    }
    return leaf;
}

void leaf_instants(struct row_shape s, const struct leaf *leaf, int64_t *out)
{
    struct packed_form f = form_of(leaf, 0);
    const uint8_t *column = leaf->bytes + column_count(s);
    int64_t unit = packed_units[f.unit];
    for (unsigned i = 0; i < leaf->count; i++)
        out[i] = leaf->base_us + packed_read(column + i * f.width, f.width) * unit;
}

void leaf_rows(struct row_shape s, const struct leaf *leaf, struct row *out)
{
    unsigned begin = column_count(s);
    for (unsigned i = 0; i < leaf->count; i++)
        out[i].value = 0;
    for (unsigned c = 0; c < column_count(s); c++) {
        struct packed_form f = form_of(leaf, c);
        for (unsigned i = 0; i < leaf->count; i++)
            *number_of(s, &out[i], c) = read_row(leaf, begin, f, i) + (c == 0 ? leaf->base_us : 0);
        begin += leaf->room * f.width;
    }
}

int64_t leaf_at_us(struct row_shape s, const struct leaf *leaf, unsigned i)
{
    return leaf->base_us + read_row(leaf, column_count(s), form_of(leaf, 0), i);
}

static int64_t value_at(struct row_shape s, const struct leaf *leaf, unsigned i)
{
    return s.valued ? read_row(leaf, column_begin(s, leaf, 1), form_of(leaf, 1), i) : 0;
}

void leaf_row(struct row_shape s, const struct leaf *leaf, unsigned i, struct row *out)
{
    int64_t numbers[COLUMNS_MAX] = {0};
    unsigned begin = column_count(s);
    for (unsigned c = 0; c < column_count(s); c++) {
        struct packed_form f = form_of(leaf, c);
        numbers[c] = read_row(leaf, begin, f, i);
        begin += leaf->room * f.width;
    }
    out->at_us = leaf->base_us + numbers[0];
    out->value = s.valued ? numbers[1] : 0;
    memcpy(out->measures, numbers + 1 + s.valued, s.measures * sizeof *numbers);
}

unsigned leaf_find(struct row_shape s, const struct leaf *leaf, int64_t at_us, int64_t value)
{
    unsigned low = 0, high = leaf->count;
    if (high == 0 || at_us < leaf->base_us)
        return 0;
    const uint8_t *column = leaf->bytes + column_count(s);
    struct packed_form f = form_of(leaf, 0);
    int64_t since = (int64_t)((uint64_t)at_us - (uint64_t)leaf->base_us), unit = packed_units[f.unit];
    unsigned middle = high - 1; /* most rows are the newest: one look instead of six */
    while (low < high) {
        int64_t here = packed_read(column + middle * f.width, f.width) * unit;
        if (here < since || (here == since && s.valued && value_at(s, leaf, middle) < value))
            low = middle + 1;
        else
            high = middle;
        middle = (low + high) / 2;
    }
    return low;
}

struct leaf *leaf_insert(struct row_shape s, struct leaf *leaf, unsigned i, const struct row *row)
{
    REQUIRE(i <= leaf->count && leaf->count < LEAF_ROWS);
    return put_row(s, leaf, i, row, leaf->count + 1u);
}

struct leaf *leaf_set(struct row_shape s, struct leaf *leaf, unsigned i, const int64_t *measures)
{
    struct row row;
    leaf_row(s, leaf, i, &row);
    memcpy(row.measures, measures, s.measures * sizeof *measures);
    return put_row(s, leaf, i, &row, leaf->count);
}

struct leaf *leaf_remove(struct row_shape s, struct leaf *leaf, unsigned from, unsigned to)
{
    REQUIRE(from <= to && to <= leaf->count);
    unsigned left = leaf->count - (to - from), begin = column_count(s);
    if (left == 0) {
        free(leaf);
        return NULL;
    }
    for (unsigned c = 0; c < column_count(s); c++) {
        unsigned width = form_of(leaf, c).width;
        memmove(leaf->bytes + begin + from * width, leaf->bytes + begin + to * width,
                (size_t)(leaf->count - to) * width);
        begin += leaf->room * width;
    }
    leaf->count = (uint8_t)left;
    return leaf;
}

struct leaf *leaf_split(struct row_shape s, struct leaf *leaf, unsigned keep, struct leaf **out_right)
{
    REQUIRE(keep > 0 && keep < leaf->count);
    struct leaf *right = leaf_alloc(s, leaf->bytes, leaf->count - keep + 1u, leaf->base_us);
    unsigned from_begin = column_count(s), to_begin = from_begin;
    right->count = (uint8_t)(leaf->count - keep);
    for (unsigned c = 0; c < column_count(s); c++) {
        unsigned width = form_of(leaf, c).width;
        memcpy(right->bytes + to_begin, leaf->bytes + from_begin + keep * width, (size_t)right->count * width);
        from_begin += leaf->room * width;
        to_begin += right->room * width;
    }
    leaf->count = (uint8_t)keep;
    *out_right = right;
    return lay_out(s, leaf, leaf->bytes, keep + 1, leaf->base_us, 0, NULL);
}

/* The sum of numbers that take bytes, in their unit. By width, so that the compiler sees loops that it knows. */
static int128 sum_of(const uint8_t *at, unsigned width, unsigned count)
{
    int64_t narrow = 0; /* 64 numbers of 56 bits are less than 2^62 */
    switch (width) {
    case 1:
        for (unsigned i = 0; i < count; i++)
            narrow += (int8_t)at[i];
        return narrow;
    case 4:
        for (unsigned i = 0; i < count; i++)
            narrow += packed_read(at + i * 4, 4);
        return narrow;
    case 8: {
        int128 sum = 0;
        for (unsigned i = 0; i < count; i++)
            sum += packed_read(at + i * 8, 8);
        return sum;
    }
    default:
        for (unsigned i = 0; i < count; i++)
            narrow += packed_read(at + i * width, width);
        return narrow;
    }
}

void leaf_sums(struct row_shape s, const struct leaf *leaf, unsigned from, unsigned to, int128 *out)
{
    unsigned begin = column_begin(s, leaf, 1u + s.valued);
    for (unsigned m = 0; from < to && m < s.measures; m++) {
        struct packed_form f = form_of(leaf, 1u + s.valued + m);
        if (f.width == 0)
            out[m] += number_without_bytes(f) * (to - from);
        else
            out[m] += sum_of(leaf->bytes + begin + from * f.width, f.width, to - from) * packed_units[f.unit];
        begin += leaf->room * f.width;
    }
}

uint64_t leaf_bytes(struct row_shape s, const struct leaf *leaf)
{
    return must_room(offsetof(struct leaf, bytes) + column_count(s) + leaf->room * (size_t)row_width(s, leaf));
}
