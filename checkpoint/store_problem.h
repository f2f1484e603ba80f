/* store_problem.h - how store*.c tell what is wrong. */
#pragma once
#include "base/text.h"

/* `problem` becomes "path: what". */
static inline void say(struct buffer *problem, const char *path, const char *what)
{
    buffer_clear(problem);
    buffer_format(problem, "%s: %s", path, what);
}
