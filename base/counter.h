/* counter.h - numbers and flags that one thread changes and others read: metrics, stop flags.
 *
 * struct counter: any number of threads add, any reads; nothing else is ordered by it.
 * struct counter_board: one writer shows a row of numbers that belong together; a reader gets
 * all of one showing, never a mixture (a sequence lock; source: Boehm, "Can seqlocks get along
 * with programming language memory models?", 2012).
 * struct flag: set once by any thread or a signal handler, read by any.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct counter {
    _Atomic int64_t value;
};

void counter_add(struct counter *c, int64_t n);
void counter_set(struct counter *c, int64_t n); /* a gauge */
int64_t counter_get(const struct counter *c);

#define COUNTER_BOARD_MAX 64

struct counter_board {
    _Atomic uint32_t sequence;
    _Atomic int64_t values[COUNTER_BOARD_MAX];
};

/* Writer: shows count (<= COUNTER_BOARD_MAX) numbers at once. */
void counter_board_show(struct counter_board *b, const int64_t *values, unsigned count);
/* Any reader: never waits for long; repeats while the writer is showing. */
void counter_board_read(const struct counter_board *b, int64_t *out, unsigned count);

struct flag {
    atomic_bool set;
};

void flag_set(struct flag *f);
bool flag_get(const struct flag *f);
