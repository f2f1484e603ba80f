/* step.h - one thing that happens in a world: an instance goes on or is killed, time passes, something breaks.
 *
 * Thread: one.
 */
#pragma once
#include <stdint.h>

/* X(symbol, what a person reads) */
#define STEP_TABLE(X)                                     \
    X(SEND, "messages are sent")                          \
    X(READ, "a consumer reads")                           \
    X(RUN, "threads run")                                 \
    X(NUDGE, "a wait ends for nothing")                   \
    X(TICK, "a moment passes")                            \
    X(WAIT, "time passes")                                \
    X(LOOK, "a reader looks")                             \
    X(CRASH, "an instance is killed")                     \
    X(START, "an instance starts")                        \
    X(STOP, "an instance is stopped")                     \
    X(PAUSE, "an instance stands still")                  \
    X(RESUME, "it goes on")                               \
    X(JUMP, "a clock jumps")                              \
    X(REDIS_DOWN, "redis goes away")                      \
    X(REDIS_BACK, "redis comes back")                     \
    X(REDIS_MOOD, "redis refuses")                        \
    X(REDIS_CUT, "redis closes its connections")          \
    X(REDIS_LATE, "what was on its way to redis arrives") \
    X(REDIS_FLUSH, "redis is emptied")                    \
    X(REDIS_REPLICATE, "the replica has caught up")       \
    X(REDIS_FAIL_OVER, "the replica takes over")          \
    X(DISK, "a disk changes its mood")                    \
    X(DISK_LOST, "a disk is lost")                        \
    X(RECEIVER, "a receiver changes its mood")            \
    X(TRIM, "the log loses its oldest messages")

enum step_kind {
#define X(symbol, text) STEP_##symbol,
    STEP_TABLE(X)
#undef X
        STEP_KIND_COUNT
};

struct step {
    enum step_kind kind;
    uint64_t seed;
};

/* Draws from the step's own seed alone. Then what must hold at every moment is checked. */
void step_take(const struct step *s);
void step_check(void);
