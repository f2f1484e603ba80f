/* fence.h - who may write: the hash `fence`, checked on the server in the same atomic step that writes.
 *
 * It holds epoch, token, seq, as_of, offsets and whole, and never expires. Every write is a MULTI under a WATCH
 * of it: accepted only while epoch and token are ours and seq is the one that we left there. A claim takes
 * epoch + 1 and a new random token; only who has the lease (lease.h) makes one. AMENDMENTS 1, 24, 40.
 *
 * Thread: the publisher's; may block as redis.h says. Memory: the caller's.
 */
#pragma once
#include "publishers/commands.h"
#include "publishers/keys.h"
#include "publishers/redis.h"
#include "publishers/token.h"
#include <stdbool.h>
#include <stdint.h>

/* What we hold. */
struct fence {
    int64_t epoch; /* 0: none yet */
    int64_t seq;   /* of our last write that was acknowledged */
    char token[TOKEN_SIZE];
};

/* What stands in Redis. */
struct standing {
    bool exists;
    int64_t epoch, seq;
    int64_t as_of_us; /* INSTANT_NONE: none */
    char token[TOKEN_SIZE];
    struct buffer offsets; /* JSON, as it was written; empty: none */
    bool partly;           /* the last write was a part of a fill: what stands is half of two things */
};

enum fence_result {
    FENCE_DONE,
    FENCE_FOREIGN, /* another one has claimed: nothing was written */
    FENCE_GONE,    /* the data set is not the one that we wrote: nothing was written; claim again */
    FENCE_DAMAGED, /* a command inside of the step failed: the others stand; claim again and write everything */
    FENCE_FAILED,  /* the connection or the server: nobody knows whether it was written; claim again */
};

void standing_init(struct standing *s);
void standing_fini(struct standing *s);

/* Reads the fields of HMGET epoch token seq as_of offsets whole. False: no such reply. Anything that is not
 * as it should be counts as not there. */
bool standing_parse(const redisReply *reply, struct standing *out);

/* FENCE_DONE or FENCE_FAILED. Only looks. */
enum fence_result fence_look(struct redis *r, const struct keys *k, struct standing *out,
                             struct redis_failure *failure);
/* The same, and watches the fence from before the read on. */
enum fence_result fence_read(struct redis *r, const struct keys *k, struct standing *out,
                             struct redis_failure *failure);

/* Directly after fence_read, in the same connection: takes the epoch after both the standing one and our own.
 * `also`: commands of the same step, taken, and empty afterwards; may be NULL. FENCE_FOREIGN: another claim came between. */
enum fence_result fence_claim(struct redis *r, const struct keys *k, const struct standing *standing,
                              struct commands *also, struct fence *fence, struct redis_failure *failure);

/* A write: fence_begin, then its commands are added to `c`, then fence_commit sends them. */
void fence_begin(struct commands *c);
/* What a write leaves behind. */
struct fence_mark {
    struct text as_of, offsets; /* JSON */
    bool partly;                /* others are to follow before it is whole */
};
/* seq becomes fence->seq + 1, together with what the write reflects. */
enum fence_result fence_commit(struct redis *r, const struct keys *k, struct fence *fence, struct commands *c,
                               const struct fence_mark *mark, struct redis_failure *failure);
/* A write that readers do not see (a stage): the fence is checked and stays as it is. */
enum fence_result fence_commit_unseen(struct redis *r, const struct keys *k, struct fence *fence, struct commands *c,
                                      struct redis_failure *failure);

/* What the reply to EXEC says, of a transaction with `queued` commands: FENCE_DONE; FENCE_FOREIGN for nil
 * (somebody touched the fence: read it to know more); FENCE_DAMAGED; FENCE_FAILED for what is no such reply. */
enum fence_result fence_judge_exec(const redisReply *reply, size_t queued, struct redis_failure *failure);
