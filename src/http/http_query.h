/* SPDX-License-Identifier: Apache-2.0
 *
 * http_query.h - what libwebsockets has read of a request's head, copied into an arena.
 *
 * Private to the HTTP server's files; on its thread, in the callbacks in which a head is there.
 */
#ifndef HTTP_HTTP_QUERY_H
#define HTTP_HTTP_QUERY_H

#include "base/arena.h"
#include "base/bytes.h"
#include "sys/web_socket.h"

#include <libwebsockets.h>

/* A header, decoded if it is the path; empty when it is not there.  False: no memory. */
bool http_header_copy(struct lws *wsi, enum lws_token_indexes token, struct arena *arena, struct bytes *out);
/* One that libwebsockets has no token for: "x-name:", in small letters. */
bool http_header_copy_named(struct lws *wsi, const char *name, struct arena *arena, struct bytes *out);

/* The parameters behind the question mark, decoded; those beyond `max` are passed over.  False: no memory. */
bool http_query_copy(struct lws *wsi, struct arena *arena, struct web_parameter *to, size_t max, size_t *count);

#endif
