/* Positions count bytes since the start and never wrap in practice; a place in memory is the position
 * modulo the size. A record is never split: where it does not fit before the end of the memory, the
 * producer writes a size of 0 there, which tells the consumer to go on at the beginning.
 *
 * Orders, and what pairs with what:
 *
 * tail: commit (release) -> front (acquire): the consumer sees the record's bytes.
 * head: pop (release) -> reserve (acquire): the producer overwrites only what was read to the end.
 *
 * Sleeping is Dekker's pattern, for which release and acquire are not enough: the sleeper stores
 * "I sleep" and then loads the other's position; the other stores its position and then loads "does it
 * sleep?". All four are seq_cst, so in their single order at least one of the two loads sees the other's
 * store: either the sleeper sees the new position and stays awake, or it is woken. (No fences: the
 * thread sanitizer knows none.)
 *
 * The producer is woken only when the ring has drained to half, so that a full ring does not cost two
 * context switches a record; a quarter of the ring is the largest record, and the skipped end is
 * smaller than a record, so that half is always enough for it.
 */
#include "base/ring.h"
#include "base/error.h"
#include "base/wake.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_LINE 64

struct ring {
    char *memory;
    size_t size, mask;

    /* producer's line */
    _Alignas(CACHE_LINE) _Atomic size_t tail; /* behind the newest record; written by the producer */
    size_t head_seen;                         /* the producer's last look at head */
    size_t reserved;                          /* where the reserved room begins, behind a skip */
    uint32_t reserved_size;

    /* consumer's line */
    _Alignas(CACHE_LINE) _Atomic size_t head; /* the oldest record; written by the consumer */
    size_t tail_seen;                         /* the consumer's last look at tail */
    size_t given;                             /* behind what ring_front_some gave last */

    /* who sleeps; seldom written */
    _Alignas(CACHE_LINE) atomic_bool consumer_sleeps;
    atomic_bool producer_sleeps;
    int consumer_fd, producer_fd;
};

struct ring *ring_create(size_t bytes)
{
    REQUIRE(bytes >= 65536 && (bytes & (bytes - 1)) == 0);
    struct ring *r = aligned_alloc(CACHE_LINE, sizeof *r);
    REQUIRE(r != NULL);
    memset(r, 0, sizeof *r);
    r->memory = aligned_alloc(CACHE_LINE, bytes);
    REQUIRE(r->memory != NULL);
    r->size = bytes;
    r->mask = bytes - 1;
    r->consumer_fd = wake_open();
    r->producer_fd = wake_open();
    return r;
}

void ring_destroy(struct ring *r)
{
    if (r == NULL)
        return;
    close(r->consumer_fd);
    close(r->producer_fd);
    free(r->memory);
    free(r);
}

static uint32_t size_at(const struct ring *r, size_t position)
{
    uint32_t size;
    memcpy(&size, r->memory + (position & r->mask), sizeof size);
    return size;
}

/* Where a record of `most` bytes would begin if it were put at `tail`. */
static size_t place_for(const struct ring *r, size_t tail, uint32_t most)
{
    size_t to_end = r->size - (tail & r->mask);
    return most <= to_end ? tail : tail + to_end;
}

static bool fits(const struct ring *r, size_t head, size_t place, uint32_t most)
{
    return place + most - head <= r->size;
}

void *ring_reserve(struct ring *r, uint32_t most)
{
    most = (most + 7) & ~7u;
    REQUIRE(most >= 8 && most <= r->size / 4);
    /* Only this thread changes tail. */
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t place = place_for(r, tail, most);
    if (!fits(r, r->head_seen, place, most)) {
        /* Acquire: pairs with the store in ring_pop. */
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (!fits(r, r->head_seen, place, most))
            return NULL;
    }
    if (place != tail)
        memset(r->memory + (tail & r->mask), 0, sizeof(uint32_t));
    r->reserved = place;
    r->reserved_size = most;
    return r->memory + (place & r->mask);
}

void ring_commit(struct ring *r)
{
    uint32_t size = size_at(r, r->reserved);
    REQUIRE(size != 0 && size % 8 == 0 && size <= r->reserved_size);
    r->reserved_size = 0; /* a second commit is a bug */
    /* Release: pairs with the load in ring_front. seq_cst: before the load below, see the top. */
    atomic_store_explicit(&r->tail, r->reserved + size, memory_order_seq_cst);
    if (atomic_load_explicit(&r->consumer_sleeps, memory_order_seq_cst) &&
        atomic_exchange_explicit(&r->consumer_sleeps, false, memory_order_seq_cst))
        wake_send(r->consumer_fd);
}

bool ring_wait_room(struct ring *r, uint32_t most, int timeout_ms)
{
    if (ring_reserve(r, most) != NULL)
        return true;
    atomic_store_explicit(&r->producer_sleeps, true, memory_order_seq_cst);
    /* seq_cst: behind the store above, and pairs with the store in ring_pop, see the top. */
    r->head_seen = atomic_load_explicit(&r->head, memory_order_seq_cst);
    if (ring_reserve(r, most) == NULL)
        wake_wait(r->producer_fd, timeout_ms);
    atomic_store_explicit(&r->producer_sleeps, false, memory_order_seq_cst);
    return ring_reserve(r, most) != NULL;
}

const void *ring_front(struct ring *r)
{
    /* Only this thread changes head. */
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head == r->tail_seen) {
        /* Acquire: pairs with the store in ring_commit. */
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head == r->tail_seen)
            return NULL;
    }
    if (size_at(r, head) == 0) {
        head += r->size - (head & r->mask);
        /* Release: pairs with the load in ring_reserve, as in ring_pop. A record always follows the skip. */
        atomic_store_explicit(&r->head, head, memory_order_release);
    }
    return r->memory + (head & r->mask);
}

/* No more is asked for ahead: it would not stay in the nearest cache. */
enum { FETCH_MOST = 8192 };

/* What comes next lies in the producer's cache. Where a record begins is known only by the one before it, so that whoever goes
 * from one to the other waits for each: as many bytes as were taken now are asked for here, while those are worked at. */
static void fetch_next(const struct ring *r, size_t from, size_t taken)
{
    size_t bytes = taken < FETCH_MOST ? taken : FETCH_MOST;
    size_t to = r->tail_seen - from < bytes ? r->tail_seen : from + bytes;
    for (size_t at = from - from % CACHE_LINE; at < to; at += CACHE_LINE)
        __builtin_prefetch(r->memory + (at & r->mask));
}

unsigned ring_front_some(struct ring *r, const void **out, unsigned most)
{
    unsigned count = 0;
    if (most == 0 || ring_front(r) == NULL) /* which passes over the skipped end, and looks at tail */
        return 0;
    size_t begin = atomic_load_explicit(&r->head, memory_order_relaxed), at = begin;
    while (count < most) {
        if (at == r->tail_seen) /* Acquire: as in ring_front. */
            r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (at == r->tail_seen)
            break;
        if (size_at(r, at) == 0)
            at += r->size - (at & r->mask);
        out[count++] = r->memory + (at & r->mask);
        at += size_at(r, at);
    }
    r->given = at;
    fetch_next(r, at, at - begin);
    return count;
}

static void pop_until(struct ring *r, size_t next)
{
    /* Release: pairs with the load in ring_reserve. seq_cst: before the load below, see the top. */
    atomic_store_explicit(&r->head, next, memory_order_seq_cst);
    if (!atomic_load_explicit(&r->producer_sleeps, memory_order_seq_cst))
        return;
    /* A full ring has its newest tail in view here: the sleeper committed it before it slept. */
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - next <= r->size / 2 && atomic_exchange_explicit(&r->producer_sleeps, false, memory_order_seq_cst))
        wake_send(r->producer_fd);
}

void ring_pop(struct ring *r)
{
    const void *front = ring_front(r);
    REQUIRE(front != NULL);
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    pop_until(r, head + size_at(r, head));
}

void ring_pop_some(struct ring *r)
{
    pop_until(r, r->given);
}

bool ring_wait(struct ring *r, int timeout_ms)
{
    if (ring_front(r) != NULL)
        return true;
    atomic_store_explicit(&r->consumer_sleeps, true, memory_order_seq_cst);
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    /* seq_cst: behind the store above, and pairs with the store in ring_commit, see the top. */
    if (atomic_load_explicit(&r->tail, memory_order_seq_cst) == head)
        wake_wait(r->consumer_fd, timeout_ms);
    atomic_store_explicit(&r->consumer_sleeps, false, memory_order_seq_cst);
    return ring_front(r) != NULL;
}

void ring_wake(struct ring *r)
{
    wake_send(r->consumer_fd);
}

void ring_wake_producer(struct ring *r)
{
    wake_send(r->producer_fd);
}

size_t ring_used(const struct ring *r)
{
    /* Two looks at two moments: head may have moved past the tail that was seen. */
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    return head < tail ? tail - head : 0;
}

size_t ring_size(const struct ring *r)
{
    return r->size;
}
