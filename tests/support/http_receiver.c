#include "tests/support/http_receiver.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define AWAIT_S         120

struct http_receiver {
    int listener, port;
    int ending[2]; /* a pipe: readable once the receiver closes */
    http_judge *judge;
    void *context;
    const struct http_answer *script;
    size_t script_count;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct http_request *requests[CONNECTIONS_MAX];
    size_t request_count;
    pthread_t threads[CONNECTIONS_MAX]; /* the acceptor's */
    size_t thread_count;
};

struct connection {
    struct http_receiver *receiver;
    int fd;
};

static void need(bool condition, const char *what)
{
    if (!condition) {
        perror(what);
        abort();
    }
}

/* False: the receiver closes, or the peer is gone (there is nothing more to read). */
static bool wait_readable(const struct http_receiver *r, int fd)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = r->ending[0], .events = POLLIN}};
    while (poll(fds, 2, -1) < 0) {
    }
    return fds[1].revents == 0;
}

static size_t length_of(const struct http_request *request)
{
    char value[32];
    http_header(request, "Content-Length", value, sizeof value);
    return (size_t)strtoul(value, NULL, 10);
}

/* NULL: the peer went away first. */
static struct http_request *read_request(const struct http_receiver *r, int fd)
{
    size_t room = 1 << 20, got = 0;
    char *bytes = malloc(room + 1);
    need(bytes != NULL, "malloc");
    struct http_request *request = NULL;
    while (got < room && wait_readable(r, fd)) {
        ssize_t n = recv(fd, bytes + got, room - got, 0);
        if (n <= 0) {
            break;
        }
        got += (size_t)n;
        bytes[got] = 0;
        char *end = request ? NULL : strstr(bytes, "\r\n\r\n");
        if (end) {
            request = calloc(1, sizeof *request);
            need(request != NULL, "calloc");
            request->head = strndup(bytes, (size_t)(end - bytes) + 2);
            request->body_len = (size_t)(end + 4 - bytes); /* where it begins, until it is here */
        }
        if (request && got >= request->body_len + length_of(request)) {
            size_t begin = request->body_len;
            request->body_len = got - begin;
            request->body = strndup(bytes + begin, request->body_len);
            free(bytes);
            return request;
        }
    }
    if (request) {
        free(request->head);
        free(request);
    }
    free(bytes);
    return NULL;
}

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Until the peer gives up or the receiver closes. */
static void hang(const struct http_receiver *r, int fd)
{
    char byte;
    while (wait_readable(r, fd) && recv(fd, &byte, 1, 0) > 0) {
    }
}

static void answer(const struct http_receiver *r, int fd, const struct http_answer *a)
{
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %d Told\r\n%sConnection: close\r\nContent-Length: 2\r\n\r\n", a->status,
             a->headers ? a->headers : "");
    switch (a->kind) {
    case ANSWER_STATUS:
        say(fd, head);
        say(fd, "ok");
        break;
    case ANSWER_CLOSE: break;
    case ANSWER_HANG: hang(r, fd); break;
    case ANSWER_HALF_HEAD:
        say(fd, "HTTP/1.1 200 OK\r\nContent-");
        hang(r, fd);
        break;
    case ANSWER_HALF_BODY:
        say(fd, head);
        say(fd, "o");
        hang(r, fd);
        break;
    case ANSWER_ENDLESS:
        snprintf(head, sizeof head, "HTTP/1.1 %d Told\r\nConnection: close\r\n\r\n", a->status);
        say(fd, head);
        char chunk[4097];
        memset(chunk, 'x', 4096);
        chunk[4096] = 0;
        while (say(fd, chunk)) {
        }
        break;
    }
}

static void *serve(void *context)
{
    struct connection c = *(struct connection *)context;
    free(context);
    struct http_receiver *r = c.receiver;
    struct http_request *request = read_request(r, c.fd);
    if (request) {
        pthread_mutex_lock(&r->lock);
        need(r->request_count < CONNECTIONS_MAX, "too many requests");
        size_t index = r->request_count;
        r->requests[r->request_count++] = request;
        struct http_answer a = r->script ? r->script[index < r->script_count ? index : r->script_count - 1]
                                         : r->judge(r->context, request, index);
        pthread_cond_broadcast(&r->came);
        pthread_mutex_unlock(&r->lock);
        answer(r, c.fd, &a);
    }
    close(c.fd);
    return NULL;
}

static void *accept_all(void *context)
{
    struct http_receiver *r = context;
    while (wait_readable(r, r->listener)) {
        struct connection *c = malloc(sizeof *c);
        need(c != NULL, "malloc");
        *c = (struct connection){r, accept4(r->listener, NULL, NULL, SOCK_CLOEXEC)};
        if (c->fd < 0) {
            free(c);
            continue;
        }
        need(r->thread_count < CONNECTIONS_MAX, "too many connections");
        need(pthread_create(&r->threads[r->thread_count++], NULL, serve, c) == 0, "pthread_create");
    }
    return NULL;
}

static int listen_on(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    need(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)*port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    need(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 128) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &length) == 0,
         "bind");
    *port = ntohs(address.sin_port);
    return fd;
}

static struct http_receiver *open_receiver(int port)
{
    struct http_receiver *r = calloc(1, sizeof *r);
    need(r != NULL, "calloc");
    r->port = port;
    r->listener = listen_on(&r->port);
    need(pipe(r->ending) == 0, "pipe");
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->came, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return r;
}

struct http_receiver *http_receiver_open(int port, http_judge *judge, void *context)
{
    struct http_receiver *r = open_receiver(port);
    r->judge = judge;
    r->context = context;
    need(pthread_create(&r->acceptor, NULL, accept_all, r) == 0, "pthread_create");
    return r;
}

struct http_receiver *http_receiver_open_script(int port, const struct http_answer *script, size_t count)
{
    struct http_receiver *r = open_receiver(port);
    r->script = script;
    r->script_count = count;
    need(pthread_create(&r->acceptor, NULL, accept_all, r) == 0, "pthread_create");
    return r;
}

void http_receiver_close(struct http_receiver *r)
{
    if (!r) {
        return;
    }
    need(write(r->ending[1], "x", 1) == 1, "write");
    pthread_join(r->acceptor, NULL);
    for (size_t i = 0; i < r->thread_count; i++) {
        pthread_join(r->threads[i], NULL);
    }
    for (size_t i = 0; i < r->request_count; i++) {
        free(r->requests[i]->head);
        free(r->requests[i]->body);
        free(r->requests[i]);
    }
    close(r->listener);
    close(r->ending[0]);
    close(r->ending[1]);
    pthread_cond_destroy(&r->came);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int http_receiver_port(const struct http_receiver *r)
{
    return r->port;
}

size_t http_receiver_await(struct http_receiver *r, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += AWAIT_S;
    pthread_mutex_lock(&r->lock);
    while (r->request_count < count && pthread_cond_timedwait(&r->came, &r->lock, &until) == 0) {
    }
    size_t there = r->request_count;
    pthread_mutex_unlock(&r->lock);
    return there;
}

size_t http_receiver_count(struct http_receiver *r)
{
    return http_receiver_await(r, 0);
}

const struct http_request *http_receiver_at(struct http_receiver *r, size_t i)
{
    pthread_mutex_lock(&r->lock);
    need(i < r->request_count, "no such request");
    const struct http_request *request = r->requests[i];
    pthread_mutex_unlock(&r->lock);
    return request;
}

void http_header(const struct http_request *request, const char *name, char *out, size_t room)
{
    out[0] = 0;
    size_t length = strlen(name);
    for (const char *line = strstr(request->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *value = line + 2 + length + 1;
            value += strspn(value, " ");
            snprintf(out, room, "%.*s", (int)strcspn(value, "\r"), value);
            return;
        }
    }
}
