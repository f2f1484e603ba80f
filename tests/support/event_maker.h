/* event_maker.h - events for tests of the core: one at a time by hand, or a random history of a small sales floor.
 *
 * Thread: one. Memory: the events are the caller's (free each, or event_list_fini).
 */
#pragma once
#include "aggregators/event.h"
#include "tests/support/random.h"
#include <stddef.h>

/* One field of a hand-made event; the list ends with END. */
struct given {
    unsigned field;
    enum { GIVEN_END, GIVEN_NULL, GIVEN_NUMBER, GIVEN_TEXT } kind;
    int64_t number;
    const char *text;
};
#define END          ((struct given){0, GIVEN_END, 0, NULL})
#define CLEARED(f)   ((struct given){(f), GIVEN_NULL, 0, NULL})
#define NUMBER(f, n) ((struct given){(f), GIVEN_NUMBER, (n), NULL})
#define NAME(f, t)   ((struct given){(f), GIVEN_TEXT, 0, (t)})

/* Fields may be in any order. The caller frees it. */
struct event *make_event(enum record_kind kind, const char *key, int64_t occurred_at_us, const struct given *fields);
struct event *make_deletion(enum record_kind kind, const char *key, int64_t occurred_at_us);

/* The event with some of its fields only, those in the mask, and with that version. The caller frees it. */
struct event *event_part(const struct event *e, uint32_t fields, int64_t version);

struct event_list {
    struct event **at;
    size_t count, room;
};
void event_list_add(struct event_list *l, struct event *e);
void event_list_fini(struct event_list *l);
void event_list_shuffle(struct event_list *l, struct random *r);

struct history_options {
    int64_t from_us, span_us; /* business times and occurred_at lie in [from, from + span) */
    int count;                /* events */
    int records;              /* of each kind */
    bool all_owned;           /* every event carries a manager and that manager's one team; no deletions or clears */
};
/* A random history: partial changes, owner changes, reopenings, deletions and revivals, links to records that come
 * later or never. No two events are equal, and none have equal times and the same record. */
void make_history(struct event_list *out, struct random *r, const struct history_options *o);
