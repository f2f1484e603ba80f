/* In the place of publishers/redis.c's connection: the same three functions, answered by the world's Redis model. What a
 * network may do to a pipeline is drawn here: it arrives not at all, in part, whole, or when nobody waits any more, and
 * its answer is lost. */
#include "base/error.h"
#include "publishers/redis.h"
#include "tests/simulator/world.h"
#include <stdlib.h>
#include <string.h>

struct redis {
    struct redis_connection *connection;
};

struct redis *__wrap_redis_open(const struct redis_config *config, struct redis_failure *out);
void __wrap_redis_close(struct redis *r);
redisReply *__wrap_redis_run(struct redis *r, const struct commands *c, struct redis_failure *out);
void __wrap_freeReplyObject(void *reply);

static struct redis_model *server(void)
{
    return process_now->number == ORACLE_NUMBER ? &world.oracle_redis : &world.redis;
}

static bool luck_fails(void)
{
    return process_now->unlucky && random_below(&process_random, world.link_fault_one_in) == 0;
}

struct redis *__wrap_redis_open(const struct redis_config *config, struct redis_failure *out)
{
    (void)config;
    struct redis_model *m = server();
    process_pause_perhaps(8);
    if (m->down || luck_fails()) {
        world.counts.link_faults++;
        redis_failure_note(out, TROUBLE_CONNECT, TEXT("refused"));
        return NULL;
    }
    if (m->mood == MOOD_LOADING || m->mood == MOOD_BUSY) {
        redis_failure_note(out, m->mood == MOOD_BUSY ? TROUBLE_BUSY : TROUBLE_LOADING, TEXT("greeting"));
        return NULL;
    }
    struct process *p = process_now;
    process_now = NULL;
    struct redis_connection *c = redis_model_connect(m, p->number);
    process_now = p;
    struct redis *r = must_alloc(sizeof *r);
    r->connection = c;
    return r;
}

void __wrap_redis_close(struct redis *r)
{
    if (r == NULL)
        return;
    struct process *p = process_now;
    process_now = NULL;
    redis_model_hang_up(r->connection);
    process_now = p;
    free(r);
}

/* As hiredis has it, in memory of the process. */
static redisReply *reply_of(const struct answer *a)
{
    static const int types[] = {
        [ANSWER_STATUS_OK] = REDIS_REPLY_STATUS, [ANSWER_INTEGER] = REDIS_REPLY_INTEGER,
        [ANSWER_TEXT] = REDIS_REPLY_STRING,      [ANSWER_NIL] = REDIS_REPLY_NIL,
        [ANSWER_LIST] = REDIS_REPLY_ARRAY,       [ANSWER_ERROR] = REDIS_REPLY_ERROR,
    };
    redisReply *r = must_zalloc(sizeof *r);
    r->type = types[a->type];
    r->integer = a->integer;
    if (a->text != NULL) {
        struct text t = word_text(a->text);
        r->str = must_alloc(t.len + 1);
        memcpy(r->str, t.at, t.len);
        r->str[t.len] = '\0';
        r->len = t.len;
    }
    if (a->type == ANSWER_LIST) {
        r->elements = a->count;
        r->element = must_alloc(a->count * sizeof(redisReply *));
        for (size_t i = 0; i < a->count; i++)
            r->element[i] = reply_of(&a->list[i]);
    }
    return r;
}

void __wrap_freeReplyObject(void *reply)
{
    redisReply *r = reply;
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->elements; i++)
        __wrap_freeReplyObject(r->element[i]);
    free(r->element);
    free(r->str);
    free(r);
}

static redisReply *fail(struct redis_failure *out, enum redis_trouble trouble, const char *detail)
{
    process_tell("redis: %s", detail);
    redis_failure_note(out, trouble, text_of(detail));
    return NULL;
}

/* What redis_run makes of the answers: the last one, or the first error. */
static redisReply *judge(const struct answer *answers, size_t count, struct redis_failure *out)
{
    for (size_t i = 0; i < count; i++) {
        if (answers[i].type == ANSWER_ERROR) {
            struct text error = word_text(answers[i].text);
            process_tell("redis: %.*s", (int)error.len, error.at);
            redis_failure_note(out, redis_trouble_of(error), error);
            return NULL;
        }
    }
    return reply_of(&answers[count - 1]);
}

enum { ARRIVES, ARRIVES_NOT, ARRIVES_IN_PART, ANSWER_LOST, ARRIVES_LATE };

redisReply *__wrap_redis_run(struct redis *r, const struct commands *c, struct redis_failure *out)
{
    struct redis_connection *connection = r->connection;
    struct redis_model *m = server();
    int fate = luck_fails() ? 1 + (int)random_below(&process_random, ARRIVES_LATE) : ARRIVES;
    struct process *p = process_now;
    bool cut = false;
    world.counts.link_faults += fate != ARRIVES;
    if (p->number != ORACLE_NUMBER)
        world_digest(buffer_view(&c->bytes));
    if (fate == ARRIVES_LATE || random_below(&process_random, 6) == 0) {
        /* It is on its way; whoever dies now does not stop it. */
        process_now = NULL;
        redis_model_delay(connection, buffer_view(&c->bytes));
        process_now = p;
        process_pause();
        if (fate == ARRIVES_LATE)
            return fail(out, TROUBLE_TIMEOUT, "no answer; what was sent may still arrive");
        process_now = NULL;
        cut = !redis_model_take_back(connection);
        process_now = p;
    }
    if (cut || !redis_connection_is_open(connection))
        return fail(out, TROUBLE_CLOSED, "the connection was cut");
    if (m->down || fate == ARRIVES_NOT)
        return fail(out, TROUBLE_TIMEOUT, "no answer; nothing has arrived");
    size_t most = fate == ARRIVES_IN_PART ? (size_t)random_below(&process_random, (int64_t)c->count + 1) : SIZE_MAX;
    size_t count;
    process_now = NULL;
    struct answer *answers = redis_model_execute(connection, buffer_view(&c->bytes), most, &count);
    process_now = p;
    redisReply *reply = NULL;
    if (fate == ARRIVES_IN_PART || fate == ANSWER_LOST)
        (void)fail(out, fate == ANSWER_LOST ? TROUBLE_TIMEOUT : TROUBLE_CLOSED, "the answer is lost");
    else
        reply = judge(answers, count, out);
    for (size_t i = 0; i < count; i++)
        answer_fini(&answers[i]);
    process_now = NULL;
    free(answers);
    process_now = p;
    /* The answer is on its way: whoever dies now never sees it. */
    process_pause_perhaps(6);
    return reply;
}
