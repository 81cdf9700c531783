/* SPDX-License-Identifier: Apache-2.0
 *
 * http_tls.h - the TLS half of http.c: a second listener of the same server.
 *
 * libwebsockets does the TLS, with an SSL_CTX that security/tls.h has configured: protocols, ciphers and certificates
 * are decided there.  What is here: handshakes that are under way, certificates that are replaced, the peer's name.
 * Nothing of OpenSSL is touched before http_tls_listen.
 *
 * Half-open: a handshake has the time of a request's head; at most so many are under way, and the oldest goes for the
 * next, so that those who never finish do not keep others out.
 *
 * Private to the HTTP server's files.  Server's thread, but for http_tls_replace.
 */
#ifndef HTTP_HTTP_TLS_H
#define HTTP_HTTP_TLS_H

#include "base/list.h"
#include "security/tls.h"

#include <libwebsockets.h>
#include <stdatomic.h>

struct http_tls {
    const struct tls_settings *settings; /* while it begins to listen */
    struct lws_vhost *vhost;             /* NULL: there is none */
    SSL_CTX *current;                    /* in the place of the vhost's own; NULL: nobody has replaced it */
    _Atomic(SSL_CTX *) next;             /* to be the current one from the next handshake on */
    struct list handshakes;              /* struct http_handshake, the oldest first; some may be through */
    size_t count, max;
    size_t dropped; /* connections that went for others, and are not gone yet */
    char *message;  /* while it begins to listen */
    size_t message_size;
};

/* Embedded in a connection. */
struct http_handshake {
    struct list node;
    struct lws *wsi;
    bool dropped;
};

void http_tls_init(struct http_tls *t, size_t handshakes_max);
void http_tls_deinit(struct http_tls *t);

/* `info` is for the plain listener; the port and what TLS needs are put into it.  False: `message` says why, or
 * nothing: then it is the port. */
bool http_tls_listen(struct http_tls *t, struct lws_context *context, struct lws_context_creation_info *info,
                     const struct tls_settings *settings, uint16_t port, char *message, size_t message_size);
/* LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS; not 0: it cannot be used. */
int http_tls_configure(struct http_tls *t, SSL_CTX *ctx);
/* From any thread: for handshakes from now on.  Takes a reference. */
void http_tls_replace(struct http_tls *t, SSL_CTX *ctx);

/* A connection has come, and goes.  http_tls_left also for those that never came. */
void http_tls_came(struct http_tls *t, struct http_handshake *h, struct lws *wsi);
void http_tls_left(struct http_tls *t, struct http_handshake *h);

/* It is one of TLS and its handshake is under way: nothing can be written. */
bool http_tls_is_shaking(struct lws *wsi);
/* The common name of its verified certificate, to be freed; NULL: there is none. */
char *http_tls_peer_name(struct lws *wsi);

#endif
