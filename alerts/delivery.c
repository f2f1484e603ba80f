/* One thread, one libcurl multi handle. The alerts' thread hands jobs over through a ring and wakes the multi
 * handle; from then on a job is this thread's alone. Each receiver has its line of jobs, in the order in which
 * they came; a job waits while an earlier one of the same order number is in the line.
 *
 * Two kinds of failure: one that speaks of this delivery (500 for this body) puts only it off; one that speaks of
 * the receiver (no connection, 429, 503) holds the whole line, and until the next success a single job is sent
 * to find out whether it is back.
 */
#include "alerts/delivery.h"
#include "alerts/attempt.h"
#include "alerts/retry.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/ring.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define FOREVER     INT64_MAX
/* curl_multi_wakeup ends every wait; this is only a limit for its int. */
#define WAIT_MAX_MS INT64_C(60000)

struct job {
    struct job *before, *behind; /* in the line */
    const struct job *after;     /* goes only when this one has left */
    size_t receiver;
    uint64_t order;
    int64_t number; /* 0: nobody asks whether it is over */
    char *key;
    struct text body;
    unsigned failures;
    int64_t came_us;
    int64_t due_us;          /* back-off; the receiver's own wish counts for the line */
    struct attempt *attempt; /* under way */
    bool last_try;           /* begun in the last round: there is no other after it */
};

/* What is for one receiver. */
struct line {
    const struct receiver_config *config;
    struct job *first, *last;
    unsigned flying;
    unsigned failures; /* in a row, of the receiver itself */
    int64_t held_us;   /* back-off of the receiver */
    int64_t asked_us;  /* Retry-After: holds at the stop too */
    bool closed;       /* in the last round: it did not answer */

    struct counter waiting; /* submit adds, the thread takes away */
    bool full;              /* submit only: so that a full queue is logged once */
};

/* What goes through the ring. */
struct handed {
    uint32_t size;
    uint32_t unused;
    struct job *job; /* NULL: forget those that came before */
};

/* And what comes back. */
struct over {
    uint32_t size;
    uint32_t unused;
    int64_t number;
};

struct delivery {
    struct delivery_options options;
    int64_t queue_max;
    struct ring *inbox, *outcomes;
    struct counter allowed_until_us; /* any thread sets */
    struct flag stop;
    int64_t chance_ms; /* written before the flag is set */
    bool joined;
    pthread_t thread;
    struct delivery_counters counters;

    /* the thread's */
    CURLM *multi;
    struct line *lines;
    size_t line_count;
    bool last_round;
};

const struct delivery_options DELIVERY_DEFAULTS = {
    .backoff_first_ms = 1000, .backoff_most_ms = 300000, .parallel_max = 4};

static void job_destroy(struct job *j)
{
    free(j->key);
    free((char *)j->body.at);
    free(j);
}

static void line_add(struct line *l, struct job *j)
{
    for (const struct job *other = l->last; other && !j->after; other = other->before) {
        if (other->order == j->order) {
            j->after = other;
        }
    }
    j->before = l->last;
    if (l->last) {
        l->last->behind = j;
    } else {
        l->first = j;
    }
    l->last = j;
}

/* Before it leaves its line. Where nobody asked for very many, the oldest stay known and this one is not told: then it
 * counts as not over, and may be sent again after a restart. */
static void tell_over(struct delivery *d, const struct job *j)
{
    if (j->number == 0) {
        return;
    }
    struct over *o = ring_reserve(d->outcomes, sizeof *o);
    if (o) {
        *o = (struct over){.size = sizeof *o, .number = j->number};
        ring_commit(d->outcomes);
    }
}

/* The job leaves its line, and whoever waited for it may go. */
static void line_remove(struct delivery *d, struct line *l, struct job *j)
{
    for (struct job *other = j->behind; other; other = other->behind) {
        if (other->after == j) {
            other->after = NULL;
            break; /* each waits for the last one of its order, so there is one at most */
        }
    }
    *(j->before ? &j->before->behind : &l->first) = j->behind;
    *(j->behind ? &j->behind->before : &l->last) = j->before;
    counter_add(&l->waiting, -1);
    counter_add(&d->counters.waiting, -1);
    job_destroy(j);
}

static void give_up(struct delivery *d, struct line *l, struct job *j, const char *why)
{
    LOG(LOG_WARNING, "an alert was not delivered", LOG_TEXT("receiver", l->config->name), LOG_TEXT("key", j->key),
        LOG_TEXT("reason", why), LOG_NUMBER("attempts", j->failures));
    counter_add(&d->counters.failed, 1);
    tell_over(d, j);
    line_remove(d, l, j);
}

static int64_t expires_us(const struct line *l, const struct job *j)
{
    return l->config->retry_for_ms > 0 ? j->came_us + l->config->retry_for_ms * MILLISECOND : FOREVER;
}

static int64_t wait_us(const struct delivery *d, unsigned failures, const struct job *j)
{
    return backoff_wait(d->options.backoff_first_ms, d->options.backoff_most_ms, failures, text_hash(text_of(j->key))) *
           MILLISECOND;
}

static void note_answer(struct line *l)
{
    if (l->failures > 0) {
        LOG(LOG_INFO, "the receiver answers again", LOG_TEXT("receiver", l->config->name));
    }
    l->failures = 0;
    l->held_us = 0;
}

static void note_silence(const struct delivery *d, struct line *l, const struct job *j,
                         const struct attempt_result *result, int64_t now_us)
{
    l->closed = j->last_try;
    if (now_us < l->held_us) {
        return; /* it was under way together with the one that failed first: one silence, not two */
    }
    if (l->failures++ == 0) {
        LOG(LOG_WARNING, "the receiver does not take alerts", LOG_TEXT("receiver", l->config->name),
            LOG_TEXT("reason", result->error));
    }
    l->held_us = d->last_round ? 0 : now_us + wait_us(d, l->failures, j);
}

/* An attempt is over. */
static void finish(struct delivery *d, struct job *j, CURLcode code, int64_t now_us)
{
    struct line *l = &d->lines[j->receiver];
    struct attempt_result result;
    attempt_judge(j->attempt, code, &result);
    attempt_destroy(j->attempt, d->multi);
    j->attempt = NULL;
    l->flying--;
    if (result.verdict == VERDICT_DELIVERED) {
        note_answer(l);
        counter_add(&d->counters.delivered, 1);
        tell_over(d, j);
        line_remove(d, l, j);
        return;
    }
    j->failures++;
    if (result.retry_after_ms > 0 && result.verdict != VERDICT_GIVE_UP) {
        l->asked_us = now_us + result.retry_after_ms * MILLISECOND;
    }
    if (result.verdict == VERDICT_RETRY_ALL) {
        note_silence(d, l, j, &result, now_us);
    } else {
        note_answer(l);
    }
    if (result.verdict == VERDICT_GIVE_UP) {
        give_up(d, l, j, result.error);
    } else if (!j->last_try) { /* else it is left, with those of its order: no repeat can harm it, and it is not over */
        j->due_us = d->last_round ? 0 : now_us + wait_us(d, j->failures, j);
    }
}

static void expire(struct delivery *d, int64_t now_us)
{
    for (size_t i = 0; i < d->line_count; i++) {
        struct line *l = &d->lines[i];
        struct job *behind;
        for (struct job *j = l->first; j; j = behind) {
            behind = j->behind;
            /* What merely waits for its turn at a receiver that answers is not too late. */
            bool failing = j->failures > 0 || l->failures > 0;
            if (!j->attempt && failing && now_us >= expires_us(l, j)) {
                give_up(d, l, j, "too old");
            }
        }
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Starts what may go, and returns when to look again. */
static int64_t start(struct delivery *d, int64_t now_us)
{
    int64_t next_us = FOREVER;
    bool allowed = now_us < counter_get(&d->allowed_until_us); /* delivery_allow_until wakes the thread */
    for (size_t i = 0; i < d->line_count; i++) {
        struct line *l = &d->lines[i];
        int64_t open_us = later(l->held_us, l->asked_us);
        for (struct job *j = l->first; j && !l->closed; j = j->behind) {
            if (j->attempt || j->last_try) {
                continue;
            }
            if (j->failures > 0 || l->failures > 0) {
                next_us = sooner(next_us, expires_us(l, j));
            }
            if (j->after) {
                continue;
            }
            int64_t due_us = later(j->due_us, open_us);
            if (due_us > now_us) {
                next_us = sooner(next_us, due_us);
            } else if (allowed && l->flying < (l->failures > 0 ? 1 : d->options.parallel_max)) {
                j->attempt = attempt_create(l->config, j->key, j->body, j);
                REQUIRE(curl_multi_add_handle(d->multi, attempt_handle(j->attempt)) == CURLM_OK);
                j->last_try = d->last_round;
                l->flying++;
                counter_add(&d->counters.retried, j->failures > 0 ? 1 : 0);
            }
        }
    }
    return next_us;
}

/* Counted by `as`. How many there were. */
static int64_t leave(struct delivery *d, struct line *l, struct counter *as)
{
    int64_t left = 0;
    for (; l->first; left++) {
        attempt_destroy(l->first->attempt, d->multi);
        l->first->attempt = NULL;
        counter_add(as, 1);
        line_remove(d, l, l->first);
    }
    l->flying = 0;
    return left;
}

static void take_in(struct delivery *d)
{
    const struct handed *h;
    while ((h = ring_front(d->inbox)) != NULL) {
        if (h->job) {
            line_add(&d->lines[h->job->receiver], h->job);
        } else {
            for (size_t i = 0; i < d->line_count; i++) {
                (void)leave(d, &d->lines[i], &d->counters.forgotten);
            }
        }
        ring_pop(d->inbox);
    }
}

/* Every wait is cut short but what a receiver asked for. */
static void begin_last_round(struct delivery *d)
{
    d->last_round = true;
    for (size_t i = 0; i < d->line_count; i++) {
        struct line *l = &d->lines[i];
        l->held_us = 0;
        for (struct job *j = l->first; j; j = j->behind) {
            j->due_us = 0;
        }
    }
}

static bool is_flying(const struct delivery *d)
{
    for (size_t i = 0; i < d->line_count; i++) {
        if (d->lines[i].flying > 0) {
            return true;
        }
    }
    return false;
}

static void leave_rest(struct delivery *d)
{
    for (size_t i = 0; i < d->line_count; i++) {
        struct line *l = &d->lines[i];
        int64_t left = leave(d, l, &d->counters.failed);
        if (left > 0) {
            LOG(LOG_WARNING, "alerts were left undelivered at the stop", LOG_TEXT("receiver", l->config->name),
                LOG_NUMBER("alerts", left));
        }
    }
}

static void carry(struct delivery *d)
{
    int running = 0, left = 0;
    REQUIRE(curl_multi_perform(d->multi, &running) == CURLM_OK);
    CURLMsg *message;
    while ((message = curl_multi_info_read(d->multi, &left)) != NULL) {
        REQUIRE(message->msg == CURLMSG_DONE);
        finish(d, attempt_owner(message->easy_handle), message->data.result, clock_monotonic_us());
    }
}

static void *run(void *context)
{
    struct delivery *d = context;
    int64_t end_us = FOREVER;
    for (;;) {
        bool stopping = flag_get(&d->stop); /* before take_in: what came before the flag is there */
        take_in(d);
        int64_t now_us = clock_monotonic_us();
        if (stopping && !d->last_round) {
            begin_last_round(d);
            end_us = now_us + d->chance_ms * MILLISECOND;
        }
        carry(d);
        expire(d, now_us);
        now_us = clock_monotonic_us();
        int64_t next_us = start(d, now_us); /* a new handle makes curl_multi_poll return at once */
        if (d->last_round && (now_us >= end_us || (!is_flying(d) && next_us > end_us))) {
            break;
        }
        int64_t until_us = sooner(next_us, end_us);
        int64_t wait_ms = until_us == FOREVER ? WAIT_MAX_MS : (until_us - now_us) / MILLISECOND + 1;
        REQUIRE(curl_multi_poll(d->multi, NULL, 0, (int)sooner(wait_ms, WAIT_MAX_MS), NULL) == CURLM_OK);
    }
    leave_rest(d);
    return NULL;
}

/* Room for every job that the queues can hold, so that the queues are what bounds. */
static size_t inbox_bytes(int64_t queue_max, size_t receivers)
{
    size_t bytes = 64 * 1024;
    size_t wanted = (size_t)queue_max * (receivers ? receivers : 1) * sizeof(struct handed) * 2;
    while (bytes < wanted && bytes < (size_t)64 * 1024 * 1024) {
        bytes *= 2;
    }
    return bytes;
}

struct delivery *delivery_create(const struct alert_config *config, const struct delivery_options *options)
{
    REQUIRE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct delivery *d = must_zalloc(sizeof *d);
    d->options = *options;
    d->queue_max = config->queue_max;
    d->line_count = config->receiver_count;
    d->lines = must_zalloc(d->line_count * sizeof *d->lines);
    for (size_t i = 0; i < d->line_count; i++) {
        d->lines[i].config = &config->receivers[i];
    }
    d->inbox = ring_create(inbox_bytes(config->queue_max, config->receiver_count));
    d->outcomes = ring_create(inbox_bytes(config->queue_max, config->receiver_count));
    counter_set(&d->allowed_until_us, FOREVER);
    d->multi = curl_multi_init();
    REQUIRE(d->multi != NULL);

    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    REQUIRE(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    REQUIRE(pthread_create(&d->thread, NULL, run, d) == 0);
    REQUIRE(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pthread_setname_np(d->thread, "delivery");
    return d;
}

void delivery_drop(struct delivery *d, size_t receiver)
{
    struct line *l = &d->lines[receiver];
    counter_add(&d->counters.dropped, 1);
    if (!l->full) {
        LOG(LOG_WARNING, "the receiver's queue is full, alerts are dropped", LOG_TEXT("receiver", l->config->name));
    }
    l->full = true;
}

bool delivery_submit(struct delivery *d, size_t receiver, uint64_t order, int64_t number, const char *key,
                     struct text body)
{
    REQUIRE(receiver < d->line_count && !d->joined);
    struct line *l = &d->lines[receiver];
    struct handed *h = ring_reserve(d->inbox, sizeof *h);
    if (!h || counter_get(&l->waiting) >= d->queue_max) {
        delivery_drop(d, receiver);
        return false;
    }
    l->full = false;
    struct job *j = must_zalloc(sizeof *j);
    char *bytes = must_alloc(body.len);
    memcpy(bytes, body.at, body.len);
    j->receiver = receiver;
    j->order = order;
    j->number = number;
    j->key = must_strdup(key);
    j->body = (struct text){bytes, body.len};
    j->came_us = clock_monotonic_us();
    counter_add(&l->waiting, 1);
    counter_add(&d->counters.waiting, 1);
    counter_add(&d->counters.queued, 1);
    *h = (struct handed){.size = sizeof *h, .job = j};
    ring_commit(d->inbox);
    curl_multi_wakeup(d->multi);
    return true;
}

int64_t delivery_done(struct delivery *d)
{
    const struct over *o = ring_front(d->outcomes);
    if (!o) {
        return 0;
    }
    int64_t number = o->number;
    ring_pop(d->outcomes);
    return number;
}

void delivery_forget(struct delivery *d)
{
    REQUIRE(!d->joined);
    struct handed *h;
    while ((h = ring_reserve(d->inbox, sizeof *h)) == NULL) {
        /* Twice as large as the queues: it is full only while the thread is about to empty it. */
        ring_wait_room(d->inbox, sizeof *h, -1);
    }
    *h = (struct handed){.size = sizeof *h};
    ring_commit(d->inbox);
    curl_multi_wakeup(d->multi);
}

void delivery_allow_until(struct delivery *d, int64_t monotonic_us)
{
    bool was_over = counter_get(&d->allowed_until_us) <= clock_monotonic_us();
    counter_set(&d->allowed_until_us, monotonic_us);
    if (was_over) {
        curl_multi_wakeup(d->multi);
    }
}

void delivery_stop(struct delivery *d, int64_t chance_ms)
{
    if (d->joined) {
        return;
    }
    d->chance_ms = chance_ms;
    flag_set(&d->stop);
    curl_multi_wakeup(d->multi);
    REQUIRE(pthread_join(d->thread, NULL) == 0);
    d->joined = true;
}

void delivery_destroy(struct delivery *d)
{
    if (!d) {
        return;
    }
    delivery_stop(d, 0);
    curl_multi_cleanup(d->multi);
    ring_destroy(d->inbox);
    ring_destroy(d->outcomes);
    free(d->lines);
    free(d);
}

const struct delivery_counters *delivery_counters(const struct delivery *d)
{
    return &d->counters;
}
