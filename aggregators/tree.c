/* Leaves hold up to LEAF_ROWS rows of (1 + valued + measures) int64; a leaf begins small, since most entities
 * are quiet, and doubles. Inner nodes hold up to INNER_CHILDREN children, for each its least key and its sums.
 *
 * A child's key is a lower bound that stays when its first row goes; it still separates: every row of the
 * children before is less. Nodes are not merged when they shrink, only dropped when empty: retraction is rare
 * beside adding, and what is taken back is mostly added again nearby.
 *
 * A split at the end of the last leaf leaves the full one full, so that rows that come in order fill the leaves. */
#include "aggregators/tree.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { LEAF_ROWS = 64, LEAF_ROWS_FIRST = 2, INNER_CHILDREN = 32 };
/* A row's measure stays within this, so that adding one more delta cannot overflow. */
#define ROW_MAX (INT64_C(1) << 62)

struct leaf {
    uint32_t count, room;
    int64_t rows[];
};

struct child {
    void *node;
    int64_t at_us, value; /* no row of the child is less */
    int128 sums[STREAM_MEASURES_MAX];
    int128 peak; /* of a peaked tree: the greatest sum of the first measure over its first 1, 2, ... rows */
};

struct inner {
    uint32_t count;
    struct child children[INNER_CHILDREN];
};

static unsigned stride(const struct tree *t)
{
    return 1u + t->valued + t->measures;
}

static int64_t row_value(const struct tree *t, const int64_t *row)
{
    return t->valued ? row[1] : 0;
}

static const int64_t *row_measures(const struct tree *t, const int64_t *row)
{
    return row + 1 + t->valued;
}

static bool key_less(int64_t a_at, int64_t a_value, int64_t b_at, int64_t b_value)
{
    return a_at < b_at || (a_at == b_at && a_value < b_value);
}

void tree_init(struct tree *t, unsigned measures, bool valued)
{
    REQUIRE(measures >= 1 && measures <= STREAM_MEASURES_MAX);
    *t = (struct tree){.root = NULL, .depth = 0, .measures = (uint8_t)measures, .valued = valued};
}

void tree_init_peaked(struct tree *t, unsigned measures)
{
    tree_init(t, measures, false);
    t->peaked = true;
}

static void node_free(void *node, unsigned depth)
{
    if (node == NULL)
        return;
    if (depth > 0) {
        struct inner *inner = node;
        for (uint32_t i = 0; i < inner->count; i++)
            node_free(inner->children[i].node, depth - 1);
    }
    free(node);
}

void tree_fini(struct tree *t)
{
    node_free(t->root, t->depth);
    t->root = NULL;
    t->depth = 0;
}

static struct leaf *leaf_create(const struct tree *t, uint32_t room)
{
    struct leaf *leaf = must_alloc(sizeof *leaf + (size_t)room * stride(t) * sizeof(int64_t));
    leaf->count = 0;
    leaf->room = room;
    return leaf;
}

static void node_sums(const struct tree *t, const void *node, unsigned depth, int128 *out)
{
    for (unsigned m = 0; m < t->measures; m++)
        out[m] = 0;
    if (depth == 0) {
        const struct leaf *leaf = node;
        for (uint32_t i = 0; i < leaf->count; i++)
            for (unsigned m = 0; m < t->measures; m++)
                out[m] += row_measures(t, leaf->rows + i * stride(t))[m];
    } else {
        const struct inner *inner = node;
        for (uint32_t i = 0; i < inner->count; i++)
            for (unsigned m = 0; m < t->measures; m++)
                out[m] += inner->children[i].sums[m];
    }
}

static int128 node_peak(const struct tree *t, const void *node, unsigned depth)
{
    int128 running = 0, peak = 0;
    const struct leaf *leaf = node;
    const struct inner *inner = node;
    uint32_t count = depth == 0 ? leaf->count : inner->count;
    for (uint32_t i = 0; i < count; i++) {
        int128 here = running + (depth == 0 ? row_measures(t, leaf->rows + i * stride(t))[0] : inner->children[i].peak);
        if (i == 0 || here > peak)
            peak = here;
        running += depth == 0 ? row_measures(t, leaf->rows + i * stride(t))[0] : inner->children[i].sums[0];
    }
    return peak;
}

/* Sums and peak of a child whose node has changed. */
static void weigh(const struct tree *t, struct child *child, unsigned depth)
{
    node_sums(t, child->node, depth, child->sums);
    if (t->peaked)
        child->peak = node_peak(t, child->node, depth);
}

/* What became of a node by an addition: `node` (it may have moved), and the right half where it was split. */
struct outcome_of_add {
    void *node;  /* NULL: it is empty and freed */
    void *right; /* NULL: not split */
    int64_t right_at_us, right_value;
};

/* The first row that is not less than the key. */
static uint32_t leaf_find(const struct tree *t, const struct leaf *leaf, int64_t at_us, int64_t value)
{
    uint32_t low = 0, high = leaf->count;
    if (high > 0) { /* most rows are the newest: one look instead of six */
        const int64_t *last = leaf->rows + (high - 1) * stride(t);
        if (key_less(last[0], row_value(t, last), at_us, value))
            return high;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const int64_t *row = leaf->rows + middle * stride(t);
        if (key_less(row[0], row_value(t, row), at_us, value))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* True if the delta went into the row. It does not where a measure would leave its range: then a second row
 * with the same key takes it. */
static bool row_takes(const struct tree *t, int64_t *row, const int64_t *delta)
{
    int64_t *measures = row + 1 + t->valued;
    for (unsigned m = 0; m < t->measures; m++) {
        int64_t sum;
        if (__builtin_add_overflow(measures[m], delta[m], &sum) || sum > ROW_MAX || sum < -ROW_MAX)
            return false;
    }
    for (unsigned m = 0; m < t->measures; m++)
        measures[m] += delta[m];
    return true;
}

static bool row_is_zero(const struct tree *t, const int64_t *row)
{
    for (unsigned m = 0; m < t->measures; m++)
        if (row_measures(t, row)[m] != 0)
            return false;
    return true;
}

static void leaf_insert(const struct tree *t, struct leaf *leaf, uint32_t at, int64_t at_us, int64_t value,
                        const int64_t *delta)
{
    unsigned width = stride(t);
    int64_t *row = leaf->rows + at * width;
    memmove(row + width, row, (size_t)(leaf->count - at) * width * sizeof *row);
    leaf->count++;
    row[0] = at_us;
    if (t->valued)
        row[1] = value;
    memcpy(row + 1 + t->valued, delta, t->measures * sizeof *delta);
}

static struct outcome_of_add leaf_add(const struct tree *t, struct leaf *leaf, int64_t at_us, int64_t value,
                                      const int64_t *delta)
{
    unsigned width = stride(t);
    uint32_t at = leaf_find(t, leaf, at_us, value);
    for (uint32_t i = at; i < leaf->count; i++) {
        int64_t *row = leaf->rows + i * width;
        if (row[0] != at_us || row_value(t, row) != value)
            break;
        if (!row_takes(t, row, delta))
            continue;
        if (row_is_zero(t, row)) {
            memmove(row, row + width, (size_t)(leaf->count - i - 1) * width * sizeof *row);
            leaf->count--;
        }
        if (leaf->count == 0) {
            free(leaf);
            leaf = NULL;
        }
        return (struct outcome_of_add){.node = leaf};
    }
    if (leaf->count < leaf->room) {
        leaf_insert(t, leaf, at, at_us, value, delta);
        return (struct outcome_of_add){.node = leaf};
    }
    if (leaf->room < LEAF_ROWS) {
        uint32_t room = leaf->room * 2;
        leaf = must_realloc(leaf, sizeof *leaf + (size_t)room * width * sizeof(int64_t));
        leaf->room = room;
        leaf_insert(t, leaf, at, at_us, value, delta);
        return (struct outcome_of_add){.node = leaf};
    }
    uint32_t keep = at == leaf->count ? leaf->count : leaf->count / 2;
    struct leaf *right = leaf_create(t, LEAF_ROWS);
    right->count = leaf->count - keep;
    memcpy(right->rows, leaf->rows + keep * width, (size_t)right->count * width * sizeof(int64_t));
    leaf->count = keep;
    /* A key between the halves goes left while there is room, so that the right half keeps its first row as key. */
    if (at < keep || (at == keep && right->count > 0))
        leaf_insert(t, leaf, at, at_us, value, delta);
    else
        leaf_insert(t, right, at - keep, at_us, value, delta);
    return (struct outcome_of_add){
        .node = leaf, .right = right, .right_at_us = right->rows[0], .right_value = row_value(t, right->rows)};
}

/* The last child whose key is not greater than the key, else the first. */
static uint32_t child_for(const struct inner *inner, int64_t at_us, int64_t value)
{
    uint32_t low = 0, high = inner->count;
    const struct child *last = &inner->children[high - 1];
    if (!key_less(at_us, value, last->at_us, last->value))
        return high - 1;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        const struct child *child = &inner->children[middle];
        if (key_less(at_us, value, child->at_us, child->value))
            high = middle;
        else
            low = middle;
    }
    return low;
}

static struct outcome_of_add node_add(const struct tree *t, void *node, unsigned depth, int64_t at_us, int64_t value,
                                      const int64_t *delta);

static struct outcome_of_add inner_add(const struct tree *t, struct inner *inner, unsigned depth, int64_t at_us,
                                       int64_t value, const int64_t *delta)
{
    uint32_t i = child_for(inner, at_us, value);
    struct child *child = &inner->children[i];
    struct outcome_of_add below = node_add(t, child->node, depth - 1, at_us, value, delta);
    child->node = below.node;
    if (below.node == NULL) {
        memmove(child, child + 1, (inner->count - i - 1) * sizeof *child);
        inner->count--;
        if (inner->count == 0) {
            free(inner);
            inner = NULL;
        }
        return (struct outcome_of_add){.node = inner};
    }
    if (key_less(at_us, value, child->at_us, child->value)) {
        child->at_us = at_us;
        child->value = value;
    }
    if (below.right == NULL) {
        for (unsigned m = 0; m < t->measures; m++)
            child->sums[m] += delta[m];
        if (t->peaked)
            child->peak = node_peak(t, child->node, depth - 1);
        return (struct outcome_of_add){.node = inner};
    }
    weigh(t, child, depth - 1);
    struct child fresh = {.node = below.right, .at_us = below.right_at_us, .value = below.right_value};
    weigh(t, &fresh, depth - 1);

    struct inner *right = NULL, *into = inner;
    uint32_t at = i + 1;
    if (inner->count == INNER_CHILDREN) {
        uint32_t keep = at == inner->count ? inner->count : inner->count / 2;
        right = must_alloc(sizeof *right);
        right->count = inner->count - keep;
        memcpy(right->children, inner->children + keep, right->count * sizeof *right->children);
        inner->count = keep;
        if (at > keep || (at == keep && right->count == 0)) {
            into = right;
            at -= keep;
        }
    }
    memmove(into->children + at + 1, into->children + at, (into->count - at) * sizeof fresh);
    into->children[at] = fresh;
    into->count++;
    if (right == NULL)
        return (struct outcome_of_add){.node = inner};
    return (struct outcome_of_add){.node = inner,
                                   .right = right,
                                   .right_at_us = right->children[0].at_us,
                                   .right_value = right->children[0].value};
}

static struct outcome_of_add node_add(const struct tree *t, void *node, unsigned depth, int64_t at_us, int64_t value,
                                      const int64_t *delta)
{
    return depth == 0 ? leaf_add(t, node, at_us, value, delta) : inner_add(t, node, depth, at_us, value, delta);
}

static struct child child_of(const struct tree *t, void *node, unsigned depth, int64_t at_us, int64_t value)
{
    struct child child = {.node = node, .at_us = at_us, .value = value};
    weigh(t, &child, depth);
    return child;
}

void tree_add(struct tree *t, int64_t at_us, int64_t value, const int64_t *delta)
{
    bool nothing = true;
    for (unsigned m = 0; m < t->measures; m++) {
        nothing = nothing && delta[m] == 0;
        REQUIRE(delta[m] <= ROW_MAX && delta[m] >= -ROW_MAX);
    }
    if (nothing)
        return;
    if (t->root == NULL)
        t->root = leaf_create(t, LEAF_ROWS_FIRST);
    struct outcome_of_add top = node_add(t, t->root, t->depth, at_us, value, delta);
    t->root = top.node;
    if (top.right != NULL) {
        /* The first key of the left half may be anything up to its first row; the least of all is safe. */
        struct inner *root = must_alloc(sizeof *root);
        root->count = 2;
        root->children[0] = child_of(t, top.node, t->depth, INT64_MIN, INT64_MIN);
        root->children[1] = child_of(t, top.right, t->depth, top.right_at_us, top.right_value);
        t->root = root;
        t->depth++;
    }
    while (t->root != NULL && t->depth > 0 && ((struct inner *)t->root)->count == 1) {
        struct inner *root = t->root;
        t->root = root->children[0].node;
        t->depth--;
        free(root);
    }
    if (t->root == NULL)
        t->depth = 0;
}

/* Sums of the rows before to_us, times sign. */
static void add_prefix(const struct tree *t, int64_t to_us, int sign, int128 *out)
{
    const void *node = t->root;
    if (node == NULL)
        return;
    for (unsigned depth = t->depth; depth > 0; depth--) {
        const struct inner *inner = node;
        uint32_t i = 0;
        /* Every row of a child is less than the key of the next: a whole child counts if the next begins before to_us. */
        for (; i + 1 < inner->count && inner->children[i + 1].at_us < to_us; i++)
            for (unsigned m = 0; m < t->measures; m++)
                out[m] += sign * inner->children[i].sums[m];
        node = inner->children[i].node;
    }
    const struct leaf *leaf = node;
    for (uint32_t i = 0; i < leaf->count; i++) {
        const int64_t *row = leaf->rows + i * stride(t);
        if (row[0] >= to_us)
            break;
        for (unsigned m = 0; m < t->measures; m++)
            out[m] += sign * (int128)row_measures(t, row)[m];
    }
}

void tree_sums(const struct tree *t, int64_t from_us, int64_t to_us, int128 *out)
{
    if (from_us >= to_us)
        return;
    add_prefix(t, to_us, 1, out);
    add_prefix(t, from_us, -1, out);
}

struct search {
    int64_t from_us;
    int128 level, running; /* running: the sum of what lies before the node */
};

/* The first instant within the node, not before from_us, at which the running sum reaches the level. */
static int64_t node_reach(const struct tree *t, const void *node, unsigned depth, struct search *s)
{
    if (depth == 0) {
        const struct leaf *leaf = node;
        for (uint32_t i = 0; i < leaf->count; i++) {
            const int64_t *row = leaf->rows + i * stride(t);
            s->running += row_measures(t, row)[0];
            bool last_of_instant = i + 1 == leaf->count || row[stride(t)] != row[0];
            if (row[0] > s->from_us && last_of_instant && s->running >= s->level)
                return row[0];
        }
        return INT64_MAX;
    }
    const struct inner *inner = node;
    for (uint32_t i = 0; i < inner->count; i++) {
        const struct child *child = &inner->children[i];
        bool all_before = i + 1 < inner->count && inner->children[i + 1].at_us <= s->from_us;
        if (all_before || s->running + child->peak < s->level) {
            s->running += child->sums[0];
            continue;
        }
        int64_t at_us = node_reach(t, child->node, depth - 1, s);
        if (at_us != INT64_MAX)
            return at_us;
    }
    return INT64_MAX;
}

int64_t tree_reach(const struct tree *t, int64_t from_us, int128 level)
{
    REQUIRE(t->peaked && !t->valued);
    int128 by_then[STREAM_MEASURES_MAX] = {0};
    tree_sums(t, INT64_MIN, from_us + 1, by_then);
    if (by_then[0] >= level)
        return from_us;
    struct search s = {.from_us = from_us, .level = level, .running = 0};
    return t->root != NULL ? node_reach(t, t->root, t->depth, &s) : INT64_MAX;
}

/* True: go on. */
static bool node_visit(const struct tree *t, const void *node, unsigned depth, int64_t from_us, int64_t to_us,
                       bool (*visit)(void *, int64_t, int64_t, const int64_t *), void *context)
{
    if (depth == 0) {
        const struct leaf *leaf = node;
        for (uint32_t i = leaf_find(t, leaf, from_us, INT64_MIN); i < leaf->count; i++) {
            const int64_t *row = leaf->rows + i * stride(t);
            if (row[0] >= to_us || !visit(context, row[0], row_value(t, row), row_measures(t, row)))
                return false;
        }
        return true;
    }
    const struct inner *inner = node;
    for (uint32_t i = child_for(inner, from_us, INT64_MIN); i < inner->count; i++)
        if (!node_visit(t, inner->children[i].node, depth - 1, from_us, to_us, visit, context))
            return false;
    return true;
}

static bool visit_first(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    (void)value;
    (void)measures;
    *(int64_t *)context = at_us;
    return false;
}

int64_t tree_next(const struct tree *t, int64_t from_us)
{
    int64_t first = INT64_MAX;
    if (t->root != NULL)
        node_visit(t, t->root, t->depth, from_us, INT64_MAX, visit_first, &first);
    return first;
}

struct visitor {
    void (*visit)(void *, int64_t, int64_t, const int64_t *);
    void *context;
};

static bool visit_each(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct visitor *v = context;
    v->visit(v->context, at_us, value, measures);
    return true;
}

void tree_visit(const struct tree *t, int64_t from_us, int64_t to_us,
                void (*visit)(void *context, int64_t at_us, int64_t value, const int64_t *measures), void *context)
{
    struct visitor v = {visit, context};
    if (t->root != NULL)
        node_visit(t, t->root, t->depth, from_us, to_us, visit_each, &v);
}

struct first_row {
    bool found;
    int64_t at_us, value, measures[STREAM_MEASURES_MAX];
    unsigned count;
};

static bool visit_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct first_row *row = context;
    row->found = true;
    row->at_us = at_us;
    row->value = value;
    memcpy(row->measures, measures, row->count * sizeof *measures);
    return false;
}

void tree_take_before(struct tree *t, int64_t to_us, int128 *out)
{
    while (t->root != NULL) {
        struct first_row row = {.count = t->measures};
        node_visit(t, t->root, t->depth, INT64_MIN, to_us, visit_row, &row);
        if (!row.found)
            return;
        int64_t back[STREAM_MEASURES_MAX];
        for (unsigned m = 0; m < t->measures; m++) {
            out[m] += row.measures[m];
            back[m] = -row.measures[m];
        }
        tree_add(t, row.at_us, row.value, back);
    }
}

static uint64_t node_bytes(const struct tree *t, const void *node, unsigned depth)
{
    if (depth == 0)
        return sizeof(struct leaf) + (uint64_t)((const struct leaf *)node)->room * stride(t) * sizeof(int64_t);
    const struct inner *inner = node;
    uint64_t bytes = sizeof *inner;
    for (uint32_t i = 0; i < inner->count; i++)
        bytes += node_bytes(t, inner->children[i].node, depth - 1);
    return bytes;
}

uint64_t tree_bytes(const struct tree *t)
{
    return t->root != NULL ? node_bytes(t, t->root, t->depth) : 0;
}

static uint64_t node_rows(const void *node, unsigned depth)
{
    if (depth == 0)
        return ((const struct leaf *)node)->count;
    const struct inner *inner = node;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < inner->count; i++)
        rows += node_rows(inner->children[i].node, depth - 1);
    return rows;
}

uint64_t tree_rows(const struct tree *t)
{
    return t->root != NULL ? node_rows(t->root, t->depth) : 0;
}

/* Every row of the node lies within [low, high) and in order; sums of children are those of their rows. */
static void node_check(const struct tree *t, const void *node, unsigned depth, int64_t low_at, int64_t low_value,
                       const struct child *next)
{
    if (depth == 0) {
        const struct leaf *leaf = node;
        REQUIRE(leaf->count > 0 && leaf->count <= leaf->room && leaf->room <= LEAF_ROWS);
        for (uint32_t i = 0; i < leaf->count; i++) {
            const int64_t *row = leaf->rows + i * stride(t);
            REQUIRE(!row_is_zero(t, row));
            REQUIRE(!key_less(row[0], row_value(t, row), low_at, low_value));
            REQUIRE(next == NULL || !key_less(next->at_us, next->value, row[0], row_value(t, row)));
            low_at = row[0];
            low_value = row_value(t, row);
        }
        return;
    }
    const struct inner *inner = node;
    REQUIRE(inner->count > 0 && inner->count <= INNER_CHILDREN);
    for (uint32_t i = 0; i < inner->count; i++) {
        const struct child *child = &inner->children[i];
        int128 sums[STREAM_MEASURES_MAX];
        node_sums(t, child->node, depth - 1, sums);
        for (unsigned m = 0; m < t->measures; m++)
            REQUIRE(sums[m] == child->sums[m]);
        REQUIRE(!t->peaked || child->peak == node_peak(t, child->node, depth - 1));
        REQUIRE(!key_less(child->at_us, child->value, low_at, low_value));
        low_at = child->at_us;
        low_value = child->value;
        node_check(t, child->node, depth - 1, child->at_us, child->value, i + 1 < inner->count ? child + 1 : next);
    }
}

void tree_check(const struct tree *t)
{
    REQUIRE(t->root != NULL || t->depth == 0);
    if (t->root != NULL)
        node_check(t, t->root, t->depth, INT64_MIN, INT64_MIN, NULL);
}
