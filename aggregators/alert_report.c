#include "aggregators/alert_report.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct alert_report *alert_report_create(void)
{
    return must_zalloc(sizeof(struct alert_report));
}

static struct text copy(struct text t)
{
    char *bytes = must_alloc(t.len);
    if (t.len > 0)
        memcpy(bytes, t.at, t.len);
    return (struct text){bytes, t.len};
}

static void add(struct alert_entry **entries, size_t *count, size_t *room, struct text id, struct text json)
{
    if (*count == *room) {
        *room = *room > 0 ? *room * 2 : 16;
        *entries = must_realloc(*entries, *room * sizeof **entries);
    }
    (*entries)[(*count)++] = (struct alert_entry){copy(id), copy(json)};
}

void alert_report_add_active(struct alert_report *r, struct text id, struct text json)
{
    add(&r->active, &r->active_count, &r->active_room, id, json);
}

void alert_report_add_log(struct alert_report *r, struct text id, struct text json)
{
    add(&r->log, &r->log_count, &r->log_room, id, json);
}

void alert_report_add_unsent(struct alert_report *r, struct text id, struct text json)
{
    add(&r->unsent, &r->unsent_count, &r->unsent_room, id, json);
}

void alert_report_add_sent(struct alert_report *r, struct text id)
{
    add(&r->sent, &r->sent_count, &r->sent_room, id, TEXT(""));
}

static void release(struct alert_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)entries[i].id.at);
        free((void *)(uintptr_t)entries[i].json.at);
    }
    free(entries);
}

void alert_report_destroy(struct alert_report *r)
{
    if (r == NULL)
        return;
    release(r->active, r->active_count);
    release(r->log, r->log_count);
    release(r->unsent, r->unsent_count);
    release(r->sent, r->sent_count);
    free(r);
}
