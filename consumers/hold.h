/* hold.h - reading stands still while kpid's own memory is at limits.memory_max: whoever is ended for want of memory reads
 * nothing either, and starts again into the same. Nothing is lost while the topics keep what is not read.
 *
 * Meanwhile nothing is fetched, so the brokers are asked how far behind it is, and the writer is told of each partition that
 * has more: what it has is not live then, walls say so, and rules do not judge windows that only empty.
 *
 * Thread: the consumer's.
 */
#pragma once
#include "consumers/reading.h"

/* Before the first message, and after each: true when reading is to stand still from now on. Looks at memory only now and
 * then. */
bool hold_begins(struct consumer *c);
/* Before reading goes on: true while it must not. */
bool hold_lasts(struct consumer *c);
