/* libyaml's events become a tree; it composes documents too, but resolves aliases on the way, which
 * makes the bombs of billions of laughs, and takes a key twice. */
#include "config/yaml.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct builder {
    yaml_parser_t parser;
    struct text bytes;
    struct report *report;
    bool stopped; /* the rest cannot be read */
};

static struct mark mark_of(yaml_mark_t m)
{
    return (struct mark){(unsigned)m.line + 1, (unsigned)m.column + 1};
}

/* Of a byte: libyaml gives no mark for what it cannot even decode. */
static struct mark mark_of_offset(struct text bytes, size_t offset)
{
    struct mark m = {1, 1};
    for (size_t i = 0; i < offset && i < bytes.len; i++) {
        if (bytes.at[i] == '\n') {
            m = (struct mark){m.line + 1, 1};
        } else if (((unsigned char)bytes.at[i] & 0xC0) != 0x80) {
            m.column++;
        }
    }
    return m;
}

static void report_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";
    b->stopped = true;
    if (p->error == YAML_READER_ERROR) {
        report_add(b->report, mark_of_offset(b->bytes, p->problem_offset), "%s; write it as an escape in double quotes",
                   problem);
        return;
    }
    REQUIRE(p->error != YAML_MEMORY_ERROR);
    size_t at = p->problem_mark.index;
    /* The index counts characters; a tab before any other than ASCII is what people write. */
    if (p->error == YAML_SCANNER_ERROR && at < b->bytes.len && b->bytes.at[at] == '\t') {
        report_add(b->report, mark_of(p->problem_mark), "a tab where YAML wants spaces; indent with spaces");
        return;
    }
    if (p->context != NULL) {
        report_add(b->report, mark_of(p->problem_mark), "not YAML: %s, %s from line %zu; correct it, then check again",
                   problem, p->context, p->context_mark.line + 1);
    } else {
        report_add(b->report, mark_of(p->problem_mark), "not YAML: %s; correct it, then check again", problem);
    }
}

static bool next_event(struct builder *b, yaml_event_t *e)
{
    if (b->stopped) {
        return false;
    }
    if (!yaml_parser_parse(&b->parser, e)) {
        report_syntax(b);
        return false;
    }
    return true;
}

static struct node *node_create(enum node_kind kind, yaml_mark_t at)
{
    struct node *n = must_zalloc(sizeof *n);
    n->kind = kind;
    n->mark = mark_of(at);
    return n;
}

static void append(struct node *n, size_t *room, struct node *key, struct node *value)
{
    if (n->count == *room) {
        *room = *room > 0 ? 2 * *room : 8;
        n->items = must_realloc(n->items, *room * sizeof n->items[0]);
        if (n->kind == NODE_MAP) {
            n->keys = must_realloc(n->keys, *room * sizeof n->keys[0]);
        }
    }
    n->items[n->count] = value;
    if (n->kind == NODE_MAP) {
        n->keys[n->count] = key;
    }
    n->count++;
}

static int by_key(const void *left, const void *right)
{
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    int order = text_compare(a->text, b->text);
    if (order != 0) {
        return order;
    }
    bool earlier = a->mark.line != b->mark.line ? a->mark.line < b->mark.line : a->mark.column < b->mark.column;
    return earlier ? -1 : 1;
}

/* The first stays; those who go through a map may rely on each key being there once. */
static void refuse_duplicates(struct builder *b, struct node *map)
{
    struct node **sorted = must_alloc(map->count * sizeof sorted[0]);
    memcpy(sorted, map->keys, map->count * sizeof sorted[0]);
    qsort(sorted, map->count, sizeof sorted[0], by_key);
    for (size_t i = 1, first = 0; i < map->count; i++) {
        if (!text_equal(sorted[first]->text, sorted[i]->text)) {
            first = i;
            continue;
        }
        report_add(b->report, sorted[i]->mark, "key '%s' stands already in line %u; keep one of them",
                   show(sorted[i]->text).at, sorted[first]->mark.line);
        sorted[i]->kind = NODE_BROKEN;
    }
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (map->keys[i]->kind == NODE_BROKEN) {
            node_destroy(map->keys[i]);
            node_destroy(map->items[i]);
        } else {
            map->keys[kept] = map->keys[i];
            map->items[kept++] = map->items[i];
        }
    }
    map->count = kept;
}

static struct node *build(struct builder *b, yaml_event_t *e, unsigned depth);

/* The node that begins with the next event; NULL: the end of the list or map, or nothing more to read. */
static struct node *build_next(struct builder *b, unsigned depth)
{
    yaml_event_t e;
    if (!next_event(b, &e)) {
        return NULL;
    }
    struct node *n = NULL;
    if (e.type != YAML_SEQUENCE_END_EVENT && e.type != YAML_MAPPING_END_EVENT) {
        n = build(b, &e, depth);
    }
    yaml_event_delete(&e);
    return n;
}

static void build_map(struct builder *b, struct node *map, unsigned depth)
{
    size_t room = 0;
    struct node *key;
    while ((key = build_next(b, depth)) != NULL) {
        struct node *value = build_next(b, depth);
        if (value == NULL || key->kind != NODE_SCALAR) {
            if (value != NULL && key->kind != NODE_BROKEN) {
                report_add(b->report, key->mark, "a key must be a plain text; write 'key: value'");
            }
            node_destroy(key);
            node_destroy(value);
            continue;
        }
        append(map, &room, key, value);
    }
    if (!b->stopped && map->count > 1) {
        refuse_duplicates(b, map);
    }
}

static void report_anchor(struct builder *b, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        report_add(b->report, mark_of(e->start_mark),
                   "anchors (&%s) are not used here; write the value where it is wanted",
                   show(text_of((const char *)anchor)).at);
    }
    if (tag != NULL) {
        report_add(b->report, mark_of(e->start_mark), "tags (%s) are not used here; leave it out",
                   show(text_of((const char *)tag)).at);
    }
}

static struct node *build(struct builder *b, yaml_event_t *e, unsigned depth)
{
    struct node *n = NULL;
    size_t room = 0;
    if (depth > NODE_DEPTH_MAX) {
        report_add(b->report, mark_of(e->start_mark), "nested deeper than %d levels; no option is", NODE_DEPTH_MAX);
        b->stopped = true;
        return node_create(NODE_BROKEN, e->start_mark);
    }
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        report_anchor(b, e, e->data.scalar.anchor, e->data.scalar.tag);
        n = node_create(NODE_SCALAR, e->start_mark);
        n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        n->text.len = e->data.scalar.length;
        char *copy = must_alloc(n->text.len + 1);
        memcpy(copy, e->data.scalar.value, n->text.len);
        copy[n->text.len] = '\0';
        n->text.at = copy;
        if (memchr(copy, '\0', n->text.len) != NULL) { /* "\0" in double quotes; the structs hold C strings */
            report_add(b->report, n->mark, "a zero byte in a text; leave it out");
            n->kind = NODE_BROKEN;
        }
        return n;
    case YAML_SEQUENCE_START_EVENT:
        report_anchor(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        n = node_create(NODE_LIST, e->start_mark);
        for (struct node *item; (item = build_next(b, depth + 1)) != NULL;) {
            append(n, &room, NULL, item);
        }
        return n;
    case YAML_MAPPING_START_EVENT:
        report_anchor(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        n = node_create(NODE_MAP, e->start_mark);
        build_map(b, n, depth + 1);
        return n;
    case YAML_ALIAS_EVENT:
        report_add(b->report, mark_of(e->start_mark), "aliases (*%s) are not used here; write the value out",
                   show(text_of((const char *)e->data.alias.anchor)).at);
        return node_create(NODE_BROKEN, e->start_mark);
    default: break;
    }
    require_failed("a node begins with a scalar, a list, a map or an alias", __FILE__, __LINE__);
}

static struct node *build_stream(struct builder *b)
{
    struct node *root = NULL;
    bool ended = false;
    while (!ended) {
        yaml_event_t e;
        if (!next_event(b, &e)) {
            break;
        }
        switch (e.type) {
        case YAML_STREAM_END_EVENT: ended = true; break;
        case YAML_DOCUMENT_START_EVENT:
            if (root != NULL) {
                report_add(b->report, mark_of(e.start_mark),
                           "a second document; a configuration is one, take away the '---'");
                b->stopped = true;
            }
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        default: root = build(b, &e, 0); break;
        }
        yaml_event_delete(&e);
    }
    if (ended && root == NULL) {
        root = node_create(NODE_MAP, (yaml_mark_t){0});
    }
    if (!ended) {
        node_destroy(root);
        root = NULL;
    }
    return root;
}

struct node *yaml_parse(struct text bytes, struct report *r)
{
    if (bytes.len > YAML_SIZE_MAX) {
        report_add(r, (struct mark){0, 0}, "larger than %u bytes; is it a configuration at all?", YAML_SIZE_MAX);
        return NULL;
    }
    if (!text_is_utf8(bytes)) {
        size_t good = 0; /* the longest beginning that is UTF-8, by halves; cut within a character it is not */
        for (size_t step = (size_t)1 << 20; step > 0; step /= 2) {
            size_t to = good + step;
            while (to < bytes.len && to > good && ((unsigned char)bytes.at[to] & 0xC0) == 0x80) {
                to--;
            }
            if (to > good && to <= bytes.len && text_is_utf8((struct text){bytes.at + good, to - good})) {
                good = to;
            }
        }
        report_add(r, mark_of_offset(bytes, good), "not UTF-8; save the file as UTF-8");
        return NULL;
    }
    struct builder b = {.bytes = bytes, .report = r};
    REQUIRE(yaml_parser_initialize(&b.parser));
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)bytes.at, bytes.len);
    struct node *root = build_stream(&b);
    yaml_parser_delete(&b.parser);
    return root;
}

void node_destroy(struct node *n)
{
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        node_destroy(n->items[i]);
        if (n->keys != NULL) {
            node_destroy(n->keys[i]);
        }
    }
    free(n->items);
    free(n->keys);
    free((char *)n->text.at);
    free(n);
}

bool node_is_null(const struct node *n)
{
    if (n->kind != NODE_SCALAR || n->quoted) {
        return false;
    }
    return n->text.len == 0 || text_equal(n->text, TEXT("~")) || text_equal(n->text, TEXT("null"));
}

const struct node *node_find(const struct node *map, const char *key)
{
    if (map == NULL || map->kind != NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (text_equal(map->keys[i]->text, text_of(key))) {
            return map->items[i];
        }
    }
    return NULL;
}

struct mark node_mark(const struct node *map, const char *key)
{
    const struct node *value = node_find(map, key);
    if (value == NULL) {
        value = map;
    }
    return value != NULL ? value->mark : (struct mark){0, 0};
}
