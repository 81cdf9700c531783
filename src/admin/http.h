/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - the HTTP server: requests in, answers out, on one thread; libwebsockets stays in http.c.
 *
 * Makes a struct admin_call of each request and gives it to on_request; sends its answer when it is finished, whichever
 * thread finishes it.  Bounded: connections, bytes of bodies held, seconds for a request's head, for its body, for its
 * handler, for an answer, and for each part of it.  Who goes beyond a bound gets an answer that says so: 408, 413, 503;
 * but one whose answer is under way, whose connection is closed.
 * May call: base/, call.h.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "admin/call.h"
#include "base/log.h"
#include "sys/web_socket.h"

struct http;

struct http_options {
    const char *bind;
    uint16_t port;
    uint32_t connections_max; /* who comes beyond it is told so */
    /* How long a peer may take for the head of its first request, for a body, and for an answer; how long a handler
     * may; how long a connection is kept between requests, and behind a refusal, until the peer has read it.  0: 10,
     * 30, 120, 60, 30, 10 s. */
    uint32_t head_ms, body_ms, answer_ms, handler_ms, idle_ms, linger_ms;
    struct log *log;
    /* On the server's thread.  The call is lent until it is finished; again, with call->more, for each part that
     * follows one that was taken. */
    void (*on_request)(void *ctx, struct admin_call *call);
    void *ctx;
    struct web_service *sockets; /* takes what is asked for below /ws/; NULL: nobody does.  Lives as long. */
};

/* Listens.  ERR_BUSY: the port is taken; ERR_IO; `message` is a sentence for the user. */
MUST_USE enum err http_open(struct http **out, const struct http_options *options, char *message, size_t message_size);

uint16_t http_port(const struct http *h);

/* Serves until http_stop: the body of the thread. */
void http_run(struct http *h);

/* From any thread, once. */
void http_stop(struct http *h);

/* After http_run has returned, and when nobody will finish a call any more: frees those that were not.  NULL is fine.
 */
void http_close(struct http *h);

#endif
