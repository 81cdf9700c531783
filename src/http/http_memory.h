/* SPDX-License-Identifier: Apache-2.0
 *
 * http_memory.h - libwebsockets' memory: what it frees is wiped, and lives until the end of the turn.
 *
 * Wiped, for the heads of requests are in it, with passwords and tokens.
 *
 * Kept for a turn, because libwebsockets 4.1.6 looks at a connection that it has just freed: a request with a body that
 * was sent before the answer to the one before, and whose body we do not take, is closed by an inner call
 * (lws_read_h1, called by lws_http_action for what was buffered), and then looked at, and closed once more, by the
 * outer one.  Anybody who can reach the port can make it do so.  In what is kept the outer call finds a connection that
 * is closed already, and leaves it alone.
 *
 * libwebsockets has one allocator for the process, without a context: so the turn that is under way is known by its
 * thread.
 */
#ifndef HTTP_HTTP_MEMORY_H
#define HTTP_HTTP_MEMORY_H

#include <stddef.h>

/* What was freed in this turn. */
struct http_memory {
    void **freed;
    size_t count, capacity;
};

/* Before a context is made. */
void http_memory_use(void);

/* Around a thread's calls of lws_service, and after each; zeroed before. */
void http_memory_begin(struct http_memory *m);
void http_memory_turn(struct http_memory *m);
void http_memory_end(struct http_memory *m);

#endif
