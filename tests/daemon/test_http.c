#include "base/error.h"
#include "base/log.h"
#include "daemon/http.h"
#include "tests/support/free_port.h"
#include "tests/support/http_receiver.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned good(void *context, struct buffer *body)
{
    buffer_format(body, "hello %s\n", (const char *)context);
    return 200;
}

static unsigned bad(void *context, struct buffer *body)
{
    (void)context;
    buffer_string(body, "not yet\n");
    return 503;
}

static const struct http_page pages[] = {
    {"/good", "text/plain; version=0.0.4", good}, {"/bad", "text/plain", bad}, {0}};

static const char *ask(int port, const char *request)
{
    static char answer[8192];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    REQUIRE(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    size_t len = 0;
    ssize_t n;
    while (len < sizeof answer - 1 && (n = read(fd, answer + len, sizeof answer - 1 - len)) > 0)
        len += (size_t)n;
    answer[len] = 0;
    close(fd);
    return answer;
}

static struct http *open_server(int *out_port)
{
    char address[] = "127.0.0.1", name[] = "kpid";
    static char context[8];
    memcpy(context, name, sizeof name);
    *out_port = free_port();
    struct http_config c = {.address = address, .port = *out_port};
    struct http *h = http_open(&c, pages, context);
    cr_assert(h != NULL);
    return h;
}

#define CLOSE "Host: x\r\nConnection: close\r\n\r\n"

Test(http, serves_its_pages_with_their_status)
{
    int port;
    struct http *h = open_server(&port);

    const char *a = ask(port, "GET /good HTTP/1.1\r\n" CLOSE);
    cr_expect(strncmp(a, "HTTP/1.1 200", 12) == 0 && strstr(a, "\r\n\r\nhello kpid\n") != NULL, "%s", a);
    cr_expect(strstr(a, "text/plain; version=0.0.4") != NULL, "%s", a);
    a = ask(port, "GET /bad HTTP/1.1\r\n" CLOSE);
    cr_expect(strncmp(a, "HTTP/1.1 503", 12) == 0 && strstr(a, "\r\n\r\nnot yet\n") != NULL, "%s", a);
    a = ask(port, "HEAD /good HTTP/1.1\r\n" CLOSE);
    cr_expect(strncmp(a, "HTTP/1.1 200", 12) == 0 && strstr(a, "hello") == NULL, "%s", a);
    http_close(h);
}

Test(http, refuses_what_it_does_not_know)
{
    int port;
    struct http *h = open_server(&port);

    const char *a = ask(port, "GET /none HTTP/1.1\r\n" CLOSE);
    cr_expect(strncmp(a, "HTTP/1.1 404", 12) == 0 && strstr(a, "/good\n/bad\n") != NULL, "%s", a);
    a = ask(port, "POST /good HTTP/1.1\r\nContent-Length: 5\r\n" CLOSE "12345");
    cr_expect(strncmp(a, "HTTP/1.1 405", 12) == 0 && strstr(a, "Allow: GET, HEAD") != NULL, "%s", a);
    http_close(h);
}

/* Somebody else has the port: told, and no endpoint. */
Test(http, a_taken_port_is_told)
{
    log_setup(LOG_LOGFMT, LOG_ERROR);
    int port = free_port(), yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    REQUIRE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0);
    char address[] = "127.0.0.1", no_address[] = "localhost:1";
    struct http_config c = {.address = address, .port = port};

    cr_expect(http_open(&c, pages, NULL) == NULL);
    close(fd);
    c.address = no_address;
    cr_expect(http_open(&c, pages, NULL) == NULL);
}
