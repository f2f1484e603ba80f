/* daemon/exchange.c over base/handoff.c, as daemon/outlet.c uses it: two snapshots go round between the writer and one reader, without a queue or a
 * lock. A snapshot has two halves, so that a torn one would be seen.
 *
 * Shown: a snapshot belongs to one of the two at any time, the reader never sees halves of two cuts, nor an older cut after
 * a newer one, each cut that is handed over arrives, and neither of them sleeps for ever.
 *
 * Broken variants: FILL_AFTER (the writer fills what it has handed over already), ONE_PLACE (both come back by one place),
 * NO_BELL (what comes back wakes nobody). */
#define CUTS 4
#define NONE 2

byte waiting = NONE;           /* handoff: which snapshot waits */
byte back[2] = NONE;           /* a place for each on its way back */
byte first[2], second[2];      /* halves */
byte owner[2];                 /* 0 writer, 1 reader, 2 on its way */
byte reader_token, bell;       /* eventfds */

inline wake(token) { if :: token == 0 -> token = 1 :: else fi }

active proctype writer() {
    byte cut = 1, spare[2], spares = 2, s, i;
    spare[0] = 0;
    spare[1] = 1;
    do
    :: cut > CUTS -> break
    :: else ->
        /* collect */
        i = 0;
        do
        :: i == 2 -> break
        :: else ->
            if
            :: back[i] != NONE ->
                atomic { s = back[i]; back[i] = NONE };
                assert(spares < 2);
                assert(owner[s] == 2);
                owner[s] = 0;
                spare[spares] = s;
                spares++
            :: else
            fi;
            i++
        od;
        if
        :: spares > 0 && waiting == NONE ->
            spares--;
            s = spare[spares];
            assert(owner[s] == 0);
#ifdef FILL_AFTER
            owner[s] = 2;
            waiting = s;
            wake(reader_token);
            first[s] = cut;
            second[s] = cut;
#else
            first[s] = cut;
            second[s] = cut;
            owner[s] = 2;
            assert(waiting == NONE);
            waiting = s;
            wake(reader_token);
#endif
            cut++
        :: else -> (bell > 0) -> bell = 0 /* it sleeps; what it looks at next is looked at after the token is gone */
        fi
    od
}

active proctype reader() {
    byte seen = 0, s, i;
    do
    :: seen == CUTS -> break
    :: else ->
        atomic { s = waiting; waiting = NONE };
        if
        :: s == NONE -> (reader_token > 0) -> reader_token = 0
        :: else ->
            assert(owner[s] == 2);
            owner[s] = 1;
            /* the place is free again: the writer may wait for that, too */
            assert(first[s] == second[s]);
            assert(first[s] > seen);
            seen = first[s];
            owner[s] = 2;
            i = 0;
#ifndef ONE_PLACE
            do
            :: back[i] == NONE -> break
            :: else -> i++; assert(i < 2)
            od;
#endif
            assert(back[i] == NONE);
            back[i] = s;
#ifndef NO_BELL
            wake(bell)
#endif
        fi
    od
}
