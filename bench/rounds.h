/* rounds.h - what several rounds of a measurement say together, and how long slices of work took.
 *
 * On a machine that others use as well only rounds that take turns can be compared, and of them the medians.
 * Thread: any, one thread a struct.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Sorts the values. */
double median(double *values, int count);

/* Microseconds of each slice, kept one by one. Zeroed is empty. */
struct slices {
    size_t count, room;
    int64_t total_us;
    int32_t *us;
};

void slices_fini(struct slices *s);
void slices_add(struct slices *s, int64_t us);
/* What so many of 10,000 do not exceed, 10,000: none. Sorts the slices. 0 where there are none. */
int64_t slices_quantile(struct slices *s, int64_t of_10000);
