/* wire.h - bytes to and from a connected socket that blocks up to its time-outs.
 *
 * By send and recv and not by hiredis: it would copy what is sent, and its write raises SIGPIPE.
 *
 * Thread: the connection's. Errors: struct redis_failure, TROUBLE_TIMEOUT or TROUBLE_CLOSED. */
#pragma once
#include "publishers/trouble.h"
#include <stdbool.h>
#include <stddef.h>

/* All of `bytes`. False: *out says why. */
bool wire_send(int fd, struct text bytes, struct redis_failure *out);
/* At least one byte, at most `room`. 0: *out says why. */
size_t wire_receive(int fd, char *bytes, size_t room, struct redis_failure *out);
