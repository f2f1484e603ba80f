#include "tests/simulator/receiver_model.h"
#include "alerts/attempt.h"
#include "base/error.h"
#include "tests/simulator/world.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void receiver_init(struct receiver_model *r)
{
    *r = (struct receiver_model){0};
}

void receiver_fini(struct receiver_model *r)
{
    for (unsigned i = 0; i < r->count; i++)
        free(r->keys[i]);
    r->count = 0;
}

bool notice_parse(const char *key, struct notice *out)
{
    char word[16];
    if (sscanf(key, "%16[0-9a-f]-%u-%15[a-z]-%" SCNd64, out->fingerprint, &out->occurrence, word, &out->start_ms) != 4)
        return false;
    out->firing = strcmp(word, "firing") == 0;
    return out->firing || strcmp(word, "resolved") == 0;
}

static void arrive(struct receiver_model *r, const char *key)
{
    process_tell("receiver: %s", key);
    for (unsigned i = 0; i < r->count; i++) {
        if (strcmp(r->keys[i], key) == 0) {
            r->repeats++;
            return;
        }
    }
    REQUIRE(r->count < NOTICES_MAX);
    struct process *p = process_now;
    process_now = NULL;
    r->keys[r->count++] = must_strdup(key);
    process_now = p;
}

/* ---- in the place of libcurl ---- */

struct attempt {
    struct attempt *next; /* of the same multi handle */
    const char *key;
    size_t receiver;
    void *owner;
    bool done, told, answered;
    long status;
};

struct multi {
    int bell;
    struct attempt *first;
};

CURLcode __wrap_curl_global_init(long flags);
CURLM *__wrap_curl_multi_init(void);
CURLMcode __wrap_curl_multi_cleanup(CURLM *handle);
CURLMcode __wrap_curl_multi_add_handle(CURLM *handle, CURL *easy);
CURLMcode __wrap_curl_multi_perform(CURLM *handle, int *running);
CURLMsg *__wrap_curl_multi_info_read(CURLM *handle, int *left);
CURLMcode __wrap_curl_multi_poll(CURLM *handle, struct curl_waitfd fds[], unsigned count, int timeout_ms, int *out);
CURLMcode __wrap_curl_multi_wakeup(CURLM *handle);
struct attempt *__wrap_attempt_create(const struct receiver_config *receiver, const char *key, struct text body,
                                      void *owner);
void __wrap_attempt_destroy(struct attempt *a, CURLM *handle);
CURL *__wrap_attempt_handle(struct attempt *a);
void *__wrap_attempt_owner(CURL *easy);
void __wrap_attempt_judge(struct attempt *a, CURLcode code, struct attempt_result *out);

CURLcode __wrap_curl_global_init(long flags)
{
    (void)flags;
    return CURLE_OK;
}

CURLM *__wrap_curl_multi_init(void)
{
    struct multi *m = must_zalloc(sizeof *m);
    m->bell = process_bell();
    return (CURLM *)m;
}

CURLMcode __wrap_curl_multi_cleanup(CURLM *handle)
{
    free(handle);
    return CURLM_OK;
}

CURLMcode __wrap_curl_multi_add_handle(CURLM *handle, CURL *easy)
{
    struct multi *m = (struct multi *)handle;
    struct attempt *a = (struct attempt *)easy;
    a->next = m->first;
    m->first = a;
    process_ring(m->bell); /* it has something to do at once */
    return CURLM_OK;
}

static void carry(struct attempt *a)
{
    struct receiver_model *r = &world.receivers[a->receiver];
    bool lost = process_now->unlucky && random_below(&process_random, world.link_fault_one_in) == 0;
    world.counts.receiver_faults += lost || r->mood != RECEIVER_FINE;
    a->done = true;
    switch (r->mood) {
    case RECEIVER_FINE:
        if (lost && random_chance(&process_random, 50))
            return;
        arrive(r, a->key);
        a->answered = !lost;
        a->status = 200;
        break;
    case RECEIVER_MUTE: /* takes it; its answer is lost */
        if (random_chance(&process_random, 50))
            arrive(r, a->key);
        break;
    case RECEIVER_FAILING:
        a->answered = true;
        a->status = 500;
        break;
    case RECEIVER_BUSY:
        a->answered = true;
        a->status = 429;
        break;
    case RECEIVER_AWAY:
    case RECEIVER_MOOD_COUNT: break;
    }
}

CURLMcode __wrap_curl_multi_perform(CURLM *handle, int *running)
{
    struct multi *m = (struct multi *)handle;
    *running = 0;
    for (struct attempt *a = m->first; a != NULL; a = a->next) {
        if (a->done)
            continue;
        if (process_now->unlucky && random_chance(&process_random, 30)) {
            ++*running;
            continue; /* it takes its time */
        }
        carry(a);
    }
    if (*running > 0)
        process_ring(m->bell);
    return CURLM_OK;
}

CURLMsg *__wrap_curl_multi_info_read(CURLM *handle, int *left)
{
    static CURLMsg message;
    struct multi *m = (struct multi *)handle;
    *left = 0;
    for (struct attempt *a = m->first; a != NULL; a = a->next) {
        if (!a->done || a->told)
            continue;
        a->told = true;
        message = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = (CURL *)a};
        message.data.result = a->answered ? CURLE_OK : CURLE_OPERATION_TIMEDOUT;
        return &message;
    }
    return NULL;
}

CURLMcode __wrap_curl_multi_poll(CURLM *handle, struct curl_waitfd fds[], unsigned count, int timeout_ms, int *out)
{
    (void)fds;
    (void)count;
    (void)out;
    process_wait(((struct multi *)handle)->bell, (int64_t)timeout_ms * 1000);
    return CURLM_OK;
}

CURLMcode __wrap_curl_multi_wakeup(CURLM *handle)
{
    process_ring(((struct multi *)handle)->bell);
    return CURLM_OK;
}

struct attempt *__wrap_attempt_create(const struct receiver_config *receiver, const char *key, struct text body,
                                      void *owner)
{
    (void)body;
    struct attempt *a = must_zalloc(sizeof *a);
    a->key = key;
    a->receiver = (size_t)(receiver - world.setting->config->alerts.receivers);
    a->owner = owner;
    return a;
}

void __wrap_attempt_destroy(struct attempt *a, CURLM *handle)
{
    if (a == NULL)
        return;
    for (struct attempt **at = &((struct multi *)handle)->first; *at != NULL; at = &(*at)->next) {
        if (*at == a) {
            *at = a->next;
            break;
        }
    }
    free(a);
}

CURL *__wrap_attempt_handle(struct attempt *a)
{
    return (CURL *)a;
}

void *__wrap_attempt_owner(CURL *easy)
{
    return ((struct attempt *)easy)->owner;
}

void __wrap_attempt_judge(struct attempt *a, CURLcode code, struct attempt_result *out)
{
    *out = (struct attempt_result){0};
    out->status = code == CURLE_OK ? a->status : 0;
    out->verdict = code == CURLE_OK ? retry_verdict(a->status) : VERDICT_RETRY_ALL;
    snprintf(out->error, sizeof out->error, "HTTP status %ld", out->status);
}
