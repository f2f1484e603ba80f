#include "alerts/signature.h"
#include "base/error.h"
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void signature_format(struct buffer *b, struct text secret, struct text body)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    REQUIRE(secret.len <= INT_MAX);
    REQUIRE(HMAC(EVP_sha256(), secret.at, (int)secret.len, (const unsigned char *)body.at, body.len, digest, &length) !=
            NULL);
    buffer_string(b, "sha256=");
    for (unsigned i = 0; i < length; i++) {
        buffer_format(b, "%02x", digest[i]);
    }
}
