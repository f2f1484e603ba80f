/* attempt.h - one HTTP request of one delivery, as libcurl carries it out.
 *
 * Only http and https, certificates and host names checked, TLS 1.2 or newer, redirects not followed, at most
 * 64 KiB of the answer read, the receiver's time-out over all. Proxies are those of the environment, as for
 * other programs on libcurl.
 *
 * Thread: the delivery's. Memory: attempt_create to attempt_finish or attempt_destroy; key and body are borrowed
 * for that long.
 */
#pragma once
#include "alerts/retry.h"
#include "base/text.h"
#include "config/config.h"
#include <curl/curl.h>

struct attempt;

/* `owner` is what attempt_owner gives back for the handle. Not yet started: add the handle to a multi handle. */
struct attempt *attempt_create(const struct receiver_config *receiver, const char *key, struct text body, void *owner);
/* Takes it back from the multi handle first. */
void attempt_destroy(struct attempt *a, CURLM *multi);

CURL *attempt_handle(struct attempt *a);
void *attempt_owner(CURL *handle);

#define ATTEMPT_ERROR_MAX 160

struct attempt_result {
    enum verdict verdict;
    long status;                   /* 0: there was no complete answer */
    int64_t retry_after_ms;        /* what the receiver asked for, 0 = nothing */
    char error[ATTEMPT_ERROR_MAX]; /* for the log; never holds the URL or a header */
};

/* What came of it, once libcurl says that it is done with `code`. */
void attempt_judge(struct attempt *a, CURLcode code, struct attempt_result *out);
