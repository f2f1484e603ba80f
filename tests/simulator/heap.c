#include "tests/simulator/heap.h"
#include "tests/simulator/process.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before each piece of memory. */
struct block {
    struct block *before, *behind; /* of the same process */
    void *base;                    /* where the real allocation begins */
    size_t size;                   /* asked for; the owner follows from the list's head */
    struct process *owner;         /* NULL: the simulator's */
    uint64_t unused;               /* so that what follows is aligned as by malloc */
};
_Static_assert(sizeof(struct block) % 16 == 0, "what follows it is aligned");

void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *p);

static void link_block(struct block *b)
{
    struct process *p = b->owner;
    if (p == NULL)
        return;
    b->before = NULL;
    b->behind = p->blocks;
    if (p->blocks != NULL)
        p->blocks->before = b;
    p->blocks = b;
}

static void unlink_block(struct block *b)
{
    if (b->owner == NULL)
        return;
    if (b->before != NULL)
        b->before->behind = b->behind;
    else
        b->owner->blocks = b->behind;
    if (b->behind != NULL)
        b->behind->before = b->before;
}

static void *block_of(void *base, struct block *b, size_t size)
{
    b->base = base;
    b->size = size;
    b->owner = process_now;
    link_block(b);
    return b + 1;
}

void *__wrap_malloc(size_t size)
{
    struct block *b = __real_malloc(sizeof *b + size);
    return b != NULL ? block_of(b, b, size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / 2 / size)
        return NULL;
    void *p = __wrap_malloc(count * size);
    return p != NULL ? memset(p, 0, count * size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    size_t head = alignment > sizeof(struct block) ? alignment : sizeof(struct block);
    char *base = __real_aligned_alloc(alignment, head + size);
    return base != NULL ? block_of(base, (struct block *)(void *)(base + head) - 1, size) : NULL;
}

void __wrap_free(void *p)
{
    if (p == NULL)
        return;
    struct block *b = (struct block *)p - 1;
    unlink_block(b);
    __real_free(b->base);
}

void *__wrap_realloc(void *p, size_t size)
{
    if (p == NULL)
        return __wrap_malloc(size);
    struct block *b = (struct block *)p - 1;
    if (b->base != b) { /* of aligned_alloc */
        void *moved = __wrap_malloc(size);
        if (moved != NULL) {
            memcpy(moved, p, b->size < size ? b->size : size);
            __wrap_free(p);
        }
        return moved;
    }
    unlink_block(b);
    struct block *bigger = __real_realloc(b, sizeof *b + size);
    if (bigger == NULL) {
        link_block(b);
        return NULL;
    }
    bigger->base = bigger;
    bigger->size = size;
    link_block(bigger);
    return bigger + 1;
}

/* These allocate inside of libc, where the linker has no say. */
int __wrap_vasprintf(char **out, const char *format, va_list arguments);
int __wrap_asprintf(char **out, const char *format, ...);
int __wrap___vasprintf_chk(char **out, int flag, const char *format, va_list arguments);
int __wrap___asprintf_chk(char **out, int flag, const char *format, ...);

__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **out, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    *out = len >= 0 ? __wrap_malloc((size_t)len + 1) : NULL;
    return *out != NULL ? vsnprintf(*out, (size_t)len + 1, format, arguments) : -1;
}

__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = __wrap_vasprintf(out, format, arguments);
    va_end(arguments);
    return len;
}

__attribute__((format(printf, 3, 0))) int __wrap___vasprintf_chk(char **out, int flag, const char *format,
                                                                 va_list arguments)
{
    (void)flag;
    return __wrap_vasprintf(out, format, arguments);
}

__attribute__((format(printf, 3, 4))) int __wrap___asprintf_chk(char **out, int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    int len = __wrap_vasprintf(out, format, arguments);
    va_end(arguments);
    return len;
}

void heap_free_all(struct process *p)
{
    while (p->blocks != NULL) {
        struct block *next = p->blocks->behind;
        __real_free(p->blocks->base);
        p->blocks = next;
    }
}
