/* ending.h - the end of a seed: faults stop, everything catches up, and what stands is judged.
 *
 * Thread: one.
 */
#pragma once

/* All is well from now on; what is dead may start again, one at least; what is still to be said is said. */
void ending_stop_faults(void);
/* Runs until one instance publishes live numbers of the whole log, and all alerts have been told; fails where that does
 * not come. */
void ending_settle(void);
/* The audit, the counts and the oracle. */
void ending_judge(void);
