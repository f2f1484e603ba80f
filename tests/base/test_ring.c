#include "base/counter.h"
#include "base/error.h"
#include "base/ring.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <string.h>

#define RING_BYTES 65536
#define RECORD_MAX 2048u

struct record {
    uint32_t size;
    uint32_t number;
    unsigned char bytes[];
};

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void push(struct ring *r, uint32_t number, uint32_t size)
{
    struct record *record = ring_reserve(r, size);
    cr_assert(record != NULL);
    record->size = size;
    record->number = number;
    ring_commit(r);
}

static uint32_t pop(struct ring *r)
{
    const struct record *record = ring_front(r);
    cr_assert(record != NULL);
    uint32_t number = record->number;
    ring_pop(r);
    return number;
}

Test(ring, gives_records_in_order)
{
    struct ring *r = ring_create(RING_BYTES);

    cr_expect(ring_front(r) == NULL);
    push(r, 1, 8);
    push(r, 2, 16);
    push(r, 3, 2048);

    cr_expect(eq(sz, ring_used(r), 8 + 16 + 2048));
    cr_expect(eq(u32, pop(r), 1));
    cr_expect(eq(u32, pop(r), 2));
    cr_expect(eq(u32, pop(r), 3));
    cr_expect(ring_front(r) == NULL);
    cr_expect(eq(sz, ring_used(r), 0));
    ring_destroy(r);
}

/* Some at a time are the same records, over the end of the memory as well. */
Test(ring, gives_some_at_a_time)
{
    struct ring *r = ring_create(RING_BYTES);
    uint32_t pushed = 0, popped = 0, seed = 7;
    while (popped < 20000) {
        for (uint32_t some = next_random(&seed) % 40; some > 0; some--) {
            uint32_t size = 8 + next_random(&seed) % 255 * 8;
            if (ring_reserve(r, size) != NULL)
                push(r, pushed++, size);
        }
        const void *out[20];
        unsigned most = next_random(&seed) % 20, count = ring_front_some(r, out, most);
        cr_assert_eq(count, pushed - popped < most ? pushed - popped : most);
        for (unsigned i = 0; i < count; i++)
            cr_assert_eq(((const struct record *)out[i])->number, popped++);
        if (count > 0)
            ring_pop_some(r);
        cr_assert(popped == pushed ? ring_front(r) == NULL : ring_front(r) != NULL);
    }
    ring_destroy(r);
}

/* A message that turns out to be filtered leaves no trace: what was reserved is reserved again. */
Test(ring, what_is_reserved_is_not_visible_before_commit)
{
    struct ring *r = ring_create(RING_BYTES);

    void *first = ring_reserve(r, 64);
    cr_expect(ring_front(r) == NULL);
    cr_expect(ring_reserve(r, 64) == first);
    ring_destroy(r);
}

/* Bounded memory: a full ring refuses, and takes again once something has left. */
Test(ring, refuses_while_full)
{
    struct ring *r = ring_create(RING_BYTES);
    uint32_t pushed = 0;
    while (ring_reserve(r, 1024) != NULL)
        push(r, pushed++, 1024);

    cr_expect(eq(u32, pushed, RING_BYTES / 1024));
    cr_expect(not(ring_wait_room(r, 1024, 0)));
    cr_expect(eq(u32, pop(r), 0));
    cr_expect(ring_wait_room(r, 1024, 0));
    push(r, pushed++, 1024);
    cr_expect(ring_reserve(r, 1024) == NULL);
    for (uint32_t i = 1; i < pushed; i++)
        cr_expect(eq(u32, pop(r), i));
    ring_destroy(r);
}

/* A record is never split at the end of the memory, whatever the place at which the end is met. */
Test(ring, goes_round_at_every_place)
{
    struct ring *r = ring_create(RING_BYTES);
    uint32_t pushed = 0, popped = 0;
    for (uint32_t size = 8; size <= RECORD_MAX; size += 8) {
        for (unsigned i = 0; i < 2 * RING_BYTES / size / 8; i++) {
            while (ring_reserve(r, size) == NULL)
                cr_assert(eq(u32, pop(r), popped++));
            push(r, pushed++, size);
        }
    }
    while (ring_front(r) != NULL)
        cr_assert(eq(u32, pop(r), popped++));
    cr_expect(eq(u32, popped, pushed));
    ring_destroy(r);
}

Test(ring, wake_ends_a_wait)
{
    struct ring *r = ring_create(RING_BYTES);
    ring_wake(r);
    cr_expect(not(ring_wait(r, -1))); /* would never come back */
    while (ring_reserve(r, 1024) != NULL)
        push(r, 0, 1024);
    ring_wake_producer(r);
    cr_expect(not(ring_wait_room(r, 1024, -1)));
    ring_destroy(r);
}

/* What one side sleeps for, the other must wake it for: waits without a time-out, so a lost wake-up hangs here. */
struct stress {
    struct ring *ring;
    uint32_t records;
    uint32_t seed;
};

static void *produce(void *argument)
{
    struct stress *s = argument;
    uint32_t state = s->seed;
    for (uint32_t i = 0; i < s->records; i++) {
        uint32_t size = 8 + next_random(&state) % (RECORD_MAX / 8) * 8;
        struct record *record;
        while ((record = ring_reserve(s->ring, RECORD_MAX)) == NULL)
            ring_wait_room(s->ring, RECORD_MAX, -1);
        record->size = size;
        record->number = i;
        memset(record->bytes, (int)(i & 0xff), size - sizeof *record);
        ring_commit(s->ring);
    }
    return NULL;
}

Test(ring, two_threads_lose_and_mix_nothing)
{
    const char *seed = getenv("SEED");
    struct stress s = {ring_create(RING_BYTES), 60000, seed != NULL ? (uint32_t)strtoul(seed, NULL, 10) : 2463534242u};
    pthread_t producer;
    REQUIRE(pthread_create(&producer, NULL, produce, &s) == 0);

    uint32_t state = s.seed;
    for (uint32_t i = 0; i < s.records; i++) {
        const struct record *record;
        while ((record = ring_front(s.ring)) == NULL)
            ring_wait(s.ring, -1);
        uint32_t size = 8 + next_random(&state) % (RECORD_MAX / 8) * 8;
        cr_assert(eq(u32, record->size, size), "SEED=%u", s.seed);
        cr_assert(eq(u32, record->number, i), "SEED=%u", s.seed);
        for (uint32_t at = 0; at < size - sizeof *record; at++)
            cr_assert(record->bytes[at] == (unsigned char)i, "SEED=%u record %u", s.seed, i);
        ring_pop(s.ring);
    }
    pthread_join(producer, NULL);
    cr_expect(ring_front(s.ring) == NULL);
    ring_destroy(s.ring);
}

/* The other rhythm: a ring that is nearly always empty, so that the consumer sleeps for every record. */
struct ping {
    struct ring *there, *back;
    uint32_t rounds;
};

static void *answer(void *argument)
{
    struct ping *p = argument;
    for (uint32_t i = 0; i < p->rounds; i++) {
        while (ring_front(p->there) == NULL)
            ring_wait(p->there, -1);
        push(p->back, pop(p->there), 8);
    }
    return NULL;
}

Test(ring, no_wake_up_is_lost_when_empty)
{
    struct ping p = {ring_create(RING_BYTES), ring_create(RING_BYTES), 20000};
    pthread_t other;
    REQUIRE(pthread_create(&other, NULL, answer, &p) == 0);
    for (uint32_t i = 0; i < p.rounds; i++) {
        push(p.there, i, 8);
        while (ring_front(p.back) == NULL)
            ring_wait(p.back, -1);
        cr_assert(eq(u32, pop(p.back), i));
    }
    pthread_join(other, NULL);
    ring_destroy(p.there);
    ring_destroy(p.back);
}
