/* The generic half of the loader: groups, scalars with units, defaults. The table says which is which. */
#include "config/load.h"
#include "base/error.h"
#include "base/instant.h"
#include "config/scalar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void set_text(char **p, struct text t)
{
    char *copy = must_alloc(t.len + 1);
    memcpy(copy, t.at, t.len);
    copy[t.len] = '\0';
    free(*p);
    *p = copy;
}

static bool want(struct loader *l, const char *what, const struct node *value, enum node_kind kind, const char *how)
{
    static const char *const found[] = {
        [NODE_SCALAR] = "a single value", [NODE_LIST] = "a list", [NODE_MAP] = "a group of keys"};
    if (value->kind == kind) {
        return true;
    }
    if (value->kind != NODE_BROKEN) {
        report_add(l->report, value->mark, "'%s' is %s here; %s", what, found[value->kind], how);
    }
    return false;
}

bool want_scalar(struct loader *l, const char *what, const struct node *value)
{
    if (!want(l, what, value, NODE_SCALAR, "write one value")) {
        return false;
    }
    if (node_is_null(value)) {
        report_add(l->report, value->mark, "'%s' has no value; write one, or take the line away for the default", what);
        return false;
    }
    return true;
}

bool want_list(struct loader *l, const char *what, const struct node *value)
{
    return want(l, what, value, NODE_LIST, "write a list: [a, b], or lines that begin with '- '");
}

bool want_map(struct loader *l, const char *what, const struct node *value)
{
    return want(l, what, value, NODE_MAP, "write 'key: value' lines below it");
}

void load_texts(struct loader *l, const char *what, const struct node *value, take_item *take, void *to)
{
    if (value->kind == NODE_SCALAR && !node_is_null(value)) {
        take(l, value, to);
        return;
    }
    if (node_is_null(value) || !want_list(l, what, value)) {
        if (node_is_null(value)) {
            want_scalar(l, what, value);
        }
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        if (want_scalar(l, what, value->items[i])) {
            take(l, value->items[i], to);
        }
    }
}

void take_text(struct loader *l, const struct node *item, void *to)
{
    struct text_list *list = to;
    if (item->text.len == 0) {
        report_add(l->report, item->mark, "an empty text in a list; take it away");
        return;
    }
    size_t count = *list->count;
    if ((count & (count - 1)) == 0) { /* room for powers of two, so that a long list is not copied for each text */
        *list->texts = must_realloc(*list->texts, (count > 0 ? 2 * count : 1) * sizeof(*list->texts)[0]);
    }
    (*list->texts)[count] = NULL;
    set_text(&(*list->texts)[(*list->count)++], item->text);
}

void *field_of(const struct option *o, void *group)
{
    return (char *)group + o->offset;
}

void load_day(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    if (want_scalar(l, o->name, value) && date_parse(value->text, field_of(o, group)) != OK) {
        report_add(l->report, value->mark, "'%s': '%s' is no date; write it such as 2024-01-31", o->name,
                   show(value->text).at);
    }
}

void load_dimension(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    enum dimension *d = field_of(o, group);
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    *d = dimension_find(value->text);
    if (*d == DIMENSION_COUNT) {
        const char *names[DIMENSION_COUNT];
        for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
            names[i] = dimension_name((enum dimension)i);
        }
        report_unknown(l->report, value->mark, o->name, value->text, "", names, DIMENSION_COUNT);
    }
}

static void load_text(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    const char *wrong = value->text.len == 0 ? "is empty; write something, or take the line away"
                        : o->check != NULL   ? o->check(value->text)
                                             : NULL;
    if (wrong != NULL) {
        report_add(l->report, value->mark, "'%s': '%s' %s", o->name, show(value->text).at, wrong);
        return;
    }
    set_text(field_of(o, group), value->text);
}

static void format_number(struct buffer *b, const struct option *o, int64_t n)
{
    if (o->type == OPTION_DURATION) {
        duration_format(b, n);
    } else if (o->type == OPTION_SIZE) {
        size_format(b, n);
    } else {
        buffer_integer(b, n);
    }
}

static void load_number(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    int64_t n = 0;
    const char *wrong = o->type == OPTION_DURATION ? duration_parse(value->text, &n)
                        : o->type == OPTION_SIZE   ? size_parse(value->text, &n)
                                                   : integer_parse(value->text, &n);
    if (wrong == NULL && o->type == OPTION_INTEGER && value->quoted) {
        wrong = "is a text; write the number without quotes";
    }
    if (wrong != NULL) {
        report_add(l->report, value->mark, "'%s': '%s' %s", o->name, show(value->text).at, wrong);
        return;
    }
    if (n < o->least || n > o->most) {
        struct buffer least, most;
        buffer_init(&least);
        buffer_init(&most);
        format_number(&least, o, o->least);
        format_number(&most, o, o->most);
        report_add(l->report, value->mark, "'%s': '%s' is outside its limits; write %s to %s", o->name,
                   show(value->text).at, least.at, most.at);
        buffer_fini(&least);
        buffer_fini(&most);
        return;
    }
    if (o->size == sizeof(int)) {
        int narrow = (int)n; /* its limits are those of an int */
        memcpy(field_of(o, group), &narrow, sizeof narrow);
    } else {
        REQUIRE(o->size == sizeof n);
        memcpy(field_of(o, group), &n, sizeof n);
    }
}

static void load_choice(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    size_t count = 0;
    for (; o->words[count] != NULL; count++) {
        if (text_equal(value->text, text_of(o->words[count]))) {
            int chosen = (int)o->least + (int)count;
            REQUIRE(o->size == sizeof chosen);
            memcpy(field_of(o, group), &chosen, sizeof chosen);
            return;
        }
    }
    report_unknown(l->report, value->mark, o->name, value->text, "", o->words, count);
}

/* Gives the secret to its field, or to librdkafka's properties; takes it. */
static void keep_secret(struct loader *l, const struct option *o, char *secret, void *group)
{
    if (o->property != NULL) {
        REQUIRE(l->kafka_secret_count < sizeof l->kafka_secrets / sizeof l->kafka_secrets[0]);
        l->kafka_secrets[l->kafka_secret_count++] = (struct kafka_property){must_strdup(o->property), secret};
        return;
    }
    char **field = field_of(o, group);
    free(*field);
    *field = secret;
}

static void load_secret(struct loader *l, const struct option *o, const struct node *map, void *group)
{
    const struct node *given = node_find(map, o->name);
    const char *given_as = "";
    if (given != NULL && !o->inline_too) {
        report_add(l->report, given->mark,
                   "'%s' is a secret and does not belong into this file; write %s_file, %s_env or %s_credential",
                   o->name, o->name, o->name, o->name);
        return;
    }
    for (unsigned i = 0; i < SECRET_SUFFIX_COUNT; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", o->name, secret_suffixes[i]);
        const struct node *value = node_find(map, key);
        if (value != NULL && given != NULL) {
            report_add(l->report, value->mark, "'%s' says again what '%s%s' says; keep one of them", key, o->name,
                       given_as);
            return;
        }
        if (value != NULL) {
            given = value;
            given_as = secret_suffixes[i];
        }
    }
    if (given == NULL) {
        if (o->required) {
            report_add(l->report, map->mark, "'%s' is missing; write it", o->name);
        }
        return;
    }
    if (!want_scalar(l, o->name, given)) {
        return;
    }
    char *secret = given_as[0] != '\0' ? secret_read(l, given_as, given) : must_strdup(given->text.at);
    if (secret == NULL) {
        return;
    }
    const char *wrong = o->check != NULL && (l->secrets || given_as[0] == '\0') ? o->check(text_of(secret)) : NULL;
    if (wrong != NULL) { /* the value is not shown: it may be the secret itself */
        report_add(l->report, given->mark, "'%s' %s", o->name, wrong);
    }
    keep_secret(l, o, secret, group);
}

static void load_option(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    switch (o->type) {
    case OPTION_TEXT: load_text(l, o, value, group); break;
    case OPTION_INTEGER:
    case OPTION_DURATION:
    case OPTION_SIZE: load_number(l, o, value, group); break;
    case OPTION_CHOICE: load_choice(l, o, value, group); break;
    case OPTION_GROUP: load_group(l, o->options, o->name, value, field_of(o, group)); break;
    case OPTION_LIST:
    case OPTION_CUSTOM: o->load(l, o, value, group); break;
    case OPTION_SECRET: break; /* load_secret: it goes by other keys */
    }
}

/* A default is wrong only if the table is. */
static void load_fallback(struct loader *l, const struct option *o, void *group)
{
    size_t before = l->report->count;
    struct node *value = yaml_parse(text_of(o->fallback), l->report);
    REQUIRE(value != NULL);
    bool was_default = l->is_default;
    l->is_default = true;
    load_option(l, o, value, group);
    l->is_default = was_default;
    node_destroy(value);
    REQUIRE(l->report->count == before);
}

static bool names_secret(const struct option *o, struct text key)
{
    size_t len = strlen(o->name);
    if (key.len <= len || memcmp(key.at, o->name, len) != 0) {
        return false;
    }
    for (unsigned i = 0; i < SECRET_SUFFIX_COUNT; i++) {
        if (text_equal((struct text){key.at + len, key.len - len}, text_of(secret_suffixes[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_known(const struct option *options, struct text key)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        if (text_equal(key, text_of(o->name)) || (o->type == OPTION_SECRET && names_secret(o, key))) {
            return true;
        }
    }
    return false;
}

static void report_unknown_key(struct loader *l, const struct option *options, const char *what, const struct node *key)
{
    enum { NAMES_MAX = 64 };
    const char *names[NAMES_MAX];
    char secrets[8][64];
    size_t count = 0, secret_count = 0;
    for (const struct option *o = options; o->name != NULL; o++) {
        REQUIRE(count + SECRET_SUFFIX_COUNT < NAMES_MAX);
        if (o->type != OPTION_SECRET || o->inline_too) {
            names[count++] = o->name;
        }
        for (unsigned i = 0; o->type == OPTION_SECRET && i < SECRET_SUFFIX_COUNT; i++) {
            if (secret_count == sizeof secrets / sizeof secrets[0]) {
                break;
            }
            snprintf(secrets[secret_count], sizeof secrets[0], "%s%s", o->name, secret_suffixes[i]);
            names[count++] = secrets[secret_count++];
        }
    }
    char where[80];
    snprintf(where, sizeof where, what[0] != '\0' ? " in %s" : "%s", what);
    report_unknown(l->report, key->mark, "key", key->text, where, names, count);
}

void load_group(struct loader *l, const struct option *options, const char *what, const struct node *map, void *group)
{
    if (map != NULL && node_is_null(map)) { /* a group all of whose lines are comments */
        map = NULL;
    }
    if (map != NULL && !want_map(l, what, map)) {
        map = NULL;
    }
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        if (!is_known(options, map->keys[i]->text)) {
            report_unknown_key(l, options, what, map->keys[i]);
        }
    }
    for (const struct option *o = options; o->name != NULL; o++) {
        const struct node *value = node_find(map, o->name);
        if ((o->type == OPTION_TEXT || o->type == OPTION_SECRET) && o->size == sizeof(char *)) {
            char **field = field_of(o, group);
            if (*field == NULL) {
                *field = must_strdup("");
            }
        }
        if (o->type == OPTION_SECRET) {
            if (map != NULL) {
                load_secret(l, o, map, group);
            }
        } else if (value != NULL && !(o->may_be_empty && node_is_null(value))) {
            /* What is wrong is at its default until then, so that the checks between options say nothing untrue. */
            if (o->fallback != NULL && o->type != OPTION_CUSTOM && o->type != OPTION_LIST) {
                load_fallback(l, o, group);
            }
            load_option(l, o, value, group);
        } else if (o->type == OPTION_GROUP) {
            load_group(l, o->options, o->name, NULL, field_of(o, group));
        } else if (o->fallback != NULL) {
            load_fallback(l, o, group);
        } else if (o->required && map != NULL) {
            report_add(l->report, map->mark, "'%s' is missing; write it", o->name);
        }
    }
}
