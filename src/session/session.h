/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - one connection of a client: handshake, commands in, frames out.
 *
 * Owns its connection, its receive buffer, its queue of output, and what the client named on it: producers, consumers,
 * requests. It is a struct sink for the broker.  Core thread.  May call: base/, sys/, wire/, broker/.
 *
 * States
 *     HANDSHAKE  nothing but CONNECT is heard, of at most 64 KiB; 30 s
 *     READY      commands
 *     CLOSING    nothing is heard or said any more; waits for the connection's on_closed and for the operations under
 * way
 *
 * Backpressure: reading stops while more than 1,000 publishes of this connection are under way, while the store has no
 * room, or while its receive buffers exceed their budget, and resumes at half.  While the peer does not read, its
 * consumers are served nothing; answers go on being queued, up to a bound beyond which the connection is closed.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/err.h"
#include "sys/net.h"

struct server;
struct session;

/* Takes over an accepted connection.  The session is in the server's list until it has ended. */
MUST_USE enum err session_new(struct session **out, struct server *server, struct conn *conn);
struct conn_handler *session_handler(struct session *s);

/* In place of being let in: an error, and the end. */
void session_turn_away(struct session *s, const char *why);
/* The receive budget is spent: this one goes if it sends a large frame so slowly that it will keep its place for long.
 */
void session_close_if_crawling(struct session *s);
/* Flushes what is queued, then closes.  For the server's stop: after the broker has told everybody to leave. */
void session_finish(struct session *s);
/* The store has room again. */
void session_resume(struct session *s);
/* Without a word to anybody: a crash. */
void session_free(struct session *s);

#endif
