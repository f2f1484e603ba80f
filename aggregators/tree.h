/* tree.h - what happened in time: rows (instant, value, measures) in order, and the sums of any span.
 *
 * A B+ tree whose inner nodes keep the sums of each child: adding a row, early or late, and the
 * sums of a span cost O(log rows). Rows of the same instant and value are one row; a row whose
 * measures are all 0 is gone, so a tree depends only on what was added and not taken back.
 * Row measures are int64; the sums are 128 bits wide and cannot wrap.
 *
 * Thread: one at a time. Memory: tree_init to tree_fini; an empty tree owns nothing.
 * Source: the counted B-tree (S. Tatham, "Counted B-Trees"), with sums in place of counts.
 */
#pragma once
#include "aggregators/leaf.h"
#include "aggregators/measure.h"
#include <stdbool.h>
#include <stdint.h>

struct tree {
    void *root; /* NULL, a leaf at depth 0, else an inner node */
    uint8_t depth;
    struct row_shape shape;
    bool peaked; /* keeps what tree_reach needs */
};

void tree_init(struct tree *t, unsigned measures, bool valued);
/* A tree that answers tree_reach: each inner node keeps the greatest running sum within each child. */
void tree_init_peaked(struct tree *t, unsigned measures);
void tree_fini(struct tree *t);
/* The same in steps, of *leaves leaves at most, which becomes how many are left to be freed. True: it is done; until then nothing but
 * this and tree_fini may be asked. */
bool tree_fini_some(struct tree *t, uint32_t *leaves);

/* Asks for the memory of the root, and then of the child with the newest rows: steps 0 and 1, with others in between. */
void tree_fetch(const struct tree *t, unsigned step);
/* Adds `measures` numbers to the row (at_us, value); value is 0 where the tree is not valued. */
void tree_add(struct tree *t, int64_t at_us, int64_t value, const int64_t *delta);
/* Adds rows that come in the order of their keys; rows of one key, and such with nothing in them, are allowed. The tree
 * holds what tree_add of each would leave in it, for less where many of them meet the same leaves: O(count + what these
 * leaves hold + leaves x log rows). tree_merge.c. */
void tree_add_sorted(struct tree *t, const struct row *rows, uint32_t count);
/* Sums of the rows with from_us <= at < to_us, added to out[measures]. */
void tree_sums(const struct tree *t, int64_t from_us, int64_t to_us, int128 *out);
/* For each of the instants, which ascend, the sums of the rows before it: out[count][measures]. For less than `count` calls of
 * tree_sums: it is one walk. */
void tree_prefixes(const struct tree *t, const int64_t *instants_us, unsigned count,
                   int128 (*out)[STREAM_MEASURES_MAX]);
/* The first instant >= from_us at which there is a row, INT64_MAX where there is none. */
int64_t tree_next(const struct tree *t, int64_t from_us);
/* The least instant >= from_us by which the first measure of all rows up to and including it adds up to at least
 * `level`; INT64_MAX where it never does. from_us itself if it does by then. Only for a tree that was made by
 * tree_init_peaked and is not valued. O(log rows). */
int64_t tree_reach(const struct tree *t, int64_t from_us, int128 level);
/* Calls visit for each row with from_us <= at < to_us, in order. */
void tree_visit(const struct tree *t, int64_t from_us, int64_t to_us,
                void (*visit)(void *context, int64_t at_us, int64_t value, const int64_t *measures), void *context);
/* The instant of the row that comes `count` rows after the first one at or after from_us, INT64_MAX where there is none.
 * O(log rows + count). */
int64_t tree_instant_after(const struct tree *t, int64_t from_us, uint32_t count);
/* Makes one row of all rows of a value that lie before to_us, at base_us, before which there is none. O(these rows). */
void tree_fold(struct tree *t, int64_t base_us, int64_t to_us);
/* Takes all rows before to_us out and adds their sums to out[measures]. */
void tree_take_before(struct tree *t, int64_t to_us, int128 *out);
/* Bytes on the heap. O(rows / 64). */
uint64_t tree_bytes(const struct tree *t);
/* Rows that it holds. O(rows / 64). */
uint64_t tree_rows(const struct tree *t);
/* Checks the whole structure; ends the process where it is broken. For tests. */
void tree_check(const struct tree *t);
