/* heap.h - the memory of processes: each piece belongs to the process in whose name it was allocated, or to the simulator.
 *
 * In the place of malloc and its like, for all code that is linked in; libraries have their own (jansson and hiredis are
 * led here: simulator.c, redis_link.c). Thread: one.
 */
#pragma once

struct process;

/* All that it holds. */
void heap_free_all(struct process *p);
