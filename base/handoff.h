/* handoff.h - one thing handed from one thread to another by one atomic exchange: no queue, no lock.
 *
 * The giver puts only when the place is free, so at most one thing waits. Used in pairs: a full
 * snapshot one way, the empty one back. Memory: the thing belongs to whoever holds it.
 */
#pragma once
#include <stdbool.h>

struct handoff;

struct handoff *handoff_create(void);
void handoff_destroy(struct handoff *h); /* what still waits is the caller's to take first */

/* Giver: true if the place is free. Only the giver fills it, so it stays free until the giver puts. */
bool handoff_is_free(const struct handoff *h);
/* Giver: puts `thing` (not NULL); the place must be free. Wakes the taker. */
void handoff_put(struct handoff *h, void *thing);
/* Taker: the thing, or NULL. */
void *handoff_take(struct handoff *h);
/* Taker: sleeps until something is there, handoff_wake is called, or the time is over. True: something is there. */
bool handoff_wait(struct handoff *h, int timeout_ms);
/* Any thread: ends a handoff_wait early. */
void handoff_wake(struct handoff *h);
/* Taker: the eventfd behind it, readable when something was put or handoff_wake was called; for poll. */
int handoff_fd(const struct handoff *h);
