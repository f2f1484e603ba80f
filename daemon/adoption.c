#include "daemon/adoption.h"
#include "base/error.h"
#include "publishers/commands.h"
#include "publishers/keys.h"
#include "publishers/master.h"
#include <stdlib.h>

static char **values_of(const redisReply *reply, size_t *out_count)
{
    size_t pairs = reply->type == REDIS_REPLY_ARRAY ? reply->elements / 2 : 0;
    char **values = must_zalloc(pairs * sizeof *values);
    *out_count = 0;
    for (size_t i = 0; i < pairs; i++)
        if (reply->element[2 * i + 1]->type == REDIS_REPLY_STRING)
            values[(*out_count)++] = must_strdup(reply->element[2 * i + 1]->str);
    return values;
}

static void ask(struct commands *c, const struct keys *k, struct text key)
{
    command_begin(c, "HGETALL", 2);
    command_joined(c, keys_prefix(k), key);
}

struct adoption *adoption_read(const struct redis_config *config, struct redis_failure *out)
{
    struct master master = {0};
    struct redis *r = master_open(&master, config, out);
    if (r == NULL)
        return NULL;
    struct keys keys;
    struct commands c;
    keys_init(&keys, config->namespace_);
    commands_init(&c);
    command_begin(&c, "MULTI", 1);
    ask(&c, &keys, TEXT(KEY_ALERTS_ACTIVE));
    ask(&c, &keys, TEXT(KEY_ALERTS_UNSENT));
    command_begin(&c, "EXEC", 1);
    redisReply *reply = redis_run(r, &c, out);
    struct adoption *a = NULL;
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        a = must_zalloc(sizeof *a);
        a->active = values_of(reply->element[0], &a->active_count);
        a->unsent = values_of(reply->element[1], &a->unsent_count);
    }
    if (reply != NULL)
        freeReplyObject(reply);
    commands_fini(&c);
    keys_fini(&keys);
    redis_close(r);
    return a;
}

struct adoption *adoption_of_stand_by(void)
{
    struct adoption *a = must_zalloc(sizeof *a);
    a->stand_by = true;
    return a;
}

static void free_values(char **values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    free(values);
}

void adoption_destroy(struct adoption *a)
{
    if (a == NULL)
        return;
    free_values(a->active, a->active_count);
    free_values(a->unsent, a->unsent_count);
    free(a);
}
