/* Bytes from whatever listens on Redis' port: the reader with its limits, then all that looks at a reply. */
#include "base/error.h"
#include "publishers/fence.h"
#include "publishers/redis.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const redisReply *reply)
{
    struct redis_failure failure = {0};
    struct standing standing;
    standing_init(&standing);
    if (standing_parse(reply, &standing)) {
        REQUIRE(standing.epoch >= 0 && standing.seq >= 0);
        REQUIRE(standing.exists == (standing.epoch > 0));
    }
    standing_fini(&standing);
    for (size_t queued = 0; queued < 3; queued++)
        (void)fence_judge_exec(reply, queued, &failure);
    if (reply->type == REDIS_REPLY_ERROR) {
        struct text error = {reply->str, reply->len};
        enum redis_trouble trouble = redis_trouble_of(error);
        REQUIRE(trouble > TROUBLE_NONE && trouble < TROUBLE_COUNT);
        struct redis_failure noted = {0};
        redis_failure_note(&noted, trouble, error);
        for (const char *c = noted.detail; *c != '\0'; c++)
            REQUIRE(*c >= ' ' && *c <= '~');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    redisReader *reader = redis_reader_create();
    struct redis_failure failure = {0};
    /* Fed as a network might: the first byte says in which pieces. */
    size_t piece = size > 0 ? data[0] % 16 + (size_t)1 : 1;
    for (size_t at = 1; at < size && failure.trouble == TROUBLE_NONE; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        if (redisReaderFeed(reader, (const char *)data + at, len) != REDIS_OK)
            break;
        for (redisReply *reply; (reply = redis_next_reply(reader, &failure)) != NULL;) {
            look_at(reply);
            freeReplyObject(reply);
        }
    }
    redisReaderFree(reader);
    return 0;
}
