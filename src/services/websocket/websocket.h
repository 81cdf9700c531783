/* SPDX-License-Identifier: Apache-2.0
 *
 * websocket.h - Apache Pulsar's WebSocket interface, /ws/v2/...: producers, consumers and readers for whoever has a
 * browser or a line of script and no Pulsar client.
 *
 * An ordinary client of a broker, ours or any Pulsar: one client of the library for all connections that show the same
 * credentials (clients.h), made with the first of them.  What the connections are is the server's (sys/web_socket.h):
 * all that is said here happens on its thread; the library's callbacks come to it by `post`.
 *
 * Bounded: a producer has as many messages under way as its maxPendingMessages says (more are refused, each with an
 * answer), all together what CLIENT_MEMORY holds; a consumer is sent no more than its receiverQueueSize ahead of its
 * acknowledgements, and nothing while a megabyte waits for it, or while anything does and 64 MiB wait for all.
 *
 * Messages that came from the broker and go to a peer are not in the broker's memory_limit; they are in the client
 * library's receiver queues, which count messages, not bytes.  Whatever receiverQueueSize says, one connection's queue
 * holds at most 16, those of all together 64; who comes then has a queue of one message.  With messages of 5 MiB and
 * the server's 100 connections these are 820 MiB in the worst case, and one message more for each connection that is
 * on its way to a peer.  (Of a partitioned topic each partition has a message at least, a reader's each 16.)
 */
#ifndef SERVICES_WEBSOCKET_WEBSOCKET_H
#define SERVICES_WEBSOCKET_WEBSOCKET_H

#include "base/log.h"
#include "services/runtime/access.h"
#include "sys/web_socket.h"

struct websocket;

/* ERR_NOMEM.  The log outlives it. */
MUST_USE enum err websocket_new(struct websocket **out, struct log *log);

/* For the server, which must end before websocket_free. */
struct web_service *websocket_service(struct websocket *w);

/* From any thread, once: where the broker is, and who we are there; it lives as long, and so do its texts.  Before it,
 * connections are refused with 503.  `pass_on`: whoever shows a token or a password is that one to the broker; else
 * everybody is who we are. */
void websocket_start(struct websocket *w, const struct pulsar_access *access, bool pass_on);

/* When the server's thread has ended and before the server is freed: ends what is under way.  NULL is fine. */
void websocket_close(struct websocket *w);
/* When the server is freed. */
void websocket_free(struct websocket *w);

#endif
