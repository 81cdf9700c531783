/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - one request to another system over HTTP, and its whole answer: libcurl, loaded when it is first needed.
 *
 * (Linked, libcurl would double the time that the program takes to start: it brings twenty libraries along.)  Blocks;
 * any thread, several at a time.  Bounds: the answer's size and the whole time, from the name's lookup to the last
 * byte.  Redirects are not followed.  A secret goes into a header and is never in `why`.  May call: base/, security/.
 */
#ifndef SERVICES_RUNTIME_HTTP_H
#define SERVICES_RUNTIME_HTTP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>

struct sockaddr;

struct http_connections;

struct http_call {
    const char *method;         /* NULL: GET, or POST when there is a body */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value", ends with NULL; or NULL */
    struct bytes body;
    int64_t timeout_ms;
    size_t answer_max;                    /* bytes; a longer answer is ERR_TOO_LARGE */
    const char *trust_certs;              /* a file; NULL: the system's */
    const char *certificate, *key;        /* our own; files */
    const char *sigv4;                    /* as CURLOPT_AWS_SIGV4: "aws:amz:REGION:s3", with `user`; or NULL */
    const char *user;                     /* "name:password", or NULL */
    bool http2_prior_knowledge;           /* HTTP/2 without TLS and without asking (gRPC) */
    struct http_connections *connections; /* one of these if one is idle, which goes back; NULL: one of its own, as
                                           * always with http2_prior_knowledge */
    /* Takes the answer piece by piece instead of `body` below; false ends the call by ERR_CANCELLED.  NULL: none. */
    bool (*take)(void *ctx, struct bytes piece);
    /* Asked of each address before it is connected to; when it refuses all that there are, ERR_DENIED.  NULL: any will
     * do. */
    bool (*may_connect)(void *ctx, const struct sockaddr *address);
    /* Asked about once a second while nothing comes; true ends the call by ERR_CANCELLED.  NULL: never. */
    bool (*cancelled)(void *ctx);
    void *ctx;
};

struct http_reply {
    long status;
    struct text body;
    struct text headers; /* "name: value\r\n" lines, trailers included, names in lower case */
    int64_t elapsed_ms;  /* what the call took, whatever its result: for a deadline that several calls share */
};

/* OK: there is an answer, whatever its status.  ERR_UNSUPPORTED: libcurl is not installed; ERR_INVALID: the call makes
 * no sense; ERR_TIMEOUT; ERR_IO: nobody there, or it broke; ERR_DENIED: its certificate; ERR_TOO_LARGE; ERR_NOMEM.
 * `why` is a sentence for people.  http_reply_deinit after any result. */
MUST_USE enum err http_perform(const struct http_call *call, struct http_reply *out, char *why, size_t why_size);
void http_reply_deinit(struct http_reply *reply);

/* Connections that stay open between the calls of one system: of calls with the same files of certificates only, for
 * who was verified by one is not asked again.  Thread-safe; at most HTTP_CONNECTIONS_MAX idle, none older than five
 * minutes. */
#define HTTP_CONNECTIONS_MAX 16
MUST_USE enum err http_connections_new(struct http_connections **out);
void http_connections_free(struct http_connections *c); /* no call is under way; NULL is fine */

/* A header of the answer (name in lower case), NUL-terminated in `to`; false: there is none, or it is longer. */
bool http_reply_header(const struct http_reply *reply, const char *name, char *to, size_t size);

#endif
