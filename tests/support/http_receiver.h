/* http_receiver.h - a webhook receiver for tests: a real HTTP server on 127.0.0.1 that fails as it is told.
 *
 * Thread: open, await, at and close from the test's; requests are served by threads of their own. Nothing sleeps:
 * await returns when the requests are there. Memory: what `at` returns lives until close.
 */
#pragma once
#include <stddef.h>

enum http_answer_kind {
    ANSWER_STATUS,    /* a complete answer */
    ANSWER_CLOSE,     /* closes without a word */
    ANSWER_HANG,      /* reads the request and says nothing until the peer gives up */
    ANSWER_HALF_HEAD, /* the same after half of the head */
    ANSWER_HALF_BODY, /* the same after the head and half of the body */
    ANSWER_ENDLESS,   /* a body that does not end */
};

struct http_answer {
    enum http_answer_kind kind;
    int status;
    const char *headers; /* each ends with "\r\n"; NULL = none */
};

struct http_request {
    char *head; /* request line and headers, zero-terminated */
    char *body; /* zero-terminated */
    size_t body_len;
};

/* Says what the request gets; index counts from 0. Called for one request at a time. */
typedef struct http_answer http_judge(void *context, const struct http_request *request, size_t index);

struct http_receiver;

/* port 0: a free one. Ends the process where it cannot listen. */
struct http_receiver *http_receiver_open(int port, http_judge *judge, void *context);
/* The i-th request gets script[i], those after the last get the last. The script is borrowed. */
struct http_receiver *http_receiver_open_script(int port, const struct http_answer *script, size_t count);
void http_receiver_close(struct http_receiver *r);

int http_receiver_port(const struct http_receiver *r);
/* Waits until that many requests have come; returns how many there are: fewer only after two minutes. */
size_t http_receiver_await(struct http_receiver *r, size_t count);
size_t http_receiver_count(struct http_receiver *r);
const struct http_request *http_receiver_at(struct http_receiver *r, size_t i);

/* The value of a header into `out`; "" where there is none. */
void http_header(const struct http_request *request, const char *name, char *out, size_t room);
