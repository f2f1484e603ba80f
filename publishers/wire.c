#include "publishers/wire.h"
#include <errno.h>
#include <sys/socket.h>

static void note(struct redis_failure *out, int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK)
        redis_failure_note_system(out, TROUBLE_TIMEOUT, ETIMEDOUT);
    else
        redis_failure_note_system(out, TROUBLE_CLOSED, error);
}

bool wire_send(int fd, struct text bytes, struct redis_failure *out)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            note(out, errno);
            return false;
        }
        bytes.at += sent;
        bytes.len -= (size_t)sent;
    }
    return true;
}

size_t wire_receive(int fd, char *bytes, size_t room, struct redis_failure *out)
{
    ssize_t got;
    do
        got = recv(fd, bytes, room, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        note(out, errno);
    if (got == 0)
        redis_failure_note(out, TROUBLE_CLOSED, TEXT("it hung up"));
    return got > 0 ? (size_t)got : 0;
}
