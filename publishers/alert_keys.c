#include "publishers/alert_keys.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* One transaction takes so many transitions at most. */
#define LOG_WRITE_MAX 500

void alert_keys_init(struct alert_keys *a, int64_t log_max)
{
    memset(a, 0, sizeof *a);
    arguments_init(&a->active);
    arguments_init(&a->sent);
    a->unsent_known = true; /* nothing of ours is there */
    a->log_room = log_max > 0 ? (size_t)log_max : 1;
    a->log = must_zalloc(a->log_room * sizeof *a->log);
}

static struct alert_entry *log_at(const struct alert_keys *a, size_t i)
{
    return &a->log[(a->log_first + i) % a->log_room];
}

static void drop_oldest(struct alert_keys *a)
{
    struct alert_entry *e = log_at(a, 0);
    free((void *)(uintptr_t)e->id.at);
    free((void *)(uintptr_t)e->json.at);
    *e = (struct alert_entry){0};
    a->log_first = (a->log_first + 1) % a->log_room;
    a->log_count--;
}

static void free_unsent(struct unsent_key *u)
{
    free((void *)(uintptr_t)u->entry.id.at);
    free((void *)(uintptr_t)u->entry.json.at);
}

static void drop_unsent(struct alert_keys *a)
{
    for (size_t i = 0; i < a->unsent_count; i++)
        free_unsent(&a->unsent[i]);
    a->unsent_count = 0;
}

void alert_keys_fini(struct alert_keys *a)
{
    while (a->log_count > 0)
        drop_oldest(a);
    free(a->log);
    drop_unsent(a);
    free(a->unsent);
    arguments_fini(&a->sent);
    arguments_fini(&a->active);
}

static struct text copy(struct text t)
{
    char *bytes = must_alloc(t.len);
    if (t.len > 0)
        memcpy(bytes, t.at, t.len);
    return (struct text){bytes, t.len};
}

static void add_unsent(struct alert_keys *a, const struct alert_entry *e)
{
    if (a->unsent_count == a->unsent_room) {
        a->unsent_room = a->unsent_room > 0 ? a->unsent_room * 2 : 16;
        a->unsent = must_realloc(a->unsent, a->unsent_room * sizeof *a->unsent);
    }
    a->unsent[a->unsent_count++] = (struct unsent_key){.entry = {copy(e->id), copy(e->json)}};
}

/* Messages go mostly in the order in which they came, so the search is short. */
static void remove_unsent(struct alert_keys *a, struct text id)
{
    arguments_text(&a->sent, id);
    for (size_t i = 0; i < a->unsent_count; i++) {
        if (!text_equal(a->unsent[i].entry.id, id))
            continue;
        free_unsent(&a->unsent[i]);
        memmove(&a->unsent[i], &a->unsent[i + 1], (a->unsent_count - i - 1) * sizeof *a->unsent);
        a->unsent_count--;
        return;
    }
}

void alert_keys_take(struct alert_keys *a, const struct alert_report *report)
{
    struct arguments active;
    arguments_init(&active);
    for (size_t i = 0; i < report->active_count; i++) {
        arguments_text(&active, report->active[i].id);
        arguments_text(&active, report->active[i].json);
    }
    if (!a->known || !text_equal(buffer_view(&active.bytes), buffer_view(&a->active.bytes)))
        a->changed = true;
    a->known = true;
    arguments_fini(&a->active);
    a->active = active;

    for (size_t i = 0; i < report->unsent_count; i++)
        add_unsent(a, &report->unsent[i]);
    for (size_t i = 0; i < report->sent_count; i++)
        remove_unsent(a, report->sent[i].id);
    a->number = report->number;

    for (size_t i = 0; i < report->log_count; i++) {
        if (a->log_count == a->log_room) {
            drop_oldest(a);
            a->dropped++;
            a->log_sent -= a->log_sent > 0;
        }
        a->log_count++;
        *log_at(a, a->log_count - 1) = (struct alert_entry){copy(report->log[i].id), copy(report->log[i].json)};
    }
}

bool alert_keys_wait(const struct alert_keys *a)
{
    return a->changed || a->log_count > 0 || a->sent.count > 0 || a->noted < a->number;
}

static void write_unsent(const struct alert_keys *a, struct commands *c, const struct keys *k)
{
    struct arguments added;
    arguments_init(&added);
    for (size_t i = 0; i < a->unsent_count; i++) {
        if (a->unsent_known && a->unsent[i].written)
            continue;
        arguments_text(&added, a->unsent[i].entry.id);
        arguments_text(&added, a->unsent[i].entry.json);
    }
    if (!a->unsent_known) {
        command_begin(c, "UNLINK", 2);
        command_joined(c, keys_prefix(k), TEXT(KEY_ALERTS_UNSENT));
    } else {
        commands_spread(c, "HDEL", keys_prefix(k), TEXT(KEY_ALERTS_UNSENT), &a->sent, 1000);
    }
    commands_spread(c, "HSET", keys_prefix(k), TEXT(KEY_ALERTS_UNSENT), &added, 1000);
    arguments_fini(&added);
}

void alert_keys_write(struct alert_keys *a, struct commands *c, const struct keys *k)
{
    if (a->changed) {
        command_begin(c, "UNLINK", 2);
        command_joined(c, keys_prefix(k), TEXT(KEY_ALERTS_ACTIVE));
        commands_spread(c, "HSET", keys_prefix(k), TEXT(KEY_ALERTS_ACTIVE), &a->active, 1000);
    }
    write_unsent(a, c, k);
    a->log_sent = a->log_count < LOG_WRITE_MAX ? a->log_count : LOG_WRITE_MAX;
    for (size_t i = 0; i < a->log_sent; i++) {
        const struct alert_entry *e = log_at(a, i);
        command_begin(c, "XADD", 10);
        command_joined(c, keys_prefix(k), TEXT(KEY_ALERTS_LOG));
        command_string(c, "MAXLEN");
        command_string(c, "~");
        command_integer(c, (int64_t)a->log_room);
        command_string(c, "*");
        command_string(c, "id");
        command_text(c, e->id);
        command_string(c, "alert");
        command_text(c, e->json);
    }
}

void alert_keys_appended(struct alert_keys *a)
{
    for (; a->log_sent > 0; a->log_sent--)
        drop_oldest(a);
}

void alert_keys_written(struct alert_keys *a)
{
    a->changed = false;
    for (size_t i = 0; i < a->unsent_count; i++)
        a->unsent[i].written = true;
    arguments_clear(&a->sent);
    a->unsent_known = true;
    a->noted = a->number;
    alert_keys_appended(a);
}

void alert_keys_forget(struct alert_keys *a)
{
    a->changed = a->known;
    a->log_sent = 0;
    a->unsent_known = !a->known;
}

void alert_keys_drop(struct alert_keys *a)
{
    a->dropped += (int64_t)a->log_count;
    while (a->log_count > 0)
        drop_oldest(a);
    drop_unsent(a);
    arguments_clear(&a->sent);
    arguments_clear(&a->active);
    a->known = a->changed = false;
    a->unsent_known = true;
    a->log_sent = 0;
    a->number = a->noted = 0;
}
