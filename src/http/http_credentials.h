/* SPDX-License-Identifier: Apache-2.0
 *
 * http_credentials.h - what a request shows of who makes it: read out of its head, and wiped.
 *
 * As Pulsar reads it: the header Authorization ("Bearer TOKEN", "Basic BASE64"), X-Pulsar-Auth-Method-Name,
 * X-Original-Principal of proxies, and the common name of a client's certificate.  A browser cannot give a WebSocket
 * headers: there, and only there, ?token=TOKEN is a Bearer.
 *
 * Whether it is to be believed is authentication's (broker/authenticator.h).  Private to the HTTP server's files.
 */
#ifndef HTTP_HTTP_CREDENTIALS_H
#define HTTP_HTTP_CREDENTIALS_H

#include "base/arena.h"
#include "sys/web_socket.h"

#include <libwebsockets.h>

/* From the head that is there, into the arena.  False: no memory. */
bool http_credentials_read(struct lws *wsi, struct arena *arena, struct web_credentials *out);
/* The same of a request whose parameters were read. */
bool http_socket_credentials_read(struct lws *wsi, struct arena *arena, struct web_request *r);

/* Before the arena goes.  What was never read is fine. */
void http_credentials_wipe(struct web_credentials *c);
void http_socket_credentials_wipe(struct web_request *r);

/* It shows a token: nothing that a browser adds by itself. */
bool http_credentials_have_token(const struct web_credentials *c);

#endif
