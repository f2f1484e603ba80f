/* A form says of a column in how many bytes each of its numbers lies, and in which unit it is counted. A number is read
 * by the eight bytes that end with its last one, and shifted: what lies before it is never less than the head of the
 * leaf, so that nothing outside is touched.
 *
 * A number that does not fit makes its column be looked through, and laid out anew by the least form that all of its
 * numbers fit; the allocation is rounded up to what malloc gives anyway. */
#include "aggregators/leaf.h"
#include "base/error.h"
#include "base/instant.h"
#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 2 + STREAM_MEASURES_MAX };

/* What times, money, quantities and durations are mostly multiples of, the greatest first. */
static const int64_t units[] = {15 * MINUTE, MINUTE, SECOND, MILLISECOND, 100, 1};

/* By a constant each, since a division by a variable costs as much as all the rest. */
static int64_t in_units(int64_t number, unsigned unit)
{
    switch (unit) {
    case 0: return number / (15 * MINUTE);
    case 1: return number / MINUTE;
    case 2: return number / SECOND;
    case 3: return number / MILLISECOND;
    case 4: return number / 100;
    default: return number;
    }
}

struct form {
    uint8_t width; /* bytes, 0-8 */
    uint8_t unit;  /* index in units */
};

static unsigned column_count(struct row_shape s)
{
    return 1u + s.valued + s.measures;
}

static struct form form_of(const struct leaf *leaf, unsigned column)
{
    return (struct form){leaf->bytes[column] & 15, leaf->bytes[column] >> 4};
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

static inline int64_t read_number(const uint8_t *at, unsigned width)
{
    if (width == 0)
        return 0;
    uint64_t raw;
    memcpy(&raw, at + width - sizeof raw, sizeof raw);
    return (int64_t)le64toh(raw) >> (64 - 8 * width);
}

static inline void write_number(uint8_t *at, unsigned width, int64_t number)
{
    if (width == 0)
        return;
    uint64_t raw, before = width < 8 ? UINT64_MAX >> 8 * width : 0;
    memcpy(&raw, at + width - sizeof raw, sizeof raw);
    raw = htole64((le64toh(raw) & before) | (uint64_t)number << (64 - 8 * width));
    memcpy(at + width - sizeof raw, &raw, sizeof raw);
}

static unsigned width_of(int64_t number)
{
    uint64_t magnitude = (uint64_t)(number < 0 ? ~number : number);
    unsigned bits = magnitude != 0 ? 65u - (unsigned)__builtin_clzll(magnitude) : 1; /* with the sign's */
    return number == 0 ? 0 : (bits + 7) / 8;
}

static int64_t read_row(const struct leaf *leaf, unsigned begin, struct form f, unsigned i)
{
    return read_number(leaf->bytes + begin + i * f.width, f.width) * units[f.unit];
}

/* Whether all numbers are multiples of the unit; they are counted in it then. By a constant each time, as in in_units. */
#define COUNT_IN(unit_number)                              \
    for (unsigned i = 0; i < count; i++) {                 \
        int64_t whole = in_units(numbers[i], unit_number); \
        if (whole * units[unit_number] != numbers[i])      \
            return false;                                  \
        out[i] = whole;                                    \
    }                                                      \
    return true

static bool count_in(unsigned unit, const int64_t *numbers, unsigned count, int64_t *out)
{
    switch (unit) {
    case 0: COUNT_IN(0);
    case 1: COUNT_IN(1);
    case 2: COUNT_IN(2);
    case 3: COUNT_IN(3);
    case 4: COUNT_IN(4);
    default: COUNT_IN(5);
    }
}

/* The least form that fits all numbers, and the numbers in its unit. */
static struct form form_for(const int64_t *numbers, unsigned count, int64_t *out_in_units)
{
    struct form f = {0, 0};
    uint64_t most = 0; /* has the highest bit of all, and none of the sign's */
    uint64_t any = 0;
    while (!count_in(f.unit, numbers, count, out_in_units))
        f.unit++;
    for (unsigned i = 0; i < count; i++) {
        any |= (uint64_t)out_in_units[i];
        most |= (uint64_t)(out_in_units[i] ^ out_in_units[i] >> 63);
    }
    if (any != 0)
        f.width = (uint8_t)width_of(most != 0 ? (int64_t)most : -1);
    return f;
}

/* A leaf with no rows yet and room for at least `rows`. */
static struct leaf *leaf_alloc(struct row_shape s, const uint8_t *forms, unsigned rows, int64_t base_us)
{
    unsigned columns = column_count(s), width = 0;
    for (unsigned c = 0; c < columns; c++)
        width += forms[c] & 15;
    rows = rows < LEAF_ROWS ? rows : LEAF_ROWS;
    size_t head = offsetof(struct leaf, bytes) + columns, size = head + (size_t)rows * width;
    size = (size + 8 + 15) / 16 * 16 - 8; /* what malloc rounds it up to */
    struct leaf *leaf = must_alloc(size);
    size_t room = width > 0 ? (size - head) / width : LEAF_ROWS;
    leaf->base_us = base_us;
    leaf->count = 0;
    leaf->room = (uint8_t)(room < LEAF_ROWS ? room : LEAF_ROWS);
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
        struct form f = form_of(to, c), was = form_of(leaf, c);
        if (fresh & 1u << c)
            for (unsigned i = 0; i < leaf->count; i++)
                write_number(to->bytes + to_begin + i * f.width, f.width, in_units(numbers[c][i], f.unit));
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
    if (width == 0 || width >= 8)
        return width > 0 || number == 0;
    return (int64_t)((uint64_t)number << (64 - 8 * width)) >> (64 - 8 * width) == number;
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
        struct form f = form_of(leaf, c);
        int64_t number = out[c];
        if (units[f.unit] != 1) {
            out[c] = in_units(number, f.unit);
            misfits |= (uint32_t)(out[c] * units[f.unit] != number) << c;
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
        struct form f = form_for(all, leaf->count + 1u, ignored);
        forms[c] = (uint8_t)(f.width | f.unit << 4);
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
        write_number(at, width, numbers[c]);
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

/* All numbers of a column. One that is written by eight bytes spoils those behind it, which are written next; reading them
 * back, as write_number does, would wait for each store. */
static void write_column(uint8_t *at, unsigned width, const int64_t *numbers, unsigned count)
{
    unsigned i = 0;
    if (width == 0)
        return;
    for (; i * width + sizeof(uint64_t) <= count * width; i++) {
        uint64_t raw = htole64((uint64_t)numbers[i]);
        memcpy(at + i * width, &raw, sizeof raw);
    }
    for (; i < count; i++)
        for (unsigned byte = 0; byte < width; byte++)
            at[i * width + byte] = (uint8_t)((uint64_t)numbers[i] >> 8 * byte);
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
        struct form f = form_for(column, count, numbers[c]);
        forms[c] = (uint8_t)(f.width | f.unit << 4);
    }
    struct leaf *leaf = leaf_alloc(s, forms, count, rows[0].at_us);
    uint8_t *column = leaf->bytes + column_count(s);
    leaf->count = (uint8_t)count;
    for (unsigned c = 0; c < column_count(s); c++) {
        unsigned width = form_of(leaf, c).width;
        write_column(column, width, numbers[c], count);
        column += leaf->room * width;
    }
    return leaf;
}

void leaf_instants(struct row_shape s, const struct leaf *leaf, int64_t *out)
{
    struct form f = form_of(leaf, 0);
    const uint8_t *column = leaf->bytes + column_count(s);
    int64_t unit = units[f.unit];
    for (unsigned i = 0; i < leaf->count; i++)
        out[i] = leaf->base_us + read_number(column + i * f.width, f.width) * unit;
}

void leaf_rows(struct row_shape s, const struct leaf *leaf, struct row *out)
{
    unsigned begin = column_count(s);
    for (unsigned i = 0; i < leaf->count; i++)
        out[i].value = 0;
    for (unsigned c = 0; c < column_count(s); c++) {
        struct form f = form_of(leaf, c);
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
        struct form f = form_of(leaf, c);
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
    struct form f = form_of(leaf, 0);
    int64_t since = (int64_t)((uint64_t)at_us - (uint64_t)leaf->base_us), unit = units[f.unit];
    unsigned middle = high - 1; /* most rows are the newest: one look instead of six */
    while (low < high) {
        int64_t here = read_number(column + middle * f.width, f.width) * unit;
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

/* The sum of a column's numbers, in its unit. By width, so that the compiler sees loops that it knows. */
static int128 sum_of(const uint8_t *at, unsigned width, unsigned count)
{
    int64_t narrow = 0; /* 64 numbers of 56 bits are less than 2^62 */
    switch (width) {
    case 0: return 0;
    case 1:
        for (unsigned i = 0; i < count; i++)
            narrow += (int8_t)at[i];
        return narrow;
    case 4:
        for (unsigned i = 0; i < count; i++)
            narrow += read_number(at + i * 4, 4);
        return narrow;
    case 8: {
        int128 sum = 0;
        for (unsigned i = 0; i < count; i++)
            sum += read_number(at + i * 8, 8);
        return sum;
    }
    default:
        for (unsigned i = 0; i < count; i++)
            narrow += read_number(at + i * width, width);
        return narrow;
    }
}

void leaf_sums(struct row_shape s, const struct leaf *leaf, unsigned from, unsigned to, int128 *out)
{
    unsigned begin = column_begin(s, leaf, 1u + s.valued);
    for (unsigned m = 0; from < to && m < s.measures; m++) {
        struct form f = form_of(leaf, 1u + s.valued + m);
        out[m] += sum_of(leaf->bytes + begin + from * f.width, f.width, to - from) * units[f.unit];
        begin += leaf->room * f.width;
    }
}

uint64_t leaf_bytes(struct row_shape s, const struct leaf *leaf)
{
    return (offsetof(struct leaf, bytes) + column_count(s) + (uint64_t)leaf->room * row_width(s, leaf) + 8 + 15) / 16 *
               16 -
           8;
}
