/* A child reads the store and sends its rows through a pipe, in frames of many; the last frame says how it went. What the
 * parent gets is either whole, or a child that was ended in the middle of it. */
#include "checkpoint/store.h"
#include "checkpoint/store_problem.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAME_BYTES = 1 << 18, PIPE_BYTES = 1 << 20 };

enum frame_kind { FRAME_ROWS, FRAME_RESULT };

struct frame_head {
    uint32_t len;
    uint16_t kind;   /* enum frame_kind */
    uint16_t result; /* enum store_result; then the bytes are the problem */
};

/* --- the child ---------------------------------------------------------------------------------------------------- */

struct sender {
    int fd;
    struct buffer rows;
};

static bool send_bytes(int fd, const void *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, bytes, len);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes = (const char *)bytes + sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool send_frame(int fd, struct frame_head head, struct text bytes)
{
    head.len = (uint32_t)bytes.len;
    return send_bytes(fd, &head, sizeof head) && send_bytes(fd, bytes.at, bytes.len);
}

static bool send_rows(struct sender *s)
{
    bool sent = send_frame(s->fd, (struct frame_head){.kind = FRAME_ROWS}, buffer_view(&s->rows));
    buffer_clear(&s->rows);
    return sent;
}

static bool send_row(void *context, const struct stored_row *row)
{
    struct sender *s = context;
    size_t begin = stored_begin(&s->rows, row->table, row->number);
    buffer_text(&s->rows, row->bytes);
    stored_end(&s->rows, begin);
    return s->rows.len < FRAME_BYTES || send_rows(s);
}

/* What LMDB would print before it gives up is of no use to anybody. A signal ends it as one, whoever handled it in the
 * parent; so does a parent that reads no more. */
static _Noreturn void read_here(const char *folder, int fd)
{
    static const int ends[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGABRT, SIGPIPE};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        signal(ends[i], SIG_DFL);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    struct sender s = {.fd = fd};
    struct buffer problem;
    struct store *store;
    buffer_init(&s.rows);
    buffer_init(&problem);
    enum store_result result = store_open(folder, STORE_READ, &store, &problem);
    if (result == STORE_OK)
        result = store_read(store, send_row, &s, &problem);
    if (result == STORE_OK && !send_rows(&s))
        _exit(1);
    struct frame_head last = {.kind = FRAME_RESULT, .result = (uint16_t)result};
    _exit(send_frame(fd, last, buffer_view(&problem)) ? 0 : 1);
}

/* --- the parent --------------------------------------------------------------------------------------------------- */

static bool receive(int fd, void *out, size_t len)
{
    while (len > 0) {
        ssize_t got = read(fd, out, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        out = (char *)out + got;
        len -= (size_t)got;
    }
    return true;
}

static bool receive_frame(int fd, struct frame_head *out_head, struct buffer *out)
{
    buffer_clear(out);
    if (!receive(fd, out_head, sizeof *out_head) || out_head->len > (uint32_t)INT32_MAX)
        return false;
    buffer_reserve(out, out_head->len);
    out->len = out_head->len;
    return receive(fd, out->at, out->len);
}

static bool take_rows(struct text rows, bool (*take)(void *context, const struct stored_row *row), void *context)
{
    struct stored_row row;
    while (stored_next(&rows, &row))
        if (!take(context, &row))
            return false;
    return rows.len == 0;
}

static enum store_result read_from(int fd, const char *folder,
                                   bool (*take)(void *context, const struct stored_row *row), void *context,
                                   struct buffer *problem)
{
    struct frame_head head;
    struct buffer bytes;
    enum store_result result = STORE_DAMAGED;
    buffer_init(&bytes);
    for (;;) {
        if (!receive_frame(fd, &head, &bytes)) {
            say(problem, folder, "the checkpoint is damaged: who reads it is killed");
            break;
        }
        if (head.kind == FRAME_RESULT && head.result <= STORE_FAILED) {
            result = (enum store_result)head.result;
            buffer_clear(problem);
            buffer_text(problem, buffer_view(&bytes));
            break;
        }
        if (head.kind != FRAME_ROWS || !take_rows(buffer_view(&bytes), take, context)) {
            say(problem, folder, "a row of the checkpoint is not what was written");
            break;
        }
    }
    buffer_fini(&bytes);
    return result;
}

static void wait_for(pid_t child)
{
    while (waitpid(child, NULL, 0) < 0)
        REQUIRE(errno == EINTR);
}

enum store_result store_read_apart(const char *folder, bool (*take)(void *context, const struct stored_row *row),
                                   void *context, struct buffer *problem)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        say(problem, folder, strerror(errno));
        return STORE_FAILED;
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns; without it, it is as it was */
    fflush(NULL);
    pid_t child = fork(); /* of the allocator's thread the child has none, and the allocator knows it: pthread_atfork */
    if (child == 0) {
        close(ends[0]);
        read_here(folder, ends[1]);
    }
    int error = errno;
    close(ends[1]);
    enum store_result result = STORE_FAILED;
    if (child < 0)
        say(problem, folder, strerror(error));
    else
        result = read_from(ends[0], folder, take, context, problem);
    close(ends[0]);
    if (child > 0)
        wait_for(child);
    return result;
}

static bool pass_by(void *context, const struct stored_row *row)
{
    (void)context;
    (void)row;
    return true;
}

enum store_result store_check(const char *folder, struct buffer *problem)
{
    return store_read_apart(folder, pass_by, NULL, problem);
}
