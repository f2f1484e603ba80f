/* tree_node.h - how a tree's nodes lie in memory. For tree*.c only.
 *
 * Leaves (leaf.h) hold up to LEAF_ROWS rows; inner nodes hold up to INNER_CHILDREN children, for each its least key and
 * its sums, by columns: the sums of all, then the keys, then the nodes. Both begin small, since most entities are quiet.
 *
 * A child's key is a lower bound that stays when its first row goes; it still separates: every row of the
 * children before is less. Nodes are not merged when they shrink, only dropped when empty: retraction is rare
 * beside adding, and what is taken back is mostly added again nearby. */
#pragma once
#include "aggregators/tree.h"
#include "base/error.h"

enum { INNER_CHILDREN = 32, INNER_CHILDREN_FIRST = 4 };

struct inner {
    _Alignas(16) uint32_t count;
    uint32_t room;
    int128 sums[]; /* of each child: its measures, and in a peaked tree its peak; then the keys and the nodes */
};

static inline unsigned wide_columns(const struct tree *t)
{
    return (unsigned)t->shape.measures + t->peaked;
}

static inline int128 *sums_of(const struct tree *t, const struct inner *n, uint32_t i)
{
    return (int128 *)(uintptr_t)n->sums + i * wide_columns(t);
}

/* Of a peaked tree: the greatest sum of the first measure over the child's first 1, 2, ... rows. */
static inline int128 *peak_of(const struct tree *t, const struct inner *n, uint32_t i)
{
    return sums_of(t, n, i) + t->shape.measures;
}

/* No row of child i is less than (ats[i], value_of(i)). */
static inline int64_t *ats(const struct tree *t, const struct inner *n)
{
    return (int64_t *)(void *)sums_of(t, n, n->room);
}

static inline int64_t value_of(const struct tree *t, const struct inner *n, uint32_t i)
{
    return t->shape.valued ? ats(t, n)[n->room + i] : 0;
}

static inline void **nodes(const struct tree *t, const struct inner *n)
{
    return (void **)(void *)(ats(t, n) + n->room * (1u + t->shape.valued));
}

static inline size_t inner_size(const struct tree *t, uint32_t room)
{
    return sizeof(struct inner) +
           room * (wide_columns(t) * sizeof(int128) + (1u + t->shape.valued) * sizeof(int64_t) + sizeof(void *));
}

/* Of a node that has so many children, and may get more. */
static inline uint32_t inner_room(uint32_t count)
{
    uint32_t room = count + count / 4;
    return room < INNER_CHILDREN_FIRST ? INNER_CHILDREN_FIRST : room < INNER_CHILDREN ? room : INNER_CHILDREN;
}

static inline struct inner *inner_alloc(const struct tree *t, uint32_t room)
{
    struct inner *n = must_alloc(inner_size(t, room));
    n->count = 0;
    n->room = room;
    return n;
}

static inline void set_key(const struct tree *t, struct inner *n, uint32_t i, int64_t at_us, int64_t value)
{
    ats(t, n)[i] = at_us;
    if (t->shape.valued)
        ats(t, n)[n->room + i] = value;
}

/* Of what is added. */
static inline void require_in_range(struct row_shape s, int64_t at_us, const int64_t *delta)
{
    REQUIRE(at_us <= AT_MAX && at_us >= -AT_MAX);
    for (unsigned m = 0; m < s.measures; m++)
        REQUIRE(delta[m] <= ROW_MAX && delta[m] >= -ROW_MAX);
}

static inline bool is_zero(struct row_shape s, const int64_t *measures)
{
    for (unsigned m = 0; m < s.measures; m++)
        if (measures[m] != 0)
            return false;
    return true;
}

/* True if the delta goes into the row. It does not where a measure would leave its range: then a second row
 * with the same key takes it. */
static inline bool row_takes(struct row_shape s, struct row *row, const int64_t *delta)
{
    for (unsigned m = 0; m < s.measures; m++)
        if (__builtin_add_overflow(row->measures[m], delta[m], &row->measures[m]) || row->measures[m] > ROW_MAX ||
            row->measures[m] < -ROW_MAX)
            return false;
    return true;
}

/* What became of a node by an addition: `node` (it may have moved), and the right half where it was split. */
struct outcome_of_add {
    void *node;  /* NULL: it is empty and freed */
    void *right; /* NULL: not split */
    int64_t right_at_us, right_value;
};

/* A row, not of nothing, into a leaf. */
struct outcome_of_add tree_leaf_add(const struct tree *t, struct leaf *leaf, const struct row *row);
/* Sums and peak of a child whose node, of that depth, has changed. */
void tree_weigh(const struct tree *t, struct inner *n, uint32_t i, unsigned depth);
/* A root with one child is not needed. */
void tree_settle_root(struct tree *t);
