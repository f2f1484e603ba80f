#include "daemon/adoption.h"
#include "base/error.h"
#include "publishers/commands.h"
#include "publishers/keys.h"
#include <stdlib.h>

static struct adoption *of_reply(const redisReply *reply)
{
    struct adoption *a = must_zalloc(sizeof *a);
    size_t pairs = reply->type == REDIS_REPLY_ARRAY ? reply->elements / 2 : 0;
    a->json = must_zalloc(pairs * sizeof *a->json);
    for (size_t i = 0; i < pairs; i++)
        if (reply->element[2 * i + 1]->type == REDIS_REPLY_STRING)
            a->json[a->count++] = must_strdup(reply->element[2 * i + 1]->str);
    return a;
}

struct adoption *adoption_read(const struct redis_config *config, struct redis_failure *out)
{
    struct redis *r = redis_open(config, out);
    if (r == NULL)
        return NULL;
    struct keys keys;
    struct commands c;
    keys_init(&keys, config->namespace_);
    commands_init(&c);
    command_begin(&c, "HGETALL", 2);
    command_joined(&c, keys_prefix(&keys), TEXT(KEY_ALERTS_ACTIVE));
    redisReply *reply = redis_run(r, &c, out);
    struct adoption *a = reply != NULL ? of_reply(reply) : NULL;
    if (reply != NULL)
        freeReplyObject(reply);
    commands_fini(&c);
    keys_fini(&keys);
    redis_close(r);
    return a;
}

void adoption_destroy(struct adoption *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->count; i++)
        free(a->json[i]);
    free(a->json);
    free(a);
}
