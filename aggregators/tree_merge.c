/* Many rows at once: each leaf that several of them meet is laid open, merged with them and laid out again, as one leaf or as
 * several. An inner node whose children stay as many is changed in place, else it is made anew of what they have become.
 * What no row meets stays. */
#include "aggregators/tree_node.h"
#include <stdlib.h>
#include <string.h>

/* So few are added to a leaf one by one: laying it open and out again costs more. */
enum { FEW = 8 };

/* So few find their way down the tree one by one. */
enum { ONE_BY_ONE = 2 };

/* What becomes of a node's children, or of the nodes of one depth. */
struct child {
    int64_t at_us, value; /* its key */
    void *node;
    const struct inner *from; /* where its sums stand, as those of child `index`; NULL: they are not known */
    uint32_t index;
};

struct children {
    struct child *at;
    uint32_t count, room;
};

struct run {
    const struct row *rows;
    uint32_t count;
};

static void push(struct children *list, struct child child)
{
    if (list->count == list->room) {
        list->room = list->room > 0 ? list->room * 2 : INNER_CHILDREN * 2;
        list->at = must_realloc(list->at, list->room * sizeof *list->at);
    }
    list->at[list->count++] = child;
}

/* Rows in order, of which those with one key stand together. */
struct merged {
    struct row *rows;
    uint32_t count;
    uint32_t group; /* where those with the last one's key begin */
};

static bool has_key(const struct row *a, const struct row *b)
{
    return a->at_us == b->at_us && a->value == b->value;
}

/* Takes out rows of the last key in which nothing is left. */
static void end_group(struct row_shape s, struct merged *m)
{
    uint32_t kept = m->group;
    for (uint32_t i = m->group; i < m->count; i++)
        if (!is_zero(s, m->rows[i].measures))
            m->rows[kept++] = m->rows[i];
    m->count = m->group = kept;
}

/* A row whose key is not less than the last one's. */
static void take(struct row_shape s, struct merged *m, const struct row *row)
{
    if (m->group < m->count && !has_key(&m->rows[m->group], row))
        end_group(s, m);
    for (uint32_t i = m->group; i < m->count; i++) {
        struct row sum = m->rows[i];
        if (!row_takes(s, &sum, row->measures))
            continue;
        m->rows[i] = sum;
        return;
    }
    m->rows[m->count++] = *row;
}

static void merge(struct row_shape s, const struct leaf *leaf, struct run run, struct merged *out)
{
    struct row there[LEAF_ROWS];
    uint32_t count = leaf != NULL ? leaf->count : 0, i = 0;
    if (leaf != NULL)
        leaf_rows(s, leaf, there);
    for (uint32_t j = 0; i < count || j < run.count;) {
        bool is_old = j == run.count ||
                      (i < count && !row_less(run.rows[j].at_us, run.rows[j].value, there[i].at_us, there[i].value));
        take(s, out, is_old ? &there[i++] : &run.rows[j++]);
    }
    end_group(s, out);
}

/* In how many nodes of at most `most` children so many find room, and how many are in the one of that number. */
static uint32_t node_count(uint32_t count, uint32_t most)
{
    return (count + most - 1) / most;
}

static uint32_t share(uint32_t count, uint32_t nodes_in_all, uint32_t number)
{
    return count / nodes_in_all + (number < count % nodes_in_all);
}

/* The rows become leaves of their own; the first one is no less than `low`. */
static void push_leaves(struct row_shape s, const struct merged *m, struct child low, struct children *out)
{
    uint32_t leaves = node_count(m->count, LEAF_ROWS);
    for (uint32_t i = 0, from = 0; i < leaves; i++) {
        uint32_t rows = share(m->count, leaves, i);
        const struct row *first = &m->rows[from];
        struct child c = {.at_us = first->at_us, .value = first->value};
        if (i == 0 && !row_less(first->at_us, first->value, low.at_us, low.value))
            c = (struct child){.at_us = low.at_us, .value = low.value};
        c.node = leaf_build(s, first, rows);
        push(out, c);
        from += rows;
    }
}

/* To a leaf with room for all. NULL: nothing is left in it. */
static struct leaf *add_few(const struct tree *t, struct leaf *leaf, struct run run)
{
    for (uint32_t i = 0; i < run.count; i++) {
        const struct row *row = &run.rows[i];
        if (is_zero(t->shape, row->measures))
            continue;
        if (leaf == NULL)
            leaf = leaf_create(t->shape, row, NULL);
        else
            leaf = tree_leaf_add(t, leaf, row).node;
    }
    return leaf;
}

/* `leaf` is freed; NULL where there was none. */
static void merge_leaf(const struct tree *t, struct leaf *leaf, struct run run, struct child low, struct children *out)
{
    uint32_t had = leaf != NULL ? leaf->count : 0;
    if (run.count <= FEW && had + run.count <= LEAF_ROWS) {
        struct child c = {.at_us = low.at_us, .value = low.value, .node = add_few(t, leaf, run)};
        if (row_less(run.rows[0].at_us, run.rows[0].value, low.at_us, low.value)) {
            c.at_us = run.rows[0].at_us;
            c.value = run.rows[0].value;
        }
        if (c.node != NULL)
            push(out, c);
        return;
    }
    struct row few[LEAF_ROWS * 2];
    struct merged m = {.rows = few};
    if (run.count > LEAF_ROWS)
        m.rows = must_alloc((LEAF_ROWS + (size_t)run.count) * sizeof *m.rows);
    merge(t->shape, leaf, run, &m);
    free(leaf);
    push_leaves(t->shape, &m, low, out);
    if (m.rows != few)
        free(m.rows);
}

static void copy_sums(const struct tree *t, struct inner *to, uint32_t at, const struct child *c)
{
    memcpy(sums_of(t, to, at), sums_of(t, c->from, c->index), wide_columns(t) * sizeof(int128));
}

/* Nodes of that depth over the children. */
static void push_inners(const struct tree *t, const struct children *below, unsigned depth, struct children *out)
{
    uint32_t inners = node_count(below->count, INNER_CHILDREN);
    for (uint32_t i = 0, from = 0; i < inners; i++) {
        uint32_t count = share(below->count, inners, i);
        struct inner *n = inner_alloc(t, inner_room(count));
        n->count = count;
        for (uint32_t j = 0; j < count; j++) {
            const struct child *c = &below->at[from + j];
            set_key(t, n, j, c->at_us, c->value);
            nodes(t, n)[j] = c->node;
            if (c->from != NULL)
                copy_sums(t, n, j, c);
            else
                tree_weigh(t, n, j, depth - 1);
        }
        push(out, (struct child){.at_us = below->at[from].at_us, .value = below->at[from].value, .node = n});
        from += count;
    }
}

/* Takes the rows that are less than the key off the front. */
static struct run take_before(struct run *rows, int64_t at_us, int64_t value)
{
    uint32_t low = 0, high = rows->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (row_less(rows->rows[middle].at_us, rows->rows[middle].value, at_us, value))
            low = middle + 1;
        else
            high = middle;
    }
    struct run before = {rows->rows, low};
    rows->rows += low;
    rows->count -= low;
    return before;
}

/* Child i of a node that stays, after these rows have met it. */
static void update_child(const struct tree *t, struct inner *n, uint32_t i, unsigned depth, const struct child *c,
                         struct run rows)
{
    set_key(t, n, i, c->at_us, c->value);
    nodes(t, n)[i] = c->node;
    if (t->peaked) {
        tree_weigh(t, n, i, depth - 1);
        return;
    }
    for (uint32_t row = 0; row < rows.count; row++)
        for (unsigned m = 0; m < t->shape.measures; m++)
            sums_of(t, n, i)[m] += rows.rows[row].measures[m];
}

static struct child child_of(const struct tree *t, const struct inner *n, uint32_t i)
{
    return (struct child){
        .at_us = ats(t, n)[i], .value = value_of(t, n, i), .node = nodes(t, n)[i], .from = n, .index = i};
}

/* The first children of a node, before those that are in the list. */
static void put_before(const struct tree *t, const struct inner *n, uint32_t count, struct children *list)
{
    uint32_t behind = list->count;
    for (uint32_t i = 0; i < count; i++)
        push(list, child_of(t, n, i));
    if (behind == 0)
        return;
    struct child moved[INNER_CHILDREN];
    memcpy(moved, list->at + behind, count * sizeof *moved);
    memmove(list->at + count, list->at, behind * sizeof *moved);
    memcpy(list->at, moved, count * sizeof *moved);
}

/* What becomes of a node, with key `low`, when the rows come in. An inner node whose children stay as many comes out itself,
 * others are freed. */
static void merge_node(const struct tree *t, void *node, unsigned depth, struct run rows, struct child low,
                       struct children *out)
{
    if (depth == 0) {
        merge_leaf(t, node, rows, low, out);
        return;
    }
    struct inner *n = node;
    struct children below = {0};
    bool stays = true; /* each child so far has become one, and that is in the node */
    for (uint32_t i = 0; i < n->count && (rows.count > 0 || !stays); i++) {
        struct run mine = i + 1 < n->count ? take_before(&rows, ats(t, n)[i + 1], value_of(t, n, i + 1)) : rows;
        if (mine.count > 0)
            merge_node(t, nodes(t, n)[i], depth - 1, mine, child_of(t, n, i), &below);
        else if (!stays)
            push(&below, child_of(t, n, i));
        if (!stays || mine.count == 0)
            continue;
        if (below.count == 1) {
            update_child(t, n, i, depth, &below.at[0], mine);
            below.count = 0;
        } else {
            stays = false;
            put_before(t, n, i, &below);
        }
    }
    if (stays) {
        push(out, (struct child){.at_us = ats(t, n)[0], .value = value_of(t, n, 0), .node = n});
    } else {
        push_inners(t, &below, depth, out);
        free(n);
    }
    free(below.at);
}

void tree_add_sorted(struct tree *t, const struct row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        require_in_range(t->shape, rows[i].at_us, rows[i].measures);
        REQUIRE(t->shape.valued || rows[i].value == 0);
        REQUIRE(i == 0 || !row_less(rows[i].at_us, rows[i].value, rows[i - 1].at_us, rows[i - 1].value));
    }
    if (count < ONE_BY_ONE) {
        for (uint32_t i = 0; i < count; i++)
            tree_add(t, rows[i].at_us, rows[i].value, rows[i].measures);
        return;
    }
    static const struct child least = {.at_us = INT64_MIN, .value = INT64_MIN};
    struct children top = {0};
    merge_node(t, t->root, t->depth, (struct run){rows, count}, least, &top);
    while (top.count > 1) {
        struct children above = {0};
        push_inners(t, &top, ++t->depth, &above);
        free(top.at);
        top = above;
    }
    t->root = top.count > 0 ? top.at[0].node : NULL;
    free(top.at);
    tree_settle_root(t);
}
