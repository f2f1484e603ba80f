/* Orders, and what pairs with what:
 *
 * A counter is a number on its own; relaxed is enough.
 *
 * The board is a sequence lock without fences (the thread sanitizer knows none): every value is
 * stored with release and loaded with acquire. A reader that gets one value of a showing has
 * therefore also got the odd number that the writer stored before it, and sees that in its second
 * look at the sequence; on x86-64 all of these are plain moves.
 */
#include "base/counter.h"
#include "base/error.h"
#include <sched.h>

void counter_add(struct counter *c, int64_t n)
{
    atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}

void counter_set(struct counter *c, int64_t n)
{
    atomic_store_explicit(&c->value, n, memory_order_relaxed);
}

int64_t counter_get(const struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

void counter_board_show(struct counter_board *b, const int64_t *values, unsigned count)
{
    REQUIRE(count <= COUNTER_BOARD_MAX);
    /* Only this thread changes the sequence. */
    uint32_t sequence = atomic_load_explicit(&b->sequence, memory_order_relaxed);
    atomic_store_explicit(&b->sequence, sequence + 1, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        /* Release: carries the odd sequence to whoever acquires this value in counter_board_read. */
        atomic_store_explicit(&b->values[i], values[i], memory_order_release);
    }
    /* Release: pairs with the first load of counter_board_read; all values are out. */
    atomic_store_explicit(&b->sequence, sequence + 2, memory_order_release);
}

void counter_board_read(const struct counter_board *b, int64_t *out, unsigned count)
{
    REQUIRE(count <= COUNTER_BOARD_MAX);
    for (unsigned attempt = 1;; attempt++) {
        /* Acquire: pairs with the last store of counter_board_show. */
        uint32_t before = atomic_load_explicit(&b->sequence, memory_order_acquire);
        for (unsigned i = 0; i < count; i++) {
            /* Acquire: pairs with the store of this value in counter_board_show, and keeps the
             * second look at the sequence behind it. */
            out[i] = atomic_load_explicit(&b->values[i], memory_order_acquire);
        }
        uint32_t after = atomic_load_explicit(&b->sequence, memory_order_relaxed);
        if (before == after && before % 2 == 0)
            return;
        /* A writer that lost its processor in the middle needs it back. */
        if (attempt % 64 == 0)
            sched_yield();
    }
}

void flag_set(struct flag *f)
{
    /* Release: what was written before is there for whoever acquires it in flag_get. */
    atomic_store_explicit(&f->set, true, memory_order_release);
}

bool flag_get(const struct flag *f)
{
    /* Acquire: pairs with flag_set. */
    return atomic_load_explicit(&f->set, memory_order_acquire);
}
