/* trouble.h - what can be wrong with Redis, told apart: by its own words, by the system's, or by TLS.
 *
 * Thread: any, one thread a failure. Memory: none. */
#pragma once
#include "base/text.h"

/* X(symbol, first word of Redis' error reply or "", name in metrics, what a person should know) */
#define REDIS_TROUBLE_TABLE(X)                                                                                  \
    X(NONE, "", "none", "no trouble")                                                                           \
    X(CONNECT, "", "connect", "it cannot be reached")                                                           \
    X(TIMEOUT, "", "timeout", "it did not answer in time")                                                      \
    X(CLOSED, "", "closed", "it closed the connection")                                                         \
    X(PROTOCOL, "", "protocol", "what answers does not speak Redis' protocol")                                  \
    X(TLS, "", "tls", "no encrypted connection comes about: see redis.tls")                                     \
    X(SENTINEL, "", "sentinel", "no sentinel says which one is the master")                                     \
    X(NOT_MASTER, "", "not_master", "the sentinels name one that is no master, or not yet")                     \
    X(DEPOSED, "", "deposed", "the sentinels name another master by now")                                       \
    X(LOADING, "LOADING", "loading", "it is loading its data set")                                              \
    X(BUSY, "BUSY", "busy", "a script keeps it busy")                                                           \
    X(READONLY, "READONLY", "readonly", "it is a replica: publish to its master")                               \
    X(MASTERDOWN, "MASTERDOWN", "masterdown", "it is a replica that has lost its master")                       \
    X(CLUSTERDOWN, "CLUSTERDOWN", "clusterdown", "its cluster is down")                                         \
    X(TRYAGAIN, "TRYAGAIN", "tryagain", "its cluster is moving the keys")                                       \
    X(MOVED, "MOVED", "moved", "another node of its cluster has the keys: set redis.host to that one")          \
    X(ASK, "ASK", "ask", "its cluster is moving the keys to another node")                                      \
    X(OOM, "OOM", "oom", "it has no memory left: raise maxmemory")                                              \
    X(MISCONF, "MISCONF", "misconf", "it cannot save to its disk and refuses writes")                           \
    X(NOREPLICAS, "NOREPLICAS", "noreplicas", "it has fewer replicas than it is told to write with")            \
    X(NOSCRIPT, "NOSCRIPT", "noscript", "it does not know a script")                                            \
    X(NOAUTH, "NOAUTH", "noauth", "it wants a password: set redis.password")                                    \
    X(WRONGPASS, "WRONGPASS", "wrongpass", "it refuses the user or the password")                               \
    X(NOPERM, "NOPERM", "noperm", "the user may not do this: see docs/redis.md for the rights that kpid needs") \
    X(WRONGTYPE, "WRONGTYPE", "wrongtype", "one of our keys holds something else")                              \
    X(EXECABORT, "EXECABORT", "execabort", "it refused the transaction")                                        \
    X(OTHER, "", "other", "it refuses a command")

enum redis_trouble {
#define X(symbol, word, name, text) TROUBLE_##symbol,
    REDIS_TROUBLE_TABLE(X)
#undef X
        TROUBLE_COUNT
};

const char *redis_trouble_name(enum redis_trouble t);
const char *redis_trouble_text(enum redis_trouble t);
/* By the first word of an error reply; TROUBLE_OTHER where it is none of the table's. */
enum redis_trouble redis_trouble_of(struct text error_reply);

struct redis_failure {
    enum redis_trouble trouble;
    char detail[128]; /* the server's or the system's words, made printable */
};

/* Notes a trouble unless one is noted already: the first one is the cause. */
void redis_failure_note(struct redis_failure *f, enum redis_trouble t, struct text detail);
/* The same in the system's words for an errno. */
void redis_failure_note_system(struct redis_failure *f, enum redis_trouble t, int error);
