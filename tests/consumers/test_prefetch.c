/* When librdkafka is asked to look whether its queue has room. That it does look then is for ./dev bench to show: a past that is read
 * with a small queue takes a second for each time that it was full. */
#include "base/instant.h"
#include "consumers/prefetch.h"
#include <criterion/criterion.h>

#define LOOK_US (PREFETCH_EVERY_MS * MILLISECOND)

enum { QUEUE = 1000000, LOOKS_A_SECOND = 1000 / PREFETCH_EVERY_MS };

/* Bytes of one look at which a full queue is empty within a second. */
#define FAST (QUEUE / LOOKS_A_SECOND)

Test(prefetch, a_queue_that_lasts_for_a_second_needs_nobody)
{
    struct prefetch_pace pace = {.queue_bytes = QUEUE};
    for (int64_t look = 1; look <= 3 * LOOKS_A_SECOND; look++)
        cr_assert(!prefetch_is_fast(&pace, look * (FAST - 1), look * LOOK_US), "look %lld", (long long)look);
}

Test(prefetch, one_that_was_emptied_is_looked_after_for_a_second)
{
    struct prefetch_pace pace = {.queue_bytes = QUEUE};
    int64_t now_us = LOOK_US, until_us = now_us + SECOND;
    cr_assert(prefetch_is_fast(&pace, FAST, now_us), "it may be empty before librdkafka looks");
    for (now_us += LOOK_US; now_us < until_us; now_us += LOOK_US)
        cr_assert(prefetch_is_fast(&pace, FAST, now_us), "nothing comes, which may be for want of a look");
    cr_assert(!prefetch_is_fast(&pace, FAST, now_us), "by now it has looked by itself");
    cr_assert(prefetch_is_fast(&pace, 2 * FAST, now_us + LOOK_US));
}

/* Whoever was asked may not have answered for a second. */
Test(prefetch, a_late_look_sees_the_same_pace)
{
    struct prefetch_pace pace = {.queue_bytes = QUEUE};
    cr_assert(!prefetch_is_fast(&pace, QUEUE - 1, SECOND));
    cr_assert(prefetch_is_fast(&pace, 3 * QUEUE, 3 * SECOND));
}
