#include "daemon/exchange.h"
#include "base/error.h"

void exchange_init(struct exchange *e, void *const things[EXCHANGED_THINGS], struct ring *bell)
{
    *e = (struct exchange){.full = handoff_create(), .bell = bell};
    for (int i = 0; i < EXCHANGED_THINGS; i++) {
        e->empty[i] = handoff_create();
        e->spare[e->spare_count++] = things[i];
    }
}

static void destroy_left(struct handoff *h, void (*destroy)(void *thing))
{
    void *thing = handoff_take(h);
    if (thing != NULL)
        destroy(thing);
    handoff_destroy(h);
}

void exchange_fini(struct exchange *e, void (*destroy)(void *thing))
{
    if (e->full == NULL)
        return;
    destroy_left(e->full, destroy);
    for (int i = 0; i < EXCHANGED_THINGS; i++)
        destroy_left(e->empty[i], destroy);
    while (e->spare_count > 0)
        destroy(e->spare[--e->spare_count]);
    *e = (struct exchange){0};
}

void *exchange_collect(struct exchange *e)
{
    for (int i = 0; i < EXCHANGED_THINGS; i++) {
        if (handoff_is_free(e->empty[i]))
            continue;
        REQUIRE(e->spare_count < EXCHANGED_THINGS);
        return e->spare[e->spare_count++] = handoff_take(e->empty[i]);
    }
    return NULL;
}

bool exchange_is_ready(const struct exchange *e)
{
    return e->spare_count > 0 && handoff_is_free(e->full);
}

void *exchange_spare(struct exchange *e)
{
    REQUIRE(exchange_is_ready(e));
    return e->spare[--e->spare_count];
}

void exchange_put(struct exchange *e, void *thing)
{
    handoff_put(e->full, thing);
}

void *exchange_take(struct exchange *e)
{
    return handoff_take(e->full);
}

void exchange_give_back(struct exchange *e, void *thing)
{
    int i = 0;
    while (!handoff_is_free(e->empty[i])) {
        i++;
        REQUIRE(i < EXCHANGED_THINGS); /* more came back than there are */
    }
    handoff_put(e->empty[i], thing);
    ring_wake(e->bell);
}
