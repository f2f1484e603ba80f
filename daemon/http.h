/* http.h - the small pages of the daemon: health and metrics. GET and HEAD, plain text.
 *
 * Thread: http_open and http_close: main's. The answers are made on the server's own thread, so they may only
 * look at what other threads show (base/counter.h).
 * Memory: few connections, short time-outs, bodies of requests are not read. Errors: NULL and a log line where
 * the address cannot be bound.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"

struct http;

struct http_page {
    const char *path; /* "/metrics" */
    const char *type; /* Content-Type */
    /* Fills the body; the status. */
    unsigned (*answer)(void *context, struct buffer *body);
};

/* `pages` and `context` must outlive it; the last page's path is NULL. */
struct http *http_open(const struct http_config *config, const struct http_page *pages, void *context);
/* NULL is allowed. Ends the thread. */
void http_close(struct http *h);
