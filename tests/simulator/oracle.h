/* oracle.h - what should stand: a fresh shard that is fed with the log, published into a Redis of its own by the real
 * publisher, and compared with the world's.
 *
 * Thread: one; no process at hand.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Looks at Redis as a reader does, and fails the seed where what stands is not what the log says at the offsets and the
 * instant that `meta` names. While a fill is under way, or nothing is published, there is nothing to compare. True: it
 * was compared. */
bool oracle_look(void);
/* At the end: as above, at the end of every partition and live; and what alerts have told. */
void oracle_judge(bool alerts);
/* `meta`: true and what it says, where it stands. */
bool oracle_meta(int64_t *out_as_of_us, bool *out_live);
