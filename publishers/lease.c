#include "publishers/lease.h"
#include "base/error.h"
#include "base/process.h"
#include "publishers/fence.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Looks until a value stays the same between look and change. Each further one means that somebody else has just
 * changed it, who then has it. */
#define LOOKS_MAX 4

/* What a value says; views of it. */
struct holding {
    struct text whole, token, process, instance;
    bool ready;
};

void lease_init(struct lease *l, const char *instance, int64_t length_ms)
{
    *l = (struct lease){.length_ms = length_ms, .instance = must_strdup(instance)};
    buffer_init(&l->process);
    process_identity_format(&l->process);
    token_make(l->token);
    buffer_init(&l->other);
}

void lease_fini(struct lease *l)
{
    free(l->instance);
    buffer_fini(&l->process);
    buffer_fini(&l->other);
}

void lease_forget(struct lease *l)
{
    l->held = false;
}

/* The word before the next space; *rest goes on behind it. */
static struct text next_word(struct text *rest)
{
    const char *space = rest->len > 0 ? memchr(rest->at, ' ', rest->len) : NULL;
    struct text word = {rest->at, space != NULL ? (size_t)(space - rest->at) : rest->len};
    size_t skip = word.len + (space != NULL ? 1 : 0);
    *rest = (struct text){rest->at + skip, rest->len - skip};
    return word;
}

/* What is not such a value is somebody's all the same: it names nobody, and no process. */
static struct holding parse(struct text value)
{
    struct holding h = {.whole = value};
    struct text rest = value;
    h.ready = !text_equal(next_word(&rest), TEXT("waiting"));
    h.token = next_word(&rest);
    h.process = next_word(&rest);
    h.instance = rest;
    return h;
}

static void add_value(const struct lease *l, struct commands *c)
{
    struct buffer value;
    buffer_init(&value);
    buffer_format(&value, "%s %s %s %s", l->ready ? "ready" : "waiting", l->token, l->process.at, l->instance);
    command_text(c, buffer_view(&value));
    buffer_fini(&value);
}

/* SET <lease> <our value> PX <length> [NX] */
static void add_set(const struct lease *l, struct commands *c, const struct keys *k, bool only_if_free)
{
    command_begin(c, "SET", only_if_free ? 6 : 5);
    command_joined(c, keys_prefix(k), TEXT(KEY_LEASE));
    add_value(l, c);
    command_string(c, "PX");
    command_integer(c, l->length_ms);
    if (only_if_free)
        command_string(c, "NX");
}

/* A watch of the fence may stand from before. Then it ends a change that was none of the fence's, and the next look
 * begins without it. */
static redisReply *look(struct redis *r, const struct keys *k, struct redis_failure *failure)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "WATCH", 2);
    command_joined(&c, keys_prefix(k), TEXT(KEY_LEASE));
    command_begin(&c, "GET", 2);
    command_joined(&c, keys_prefix(k), TEXT(KEY_LEASE));
    redisReply *reply = redis_run(r, &c, failure);
    commands_fini(&c);
    if (reply == NULL || reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL)
        return reply;
    redis_failure_note(failure, TROUBLE_PROTOCOL, TEXT("GET was not answered by a text"));
    freeReplyObject(reply);
    return NULL;
}

enum change { CHANGE_DONE, CHANGE_NOT_DONE, CHANGE_FAILED };

/* The commands behind MULTI, sent under the watch of the look before. */
static enum change change(struct redis *r, struct commands *c, struct redis_failure *failure)
{
    command_begin(c, "EXEC", 1);
    redisReply *reply = redis_run(r, c, failure);
    if (reply == NULL)
        return CHANGE_FAILED;
    enum change result = CHANGE_FAILED;
    switch (fence_judge_exec(reply, 1, failure)) {
    case FENCE_FOREIGN: result = CHANGE_NOT_DONE; break;
    case FENCE_DONE: /* SET ... NX says nil where somebody has it */
        result = reply->element[0]->type == REDIS_REPLY_NIL ? CHANGE_NOT_DONE : CHANGE_DONE;
        break;
    default: break;
    }
    freeReplyObject(reply);
    return result;
}

static enum change put(struct lease *l, struct redis *r, const struct keys *k, bool only_if_free,
                       struct redis_failure *failure)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "MULTI", 1);
    add_set(l, &c, k, only_if_free);
    enum change result = change(r, &c, failure);
    commands_fini(&c);
    return result;
}

static bool is_ours(const struct lease *l, const struct holding *h)
{
    return text_equal(h->token, text_of(l->token));
}

static bool may_replace(const struct lease *l, const struct holding *h, bool ready)
{
    if (is_ours(l, h) || (ready && !h->ready))
        return true;
    return text_equal(h->instance, text_of(l->instance)) && process_has_ended(h->process);
}

static enum lease_result seek(struct lease *l, struct redis *r, const struct keys *k, bool ready, bool renewal,
                              struct redis_failure *failure)
{
    l->held = false;
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        redisReply *reply = look(r, k, failure);
        if (reply == NULL)
            return LEASE_FAILED;
        bool is_free = reply->type == REDIS_REPLY_NIL, may = is_free;
        buffer_clear(&l->other);
        if (!is_free) {
            struct holding h = parse((struct text){reply->str, reply->len});
            may = renewal ? is_ours(l, &h) : may_replace(l, &h, ready);
            if (!is_ours(l, &h))
                buffer_text(&l->other, h.instance);
        }
        freeReplyObject(reply);
        if (!may)
            return LEASE_OTHERS;
        l->ready = ready;
        enum change result = put(l, r, k, is_free, failure);
        if (result == CHANGE_FAILED)
            return LEASE_FAILED;
        if (result == CHANGE_DONE) {
            l->held = true;
            buffer_clear(&l->other);
            return LEASE_HELD;
        }
    }
    return LEASE_OTHERS;
}

enum lease_result lease_seek(struct lease *l, struct redis *r, const struct keys *k, bool ready,
                             struct redis_failure *failure)
{
    return seek(l, r, k, ready, false, failure);
}

enum lease_result lease_renew(struct lease *l, struct redis *r, const struct keys *k, struct redis_failure *failure)
{
    return seek(l, r, k, l->ready, true, failure);
}

void lease_extend(const struct lease *l, struct commands *c, const struct keys *k)
{
    command_begin(c, "PEXPIRE", 3);
    command_joined(c, keys_prefix(k), TEXT(KEY_LEASE));
    command_integer(c, l->length_ms);
}

bool lease_release(struct lease *l, struct redis *r, const struct keys *k, struct redis_failure *failure)
{
    l->held = false;
    redisReply *reply = look(r, k, failure);
    if (reply == NULL)
        return false;
    struct holding h = parse(reply->type == REDIS_REPLY_STRING ? (struct text){reply->str, reply->len} : TEXT(""));
    bool ours = is_ours(l, &h);
    freeReplyObject(reply);
    if (!ours)
        return true;
    struct commands c;
    commands_init(&c);
    command_begin(&c, "MULTI", 1);
    command_begin(&c, "UNLINK", 2);
    command_joined(&c, keys_prefix(k), TEXT(KEY_LEASE));
    enum change result = change(r, &c, failure); /* not done: it was another one's in between */
    commands_fini(&c);
    return result != CHANGE_FAILED;
}
