/* text.h - a borrowed run of bytes, and a buffer that grows.
 *
 * A struct text does not own its bytes and is not zero-terminated.
 * A struct buffer owns them; a zero byte always follows the last one, not counted.
 *
 * Thread: any, one thread a buffer. Errors: none but no memory, which ends the process.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *at;
    size_t len;
};

struct buffer {
    char *at;
    size_t len, room;
};

#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})

struct text text_of(const char *zero_terminated);
bool text_equal(struct text a, struct text b);
/* memcmp order, the shorter first when one begins the other. <0, 0, >0. */
int text_compare(struct text a, struct text b);
/* Well-formed UTF-8 by the Unicode standard: no surrogates, no overlong forms, at most U+10FFFF. */
bool text_is_utf8(struct text t);
/* An id or name by CONTRACT 1: UTF-8, 1-256 bytes, no control characters (C0, DEL, C1). */
bool text_is_name(struct text t);
/* 64-bit XXH3 of the bytes: equal on every machine. */
uint64_t text_hash(struct text t);
/* Edit distance with transpositions, for "did you mean"; at most 64 bytes of each are looked at. */
unsigned text_distance(struct text a, struct text b);

void buffer_init(struct buffer *b);
void buffer_fini(struct buffer *b);
/* Makes it empty and keeps the room. */
void buffer_clear(struct buffer *b);
/* The same, but of a room for more than `most` bytes nothing is kept. */
void buffer_release(struct buffer *b, size_t most);
void buffer_grow(struct buffer *b, size_t more); /* where there is none */
static inline void buffer_reserve(struct buffer *b, size_t more)
{
    if (b->room - b->len <= more) /* the zero byte behind the last one has its place, too */
        buffer_grow(b, more);
}
void buffer_add(struct buffer *b, const void *bytes, size_t len);
void buffer_text(struct buffer *b, struct text t);
void buffer_string(struct buffer *b, const char *zero_terminated);
void buffer_char(struct buffer *b, char c);
void buffer_integer(struct buffer *b, int64_t n);
void buffer_format(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buffer_json(struct buffer *b, struct text t);
struct text buffer_view(const struct buffer *b);
