/* report.h - collects the problems of a configuration with their places, for a person.
 *
 * A message says what is wrong; after a semicolon, what to do. It never shows a secret: what was
 * written is shown for options that cannot hold one.
 * Thread: one. Memory: report_init to report_fini. Errors: none.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include <stddef.h>

/* Counted from 1; line 0 = the file as a whole. */
struct mark {
    unsigned line, column;
};

struct problem {
    struct mark mark;
    size_t order; /* of finding */
    char *text;
};

struct report {
    const char *name; /* of the file; borrowed */
    struct problem *problems;
    size_t count, room;
    size_t more; /* beyond PROBLEMS_MAX, only counted */
};

/* A file with more is mostly not a configuration at all. */
#define PROBLEMS_MAX 100

void report_init(struct report *r, const char *name);
void report_fini(struct report *r);
void report_add(struct report *r, struct mark at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ordered by place, as lines "name:line:column: message", added to `out`. */
void report_write(const struct report *r, struct config_problems *out);

/* What was written, cut to a readable length, without control characters. */
struct shown {
    char at[64];
};
struct shown show(struct text t);

/* Which of `count` names is meant by `wrong`: the nearest, or the only one that it begins; NULL where none is. */
const char *nearest(struct text wrong, const char *const *names, size_t count);
/* Reports "unknown <what> '<wrong>'<where>; did you mean '<near>'?", or else the list of what there is.
 * `where` is "" or a phrase such as " in kafka". */
void report_unknown(struct report *r, struct mark at, const char *what, struct text wrong, const char *where,
                    const char *const *names, size_t count);
