/* aggregators/copying.c, daemon/checkpointer.c and recovery: records are copied one after the other while events go on, and
 * committed with the offset of before the first copy; a crash at any step begins again from the last commit.
 *
 * A record is what its events say, here the set of them as bits; an event is for one of two records. One partition.
 *
 * Shown: when the log has been read, each record is all that was told of it, whatever crashed; what is shown is always what
 * the events up to the offset say, no more and no less; no event is counted twice or not at all.
 *
 * Broken variants: LATE_OFFSET (the offset of after the copies is committed), SHOW_EARLY (shown before it is whole),
 * FORGET_FAILED (a round that was not stored is not copied again), FORGET_CHANGED (what changes after its copy is not in
 * the next round). */
#define EVENTS 4
#define RECORDS 2
#define CRASHES 2

byte record_of[EVENTS];        /* which record an event is for */
byte store[RECORDS];
byte stored_offset, stored_reached, stored_read;

active proctype kpid() {
    byte record[RECORDS], copy[RECORDS];
    bool changed[RECORDS], taken[RECORDS], in_round[RECORDS], copying;
    byte offset, reached, read, copy_offset, copy_read, i, k, crashes, want;
    /* the log */
    i = 0;
    do
    :: i == EVENTS -> break
    :: else -> if :: record_of[i] = 0 :: record_of[i] = 1 fi; i++
    od;
start:
    record[0] = store[0];
    record[1] = store[1];
    changed[0] = false;
    changed[1] = false;
    copying = false;
    offset = stored_offset;
    reached = stored_reached;
    read = stored_read;
    do
    :: offset < EVENTS -> /* an event */
        atomic {
            k = record_of[offset];
            if
            :: (record[k] & (1 << offset)) == 0 ->
                record[k] = record[k] | (1 << offset);
                changed[k] = true
            :: else
            fi;
            offset++;
            read++
        }
    :: !copying -> /* a round begins */
        atomic {
            copying = true;
            copy_offset = offset;
            copy_read = read;
            i = 0;
            do
            :: i == RECORDS -> break
            :: else ->
                taken[i] = changed[i];
                in_round[i] = changed[i];
                copy[i] = store[i];
                changed[i] = false;
                i++
            od
        }
    :: copying && (taken[0] || taken[1]) -> /* one copy */
        atomic {
            if
            :: taken[0] -> i = 0
            :: taken[1] -> i = 1
            fi;
            taken[i] = false;
            copy[i] = record[i]
        }
    :: copying && !taken[0] && !taken[1] -> /* the end of a round: the commit, or not */
        atomic {
            copying = false;
#ifdef FORGET_CHANGED
            changed[0] = false;
            changed[1] = false;
#endif
            if
            :: store[0] = copy[0];
               store[1] = copy[1];
#ifdef LATE_OFFSET
               stored_offset = offset;
               stored_read = read;
#else
               stored_offset = copy_offset;
               stored_read = copy_read;
#endif
               stored_reached = (offset > reached -> offset : reached)
            :: /* it is not stored */
#ifndef FORGET_FAILED
               i = 0;
               do
               :: i == RECORDS -> break
               :: else -> changed[i] = changed[i] || in_round[i]; i++
               od
#else
               skip
#endif
            fi
        }
#ifdef SHOW_EARLY
    :: true -> /* a snapshot */
#else
    :: offset >= reached -> /* a snapshot */
#endif
        atomic {
            want = 0;
            i = 0;
            do
            :: i == offset -> break
            :: else -> want = want | (1 << i); i++
            od;
            assert((record[0] | record[1]) == want);
            assert((record[0] & record[1]) == 0);
            assert(read == offset)
        }
    :: crashes < CRASHES -> crashes++; goto start
    :: offset == EVENTS && offset >= reached && !copying -> break
    od
}
