/* tls.h - TLS over a connected socket, up to a deadline.
 *
 * By OpenSSL and not by hiredis, whose TLS comes only with its release 1.0 (Debian 12 has 0.14). TLS 1.2 or later. The
 * server's certificate is always checked, against redis.tls_ca or the system's authorities, and must name the server. The
 * files are read for each connection: a renewed certificate needs no restart.
 *
 * Thread: the connection's. Memory: tls_open to tls_close; the socket stays the caller's. Errors: struct redis_failure;
 * TROUBLE_TLS where it is not the socket's.
 */
#pragma once
#include "config/config.h"
#include "publishers/trouble.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;

/* Shakes hands with config->host, or whom config->tls_server_name says instead. NULL: *out says why. */
struct tls *tls_open(int fd, const struct redis_config *config, int64_t until_us, struct redis_failure *out);
/* NULL is accepted. Nothing is said to the server, who may not listen any more: the connection is cut after it. */
void tls_close(struct tls *t);

/* As wire.h's. */
bool tls_send(struct tls *t, struct text bytes, int64_t until_us, struct redis_failure *out);
size_t tls_receive(struct tls *t, char *bytes, size_t room, int64_t until_us, struct redis_failure *out);
