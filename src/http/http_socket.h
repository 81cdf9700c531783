/* SPDX-License-Identifier: Apache-2.0
 *
 * http_socket.h - the WebSocket half of http.c: connections that were HTTP and carry messages now.
 *
 * Private to http.c, which hands it what libwebsockets says of them.  Server's thread, but for the posts.
 */
#ifndef HTTP_HTTP_SOCKET_H
#define HTTP_HTTP_SOCKET_H

#include "sys/web_socket.h"

#include <libwebsockets.h>
#include <stdatomic.h>

#define SOCKET_QUEUE_MAX (1u << 20) /* bytes for a peer that does not read: then nothing more is taken from it */

struct http_socket;

struct http_sockets {
    struct web_service *service; /* NULL: there are none */
    const struct web_gate *gate; /* NULL: everybody may */
    struct lws_context *context;
    struct web_thread thread;
    _Atomic(struct web_event *) events; /* the newest first */
};

void http_sockets_init(struct http_sockets *all, struct web_service *service, const struct web_gate *gate);
/* The service's connections are known by their path. */
bool http_sockets_is_path(const struct http_sockets *all, struct bytes path);
/* What the service, and then the gate, say of the request that is in the connection's head: 0 is yes.  `peer` as
 * admin_call has it. */
unsigned http_sockets_refuse(struct http_sockets *all, struct lws *wsi, const char *peer, char *reason,
                             size_t reason_size);
/* What other threads have posted. */
void http_sockets_run(struct http_sockets *all);

/* NULL: it shall be closed. */
struct http_socket *http_socket_open(struct http_sockets *all, struct lws *wsi);
/* -1: it shall be closed. */
int http_socket_received(struct http_socket *s, const void *data, size_t len);
int http_socket_writable(struct http_socket *s);
void http_socket_closed(struct http_socket *s);

#endif
