#include "daemon/alert_thread.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include <pthread.h>
#include <stdlib.h>

/* So long do decisions wait for what Redis says about alerts that fire already; then an alert may be told twice,
 * which a receiver can bear better than one that is told late. */
#define ADOPTION_WAIT_US (30 * SECOND)
/* A report that could not be handed on is tried again after this. */
#define RETRY_MS         200

struct alert_thread {
    const struct config *config;
    struct outlet *outlet;
    struct alerts *alerts;
    pthread_t thread;
    bool started, joined;
    int64_t started_us;
    struct handoff *adoptions; /* publish thread puts, this one takes */
    struct handoff *reports;   /* this one puts, publish thread takes */
    struct handoff *bell;      /* where the publish thread sleeps; set before the threads start */
    struct flag stopping;
    int64_t chance_ms; /* before `stopping` */
    bool adopted;      /* or given up */
};

static void adopt(struct alert_thread *t, struct adoption *a)
{
    int64_t refused = 0;
    for (size_t i = 0; i < a->count; i++)
        refused += !alerts_adopt(t->alerts, a->json[i]);
    if (a->count > 0)
        LOG(LOG_INFO, "alerts that Redis holds are taken on", LOG_NUMBER("alerts", (int64_t)a->count - refused),
            LOG_NUMBER("refused", refused));
    adoption_destroy(a);
    t->adopted = true;
}

/* True: decisions may be made. */
static bool may_decide(struct alert_thread *t)
{
    if (t->adopted)
        return true;
    struct adoption *a = handoff_take(t->adoptions);
    if (a != NULL) {
        adopt(t, a);
    } else if (clock_monotonic_us() - t->started_us >= ADOPTION_WAIT_US || t->config->alerts.rule_count == 0) {
        if (t->config->alerts.rule_count > 0)
            LOG(LOG_WARNING, "alerts begin without knowing what fired before: Redis could not be asked");
        t->adopted = true;
    }
    return t->adopted;
}

static void hand_on_report(struct alert_thread *t)
{
    if (!handoff_is_free(t->reports))
        return;
    struct alert_report *report = alerts_report(t->alerts);
    if (report == NULL)
        return;
    handoff_put(t->reports, report);
    if (t->bell != NULL)
        handoff_wake(t->bell);
}

static void step(struct alert_thread *t)
{
    struct snapshot *s;
    if (!may_decide(t) || (s = outlet_take(t->outlet)) == NULL)
        return;
    alerts_step(t->alerts, s, clock_now_us());
    outlet_give_back(t->outlet, s);
}

static void *run(void *argument)
{
    struct alert_thread *t = argument;
    for (bool stopping = false; !stopping;) {
        /* alert_thread_stop wakes both. */
        if (t->adopted)
            handoff_wait(t->outlet->exchange.full, handoff_is_free(t->reports) ? -1 : RETRY_MS);
        else
            handoff_wait(t->adoptions, RETRY_MS);
        stopping = flag_get(&t->stopping);
        step(t);
        hand_on_report(t);
    }
    alerts_stop(t->alerts, t->chance_ms);
    return NULL;
}

struct alert_thread *alert_thread_create(const struct config *config, struct outlet *outlet)
{
    struct alert_thread *t = must_zalloc(sizeof *t);
    t->config = config;
    t->outlet = outlet;
    t->alerts = alerts_create(config);
    t->adoptions = handoff_create();
    t->reports = handoff_create();
    t->started_us = clock_monotonic_us();
    return t;
}

void alert_thread_start(struct alert_thread *t, struct handoff *bell)
{
    t->bell = bell;
    REQUIRE(pthread_create(&t->thread, NULL, run, t) == 0);
    t->started = true;
    pthread_setname_np(t->thread, "kpid-alerts");
}

void alert_thread_adopt(struct alert_thread *t, struct adoption *a)
{
    handoff_put(t->adoptions, a);
}

struct alert_report *alert_thread_report(struct alert_thread *t)
{
    return handoff_take(t->reports);
}

void alert_thread_stop(struct alert_thread *t, int64_t chance_ms)
{
    if (t->joined || !t->started)
        return;
    t->chance_ms = chance_ms;
    flag_set(&t->stopping);
    handoff_wake(t->outlet->exchange.full);
    handoff_wake(t->adoptions);
    pthread_join(t->thread, NULL);
    t->joined = true;
}

void alert_thread_destroy(struct alert_thread *t)
{
    if (t == NULL)
        return;
    alert_thread_stop(t, 0);
    adoption_destroy(handoff_take(t->adoptions));
    alert_report_destroy(handoff_take(t->reports));
    alerts_destroy(t->alerts);
    handoff_destroy(t->adoptions);
    handoff_destroy(t->reports);
    free(t);
}

const struct alerts *alert_thread_alerts(const struct alert_thread *t)
{
    return t->alerts;
}
