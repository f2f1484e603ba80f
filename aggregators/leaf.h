/* leaf.h - up to LEAF_ROWS rows of a tree (tree.h), in order, packed by columns.
 *
 * A row is an instant, a value where the tree is valued, and its measures. Most rows of a quiet entity say "one deal, of
 * 1,250.00, at ten past nine": each column keeps its numbers in as few bytes as its largest one needs (none where all
 * are 0, or all are 1), counted in a unit that divides all of them; instants are counted from a base. Numbers of one column lie
 * together, so that a search reads a few cache lines.
 *
 * A leaf may move when something is added: what takes a struct leaf * and returns one takes the first and gives the
 * second. Instants are within +-AT_MAX, measures within +-ROW_MAX.
 * Thread: one at a time. Memory: the caller frees a leaf with free().
 */
#pragma once
#include "aggregators/measure.h"
#include <stdbool.h>
#include <stdint.h>

enum { LEAF_ROWS = 64 };
/* A measure of a row stays within this, so that adding one more delta cannot overflow. */
#define ROW_MAX (INT64_C(1) << 62)
#define AT_MAX  (INT64_C(1) << 61)

struct row_shape {
    uint8_t measures; /* 1 ... STREAM_MEASURES_MAX */
    bool valued;
};

struct row {
    int64_t at_us, value; /* value: 0 where the shape has none */
    int64_t measures[STREAM_MEASURES_MAX];
};

struct leaf {
    int64_t base_us;
    uint8_t count, room;
    uint8_t bytes[]; /* a form for each column, then the columns */
};

static inline bool row_less(int64_t a_at, int64_t a_value, int64_t b_at, int64_t b_value)
{
    return a_at < b_at || (a_at == b_at && a_value < b_value);
}

/* One row. `like`: its forms are taken over, since what comes next is mostly alike; or NULL. */
struct leaf *leaf_create(struct row_shape s, const struct row *first, const struct leaf *like);
/* Of 1 to LEAF_ROWS rows in order, each column in its least form. */
struct leaf *leaf_build(struct row_shape s, const struct row *rows, unsigned count);
int64_t leaf_at_us(struct row_shape s, const struct leaf *leaf, unsigned i);
void leaf_row(struct row_shape s, const struct leaf *leaf, unsigned i, struct row *out);
/* The instants of all rows, to out[leaf->count]. */
void leaf_instants(struct row_shape s, const struct leaf *leaf, int64_t *out);
/* All of them, in order, to out[leaf->count]. */
void leaf_rows(struct row_shape s, const struct leaf *leaf, struct row *out);
/* The first row that is not less than the key, `count` where all are. O(log rows). */
unsigned leaf_find(struct row_shape s, const struct leaf *leaf, int64_t at_us, int64_t value);
/* Makes a row before row i; there must be less than LEAF_ROWS. */
struct leaf *leaf_insert(struct row_shape s, struct leaf *leaf, unsigned i, const struct row *row);
/* Gives row i other measures. */
struct leaf *leaf_set(struct row_shape s, struct leaf *leaf, unsigned i, const int64_t *measures);
/* Takes the rows [from, to) out; NULL, and freed, where none is left. */
struct leaf *leaf_remove(struct row_shape s, struct leaf *leaf, unsigned from, unsigned to);
/* Moves the rows from `keep` on into a leaf of their own; there must be some on both sides. */
struct leaf *leaf_split(struct row_shape s, struct leaf *leaf, unsigned keep, struct leaf **out_right);
/* Adds the sums of the rows [from, to) to out[measures]. */
void leaf_sums(struct row_shape s, const struct leaf *leaf, unsigned from, unsigned to, int128 *out);
uint64_t leaf_bytes(struct row_shape s, const struct leaf *leaf);
