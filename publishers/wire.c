#include "publishers/wire.h"
#include "base/clock.h"
#include "base/instant.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

/* Until the socket may be read or written, or its deadline has passed: then false. */
static bool wait(int fd, short events, int64_t until_us, struct redis_failure *out)
{
    for (;;) {
        int64_t rest_us = until_us - clock_monotonic_us();
        if (rest_us <= 0) {
            redis_failure_note_system(out, TROUBLE_TIMEOUT, ETIMEDOUT);
            return false;
        }
        int64_t rest_ms = rest_us / MILLISECOND + 1;
        struct pollfd p = {.fd = fd, .events = events};
        if (poll(&p, 1, rest_ms < INT_MAX ? (int)rest_ms : INT_MAX) > 0)
            return true;
    }
}

static bool may_pass(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

bool wire_send(int fd, struct text bytes, int64_t until_us, struct redis_failure *out)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.at += sent;
            bytes.len -= (size_t)sent;
        } else if (!may_pass(errno)) {
            redis_failure_note_system(out, TROUBLE_CLOSED, errno);
            return false;
        } else if (!wait(fd, POLLOUT, until_us, out)) {
            return false;
        }
    }
    return true;
}

size_t wire_receive(int fd, char *bytes, size_t room, int64_t until_us, struct redis_failure *out)
{
    for (;;) {
        ssize_t got = recv(fd, bytes, room, MSG_DONTWAIT);
        if (got > 0)
            return (size_t)got;
        if (got == 0) {
            redis_failure_note(out, TROUBLE_CLOSED, TEXT("it hung up"));
            return 0;
        }
        if (!may_pass(errno)) {
            redis_failure_note_system(out, TROUBLE_CLOSED, errno);
            return 0;
        }
        if (!wait(fd, POLLIN, until_us, out))
            return 0;
    }
}
