#include "daemon/publish_thread.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include <pthread.h>
#include <stdlib.h>

_Static_assert(PUBLISH_COUNT <= COUNTER_BOARD_MAX, "the board holds them all");

/* The lag is passed on this often, however quiet it is. */
#define SLEEP_MAX_US SECOND

struct publish_thread {
    const struct config *config;
    struct publisher *publisher;
    struct outlet *outlet;
    struct alert_thread *alerts;
    pthread_t thread;
    bool started, joined;

    /* this thread only */
    bool asked;    /* for everything, and it has not come yet */
    int64_t term;  /* of the last take-over that the alerts thread was told of */
    bool stood_by; /* or was told that another instance does */
    bool live;     /* the last snapshot was */
    int64_t at_us; /* PUBLISH_AT_US */

    struct counter_board board;
    struct counter lag; /* main sets */
    struct flag stopping;
};

static void show(struct publish_thread *t)
{
    struct publisher_status s;
    int64_t row[PUBLISH_COUNT];
    publisher_status(t->publisher, &s);
    row[PUBLISH_STATE] = s.state;
    row[PUBLISH_EPOCH] = s.epoch;
    row[PUBLISH_SEQ] = s.seq;
    row[PUBLISH_AS_OF_US] = s.as_of_us == INSTANT_NONE ? 0 : s.as_of_us;
    row[PUBLISH_LIVE] = s.state == PUBLISHER_CURRENT && t->live;
    row[PUBLISH_AT_US] = s.state == PUBLISHER_STANDBY ? 0 : t->at_us; /* the other one's business */
    row[PUBLISH_PUBLISHES] = s.publishes;
    row[PUBLISH_STAGED] = s.staged;
    row[PUBLISH_KEYS] = s.keys;
    row[PUBLISH_BYTES] = s.bytes;
    row[PUBLISH_CONNECTS] = s.connects;
    row[PUBLISH_CLAIMS] = s.claims;
    row[PUBLISH_HOLDS] = s.holds;
    row[PUBLISH_TAKEOVERS] = s.takeovers;
    row[PUBLISH_LOSSES] = s.losses;
    row[PUBLISH_ALERTS_LOG_DROPPED] = s.alerts_log_dropped;
    for (int i = 0; i < TROUBLE_COUNT; i++)
        row[PUBLISH_TROUBLES + i] = s.troubles[i];
    counter_board_show(&t->board, row, PUBLISH_COUNT);
}

/* Which part the alerts have: this instance's, or none. */
static void tell_part(struct publish_thread *t, const struct publisher_status *s)
{
    bool stands_by = s->state == PUBLISHER_STANDBY, takes_over = s->holds && s->takeovers != t->term;
    if ((!takes_over && (!stands_by || t->stood_by)) || !alert_thread_may_adopt(t->alerts))
        return;
    struct redis_failure failure = {0};
    struct adoption *a = stands_by ? adoption_of_stand_by() : adoption_read(&t->config->redis, &failure);
    if (a == NULL)
        return; /* the publisher will meet the same trouble, and logs it */
    if (takes_over) {
        a->term = t->term = s->takeovers;
        a->after_others = s->after_others;
    }
    t->stood_by = stands_by;
    alert_thread_adopt(t->alerts, a);
}

/* A report of a time in which this instance had another part is void; also where the alerts could not be told of a
 * take-over yet. */
static struct alert_report *take_report(struct publish_thread *t)
{
    struct alert_report *report = alert_thread_report(t->alerts);
    struct publisher_status s;
    publisher_status(t->publisher, &s);
    if (report == NULL || (report->term == s.takeovers && !t->stood_by))
        return report;
    alert_report_destroy(report);
    return NULL;
}

static void step(struct publish_thread *t)
{
    struct snapshot *snapshot = outlet_take(t->outlet);
    struct alert_report *report = take_report(t);
    int64_t now_us = clock_monotonic_us();
    if (snapshot == NULL && report == NULL && publisher_next_us(t->publisher) > now_us)
        return;
    publisher_set_lag(t->publisher, counter_get(&t->lag));
    publisher_step(t->publisher, now_us, snapshot, report);
    alert_report_destroy(report);

    struct publisher_status s;
    publisher_status(t->publisher, &s);
    if (snapshot != NULL) {
        t->live = snapshot_is_live(snapshot);
        if (s.state == PUBLISHER_CURRENT)
            t->at_us = clock_monotonic_us();
        if (snapshot_is_everything(snapshot))
            t->asked = false;
        outlet_tell_work(t->outlet, now_us, clock_monotonic_us());
        outlet_give_back(t->outlet, snapshot);
    }
    if (!t->asked && publisher_wants_everything(t->publisher)) {
        t->asked = true;
        outlet_ask_everything(t->outlet);
    }
    show(t);
    tell_part(t, &s);
    bool notes = s.state == PUBLISHER_CURRENT || s.state == PUBLISHER_FILLING;
    alert_thread_know(t->alerts, s.lease_until_us, s.alerts_noted, notes);
}

static void *run(void *argument)
{
    struct publish_thread *t = argument;
    for (bool stopping = false; !stopping;) {
        int64_t wait_us = publisher_next_us(t->publisher);
        if (wait_us != INT64_MAX)
            wait_us -= clock_monotonic_us();
        if (wait_us > SLEEP_MAX_US)
            wait_us = SLEEP_MAX_US;
        if (wait_us > 0)
            handoff_wait(t->outlet->exchange.full, (int)((wait_us + MILLISECOND - 1) / MILLISECOND));
        stopping = flag_get(&t->stopping);
        step(t);
    }
    publisher_release(t->publisher);
    return NULL;
}

struct publish_thread *publish_thread_create(const struct config *config, const struct publisher_options *options,
                                             struct outlet *outlet, struct alert_thread *alerts)
{
    struct publish_thread *t = must_zalloc(sizeof *t);
    t->config = config;
    t->outlet = outlet;
    t->alerts = alerts;
    t->publisher = publisher_create(config, options);
    counter_set(&t->lag, -1);
    show(t);
    return t;
}

void publish_thread_start(struct publish_thread *t)
{
    REQUIRE(pthread_create(&t->thread, NULL, run, t) == 0);
    pthread_setname_np(t->thread, "kpid-publisher");
    t->started = true;
}

struct handoff *publish_thread_bell(struct publish_thread *t)
{
    return t->outlet->exchange.full;
}

void publish_thread_set_lag(struct publish_thread *t, int64_t messages)
{
    counter_set(&t->lag, messages);
}

void publish_thread_stop(struct publish_thread *t)
{
    if (t->joined || !t->started)
        return;
    flag_set(&t->stopping);
    handoff_wake(t->outlet->exchange.full);
    pthread_join(t->thread, NULL);
    t->joined = true;
}

void publish_thread_destroy(struct publish_thread *t)
{
    if (t == NULL)
        return;
    publish_thread_stop(t);
    publisher_destroy(t->publisher);
    free(t);
}

void publish_thread_board(const struct publish_thread *t, int64_t *out)
{
    counter_board_read(&t->board, out, PUBLISH_COUNT);
}
