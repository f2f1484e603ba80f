#include "alerts/attempt.h"
#include "alerts/signature.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX         ((size_t)64 * 1024)
/* A receiver that asks for more is asked again after this long: a wrong Retry-After must not silence it for days. */
#define RETRY_AFTER_MAX_MS (INT64_C(3600) * 1000)

struct attempt {
    CURL *easy;
    struct curl_slist *headers;
    size_t answer_bytes;
    void *owner;
};

/* The answer is not looked at, only bounded. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    struct attempt *a = context;
    a->answer_bytes += size * count;
    return a->answer_bytes > ANSWER_MAX ? 0 : size * count;
}

static void add_header(struct attempt *a, const char *name, const char *value)
{
    struct buffer b;
    buffer_init(&b);
    buffer_format(&b, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(a->headers, b.at);
    REQUIRE(longer != NULL);
    a->headers = longer;
    buffer_fini(&b);
}

static void add_headers(struct attempt *a, const struct receiver_config *receiver, const char *key, struct text body)
{
    add_header(a, "Content-Type", "application/json");
    add_header(a, "Idempotency-Key", key);
    a->headers = curl_slist_append(a->headers, "Expect:"); /* no round trip before the body */
    REQUIRE(a->headers != NULL);
    if (receiver->hmac_secret[0]) {
        struct buffer b;
        buffer_init(&b);
        signature_format(&b, text_of(receiver->hmac_secret), body);
        add_header(a, "X-Kpid-Signature", b.at);
        buffer_fini(&b);
    }
    for (size_t i = 0; i < receiver->header_count; i++) {
        add_header(a, receiver->headers[i].name, receiver->headers[i].value);
    }
}

#define SET(a, option, value) REQUIRE(curl_easy_setopt((a)->easy, (option), (value)) == CURLE_OK)

struct attempt *attempt_create(const struct receiver_config *receiver, const char *key, struct text body, void *owner)
{
    struct attempt *a = must_zalloc(sizeof *a);
    a->owner = owner;
    a->easy = curl_easy_init();
    REQUIRE(a->easy != NULL);
    add_headers(a, receiver, key, body);
    SET(a, CURLOPT_PRIVATE, owner);
    SET(a, CURLOPT_URL, receiver->url);
    SET(a, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(a, CURLOPT_FOLLOWLOCATION, 0L);
    SET(a, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(a, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(a, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(a, CURLOPT_NOSIGNAL, 1L);
    SET(a, CURLOPT_QUICK_EXIT, 1L); /* a stop does not wait for a name server */
    SET(a, CURLOPT_TIMEOUT_MS, (long)receiver->timeout_ms);
    SET(a, CURLOPT_CONNECTTIMEOUT_MS, (long)receiver->timeout_ms);
    SET(a, CURLOPT_USERAGENT, "kpid/" KPID_VERSION);
    SET(a, CURLOPT_POST, 1L);
    SET(a, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    SET(a, CURLOPT_POSTFIELDS, body.at);
    SET(a, CURLOPT_HTTPHEADER, a->headers);
    SET(a, CURLOPT_WRITEFUNCTION, take_answer);
    SET(a, CURLOPT_WRITEDATA, a);
    return a;
}

void attempt_destroy(struct attempt *a, CURLM *multi)
{
    if (!a) {
        return;
    }
    curl_multi_remove_handle(multi, a->easy);
    curl_easy_cleanup(a->easy);
    curl_slist_free_all(a->headers);
    free(a);
}

CURL *attempt_handle(struct attempt *a)
{
    return a->easy;
}

void *attempt_owner(CURL *handle)
{
    char *owner = NULL;
    REQUIRE(curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner) == CURLE_OK);
    return owner;
}

void attempt_judge(struct attempt *a, CURLcode code, struct attempt_result *out)
{
    *out = (struct attempt_result){0};
    bool answered = code == CURLE_OK;
    if (code == CURLE_WRITE_ERROR && a->answer_bytes > ANSWER_MAX) {
        answered = true; /* the head is complete, and the body is nobody's concern */
    }
    if (!answered) {
        /* What a repeat cannot mend; all else is a bad world, which passes. */
        bool hopeless = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
        out->verdict = hopeless ? VERDICT_GIVE_UP : VERDICT_RETRY_ALL;
        snprintf(out->error, sizeof out->error, "%s", curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &out->status);
    out->verdict = retry_verdict(out->status);
    snprintf(out->error, sizeof out->error, "HTTP status %ld", out->status);
    curl_off_t after_s = 0;
    if (curl_easy_getinfo(a->easy, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK && after_s > 0) {
        out->retry_after_ms = after_s > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)after_s * 1000;
    }
}
