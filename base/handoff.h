/* handoff.h - one thing handed from one thread to another by one atomic exchange: no queue, no lock.
 *
 * The giver puts only when the place is free, so at most one thing waits. Used in pairs: a full
 * snapshot one way, the empty one back. Memory: the thing belongs to whoever holds it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct handoff;

struct handoff *handoff_create(void);
/* NULL is allowed. What still waits is the caller's to take first. */
void handoff_destroy(struct handoff *h);

/* Any thread: true if nothing waits. Only the giver fills the place, so for the giver a free place stays
 * free until it puts; only the taker empties it, so for the taker a full one stays full until it takes. */
bool handoff_is_free(const struct handoff *h);
/* Giver: puts `thing` (not NULL); the place must be free. Wakes the taker. */
void handoff_put(struct handoff *h, void *thing);
/* Taker: the thing, or NULL. */
void *handoff_take(struct handoff *h);
/* Taker: sleeps until something is there, handoff_wake is called, a signal comes or the time is over (it may
 * also return early for nothing). timeout_ms < 0: no time-out. True: something is there. */
bool handoff_wait(struct handoff *h, int timeout_ms);
/* Taker: the thing; sleeps until there is one. */
static inline void *handoff_await(struct handoff *h)
{
    void *thing;
    while ((thing = handoff_take(h)) == NULL)
        handoff_wait(h, -1);
    return thing;
}
/* Any thread: ends a handoff_wait early; one that has not begun returns at once, whatever is taken before it. */
void handoff_wake(struct handoff *h);
