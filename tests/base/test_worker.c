#include "base/counter.h"
#include "base/handoff.h"
#include "base/worker.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

struct work {
    pthread_t owner;
    struct handoff *may_end; /* NULL: it ends at once */
    int64_t number, sum;     /* of whoever has it */
    struct counter told;
};

static void add(void *context)
{
    struct work *work = context;
    cr_assert(!pthread_equal(pthread_self(), work->owner));
    if (work->may_end != NULL)
        handoff_await(work->may_end);
    work->sum += work->number;
}

static void tell(void *whom)
{
    struct work *work = whom;
    counter_add(&work->told, 1);
}

Test(worker, does_one_thing_after_the_other)
{
    struct work work = {.owner = pthread_self()};
    struct worker *w = worker_create("test", add, &work);
    cr_expect(!worker_is_busy(w) && worker_look(w));
    worker_wait(w); /* for nothing */
    int64_t sum = 0;
    for (int64_t i = 1; i <= 1000; i++) {
        work.number = i;
        sum += i;
        cr_assert(worker_begin(w, i % 2 == 0 ? tell : NULL, &work) && worker_is_busy(w));
        if (i % 3 == 0)
            worker_wait(w);
        while (!worker_look(w))
            sched_yield();
        cr_assert(!worker_is_busy(w) && work.sum == sum);
    }
    worker_destroy(w); /* the last one has been told of by then */
    cr_expect(counter_get(&work.told) == 500);
}

Test(worker, is_not_done_before_it_is)
{
    struct work work = {.owner = pthread_self(), .may_end = handoff_create(), .number = 7};
    struct worker *w = worker_create("test", add, &work);
    worker_begin(w, NULL, NULL);
    for (int i = 0; i < 1000; i++)
        cr_assert(!worker_look(w) && worker_is_busy(w));
    handoff_put(work.may_end, &work);
    worker_wait(w);
    cr_expect(work.sum == 7);
    worker_begin(w, NULL, NULL);
    handoff_put(work.may_end, &work);
    worker_destroy(w); /* waits */
    cr_expect(work.sum == 14);
    handoff_destroy(work.may_end);
}

Test(worker, one_that_was_never_begun_has_no_thread)
{
    worker_destroy(worker_create("test", add, NULL));
    worker_destroy(NULL);
}
