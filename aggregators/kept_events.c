#include "aggregators/kept_events.h"
#include "aggregators/leaf.h"
#include "aggregators/stored.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

void kept_events_fini(struct kept_events *k)
{
    free(k->at);
    *k = (struct kept_events){0};
}

bool kept_event_sets(const struct kept_event *e, unsigned field)
{
    return (e->carried & ~e->cleared & 1u << field) != 0;
}

enum kept kept_events_take(struct kept_events *k, unsigned most, const struct event *e,
                           const struct record_value *values)
{
    struct kept_event said = {.stamp = e->stamp,
                              .occurred_at_us = e->occurred_at_us,
                              .carried = e->carried,
                              .cleared = e->cleared,
                              .deleted = (e->flags & EVENT_DELETED) != 0};
    for (unsigned f = 0; f < FIELD_COUNT_MAX; f++)
        if (kept_event_sets(&said, f))
            said.values[f] = values[f].value;
    unsigned at = k->count;
    while (at > 0 && stamp_compare(&k->at[at - 1].stamp, &e->stamp) >= 0) {
        if (stamp_compare(&k->at[at - 1].stamp, &e->stamp) == 0)
            return KEPT_ALREADY;
        at--;
    }
    if (k->count == most) {
        if (at == 0)
            return KEPT_TOO_OLD;
        memmove(k->at, k->at + 1, (at - 1) * sizeof said);
        at--;
    } else {
        if (k->count == k->room) {
            k->room = k->room > 0 ? k->room * 2 : 1;
            k->at = must_realloc(k->at, k->room * sizeof said);
        }
        memmove(k->at + at + 1, k->at + at, (k->count - at) * sizeof said);
        k->count++;
    }
    k->at[at] = said;
    return KEPT;
}

struct event_head {
    struct stamp stamp;
    int64_t occurred_at_us;
    uint32_t carried, cleared;
    uint32_t deleted, zero;
};

void kept_events_write(const struct kept_events *k, struct buffer *out)
{
    for (unsigned i = 0; i < k->count; i++) {
        const struct kept_event *e = &k->at[i];
        struct event_head head = {.stamp = e->stamp,
                                  .occurred_at_us = e->occurred_at_us,
                                  .carried = e->carried,
                                  .cleared = e->cleared,
                                  .deleted = e->deleted};
        buffer_add(out, &head, sizeof head);
        for (unsigned f = 0; f < FIELD_COUNT_MAX; f++)
            if (kept_event_sets(e, f))
                buffer_add(out, &e->values[f], sizeof e->values[f]);
    }
}

static bool read_event(struct text *bytes, enum record_kind kind,
                       bool (*holds)(const void *context, enum record_kind kind, unsigned field, int64_t value),
                       const void *context, struct kept_event *out)
{
    struct event_head head;
    uint32_t fields = (1u << record_kind_info(kind)->field_count) - 1;
    if (!stored_take(bytes, &head, sizeof head) || (head.carried & ~fields) != 0 ||
        (head.cleared & ~head.carried) != 0 || head.deleted > 1 || (head.deleted != 0 && head.carried != 0) ||
        head.zero != 0 || head.occurred_at_us < -AT_MAX || head.occurred_at_us > AT_MAX)
        return false;
    *out = (struct kept_event){.stamp = head.stamp,
                               .occurred_at_us = head.occurred_at_us,
                               .carried = head.carried,
                               .cleared = head.cleared,
                               .deleted = head.deleted != 0};
    for (unsigned f = 0; f < FIELD_COUNT_MAX; f++)
        if (kept_event_sets(out, f) &&
            (!stored_take(bytes, &out->values[f], sizeof out->values[f]) || !holds(context, kind, f, out->values[f])))
            return false;
    return true;
}

bool kept_events_read(struct kept_events *k, enum record_kind kind, unsigned most, struct text bytes,
                      bool (*holds)(const void *context, enum record_kind kind, unsigned field, int64_t value),
                      const void *context)
{
    REQUIRE(k->count == 0);
    while (bytes.len > 0) {
        k->at = must_grow(k->at, &k->room, k->count, sizeof *k->at);
        struct kept_event *e = &k->at[k->count];
        if (k->count == most || !read_event(&bytes, kind, holds, context, e) ||
            (k->count > 0 && stamp_compare(&e[-1].stamp, &e->stamp) >= 0)) {
            kept_events_fini(k);
            return false;
        }
        k->count++;
    }
    return true;
}
