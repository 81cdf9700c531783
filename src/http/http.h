/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - the HTTP server: requests in, answers out, on one thread; libwebsockets stays in http.c.
 *
 * Makes a struct call of each request and gives it to on_request; sends its answer when it is finished, whichever
 * thread finishes it.  Bounded: connections, in all and of each address, requests a second of each address, bytes of
 * a head, bytes of bodies held, seconds for a request's head, for its body, for its handler, for an answer, and for
 * each part of it; with TLS, handshakes under way.  Who goes beyond a bound gets an answer that says so: 408, 413, 429,
 * 503; but one whose answer is under way or whose handshake is, whose connection is closed.
 * May call: base/, security/tls.h, call.h.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/log.h"
#include "http/call.h"
#include "http/http_origin.h"
#include "security/tls.h"
#include "sys/web_socket.h"

struct http;

#define HTTP_HEAD_MAX 60000u

struct http_options {
    const char *bind;
    uint16_t port;
    bool tls_only; /* nobody listens on `port` */
    /* NULL: no TLS.  Borrowed while it is opened, with what it names. */
    const struct tls_settings *tls;
    uint16_t tls_port;
    uint32_t connections_max;             /* who comes beyond it is told so */
    uint32_t connections_per_address_max; /* likewise; 0: no bound */
    uint32_t requests_per_s;              /* of an address; 0: no bound */
    uint32_t head_bytes_max;              /* of a request: up to HTTP_HEAD_MAX; 0: 8 KiB */
    struct http_sites sites;              /* whose pages may ask for what */
    /* How long a peer may take for the head of its first request, for a body, and for an answer; how long a handler
     * may; how long a connection is kept between requests, and behind a refusal, until the peer has read it.  0: 10,
     * 30, 120, 60, 30, 10 s. */
    uint32_t head_ms, body_ms, answer_ms, handler_ms, idle_ms, linger_ms;
    struct log *log;
    /* On the server's thread.  The call is lent until it is finished; again, with call->more, for each part that
     * follows one that was taken. */
    void (*on_request)(void *ctx, struct call *call);
    void *ctx;
    struct web_service *sockets; /* takes what is asked for below /ws/; NULL: nobody does.  Lives as long. */
    const struct web_gate *gate; /* who may have such a connection; NULL: everybody.  Lives as long. */
};

/* Listens.  ERR_BUSY: the port is taken; ERR_IO; `message` is a sentence for the user. */
MUST_USE enum err http_open(struct http **out, const struct http_options *options, char *message, size_t message_size);

/* 0: nobody listens there. */
uint16_t http_port(const struct http *h);
uint16_t http_tls_port(const struct http *h);

/* From any thread, where there is TLS: certificates, keys and whom to trust from the next handshake on.  Takes a
 * reference.  What else was configured in it stays as it was at the beginning. */
void http_replace_tls(struct http *h, SSL_CTX *ctx);

/* Serves until http_stop: the body of the thread. */
void http_run(struct http *h);

/* From any thread, once. */
void http_stop(struct http *h);

/* After http_run has returned, and when nobody will finish a call any more: frees those that were not.  NULL is fine.
 */
void http_close(struct http *h);

#endif
