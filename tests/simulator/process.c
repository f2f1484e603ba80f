#include "tests/simulator/process.h"
#include "base/error.h"
#include "tests/simulator/heap.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBERS_OF_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBERS_OF_ASAN 1
#endif
#ifdef FIBERS_OF_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES ((size_t)256 * 1024)
#define BELLS_MAX   8192
/* No file of this process has such a number: closing it is refused, and nothing happens. */
#define BELL_BASE   (1 << 28)

struct process *process_now;
int64_t process_true_us;
struct random process_random;
bool process_verbose;

void process_tell(const char *format, ...)
{
    if (!process_verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%12.6f ", (double)(process_true_us % INT64_C(100000000000)) / 1e6);
    if (process_now != NULL)
        printf("kpid %u: ", process_now->number);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

struct task {
    ucontext_t context;
    char *stack;
    struct process *process;
    void *(*run)(void *);
    void *argument;
    bool over;
    bool waits; /* else it only let others run */
    int bell;
    int64_t until_us; /* true time */
    unsigned looks;   /* at the clock, since it was resumed */
    struct task *next_free;
#ifdef FIBERS_OF_ASAN
    void *fake_stack;
#endif
};

static struct task *task_now, *free_tasks;
static ucontext_t scheduler;
#ifdef FIBERS_OF_ASAN
static void *scheduler_fake_stack;
static const void *scheduler_stack;
static size_t scheduler_stack_size;
#endif

static struct {
    bool rung[BELLS_MAX];
    int count;
} bells;

void process_begin_seed(void)
{
    memset(bells.rung, 0, (size_t)bells.count * sizeof *bells.rung);
    bells.count = 0;
}

static void enter(void);

static struct task *new_task(void)
{
    struct task *t = free_tasks;
    char *stack;
    if (t != NULL) {
        free_tasks = t->next_free;
        stack = t->stack;
#ifdef FIBERS_OF_ASAN
        __asan_unpoison_memory_region(stack, STACK_BYTES);
#endif
    } else {
        struct process *p = process_now;
        process_now = NULL; /* it is used again by others */
        t = must_alloc(sizeof *t);
        process_now = p;
        stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(stack != MAP_FAILED);
    }
    memset(t, 0, sizeof *t);
    t->stack = stack;
    return t;
}

/* A function of its own: getcontext might return twice, and variables that live across it might be lost. */
static void prepare(ucontext_t *context, char *stack)
{
    REQUIRE(getcontext(context) == 0);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = STACK_BYTES;
    context->uc_link = NULL;
    makecontext(context, enter, 0);
}

struct task *process_start_task(void *(*run)(void *), void *argument)
{
    struct process *p = process_now;
    REQUIRE(p != NULL && p->task_count < PROCESS_TASKS_MAX);
    struct task *t = new_task();
    t->process = p;
    t->run = run;
    t->argument = argument;
    prepare(&t->context, t->stack);
    p->tasks[p->task_count++] = t;
    return t;
}

static void release(struct task *t)
{
    t->next_free = free_tasks;
    free_tasks = t;
}

/* From a task back to whoever resumed it. */
static void leave(bool for_good)
{
    struct task *t = task_now;
#ifdef FIBERS_OF_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &t->fake_stack, scheduler_stack, scheduler_stack_size);
#else
    (void)for_good;
#endif
    swapcontext(&t->context, &scheduler);
#ifdef FIBERS_OF_ASAN
    __sanitizer_finish_switch_fiber(t->fake_stack, &scheduler_stack, &scheduler_stack_size);
#endif
}

static void enter(void)
{
#ifdef FIBERS_OF_ASAN
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_stack_size);
#endif
    task_now->run(task_now->argument);
    task_now->over = true;
    leave(true);
}

static void resume(struct task *t)
{
    REQUIRE(task_now == NULL && !t->over);
    struct process *before = process_now;
    process_now = t->process;
    task_now = t;
    t->looks = 0;
#ifdef FIBERS_OF_ASAN
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, t->stack, STACK_BYTES);
#endif
    swapcontext(&scheduler, &t->context);
#ifdef FIBERS_OF_ASAN
    __sanitizer_finish_switch_fiber(scheduler_fake_stack, NULL, NULL);
#endif
    task_now = NULL;
    process_now = before;
}

static bool is_ready(const struct task *t)
{
    return !t->over && (!t->waits || bells.rung[t->bell - BELL_BASE] || t->until_us <= process_true_us);
}

unsigned process_run(struct process *p, unsigned most)
{
    unsigned resumed = 0;
    for (; resumed < most && p->broken == NULL; resumed++) {
        struct task *ready[PROCESS_TASKS_MAX];
        unsigned count = 0;
        for (unsigned i = 0; i < p->task_count; i++)
            if (is_ready(p->tasks[i]))
                ready[count++] = p->tasks[i];
        if (count == 0)
            break;
        resume(ready[random_below(&process_random, count)]);
    }
    return resumed;
}

void process_nudge(struct process *p)
{
    struct task *t = p->task_count > 0 ? p->tasks[random_below(&process_random, p->task_count)] : NULL;
    if (t != NULL && !t->over && p->broken == NULL)
        resume(t);
}

int64_t process_next_us(const struct process *p)
{
    int64_t next_us = INT64_MAX;
    for (unsigned i = 0; i < p->task_count; i++) {
        const struct task *t = p->tasks[i];
        if (t->over)
            continue;
        int64_t at_us = is_ready(t) ? process_true_us : t->until_us;
        if (at_us < next_us)
            next_us = at_us;
    }
    return next_us;
}

void process_pause(void)
{
    if (task_now == NULL)
        return;
    task_now->waits = false;
    leave(false);
}

void process_pause_perhaps(int64_t one_in)
{
    if (task_now != NULL && random_below(&process_random, one_in) == 0)
        process_pause();
}

void process_wait(int bell, int64_t timeout_us)
{
    bool *rung = &bells.rung[bell - BELL_BASE];
    REQUIRE(task_now != NULL);
    if (!*rung) {
        task_now->waits = true;
        task_now->bell = bell;
        task_now->until_us = timeout_us < 0 ? INT64_MAX : process_true_us + timeout_us;
        leave(false);
    }
    *rung = false;
}

int process_bell(void)
{
    REQUIRE(bells.count < BELLS_MAX);
    return BELL_BASE + bells.count++;
}

void process_ring(int bell)
{
    bells.rung[bell - BELL_BASE] = true;
}

void process_init(struct process *p, unsigned number)
{
    *p = (struct process){.number = number, .started_us = process_true_us};
}

void process_kill(struct process *p)
{
    for (unsigned i = 0; i < p->task_count; i++)
        release(p->tasks[i]);
    p->task_count = 0;
    heap_free_all(p);
}

void process_join(struct task *t)
{
    struct process *p = t->process;
    if (task_now != NULL) {
        for (int bell = process_bell(); !t->over;)
            process_wait(bell, 1000);
        return;
    }
    while (!t->over && p->broken == NULL) {
        process_now = NULL;
        if (process_run(p, 1) == 0) {
            process_true_us = process_next_us(p);
            REQUIRE(process_true_us != INT64_MAX); /* nobody would ever end it */
        }
        process_now = p;
    }
}

unsigned process_look(void)
{
    return task_now != NULL ? ++task_now->looks : 0;
}

void process_break(const char *why)
{
    if (task_now == NULL)
        return;
    process_now->broken = why;
    process_tell("%s", why);
    for (;;) {
        task_now->over = true;
        leave(true);
    }
}
