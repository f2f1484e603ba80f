/* leftovers.h - what publishers before us left behind: keys of entities, windows and boards that are no more, and
 * stage keys of one that did not live to move them.
 *
 * Thread: the publisher's; may block as redis.h says. Memory: none kept.
 */
#pragma once
#include "publishers/batch.h"
#include "publishers/keys.h"
#include "publishers/redis.h"
#include <stdbool.h>
#include <stdint.h>

#define CURSOR_SIZE 32

/* Looks at some keys of the index, and gives those that the fill in `batch` has not written to batch_sweep.
 * cursor: "0" at first; when it is "0" again all have been seen. False: *failure says why. */
bool leftovers_sweep(struct redis *r, const struct keys *k, struct batch *batch, char cursor[CURSOR_SIZE],
                     struct redis_failure *failure);

/* Deletes the stage keys of epochs before this one. */
bool leftovers_unstage(struct redis *r, const struct keys *k, int64_t epoch, struct redis_failure *failure);
