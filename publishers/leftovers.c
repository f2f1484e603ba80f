#include "publishers/leftovers.h"
#include <stdlib.h>
#include <string.h>

/* Keys in one command. */
#define STEP 1000

/* NULL, *failure set: no reply, or not one of a cursor and members. */
static redisReply *scan(struct redis *r, const struct keys *k, const char *cursor, struct redis_failure *failure)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "SSCAN", 5);
    command_joined(&c, keys_prefix(k), TEXT(KEY_INDEX));
    command_string(&c, cursor);
    command_string(&c, "COUNT");
    command_integer(&c, STEP);
    redisReply *reply = redis_run(r, &c, failure);
    commands_fini(&c);
    if (reply == NULL)
        return NULL;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
        reply->element[0]->len < CURSOR_SIZE && reply->element[1]->type == REDIS_REPLY_ARRAY)
        return reply;
    redis_failure_note(failure, TROUBLE_PROTOCOL, TEXT("SSCAN was not answered by a cursor and members"));
    freeReplyObject(reply);
    return NULL;
}

bool leftovers_sweep(struct redis *r, const struct keys *k, struct batch *batch, char cursor[CURSOR_SIZE],
                     struct redis_failure *failure)
{
    redisReply *reply = scan(r, k, cursor, failure);
    if (reply == NULL)
        return false;
    memcpy(cursor, reply->element[0]->str, reply->element[0]->len);
    cursor[reply->element[0]->len] = '\0';
    const redisReply *members = reply->element[1];
    for (size_t i = 0; i < members->elements; i++) {
        struct text key = {members->element[i]->str, members->element[i]->len};
        if (members->element[i]->type == REDIS_REPLY_STRING && !batch_wrote(batch, key))
            batch_sweep(batch, key);
    }
    freeReplyObject(reply);
    return true;
}

static bool run(struct redis *r, const struct commands *c, struct redis_failure *failure)
{
    redisReply *reply = redis_run(r, c, failure);
    if (reply == NULL)
        return false;
    freeReplyObject(reply);
    return true;
}

/* The keys stage:<epoch>:0 ... count - 1. */
static bool unlink_stages(struct redis *r, const struct keys *k, int64_t epoch, int64_t count,
                          struct redis_failure *failure)
{
    bool fine = true;
    struct buffer key;
    buffer_init(&key);
    struct arguments keys;
    arguments_init(&keys);
    struct commands c;
    commands_init(&c);
    for (int64_t n = 0; fine && n < count;) {
        arguments_clear(&keys);
        for (; n < count && keys.count < STEP; n++) {
            buffer_clear(&key);
            key_stage(&key, epoch, (uint64_t)n);
            arguments_joined(&keys, keys_prefix(k), buffer_view(&key));
        }
        commands_clear(&c);
        commands_spread(&c, "UNLINK", TEXT(""), TEXT(""), &keys, STEP);
        fine = run(r, &c, failure);
    }
    commands_fini(&c);
    arguments_fini(&keys);
    buffer_fini(&key);
    return fine;
}

bool leftovers_unstage(struct redis *r, const struct keys *k, int64_t epoch, struct redis_failure *failure)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "HGETALL", 2);
    command_joined(&c, keys_prefix(k), TEXT(KEY_STAGED));
    redisReply *reply = redis_run(r, &c, failure);
    bool fine = reply != NULL;
    for (size_t i = 0; fine && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        int64_t of = strtoll(name->str, NULL, 10);
        /* A later one's are none of ours: it may be about to move them. */
        if (of >= epoch)
            continue;
        fine = unlink_stages(r, k, of, strtoll(value->str, NULL, 10), failure);
        commands_clear(&c);
        command_begin(&c, "HDEL", 3);
        command_joined(&c, keys_prefix(k), TEXT(KEY_STAGED));
        command_text(&c, (struct text){name->str, name->len});
        fine = fine && run(r, &c, failure);
    }
    if (reply != NULL)
        freeReplyObject(reply);
    commands_fini(&c);
    return fine;
}
