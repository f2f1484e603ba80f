/* OpenSSL works on memory, and the socket is wire.h's: so time-outs and SIGPIPE are handled in one place. */
#include "publishers/tls.h"
#include "base/error.h"
#include "publishers/wire.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 16384 }; /* as large as a record of TLS */

struct tls {
    int fd;
    SSL *ssl;
    BIO *in, *out; /* the ssl's: what has come, what is to go */
};

/* The oldest error of OpenSSL's queue, which is empty then. */
static void note(struct redis_failure *out, const char *what)
{
    unsigned long error = ERR_peek_error();
    char system[64];
    const char *reason = ERR_SYSTEM_ERROR(error) ? strerror_r(ERR_GET_REASON(error), system, sizeof system)
                                                 : ERR_reason_error_string(error);
    char detail[sizeof out->detail];
    snprintf(detail, sizeof detail, "%s%s%s", what, what[0] != '\0' ? ": " : "", reason != NULL ? reason : "refused");
    ERR_clear_error();
    redis_failure_note(out, TROUBLE_TLS, text_of(detail));
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *out, int size, int writing, void *context)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool load_files(SSL_CTX *context, const struct redis_config *config, struct redis_failure *out)
{
    bool system = config->tls_ca[0] == '\0';
    if ((system ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_file(context, config->tls_ca)) != 1) {
        note(out, system ? "the system's authorities" : "redis.tls_ca");
        return false;
    }
    if (config->tls_cert[0] == '\0')
        return true;
    if (SSL_CTX_use_certificate_chain_file(context, config->tls_cert) != 1) {
        note(out, "redis.tls_cert");
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context, config->tls_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        note(out, "redis.tls_key");
        return false;
    }
    return true;
}

static SSL_CTX *context_for(const struct redis_config *config, struct redis_failure *out)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    REQUIRE(context != NULL);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (load_files(context, config, out))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* Whom the certificate must name, as a name of today: the subject's common name is none (RFC 9525, 2), nor is a part of a
 * label; OpenSSL would take a leading dot for all names below. Names are told to the server as well, addresses are not
 * (RFC 6066, 3). */
static bool expect_name(SSL *ssl, const struct redis_config *config, struct redis_failure *out)
{
    const char *name = config->tls_server_name[0] != '\0' ? config->tls_server_name : config->host;
    unsigned char address[sizeof(struct in6_addr)];
    bool taken;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        taken = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    else
        taken = name[0] != '\0' && name[0] != '.' && SSL_set1_host(ssl, name) == 1 &&
                SSL_set_tlsext_host_name(ssl, name) == 1;
    if (!taken)
        note(out, "no name that a certificate could have");
    return taken;
}

static bool send_pending(struct tls *t, int64_t until_us, struct redis_failure *out)
{
    char bytes[PIECE];
    for (int got; (got = BIO_read(t->out, bytes, sizeof bytes)) > 0;) {
        if (!wire_send(t->fd, (struct text){bytes, (size_t)got}, until_us, out))
            return false;
    }
    return true;
}

/* After an operation that gave `result`: true to try it again, for more has come. */
static bool go_on(struct tls *t, int result, int64_t until_us, struct redis_failure *out)
{
    int error = SSL_get_error(t->ssl, result);
    /* An alert that says why goes out even now. */
    struct redis_failure unsent = {0};
    bool sent = send_pending(t, until_us, &unsent);
    if (error == SSL_ERROR_WANT_READ && sent) {
        char bytes[PIECE];
        size_t got = wire_receive(t->fd, bytes, sizeof bytes, until_us, out);
        REQUIRE(got == 0 || BIO_write(t->in, bytes, (int)got) == (int)got);
        return got > 0;
    }
    long verdict = SSL_get_verify_result(t->ssl);
    if (error == SSL_ERROR_WANT_READ)
        redis_failure_note(out, unsent.trouble, text_of(unsent.detail));
    else if (error == SSL_ERROR_ZERO_RETURN)
        redis_failure_note(out, TROUBLE_CLOSED, TEXT("it hung up"));
    else
        note(out, verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "");
    return false;
}

/* A server without TLS is silent, or hangs up: where it was says more than that. */
static bool shake_hands(struct tls *t, int64_t until_us, struct redis_failure *out)
{
    struct redis_failure failure = {0};
    int result;
    do
        result = SSL_connect(t->ssl);
    while (result != 1 && go_on(t, result, until_us, &failure));
    if (result == 1 && send_pending(t, until_us, &failure))
        return true;
    char detail[sizeof out->detail];
    snprintf(detail, sizeof detail, "TLS handshake: %.100s", failure.detail);
    redis_failure_note(out, failure.trouble, text_of(detail));
    return false;
}

struct tls *tls_open(int fd, const struct redis_config *config, int64_t until_us, struct redis_failure *out)
{
    ERR_clear_error();
    SSL_CTX *context = context_for(config, out);
    if (context == NULL)
        return NULL;
    struct tls *t = must_alloc(sizeof *t);
    *t = (struct tls){.fd = fd, .ssl = SSL_new(context), .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem())};
    SSL_CTX_free(context); /* the ssl holds it */
    REQUIRE(t->ssl != NULL && t->in != NULL && t->out != NULL);
    SSL_set_bio(t->ssl, t->in, t->out);
    if (expect_name(t->ssl, config, out) && shake_hands(t, until_us, out))
        return t;
    tls_close(t);
    return NULL;
}

void tls_close(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

bool tls_send(struct tls *t, struct text bytes, int64_t until_us, struct redis_failure *out)
{
    while (bytes.len > 0) {
        int piece = bytes.len < PIECE ? (int)bytes.len : PIECE;
        ERR_clear_error(); /* SSL_get_error looks at what others left, too */
        int result = SSL_write(t->ssl, bytes.at, piece);
        if (result > 0) {
            bytes.at += result;
            bytes.len -= (size_t)result;
        } else if (!go_on(t, result, until_us, out)) {
            return false;
        }
        if (!send_pending(t, until_us, out))
            return false;
    }
    return true;
}

size_t tls_receive(struct tls *t, char *bytes, size_t room, int64_t until_us, struct redis_failure *out)
{
    int piece = room < PIECE ? (int)room : PIECE;
    for (;;) {
        ERR_clear_error();
        int result = SSL_read(t->ssl, bytes, piece);
        if (result > 0)
            return (size_t)result;
        if (!go_on(t, result, until_us, out))
            return 0;
    }
}
