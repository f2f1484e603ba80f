/* ring.h - a bounded queue of variable-sized records between two threads, without a lock.
 *
 * One thread pushes, one pops. A record begins with its uint32_t size (a multiple of 8, not 0).
 * Thread: as each function says. Memory: ring_create to ring_destroy.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* bytes: a power of two of at least 64 KiB. Ends the process where the system has no eventfd. */
struct ring *ring_create(size_t bytes);
/* NULL is allowed. Both threads must be done with it. */
void ring_destroy(struct ring *r);

/* Producer: room for a record of up to `most` bytes (at most a quarter of the ring), aligned to 8, or NULL
 * while the ring is full. Nothing is visible before ring_commit; a second reserve without commit gives
 * the same room. */
void *ring_reserve(struct ring *r, uint32_t most);
/* Producer: hands over the record that was written into the reserved room; its first uint32_t is its size. */
void ring_commit(struct ring *r);
/* Producer: sleeps until the ring has drained to half, ring_wake_producer is called, a signal comes or the
 * time is over; at once where there is room already. True: there is room for `most` bytes. */
bool ring_wait_room(struct ring *r, uint32_t most, int timeout_ms);

/* Consumer: the oldest record, or NULL. It stays valid until ring_pop. */
const void *ring_front(struct ring *r);
void ring_pop(struct ring *r);
/* Consumer: the oldest records, at most `most`, in order; how many there are. They stay valid until ring_pop_some, which takes
 * all of them out at once, for less than one after the other. No ring_pop in between. */
unsigned ring_front_some(struct ring *r, const void **out, unsigned most);
void ring_pop_some(struct ring *r);
/* Consumer: sleeps until there is a record, ring_wake is called, a signal comes or the time is over (it may
 * also return early for nothing). True: there is a record. */
bool ring_wait(struct ring *r, int timeout_ms);

/* Any thread: ends a ring_wait early; one that has not begun returns at once. */
void ring_wake(struct ring *r);
/* Any thread: the same for ring_wait_room. */
void ring_wake_producer(struct ring *r);

/* Any thread: bytes waiting, an estimate. */
size_t ring_used(const struct ring *r);
/* Any thread: the size it was created with. */
size_t ring_size(const struct ring *r);
