#include "base/error.h"
#include "base/handoff.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

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

/* A stop is a flag and a wake. One that comes between the look at the flag and the take of the last thing must
 * still end the next wait, or the taker sleeps for ever. */
Test(handoff, a_wake_is_not_lost_to_a_take)
{
    struct handoff *h = handoff_create();
    int thing = 1;

    handoff_put(h, &thing);
    handoff_wake(h);
    cr_expect(handoff_take(h) == &thing);
    cr_expect(not(handoff_wait(h, -1))); /* would never come back */
    handoff_wake(h);
    cr_expect(handoff_take(h) == NULL);
    cr_expect(not(handoff_wait(h, -1)));
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
