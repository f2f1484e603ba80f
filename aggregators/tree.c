/* A split at the end of the last leaf leaves the full one full, so that rows that come in order fill the leaves. */
#include "aggregators/tree_node.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* Moves `count` children from one place to another, in the same node or not. */
static void move_children(const struct tree *t, struct inner *to, uint32_t to_at, struct inner *from, uint32_t from_at,
                          uint32_t count)
{
    memmove(sums_of(t, to, to_at), sums_of(t, from, from_at), count * wide_columns(t) * sizeof(int128));
    memmove(ats(t, to) + to_at, ats(t, from) + from_at, count * sizeof(int64_t));
    if (t->shape.valued)
        memmove(ats(t, to) + to->room + to_at, ats(t, from) + from->room + from_at, count * sizeof(int64_t));
    memmove(nodes(t, to) + to_at, nodes(t, from) + from_at, count * sizeof(void *));
}

void tree_init(struct tree *t, unsigned measures, bool valued)
{
    REQUIRE(measures >= 1 && measures <= STREAM_MEASURES_MAX);
    *t = (struct tree){.root = NULL, .depth = 0, .shape = {(uint8_t)measures, valued}};
}

void tree_init_peaked(struct tree *t, unsigned measures)
{
    tree_init(t, measures, false);
    t->peaked = true;
}

/* From the end on. NULL: it is gone. */
static void *node_free_some(const struct tree *t, void *node, unsigned depth, uint32_t *leaves)
{
    if (depth == 0) {
        free(node);
        --*leaves;
        return NULL;
    }
    struct inner *n = node;
    while (n->count > 0 && *leaves > 0)
        if (node_free_some(t, nodes(t, n)[n->count - 1], depth - 1, leaves) == NULL)
            n->count--;
    if (n->count > 0)
        return n;
    free(n);
    return NULL;
}

bool tree_fini_some(struct tree *t, uint32_t *leaves)
{
    if (t->root != NULL && *leaves > 0)
        t->root = node_free_some(t, t->root, t->depth, leaves);
    if (t->root == NULL)
        t->depth = 0;
    return t->root == NULL;
}

void tree_fini(struct tree *t)
{
    uint32_t all = UINT32_MAX;
    REQUIRE(tree_fini_some(t, &all));
}

static void node_sums(const struct tree *t, const void *node, unsigned depth, int128 *out)
{
    memset(out, 0, t->shape.measures * sizeof *out);
    if (depth == 0) {
        leaf_sums(t->shape, node, 0, ((const struct leaf *)node)->count, out);
        return;
    }
    const struct inner *n = node;
    for (uint32_t i = 0; i < n->count; i++)
        for (unsigned m = 0; m < t->shape.measures; m++)
            out[m] += sums_of(t, n, i)[m];
}

static int128 node_peak(const struct tree *t, const void *node, unsigned depth)
{
    int128 running = 0, peak = 0;
    uint32_t count = depth == 0 ? ((const struct leaf *)node)->count : ((const struct inner *)node)->count;
    for (uint32_t i = 0; i < count; i++) {
        struct row row;
        if (depth == 0)
            leaf_row(t->shape, node, i, &row);
        int128 here = running + (depth == 0 ? row.measures[0] : *peak_of(t, node, i));
        if (i == 0 || here > peak)
            peak = here;
        running += depth == 0 ? row.measures[0] : sums_of(t, node, i)[0];
    }
    return peak;
}

void tree_weigh(const struct tree *t, struct inner *n, uint32_t i, unsigned depth)
{
    node_sums(t, nodes(t, n)[i], depth, sums_of(t, n, i));
    if (t->peaked)
        *peak_of(t, n, i) = node_peak(t, nodes(t, n)[i], depth);
}

struct outcome_of_add tree_leaf_add(const struct tree *t, struct leaf *leaf, const struct row *row)
{
    struct row_shape s = t->shape;
    unsigned at = leaf_find(s, leaf, row->at_us, row->value);
    for (unsigned i = at; i < leaf->count; i++) {
        struct row there;
        if (leaf_at_us(s, leaf, i) != row->at_us)
            break;
        leaf_row(s, leaf, i, &there);
        if (there.value != row->value)
            break;
        if (!row_takes(s, &there, row->measures))
            continue;
        if (is_zero(s, there.measures))
            leaf = leaf_remove(s, leaf, i, i + 1);
        else
            leaf = leaf_set(s, leaf, i, there.measures);
        return (struct outcome_of_add){.node = leaf};
    }
    if (leaf->count < LEAF_ROWS)
        return (struct outcome_of_add){.node = leaf_insert(s, leaf, at, row)};
    struct leaf *right;
    struct row first = *row;
    if (at == leaf->count) {
        right = leaf_create(s, row, leaf);
    } else {
        unsigned keep = leaf->count / 2;
        leaf = leaf_split(s, leaf, keep, &right);
        /* A key between the halves goes left, so that the right half keeps its first row as key. */
        if (at <= keep)
            leaf = leaf_insert(s, leaf, at, row);
        else
            right = leaf_insert(s, right, at - keep, row);
        leaf_row(s, right, 0, &first);
    }
    return (struct outcome_of_add){
        .node = leaf, .right = right, .right_at_us = first.at_us, .right_value = first.value};
}

/* The last child whose key is not greater than the key, else the first. */
static uint32_t child_for(const struct tree *t, const struct inner *n, int64_t at_us, int64_t value)
{
    const int64_t *keys = ats(t, n);
    uint32_t low = 0, high = n->count;
    uint32_t middle = high - 1; /* most rows are the newest: one look instead of five */
    while (high - low > 1) {
        if (at_us < keys[middle] || (at_us == keys[middle] && value < value_of(t, n, middle)))
            high = middle;
        else
            low = middle;
        middle = (low + high) / 2;
    }
    return low;
}

static struct outcome_of_add node_add(const struct tree *t, void *node, unsigned depth, const struct row *row);

/* A new child before child i, of that depth; there is room. */
static void put_child(const struct tree *t, struct inner *n, uint32_t i, const struct outcome_of_add *below,
                      unsigned depth)
{
    move_children(t, n, i + 1, n, i, n->count - i);
    n->count++;
    set_key(t, n, i, below->right_at_us, below->right_value);
    nodes(t, n)[i] = below->right;
    tree_weigh(t, n, i, depth);
}

/* Makes the right half of child i - 1 child i; splits the node where it is full. */
static struct outcome_of_add inner_insert(const struct tree *t, struct inner *n, unsigned depth, uint32_t i,
                                          const struct outcome_of_add *below)
{
    if (n->count == n->room && n->room < INNER_CHILDREN) {
        struct inner *larger = inner_alloc(t, inner_room(n->count + 1));
        larger->count = n->count;
        move_children(t, larger, 0, n, 0, n->count);
        free(n);
        n = larger;
    }
    if (n->count < n->room) {
        put_child(t, n, i, below, depth - 1);
        return (struct outcome_of_add){.node = n};
    }
    uint32_t keep = i == n->count ? n->count : n->count / 2;
    struct inner *right = inner_alloc(t, i == n->count ? INNER_CHILDREN_FIRST : INNER_CHILDREN);
    right->count = n->count - keep;
    move_children(t, right, 0, n, keep, right->count);
    n->count = keep;
    if (i > keep || right->count == 0)
        put_child(t, right, i - keep, below, depth - 1);
    else
        put_child(t, n, i, below, depth - 1);
    return (struct outcome_of_add){
        .node = n, .right = right, .right_at_us = ats(t, right)[0], .right_value = value_of(t, right, 0)};
}

static void drop_child(const struct tree *t, struct inner *n, uint32_t i)
{
    move_children(t, n, i, n, i + 1, n->count - i - 1);
    n->count--;
}

/* The node, or NULL where it has no child left and is freed. */
static struct inner *unless_empty(struct inner *n)
{
    if (n->count > 0)
        return n;
    free(n);
    return NULL;
}

static struct outcome_of_add inner_add(const struct tree *t, struct inner *n, unsigned depth, const struct row *row)
{
    uint32_t i = child_for(t, n, row->at_us, row->value);
    struct outcome_of_add below = node_add(t, nodes(t, n)[i], depth - 1, row);
    if (below.node == NULL) {
        drop_child(t, n, i);
        return (struct outcome_of_add){.node = unless_empty(n)};
    }
    nodes(t, n)[i] = below.node;
    if (row_less(row->at_us, row->value, ats(t, n)[i], value_of(t, n, i)))
        set_key(t, n, i, row->at_us, row->value);
    if (below.right == NULL) {
        for (unsigned m = 0; m < t->shape.measures; m++)
            sums_of(t, n, i)[m] += row->measures[m];
        if (t->peaked)
            *peak_of(t, n, i) = node_peak(t, below.node, depth - 1);
        return (struct outcome_of_add){.node = n};
    }
    tree_weigh(t, n, i, depth - 1);
    return inner_insert(t, n, depth, i + 1, &below);
}

static struct outcome_of_add node_add(const struct tree *t, void *node, unsigned depth, const struct row *row)
{
    return depth == 0 ? tree_leaf_add(t, node, row) : inner_add(t, node, depth, row);
}

void tree_settle_root(struct tree *t)
{
    while (t->root != NULL && t->depth > 0 && ((struct inner *)t->root)->count == 1) {
        struct inner *root = t->root;
        t->root = nodes(t, root)[0];
        t->depth--;
        free(root);
    }
    if (t->root == NULL)
        t->depth = 0;
}

void tree_fetch(const struct tree *t, unsigned step)
{
    if (step == 0) {
        __builtin_prefetch(t->root);
        __builtin_prefetch((const char *)t->root + 64);
    } else if (t->depth > 0) {
        const struct inner *n = t->root;
        const char *last = nodes(t, n)[n->count - 1];
        __builtin_prefetch(last);
        __builtin_prefetch(last + 64);
    }
}

static void add_row(struct tree *t, const struct row *row)
{
    if (t->root == NULL) {
        t->root = leaf_create(t->shape, row, NULL);
        return;
    }
    struct outcome_of_add top = node_add(t, t->root, t->depth, row);
    t->root = top.node;
    if (top.right != NULL) {
        struct inner *root = inner_alloc(t, INNER_CHILDREN_FIRST);
        /* The first key of the left half may be anything up to its first row; the least of all is safe. */
        struct outcome_of_add left = {.right = top.node, .right_at_us = INT64_MIN, .right_value = INT64_MIN};
        put_child(t, root, 0, &left, t->depth);
        put_child(t, root, 1, &top, t->depth);
        t->root = root;
        t->depth++;
    }
    tree_settle_root(t);
}

void tree_add(struct tree *t, int64_t at_us, int64_t value, const int64_t *delta)
{
    require_in_range(t->shape, at_us, delta);
    if (is_zero(t->shape, delta))
        return;
    struct row row = {.at_us = at_us, .value = t->shape.valued ? value : 0};
    memcpy(row.measures, delta, t->shape.measures * sizeof *delta);
    add_row(t, &row);
}

/* Rows of a leaf, and whole children, between two instants; then what of the children at both ends lies between. */
static void add_between(const struct tree *t, const void *node, unsigned depth, int64_t from_us, int64_t to_us,
                        int128 *out)
{
    while (depth > 0) {
        const struct inner *n = node;
        uint32_t first = child_for(t, n, from_us, INT64_MIN), last = child_for(t, n, to_us, INT64_MIN);
        node = nodes(t, n)[first];
        depth--;
        if (first == last)
            continue;
        /* Every row of a child is less than the key of the next. */
        for (uint32_t i = first + 1; i < last; i++)
            for (unsigned m = 0; m < t->shape.measures; m++)
                out[m] += sums_of(t, n, i)[m];
        if (from_us < ats(t, n)[first])
            for (unsigned m = 0; m < t->shape.measures; m++)
                out[m] += sums_of(t, n, first)[m];
        else
            add_between(t, node, depth, from_us, INT64_MAX, out);
        node = nodes(t, n)[last];
        from_us = INT64_MIN;
    }
    const struct leaf *leaf = node;
    unsigned from = from_us == INT64_MIN ? 0 : leaf_find(t->shape, leaf, from_us, INT64_MIN);
    unsigned to = to_us == INT64_MAX ? leaf->count : leaf_find(t->shape, leaf, to_us, INT64_MIN);
    leaf_sums(t->shape, leaf, from, to, out);
}

void tree_sums(const struct tree *t, int64_t from_us, int64_t to_us, int128 *out)
{
    if (from_us < to_us && t->root != NULL)
        add_between(t, t->root, t->depth, from_us, to_us, out);
}

/* Instants that lie in a node, or are not before it; `running`: the sums of what lies before the node. */
struct prefixes {
    const int64_t *at;
    unsigned count;
    int128 (*out)[STREAM_MEASURES_MAX];
};

static void leaf_prefixes(const struct tree *t, const struct leaf *leaf, struct prefixes p, int128 *running)
{
    int64_t instants[LEAF_ROWS];
    if (p.count > 1) /* few steps each, then, instead of a search */
        leaf_instants(t->shape, leaf, instants);
    for (unsigned i = 0, row = 0; i < p.count; i++) {
        unsigned to = row;
        if (p.count == 1)
            to = leaf_find(t->shape, leaf, p.at[i], INT64_MIN);
        else
            while (to < leaf->count && instants[to] < p.at[i])
                to++;
        leaf_sums(t->shape, leaf, row, to, running);
        memcpy(p.out[i], running, t->shape.measures * sizeof *running);
        row = to;
    }
}

/* Takes those off the front that are not after `until_us`. */
static struct prefixes take_until(struct prefixes *p, int64_t until_us)
{
    struct prefixes first = *p;
    for (first.count = 0; first.count < p->count && p->at[first.count] <= until_us;)
        first.count++;
    p->at += first.count;
    p->out += first.count;
    p->count -= first.count;
    return first;
}

/* Every row of a child is at or after its key, so an instant that is not after the next child's key asks nothing of that. */
static void node_prefixes(const struct tree *t, const void *node, unsigned depth, struct prefixes p, int128 *running)
{
    if (depth == 0) {
        leaf_prefixes(t, node, p, running);
        return;
    }
    const struct inner *n = node;
    for (uint32_t i = 0; p.count > 0; i++) {
        struct prefixes here = i + 1 < n->count ? take_until(&p, ats(t, n)[i + 1]) : p;
        if (here.count > 0) {
            int128 within[STREAM_MEASURES_MAX];
            memcpy(within, running, sizeof within);
            node_prefixes(t, nodes(t, n)[i], depth - 1, here, within);
        }
        if (i + 1 == n->count)
            return;
        for (unsigned m = 0; m < t->shape.measures; m++)
            running[m] += sums_of(t, n, i)[m];
    }
}

void tree_prefixes(const struct tree *t, const int64_t *instants_us, unsigned count, int128 (*out)[STREAM_MEASURES_MAX])
{
    int128 running[STREAM_MEASURES_MAX] = {0};
    if (t->root == NULL)
        memset(out, 0, count * sizeof *out);
    else
        node_prefixes(t, t->root, t->depth, (struct prefixes){instants_us, count, out}, running);
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
        for (unsigned i = 0; i < leaf->count; i++) {
            struct row row;
            leaf_row(t->shape, leaf, i, &row);
            s->running += row.measures[0];
            bool last_of_instant = i + 1u == leaf->count || leaf_at_us(t->shape, leaf, i + 1) != row.at_us;
            if (row.at_us > s->from_us && last_of_instant && s->running >= s->level)
                return row.at_us;
        }
        return INT64_MAX;
    }
    const struct inner *n = node;
    for (uint32_t i = 0; i < n->count; i++) {
        bool all_before = i + 1 < n->count && ats(t, n)[i + 1] <= s->from_us;
        if (all_before || s->running + *peak_of(t, n, i) < s->level) {
            s->running += sums_of(t, n, i)[0];
            continue;
        }
        int64_t at_us = node_reach(t, nodes(t, n)[i], depth - 1, s);
        if (at_us != INT64_MAX)
            return at_us;
    }
    return INT64_MAX;
}

int64_t tree_reach(const struct tree *t, int64_t from_us, int128 level)
{
    REQUIRE(t->peaked && !t->shape.valued);
    int128 by_then[STREAM_MEASURES_MAX] = {0};
    tree_sums(t, INT64_MIN, from_us + 1, by_then);
    if (by_then[0] >= level)
        return from_us;
    struct search s = {.from_us = from_us, .level = level, .running = 0};
    return t->root != NULL ? node_reach(t, t->root, t->depth, &s) : INT64_MAX;
}

/* True: go on. */
typedef bool visit_row(void *context, const struct row *row);

static bool node_visit(const struct tree *t, const void *node, unsigned depth, int64_t from_us, int64_t to_us,
                       visit_row *visit, void *context)
{
    if (depth == 0) {
        const struct leaf *leaf = node;
        for (unsigned i = leaf_find(t->shape, leaf, from_us, INT64_MIN); i < leaf->count; i++) {
            struct row row;
            leaf_row(t->shape, leaf, i, &row);
            if (row.at_us >= to_us || !visit(context, &row))
                return false;
        }
        return true;
    }
    const struct inner *n = node;
    for (uint32_t i = child_for(t, n, from_us, INT64_MIN); i < n->count; i++)
        if (!node_visit(t, nodes(t, n)[i], depth - 1, from_us, to_us, visit, context))
            return false;
    return true;
}

int64_t tree_next(const struct tree *t, int64_t from_us)
{
    const void *node = t->root;
    const void *right = NULL; /* the nearest node that lies to the right of the way down */
    unsigned right_depth = 0;
    if (node == NULL)
        return INT64_MAX;
    for (unsigned depth = t->depth; depth > 0; depth--) {
        const struct inner *n = node;
        uint32_t i = child_for(t, n, from_us, INT64_MIN);
        if (i + 1 < n->count) {
            right = nodes(t, n)[i + 1];
            right_depth = depth - 1;
        }
        node = nodes(t, n)[i];
    }
    const struct leaf *leaf = node;
    unsigned i = leaf_find(t->shape, leaf, from_us, INT64_MIN);
    if (i < leaf->count)
        return leaf_at_us(t->shape, leaf, i);
    if (right == NULL)
        return INT64_MAX;
    for (; right_depth > 0; right_depth--)
        right = nodes(t, right)[0];
    return leaf_at_us(t->shape, right, 0);
}

struct visitor {
    void (*visit)(void *, int64_t, int64_t, const int64_t *);
    void *context;
};

static bool visit_each(void *context, const struct row *row)
{
    struct visitor *v = context;
    v->visit(v->context, row->at_us, row->value, row->measures);
    return true;
}

void tree_visit(const struct tree *t, int64_t from_us, int64_t to_us,
                void (*visit)(void *context, int64_t at_us, int64_t value, const int64_t *measures), void *context)
{
    struct visitor v = {visit, context};
    if (t->root != NULL)
        node_visit(t, t->root, t->depth, from_us, to_us, visit_each, &v);
}

/* Takes the rows with from_us <= at < to_us out of the node. NULL, and freed, where none is left. */
static void *node_remove(const struct tree *t, void *node, unsigned depth, int64_t from_us, int64_t to_us)
{
    if (depth == 0) {
        unsigned from = leaf_find(t->shape, node, from_us, INT64_MIN), to = leaf_find(t->shape, node, to_us, INT64_MIN);
        return leaf_remove(t->shape, node, from, to);
    }
    struct inner *n = node;
    const uint32_t first = child_for(t, n, from_us, INT64_MIN);
    uint32_t kept = first, i = first;
    for (; i < n->count && (i == first || ats(t, n)[i] < to_us); i++) {
        void *child = node_remove(t, nodes(t, n)[i], depth - 1, from_us, to_us);
        if (child == NULL)
            continue;
        nodes(t, n)[i] = child;
        tree_weigh(t, n, i, depth - 1);
        move_children(t, n, kept++, n, i, 1);
    }
    move_children(t, n, kept, n, i, n->count - i);
    n->count -= i - kept;
    return unless_empty(n);
}

static void remove_rows(struct tree *t, int64_t from_us, int64_t to_us)
{
    if (t->root != NULL)
        t->root = node_remove(t, t->root, t->depth, from_us, to_us);
    tree_settle_root(t);
}

void tree_take_before(struct tree *t, int64_t to_us, int128 *out)
{
    if (tree_next(t, INT64_MIN) >= to_us)
        return;
    tree_sums(t, INT64_MIN, to_us, out);
    remove_rows(t, INT64_MIN, to_us);
}

struct countdown {
    uint32_t left;
    int64_t at_us;
};

static bool count_down(void *context, const struct row *row)
{
    struct countdown *c = context;
    c->at_us = c->left == 0 ? row->at_us : INT64_MAX;
    return c->left-- > 0;
}

int64_t tree_instant_after(const struct tree *t, int64_t from_us, uint32_t count)
{
    struct countdown c = {count, INT64_MAX};
    if (t->root != NULL)
        node_visit(t, t->root, t->depth, from_us, INT64_MAX, count_down, &c);
    return c.at_us;
}

struct folding {
    struct row *rows;
    uint32_t count, room;
    int64_t base_us;
};

static bool fold_row(void *context, const struct row *row)
{
    struct folding *f = context;
    f->rows = must_grow(f->rows, &f->room, f->count, sizeof *f->rows);
    f->rows[f->count] = *row;
    f->rows[f->count++].at_us = f->base_us;
    return true;
}

static int by_value(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

void tree_fold(struct tree *t, int64_t base_us, int64_t to_us)
{
    struct folding f = {.base_us = base_us};
    if (tree_next(t, base_us + 1) >= to_us)
        return;
    node_visit(t, t->root, t->depth, base_us + 1, to_us, fold_row, &f);
    remove_rows(t, base_us + 1, to_us);
    qsort(f.rows, f.count, sizeof *f.rows, by_value);
    tree_add_sorted(t, f.rows, f.count);
    free(f.rows);
}

static uint64_t node_bytes(const struct tree *t, const void *node, unsigned depth)
{
    if (depth == 0)
        return leaf_bytes(t->shape, node);
    const struct inner *n = node;
    uint64_t bytes = inner_size(t, n->room);
    for (uint32_t i = 0; i < n->count; i++)
        bytes += node_bytes(t, nodes(t, n)[i], depth - 1);
    return bytes;
}

uint64_t tree_bytes(const struct tree *t)
{
    return t->root != NULL ? node_bytes(t, t->root, t->depth) : 0;
}

static uint64_t node_rows(const struct tree *t, const void *node, unsigned depth)
{
    if (depth == 0)
        return ((const struct leaf *)node)->count;
    const struct inner *n = node;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < n->count; i++)
        rows += node_rows(t, nodes(t, n)[i], depth - 1);
    return rows;
}

uint64_t tree_rows(const struct tree *t)
{
    return t->root != NULL ? node_rows(t, t->root, t->depth) : 0;
}

/* What a node's rows must lie between: [low, high). */
struct bounds {
    int64_t low_at, low_value, high_at, high_value;
};

/* Every row lies within the bounds and in order; sums of children are those of their rows. */
static void node_check(const struct tree *t, const void *node, unsigned depth, struct bounds b)
{
    if (depth == 0) {
        const struct leaf *leaf = node;
        REQUIRE(leaf->count > 0 && leaf->count <= leaf->room && leaf->room <= LEAF_ROWS);
        for (unsigned i = 0; i < leaf->count; i++) {
            struct row row;
            leaf_row(t->shape, leaf, i, &row);
            REQUIRE(!is_zero(t->shape, row.measures));
            REQUIRE(!row_less(row.at_us, row.value, b.low_at, b.low_value));
            REQUIRE(!row_less(b.high_at, b.high_value, row.at_us, row.value)); /* one more row of a key may go right */
            b.low_at = row.at_us;
            b.low_value = row.value;
        }
        return;
    }
    const struct inner *n = node;
    REQUIRE(n->count > 0 && n->count <= n->room && n->room <= INNER_CHILDREN);
    for (uint32_t i = 0; i < n->count; i++) {
        const void *child = nodes(t, n)[i];
        int128 sums[STREAM_MEASURES_MAX];
        node_sums(t, child, depth - 1, sums);
        for (unsigned m = 0; m < t->shape.measures; m++)
            REQUIRE(sums[m] == sums_of(t, n, i)[m]);
        REQUIRE(!t->peaked || *peak_of(t, n, i) == node_peak(t, child, depth - 1));
        bool last = i + 1 == n->count;
        struct bounds of_child = {ats(t, n)[i], value_of(t, n, i), last ? b.high_at : ats(t, n)[i + 1],
                                  last ? b.high_value : value_of(t, n, i + 1)};
        REQUIRE(!row_less(of_child.low_at, of_child.low_value, b.low_at, b.low_value));
        b.low_at = of_child.low_at;
        b.low_value = of_child.low_value;
        node_check(t, child, depth - 1, of_child);
    }
}

void tree_check(const struct tree *t)
{
    REQUIRE(t->root != NULL || t->depth == 0);
    if (t->root != NULL)
        node_check(t, t->root, t->depth, (struct bounds){INT64_MIN, INT64_MIN, INT64_MAX, INT64_MAX});
}
