/* hold.h - reading stands still while kpid's own memory is at limits.memory_max: whoever is ended for want of memory reads
 * nothing either, and starts again into the same. Nothing is lost: Kafka holds what is not read.
 *
 * Thread: the consumer's.
 */
#pragma once
#include "consumers/reading.h"

/* After each message: true when reading is to stand still from now on; looks at memory only now and then. */
bool hold_begins(struct consumer *c);
/* Before reading goes on: true while it must not. */
bool hold_lasts(struct consumer *c);
