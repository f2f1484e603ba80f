#include "base/text.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct text text_of(const char *zero_terminated)
{
    return (struct text){zero_terminated, strlen(zero_terminated)};
}

bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

int text_compare(struct text a, struct text b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* The length of the well-formed sequence at `at`, 0 where there is none: table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *at, size_t left, uint32_t *out_point)
{
    unsigned char lead = at[0];
    size_t length = lead < 0x80                   ? 1
                    : lead >= 0xC2 && lead < 0xE0 ? 2
                    : lead >= 0xE0 && lead < 0xF0 ? 3
                    : lead >= 0xF0 && lead < 0xF5 ? 4
                                                  : 0;
    if (length == 0 || length > left)
        return 0;
    if (length == 1) {
        *out_point = lead;
        return 1;
    }
    uint32_t point = lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3Fu);
    }
    bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    bool surrogate = point >= 0xD800 && point < 0xE000;
    if (overlong || surrogate || point > 0x10FFFF)
        return 0;
    *out_point = point;
    return length;
}

bool text_is_utf8(struct text t)
{
    const unsigned char *at = (const unsigned char *)t.at;
    uint32_t point;
    for (size_t i = 0; i < t.len;) {
        size_t length = utf8_sequence(at + i, t.len - i, &point);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* Whether none of eight bytes is a control character, DEL or not ASCII: the upper bit of a byte shows in `w` where it is not
 * ASCII, after the subtraction where it is below 0x20, after the addition where it is DEL. What is borrowed from or carried to
 * a neighbour comes from a byte that shows itself. */
static bool is_plain(uint64_t w)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    return ((w | (w - each * 0x20) | (w + each)) & each * 0x80) == 0;
}

/* The same for the beginning of a text, in steps of eight bytes; the length of what was found plain. */
static size_t plain_length(struct text t)
{
    size_t i = 0;
    uint64_t w;
    for (; t.len - i >= 8; i += 8) {
        memcpy(&w, t.at + i, 8);
        if (!is_plain(w))
            return i;
    }
    if (i == t.len)
        return i;
    if (t.len >= 8) { /* the last eight, some of them once more */
        memcpy(&w, t.at + t.len - 8, 8);
    } else if (t.len >= 4) {
        uint32_t head, tail;
        memcpy(&head, t.at, 4);
        memcpy(&tail, t.at + t.len - 4, 4);
        w = (uint64_t)head << 32 | tail;
    } else {
        const unsigned char *at = (const unsigned char *)t.at;
        w = UINT64_C(0x4040404040000000) | (uint64_t)at[0] << 16 | (uint64_t)at[t.len / 2] << 8 | at[t.len - 1];
    }
    return is_plain(w) ? t.len : i;
}

bool text_is_name(struct text t)
{
    if (t.len < 1 || t.len > 256)
        return false;
    const unsigned char *at = (const unsigned char *)t.at;
    for (size_t i = plain_length(t); i < t.len;) {
        uint32_t point;
        size_t length = utf8_sequence(at + i, t.len - i, &point);
        if (length == 0 || point < 0x20 || (point >= 0x7F && point < 0xA0))
            return false;
        i += length;
    }
    return true;
}

uint64_t text_hash(struct text t)
{
    return XXH3_64bits(t.at, t.len);
}

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
unsigned text_distance(struct text a, struct text b)
{
    enum { MOST = 64 };
    size_t rows = a.len < MOST ? a.len : MOST, columns = b.len < MOST ? b.len : MOST;
    unsigned d[MOST + 1][MOST + 1];
    for (size_t i = 0; i <= rows; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= columns; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= columns; j++) {
            unsigned best = d[i - 1][j - 1] + (a.at[i - 1] != b.at[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[rows][columns];
}

void buffer_init(struct buffer *b)
{
    *b = (struct buffer){0};
}

void buffer_fini(struct buffer *b)
{
    free(b->at);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    if (b->at != NULL)
        b->at[0] = '\0';
}

void buffer_release(struct buffer *b, size_t most)
{
    if (b->room > most)
        buffer_fini(b);
    buffer_clear(b);
}

void buffer_grow(struct buffer *b, size_t more)
{
    size_t needed = b->len + more + 1;
    size_t room = b->room > 0 ? b->room : 64;
    while (room < needed)
        room *= 2;
    b->at = must_realloc(b->at, room);
    b->room = room;
    b->at[b->len] = '\0';
}

void buffer_add(struct buffer *b, const void *bytes, size_t len)
{
    buffer_reserve(b, len);
    if (len > 0)
        memcpy(b->at + b->len, bytes, len);
    b->len += len;
    b->at[b->len] = '\0';
}

void buffer_text(struct buffer *b, struct text t)
{
    buffer_add(b, t.at, t.len);
}

void buffer_string(struct buffer *b, const char *zero_terminated)
{
    buffer_add(b, zero_terminated, strlen(zero_terminated));
}

void buffer_char(struct buffer *b, char c)
{
    buffer_add(b, &c, 1);
}

void buffer_integer(struct buffer *b, int64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = n < 0 ? ~(uint64_t)n + 1 : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (n < 0)
        digits[--at] = '-';
    buffer_add(b, digits + at, sizeof digits - at);
}

void buffer_format(struct buffer *b, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int needed = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    REQUIRE(needed >= 0);
    buffer_reserve(b, (size_t)needed);
    vsnprintf(b->at + b->len, (size_t)needed + 1, format, again);
    va_end(again);
    b->len += (size_t)needed;
}

void buffer_json(struct buffer *b, struct text t)
{
    const unsigned char *at = (const unsigned char *)t.at;
    buffer_char(b, '"');
    for (size_t i = 0; i < t.len;) {
        uint32_t point;
        size_t length = utf8_sequence(at + i, t.len - i, &point);
        if (length == 0) {
            buffer_string(b, "\xEF\xBF\xBD");
            i++;
            continue;
        }
        if (point == '"' || point == '\\') {
            buffer_char(b, '\\');
            buffer_char(b, (char)point);
        } else if (point == '\n') {
            buffer_string(b, "\\n");
        } else if (point == '\t') {
            buffer_string(b, "\\t");
        } else if (point == '\r') {
            buffer_string(b, "\\r");
        } else if (point < 0x20 || point == 0x7F) {
            buffer_format(b, "\\u%04x", (unsigned)point);
        } else {
            buffer_add(b, at + i, length);
        }
        i += length;
    }
    buffer_char(b, '"');
}

struct text buffer_view(const struct buffer *b)
{
    return (struct text){b->at != NULL ? b->at : "", b->len};
}
