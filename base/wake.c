#include "base/wake.h"
#include "base/error.h"
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_open(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    REQUIRE(fd >= 0);
    return fd;
}

void wake_send(int fd)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
    /* EAGAIN: 2^64 - 2 rings are waiting already. */
    REQUIRE(n == (ssize_t)sizeof one || errno == EAGAIN);
}

/* Forgets what was rung before. Never waits. */
static void wake_clear(int fd)
{
    uint64_t count;
    ssize_t n;
    do
        n = read(fd, &count, sizeof count);
    while (n < 0 && errno == EINTR);
    REQUIRE(n == (ssize_t)sizeof count || errno == EAGAIN);
}

void wake_wait(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, timeout_ms);
    REQUIRE(n >= 0 || errno == EINTR);
    if (n > 0)
        wake_clear(fd);
}
