#include "daemon/line_reader.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

bool line_reader_open(struct line_reader *r, const char *path, size_t size_max)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    *r = (struct line_reader){.fd = fd, .owned = !standard_input, .size_max = size_max};
    return true;
}

void line_reader_close(struct line_reader *r)
{
    if (r->owned)
        close(r->fd);
    free(r->memory);
    *r = (struct line_reader){.fd = -1};
}

/* Reads one block more behind what is there; at_end when there is none. */
static bool read_more(struct line_reader *r)
{
    if (r->begin > 0) {
        memmove(r->memory, r->memory + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    if (r->room - r->end < BLOCK) {
        r->room = r->end + BLOCK > 2 * r->room ? r->end + BLOCK : 2 * r->room;
        r->memory = must_realloc(r->memory, r->room);
    }
    ssize_t n;
    do
        n = read(r->fd, r->memory + r->end, BLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return false;
    r->at_end = n == 0;
    r->end += (size_t)n;
    return true;
}

/* Drops the rest of a line that was too long. */
static bool skip_rest(struct line_reader *r)
{
    while (r->skipping) {
        char *feed = r->begin < r->end ? memchr(r->memory + r->begin, '\n', r->end - r->begin) : NULL;
        r->begin = feed != NULL ? (size_t)(feed - r->memory) + 1 : r->end;
        if (feed != NULL || r->at_end)
            r->skipping = false;
        else if (!read_more(r))
            return false;
    }
    return true;
}

enum line_result line_reader_next(struct line_reader *r, struct text *out)
{
    if (!skip_rest(r))
        return LINE_FAILED;
    size_t searched = 0;
    for (;;) {
        size_t have = r->end - r->begin;
        char *feed = have > searched ? memchr(r->memory + r->begin + searched, '\n', have - searched) : NULL;
        size_t len = feed != NULL ? (size_t)(feed - r->memory) - r->begin : have;
        if (len > r->size_max) {
            *out = (struct text){r->memory + r->begin, r->size_max};
            r->number++;
            r->skipping = feed == NULL;
            r->begin += feed != NULL ? len + 1 : len;
            return LINE_TOO_LONG;
        }
        if (feed != NULL || (r->at_end && have > 0)) {
            *out = (struct text){r->memory + r->begin, len};
            r->number++;
            r->begin += feed != NULL ? len + 1 : len;
            return LINE_OK;
        }
        if (r->at_end)
            return LINE_END;
        searched = have;
        if (!read_more(r))
            return LINE_FAILED;
    }
}
