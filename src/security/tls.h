/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.h - how this program speaks TLS: protocols, ciphers, certificates, whom it trusts.
 *
 * tls_configure is the one place where that is decided, for whatever has an SSL_CTX: our own connections
 * (tls_channel.h), the HTTP server's, an HTTP client's.  TLS 1.2 and 1.3 only; ciphers with forward secrecy and
 * authenticated encryption; no renegotiation, no compression, no resumption: connections live long here, and a resumed
 * session would carry an identity that was verified against an earlier trust file, under a key that has to be kept.
 *
 * Reads the files that the settings name, so it may wait: at the start, or on a worker.  Nothing of OpenSSL is touched
 * before the first call.  May call: base/, libssl, libcrypto.
 */
#ifndef SECURITY_TLS_H
#define SECURITY_TLS_H

#include "base/bytes.h"
#include "base/err.h"
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_side { TLS_SERVER, TLS_CLIENT };

/* What a server wants of its clients. */
enum tls_client_certificates {
    TLS_CERTIFICATE_NONE,     /* does not ask */
    TLS_CERTIFICATE_OPTIONAL, /* asks; one that is shown must hold, or the handshake fails */
    TLS_CERTIFICATE_REQUIRED, /* who shows none does not get in */
};

/* Texts are borrowed.  A text that is NULL or empty: not given. */
struct tls_settings {
    enum tls_side side;
    /* PEM: the certificate and those that lead from it to its issuer, in this order; and its key, without a password.
     * A server must have both; a client both or neither. */
    const char *certificate_file, *key_file;
    /* PEM: the certificates of whom we trust.  Not given, a client trusts whom the system trusts; a server then trusts
     * nobody, and may not ask for certificates. */
    const char *trust_file;
    enum tls_client_certificates client_certificates; /* of a server */
    const char *protocols;                            /* which of "TLSv1.2", "TLSv1.3", with commas; by default both */
    /* Names as OpenSSL or as RFCs have them, with commas or colons, of TLS 1.2 and 1.3 alike; if none of one protocol
     * is named, that one has its own.  By default ours. */
    const char *ciphers;
    bool verify_host;    /* of a client: the certificate must be that of the host we meant */
    bool allow_insecure; /* the peer's certificate is not verified; then it has no name either (tls_channel.h) */
};

/* ERR_INVALID: a setting, or what a file holds; ERR_NOT_FOUND, ERR_DENIED, ERR_IO: a file; ERR_NOMEM.  `message` is the
 * whole sentence for the user then.  On OK it is empty, or a warning that somebody should see ("... can be read by
 * everybody").  What it is called on is to be thrown away after an error. */
MUST_USE enum err tls_configure(SSL_CTX *ctx, const struct tls_settings *settings, char *message, size_t message_size);

/* A client's connection: sends the name (SNI) where `host` is one, and has the certificate verified for it, a name or
 * an address, if the settings say so.  For whoever makes an SSL of a configured SSL_CTX by himself. */
MUST_USE enum err tls_expect_host(SSL *ssl, const char *host, bool verify);

/* After a handshake: the common name in the peer's certificate (the last of them, if it is one text), to be freed;
 * NULL: there is none, or it was not verified. */
char *tls_peer_name(SSL *ssl);

/* A text for the log about the last error of OpenSSL's on this thread, whose queue is empty afterwards:
 * "certificate verify failed: certificate has expired".  `ssl` may be NULL. */
void tls_error_text(SSL *ssl, char *to, size_t size);

/* ---- a context: settings that were read, for any number of connections ---- */

struct tls_context;

/* As tls_configure.  On any thread; counted on one only. */
MUST_USE enum err tls_context_new(struct tls_context **out, const struct tls_settings *settings, char *message,
                                  size_t message_size);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c); /* NULL is fine */

enum tls_side tls_context_side(const struct tls_context *c);
/* Until when our certificate holds, in seconds since 1970; 0: there is none. */
int64_t tls_context_expires_s(const struct tls_context *c);
SSL_CTX *tls_context_ssl(const struct tls_context *c);
bool tls_context_verifies_host(const struct tls_context *c);

/* What the three files hold, in one number: another one means that somebody changed them.  A file that cannot be read
 * counts, too. */
#define TLS_DIGEST_BYTES 32
void tls_settings_digest(const struct tls_settings *settings, uint8_t digest[TLS_DIGEST_BYTES]);

#endif
