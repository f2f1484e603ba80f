/* base/ring.c: one producer, one consumer, records of one or two units in a ring of eight, sleeping on both sides without
 * time-outs. Each atomic step of the code is a step here; memory is sequentially consistent, which for the four seq_cst
 * accesses it is (what release and acquire must show, the thread sanitizer watches).
 *
 * Shown: records come out in order and as they were written, none is overwritten while it may be read, and both come to
 * their end from every state: no wake-up is lost.
 *
 * Broken variants: SLEEP_LATE (the sleeper says so after its look), WAKE_NEVER_FULL (the producer is woken only by an
 * empty ring that it cannot wait for), OVERWRITE (room is counted without the skip). */
#define SIZE 8
#define MASK 7
#define MOST 2          /* units of the largest record: a quarter of the ring */
#define RECORDS 5

byte memory[SIZE];      /* of a record: its number in every unit; 0 at its first unit: skip to the end */
byte sizes[SIZE];
byte head, tail;
bool consumer_sleeps, producer_sleeps;
byte consumer_token, producer_token; /* eventfds */

inline wake(token) { if :: token == 0 -> token = 1 :: else fi }

inline place_for(at, most, out) {
    if
    :: most <= SIZE - (at & MASK) -> out = at
    :: else -> out = at + SIZE - (at & MASK)
    fi
}

#ifdef OVERWRITE
#define fits(place, most) (tail + most - seen <= SIZE)
#else
#define fits(place, most) (place + most - seen <= SIZE)
#endif

active proctype producer() {
    byte n = 1, seen, place, size;
    do
    :: n > RECORDS -> break
    :: else ->
        if :: size = 1 :: size = 2 fi;
        /* ring_reserve, and ring_wait_room where it does not fit; room is reserved for the largest record */
        place_for(tail, MOST, place);
        do
        :: fits(place, MOST) -> break
        :: else ->
            seen = head;
            if
            :: fits(place, MOST) -> break
            :: else ->
#ifdef SLEEP_LATE
                seen = head;
                producer_sleeps = true;
#else
                producer_sleeps = true;
                seen = head;
#endif
                if
                :: fits(place, MOST) -> skip
                :: else -> (producer_token > 0) -> producer_token = 0
                fi;
                producer_sleeps = false;
                seen = head
            fi
        od;
        if :: place != tail -> sizes[tail & MASK] = 0 :: else fi;
        memory[place & MASK] = n;
        sizes[place & MASK] = size;
        if :: size == 2 -> memory[(place + 1) & MASK] = n :: else fi;
        /* ring_commit */
        tail = place + size;
        if
        :: consumer_sleeps -> consumer_sleeps = false; wake(consumer_token)
        :: else
        fi;
        n++
    od
}

active proctype consumer() {
    byte n = 1, seen, size;
    do
    :: n > RECORDS -> break
    :: else ->
        /* ring_wait */
        do
        :: head != seen -> break
        :: else ->
            seen = tail;
            if
            :: head != seen -> break
            :: else ->
#ifdef SLEEP_LATE
                seen = tail;
                consumer_sleeps = true;
#else
                consumer_sleeps = true;
                seen = tail;
#endif
                if
                :: seen == head -> (consumer_token > 0) -> consumer_token = 0
                :: else
                fi;
                consumer_sleeps = false;
                seen = tail
            fi
        od;
        /* ring_front */
        if
        :: sizes[head & MASK] == 0 -> head = head + SIZE - (head & MASK)
        :: else
        fi;
        size = sizes[head & MASK];
        assert(size == 1 || size == 2);
        assert(memory[head & MASK] == n);
        if :: size == 2 -> assert(memory[(head + 1) & MASK] == n) :: else fi;
        /* ring_pop */
        head = head + size;
        if
        :: producer_sleeps ->
#ifdef WAKE_NEVER_FULL
            if
            :: tail - head > SIZE -> producer_sleeps = false; wake(producer_token)
            :: else
            fi
#else
            if
            :: tail - head <= SIZE / 2 -> producer_sleeps = false; wake(producer_token)
            :: else
            fi
#endif
        :: else
        fi;
        n++
    od
}
