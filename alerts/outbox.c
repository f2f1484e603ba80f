#include "alerts/outbox.h"
#include "base/error.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct message {
    int64_t number;
    size_t receiver;
    uint64_t order;
    char *id, *key, *body;
    bool reported, submitted;
};

void outbox_init(struct outbox *o, const struct alert_config *config, struct delivery *delivery)
{
    *o = (struct outbox){.config = config, .delivery = delivery};
    o->waiting = must_zalloc(config->receiver_count * sizeof *o->waiting);
}

static void message_fini(struct message *m)
{
    free(m->id);
    free(m->key);
    free(m->body);
}

static void drop_all(struct outbox *o)
{
    for (size_t i = 0; i < o->count; i++) {
        message_fini(&o->at[i]);
    }
    o->count = 0;
    memset(o->waiting, 0, o->config->receiver_count * sizeof *o->waiting);
    while (o->gone_count > 0) {
        free(o->gone[--o->gone_count]);
    }
}

void outbox_fini(struct outbox *o)
{
    drop_all(o);
    free(o->at);
    free(o->waiting);
    free(o->gone);
}

void outbox_forget(struct outbox *o)
{
    drop_all(o);
    delivery_forget(o->delivery);
    while (delivery_done(o->delivery) != 0) {
    }
}

/* Takes id. */
static void add_gone(struct outbox *o, char *id)
{
    if (o->gone_count == o->gone_room) {
        o->gone_room = o->gone_room ? o->gone_room * 2 : 16;
        o->gone = must_realloc(o->gone, o->gone_room * sizeof *o->gone);
    }
    o->gone[o->gone_count++] = id;
}

static struct message *append(struct outbox *o, const struct message *m)
{
    if (o->count == o->room) {
        o->room = o->room ? o->room * 2 : 16;
        o->at = must_realloc(o->at, o->room * sizeof *o->at);
    }
    o->at[o->count] = *m;
    o->waiting[m->receiver]++;
    if (m->number > o->last) {
        o->last = m->number;
    }
    return &o->at[o->count++];
}

static void submit(struct outbox *o, struct message *m)
{
    m->submitted = delivery_submit(o->delivery, m->receiver, m->order, m->number, m->key, text_of(m->body));
}

/* One message for each key and receiver. */
static char *id_of(const char *key, const char *receiver)
{
    struct buffer b;
    buffer_init(&b);
    buffer_format(&b, "%s %s", key, receiver);
    return b.at;
}

void outbox_add(struct outbox *o, size_t receiver, uint64_t order, const char *key, char *body)
{
    if (o->waiting[receiver] >= (size_t)o->config->queue_max) {
        delivery_drop(o->delivery, receiver);
        free(body);
        return;
    }
    append(o, &(struct message){
                  .number = o->last + 1,
                  .receiver = receiver,
                  .order = order,
                  .id = id_of(key, o->config->receivers[receiver].name),
                  .key = must_strdup(key),
                  .body = body,
              });
}

static char *to_json(const struct outbox *o, const struct message *m)
{
    json_t *root = json_pack("{s:I, s:s, s:I, s:s, s:s}", "number", (json_int_t)m->number, "receiver",
                             o->config->receivers[m->receiver].name, "order", (json_int_t)m->order, "key", m->key,
                             "body", m->body);
    REQUIRE(root != NULL);
    char *text = json_dumps(root, JSON_COMPACT);
    REQUIRE(text != NULL);
    json_decref(root);
    return text;
}

static size_t find_receiver(const struct outbox *o, const char *name)
{
    size_t i = 0;
    while (i < o->config->receiver_count && (name == NULL || strcmp(o->config->receivers[i].name, name) != 0)) {
        i++;
    }
    return i;
}

/* False: it is none, or for a receiver that there is no more; the latter leaves Redis as well. */
static bool from_json(struct outbox *o, const char *json, struct message *out)
{
    json_t *root = json_loads(json, 0, NULL);
    const char *receiver = json_string_value(json_object_get(root, "receiver"));
    const char *key = json_string_value(json_object_get(root, "key"));
    const char *body = json_string_value(json_object_get(root, "body"));
    json_int_t number = json_integer_value(json_object_get(root, "number"));
    *out = (struct message){.number = number, .receiver = find_receiver(o, receiver)};
    bool is_one = receiver != NULL && key != NULL && body != NULL && number > 0 && number < INT64_MAX / 2;
    bool fine = is_one && out->receiver < o->config->receiver_count;
    if (fine) {
        out->order = (uint64_t)json_integer_value(json_object_get(root, "order"));
        out->id = id_of(key, receiver);
        out->key = must_strdup(key);
        out->body = must_strdup(body);
    } else if (is_one) {
        add_gone(o, id_of(key, receiver));
    }
    json_decref(root);
    return fine;
}

static int by_number(const void *left, const void *right)
{
    const struct message *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static bool stands(const struct outbox *o, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(o->at[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

size_t outbox_adopt(struct outbox *o, char *const *json, size_t count)
{
    struct message *taken = must_zalloc(count * sizeof *taken);
    size_t taken_count = 0, refused = 0, before = o->count;
    for (size_t i = 0; i < count; i++) {
        if (from_json(o, json[i], &taken[taken_count])) {
            taken_count++;
        } else {
            refused++;
        }
    }
    if (taken_count > 1) {
        qsort(taken, taken_count, sizeof *taken, by_number);
    }
    for (size_t i = 0; i < taken_count; i++) {
        bool is_full = o->waiting[taken[i].receiver] >= (size_t)o->config->queue_max;
        if (is_full) {
            delivery_drop(o->delivery, taken[i].receiver);
            add_gone(o, must_strdup(taken[i].id));
        }
        if (is_full || stands(o, before, taken[i].id)) {
            message_fini(&taken[i]);
            continue;
        }
        /* Numbers only grow here, whatever another instance counted. */
        if (taken[i].number <= o->last) {
            taken[i].number = o->last + 1;
        }
        submit(o, append(o, &taken[i]));
    }
    free(taken);
    return refused;
}

int64_t outbox_noted(struct outbox *o, int64_t number)
{
    if (number > o->noted) {
        o->noted = number;
    }
    int64_t given = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (!o->at[i].submitted && o->at[i].number <= o->noted) {
            submit(o, &o->at[i]);
            given += o->at[i].submitted;
        }
    }
    return given;
}

static void remove_number(struct outbox *o, int64_t number)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->at[i].number != number) {
            continue;
        }
        add_gone(o, o->at[i].id);
        o->at[i].id = NULL;
        o->waiting[o->at[i].receiver]--;
        message_fini(&o->at[i]);
        memmove(&o->at[i], &o->at[i + 1], (o->count - i - 1) * sizeof *o->at);
        o->count--;
        return;
    }
}

bool outbox_collect(struct outbox *o)
{
    bool any = false;
    for (int64_t number; (number = delivery_done(o->delivery)) != 0; any = true) {
        remove_number(o, number);
    }
    return any;
}

bool outbox_has_news(const struct outbox *o)
{
    return o->gone_count > 0 || (o->count > 0 && !o->at[o->count - 1].reported);
}

void outbox_report(struct outbox *o, struct alert_report *r)
{
    size_t first = o->count;
    while (first > 0 && !o->at[first - 1].reported) {
        first--;
    }
    for (size_t i = first; i < o->count; i++) {
        char *json = to_json(o, &o->at[i]);
        alert_report_add_unsent(r, text_of(o->at[i].id), text_of(json));
        free(json);
        o->at[i].reported = true;
    }
    for (size_t i = 0; i < o->gone_count; i++) {
        alert_report_add_sent(r, text_of(o->gone[i]));
        free(o->gone[i]);
    }
    o->gone_count = 0;
    r->number = o->last;
}

void outbox_report_again(struct outbox *o)
{
    for (size_t i = 0; i < o->count; i++) {
        o->at[i].reported = false;
    }
}

size_t outbox_unnoted(const struct outbox *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->count; i++) {
        n += o->at[i].submitted ? 0 : 1;
    }
    return n;
}
