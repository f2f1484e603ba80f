#include "aggregators/kept_events.h"
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
