#include "daemon/floor_truth.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include "daemon/floor_text.h"
#include <stdlib.h>

struct truth_stamp {
    int64_t occurred_us, version; /* a pair is never used twice in a record, so no more is needed */
    bool set;
};

struct truth_field {
    struct truth_stamp stamp;
    struct floor_value value;
};

struct truth_record {
    struct truth_stamp seen;    /* the greatest of all events: decides whether the record exists */
    struct truth_stamp deleted; /* the greatest deletion: what is older is cleared */
    bool exists;
    struct truth_field fields[FIELD_COUNT_MAX];
};

struct floor_truth {
    const struct floor_world *world;
    struct truth_record **records[FACT_KINDS]; /* by number */
    uint32_t room[FACT_KINDS];
};

struct floor_truth *floor_truth_create(const struct floor_world *world)
{
    struct floor_truth *t = must_zalloc(sizeof *t);
    t->world = world;
    return t;
}

void floor_truth_destroy(struct floor_truth *t)
{
    if (t == NULL) {
        return;
    }
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        for (uint32_t i = 0; i < t->room[kind]; i++) {
            free(t->records[kind][i]);
        }
        free(t->records[kind]);
    }
    free(t);
}

static struct truth_record *record_of(struct floor_truth *t, const struct floor_event *e)
{
    if (e->record >= t->room[e->kind]) {
        uint32_t room = e->record * 2 + 64;
        struct truth_record **grown = must_realloc(t->records[e->kind], room * sizeof(struct truth_record *));
        for (uint32_t i = t->room[e->kind]; i < room; i++) {
            grown[i] = NULL;
        }
        t->records[e->kind] = grown;
        t->room[e->kind] = room;
    }
    struct truth_record **place = &t->records[e->kind][e->record];
    if (*place == NULL) {
        *place = must_zalloc(sizeof **place);
    }
    return *place;
}

static bool newer(const struct truth_stamp *a, const struct truth_stamp *b)
{
    if (!b->set) {
        return a->set;
    }
    return a->occurred_us != b->occurred_us ? a->occurred_us > b->occurred_us : a->version > b->version;
}

void floor_truth_apply(struct floor_truth *t, const struct floor_event *e)
{
    struct truth_record *r = record_of(t, e);
    struct truth_stamp stamp = {e->occurred_us, e->version, true};
    if (newer(&stamp, &r->seen)) {
        r->seen = stamp;
        r->exists = !e->deleted;
    }
    if (e->deleted) {
        if (newer(&stamp, &r->deleted)) {
            r->deleted = stamp;
        }
        return;
    }
    for (unsigned i = 0; i < e->value_count; i++) {
        struct truth_field *f = &r->fields[e->values[i].field];
        if (newer(&stamp, &f->stamp)) {
            f->stamp = stamp;
            f->value = e->values[i];
        }
    }
}

static void add_value(struct buffer *b, const struct floor_world *w, const struct field *field,
                      const struct floor_value *v)
{
    switch ((enum floor_form)v->form) {
    case FORM_STRING:
    case FORM_NUMBER:
        buffer_char(b, '"');
        micro_format(b, v->number);
        buffer_char(b, '"');
        return;
    case FORM_INTEGER: buffer_format(b, "\"%lld\"", (long long)v->number); return;
    case FORM_TIME_MS:
    case FORM_TIME_US:
    case FORM_TIME_ZONE:
    case FORM_TIME_EPOCH:
    case FORM_DATE: floor_text_time(b, w, FORM_TIME_US, v->number, 1); return;
    case FORM_NULL:
    case FORM_WORD:
    case FORM_LEAD:
    case FORM_DEAL:
    case FORM_CUSTOMER:
    case FORM_CHOICE:
    case FORM_CURRENCY:
    case FORM_ABSENT: break;
    }
    floor_text_value(b, w, field, v, 1);
}

static void write_record(struct buffer *b, const struct floor_truth *t, enum record_kind kind, uint32_t number,
                         const struct truth_record *r)
{
    const struct record_kind_info *info = record_kind_info(kind);
    buffer_format(b, "{\"kind\":\"%s\",\"id\":\"", info->name);
    floor_text_record(b, t->world, kind, number);
    buffer_format(b, "\",\"exists\":%s,\"fields\":{", r->exists ? "true" : "false");
    for (unsigned i = 0; i < info->field_count; i++) {
        const struct truth_field *f = &r->fields[i];
        buffer_format(b, "%s\"%s\":", i > 0 ? "," : "", info->fields[i].name);
        if (f->stamp.set && newer(&f->stamp, &r->deleted)) {
            add_value(b, t->world, &info->fields[i], &f->value);
        } else {
            buffer_string(b, "null");
        }
    }
    buffer_string(b, "}}");
}

void floor_truth_each(const struct floor_truth *t, void (*line)(void *context, struct text json), void *context)
{
    struct buffer b;
    buffer_init(&b);
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        for (uint32_t i = 0; i < t->room[kind]; i++) {
            if (t->records[kind][i] != NULL) {
                buffer_clear(&b);
                write_record(&b, t, (enum record_kind)kind, i, t->records[kind][i]);
                line(context, buffer_view(&b));
            }
        }
    }
    buffer_fini(&b);
}
