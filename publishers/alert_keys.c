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

void alert_keys_fini(struct alert_keys *a)
{
    while (a->log_count > 0)
        drop_oldest(a);
    free(a->log);
    arguments_fini(&a->active);
}

static struct text copy(struct text t)
{
    char *bytes = must_alloc(t.len);
    if (t.len > 0)
        memcpy(bytes, t.at, t.len);
    return (struct text){bytes, t.len};
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
    return a->changed || a->log_count > 0;
}

void alert_keys_write(struct alert_keys *a, struct commands *c, const struct keys *k)
{
    if (a->changed) {
        command_begin(c, "UNLINK", 2);
        command_joined(c, keys_prefix(k), TEXT(KEY_ALERTS_ACTIVE));
        commands_spread(c, "HSET", keys_prefix(k), TEXT(KEY_ALERTS_ACTIVE), &a->active, 1000);
    }
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

void alert_keys_written(struct alert_keys *a)
{
    a->changed = false;
    for (; a->log_sent > 0; a->log_sent--)
        drop_oldest(a);
}

void alert_keys_forget(struct alert_keys *a)
{
    a->changed = a->known;
    a->log_sent = 0;
}
