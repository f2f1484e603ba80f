#include "publishers/redis.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "publishers/tls.h"
#include "publishers/wire.h"
#include <stdlib.h>
#include <string.h>

/* We ask for at most a few thousand elements and for texts of some kilobytes; what is far beyond is not
 * Redis, or not ours, and must not eat the memory. */
#define REPLY_ELEMENTS_MAX 1000000
#define REPLY_DEPTH_MAX    7
#define REPLY_BYTES_MAX    ((size_t)64 << 20)
#define SEND_BYTES         ((size_t)64 << 10)

struct redis {
    redisContext *context;
    struct tls *tls; /* NULL: none */
    int64_t timeout_us;
};

/* hiredis' own makers of replies, but for arrays: it would allocate whatever size the peer names, and (from 1.0 on)
 * nest them without end. */
static redisReplyObjectFunctions reply_functions;
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif
static void *(*hiredis_create_array)(const redisReadTask *, element_count);

static void *create_array(const redisReadTask *task, element_count elements)
{
    unsigned depth = 0;
    for (const redisReadTask *outer = task->parent; outer != NULL; outer = outer->parent)
        depth++;
    return elements <= REPLY_ELEMENTS_MAX && depth < REPLY_DEPTH_MAX ? hiredis_create_array(task, elements) : NULL;
}

static void limit_arrays(redisReader *reader)
{
    reply_functions = *reader->fn;
    if (reply_functions.createArray != create_array)
        hiredis_create_array = reply_functions.createArray;
    reply_functions.createArray = create_array;
    reader->fn = &reply_functions;
}

redisReader *redis_reader_create(void)
{
    redisReader *reader = redisReaderCreate();
    REQUIRE(reader != NULL);
    limit_arrays(reader);
    return reader;
}

redisReply *redis_next_reply(redisReader *reader, struct redis_failure *out)
{
    void *reply = NULL;
    if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
        redis_failure_note(out, TROUBLE_PROTOCOL, text_of(reader->errstr));
        return NULL;
    }
    if (reply == NULL && reader->len - reader->pos > REPLY_BYTES_MAX)
        redis_failure_note(out, TROUBLE_PROTOCOL, TEXT("a reply is too large"));
    return reply;
}

static struct timeval time_of(int64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static int64_t deadline(const struct redis *r)
{
    return clock_monotonic_us() + r->timeout_us;
}

static bool greet(struct redis *r, const struct redis_config *config, struct redis_failure *out)
{
    struct commands hello;
    commands_init(&hello);
    if (config->user[0] != '\0') {
        command_begin(&hello, "AUTH", 3);
        command_string(&hello, config->user);
        command_string(&hello, config->password);
    } else if (config->password[0] != '\0') {
        command_begin(&hello, "AUTH", 2);
        command_string(&hello, config->password);
    }
    if (config->database != 0) {
        command_begin(&hello, "SELECT", 2);
        command_integer(&hello, config->database);
    }
    /* A server that is loading or wants a password says so here and not in the middle of a claim. */
    command_begin(&hello, "PING", 1);
    redisReply *reply = redis_run(r, &hello, out);
    /* The buffer held the password. */
    explicit_bzero(hello.bytes.at, hello.bytes.room);
    commands_fini(&hello);
    bool fine = reply != NULL;
    if (reply != NULL)
        freeReplyObject(reply);
    return fine;
}

struct redis *redis_open(const struct redis_config *config, struct redis_failure *out)
{
    struct timeval timeout = time_of(config->timeout_ms);
    redisContext *context = config->unix_socket[0] != '\0'
                                ? redisConnectUnixWithTimeout(config->unix_socket, timeout)
                                : redisConnectWithTimeout(config->host, config->port, timeout);
    REQUIRE(context != NULL);
    if (context->err != 0) {
        redis_failure_note(out, TROUBLE_CONNECT, text_of(context->errstr));
        redisFree(context);
        return NULL;
    }
    struct redis *r = must_zalloc(sizeof *r);
    r->context = context;
    r->timeout_us = config->timeout_ms * MILLISECOND;
    limit_arrays(context->reader);
    if (config->tls != 0)
        r->tls = tls_open(context->fd, config, deadline(r), out);
    if ((config->tls == 0 || r->tls != NULL) && greet(r, config, out))
        return r;
    redis_close(r);
    return NULL;
}

void redis_close(struct redis *r)
{
    if (r == NULL)
        return;
    tls_close(r->tls);
    redisFree(r->context);
    free(r);
}

/* In pieces, each with a deadline of its own: a fill of megabytes may take longer than an answer. */
static bool send_all(struct redis *r, struct text bytes, struct redis_failure *out)
{
    bool sent = true;
    while (sent && bytes.len > 0) {
        struct text piece = {bytes.at, bytes.len < SEND_BYTES ? bytes.len : SEND_BYTES};
        sent = r->tls != NULL ? tls_send(r->tls, piece, deadline(r), out)
                              : wire_send(r->context->fd, piece, deadline(r), out);
        bytes.at += piece.len;
        bytes.len -= piece.len;
    }
    return sent;
}

static size_t receive(struct redis *r, char *bytes, size_t room, int64_t until_us, struct redis_failure *out)
{
    return r->tls != NULL ? tls_receive(r->tls, bytes, room, until_us, out)
                          : wire_receive(r->context->fd, bytes, room, until_us, out);
}

static redisReply *read_reply(struct redis *r, struct redis_failure *out)
{
    struct redis_failure trouble = {0};
    int64_t until_us = deadline(r);
    for (;;) {
        redisReply *reply = redis_next_reply(r->context->reader, &trouble);
        if (reply != NULL)
            return reply;
        if (trouble.trouble != TROUBLE_NONE) {
            redis_failure_note(out, trouble.trouble, text_of(trouble.detail));
            return NULL;
        }
        char bytes[16384];
        size_t got = receive(r, bytes, sizeof bytes, until_us, out);
        if (got == 0)
            return NULL;
        /* It fails without memory only; what is wrong with the bytes, the next look says. */
        REQUIRE(redisReaderFeed(r->context->reader, bytes, got) == REDIS_OK || r->context->reader->err != 0);
    }
}

redisReply *redis_run(struct redis *r, const struct commands *c, struct redis_failure *out)
{
    REQUIRE(c->count > 0);
    struct redis_failure failure = {0};
    /* A peer that hangs up may have said why before: a failed send does not hide its reply. */
    bool sent = send_all(r, buffer_view(&c->bytes), &failure);
    struct redis_failure said = {0};
    redisReply *reply = NULL;
    for (size_t i = 0; i < c->count && (sent || said.trouble == TROUBLE_NONE); i++) {
        if (reply != NULL)
            freeReplyObject(reply);
        struct redis_failure reading = {0};
        reply = read_reply(r, &reading);
        if (reply == NULL) {
            redis_failure_note(&failure, reading.trouble, text_of(reading.detail));
            break;
        }
        if (reply->type == REDIS_REPLY_ERROR) {
            struct text error = {reply->str, reply->len};
            redis_failure_note(&said, redis_trouble_of(error), error);
        }
    }
    const struct redis_failure *cause = said.trouble != TROUBLE_NONE ? &said : &failure;
    if (cause->trouble == TROUBLE_NONE)
        return reply;
    if (reply != NULL)
        freeReplyObject(reply);
    redis_failure_note(out, cause->trouble, text_of(cause->detail));
    return NULL;
}
