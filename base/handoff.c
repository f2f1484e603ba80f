/* Orders, and what pairs with what:
 *
 * put (release)  -> take (acquire): the taker sees all that the giver wrote into the thing.
 * take (release) -> is_free (acquire): when the giver sees the place empty, whatever the taker did
 * before is done.
 *
 * The eventfd only wakes. put stores first and writes the eventfd afterwards; a wait that slept empties the
 * eventfd first and looks at the place afterwards. So a thing that was put is either seen by that look,
 * or its token is still there and ends the next wait: none is slept over. A token may be left behind
 * by a thing that is taken already: then one wait ends early for nothing.
 *
 * take leaves the eventfd alone: the token that it would empty may be handoff_wake's, and whoever was to be
 * woken would sleep on.
 */
#include "base/handoff.h"
#include "base/error.h"
#include "base/wake.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct handoff {
    _Atomic(void *) place;
    int fd;
};

struct handoff *handoff_create(void)
{
    struct handoff *h = must_zalloc(sizeof *h);
    atomic_init(&h->place, NULL);
    h->fd = wake_open();
    return h;
}

void handoff_destroy(struct handoff *h)
{
    if (h == NULL)
        return;
    close(h->fd);
    free(h);
}

bool handoff_is_free(const struct handoff *h)
{
    /* Acquire: pairs with the exchange in handoff_take. */
    return atomic_load_explicit(&h->place, memory_order_acquire) == NULL;
}

void handoff_put(struct handoff *h, void *thing)
{
    REQUIRE(thing != NULL);
    /* Release: pairs with the exchange in handoff_take. */
    void *before = atomic_exchange_explicit(&h->place, thing, memory_order_acq_rel);
    REQUIRE(before == NULL);
    wake_send(h->fd);
}

void *handoff_take(struct handoff *h)
{
    /* Acquire: pairs with the exchange in handoff_put. Release: pairs with the load in handoff_is_free. */
    return atomic_exchange_explicit(&h->place, NULL, memory_order_acq_rel);
}

bool handoff_wait(struct handoff *h, int timeout_ms)
{
    if (!handoff_is_free(h))
        return true;
    wake_wait(h->fd, timeout_ms);
    return !handoff_is_free(h);
}

void handoff_wake(struct handoff *h)
{
    wake_send(h->fd);
}
