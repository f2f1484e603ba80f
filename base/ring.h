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
void ring_destroy(struct ring *r);

/* Producer: room for a record of up to `most` bytes, aligned to 8, or NULL while the ring is full.
 * Nothing is visible before ring_commit; a second reserve without commit gives the same room. */
void *ring_reserve(struct ring *r, uint32_t most);
/* Producer: hands over the record that was written into the reserved room; its first uint32_t is its size. */
void ring_commit(struct ring *r);
/* Producer: sleeps until there is room for `most` bytes, or the time is over. True: there is room. */
bool ring_wait_room(struct ring *r, uint32_t most, int timeout_ms);

/* Consumer: the oldest record, or NULL. It stays valid until ring_pop. */
const void *ring_front(struct ring *r);
void ring_pop(struct ring *r);
/* Consumer: sleeps until there is a record, ring_wake is called, or the time is over. True: there is a record. */
bool ring_wait(struct ring *r, int timeout_ms);
/* Any thread: ends a ring_wait early. */
void ring_wake(struct ring *r);

/* Any thread: bytes waiting, an estimate. */
size_t ring_used(const struct ring *r);
