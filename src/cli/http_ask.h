/* SPDX-License-Identifier: Apache-2.0
 *
 * http_ask.h - one request to a broker's admin interface, for verbs of the command line that have a broker do
 * something.
 *
 * A connection for each, plain HTTP, waits.  The answer is bounded.
 */
#ifndef CLI_HTTP_ASK_H
#define CLI_HTTP_ASK_H

#include "base/err.h"

#define HTTP_ANSWER_MAX (64u * 1024)

struct http_told {
    int status;
    char body[HTTP_ANSWER_MAX]; /* NUL-terminated */
};

/* `url` is the broker's: "http://localhost:8080".  ERR_INVALID: it is not one; ERR_IO: nobody answers there, or not in
 * HTTP; ERR_TIMEOUT; ERR_TOO_LARGE. */
MUST_USE enum err http_ask(const char *url, const char *method, const char *path, struct http_told *told);
/* The same, but no step of it may take longer than `wait_ms`; http_ask waits a minute. */
MUST_USE enum err http_ask_within(const char *url, const char *method, const char *path, unsigned wait_ms,
                                  struct http_told *told);

#endif
