/* mapping.c - what an input names, as levels (level.h), and the walk through a document that finds it. */
#include "consumers/mapping.h"
#include "base/bits.h"
#include "consumers/level.h"
#include <stdlib.h>
#include <string.h>

/* No bytes under no mask are 1. */
static const struct written never_written = {.words = {1}};

struct mapping {
    const struct input_config *input;
    const struct field_source *sources[TARGET_COUNT]; /* NULL: not mapped */
    struct json_pointer *pointers[TARGET_COUNT];      /* whose tokens are names in the levels */
    uint32_t outside;                                 /* targets that do not come from the JSON */
    uint32_t plain;                                   /* those that do and have no table of values, or are not mapped */
    struct level *top;
    struct field_source filter;
};

/* Only a name of printable ASCII that JSON does not escape is written as it is, and but for escapes always so. */
static struct written written_of(struct text name)
{
    struct written w = {.len = 0};
    char bytes[WRITTEN_MAX] = {0}, mask[WRITTEN_MAX] = {0};
    if (name.len + 2 > WRITTEN_MAX)
        return never_written;
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] < 0x20 || name.at[i] == 0x7F || name.at[i] == '"' || name.at[i] == '\\')
            return never_written;
        bytes[i] = name.at[i];
    }
    bytes[name.len] = '"';
    bytes[name.len + 1] = ':';
    memset(mask, 0xFF, name.len + 2);
    memcpy(w.words, bytes, sizeof bytes);
    memcpy(w.masks, mask, sizeof mask);
    w.len = (unsigned)name.len + 2;
    return w;
}

static struct member *member_want(struct level *l, struct text name)
{
    struct name_ends ends = ends_of(name);
    unsigned i = place_find(l, name, ends);
    if (l->table[i] == 0) {
        uint32_t bit = UINT32_C(1) << l->member_count++;
        l->members[l->member_count] = (struct member){.name = name,
                                                      .next = l->members,
                                                      .written = written_of(name),
                                                      .ends = ends,
                                                      .index = (int32_t)json_pointer_index(name),
                                                      .first = TARGET_NONE,
                                                      .bit = bit};
        l->table[i] = (uint8_t)l->member_count;
    }
    return &l->members[l->table[i]];
}

static void member_fills(struct member *m, unsigned target)
{
    if (m->targets == 0)
        m->first = target;
    m->targets |= UINT32_C(1) << target;
}

static struct level *level_create(void)
{
    struct level *l = must_zalloc(sizeof *l);
    l->members[0] = (struct member){.written = never_written, .next = l->members, .first = TARGET_NONE, .index = -1};
    return l;
}

static void level_finish(struct level *l)
{
    for (unsigned i = 0; i <= l->member_count; i++) {
        struct member *m = &l->members[i];
        m->place = (uint32_t)(offsetof(struct mapped, values) + m->first * sizeof(struct value));
        m->alone = m->below == NULL && bits_count(m->targets) == 1;
        if (bits_count(m->targets) > 1)
            l->shared |= m->bit;
        if (m->below != NULL)
            level_finish(m->below);
    }
}

static struct member *pointer_want(struct level *l, const struct json_pointer *p)
{
    struct member *m = NULL;
    for (size_t i = 0; i < p->count; i++) {
        if (m != NULL) {
            if (m->below == NULL)
                m->below = level_create();
            l = m->below;
        }
        m = member_want(l, p->tokens[i]);
    }
    return m;
}

static void level_destroy(struct level *l)
{
    if (l == NULL)
        return;
    for (unsigned i = 1; i <= l->member_count; i++)
        level_destroy(l->members[i].below);
    free(l);
}

struct mapping *mapping_create(const struct input_config *input)
{
    struct mapping *m = must_zalloc(sizeof *m);
    m->input = input;
    m->top = level_create();
    unsigned fields = record_kind_info(input->kind)->field_count;
    for (unsigned i = 0; i < fields; i++)
        m->sources[i] = &input->fields[i];
    m->sources[TARGET_KEY] = &input->key;
    m->sources[TARGET_EVENT_ID] = &input->event_id;
    m->sources[TARGET_VERSION] = &input->version;
    m->sources[TARGET_OCCURRED_AT] = &input->occurred_at;
    m->sources[TARGET_DELETED] = &input->deleted;
    if (input->filter.pointer != NULL && input->filter.pointer[0] != '\0') {
        m->filter.kind = input->filter.pointer[0] == '/' ? SOURCE_POINTER : SOURCE_MEMBER;
        m->filter.name = input->filter.pointer;
        m->sources[TARGET_FILTER] = &m->filter;
    }
    for (unsigned t = 0; t < TARGET_COUNT; t++) {
        const struct field_source *s = m->sources[t];
        uint32_t bit = UINT32_C(1) << t;
        if (s != NULL && s->kind == SOURCE_NONE)
            m->sources[t] = s = NULL;
        if (s == NULL) {
            m->plain |= bit;
            continue;
        }
        if (s->kind == SOURCE_MEMBER) {
            member_fills(member_want(m->top, text_of(s->name)), t);
        } else if (s->kind == SOURCE_POINTER) {
            m->pointers[t] = json_pointer_create(s->name);
            REQUIRE(m->pointers[t] != NULL); /* the configuration was checked */
            member_fills(pointer_want(m->top, m->pointers[t]), t);
        } else {
            m->outside |= bit;
        }
        if (!(m->outside & bit) && s->map_count == 0)
            m->plain |= bit;
    }
    level_finish(m->top);
    return m;
}

void mapping_destroy(struct mapping *m)
{
    if (m == NULL)
        return;
    level_destroy(m->top);
    for (unsigned t = 0; t < TARGET_COUNT; t++)
        free(m->pointers[t]);
    free(m);
}

struct level *mapping_level(struct mapping *m)
{
    return m->top;
}

bool mapping_has(const struct mapping *m, unsigned target)
{
    return m->sources[target] != NULL;
}

const char *mapping_name(const struct mapping *m, unsigned target)
{
    const struct field_source *s = m->sources[target];
    if (s == NULL)
        return "";
    switch (s->kind) {
    case SOURCE_MEMBER:
    case SOURCE_POINTER:
    case SOURCE_HEADER: return s->name;
    case SOURCE_MESSAGE_KEY: return "the message's key";
    default: return "the constant";
    }
}

static enum error walk(const struct level *l, yyjson_val *at, struct mapped *out, struct text *out_name);

static inline enum error take(const struct member *wanted, yyjson_val *value, struct mapped *out, struct text *out_name)
{
    uint32_t targets = wanted->targets;
    out->present |= targets;
    for (; targets != 0; targets &= targets - 1)
        out->values[__builtin_ctz(targets)] = json_value(value);
    return wanted->below != NULL ? walk(wanted->below, value, out, out_name) : OK;
}

/* Goes down no further than the pointers of the configuration do. */
static enum error walk(const struct level *l, yyjson_val *at, struct mapped *out, struct text *out_name)
{
    if (yyjson_is_arr(at)) {
        for (unsigned i = 1; i <= l->member_count; i++) {
            yyjson_val *value = l->members[i].index >= 0 ? yyjson_arr_get(at, (size_t)l->members[i].index) : NULL;
            enum error e = value != NULL ? take(&l->members[i], value, out, out_name) : OK;
            if (e != OK)
                return e;
        }
        return OK;
    }
    uint32_t seen = 0;
    yyjson_val *key, *value;
    size_t i, count;
    yyjson_obj_foreach(at, i, count, key, value)
    {
        struct text name = {unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)};
        unsigned found = level_find(l, name);
        if (found == 0)
            continue;
        const struct member *wanted = &l->members[found];
        if (wanted->alone && !(out->present & wanted->targets)) {
            out->present |= wanted->targets;
            out->values[wanted->first] = json_value(value);
            continue;
        }
        if (wanted->alone || (seen & wanted->bit)) {
            *out_name = name;
            return BAD_DUPLICATE_KEY;
        }
        seen |= wanted->bit;
        enum error e = take(wanted, value, out, out_name);
        if (e != OK)
            return e;
    }
    return OK;
}

static enum error look_at_depth(yyjson_val *root, struct text *out_name)
{
    yyjson_val *key, *value;
    size_t i, count;
    yyjson_obj_foreach(root, i, count, key, value)
    {
        if (yyjson_is_ctn(value) && json_too_deep(value, 2)) {
            *out_name = (struct text){yyjson_get_str(key), yyjson_get_len(key)};
            return BAD_DEPTH;
        }
    }
    return OK;
}

enum error mapping_find(const struct mapping *m, yyjson_val *root, struct mapped *out, struct text *out_name)
{
    out->present = 0;
    /* A level needs a value of its own, so a few values cannot be deep. */
    if (unsafe_yyjson_get_next(root) - root > JSON_DEPTH_MAX) {
        enum error e = look_at_depth(root, out_name);
        if (e != OK)
            return e;
    }
    return walk(m->top, root, out, out_name);
}

uint32_t mapping_plain(const struct mapping *m)
{
    return m->plain;
}

uint32_t mapping_given(const struct mapping *m, const struct mapped *found)
{
    return found->present | m->outside;
}

static struct value found_value(const struct mapped *found, unsigned target)
{
    if (!(found->present & UINT32_C(1) << target))
        return (struct value){.type = VALUE_ABSENT};
    return found->values[target];
}

/* A table speaks of texts; a number or bool is looked up as it is written. What it does not name stays. */
static struct value translated(const struct field_source *s, struct value v)
{
    if (v.type != VALUE_TEXT && v.type != VALUE_NUMBER && v.type != VALUE_BOOL)
        return v;
    for (size_t i = 0; i < s->map_count; i++) {
        if (!text_equal(v.text, text_of(s->map[i].from)))
            continue;
        if (s->map[i].to[0] == '\0')
            return (struct value){.type = VALUE_NULL};
        return (struct value){.type = VALUE_TEXT, .outside = true, .text = text_of(s->map[i].to)};
    }
    return v;
}

struct value mapping_value(const struct mapping *m, const struct mapped *found, const struct message_parts *parts,
                           unsigned target)
{
    const struct field_source *s = m->sources[target];
    struct value v = {.type = VALUE_ABSENT};
    if (s == NULL)
        return v;
    switch (s->kind) {
    case SOURCE_MEMBER:
    case SOURCE_POINTER: v = found_value(found, target); break;
    case SOURCE_CONSTANT: v = (struct value){.type = VALUE_TEXT, .outside = true, .text = text_of(s->name)}; break;
    case SOURCE_HEADER:
        if (parts->header != NULL && parts->header(parts->context, s->name, &v.text)) {
            v.type = v.text.at == NULL ? VALUE_NULL : VALUE_TEXT;
            v.outside = true;
        }
        break;
    case SOURCE_MESSAGE_KEY:
        if (parts->key.at != NULL)
            v = (struct value){.type = VALUE_TEXT, .outside = true, .text = parts->key};
        break;
    case SOURCE_NONE: break;
    }
    return s->map_count > 0 ? translated(s, v) : v;
}

bool mapping_passes(const struct mapping *m, const struct mapped *found)
{
    const struct filter_config *filter = &m->input->filter;
    if (m->sources[TARGET_FILTER] == NULL)
        return true;
    struct value v = found_value(found, TARGET_FILTER);
    if (v.type == VALUE_NULL)
        v.text = TEXT("null");
    bool listed = false;
    if (v.type != VALUE_ABSENT && v.type != VALUE_NESTED)
        for (size_t i = 0; i < filter->value_count && !listed; i++)
            listed = text_equal(v.text, text_of(filter->values[i]));
    return listed != filter->negate;
}
