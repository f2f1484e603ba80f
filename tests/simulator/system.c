/* In the place of the system, where it would make a run differ from the next one: threads, bells, clocks, random bytes, the
 * log and the end of the process. */
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "tests/simulator/process.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_join(pthread_t thread, void **out);
int __wrap_pthread_setname_np(pthread_t thread, const char *name);
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_wake_open(void);
void __wrap_wake_send(int bell);
void __wrap_wake_wait(int bell, int timeout_ms);
int64_t __wrap_clock_now_us(void);
int64_t __wrap_clock_monotonic_us(void);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);
void __wrap_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count);
_Noreturn void __real_require_failed(const char *condition, const char *file, int line);
_Noreturn void __wrap_require_failed(const char *condition, const char *file, int line);

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    (void)attributes;
    *out = (pthread_t)process_start_task(run, argument);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **out)
{
    (void)out;
    process_join((struct task *)thread);
    return 0;
}

int __wrap_pthread_setname_np(pthread_t thread, const char *name)
{
    (void)thread;
    (void)name;
    return 0;
}

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
    (void)how;
    (void)set;
    (void)before;
    return 0;
}

int __wrap_wake_open(void)
{
    return process_bell();
}

void __wrap_wake_send(int bell)
{
    process_ring(bell);
}

void __wrap_wake_wait(int bell, int timeout_ms)
{
    process_wait(bell, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000);
}

int64_t __wrap_clock_now_us(void)
{
    return process_true_us + (process_now != NULL ? process_now->skew_us : 0);
}

/* Time stands still while a task runs: one that looks at the clock so often without waiting once would spin for as long
 * as the real one does not move. */
#define LOOKS_MAX 10000

int64_t __wrap_clock_monotonic_us(void)
{
    REQUIRE(process_look() < LOOKS_MAX);
    return process_true_us - (process_now != NULL ? process_now->started_us : 0) + 1000000;
}

ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_next(&process_random);
    return (ssize_t)size;
}

void __wrap_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    (void)level;
    if (!process_verbose)
        return;
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < count; i++) {
        buffer_format(&b, " %s=", fields[i].name);
        if (fields[i].text.at == NULL)
            buffer_integer(&b, fields[i].number);
        else
            buffer_text(&b, fields[i].text);
    }
    process_tell("log: %s%.*s", message, (int)b.len, b.at);
    buffer_fini(&b);
}

/* What breaks in a task ends its process, and the seed has failed; what breaks in the simulator ends the simulator. */
void __wrap_require_failed(const char *condition, const char *file, int line)
{
    static char text[300];
    snprintf(text, sizeof text, "broken: %s at %s:%d", condition, file, line);
    process_break(text);
    __real_require_failed(condition, file, line);
}
