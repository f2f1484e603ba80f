/* packed.h - columns of whole numbers, each in as few bytes as its largest one needs, counted in a unit that divides all of them.
 *
 * A form says of a column in how many bytes each of its numbers lies, and in which unit it is counted. A number is read by the eight
 * bytes that end with its last one, and shifted: so that many lie before it, always, which are the owner's as well.
 * Numbers lie as little endian does, so they may go to a disk.
 *
 * Thread: any; pure functions.
 */
#pragma once
#include "base/instant.h"
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct packed_form {
    uint8_t width; /* bytes, 0-8 */
    uint8_t unit;  /* index in packed_units */
};

/* What times, money, quantities and durations are mostly multiples of, the greatest first. */
static const int64_t packed_units[] = {15 * MINUTE, MINUTE, SECOND, MILLISECOND, 100, 1};
enum {
    PACKED_UNITS = sizeof packed_units / sizeof *packed_units,
    PACKED_THOUSANDS = 3,
    PACKED_ONES = PACKED_UNITS - 1
};

/* A form as one byte, and back. */
static inline uint8_t packed_byte(struct packed_form f)
{
    return (uint8_t)(f.width | f.unit << 4);
}

static inline struct packed_form packed_form_of(uint8_t byte)
{
    return (struct packed_form){byte & 15, byte >> 4};
}

/* By a constant each, since a division by a variable costs as much as all the rest. */
static inline int64_t packed_in_units(int64_t number, unsigned unit)
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

static inline int64_t packed_read(const void *at, unsigned width)
{
    if (width == 0)
        return 0;
    uint64_t raw;
    memcpy(&raw, (const char *)at + width - sizeof raw, sizeof raw);
    return (int64_t)le64toh(raw) >> (64 - 8 * width);
}

/* What such a number stands for. Wraps where bytes that nobody wrote say more than an int64_t takes. */
static inline int64_t packed_number(const void *at, struct packed_form f)
{
    return (int64_t)((uint64_t)packed_read(at, f.width) * (uint64_t)packed_units[f.unit]);
}

/* What lies before the number stays. */
static inline void packed_write(void *at, unsigned width, int64_t number)
{
    if (width == 0)
        return;
    uint64_t raw, before = width < 8 ? UINT64_MAX >> 8 * width : 0;
    memcpy(&raw, (const char *)at + width - sizeof raw, sizeof raw);
    raw = htole64((le64toh(raw) & before) | (uint64_t)number << (64 - 8 * width));
    memcpy((char *)at + width - sizeof raw, &raw, sizeof raw);
}

/* The same where up to eight bytes from there on may be written over: for whoever writes one after the other, and need not wait to read
 * back what was written last. Returns where the next one goes. */
static inline char *packed_put(char *at, unsigned width, int64_t number)
{
    uint64_t raw = htole64((uint64_t)number);
    memcpy(at, &raw, sizeof raw);
    return at + width;
}

/* Bytes that a number needs, with its sign; none for 0. */
static inline unsigned packed_width(int64_t number)
{
    uint64_t magnitude = (uint64_t)(number < 0 ? ~number : number);
    unsigned bits = magnitude != 0 ? 65u - (unsigned)__builtin_clzll(magnitude) : 1; /* with the sign's */
    return number == 0 ? 0 : (bits + 7) / 8;
}

/* What a column needs, gathered number by number: the bits that are in any of them, and of each those by which it differs from its
 * sign. */
struct packed_need {
    uint64_t any, most;
};

static inline void packed_add(struct packed_need *need, int64_t number)
{
    need->any |= (uint64_t)number;
    need->most |= (uint64_t)(number ^ number >> 63); /* has the highest bit of all, and none of the sign's */
}

/* Bytes that the largest one takes. */
static inline unsigned packed_widest(const struct packed_need *need)
{
    return need->any == 0 ? 0 : packed_width(need->most != 0 ? (int64_t)need->most : -1);
}

/* All numbers of a column, which are in its unit, to at[count * width]. */
void packed_put_column(void *at, unsigned width, const int64_t *numbers, unsigned count);
/* The least form that fits all numbers, and the numbers in its unit, to out_in_units[count], which is another array. */
struct packed_form packed_form_for(const int64_t *numbers, unsigned count, int64_t *out_in_units);
