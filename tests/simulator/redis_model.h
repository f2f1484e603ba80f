/* redis_model.h - a Redis as kpid sees it: keys, connections, WATCH and MULTI, and what can go wrong with it.
 *
 * It is also the judge of the fence: it knows which process a connection belongs to and which token that process claimed
 * last, and counts every write that is accepted from one that is not the holder.
 *
 * Thread: one. Memory: the simulator's, never a process'.
 */
#pragma once
#include "tests/simulator/redis_command.h"

#define REDIS_OWNERS_MAX 4

/* What the server refuses all writes with, as a whole. */
enum redis_mood { MOOD_FINE, MOOD_READONLY, MOOD_LOADING, MOOD_OOM, MOOD_MISCONF, MOOD_BUSY, MOOD_COUNT };

struct redis_connection;

struct redis_model {
    struct redis_data data, replica; /* the replica is as old as its last redis_replicate */
    struct redis_connection *connections;
    bool down;
    enum redis_mood mood;
    bool fence_unchecked; /* a planted fault: the fence says to each client what that client holds, and WATCH nothing */
    struct redis_hold {
        struct word *epoch, *token, *seq;
        bool lives;            /* the process that claimed does */
    } holds[REDIS_OWNERS_MAX]; /* by owner: what its last accepted claim and writes wrote */
    /* counted */
    int64_t claims, writes, refused, stale_accepted, went_back;
    bool has_replica;
};

void redis_model_init(struct redis_model *m);
void redis_model_fini(struct redis_model *m);

struct redis_connection *redis_model_connect(struct redis_model *m, unsigned owner);
/* The client has gone; what it had sent and nobody has executed (redis_model_delay) may be executed still. */
void redis_model_hang_up(struct redis_connection *c);
/* A process has died, and with it its ends of connections. */
void redis_model_owner_died(struct redis_model *m, unsigned owner);
bool redis_connection_is_open(const struct redis_connection *c);

/* Executes the bytes of a pipeline, at most `most` commands of it; answers in order, as many as were executed. The array
 * is the caller's. */
struct answer *redis_model_execute(struct redis_connection *c, struct text bytes, size_t most, size_t *out_count);
/* Sent, and on its way: either taken back for redis_model_execute, or executed by redis_model_late, when nobody waits for
 * the answer any more. */
void redis_model_delay(struct redis_connection *c, struct text bytes);
/* False: it has been executed, or the connection was cut. */
bool redis_model_take_back(struct redis_connection *c);
/* Executes the pipeline of one connection that is on its way, and closes the connection. False: there is none. */
bool redis_model_late(struct redis_model *m);

/* Closes all connections. */
void redis_model_cut(struct redis_model *m);
void redis_model_flush(struct redis_model *m);
void redis_model_replicate(struct redis_model *m);
/* The replica becomes the master, without what was written since. False: there is none. */
bool redis_model_fail_over(struct redis_model *m);

/* NULL: no such key. The name is whole, with its prefix. */
const struct redis_key *redis_model_find(struct redis_model *m, struct text name);
