#include "base/error.h"
#include "daemon/line_reader.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The reader on a file with these bytes; the file is gone when the reader closes it. */
static void open_on(struct line_reader *r, const char *bytes, size_t size, size_t size_max)
{
    char path[] = "/tmp/kpid-lines-XXXXXX";
    int fd = mkstemp(path);
    REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
    cr_assert(line_reader_open(r, path, size_max));
    unlink(path);
}

static void expect_line(struct line_reader *r, enum line_result result, const char *line)
{
    struct text t = {NULL, 0};
    cr_assert(eq(int, (int)line_reader_next(r, &t), (int)result));
    if (line != NULL)
        cr_expect(text_equal(t, text_of(line)), "'%.*s' is not '%s'", (int)t.len, t.at, line);
}

Test(line_reader, gives_lines_and_their_numbers)
{
    struct line_reader r;
    const char text[] = "one\n\nthree\r\nlast";
    open_on(&r, text, sizeof text - 1, 100);

    expect_line(&r, LINE_OK, "one");
    expect_line(&r, LINE_OK, "");
    expect_line(&r, LINE_OK, "three\r");
    cr_expect(eq(i64, r.number, 3));
    expect_line(&r, LINE_OK, "last");
    cr_expect(eq(i64, r.number, 4));
    expect_line(&r, LINE_END, NULL);
    expect_line(&r, LINE_END, NULL);
    line_reader_close(&r);
}

/* A line of exactly the largest size is a line; one byte more is too long, and the next line is whole. */
Test(line_reader, long_lines_are_skipped_and_counted)
{
    struct line_reader r;
    const char text[] = "12345678\n123456789\n1234567890123456789012345\nok\n123456789";
    open_on(&r, text, sizeof text - 1, 8);

    expect_line(&r, LINE_OK, "12345678");
    expect_line(&r, LINE_TOO_LONG, "12345678");
    expect_line(&r, LINE_TOO_LONG, "12345678");
    expect_line(&r, LINE_OK, "ok");
    cr_expect(eq(i64, r.number, 4));
    expect_line(&r, LINE_TOO_LONG, "12345678");
    expect_line(&r, LINE_END, NULL);
    line_reader_close(&r);
}

/* Ten megabytes in a line must not become ten megabytes of memory. */
Test(line_reader, memory_is_bounded_by_the_largest_line)
{
    size_t size = 10u << 20;
    char *text = must_alloc(size);
    memset(text, 'x', size);
    memcpy(text, "a\n", 2);
    memcpy(text + size - 3, "\nb\n", 3);
    struct line_reader r;
    open_on(&r, text, size, 1000);

    expect_line(&r, LINE_OK, "a");
    expect_line(&r, LINE_TOO_LONG, NULL);
    expect_line(&r, LINE_OK, "b");
    expect_line(&r, LINE_END, NULL);
    cr_expect(lt(sz, r.room, 1u << 20));
    line_reader_close(&r);
    free(text);
}

/* Blocks end anywhere in a line. */
Test(line_reader, lines_longer_than_a_block_are_whole)
{
    size_t len = 700001;
    char *text = must_alloc(3 * (len + 1) + 1);
    for (int i = 0; i < 3; i++) {
        memset(text + (size_t)i * (len + 1), 'a' + i, len);
        text[(size_t)i * (len + 1) + len] = '\n';
    }
    struct line_reader r;
    open_on(&r, text, 3 * (len + 1), 1u << 20);
    for (int i = 0; i < 3; i++) {
        struct text t = {NULL, 0};
        cr_assert(eq(int, (int)line_reader_next(&r, &t), (int)LINE_OK));
        cr_assert(eq(sz, t.len, len));
        for (size_t k = 0; k < len; k++)
            cr_assert(t.at[k] == 'a' + i);
    }
    line_reader_close(&r);
    free(text);
}

Test(line_reader, an_empty_file_has_no_line)
{
    struct line_reader r;
    open_on(&r, "", 0, 10);
    expect_line(&r, LINE_END, NULL);
    line_reader_close(&r);
}

Test(line_reader, tells_what_cannot_be_read)
{
    struct line_reader r;
    cr_expect(not(line_reader_open(&r, "/no/such/file", 10)));
    cr_expect(eq(int, errno, ENOENT));
    struct text t;
    cr_assert(line_reader_open(&r, "/", 10));
    cr_expect(eq(int, (int)line_reader_next(&r, &t), (int)LINE_FAILED));
    line_reader_close(&r);
}
