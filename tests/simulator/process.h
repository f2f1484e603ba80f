/* process.h - a process as the simulator has it: its memory, its threads and its clocks, in one real thread.
 *
 * The real daemon's threads run as tasks: each has a stack of its own and goes on when it is resumed, until it would
 * wait (base/wake.h, libcurl) or reaches a place where the simulator lets others run (process_pause). So every
 * interleaving of those places can be chosen by a seed, and is the same for the same seed. A process that is killed
 * leaves nothing: whatever it has allocated is freed, wherever its tasks stood.
 *
 * The linker puts functions of heap.c and system.c in the place of malloc, pthread_create, wake_wait, clock_now_us,
 * getrandom and the like (--wrap: CMakeLists.txt); the code under test is compiled as for the daemon.
 *
 * Thread: one.
 */
#pragma once
#include "tests/support/random.h"
#include <stdbool.h>
#include <stdint.h>

struct task;
struct block;

#define PROCESS_TASKS_MAX 12

struct process {
    unsigned number;
    struct block *blocks; /* its memory */
    struct task *tasks[PROCESS_TASKS_MAX];
    unsigned task_count;
    int64_t started_us; /* where its monotonic clock began */
    int64_t skew_us;    /* its wall clock is that much ahead */
    bool unlucky;       /* faults may meet what it does now */
    const char *broken; /* a REQUIRE that failed in it; NULL: none */
};

/* In whose name code runs now: allocations, clocks, threads. NULL: the simulator's own. */
extern struct process *process_now;

/* The true time, and the numbers of the step at hand: set anew by each step, so that a step does the same whatever the
 * steps before it drew. */
extern int64_t process_true_us;
extern struct random process_random;

/* Prints what is logged, and what process_tell is told. */
extern bool process_verbose;
void process_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Before a seed: forgets all bells. */
void process_begin_seed(void);
void process_init(struct process *p, unsigned number);
/* Ends it where it stands. */
void process_kill(struct process *p);

/* Resumes up to `most` of its tasks that have a reason to go on, in an order that is drawn. Returns how many. */
unsigned process_run(struct process *p, unsigned most);
/* Resumes any task, whether or not it has a reason: a wait may end early for nothing. */
void process_nudge(struct process *p);
/* The true time at which the next task wakes by itself, INT64_MAX: none does. */
int64_t process_next_us(const struct process *p);

/* In a task: lets others run, and goes on when resumed. Elsewhere: nothing. */
void process_pause(void);
/* The same once in `one_in` times. */
void process_pause_perhaps(int64_t one_in);
/* In a task: waits on the bell, at most for the time (< 0: without end). */
void process_wait(int bell, int64_t timeout_us);
int process_bell(void);
void process_ring(int bell);

/* Starts a task of the process at hand. */
struct task *process_start_task(void *(*run)(void *), void *argument);
/* Waits for its end, in a task of the same process or outside of all; time goes on meanwhile. */
void process_join(struct task *t);
/* How often the task at hand has looked at a clock since it was resumed; 0: there is none. */
unsigned process_look(void);
/* In a task: its process does nothing any more, and the seed has failed. Elsewhere it returns. `why` is kept. */
void process_break(const char *why);
