/* floor_queue.h - events on their way to Kafka, ordered by their arrival: a binary heap.
 *
 * Equal arrivals leave in the order in which they came, so a run is the same everywhere.
 *
 * Thread: one. Memory: the queue's own; it holds its events (floor_event.h) until they are popped.
 * Cost: O(log n) for push and pop.
 */
#pragma once
#include "daemon/floor_event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct floor_parcel {
    int64_t arrival_us;
    uint64_t order; /* set by the queue */
    struct floor_event *event;
    uint64_t garbage; /* 0: the event itself; else the dice of a broken message in its stead */
    bool repeat;
};

struct floor_queue {
    struct floor_parcel *at;
    size_t count, room;
    uint64_t pushed;
};

void floor_queue_init(struct floor_queue *q);
/* Releases what is still inside. */
void floor_queue_fini(struct floor_queue *q);
/* Takes the parcel and one hold of its event. */
void floor_queue_push(struct floor_queue *q, struct floor_parcel p);
/* The earliest arrival, INT64_MAX where the queue is empty. */
int64_t floor_queue_next_us(const struct floor_queue *q);
/* False: empty. The caller releases the event. */
bool floor_queue_pop(struct floor_queue *q, struct floor_parcel *out);
