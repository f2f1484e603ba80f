#include "base/error.h"
#include "base/handoff.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

Test(handoff, holds_one_thing)
{
    struct handoff *h = handoff_create();
    int thing = 1;

    cr_expect(handoff_is_free(h));
    cr_expect(handoff_take(h) == NULL);
    handoff_put(h, &thing);
    cr_expect(not(handoff_is_free(h)));
    cr_expect(handoff_wait(h, -1));
    cr_expect(handoff_take(h) == &thing);
    cr_expect(handoff_is_free(h));
    cr_expect(handoff_take(h) == NULL);
    handoff_destroy(h);
}

/* A publisher polls this beside its socket: after the take there must be nothing to wake for. */
Test(handoff, its_descriptor_is_readable_until_the_take)
{
    struct handoff *h = handoff_create();
    int thing = 1;

    cr_expect(not(readable(handoff_fd(h))));
    handoff_put(h, &thing);
    cr_expect(readable(handoff_fd(h)));
    handoff_take(h);
    cr_expect(not(readable(handoff_fd(h))));
    handoff_wake(h);
    cr_expect(readable(handoff_fd(h)));
    cr_expect(not(handoff_wait(h, -1))); /* would never come back */
    cr_expect(not(readable(handoff_fd(h))));
    handoff_destroy(h);
}

/* Two buffers go round between two threads, as snapshots do; nobody waits with a time-out, so a lost
 * wake-up hangs here, and a buffer that both hold is seen by the sanitizer and by its number. */
struct box {
    uint64_t number;
    uint64_t copies[64];
};

struct rounds {
    struct handoff *full, *empty;
    uint64_t count;
};

static void *give(void *argument)
{
    struct rounds *r = argument;
    struct box boxes[2] = {{0}};
    struct box *mine[2] = {&boxes[0], &boxes[1]};
    int have = 2;
    for (uint64_t i = 1; i <= r->count; i++) {
        while (have == 0 || !handoff_is_free(r->full)) {
            handoff_wait(r->empty, 1);
            struct box *back = handoff_take(r->empty);
            if (back != NULL)
                mine[have++] = back;
        }
        struct box *box = mine[--have];
        box->number = i;
        for (int k = 0; k < 64; k++)
            box->copies[k] = i;
        handoff_put(r->full, box);
    }
    while (have < 2) {
        handoff_wait(r->empty, -1);
        struct box *back = handoff_take(r->empty);
        if (back != NULL)
            mine[have++] = back;
    }
    return NULL;
}

Test(handoff, two_threads_never_hold_the_same_thing)
{
    struct rounds r = {handoff_create(), handoff_create(), 20000};
    pthread_t giver;
    REQUIRE(pthread_create(&giver, NULL, give, &r) == 0);
    for (uint64_t i = 1; i <= r.count; i++) {
        struct box *box;
        while ((box = handoff_take(r.full)) == NULL)
            handoff_wait(r.full, -1);
        cr_assert(eq(u64, box->number, i));
        for (int k = 0; k < 64; k++)
            cr_assert(box->copies[k] == i);
        box->number = 0;
        while (!handoff_is_free(r.empty))
            ;
        handoff_put(r.empty, box);
    }
    pthread_join(giver, NULL);
    handoff_destroy(r.full);
    handoff_destroy(r.empty);
}
