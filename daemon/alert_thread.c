#include "daemon/alert_thread.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include <pthread.h>
#include <stdlib.h>

/* A report that could not be handed on is tried again after this. */
#define RETRY_MS     200
/* However quiet it is: so often it looks whether Redis is away for too long. */
#define SLEEP_MAX_MS 1000
/* At the stop what was decided last is noted within this, or goes out as without Redis. */
#define LAST_NOTE_US (1 * SECOND)

struct alert_thread {
    const struct config *config;
    struct outlet *outlet;
    struct alerts *alerts;
    pthread_t thread;
    bool started, joined;
    struct handoff *adoptions; /* publish thread puts, this one takes */
    struct handoff *reports;   /* this one puts, publish thread takes */
    struct handoff *bell;      /* where the publish thread sleeps; set before the threads start */
    struct flag stopping;
    int64_t chance_ms; /* before `stopping` */

    struct counter noted;    /* publish thread sets: number of the last message that Redis holds */
    struct counter noted_us; /* and when Redis could last be written to */
    struct counter alone;    /* this thread sets: 1: Redis is away for so long that alerts go out without it */

    /* this thread only */
    bool tells;    /* this instance does */
    bool stood_by; /* Redis has said that another one does */
    int64_t term;  /* 0: none yet */
};

static void take_over(struct alert_thread *t, const struct adoption *a)
{
    /* Another instance has told in between: what we told before is no longer ours. */
    if (a->after_others && t->term > 0)
        alerts_stand_by(t->alerts);
    alerts_take_over(t->alerts, a->after_others);
    int64_t refused = 0;
    for (size_t i = 0; i < a->active_count; i++)
        refused += !alerts_adopt(t->alerts, a->active[i]);
    int64_t unsent_refused = (int64_t)alerts_adopt_unsent(t->alerts, a->unsent, a->unsent_count);
    if (a->active_count > 0)
        LOG(LOG_INFO, "alerts that Redis holds are taken on", LOG_NUMBER("alerts", (int64_t)a->active_count - refused),
            LOG_NUMBER("refused", refused));
    if (a->unsent_count > 0)
        LOG(LOG_INFO, "messages that nobody has delivered are sent",
            LOG_NUMBER("messages", (int64_t)a->unsent_count - unsent_refused), LOG_NUMBER("refused", unsent_refused));
    t->term = a->term;
    t->tells = true;
    t->stood_by = false;
}

static void take_part(struct alert_thread *t)
{
    struct adoption *a = handoff_take(t->adoptions);
    if (a == NULL)
        return;
    if (!a->stand_by) {
        take_over(t, a);
    } else {
        alerts_allow_until(t->alerts, 0);
        alerts_stand_by(t->alerts);
        t->tells = false;
        t->stood_by = true;
    }
    adoption_destroy(a);
}

/* While Redis is away nobody can note, nor see that another instance tells. So long alerts wait; then one that comes twice
 * is borne better than one that comes late. Whoever stood by leaves it to the other one. */
static void look_at_redis(struct alert_thread *t)
{
    int64_t most_us = t->config->alerts.without_redis_ms * MILLISECOND;
    bool away = clock_monotonic_us() - counter_get(&t->noted_us) >= most_us;
    bool alone = most_us > 0 && away && !t->stood_by;
    if (alone && counter_get(&t->alone) == 0 && t->config->alerts.rule_count > 0)
        LOG(LOG_WARNING, "alerts go out without being noted in Redis", LOG_NUMBER("since_s", most_us / SECOND));
    counter_set(&t->alone, alone);
    if (!alone)
        return;
    if (!t->tells)
        alerts_take_over(t->alerts, false);
    t->tells = true;
    alerts_allow_until(t->alerts, INT64_MAX);
    alerts_send_unnoted(t->alerts);
}

static void hand_on_report(struct alert_thread *t)
{
    if (!handoff_is_free(t->reports))
        return;
    struct alert_report *report = alerts_report(t->alerts);
    if (report == NULL)
        return;
    report->term = t->term;
    handoff_put(t->reports, report);
    if (t->bell != NULL)
        handoff_wake(t->bell);
}

static void step(struct alert_thread *t)
{
    take_part(t);
    look_at_redis(t);
    struct snapshot *s = outlet_take(t->outlet);
    if (s != NULL) {
        alerts_step(t->alerts, s, clock_now_us());
        outlet_give_back(t->outlet, s);
    }
    alerts_noted(t->alerts, counter_get(&t->noted));
    alerts_collect(t->alerts);
    hand_on_report(t);
}

static int sleep_ms(const struct alert_thread *t)
{
    bool busy = !handoff_is_free(t->reports) || counter_get(&alerts_counters(t->alerts)->unsent) > 0;
    return busy ? RETRY_MS : SLEEP_MAX_MS;
}

/* What was decided last is noted and goes out; what of it arrived is noted as well, and the rest is left to whoever takes
 * over. The publish thread still runs. */
static void finish(struct alert_thread *t)
{
    int64_t deadline_us = clock_monotonic_us() + LAST_NOTE_US;
    while (t->tells && alerts_wait_to_be_noted(t->alerts) && clock_monotonic_us() < deadline_us) {
        handoff_wait(t->outlet->exchange.full, RETRY_MS);
        step(t);
    }
    if (t->tells && t->config->alerts.without_redis_ms > 0)
        alerts_send_unnoted(t->alerts);
    alerts_stop(t->alerts, t->chance_ms);
    alerts_collect(t->alerts);
    hand_on_report(t);
}

static void *run(void *argument)
{
    struct alert_thread *t = argument;
    for (bool stopping = false; !stopping;) {
        handoff_wait(t->outlet->exchange.full, sleep_ms(t)); /* whoever has news wakes it */
        stopping = flag_get(&t->stopping);
        step(t);
    }
    finish(t);
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
    counter_set(&t->noted_us, clock_monotonic_us());
    alerts_allow_until(t->alerts, 0);
    return t;
}

void alert_thread_start(struct alert_thread *t, struct handoff *bell)
{
    t->bell = bell;
    REQUIRE(pthread_create(&t->thread, NULL, run, t) == 0);
    t->started = true;
    pthread_setname_np(t->thread, "kpid-alerts");
}

bool alert_thread_may_adopt(const struct alert_thread *t)
{
    return handoff_is_free(t->adoptions);
}

void alert_thread_adopt(struct alert_thread *t, struct adoption *a)
{
    handoff_put(t->adoptions, a);
    handoff_wake(t->outlet->exchange.full);
}

void alert_thread_know(struct alert_thread *t, int64_t lease_until_us, int64_t noted, bool notes)
{
    if (counter_get(&t->alone) == 0)
        alerts_allow_until(t->alerts, lease_until_us);
    if (notes)
        counter_set(&t->noted_us, clock_monotonic_us());
    if (noted == counter_get(&t->noted))
        return;
    counter_set(&t->noted, noted);
    handoff_wake(t->outlet->exchange.full);
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
