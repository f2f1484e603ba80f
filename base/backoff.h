/* backoff.h - how long to wait before the next attempt. Thread: any; pure. */
#pragma once
#include <stdint.h>

/* After the attempt that failed as the `failures`th in a row (1 ...): doubles from `first` to `most`, the half of it
 * drawn by `seed`, so that many that failed together do not come back together. In the unit of `first`; the same
 * arguments give the same wait. */
int64_t backoff_wait(int64_t first, int64_t most, unsigned failures, uint64_t seed);
