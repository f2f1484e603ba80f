/* signature.h - by which a receiver knows that a webhook is from this kpid: HMAC-SHA256 of the body.
 *
 * The HMAC is libcrypto's (OpenSSL 3; Debian 12 and 13: libssl-dev), which libcurl and librdkafka load anyway.
 * Thread: any. Errors: a libcrypto that cannot do it ends the process.
 */
#pragma once
#include "base/text.h"

/* Adds "sha256=" and 64 hex digits, the form that GitHub made common. */
void signature_format(struct buffer *b, struct text secret, struct text body);
