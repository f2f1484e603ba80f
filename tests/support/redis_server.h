/* redis_server.h - a real redis-server for a test, and a false one that answers what it is told.
 *
 * The real one listens on a free port, keeps nothing on disk and dies with the test.
 * Thread: one. Memory: start to stop. Errors end the process: a test cannot go on without.
 */
#pragma once
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct redis_server;

/* port 0: a free one. extra: one more option and its value, or NULL. Returns when it answers. */
struct redis_server *redis_server_start(int port, const char *extra, const char *value);
int redis_server_port(const struct redis_server *s);
/* Stops it as by kill -9: a new one on the same port begins empty. */
void redis_server_stop(struct redis_server *s);
/* SIGSTOP and SIGCONT: it accepts connections and answers nothing. */
void redis_server_freeze(struct redis_server *s);
void redis_server_thaw(struct redis_server *s);

/* A command as redisCommand takes it, on a connection of its own; never NULL. freeReplyObject is the caller's. */
redisReply *redis_ask(const struct redis_server *s, const char *format, ...);
/* The same where the reply is a text: into `out`, "" for nil; where it is a number, its digits. */
void redis_ask_text(const struct redis_server *s, char *out, size_t size, const char *format, ...);
/* All keys with their type and content as sorted text, one line a key; to compare two states. The caller frees it.
 * Keys with a suffix in `without` (NULL-terminated) are left out, and `as_of` and `seq` of hashes. */
char *redis_dump(const struct redis_server *s, const char *const *without);
/* The same with as_of and seq of hashes: when each of them changed. */
char *redis_dump_whole(const struct redis_server *s, const char *const *without);

/* Answers like an empty Redis, but for the commands of its script. */
struct fake_answer {
    const char *command; /* "WATCH"; "" = every command */
    const char *bytes;   /* what is answered instead; NULL: nothing, ever */
    size_t len;
    bool closes; /* and then hangs up */
};
struct fake_redis;
struct fake_redis *fake_redis_start(const struct fake_answer *script, size_t count);
int fake_redis_port(const struct fake_redis *f);
/* Connections accepted and commands read so far. */
int fake_redis_connections(const struct fake_redis *f);
int fake_redis_commands(const struct fake_redis *f);
void fake_redis_stop(struct fake_redis *f);

/* Stands between a client and a real one, and can lose the answer to a transaction that was done. */
struct redis_proxy;
struct redis_proxy *redis_proxy_start(const struct redis_server *s);
int redis_proxy_port(const struct redis_proxy *p);
/* The next EXEC reaches the server, and then the connection is over. */
void redis_proxy_lose_exec(struct redis_proxy *p);
void redis_proxy_stop(struct redis_proxy *p);
