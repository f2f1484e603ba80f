#include "publishers/fence.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fields[] = {"epoch", "token", "seq", "as_of", "offsets", "whole"};
#define FIELD_COUNT (sizeof fields / sizeof *fields)

void standing_init(struct standing *s)
{
    *s = (struct standing){.as_of_us = INSTANT_NONE};
    buffer_init(&s->offsets);
}

void standing_fini(struct standing *s)
{
    buffer_fini(&s->offsets);
}

static struct text text_in(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct text){reply->str, reply->len} : (struct text){"", 0};
}

/* A whole number from 0 to 2^62, which leaves room to count on; 0 for anything else. */
static int64_t count_in(const redisReply *reply)
{
    struct text t = text_in(reply);
    int64_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9' || n > (INT64_C(1) << 62) / 10 - 1)
            return 0;
        n = n * 10 + (t.at[i] - '0');
    }
    return n;
}

bool standing_parse(const redisReply *reply, struct standing *out)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != FIELD_COUNT)
        return false;
    out->epoch = count_in(reply->element[0]);
    out->exists = out->epoch > 0;
    struct text token = text_in(reply->element[1]);
    memset(out->token, 0, sizeof out->token);
    if (token.len == TOKEN_SIZE - 1)
        memcpy(out->token, token.at, token.len);
    out->seq = count_in(reply->element[2]);
    out->as_of_us = INSTANT_NONE;
    int64_t as_of_us;
    if (instant_parse(text_in(reply->element[3]), &as_of_us) == OK)
        out->as_of_us = as_of_us;
    buffer_clear(&out->offsets);
    buffer_text(&out->offsets, text_in(reply->element[4]));
    out->partly = text_equal(text_in(reply->element[5]), TEXT("0"));
    return true;
}

static enum fence_result read_fields(struct redis *r, const struct keys *k, bool watch, struct standing *out,
                                     struct redis_failure *failure)
{
    struct commands c;
    commands_init(&c);
    if (watch) {
        command_begin(&c, "WATCH", 2);
        command_joined(&c, keys_prefix(k), TEXT(KEY_FENCE));
    }
    command_begin(&c, "HMGET", 2 + FIELD_COUNT);
    command_joined(&c, keys_prefix(k), TEXT(KEY_FENCE));
    for (size_t i = 0; i < FIELD_COUNT; i++)
        command_string(&c, fields[i]);
    redisReply *reply = redis_run(r, &c, failure);
    commands_fini(&c);
    if (reply == NULL)
        return FENCE_FAILED;
    bool read = standing_parse(reply, out);
    freeReplyObject(reply);
    if (!read)
        redis_failure_note(failure, TROUBLE_PROTOCOL, TEXT("HMGET was not answered by its fields"));
    return read ? FENCE_DONE : FENCE_FAILED;
}

enum fence_result fence_look(struct redis *r, const struct keys *k, struct standing *out, struct redis_failure *failure)
{
    return read_fields(r, k, false, out, failure);
}

enum fence_result fence_read(struct redis *r, const struct keys *k, struct standing *out, struct redis_failure *failure)
{
    return read_fields(r, k, true, out, failure);
}

enum fence_result fence_judge_exec(const redisReply *reply, size_t queued, struct redis_failure *failure)
{
    if (reply->type == REDIS_REPLY_NIL)
        return FENCE_FOREIGN;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != queued) {
        redis_failure_note(failure, TROUBLE_PROTOCOL, TEXT("EXEC was not answered by the replies of its commands"));
        return FENCE_FAILED;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            struct text error = {reply->element[i]->str, reply->element[i]->len};
            redis_failure_note(failure, redis_trouble_of(error), error);
            return FENCE_DAMAGED;
        }
    }
    return FENCE_DONE;
}

void fence_begin(struct commands *c)
{
    commands_clear(c);
    command_begin(c, "MULTI", 1);
}

/* Whether those that must be answered by 0 are. The first command is MULTI. */
static bool zeros_are_zero(const redisReply *exec, const struct commands *c)
{
    bool all = true;
    for (size_t i = 0; i < commands_zero_count(c); i++) {
        const redisReply *reply = exec->element[commands_zero(c, i) - 1];
        all = all && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
    }
    return all;
}

/* Closes the transaction in `c` and sends it. */
static enum fence_result execute(struct redis *r, struct commands *c, struct redis_failure *failure)
{
    size_t queued = c->count - 1;
    command_begin(c, "EXEC", 1);
    redisReply *reply = redis_run(r, c, failure);
    if (reply == NULL)
        return FENCE_FAILED;
    enum fence_result result = fence_judge_exec(reply, queued, failure);
    if (result == FENCE_DONE && !zeros_are_zero(reply, c)) {
        redis_failure_note(failure, TROUBLE_WRONGTYPE, TEXT("a key has lost fields that were written"));
        result = FENCE_DAMAGED;
    }
    freeReplyObject(reply);
    return result;
}

enum fence_result fence_claim(struct redis *r, const struct keys *k, const struct standing *standing,
                              struct commands *also, struct fence *fence, struct redis_failure *failure)
{
    /* seq goes on over epochs, and over a Redis that has lost its data. */
    struct fence claim = {
        .epoch = (standing->epoch > fence->epoch ? standing->epoch : fence->epoch) + 1,
        .seq = standing->seq > fence->seq ? standing->seq : fence->seq,
    };
    token_make(claim.token);
    struct commands c;
    commands_init(&c);
    fence_begin(&c);
    command_begin(&c, "HSET", 8);
    command_joined(&c, keys_prefix(k), TEXT(KEY_FENCE));
    command_string(&c, "epoch");
    command_integer(&c, claim.epoch);
    command_string(&c, "token");
    command_string(&c, claim.token);
    command_string(&c, "seq");
    command_integer(&c, claim.seq);
    if (also != NULL)
        commands_append(&c, also);
    enum fence_result result = execute(r, &c, failure);
    commands_fini(&c);
    if (result == FENCE_DONE)
        *fence = claim;
    return result;
}

/* Watches the fence and compares it with what we hold. */
static enum fence_result check(struct redis *r, const struct keys *k, const struct fence *fence,
                               struct redis_failure *failure)
{
    struct standing standing;
    standing_init(&standing);
    enum fence_result result = fence_read(r, k, &standing, failure);
    if (result == FENCE_DONE) {
        bool ours = standing.epoch == fence->epoch && strcmp(standing.token, fence->token) == 0;
        if (!ours)
            result = standing.epoch >= fence->epoch ? FENCE_FOREIGN : FENCE_GONE;
        else if (standing.seq != fence->seq)
            result = FENCE_GONE;
    }
    standing_fini(&standing);
    return result;
}

static enum fence_result commit(struct redis *r, const struct keys *k, struct fence *fence, struct commands *c,
                                struct redis_failure *failure)
{
    enum fence_result result = check(r, k, fence, failure);
    if (result != FENCE_DONE)
        return result;
    result = execute(r, c, failure);
    if (result != FENCE_FOREIGN)
        return result;
    /* Touched between our look and our write: by a claim, or by a flush. */
    result = check(r, k, fence, failure);
    return result == FENCE_DONE ? FENCE_GONE : result;
}

enum fence_result fence_commit(struct redis *r, const struct keys *k, struct fence *fence, struct commands *c,
                               const struct fence_mark *mark, struct redis_failure *failure)
{
    command_begin(c, "HSET", 10);
    command_joined(c, keys_prefix(k), TEXT(KEY_FENCE));
    command_string(c, "seq");
    command_integer(c, fence->seq + 1);
    command_string(c, "as_of");
    command_text(c, mark->as_of);
    command_string(c, "offsets");
    command_text(c, mark->offsets);
    command_string(c, "whole");
    command_string(c, mark->partly ? "0" : "1");
    enum fence_result result = commit(r, k, fence, c, failure);
    if (result == FENCE_DONE)
        fence->seq++;
    return result;
}

enum fence_result fence_commit_unseen(struct redis *r, const struct keys *k, struct fence *fence, struct commands *c,
                                      struct redis_failure *failure)
{
    return commit(r, k, fence, c, failure);
}
