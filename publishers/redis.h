/* redis.h - a connection to Redis: one buffer of commands out, as many replies back, every error told apart.
 *
 * A connection that failed once is closed and another one opened: hiredis 0.14 forgets the time-out
 * when it reconnects, and after a time-out nobody knows which reply belongs to which command.
 *
 * With config->tls all of it is encrypted (tls.h).
 *
 * Thread: the publisher's. Connecting, a handshake, each 64 KiB that are sent and each reply may take the configured time-out,
 * name resolution aside.
 * Memory: redis_open to redis_close. Errors: struct redis_failure, for whoever decides to log.
 */
#pragma once
#include "config/config.h"
#include "publishers/commands.h"
#include "publishers/trouble.h"
#include <hiredis/hiredis.h>
#include <stdbool.h>

struct redis;

/* Connects, authenticates, chooses the database. NULL: *out says why. */
struct redis *redis_open(const struct redis_config *config, struct redis_failure *out);
/* NULL is accepted. */
void redis_close(struct redis *r);

/* Sends all and reads all replies; gives the last one, or NULL: then *out says why, and the connection
 * is to be closed. An error reply to any of the commands is a failure. The caller frees it by
 * freeReplyObject. An error inside of an EXEC's reply is left to the caller. */
redisReply *redis_run(struct redis *r, const struct commands *c, struct redis_failure *out);

/* The next reply of a reader that has bytes, or NULL: no whole one yet, or (trouble noted) none at all.
 * Replies nested or sized beyond reason are refused. What redis_run uses; here for tests and fuzzers. */
redisReply *redis_next_reply(redisReader *reader, struct redis_failure *out);
/* A reader that refuses arrays beyond reason. */
redisReader *redis_reader_create(void);
