#include "daemon/top_frame.h"
#include "base/error.h"
#include "base/instant.h"
#include "publishers/redis.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A look whose entities have changed between asking who there is and asking for their KPIs is repeated. */
#define LOOKS_MAX 4

struct top_source {
    const struct top_query *query;
    struct redis *redis;
    /* the entities as of the last look, sorted */
    char **names;
    size_t *lens, name_count, entity_count;
};

struct top_source *top_source_create(const struct top_query *query)
{
    struct top_source *s = must_zalloc(sizeof *s);
    s->query = query;
    return s;
}

static void drop_names(struct top_source *s)
{
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i]);
    free(s->names);
    free(s->lens);
    s->names = NULL;
    s->lens = NULL;
    s->name_count = s->entity_count = 0;
}

void top_source_destroy(struct top_source *s)
{
    if (s == NULL)
        return;
    redis_close(s->redis);
    drop_names(s);
    free(s);
}

void top_frame_init(struct top_frame *f)
{
    memset(f, 0, sizeof *f);
    f->as_of_us = INSTANT_NONE;
    f->lag = -1;
}

static void drop_rows(struct top_frame *f)
{
    for (size_t i = 0; i < f->row_count; i++) {
        free(f->rows[i].entity);
        free(f->rows[i].shown);
        for (size_t k = 0; k < TOP_KPIS_MAX; k++) {
            free(f->rows[i].value[k]);
            free(f->rows[i].previous[k]);
        }
    }
    free(f->rows);
    f->rows = NULL;
    f->row_count = 0;
}

static void drop_alerts(struct top_frame *f)
{
    for (size_t i = 0; i < f->alert_count; i++) {
        free(f->alerts[i].severity);
        free(f->alerts[i].text);
    }
    free(f->alerts);
    f->alerts = NULL;
    f->alert_count = 0;
}

void top_frame_fini(struct top_frame *f)
{
    drop_rows(f);
    drop_alerts(f);
    for (size_t k = 0; k < TOP_KPIS_MAX; k++)
        free(f->kpis[k].label);
}

/* ---- the connection ---- */

static void fail(struct top_source *s, struct top_frame *f, const struct redis_failure *failure)
{
    struct buffer clean;
    buffer_init(&clean);
    top_text_clean(&clean,
                   text_of(failure->detail[0] != '\0' ? failure->detail : redis_trouble_text(failure->trouble)));
    snprintf(f->trouble, sizeof f->trouble, "%s", clean.at);
    buffer_fini(&clean);
    redis_close(s->redis);
    s->redis = NULL;
}

/* ---- replies ---- */

static struct text text_in(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? (struct text){r->str, r->len} : (struct text){"", 0};
}

/* The value of a field in the reply to HGETALL; a text of no bytes where there is none. */
static struct text field_in(const redisReply *r, const char *name)
{
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        if (text_equal(text_in(r->element[i]), text_of(name)))
            return text_in(r->element[i + 1]);
    }
    return (struct text){"", 0};
}

static char *copy_clean(struct text t)
{
    struct buffer b;
    buffer_init(&b);
    top_text_clean(&b, t);
    char *text = must_strdup(b.at != NULL ? b.at : "");
    buffer_fini(&b);
    return text;
}

static void copy_into(char *out, size_t size, struct text t)
{
    char *clean = copy_clean(t);
    snprintf(out, size, "%s", clean);
    free(clean);
}

/* Digits; -1 where there are none. */
static int64_t number_in(struct text t)
{
    int64_t n = t.len > 0 && t.len < 19 ? 0 : -1;
    for (size_t i = 0; n >= 0 && i < t.len; i++)
        n = t.at[i] >= '0' && t.at[i] <= '9' ? n * 10 + (t.at[i] - '0') : -1;
    return n;
}

static void take_meta(struct top_frame *f, const redisReply *meta)
{
    f->has_meta = meta->type == REDIS_REPLY_ARRAY && meta->elements > 0;
    if (!f->has_meta)
        return; /* the last one stands, to tell how old it is */
    copy_into(f->state, sizeof f->state, field_in(meta, "state"));
    copy_into(f->instance, sizeof f->instance, field_in(meta, "instance"));
    copy_into(f->currency, sizeof f->currency, field_in(meta, "base_currency"));
    f->seq = number_in(field_in(meta, "seq"));
    f->lag = number_in(field_in(meta, "lag"));
    if (instant_parse(field_in(meta, "as_of"), &f->as_of_us) != OK)
        f->as_of_us = INSTANT_NONE;
}

static struct text string_of(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_string(value) ? (struct text){json_string_value(value), json_string_length(value)}
                                 : (struct text){"", 0};
}

static void take_catalogue(struct top_frame *f, const struct top_query *q, const redisReply *catalogue)
{
    for (size_t k = 0; k < q->kpi_count; k++) {
        struct text json = field_in(catalogue, q->kpis[k]);
        json_t *entry = json_loadb(json.at, json.len, 0, NULL);
        struct top_kpi *kpi = &f->kpis[k];
        free(kpi->label);
        struct text label = string_of(json_object_get(entry, "label"), "en");
        *kpi = (struct top_kpi){
            .known = json_is_object(entry),
            .unit = top_unit_find(string_of(entry, "unit")),
            .down_is_better = text_equal(string_of(entry, "better"), TEXT("down")),
            .absent_is_zero = text_equal(string_of(entry, "absent"), TEXT("0")),
            .label = copy_clean(label.len > 0 ? label : text_of(q->kpis[k])),
        };
        json_decref(entry);
    }
}

static int severity_rank(const char *s)
{
    return strcmp(s, "critical") == 0 ? 0 : strcmp(s, "warning") == 0 ? 1 : 2;
}

static int by_severity(const void *a, const void *b)
{
    const struct top_alert *x = a, *y = b;
    int order = severity_rank(x->severity) - severity_rank(y->severity);
    return order != 0 ? order : strcmp(x->text, y->text);
}

static void take_alerts(struct top_frame *f, const redisReply *active)
{
    drop_alerts(f);
    if (active->type != REDIS_REPLY_ARRAY || active->elements < 2)
        return;
    f->alerts = must_alloc(active->elements / 2 * sizeof *f->alerts);
    for (size_t i = 0; i + 1 < active->elements; i += 2) {
        struct text json = text_in(active->element[i + 1]);
        json_t *alert = json_loadb(json.at, json.len, 0, NULL);
        struct text summary = string_of(alert, "summary"), severity = string_of(alert, "severity");
        /* One that is written in a way that we do not know is still shown by its id. */
        if (summary.len == 0)
            summary = text_in(active->element[i]);
        f->alerts[f->alert_count++] = (struct top_alert){copy_clean(severity), copy_clean(summary)};
        json_decref(alert);
    }
    qsort(f->alerts, f->alert_count, sizeof *f->alerts, by_severity);
}

static char *copy_value(const redisReply *r)
{
    if (r->type != REDIS_REPLY_STRING)
        return NULL;
    char *value = must_alloc(r->len + 1);
    memcpy(value, r->str, r->len + 1);
    return value;
}

static void take_rows(struct top_frame *f, const struct top_source *s, redisReply *const *hashes)
{
    drop_rows(f);
    f->rows = must_zalloc(s->name_count * sizeof *f->rows);
    for (size_t i = 0; i < s->name_count; i++) {
        const redisReply *h = hashes[i];
        struct top_row *row = &f->rows[f->row_count++];
        row->entity = must_alloc(s->lens[i] + 1);
        memcpy(row->entity, s->names[i], s->lens[i]);
        row->entity[s->lens[i]] = '\0';
        row->entity_len = s->lens[i];
        row->shown = copy_clean((struct text){s->names[i], s->lens[i]});
        for (size_t k = 0; h->type == REDIS_REPLY_ARRAY && k < s->query->kpi_count && 2 * k + 1 < h->elements; k++) {
            row->value[k] = copy_value(h->element[2 * k]);
            row->previous[k] = copy_value(h->element[2 * k + 1]);
        }
    }
    f->entity_count = s->entity_count;
}

static int by_name(const void *a, const void *b)
{
    const redisReply *x = *(redisReply *const *)a, *y = *(redisReply *const *)b;
    return text_compare(text_in(x), text_in(y));
}

/* True: they are others than at the last look. */
static bool take_names(struct top_source *s, redisReply *members)
{
    if (members->type != REDIS_REPLY_ARRAY)
        return false;
    qsort(members->element, members->elements, sizeof *members->element, by_name);
    size_t count = members->elements < TOP_ROWS_MAX ? members->elements : TOP_ROWS_MAX;
    bool same = count == s->name_count;
    for (size_t i = 0; same && i < count; i++)
        same = text_equal(text_in(members->element[i]), (struct text){s->names[i], s->lens[i]});
    if (same) {
        s->entity_count = members->elements;
        return false;
    }
    drop_names(s);
    s->names = must_alloc(count * sizeof *s->names);
    s->lens = must_alloc(count * sizeof *s->lens);
    for (size_t i = 0; i < count; i++) {
        struct text name = text_in(members->element[i]);
        s->names[i] = must_alloc(name.len + 1);
        memcpy(s->names[i], name.at, name.len);
        s->lens[i] = name.len;
    }
    s->name_count = count;
    s->entity_count = members->elements;
    return true;
}

/* ---- one look ---- */

static void ask(struct commands *c, const char *command, const struct top_query *q, struct text key)
{
    struct buffer prefix;
    buffer_init(&prefix);
    buffer_format(&prefix, "kpid:{%s}:", q->namespace_);
    command_begin(c, command, 2);
    command_joined(c, buffer_view(&prefix), key);
    buffer_fini(&prefix);
}

static void ask_row(struct commands *c, const struct top_source *s, size_t i, struct text prefix)
{
    const struct top_query *q = s->query;
    command_begin(c, "HMGET", 2 + 2 * q->kpi_count);
    command_joined(c, prefix, (struct text){s->names[i], s->lens[i]});
    for (size_t k = 0; k < q->kpi_count; k++) {
        command_string(c, q->kpis[k]);
        command_joined(c, text_of(q->kpis[k]), TEXT(".prev"));
    }
}

/* The reply to EXEC, or NULL: failed. */
static redisReply *look(struct top_source *s, struct top_frame *f)
{
    const struct top_query *q = s->query;
    struct commands c;
    struct buffer members, row;
    struct redis_failure failure = {0};
    commands_init(&c);
    buffer_init(&members);
    buffer_format(&members, "entities:%s", q->dimension);
    buffer_init(&row);
    buffer_format(&row, "kpid:{%s}:kpi:%s:%s:", q->namespace_, q->dimension, q->window);
    command_begin(&c, "MULTI", 1);
    ask(&c, "HGETALL", q, TEXT("meta"));
    ask(&c, "HGETALL", q, TEXT("catalogue"));
    ask(&c, "HGETALL", q, TEXT("alerts:active"));
    ask(&c, "SMEMBERS", q, buffer_view(&members));
    for (size_t i = 0; i < s->name_count; i++)
        ask_row(&c, s, i, buffer_view(&row));
    command_begin(&c, "EXEC", 1);
    redisReply *last = redis_run(s->redis, &c, &failure);
    commands_fini(&c);
    buffer_fini(&members);
    buffer_fini(&row);
    if (last != NULL && last->type == REDIS_REPLY_ARRAY && last->elements == 4 + s->name_count)
        return last;
    if (last != NULL) {
        freeReplyObject(last);
        redis_failure_note(&failure, TROUBLE_PROTOCOL, TEXT("it does not answer like Redis"));
    }
    fail(s, f, &failure);
    return NULL;
}

bool top_read(struct top_source *s, struct top_frame *frame)
{
    if (s->redis == NULL) {
        struct redis_failure failure = {0};
        s->redis = redis_open(s->query->redis, &failure);
        if (s->redis == NULL) {
            fail(s, frame, &failure);
            return false;
        }
    }
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        redisReply *reply = look(s, frame);
        if (reply == NULL)
            return false;
        bool again = take_names(s, reply->element[3]);
        if (again && looks + 1 < LOOKS_MAX) {
            freeReplyObject(reply);
            continue;
        }
        frame->trouble[0] = '\0';
        take_meta(frame, reply->element[0]);
        take_catalogue(frame, s->query, reply->element[1]);
        take_alerts(frame, reply->element[2]);
        if (!again && (!frame->any || strcmp(frame->state, "loading") != 0))
            take_rows(frame, s, reply->element + 4);
        frame->any = true;
        freeReplyObject(reply);
        break;
    }
    return true;
}
