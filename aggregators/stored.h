/* stored.h - the rows by which a shard outlives its process: what lies in which table, and how rows follow each other in
 * a buffer. A row is written whole, so that of two with one place the later one counts.
 *
 * Numbers within the bytes are little-endian, as in memory; texts are meant by their number, so names and words come
 * before records, and records before those that name them: by (table, number) ascending.
 *
 * Thread: any; plain memory.
 */
#pragma once
#include "base/text.h"
#include "config/field.h"
#include <stdbool.h>
#include <stdint.h>

enum stored_table {
    STORED_NAMES,                                  /* + enum dimension: names of entities; number -> bytes */
    STORED_WORDS = STORED_NAMES + DIMENSION_COUNT, /* number -> bytes */
    STORED_RECORDS,                                /* + enum record_kind; slot -> flags, key, body (ledger.h) */
    STORED_EVENTS = STORED_RECORDS + KIND_COUNT, /* + enum record_kind; slot -> what each event said (kept_events.h) */
    STORED_CUT = STORED_EVENTS + KIND_COUNT,     /* number 0: the instant of all of it (cut.h) */
    STORED_TABLE_COUNT
};

struct stored_row {
    unsigned table; /* enum stored_table */
    uint32_t number;
    struct text bytes;
};

/* Begins a row at the end of `b`, to which its bytes are then added; returns what stored_end needs. */
size_t stored_begin(struct buffer *b, unsigned table, uint32_t number);
void stored_end(struct buffer *b, size_t begin);
/* Takes the next row off `rows`; its bytes lie in them. False: none is left, or what is left is no row; the second where
 * rows->len > 0. */
bool stored_next(struct text *rows, struct stored_row *out);

/* How many rows there are. */
int64_t stored_count(struct text rows);

/* Takes `size` bytes off `from`. False: there are less, and nothing is taken. */
bool stored_take(struct text *from, void *out, size_t size);
/* The next `len` bytes, where they lie. */
bool stored_take_text(struct text *from, size_t len, struct text *out);
