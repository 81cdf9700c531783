/* SPDX-License-Identifier: Apache-2.0
 *
 * web_client.h - WebSockets as a client has them: connections to paths of one server, on one thread, by libwebsockets.
 *
 * web_client_run is that thread: everything is called back there, and but for web_client_stop everything is called
 * there.  An owner is asked for messages when a connection can take some (`next`), so nothing is queued here.
 *
 * Bounds: a message that comes is at most WEB_CLIENT_MESSAGE_MAX bytes, or its connection is closed.
 */
#ifndef CLI_WEB_CLIENT_H
#define CLI_WEB_CLIENT_H

#include "base/text.h"
#include "cli/http_client.h"

#define WEB_CLIENT_MESSAGE_MAX (1024u * 1024)

struct web_client;

struct web_client_ops {
    void (*opened)(void *ctx, size_t link);
    /* A whole message, borrowed. */
    void (*received)(void *ctx, size_t link, struct bytes message);
    /* Appends the next message to be sent; false: there is none, until web_client_wake. */
    bool (*next)(void *ctx, size_t link, struct text *out);
    /* The last call for this link: it could not be opened, or ended; `why` says how. */
    void (*closed)(void *ctx, size_t link, const char *why);
    /* Now and then; returns after how many microseconds to be called again. */
    int64_t (*tick)(void *ctx);
};

/* ERR_INVALID: `target->url` is none of ws, wss, http or https, `why` says so; ERR_NOMEM.  The target is borrowed. */
MUST_USE enum err web_client_new(struct web_client **out, const struct http_target *target,
                                 const struct web_client_ops *ops, void *ctx, char *why, size_t why_size);
void web_client_free(struct web_client *c);

/* Adds a connection to `path`, opened when web_client_run begins; links are numbered from 0. */
MUST_USE enum err web_client_add(struct web_client *c, const char *path);

/* Until web_client_stop. */
void web_client_run(struct web_client *c);
/* From any thread, once web_client_new has returned. */
void web_client_stop(struct web_client *c);

/* There is something to be sent: `next` follows. */
void web_client_wake(struct web_client *c, size_t link);

#endif
