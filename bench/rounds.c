#include "bench/rounds.h"
#include "base/error.h"
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double median(double *values, int count)
{
    REQUIRE(count > 0);
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void slices_fini(struct slices *s)
{
    free(s->us);
    *s = (struct slices){0};
}

void slices_add(struct slices *s, int64_t us)
{
    if (s->count == s->room) {
        s->room = s->room > 0 ? s->room * 2 : 1024;
        s->us = must_realloc(s->us, s->room * sizeof *s->us);
    }
    s->us[s->count++] = us < INT32_MAX ? (int32_t)us : INT32_MAX;
    s->total_us += us;
}

static int by_length(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int64_t slices_quantile(struct slices *s, int64_t of_10000)
{
    if (s->count == 0)
        return 0;
    qsort(s->us, s->count, sizeof *s->us, by_length);
    /* The smallest that leaves no more above it than may be: nearest rank. */
    size_t rank = (s->count * (size_t)of_10000 + 9999) / 10000;
    return s->us[rank > 0 ? rank - 1 : 0];
}
