#include "base/worker.h"
#include "base/error.h"
#include "base/handoff.h"
#include <pthread.h>
#include <stdlib.h>

struct errand {
    void (*tell)(void *whom);
    void *whom;
    bool is_last; /* nothing is to be done: the thread ends */
};

struct worker {
    const char *name;
    void (*work)(void *context);
    void *context;
    bool runs, busy;
    pthread_t thread;
    struct errand errand;          /* the worker's while it is busy */
    struct handoff *begun, *ended; /* the errand to it, and back */
};

static void *run(void *argument)
{
    struct worker *w = argument;
    for (;;) {
        struct errand *given = handoff_await(w->begun), errand = *given;
        if (errand.is_last)
            return NULL;
        w->work(w->context);
        handoff_put(w->ended, given);
        if (errand.tell != NULL)
            errand.tell(errand.whom);
    }
}

struct worker *worker_create(const char *name, void (*work)(void *context), void *context)
{
    struct worker *w = must_zalloc(sizeof *w);
    w->name = name;
    w->work = work;
    w->context = context;
    return w;
}

static bool begin_thread(struct worker *w)
{
    w->begun = w->begun != NULL ? w->begun : handoff_create();
    w->ended = w->ended != NULL ? w->ended : handoff_create();
    w->runs = pthread_create(&w->thread, NULL, run, w) == 0;
    if (w->runs)
        pthread_setname_np(w->thread, w->name);
    return w->runs;
}

static void hand_over(struct worker *w, struct errand errand)
{
    REQUIRE(!w->busy);
    w->errand = errand;
    w->busy = true;
    handoff_put(w->begun, &w->errand);
}

bool worker_begin(struct worker *w, void (*tell)(void *whom), void *whom)
{
    if (!w->runs && !begin_thread(w))
        return false;
    hand_over(w, (struct errand){tell, whom, false});
    return true;
}

bool worker_is_busy(const struct worker *w)
{
    return w->busy;
}

bool worker_look(struct worker *w)
{
    if (w->busy && handoff_take(w->ended) != NULL)
        w->busy = false;
    return !w->busy;
}

void worker_wait(struct worker *w)
{
    if (!w->busy)
        return;
    handoff_await(w->ended);
    w->busy = false;
}

void worker_destroy(struct worker *w)
{
    if (w == NULL)
        return;
    if (w->runs) {
        worker_wait(w);
        hand_over(w, (struct errand){.is_last = true});
        REQUIRE(pthread_join(w->thread, NULL) == 0);
    }
    handoff_destroy(w->begun);
    handoff_destroy(w->ended);
    free(w);
}
