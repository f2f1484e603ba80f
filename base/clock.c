#include "base/clock.h"
#include "base/error.h"
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    REQUIRE(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_cpu_us(void)
{
    return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_own_cpu_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}
