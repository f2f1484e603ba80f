#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

const char *error_name(enum error e)
{
    switch (e) {
#define X(symbol, name, text) \
    case symbol: return name;
        ERROR_TABLE(X)
#undef X
    case ERROR_COUNT: break;
    }
    return "unknown";
}

const char *error_text(enum error e)
{
    switch (e) {
#define X(symbol, name, text) \
    case symbol: return text;
        ERROR_TABLE(X)
#undef X
    case ERROR_COUNT: break;
    }
    return "unknown error";
}

void require_failed(const char *condition, const char *file, int line)
{
    /* Not exit: nothing that runs at an exit may touch what is broken. */
    fprintf(stderr, "kpid: broken: %s at %s:%d\n", condition, file, line);
    _exit(EX_SOFTWARE);
}

void *must_alloc(unsigned long size)
{
    void *p = malloc(size > 0 ? size : 1);
    REQUIRE(p != NULL);
    return p;
}

void *must_zalloc(unsigned long size)
{
    void *p = calloc(1, size > 0 ? size : 1);
    REQUIRE(p != NULL);
    return p;
}

void *must_realloc(void *p, unsigned long size)
{
    void *bigger = realloc(p, size > 0 ? size : 1);
    REQUIRE(bigger != NULL);
    return bigger;
}

void *must_grow(void *array, uint32_t *room, uint32_t at, unsigned long size)
{
    if (at < *room)
        return array;
    REQUIRE(at < UINT32_C(1) << 31);
    uint32_t more = *room > 0 ? *room : 16;
    while (more <= at)
        more *= 2;
    array = must_realloc(array, more * size);
    memset((char *)array + *room * size, 0, (more - *room) * size);
    *room = more;
    return array;
}

char *must_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = must_alloc(size);
    memcpy(copy, s, size);
    return copy;
}
