/* lease.h - which instance publishes and tells alerts: the key `lease`, which expires unless its holder renews it.
 *
 * Its value is "<ready or waiting> <token> <process> <instance>". `waiting`: the holder has not read as far as what
 * stands in Redis; it only says so to readers, and one that has read as far may take its place. Whoever has the lease
 * claims the fence (fence.h), and that is what keeps a stale one from writing: the lease alone would not, since a
 * process may be stopped between a look and a write.
 *
 * Taken by SET NX PX, changed by WATCH - GET - MULTI, so that only one's own, or the very value that was looked at, is
 * ever replaced. A server that tells an expiry under WATCH and one that does not are both fine: a renewal that finds
 * nothing to renew is looked at again.
 *
 * Thread: the publisher's; may block as redis.h says. Memory: init to fini.
 */
#pragma once
#include "base/text.h"
#include "publishers/commands.h"
#include "publishers/keys.h"
#include "publishers/redis.h"
#include "publishers/token.h"
#include <stdbool.h>
#include <stdint.h>

struct lease {
    int64_t length_ms;
    char *instance;
    struct buffer process;  /* base/process.h */
    char token[TOKEN_SIZE]; /* of this object */
    bool held;              /* by the last look */
    bool ready;             /* what our value says */
    struct buffer other;    /* the instance that holds it, by the last look; empty: none */
};

enum lease_result {
    LEASE_HELD,   /* it is ours */
    LEASE_OTHERS, /* it is another one's: nothing was changed */
    LEASE_FAILED, /* the connection or the server: nobody knows */
};

void lease_init(struct lease *l, const char *instance, int64_t length_ms);
void lease_fini(struct lease *l);

/* Takes or renews it. ready: we have read as far as what stands. Another one's value is replaced only if it is waiting
 * and we are ready, or if it is of a process of the same name on this machine that has ended: our own predecessor. */
enum lease_result lease_seek(struct lease *l, struct redis *r, const struct keys *k, bool ready,
                             struct redis_failure *failure);
/* Renews it, ready or not as before; takes it again where it has expired and nobody has taken it since. */
enum lease_result lease_renew(struct lease *l, struct redis *r, const struct keys *k, struct redis_failure *failure);
/* Adds to a write under the fence: the lease lives on from there. Who owns the fence may say so: were the lease another
 * one's by now, that one would merely live a little longer. */
void lease_extend(const struct lease *l, struct commands *c, const struct keys *k);
/* Gives it up, if it is ours. False: the connection or the server. */
bool lease_release(struct lease *l, struct redis *r, const struct keys *k, struct redis_failure *failure);
/* We no longer have it, or do not know. */
void lease_forget(struct lease *l);
