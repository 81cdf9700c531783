/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_channel.c - see tls_channel.h.
 *
 * A BIO of our own stands where libssl expects the socket: it reads from the bytes that were fed, and writes to the end
 * of `out`, so that a byte is copied no more often than libssl does it anyway.
 */
#include "security/tls_channel.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MIN         512
#define RECORD_OVERHEAD 64 /* more than any of our ciphers adds */
/* What a peer may have us answer after the handshake: with TLS 1.2 each wish for a new one is refused by some 30 bytes,
 * which nobody but the peer holds back. */
#define ANSWERS_MAX 1024

struct tls_channel {
    SSL *ssl;
    BIO_METHOD *method;
    struct bytes in; /* borrowed */
    uint8_t *out;
    size_t out_len, out_capacity;
    bool out_failed; /* beyond the bound, or no memory */
    size_t answered; /* bytes that were answers to what was read, in all */
    enum err broken; /* how reading ended; OK: it has not */
    char *certificate_name;
    char reason[TLS_REASON_SIZE];
};

/* ---- where libssl expects the socket ---- */

static int bio_read(BIO *bio, char *to, size_t len, size_t *got)
{
    struct tls_channel *c = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (c->in.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *got = len < c->in.len ? len : c->in.len;
    memcpy(to, c->in.data, *got);
    c->in = bytes_of(c->in.data + *got, c->in.len - *got);
    return 1;
}

/* Room for `more` bytes. */
static bool out_grow(struct tls_channel *c, size_t more)
{
    size_t capacity = c->out_capacity > 0 ? c->out_capacity : OUT_MIN;

    if (c->out_len + more > TLS_OUT_MAX)
        return false;
    if (c->out_len + more <= c->out_capacity)
        return true;
    while (capacity < c->out_len + more)
        capacity *= 2;
    uint8_t *out = realloc(c->out, capacity);
    if (!out)
        return false;
    c->out = out;
    c->out_capacity = capacity;
    return true;
}

static int bio_write(BIO *bio, const char *from, size_t len, size_t *put)
{
    struct tls_channel *c = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!out_grow(c, len)) {
        c->out_failed = true;
        return 0;
    }
    memcpy(c->out + c->out_len, from, len);
    c->out_len += len;
    *put = len;
    return 1;
}

static long bio_control(BIO *bio, int what, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *bio_new(struct tls_channel *c)
{
    c->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "tls_channel");
    if (!c->method || BIO_meth_set_read_ex(c->method, bio_read) != 1 ||
        BIO_meth_set_write_ex(c->method, bio_write) != 1 || BIO_meth_set_ctrl(c->method, bio_control) != 1)
        return NULL;
    BIO *bio = BIO_new(c->method);
    if (bio) {
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- life ---- */

static enum err channel_begin(struct tls_channel *c, struct tls_context *context, const char *host)
{
    const bool named = host && *host, verify = tls_context_verifies_host(context);
    BIO *bio = bio_new(c);

    if (!bio || !(c->ssl = SSL_new(tls_context_ssl(context)))) {
        BIO_free(bio);
        return ERR_NOMEM;
    }
    SSL_set_bio(c->ssl, bio, bio); /* ssl owns it now */
    if (tls_context_side(context) == TLS_SERVER) {
        SSL_set_accept_state(c->ssl);
        return OK;
    }
    SSL_set_connect_state(c->ssl);
    if (!named)
        return verify ? ERR_INVALID : OK;
    return tls_expect_host(c->ssl, host, verify);
}

enum err tls_channel_new(struct tls_channel **out, struct tls_context *context, const char *host)
{
    struct tls_channel *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_NOMEM;
    ERR_clear_error();
    enum err err = channel_begin(c, context, host);
    ERR_clear_error();
    if (err != OK) {
        tls_channel_free(c);
        return err;
    }
    *out = c;
    return OK;
}

void tls_channel_free(struct tls_channel *c)
{
    if (!c)
        return;
    SSL_free(c->ssl); /* with the BIO */
    BIO_meth_free(c->method);
    free(c->certificate_name);
    free(c->out);
    free(c);
}

/* ---- in ---- */

void tls_channel_feed(struct tls_channel *c, struct bytes in)
{
    c->in = in;
}

struct bytes tls_channel_unread(const struct tls_channel *c)
{
    return c->in;
}

static bool is_about_certificates(unsigned long error)
{
    switch (ERR_GET_REASON(error)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return ERR_GET_LIB(error) == ERR_LIB_SSL;
    default:
        return false;
    }
}

/* Something did not go on: why, in our words. */
static enum err channel_err(struct tls_channel *c, int result)
{
    const int why = SSL_get_error(c->ssl, result);
    const unsigned long error = ERR_peek_last_error();

    if (why == SSL_ERROR_WANT_READ)
        return ERR_AGAIN;
    if (why == SSL_ERROR_ZERO_RETURN)
        return ERR_CLOSED;
    if (c->out_failed) {
        (void)snprintf(c->reason, sizeof c->reason, "too many bytes wait for the peer");
        ERR_clear_error();
        return ERR_PROTOCOL;
    }
    tls_error_text(c->ssl, c->reason, sizeof c->reason);
    return is_about_certificates(error) ? ERR_DENIED : ERR_PROTOCOL;
}

enum err tls_channel_handshake(struct tls_channel *c)
{
    ERR_clear_error();
    const int result = SSL_do_handshake(c->ssl);
    if (result == 1) {
        c->certificate_name = tls_peer_name(c->ssl);
        return OK;
    }
    const enum err err = channel_err(c, result);
    return err == ERR_CLOSED ? ERR_PROTOCOL : err;
}

/* One record, or the rest of one. */
static enum err record_read(struct tls_channel *c, uint8_t *to, size_t len, size_t *got)
{
    const size_t before = c->out_len;

    ERR_clear_error();
    const int result = SSL_read_ex(c->ssl, to, len, got);
    c->answered += c->out_len - before;
    if (c->answered > ANSWERS_MAX) {
        (void)snprintf(c->reason, sizeof c->reason, "the peer asks for a new handshake again and again");
        return ERR_PROTOCOL;
    }
    return result == 1 ? OK : channel_err(c, result);
}

/* As much as the bytes at hand give: until there is no more or no room for more. */
enum err tls_channel_read(struct tls_channel *c, uint8_t *to, size_t len, size_t *got)
{
    size_t total = 0, more;
    enum err err = c->broken;

    assert(len > 0);
    while (total < len && err == OK) {
        if ((err = record_read(c, to + total, len - total, &more)) == OK)
            total += more;
    }
    if (err != OK && err != ERR_AGAIN)
        c->broken = err; /* told by the next call, if there are bytes to be told of first */
    if (total == 0)
        return err;
    *got = total;
    return OK;
}

bool tls_channel_spent(const struct tls_channel *c)
{
    return c->broken == OK && c->in.len == 0 && SSL_has_pending(c->ssl) == 0;
}

const char *tls_channel_reason(const struct tls_channel *c)
{
    return c->reason;
}

/* ---- out ---- */

enum err tls_channel_write(struct tls_channel *c, struct bytes plain)
{
    size_t put;

    assert(plain.len > 0);
    assert(plain.len <= TLS_RECORD_MAX);
    if (c->out_len + plain.len + RECORD_OVERHEAD > TLS_OUT_MAX)
        return ERR_FULL;
    ERR_clear_error();
    const int result = SSL_write_ex(c->ssl, plain.data, plain.len, &put);
    if (result != 1) {
        const enum err err = channel_err(c, result);
        return c->out_failed ? ERR_NOMEM : err == ERR_DENIED ? err : ERR_PROTOCOL;
    }
    assert(put == plain.len);
    return OK;
}

void tls_channel_finish(struct tls_channel *c)
{
    ERR_clear_error();
    (void)SSL_shutdown(c->ssl); /* sends ours; the peer's is not waited for */
    ERR_clear_error();
}

size_t tls_channel_pending(const struct tls_channel *c)
{
    return c->out_len;
}

uint8_t *tls_channel_take(struct tls_channel *c, size_t *len)
{
    uint8_t *out = c->out;

    *len = c->out_len;
    if (c->out_len == 0)
        return NULL;
    c->out = NULL;
    c->out_len = c->out_capacity = 0;
    return out;
}

void tls_channel_reserve(struct tls_channel *c, size_t plain)
{
    const size_t records = plain / TLS_RECORD_MAX + 1, room = plain + records * RECORD_OVERHEAD;

    if (c->out || room > TLS_OUT_MAX)
        return;
    c->out = malloc(room); /* without it there is less room, which a write will find out */
    c->out_capacity = c->out ? room : 0;
}

/* ---- who is there ---- */

const char *tls_channel_certificate_name(const struct tls_channel *c)
{
    return c->certificate_name;
}

const char *tls_channel_protocol(const struct tls_channel *c)
{
    return SSL_get_version(c->ssl);
}

const char *tls_channel_cipher(const struct tls_channel *c)
{
    return SSL_get_cipher_name(c->ssl);
}
