/* wire.h - bytes to and from a connected socket, up to a deadline: whoever sends a byte now and then holds nobody longer.
 *
 * By send and recv and not by hiredis: it would copy what is sent, its write raises SIGPIPE, and its time-out is one for each
 * read.
 *
 * Thread: the connection's. Errors: struct redis_failure, TROUBLE_TIMEOUT or TROUBLE_CLOSED. */
#pragma once
#include "publishers/trouble.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of `bytes`; until_us is an instant of clock_monotonic_us. False: *out says why. */
bool wire_send(int fd, struct text bytes, int64_t until_us, struct redis_failure *out);
/* At least one byte, at most `room`. 0: *out says why. */
size_t wire_receive(int fd, char *bytes, size_t room, int64_t until_us, struct redis_failure *out);
