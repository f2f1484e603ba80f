#include "tests/support/redis_server.h"
#include "base/error.h"
#include "base/text.h"
#include "tests/support/free_port.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis_server {
    pid_t pid;
    int port;
};

static int listen_on(int port, int *out_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    socklen_t size = sizeof a;
    REQUIRE(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
    *out_port = ntohs(a.sin_port);
    return fd;
}

static pid_t launch(int port, const char *extra, const char *value)
{
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    FILE *quiet = freopen("/dev/null", "w", stdout);
    (void)quiet;
    execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
           "--dir", "/tmp", extra, value, (char *)NULL);
    _exit(127);
}

/* Whether it is this very process that answers: a test beside ours may have got the same free port. */
static bool answers(const struct redis_server *s)
{
    char line[32];
    snprintf(line, sizeof line, "process_id:%d\r\n", (int)s->pid);
    redisContext *c = redisConnect("127.0.0.1", s->port);
    redisReply *reply = c->err == 0 ? redisCommand(c, "INFO server") : NULL;
    bool ours = reply != NULL && reply->str != NULL && strstr(reply->str, line) != NULL;
    if (reply != NULL)
        freeReplyObject(reply);
    redisFree(c);
    return ours;
}

struct redis_server *redis_server_start(int port, const char *extra, const char *value)
{
    struct redis_server *s = must_zalloc(sizeof *s);
    for (int tries = 0; tries < 20; tries++) {
        s->port = port;
        if (port == 0)
            s->port = free_port();
        s->pid = launch(s->port, extra, value);
        while (waitpid(s->pid, NULL, WNOHANG) == 0) {
            if (answers(s))
                return s;
            poll(NULL, 0, 5);
        }
    }
    require_failed("redis-server starts", __FILE__, __LINE__);
}

int redis_server_port(const struct redis_server *s)
{
    return s->port;
}

void redis_server_stop(struct redis_server *s)
{
    if (s == NULL)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    free(s);
}

void redis_server_freeze(struct redis_server *s)
{
    kill(s->pid, SIGSTOP);
    int status;
    REQUIRE(waitpid(s->pid, &status, WUNTRACED) == s->pid && WIFSTOPPED(status));
}

void redis_server_thaw(struct redis_server *s)
{
    kill(s->pid, SIGCONT);
}

static redisReply *ask(const struct redis_server *s, const char *format, va_list arguments)
{
    redisContext *c = redisConnect("127.0.0.1", s->port);
    REQUIRE(c->err == 0);
    redisReply *reply = redisvCommand(c, format, arguments);
    REQUIRE(reply != NULL);
    redisFree(c);
    return reply;
}

redisReply *redis_ask(const struct redis_server *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(s, format, arguments);
    va_end(arguments);
    return reply;
}

void redis_ask_text(const struct redis_server *s, char *out, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(s, format, arguments);
    va_end(arguments);
    if (reply->type == REDIS_REPLY_INTEGER)
        snprintf(out, size, "%lld", reply->integer);
    else
        snprintf(out, size, "%s", reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with_any(const char *key, const char *const *suffixes)
{
    for (; suffixes != NULL && *suffixes != NULL; suffixes++) {
        size_t len = strlen(*suffixes);
        if (strlen(key) >= len && strcmp(key + strlen(key) - len, *suffixes) == 0)
            return true;
    }
    return false;
}

/* Elements of a reply, `step` at a time, sorted. */
static void add_sorted(struct buffer *out, const redisReply *reply, size_t step, bool without_versions)
{
    size_t count = 0;
    char **items = must_alloc((reply->elements / step + 1) * sizeof *items);
    for (size_t i = 0; i + step <= reply->elements; i += step) {
        const char *name = reply->element[i]->str;
        if (without_versions && (strcmp(name, "as_of") == 0 || strcmp(name, "seq") == 0))
            continue;
        struct buffer b;
        buffer_init(&b);
        for (size_t j = 0; j < step; j++) {
            buffer_char(&b, ' ');
            buffer_string(&b, reply->element[i + j]->str);
        }
        items[count++] = b.at;
    }
    qsort(items, count, sizeof *items, by_text);
    for (size_t i = 0; i < count; i++) {
        buffer_string(out, items[i]);
        free(items[i]);
    }
    free(items);
}

static char *dump(const struct redis_server *s, const char *const *without, bool with_versions)
{
    redisReply *keys = redis_ask(s, "KEYS *");
    char **names = must_alloc((keys->elements + 1) * sizeof *names);
    for (size_t i = 0; i < keys->elements; i++)
        names[i] = keys->element[i]->str;
    qsort(names, keys->elements, sizeof *names, by_text);
    struct buffer out;
    buffer_init(&out);
    buffer_string(&out, "");
    for (size_t i = 0; i < keys->elements; i++) {
        if (ends_with_any(names[i], without))
            continue;
        redisReply *type = redis_ask(s, "TYPE %s", names[i]);
        buffer_format(&out, "%s %s:", names[i], type->str);
        redisReply *content = NULL;
        if (strcmp(type->str, "hash") == 0) {
            content = redis_ask(s, "HGETALL %s", names[i]);
            add_sorted(&out, content, 2, !with_versions);
        } else if (strcmp(type->str, "zset") == 0) {
            content = redis_ask(s, "ZRANGE %s 0 -1 WITHSCORES", names[i]);
            add_sorted(&out, content, 2, false);
        } else if (strcmp(type->str, "set") == 0) {
            content = redis_ask(s, "SMEMBERS %s", names[i]);
            add_sorted(&out, content, 1, false);
        } else if (strcmp(type->str, "string") == 0) {
            content = redis_ask(s, "GET %s", names[i]);
            buffer_add(&out, content->str, content->len);
        }
        buffer_char(&out, '\n');
        if (content != NULL)
            freeReplyObject(content);
        freeReplyObject(type);
    }
    free(names);
    freeReplyObject(keys);
    return out.at;
}

char *redis_dump(const struct redis_server *s, const char *const *without)
{
    return dump(s, without, false);
}

char *redis_dump_whole(const struct redis_server *s, const char *const *without)
{
    return dump(s, without, true);
}

/* ---- the false one ---- */

struct fake_redis {
    int fd, port;
    const struct fake_answer *script;
    size_t script_count;
    pthread_t thread;
    int stop[2];
    atomic_int connections, commands;
};

struct session {
    int fd;
    char in[1 << 16];
    size_t len;
    int queued; /* -1: in no transaction */
};

static bool say(int fd, const char *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* The commands of the publisher, answered as by an empty Redis. */
static bool answer_as_empty(struct session *s, const char *name)
{
    char text[512];
    if (strcasecmp(name, "MULTI") == 0) {
        s->queued = 0;
        return say(s->fd, "+OK\r\n", 5);
    }
    if (strcasecmp(name, "EXEC") == 0) {
        int count = s->queued;
        s->queued = -1;
        snprintf(text, sizeof text, "*%d\r\n", count);
        bool said = say(s->fd, text, strlen(text));
        for (int i = 0; i < count; i++)
            said = said && say(s->fd, ":1\r\n", 4);
        return said;
    }
    if (s->queued >= 0) {
        s->queued++;
        return say(s->fd, "+QUEUED\r\n", 9);
    }
    if (strcasecmp(name, "HMGET") == 0)
        return say(s->fd, "*6\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n", 34); /* the fence's fields */
    if (strcasecmp(name, "GET") == 0)
        return say(s->fd, "$-1\r\n", 5);
    if (strcasecmp(name, "HGETALL") == 0)
        return say(s->fd, "*0\r\n", 4);
    if (strcasecmp(name, "SSCAN") == 0)
        return say(s->fd, "*2\r\n$1\r\n0\r\n*0\r\n", 15);
    return say(s->fd, "+OK\r\n", 5);
}

/* One command from the front of the input: its name, and its length in bytes; 0: not whole yet. */
static size_t next_command(const struct session *s, char *name, size_t size)
{
    const char *at = s->in, *end = s->in + s->len;
    const char *line = memchr(at, '\n', (size_t)(end - at));
    if (line == NULL)
        return 0;
    int words = atoi(at + 1);
    at = line + 1;
    for (int i = 0; i < words; i++) {
        line = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (line == NULL)
            return 0;
        size_t len = (size_t)atoi(at + 1);
        at = line + 1;
        if ((size_t)(end - at) < len + 2)
            return 0;
        if (i == 0)
            snprintf(name, size, "%.*s", (int)len, at);
        at += len + 2;
    }
    return (size_t)(at - s->in);
}

/* False: the connection is over. */
static bool serve_one(struct fake_redis *f, struct session *s, const char *name)
{
    atomic_fetch_add(&f->commands, 1);
    for (size_t i = 0; i < f->script_count; i++) {
        const struct fake_answer *a = &f->script[i];
        if (a->command[0] != '\0' && strcasecmp(a->command, name) != 0)
            continue;
        if (a->bytes != NULL && !say(s->fd, a->bytes, a->len))
            return false;
        if (strcasecmp(name, "EXEC") == 0)
            s->queued = -1;
        return !a->closes;
    }
    return answer_as_empty(s, name);
}

static void serve(struct fake_redis *f, struct session *s)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = s->fd, .events = POLLIN}, {.fd = f->stop[0], .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents != 0)
            return;
        REQUIRE(s->len < sizeof s->in);
        ssize_t n = recv(s->fd, s->in + s->len, sizeof s->in - s->len, 0);
        if (n <= 0)
            return;
        s->len += (size_t)n;
        char name[32];
        for (size_t used; (used = next_command(s, name, sizeof name)) > 0;) {
            memmove(s->in, s->in + used, s->len - used);
            s->len -= used;
            if (!serve_one(f, s, name))
                return;
        }
    }
}

static void *run_fake(void *argument)
{
    struct fake_redis *f = argument;
    for (;;) {
        struct pollfd fds[] = {{.fd = f->fd, .events = POLLIN}, {.fd = f->stop[0], .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents != 0)
            return NULL;
        struct session *s = must_zalloc(sizeof *s);
        s->queued = -1;
        s->fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);
        if (s->fd >= 0) {
            int on = 1;
            setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            atomic_fetch_add(&f->connections, 1);
            serve(f, s);
            close(s->fd);
        }
        free(s);
    }
}

struct fake_redis *fake_redis_start(const struct fake_answer *script, size_t count)
{
    struct fake_redis *f = must_zalloc(sizeof *f);
    f->script = script;
    f->script_count = count;
    f->fd = listen_on(0, &f->port);
    REQUIRE(listen(f->fd, 8) == 0 && pipe2(f->stop, O_CLOEXEC) == 0);
    REQUIRE(pthread_create(&f->thread, NULL, run_fake, f) == 0);
    return f;
}

int fake_redis_port(const struct fake_redis *f)
{
    return f->port;
}

int fake_redis_connections(const struct fake_redis *f)
{
    return atomic_load(&f->connections);
}

int fake_redis_commands(const struct fake_redis *f)
{
    return atomic_load(&f->commands);
}

void fake_redis_stop(struct fake_redis *f)
{
    close(f->stop[1]);
    pthread_join(f->thread, NULL);
    close(f->stop[0]);
    close(f->fd);
    free(f);
}

/* ---- the one in between ---- */

struct redis_proxy {
    int fd, port, server_port;
    pthread_t thread;
    int stop[2];
    atomic_bool lose;
};

static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* Reads on until the reply to EXEC has begun: the only array after the +OK and +QUEUED of a transaction. */
static void await_exec(int server)
{
    char got[1 << 16];
    size_t len = 0;
    do {
        REQUIRE(len < sizeof got - 1);
        ssize_t n = recv(server, got + len, sizeof got - 1 - len, 0);
        REQUIRE(n > 0);
        len += (size_t)n;
        got[len] = '\0';
    } while (strstr(got, "\n*") == NULL);
}

/* False: over, or an EXEC was lost. */
static bool forward(struct redis_proxy *p, int from, int to, bool is_client)
{
    char bytes[1 << 16];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);
    if (n <= 0 || !say(to, bytes, (size_t)n))
        return false;
    if (!is_client || memmem(bytes, (size_t)n, "$4\r\nEXEC\r\n", 10) == NULL || !atomic_exchange(&p->lose, false))
        return true;
    await_exec(to);
    return false;
}

static void *run_proxy(void *argument)
{
    struct redis_proxy *p = argument;
    int client = -1, server = -1;
    for (;;) {
        struct pollfd fds[] = {{.fd = p->stop[0], .events = POLLIN},
                               {.fd = client < 0 ? p->fd : client, .events = POLLIN},
                               {.fd = server, .events = POLLIN}};
        poll(fds, 3, -1);
        if (fds[0].revents != 0)
            break;
        if (client < 0) {
            client = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
            server = connect_to(p->server_port);
            continue;
        }
        if ((fds[1].revents != 0 && !forward(p, client, server, true)) ||
            (fds[2].revents != 0 && !forward(p, server, client, false))) {
            close(client);
            close(server);
            client = server = -1;
        }
    }
    if (client >= 0) {
        close(client);
        close(server);
    }
    return NULL;
}

struct redis_proxy *redis_proxy_start(const struct redis_server *s)
{
    struct redis_proxy *p = must_zalloc(sizeof *p);
    p->server_port = s->port;
    p->fd = listen_on(0, &p->port);
    REQUIRE(listen(p->fd, 8) == 0 && pipe2(p->stop, O_CLOEXEC) == 0);
    REQUIRE(pthread_create(&p->thread, NULL, run_proxy, p) == 0);
    return p;
}

int redis_proxy_port(const struct redis_proxy *p)
{
    return p->port;
}

void redis_proxy_lose_exec(struct redis_proxy *p)
{
    atomic_store(&p->lose, true);
}

void redis_proxy_stop(struct redis_proxy *p)
{
    close(p->stop[1]);
    pthread_join(p->thread, NULL);
    close(p->stop[0]);
    close(p->fd);
    free(p);
}
