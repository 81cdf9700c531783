/* SPDX-License-Identifier: Apache-2.0
 *
 * http_client.h - one request over HTTP or HTTPS, for verbs of the command line: asks, waits, has the whole answer.
 *
 * HTTP/1.1 and a connection for each request; an answer may come in chunks.  TLS is as security/tls.h decides.
 * (libcurl would double the time that the program takes to start, the broker's start included: it brings twenty
 * libraries along.)
 *
 * Redirects are followed, for so Pulsar's brokers send each other's clients around, but never from https to http; and
 * the credentials (authorization, certificate) go only to hosts that `url` names, with its scheme; the port may differ.
 * Others are asked without them.
 *
 * Bounds: an answer is at most HTTP_ANSWER_MAX bytes; each wait for the network at most `timeout_ms`.
 */
#ifndef CLI_HTTP_CLIENT_H
#define CLI_HTTP_CLIENT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_ANSWER_MAX (256u * 1024 * 1024)

/* Texts are borrowed; NULL is none. */
struct http_target {
    const char *url;               /* "http://localhost:8080", "https://a:8443,b:8443": the first that can be reached */
    const char *authorization;     /* the header's value: "Bearer ..." */
    const char *trust_certs;       /* a file of certificates; NULL: the system's */
    const char *certificate, *key; /* our own, files */
    bool allow_insecure;           /* any certificate will do */
    bool verify_hostname;
    int timeout_ms;
};

struct http_request {
    const char *method, *path;
    const char *type; /* of the body; NULL: application/json */
    const char *body; /* NULL: none */
    size_t body_len;
};

struct http_answer {
    int status;
    char *head; /* "name: value\r\n" lines after the first, NUL-terminated */
    char *body; /* NUL-terminated, though it may hold NULs */
    size_t body_len;
};

/* ERR_INVALID: the target or the request makes no sense; ERR_IO: nobody answers there, or not in HTTP; ERR_TIMEOUT;
 * ERR_TOO_LARGE; ERR_DENIED: the certificate is not trusted; or a redirect leads out of TLS, or to a host that wants
 * credentials and is not one of the url's.  `why` says what happened, for people.  On OK the caller
 * frees head and body. */
MUST_USE enum err http_client_ask(const struct http_target *target, const struct http_request *request,
                                  struct http_answer *answer, char *why, size_t why_size);

/* NULL texts are fine. */
void http_answer_free(struct http_answer *answer);

/* A line of a head, compared without case; its value, trimmed, NUL-terminated in `to`.  False: there is none; `head`
 * may be NULL. */
bool http_head_find(const char *head, const char *name, char *to, size_t size);

/* Whether so many bytes, NUL-terminated, are a whole answer by what its head says; one without a length is never. */
bool http_answer_ended(const char *bytes, size_t len);
/* A whole answer's bytes, NUL-terminated, taken apart; they are taken, also on failure, which is ERR_PROTOCOL: they are
 * none. */
MUST_USE enum err http_answer_parse(char *bytes, size_t len, struct http_answer *answer);

#endif
