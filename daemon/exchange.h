/* exchange.h - two things that go round between a thread that fills them and one that uses them: no queue, no lock.
 *
 * The giver fills one while the taker has the other; if the taker still has both, the giver has none to fill.
 * tests/models/exchange.pml is its model.
 *
 * Thread: as each function says. Memory: the things are the exchange's from exchange_init to exchange_fini, when both
 * threads are done.
 */
#pragma once
#include "base/handoff.h"
#include "base/ring.h"
#include <stdbool.h>

#define EXCHANGED_THINGS 2

struct exchange {
    /* giver only */
    void *spare[EXCHANGED_THINGS];
    unsigned spare_count;

    /* giver puts, taker takes, and sleeps there; and back: a place for each, so that giving back never waits */
    struct handoff *full, *empty[EXCHANGED_THINGS];
    struct ring *bell; /* woken when one comes back: the giver sleeps there */
};

void exchange_init(struct exchange *e, void *const things[EXCHANGED_THINGS], struct ring *bell);
void exchange_fini(struct exchange *e, void (*destroy)(void *thing));

/* Giver: one that has come back, which is spare now; NULL: none, any more. */
void *exchange_collect(struct exchange *e);
/* Giver: whether there is one to fill that can be handed over right now, of those that were collected. */
bool exchange_is_ready(const struct exchange *e);
/* Giver: takes a spare one, to be filled and put; it must be ready. */
void *exchange_spare(struct exchange *e);
void exchange_put(struct exchange *e, void *thing);

/* Taker: the next one, or NULL. */
void *exchange_take(struct exchange *e);
void exchange_give_back(struct exchange *e, void *thing);
