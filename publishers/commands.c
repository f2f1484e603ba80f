#include "publishers/commands.h"
#include "base/error.h"
#include <string.h>

/* So much room stays for the next publish: what a thousand busy entities take (docs/performance.md, "Bytes to Redis"), but not what a past
 * of ten thousand does. */
enum { ROOM_KEPT = 1 << 22 };

/* "<mark><n>\r\n", the head of every item of the protocol, so that it ends before `end`; returns where it begins. */
static char *head_before(char *end, char mark, uint64_t n)
{
    *--end = '\n';
    *--end = '\r';
    do {
        *--end = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    *--end = mark;
    return end;
}

static void add_head(struct buffer *b, char mark, uint64_t n)
{
    char head[24], *end = head + sizeof head, *at = head_before(end, mark, n);
    buffer_add(b, at, (size_t)(end - at));
}

/* Room for all of it at once: a publish has very many of these. */
static void add_joined(struct buffer *b, struct text prefix, struct text suffix)
{
    char head[24], *end = head + sizeof head, *at = head_before(end, '$', prefix.len + suffix.len);
    size_t head_len = (size_t)(end - at);
    buffer_reserve(b, head_len + prefix.len + suffix.len + 2);
    char *out = b->at + b->len;
    memcpy(out, at, head_len);
    out += head_len;
    if (prefix.len > 0)
        memcpy(out, prefix.at, prefix.len);
    out += prefix.len;
    if (suffix.len > 0)
        memcpy(out, suffix.at, suffix.len);
    out += suffix.len;
    memcpy(out, "\r\n", 3);
    b->len = (size_t)(out + 2 - b->at);
}

static void add_text(struct buffer *b, struct text t)
{
    add_joined(b, t, (struct text){"", 0});
}

static void add_integer(struct buffer *b, int64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    if (n < 0)
        digits[--at] = '-';
    add_text(b, (struct text){digits + at, sizeof digits - at});
}

void arguments_init(struct arguments *a)
{
    buffer_init(&a->bytes);
    a->count = 0;
}

void arguments_fini(struct arguments *a)
{
    buffer_fini(&a->bytes);
}

void arguments_clear(struct arguments *a)
{
    buffer_clear(&a->bytes);
    a->count = 0;
}

void arguments_text(struct arguments *a, struct text t)
{
    add_text(&a->bytes, t);
    a->count++;
}

void arguments_string(struct arguments *a, const char *zero_terminated)
{
    arguments_text(a, text_of(zero_terminated));
}

void arguments_integer(struct arguments *a, int64_t n)
{
    add_integer(&a->bytes, n);
    a->count++;
}

void arguments_joined(struct arguments *a, struct text prefix, struct text suffix)
{
    add_joined(&a->bytes, prefix, suffix);
    a->count++;
}

void arguments_copy(struct arguments *a, const struct arguments *of, size_t from, size_t to, size_t count)
{
    buffer_add(&a->bytes, of->bytes.at + from, to - from);
    a->count += count;
}

/* The head is written for a length of one digit, which nearly all have. */
size_t arguments_open(struct arguments *a)
{
    buffer_add(&a->bytes, ARGUMENT_OPEN, sizeof ARGUMENT_OPEN - 1);
    return a->bytes.len;
}

size_t arguments_open_ready(struct arguments *a, struct text ready)
{
    buffer_add(&a->bytes, ready.at, ready.len);
    a->count++;
    return a->bytes.len;
}

size_t arguments_close(struct arguments *a, size_t opened)
{
    struct buffer *b = &a->bytes;
    size_t len = b->len - opened;
    buffer_reserve(b, 24); /* the rest of the head, and the end */
    if (len < 10) {
        b->at[opened - 3] = (char)('0' + len);
    } else {
        char head[24], *end = head + sizeof head, *at = head_before(end, '$', len);
        size_t more = (size_t)(end - at) - (sizeof ARGUMENT_OPEN - 1);
        memmove(b->at + opened + more, b->at + opened, len);
        memcpy(b->at + opened - (sizeof ARGUMENT_OPEN - 1), at, (size_t)(end - at));
        b->len += more;
        opened += more;
    }
    memcpy(b->at + b->len, "\r\n", 3);
    b->len += 2;
    a->count++;
    return opened;
}

void commands_init(struct commands *c)
{
    buffer_init(&c->bytes);
    buffer_init(&c->zeros);
    c->count = 0;
}

void commands_fini(struct commands *c)
{
    buffer_fini(&c->bytes);
    buffer_fini(&c->zeros);
}

void commands_clear(struct commands *c)
{
    buffer_clear(&c->bytes);
    buffer_clear(&c->zeros);
    c->count = 0;
}

void commands_release(struct commands *c)
{
    buffer_release(&c->bytes, ROOM_KEPT);
    buffer_clear(&c->zeros);
    c->count = 0;
}

static void note_zero(struct commands *c, size_t command)
{
    buffer_add(&c->zeros, &command, sizeof command);
}

void command_expect_zero(struct commands *c)
{
    REQUIRE(c->count > 0);
    note_zero(c, c->count - 1);
}

size_t commands_zero_count(const struct commands *c)
{
    return c->zeros.len / sizeof(size_t);
}

size_t commands_zero(const struct commands *c, size_t i)
{
    size_t command;
    REQUIRE(i < commands_zero_count(c));
    memcpy(&command, c->zeros.at + i * sizeof command, sizeof command);
    return command;
}

static void swap_bytes(struct commands *a, struct commands *b)
{
    struct buffer bytes = a->bytes;
    a->bytes = b->bytes;
    b->bytes = bytes;
}

void commands_append(struct commands *c, struct commands *from)
{
    REQUIRE(c != from);
    size_t before = c->bytes.len;
    if (before >= from->bytes.len) {
        buffer_add(&c->bytes, from->bytes.at, from->bytes.len);
    } else { /* the moves of a large publish come behind one command: they are not copied into as much room again */
        swap_bytes(c, from);
        buffer_reserve(&c->bytes, before);
        memmove(c->bytes.at + before, c->bytes.at, c->bytes.len + 1);
        if (before > 0)
            memcpy(c->bytes.at, from->bytes.at, before);
        c->bytes.len += before;
    }
    for (size_t i = 0; i < commands_zero_count(from); i++)
        note_zero(c, c->count + commands_zero(from, i));
    c->count += from->count;
    commands_clear(from);
}

void command_begin(struct commands *c, const char *name, size_t argument_count)
{
    REQUIRE(argument_count > 0);
    add_head(&c->bytes, '*', argument_count);
    add_text(&c->bytes, text_of(name));
    c->count++;
}

void command_text(struct commands *c, struct text t)
{
    add_text(&c->bytes, t);
}

void command_string(struct commands *c, const char *zero_terminated)
{
    add_text(&c->bytes, text_of(zero_terminated));
}

void command_integer(struct commands *c, int64_t n)
{
    add_integer(&c->bytes, n);
}

void command_joined(struct commands *c, struct text prefix, struct text suffix)
{
    add_joined(&c->bytes, prefix, suffix);
}

void command_arguments(struct commands *c, const struct arguments *a)
{
    buffer_add(&c->bytes, a->bytes.at, a->bytes.len);
}

/* Where the argument that begins at `at` ends. */
static size_t argument_end(const struct buffer *b, size_t at)
{
    size_t len = 0;
    for (at++; b->at[at] != '\r'; at++)
        len = len * 10 + (size_t)(b->at[at] - '0');
    return at + 2 + len + 2;
}

void commands_spread(struct commands *c, const char *name, struct text prefix, struct text key,
                     const struct arguments *a, size_t most)
{
    size_t at = 0;
    for (size_t done = 0; done < a->count;) {
        size_t take = a->count - done < most ? a->count - done : most;
        size_t end = at;
        if (take == a->count - done) {
            end = a->bytes.len;
        } else {
            for (size_t i = 0; i < take; i++)
                end = argument_end(&a->bytes, end);
        }
        command_begin(c, name, take + (key.len > 0 ? 2 : 1));
        if (key.len > 0)
            command_joined(c, prefix, key);
        buffer_add(&c->bytes, a->bytes.at + at, end - at);
        at = end;
        done += take;
    }
}
