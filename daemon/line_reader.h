/* line_reader.h - a file's lines, one at a time, in bounded memory however long a line is.
 *
 * Thread: one a reader. Memory: at most size_max and one block; a line lives until the next one is asked for.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_reader {
    int fd;
    bool owned; /* not standard input */
    bool at_end, skipping;
    char *memory;
    size_t room, begin, end; /* what is read and not yet given lies in [begin, end) */
    size_t size_max;
    int64_t number; /* of the line that was given last, from 1 */
};

enum line_result {
    LINE_OK,
    LINE_TOO_LONG, /* longer than size_max: its first bytes are given, the rest is skipped without being kept */
    LINE_END,
    LINE_FAILED /* errno says why */
};

/* "-" is standard input. False: the file cannot be opened, errno says why. */
bool line_reader_open(struct line_reader *r, const char *path, size_t size_max);
/* The next line without its line feed; the last one needs none. */
enum line_result line_reader_next(struct line_reader *r, struct text *out);
void line_reader_close(struct line_reader *r);
