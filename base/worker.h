/* worker.h - a thread that does one kind of thing for another thread, one at a time.
 *
 * What worker_begin's caller wrote before it is seen by the worker, and what the worker wrote by whoever has seen that it is done.
 * Thread: its owner's, but for what worker_create is given. Memory: worker_create to worker_destroy.
 */
#pragma once
#include <stdbool.h>

struct worker;

/* No thread runs before worker_begin. `name`: of the thread, at most 15 characters; borrowed. `work` is called there with `context`. */
struct worker *worker_create(const char *name, void (*work)(void *context), void *context);
/* Waits until it is done. NULL is allowed. */
void worker_destroy(struct worker *w);
/* It works; not while it does. After it has become done it calls tell(whom) on its thread, unless tell is NULL. False: the system
 * gives it no thread, and nothing has happened. */
bool worker_begin(struct worker *w, void (*tell)(void *whom), void *whom);
/* Whether it was begun and its owner has not seen yet that it is done. */
bool worker_is_busy(const struct worker *w);
/* Sees whether it is done; true as well where it is not busy. */
bool worker_look(struct worker *w);
/* Waits until it is done. */
void worker_wait(struct worker *w);
