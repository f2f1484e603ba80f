/* Inputs: which topics are read, and where in their messages the fields of records stand. */
#include "base/error.h"
#include "base/instant.h"
#include "config/defaults.h"
#include "config/load.h"
#include "config/scalar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a text can be the value of a field, as consumers would read it; NULL, or what is wrong. */
static const char *field_value_check(const struct loader *l, enum field_type type, const char *const *words,
                                     struct text t)
{
    int64_t n;
    currency_code code;
    switch (type) {
    case FIELD_TEXT: return text_is_name(t) ? NULL : "is no name: 1 to 256 bytes without control characters";
    case FIELD_TIME:
        return instant_parse(t, &n) == OK || date_parse(t, &n) == OK || integer_parse(t, &n) == NULL
                   ? NULL
                   : "is no time; write it such as 2024-01-31T12:00:00Z";
    case FIELD_MONEY: return decimal_text_parse(t, false, &n);
    case FIELD_POSITIVE:
    case FIELD_DECIMAL:
        return decimal_text_parse(t, false, &n) == NULL && n >= 0 ? NULL
                                                                  : "is no decimal from 0; write it such as 12.50";
    case FIELD_SHARE:
        return decimal_text_parse(t, false, &n) == NULL && n >= 0 && n <= MICRO
                   ? NULL
                   : "is no share; write a decimal from 0 to 1";
    case FIELD_INTEGER:
        return integer_parse(t, &n) == NULL && n >= 1 ? NULL : "is no whole number from 1; write digits only";
    case FIELD_CURRENCY:
        return currency_parse(t, &code) == OK && config_currency_decimals(l->config, code) >= 0
                   ? NULL
                   : "is no known currency; correct it, or give its decimals in 'currencies'";
    case FIELD_DAY: return date_parse(t, &n) == OK ? NULL : "is no date; write it such as 2024-01-31";
    case FIELD_RATE: return rate_parse(t, &n);
    case FIELD_FLAG:
        return text_equal(t, TEXT("true")) || text_equal(t, TEXT("false")) ? NULL : "is neither true nor false";
    case FIELD_CHOICE:
        for (size_t i = 0; words[i] != NULL; i++) {
            if (text_equal(t, text_of(words[i]))) {
                return NULL;
            }
        }
        return "";
    }
    return NULL;
}

static void check_field_value(struct loader *l, enum field_type type, const char *const *words,
                              const struct node *value)
{
    const char *wrong = field_value_check(l, type, words, value->text);
    if (wrong == NULL) {
        return;
    }
    if (type == FIELD_CHOICE) {
        size_t count = 0;
        while (words[count] != NULL) {
            count++;
        }
        report_unknown(l->report, value->mark, "value", value->text, "", words, count);
    } else {
        report_add(l->report, value->mark, "'%s' %s", show(value->text).at, wrong);
    }
}

static const char *pointer_check(struct text t)
{
    if (t.len == 0 || t.at[0] != '/') {
        return "is no JSON Pointer; it begins with '/', such as /payload/after/amount";
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '~' && (i + 1 == t.len || (t.at[i + 1] != '0' && t.at[i + 1] != '1'))) {
            return "is no JSON Pointer; '~' is written ~0, and '/' within a name ~1";
        }
    }
    return NULL;
}

static void load_value_map(struct loader *l, const struct node *map, enum field_type type, const char *const *words,
                           struct field_source *s)
{
    if (!want_map(l, "values", map)) {
        return;
    }
    s->map = must_zalloc(map->count * sizeof s->map[0]);
    for (size_t i = 0; i < map->count; i++) {
        const struct node *to = map->items[i];
        bool cleared = node_is_null(to); /* a word that means nothing: as null */
        if (!cleared && !want_scalar(l, show(map->keys[i]->text).at, to)) {
            continue;
        }
        if (!cleared) {
            check_field_value(l, type, words, to);
        }
        struct value_map *row = &s->map[s->map_count++];
        set_text(&row->from, map->keys[i]->text);
        set_text(&row->to, cleared ? TEXT("") : to->text);
    }
}

/* Keys of a source that is written as a map, in the order of enum source_kind. */
static const char *const source_keys[] = {"member", "pointer", "constant", "header", "message_key", "values"};
enum { KEY_MEMBER, KEY_POINTER, KEY_CONSTANT, KEY_HEADER, KEY_MESSAGE_KEY, KEY_VALUES, KEY_COUNT };

static void set_source(struct loader *l, const struct node *value, unsigned key, enum field_type type,
                       const char *const *words, struct field_source *s)
{
    static const enum source_kind kinds[] = {SOURCE_MEMBER, SOURCE_POINTER, SOURCE_CONSTANT, SOURCE_HEADER,
                                             SOURCE_MESSAGE_KEY};
    if (!want_scalar(l, source_keys[key], value)) {
        return;
    }
    s->kind = kinds[key];
    if (key == KEY_MESSAGE_KEY) {
        if (!text_equal(value->text, TEXT("true"))) {
            report_add(l->report, value->mark, "'message_key' is '%s'; write true, or take it away",
                       show(value->text).at);
        }
        return;
    }
    set_text(&s->name, value->text);
    if (value->text.len == 0) {
        report_add(l->report, value->mark, "'%s' is empty; write something", source_keys[key]);
    } else if (key == KEY_POINTER && pointer_check(value->text) != NULL) {
        report_add(l->report, value->mark, "'%s' %s", show(value->text).at, pointer_check(value->text));
    } else if (key == KEY_CONSTANT) {
        check_field_value(l, type, words, value);
    }
}

static void load_source_map(struct loader *l, const struct node *map, const char *what, enum field_type type,
                            const char *const *words, struct field_source *s)
{
    unsigned given = KEY_COUNT;
    for (size_t i = 0; i < map->count; i++) {
        unsigned key = 0;
        while (key < KEY_COUNT && !text_equal(map->keys[i]->text, text_of(source_keys[key]))) {
            key++;
        }
        if (key == KEY_COUNT) {
            report_unknown(l->report, map->keys[i]->mark, "key", map->keys[i]->text, " in a source", source_keys,
                           KEY_COUNT);
        } else if (key == KEY_VALUES) {
            load_value_map(l, map->items[i], type, words, s);
        } else if (given != KEY_COUNT) {
            report_add(l->report, map->keys[i]->mark, "'%s' beside '%s'; a source is one of them", source_keys[key],
                       source_keys[given]);
        } else {
            given = key;
            set_source(l, map->items[i], key, type, words, s);
        }
    }
    /* With `values` alone it stays the member of its name, or what the input says otherwise. */
    if (given == KEY_COUNT && s->map_count == 0) {
        report_add(l->report, map->mark,
                   "'%s' says nothing; write member, pointer, constant, header, message_key or values", what);
    }
}

static void load_any_source(struct loader *l, const struct node *value, const char *what, enum field_type type,
                            const char *const *words, struct field_source *s)
{
    if (node_is_null(value)) {
        field_source_fini(s);
        s->name = must_strdup("");
    } else if (value->kind == NODE_SCALAR) {
        set_source(l, value, value->text.len > 0 && value->text.at[0] == '/' ? KEY_POINTER : KEY_MEMBER, type, words,
                   s);
    } else if (want_map(l, what, value)) {
        load_source_map(l, value, what, type, words, s);
    }
}

void load_source(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct input_config *in = group;
    struct field_source *s = field_of(o, group);
    load_any_source(l, value, o->name, (enum field_type)o->least, o->words, s);
    if (s == &in->key && (s->kind == SOURCE_NONE || s->kind == SOURCE_CONSTANT)) {
        report_add(l->report, value->mark,
                   "the key must come from the message; write a member, pointer, header or message_key");
    }
}

void load_tombstones(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    static const char *const words[] = {"delete", "ignore"};
    struct input_config *in = group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    if (text_equal(value->text, text_of(words[1]))) {
        in->tombstones = TOMBSTONES_IGNORE;
    } else if (!text_equal(value->text, text_of(words[0]))) {
        report_unknown(l->report, value->mark, o->name, value->text, "", words, 2);
    } else if (in->order_by == ORDER_BY_VERSION) {
        report_add(l->report, value->mark,
                   "a tombstone has no version, so an input with 'order_by: version' cannot take it; write ignore");
    }
}

void load_filter(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    static const char *const names[] = {"member", "in", "not_in"};
    struct filter_config *f = &((struct input_config *)group)->filter;
    if (!want_map(l, o->name, value)) {
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        struct text key = value->keys[i]->text;
        if (!text_equal(key, text_of(names[0])) && !text_equal(key, text_of(names[1])) &&
            !text_equal(key, text_of(names[2]))) {
            report_unknown(l->report, value->keys[i]->mark, "key", key, " in filter", names, 3);
        }
    }
    const struct node *member = node_find(value, names[0]), *in = node_find(value, names[1]),
                      *not_in = node_find(value, names[2]);
    if (member == NULL) {
        report_add(l->report, value->mark, "'member' is missing; write the name that decides, or its JSON Pointer");
    } else if (want_scalar(l, names[0], member)) {
        const char *wrong = member->text.len == 0       ? "is empty; write a name or a JSON Pointer"
                            : member->text.at[0] == '/' ? pointer_check(member->text)
                                                        : NULL;
        if (wrong != NULL) {
            report_add(l->report, member->mark, "'%s' %s", show(member->text).at, wrong);
        } else {
            set_text(&f->pointer, member->text);
        }
    }
    if ((in == NULL) == (not_in == NULL)) {
        report_add(l->report, value->mark, "a filter has either 'in' or 'not_in'; write one of them");
        return;
    }
    f->negate = in == NULL;
    load_texts(l, f->negate ? names[2] : names[1], f->negate ? not_in : in, take_text,
               &(struct text_list){&f->values, &f->value_count});
}

void load_other_fields(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct input_config *in = group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    if (text_equal(value->text, text_of(o->words[1]))) {
        for (unsigned f = 0; f < FIELD_COUNT_MAX; f++) {
            in->fields[f].kind = SOURCE_NONE; /* keeps its name: `values` alone bring it back */
        }
    } else if (!text_equal(value->text, text_of(o->words[0]))) {
        report_unknown(l->report, value->mark, o->name, value->text, "", o->words, 2);
    }
}

void load_fields(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct input_config *in = group;
    const struct record_kind_info *info = record_kind_info(in->kind);
    if (!want_map(l, o->name, value)) {
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct node *key = value->keys[i];
        int f = field_find(in->kind, key->text);
        if (f < 0) {
            const char *names[FIELD_COUNT_MAX];
            for (unsigned n = 0; n < info->field_count; n++) {
                names[n] = info->fields[n].name;
            }
            char where[40];
            snprintf(where, sizeof where, " of a %s", info->name);
            report_unknown(l->report, key->mark, "field", key->text, where, names, info->field_count);
            continue;
        }
        if (in->fields[f].kind == SOURCE_NONE) {
            in->fields[f].kind = SOURCE_MEMBER;
        }
        load_any_source(l, value->items[i], key->text.at, info->fields[f].type, info->fields[f].words, &in->fields[f]);
    }
}

static void load_input(struct loader *l, const struct node *item)
{
    struct config *c = l->config;
    const struct node *kind = node_find(item, "kind");
    enum record_kind k = kind != NULL && kind->kind == NODE_SCALAR ? record_kind_find(kind->text) : KIND_COUNT;
    struct input_config *in = &c->inputs[c->input_count++];
    /* A kind that is none is reported by the table; another's fields would then be measured by the wrong rule. */
    input_config_default(in, k != KIND_COUNT ? k : KIND_LEAD);
    if (k == KIND_COUNT) {
        l->input_is_broken[c->input_count - 1] = true;
        if (kind == NULL) {
            report_add(l->report, item->mark, "'kind' is missing; write lead, deal, payment or feedback");
        } else if (want_scalar(l, "kind", kind)) {
            const char *names[KIND_COUNT];
            for (unsigned i = 0; i < KIND_COUNT; i++) {
                names[i] = record_kind_info((enum record_kind)i)->name;
            }
            report_unknown(l->report, kind->mark, "kind", kind->text, "", names, KIND_COUNT);
        }
        return;
    }
    load_group(l, input_options, "inputs", item, in);
}

void load_inputs(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    if (value->count == 0) {
        report_add(l->report, value->mark,
                   "no input, so nothing to read; write one, or take the line away for the default");
    }
    for (size_t i = 0; i < value->count; i++) {
        if (i == INPUTS_MAX) {
            report_add(l->report, value->items[i]->mark, "more than %d inputs; take some away", INPUTS_MAX);
            return;
        }
        if (want_map(l, o->name, value->items[i])) {
            load_input(l, value->items[i]);
        } else {
            l->input_is_broken[l->config->input_count] = true; /* it keeps the places */
            input_config_default(&l->config->inputs[l->config->input_count++], KIND_LEAD);
        }
    }
}
