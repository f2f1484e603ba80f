#include "publishers/master.h"
#include "publishers/commands.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All of three sentinels that are silent take half a lease. */
#define SENTINEL_PART_OF_LEASE 6

/* SENTINEL GET-MASTER-ADDR-BY-NAME answers a pair of texts, or nil for a name that it does not know. */
static bool take_address(struct master *m, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return false;
    const redisReply *host = reply->element[0], *port = reply->element[1];
    if (host->type != REDIS_REPLY_STRING || port->type != REDIS_REPLY_STRING || host->len == 0 ||
        host->len >= sizeof m->host)
        return false;
    char *end;
    long number = strtol(port->str, &end, 10);
    if (end == port->str || *end != '\0' || number < 1 || number > 65535)
        return false;
    memcpy(m->host, host->str, host->len);
    m->host[host->len] = '\0';
    m->port = (int)number;
    return true;
}

static bool ask_sentinel(struct master *m, const struct redis_config *config, size_t sentinel,
                         struct redis_failure *failure)
{
    struct redis_config at = *config;
    int64_t most_ms = config->lease_ms / SENTINEL_PART_OF_LEASE;
    at.host = config->sentinels[sentinel].host;
    at.port = config->sentinels[sentinel].port;
    at.user = config->sentinel_user;
    at.password = config->sentinel_password;
    at.database = 0;
    at.timeout_ms = config->timeout_ms < most_ms ? config->timeout_ms : most_ms;
    struct redis *r = redis_open(&at, failure);
    if (r == NULL)
        return false;
    struct commands c;
    commands_init(&c);
    command_begin(&c, "SENTINEL", 3);
    command_string(&c, "GET-MASTER-ADDR-BY-NAME");
    command_string(&c, config->sentinel_master);
    redisReply *reply = redis_run(r, &c, failure);
    commands_fini(&c);
    bool found = reply != NULL && take_address(m, reply);
    if (reply != NULL && !found)
        redis_failure_note(failure, TROUBLE_SENTINEL, TEXT("it knows no master of the name in redis.sentinel_master"));
    if (reply != NULL)
        freeReplyObject(reply);
    redis_close(r);
    return found;
}

/* The last of those that failed is named: with several all are alike, or each is worth a look. */
static bool find(struct master *m, const struct redis_config *config, struct redis_failure *out)
{
    struct redis_failure failure = {0};
    size_t asked = m->sentinel;
    for (size_t i = 0; i < config->sentinel_count; i++) {
        asked = (m->sentinel + i) % config->sentinel_count;
        failure = (struct redis_failure){0};
        if (ask_sentinel(m, config, asked, &failure)) {
            m->sentinel = asked;
            return true;
        }
    }
    char detail[sizeof out->detail];
    snprintf(detail, sizeof detail, "%.60s:%d: %.50s", config->sentinels[asked].host, config->sentinels[asked].port,
             failure.detail);
    redis_failure_note(out, TROUBLE_SENTINEL, text_of(detail));
    return false;
}

static bool is_master(struct redis *r, struct redis_failure *out)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "ROLE", 1);
    redisReply *reply = redis_run(r, &c, out);
    commands_fini(&c);
    if (reply == NULL)
        return false;
    const redisReply *role = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 ? reply->element[0] : NULL;
    bool master = role != NULL && role->type == REDIS_REPLY_STRING &&
                  text_equal((struct text){role->str, role->len}, TEXT("master"));
    freeReplyObject(reply);
    return master;
}

struct redis *master_open(struct master *m, const struct redis_config *config, struct redis_failure *out)
{
    if (config->sentinel_count == 0)
        return redis_open(config, out);
    if (!find(m, config, out))
        return NULL;
    struct redis_config at = *config;
    at.host = m->host;
    at.port = m->port;
    struct redis *r = redis_open(&at, out);
    if (r == NULL || is_master(r, out))
        return r;
    char address[MASTER_HOST_SIZE + 8];
    snprintf(address, sizeof address, "%s:%d", m->host, m->port);
    redis_failure_note(out, TROUBLE_NOT_MASTER, text_of(address));
    redis_close(r);
    return NULL;
}

enum master_answer master_confirm(struct master *m, const struct redis_config *config, struct redis_failure *out)
{
    struct master now = *m;
    if (!find(&now, config, out))
        return MASTER_UNKNOWN;
    m->sentinel = now.sentinel;
    if (now.port == m->port && strcmp(now.host, m->host) == 0)
        return MASTER_SAME;
    char addresses[2 * MASTER_HOST_SIZE];
    snprintf(addresses, sizeof addresses, "%.50s:%d, no longer %.50s:%d", now.host, now.port, m->host, m->port);
    redis_failure_note(out, TROUBLE_DEPOSED, text_of(addresses));
    return MASTER_OTHER;
}
