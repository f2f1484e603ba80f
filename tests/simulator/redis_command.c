#include "tests/simulator/redis_command.h"
#include "base/error.h"
#include "tests/simulator/process.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void answer_fini(struct answer *a)
{
    word_drop(a->text);
    for (size_t i = 0; i < a->count; i++)
        answer_fini(&a->list[i]);
    free(a->list);
}

struct answer answer_okay(void)
{
    return (struct answer){.type = ANSWER_STATUS_OK};
}

static struct answer integer(int64_t n)
{
    return (struct answer){.type = ANSWER_INTEGER, .integer = n};
}

struct answer answer_error(const char *text)
{
    return (struct answer){.type = ANSWER_ERROR, .text = word_make(text_of(text))};
}

struct answer answer_value(struct word *w)
{
    if (w == NULL)
        return (struct answer){.type = ANSWER_NIL};
    return (struct answer){.type = ANSWER_TEXT, .text = word_share(w)};
}

struct answer answer_list(size_t count)
{
    return (struct answer){.type = ANSWER_LIST, .list = must_zalloc(count * sizeof(struct answer)), .count = count};
}

static struct answer wrong_type(void)
{
    return answer_error("WRONGTYPE Operation against a key holding the wrong kind of value");
}

static size_t read_number(struct text *rest)
{
    size_t n = 0;
    REQUIRE(rest->len > 0);
    rest->at++;
    rest->len--;
    for (; rest->len > 0 && *rest->at != '\r'; rest->at++, rest->len--)
        n = n * 10 + (size_t)(*rest->at - '0');
    REQUIRE(rest->len >= 2);
    rest->at += 2;
    rest->len -= 2;
    return n;
}

/* The next command of a pipeline. */
bool command_read(struct text *rest, struct command *out)
{
    if (rest->len == 0)
        return false;
    out->bytes = *rest;
    REQUIRE(*rest->at == '*');
    out->count = read_number(rest);
    REQUIRE(out->count > 0 && out->count <= ARGUMENTS_MAX);
    for (size_t i = 0; i < out->count; i++) {
        REQUIRE(rest->len > 0 && *rest->at == '$');
        size_t len = read_number(rest);
        REQUIRE(rest->len >= len + 2);
        out->at[i] = (struct text){rest->at, len};
        rest->at += len + 2;
        rest->len -= len + 2;
    }
    out->bytes.len -= rest->len;
    return true;
}

static void remove_empty(struct redis_data *d, struct redis_key *k)
{
    if (k->count == 0)
        redis_data_remove(d, k);
}

int64_t command_number(struct text t)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.*s", (int)t.len, t.at);
    return strtoll(digits, NULL, 10);
}

/* Adds what stands in pairs from `from` on, or single members where the type is a set. */
static struct answer put_all(struct redis_data *d, const struct command *c, enum redis_type type)
{
    struct redis_key *k = redis_data_need(d, c->at[1], type);
    if (k == NULL)
        return wrong_type();
    int64_t added = 0;
    if (type == REDIS_SET) {
        for (size_t i = 2; i < c->count; i++)
            added += redis_key_put(k, c->at[i], NULL);
    } else {
        bool score_first = type == REDIS_ZSET;
        REQUIRE(c->count % 2 == 0);
        for (size_t i = 2; i < c->count; i += 2)
            added += redis_key_put(k, c->at[score_first ? i + 1 : i], word_make(c->at[score_first ? i : i + 1]));
    }
    redis_data_touch(d, c->at[1]);
    return integer(added);
}

static struct answer drop_all(struct redis_data *d, const struct command *c, enum redis_type type)
{
    struct redis_key *k = redis_data_find(d, c->at[1]);
    if (k == NULL)
        return integer(0);
    if (k->type != type)
        return wrong_type();
    int64_t dropped = 0;
    for (size_t i = 2; i < c->count; i++)
        dropped += redis_key_drop(k, c->at[i]);
    redis_data_touch(d, c->at[1]);
    remove_empty(d, k);
    return integer(dropped);
}

static struct answer unlink_keys(struct redis_data *d, const struct command *c)
{
    int64_t gone = 0;
    for (size_t i = 1; i < c->count; i++) {
        struct redis_key *k = redis_data_find(d, c->at[i]);
        if (k == NULL)
            continue;
        redis_data_remove(d, k);
        redis_data_touch(d, c->at[i]);
        gone++;
    }
    return integer(gone);
}

static struct answer rename_key(struct redis_data *d, const struct command *c)
{
    if (redis_data_find(d, c->at[1]) == NULL)
        return answer_error("ERR no such key");
    struct redis_key *standing = redis_data_find(d, c->at[2]);
    if (standing != NULL)
        redis_data_remove(d, standing);
    struct redis_key *k = redis_data_find(d, c->at[1]);
    word_drop(k->name);
    k->name = word_make(c->at[2]);
    redis_data_touch(d, c->at[1]);
    redis_data_touch(d, c->at[2]);
    return answer_okay();
}

static struct answer get_all(struct redis_data *d, const struct command *c)
{
    const struct redis_key *k = redis_data_find(d, c->at[1]);
    if (k == NULL)
        return answer_list(0);
    if (k->type != REDIS_HASH)
        return wrong_type();
    struct answer a = answer_list(2 * (size_t)k->count);
    for (uint32_t i = 0; i < k->count; i++) {
        a.list[2 * i] = answer_value(k->items[i].name);
        a.list[2 * i + 1] = answer_value(k->items[i].value);
    }
    return a;
}

static struct answer get_some(struct redis_data *d, const struct command *c)
{
    const struct redis_key *k = redis_data_find(d, c->at[1]);
    if (k != NULL && k->type != REDIS_HASH)
        return wrong_type();
    struct answer a = answer_list(c->count - 2);
    for (size_t i = 2; i < c->count; i++) {
        const struct redis_item *item = k != NULL ? redis_key_item(k, c->at[i]) : NULL;
        a.list[i - 2] = answer_value(item != NULL ? item->value : NULL);
    }
    return a;
}

/* All members at once, with the cursor that says so. */
static struct answer scan_set(struct redis_data *d, const struct command *c)
{
    const struct redis_key *k = redis_data_find(d, c->at[1]);
    struct answer a = answer_list(2);
    a.list[0] = (struct answer){.type = ANSWER_TEXT, .text = word_make(TEXT("0"))};
    a.list[1] = answer_list(k != NULL ? k->count : 0);
    for (uint32_t i = 0; k != NULL && i < k->count; i++)
        a.list[1].list[i] = answer_value(k->items[i].name);
    return a;
}

/* ZUNIONSTORE to 1 from: a copy. */
static struct answer copy_zset(struct redis_data *d, const struct command *c)
{
    REQUIRE(c->count == 4);
    const struct redis_key *from = redis_data_find(d, c->at[3]);
    if (from == NULL || from->type != REDIS_ZSET)
        return from == NULL ? integer(0) : wrong_type();
    struct redis_key *standing = redis_data_find(d, c->at[1]);
    if (standing != NULL)
        redis_data_remove(d, standing);
    struct redis_key *k = redis_data_need(d, c->at[1], REDIS_ZSET);
    from = redis_data_find(d, c->at[3]);
    for (uint32_t i = 0; i < from->count; i++)
        redis_key_add(k, word_share(from->items[i].name), word_share(from->items[i].value));
    redis_data_touch(d, c->at[1]);
    return integer(k->count);
}

/* XADD key MAXLEN ~ n * id <id> alert <json>. */
static struct answer append(struct redis_data *d, const struct command *c)
{
    REQUIRE(c->count == 10);
    struct redis_key *k = redis_data_need(d, c->at[1], REDIS_STREAM);
    if (k == NULL)
        return wrong_type();
    redis_key_add(k, word_make(c->at[7]), word_make(c->at[9]));
    return integer(k->count);
}

/* SET key value [PX ms] [NX] */
static struct answer set_text(struct redis_data *d, const struct command *c)
{
    struct redis_key *standing = redis_data_find(d, c->at[1]);
    int64_t expires_us = INT64_MAX;
    for (size_t i = 3; i < c->count; i++) {
        if (text_equal(c->at[i], TEXT("NX"))) {
            if (standing != NULL)
                return answer_value(NULL);
        } else {
            REQUIRE(text_equal(c->at[i], TEXT("PX")) && i + 1 < c->count);
            expires_us = process_true_us + command_number(c->at[++i]) * 1000;
        }
    }
    if (standing != NULL)
        redis_data_remove(d, standing);
    struct redis_key *k = redis_data_need(d, c->at[1], REDIS_STRING);
    redis_key_add(k, word_make(TEXT("")), word_make(c->at[2]));
    k->expires_us = expires_us;
    redis_data_touch(d, c->at[1]);
    return answer_okay();
}

static struct answer get_text(struct redis_data *d, const struct command *c)
{
    const struct redis_key *k = redis_data_find(d, c->at[1]);
    if (k != NULL && k->type != REDIS_STRING)
        return wrong_type();
    return answer_value(k != NULL ? k->items[0].value : NULL);
}

static struct answer expire(struct redis_data *d, const struct command *c)
{
    struct redis_key *k = redis_data_find(d, c->at[1]);
    if (k == NULL)
        return integer(0);
    k->expires_us = process_true_us + command_number(c->at[2]) * 1000;
    redis_data_touch(d, c->at[1]);
    return integer(1);
}

bool command_names(const struct command *c, const char *name)
{
    return text_equal(c->at[0], text_of(name));
}

static const char *const writing[] = {"HSET",   "HDEL",   "SADD",        "SREM", "ZADD", "ZREM",
                                      "UNLINK", "RENAME", "ZUNIONSTORE", "XADD", "SET",  "PEXPIRE"};

bool command_writes(const struct command *c)
{
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++)
        if (command_names(c, writing[i]))
            return true;
    return false;
}

struct answer command_run(struct redis_data *d, const struct command *c)
{
    if (command_names(c, "HSET"))
        return put_all(d, c, REDIS_HASH);
    if (command_names(c, "ZADD"))
        return put_all(d, c, REDIS_ZSET);
    if (command_names(c, "SADD"))
        return put_all(d, c, REDIS_SET);
    if (command_names(c, "UNLINK"))
        return unlink_keys(d, c);
    if (command_names(c, "ZREM"))
        return drop_all(d, c, REDIS_ZSET);
    if (command_names(c, "SREM"))
        return drop_all(d, c, REDIS_SET);
    if (command_names(c, "HDEL"))
        return drop_all(d, c, REDIS_HASH);
    if (command_names(c, "RENAME"))
        return rename_key(d, c);
    if (command_names(c, "HMGET"))
        return get_some(d, c);
    if (command_names(c, "HGETALL"))
        return get_all(d, c);
    if (command_names(c, "PEXPIRE"))
        return expire(d, c);
    if (command_names(c, "SSCAN"))
        return scan_set(d, c);
    if (command_names(c, "ZUNIONSTORE"))
        return copy_zset(d, c);
    if (command_names(c, "XADD"))
        return append(d, c);
    if (command_names(c, "GET"))
        return get_text(d, c);
    if (command_names(c, "SET"))
        return set_text(d, c);
    if (command_names(c, "EXISTS"))
        return integer(redis_data_find(d, c->at[1]) != NULL);
    if (command_names(c, "PUBLISH") || command_names(c, "PING") || command_names(c, "SELECT") ||
        command_names(c, "AUTH"))
        return answer_okay();
    fprintf(stderr, "the simulator's Redis does not know %.*s\n", (int)c->at[0].len, c->at[0].at);
    abort();
}
