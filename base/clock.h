/* clock.h - the only place that asks the system for the time. Thread: any. */
#pragma once
#include <stdint.h>

int64_t clock_now_us(void);       /* since 1970-01-01T00:00:00Z */
int64_t clock_monotonic_us(void); /* since some start; never goes back */
int64_t clock_cpu_us(void);       /* processor time of this process, user and system */
int64_t clock_own_cpu_us(void);   /* the same of this thread alone */
