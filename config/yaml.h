/* yaml.h - a YAML text as a tree whose nodes know their places.
 *
 * Strict: one document, no anchors, aliases or tags, no key twice, keys are scalars, at most
 * NODE_DEPTH_MAX levels. What breaks these is reported with its place.
 * Thread: any, one a tree. Memory: node_destroy frees the tree; texts belong to their nodes.
 */
#pragma once
#include "base/text.h"
#include "config/report.h"
#include <stdbool.h>
#include <stddef.h>

#define NODE_DEPTH_MAX 24
#define YAML_SIZE_MAX  (1u << 20) /* bytes of a file */

enum node_kind {
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAP,
    NODE_BROKEN, /* was reported; readers pass it over in silence */
};

struct node {
    enum node_kind kind;
    struct mark mark;
    bool quoted;         /* scalar in quotes or a block scalar: a text and nothing else */
    struct text text;    /* of a scalar; a zero byte follows it, not counted */
    struct node **items; /* of a list; of a map: the values */
    struct node **keys;  /* of a map: scalars */
    size_t count;
};

/* NULL, and at least one problem more in `r`, where it is not YAML; an empty text is an empty map. Problems
 * that do not end the reading are reported too, and leave NODE_BROKEN. */
struct node *yaml_parse(struct text bytes, struct report *r);
void node_destroy(struct node *n);

/* Nothing, ~ or null, not in quotes. */
bool node_is_null(const struct node *n);
/* The value of a key, NULL where the map has none. `map` may be NULL or of another kind. */
const struct node *node_find(const struct node *map, const char *key);
/* The place of a key's value, or of the map where it has none. */
struct mark node_mark(const struct node *map, const char *key);
