/* SPDX-License-Identifier: Apache-2.0
 *
 * status_http.h - /health/pulsar and /metrics of a service that runs by itself, on a thread of its own.
 *
 * Beside a broker in one process its HTTP server shows the same.  GET only, small answers, a bounded number of
 * connections.  May call: base/, sys/ (its thread), libwebsockets.
 */
#ifndef SERVICES_RUNTIME_STATUS_HTTP_H
#define SERVICES_RUNTIME_STATUS_HTTP_H

#include "base/log.h"
#include "base/text.h"

struct status_http;

/* What is asked for: both append to `body`, on the server's thread. */
struct status_source {
    bool (*health)(void *ctx, struct text *body); /* JSON; false: 503 instead of 200 */
    void (*metrics)(void *ctx, struct text *body);
    void *ctx;
};

/* Listens and serves.  `port` 0: the kernel chooses.  `message` is the sentence for the user: ERR_BUSY, the port is
 * taken; ERR_IO, ERR_NOMEM. */
MUST_USE enum err status_http_start(struct status_http **out, const char *bind, uint16_t port,
                                    struct status_source source, struct log *log, char *message, size_t message_size);

/* Ends and waits for it.  NULL is fine. */
void status_http_stop(struct status_http *h);

#endif
