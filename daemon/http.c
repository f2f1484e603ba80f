#include "daemon/http.h"
#include "base/error.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A scraper and a probe or two; whoever holds more connections open than this waits. */
#define CONNECTIONS_MAX  16u
#define IDLE_S           10u
#define CONNECTION_BYTES ((size_t)16 * 1024)

struct http {
    struct MHD_Daemon *server;
    const struct http_page *pages;
    void *context;
};

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status, const char *type, const struct buffer *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->len, body->len > 0 ? body->at : (char *)"", MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **per_request)
{
    (void)version;
    (void)upload;
    struct http *h = context;
    /* The first call of a request brings the headers alone; an answer given there to a POST would close the
     * connection under the client's body. */
    static int begun;
    if (*per_request == NULL) {
        *per_request = &begun;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0; /* thrown away */
        return MHD_YES;
    }
    struct buffer body;
    buffer_init(&body);
    unsigned status = MHD_HTTP_NOT_FOUND;
    const char *type = "text/plain; charset=utf-8";
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
        buffer_string(&body, "only GET and HEAD\n");
    } else {
        const struct http_page *page = h->pages;
        while (page->path != NULL && strcmp(page->path, url) != 0)
            page++;
        if (page->path != NULL) {
            type = page->type;
            status = page->answer(h->context, &body);
        } else {
            buffer_string(&body, "there is no such page; there are:\n");
            for (page = h->pages; page->path != NULL; page++)
                buffer_format(&body, "%s\n", page->path);
        }
    }
    enum MHD_Result result = send_text(connection, status, type, &body);
    buffer_fini(&body);
    return result;
}

/* False: no IPv4 or IPv6 address. */
static bool read_address(const struct http_config *config, struct sockaddr_storage *out, bool *out_six)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    *out_six = false;
    if (inet_pton(AF_INET, config->address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)config->port);
        return true;
    }
    memset(out, 0, sizeof *out);
    *out_six = inet_pton(AF_INET6, config->address, &six->sin6_addr) == 1;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)config->port);
    return *out_six;
}

struct http *http_open(const struct http_config *config, const struct http_page *pages, void *context)
{
    struct sockaddr_storage address;
    bool six;
    if (!read_address(config, &address, &six)) {
        LOG(LOG_ERROR, "the address of the metrics endpoint is no IP address", LOG_TEXT("address", config->address));
        return NULL;
    }
    struct http *h = must_zalloc(sizeof *h);
    h->pages = pages;
    h->context = context;
    errno = 0;
    h->server = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC | MHD_USE_AUTO | (six ? MHD_USE_IPv6 : 0u),
        (uint16_t)config->port, NULL, NULL, answer, h, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (h->server == NULL) {
        LOG(LOG_ERROR, "the metrics endpoint cannot listen", LOG_TEXT("address", config->address),
            LOG_NUMBER("port", config->port), LOG_TEXT("error", errno != 0 ? strerror(errno) : "unknown"));
        free(h);
        return NULL;
    }
    LOG(LOG_INFO, "metrics endpoint listens", LOG_TEXT("address", config->address), LOG_NUMBER("port", config->port));
    return h;
}

void http_close(struct http *h)
{
    if (h == NULL)
        return;
    MHD_stop_daemon(h->server);
    free(h);
}
