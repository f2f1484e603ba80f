#include "aggregators/timers.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>

/* Against a plain array: set, move, take out, pop in order. */
Test(timers, behave_like_a_list_of_instants)
{
    enum { IDS = 300 };
    int64_t at[IDS];
    for (int i = 0; i < IDS; i++)
        at[i] = TIMERS_NEVER;
    struct random r = {random_seed(9)};
    struct timers t;
    timers_init(&t);
    for (int step = 0; step < 50000; step++) {
        uint32_t id = (uint32_t)random_below(&r, IDS);
        if (random_chance(&r, 70)) {
            at[id] = random_chance(&r, 15) ? TIMERS_NEVER : random_below(&r, 1000);
            timers_set(&t, id, at[id]);
        } else {
            int64_t first = TIMERS_NEVER;
            uint32_t who = 0;
            for (uint32_t i = 0; i < IDS; i++) {
                if (at[i] < first) {
                    first = at[i];
                    who = i;
                }
            }
            cr_assert(timers_first(&t) == first, "step %d", step);
            if (first != TIMERS_NEVER) {
                cr_assert(timers_pop(&t) == who);
                at[who] = TIMERS_NEVER;
            }
        }
    }
    timers_fini(&t);
}
