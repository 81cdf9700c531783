/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.h - what producers and consumers behind a WebSocket have in common.  Private to services/websocket.
 *
 * A peer lives until its connection is closed and the client library has answered all that it was asked: each question
 * is a struct ws_asked, which holds the peer.
 */
#ifndef SERVICES_WEBSOCKET_PEER_H
#define SERVICES_WEBSOCKET_PEER_H

#include "services/websocket/clients.h"
#include "services/websocket/messages.h"
#include "services/websocket/request.h"
#include "sys/web_socket.h"

#define WS_RECEIVER_QUEUE 16                 /* of one connection, in the client library, at most */
#define WS_ROOM_MESSAGES  64                 /* in the queues of all that came while there was room */
#define WS_ROOM_BYTES     (64 * 1024 * 1024) /* that wait for peers, until a new one waits for its own peer */

/* What all connections that receive share (websocket.h, "Bounded"). */
struct ws_room {
    unsigned messages; /* the sizes of all receiver queues; those that come without room have 1 */
    size_t bytes;      /* that the peers have not taken */
};

struct ws_peer {
    struct web_peer web;
    struct web_thread *thread;
    struct web_socket *socket; /* NULL: it is closed */
    struct ws_request request;
    struct ws_client *client; /* left when the peer goes */
    size_t asked;
    void (*free)(struct ws_peer *p); /* of what is beyond this */
};

/* A question to the client library, whose callback comes on another thread. */
struct ws_asked {
    struct web_event event;
    struct ws_peer *peer;
    void (*answered)(struct ws_asked *a); /* on the server's thread; the connection may be closed by then */
    pulsar_result result;
    void *value; /* what the answer has; answered's to free */
    char *context;
};

/* Takes the request over, and the place at the client. */
void ws_peer_init(struct ws_peer *p, const struct web_peer_ops *ops, struct ws_client *client,
                  struct web_thread *thread, struct web_socket *socket, struct ws_request *request);
/* For the peer's `closed`: the connection is gone. */
void ws_peer_closed(struct ws_peer *p);

/* NULL: no memory. */
struct ws_asked *ws_ask(struct ws_peer *p, void (*answered)(struct ws_asked *a));
/* In the library's callback, on any thread. */
void ws_answer(struct ws_asked *a, pulsar_result result, void *value);
/* The library's callback of what is answered with a result alone; `ctx` is the struct ws_asked. */
void ws_done(pulsar_result result, void *ctx);
/* For ws_ask: how it ended is nobody's concern. */
void ws_nothing_more(struct ws_asked *a);

/* Sends the text, unless the connection is closed, and frees it. */
void ws_tell(struct ws_peer *p, struct text *text);
void ws_hang_up(struct ws_peer *p, enum ws_error error, const char *why); /* `why` may be NULL */

/* NULL: no memory. */
struct web_peer *ws_producer_open(struct ws_client *client, struct web_thread *thread, struct web_socket *socket,
                                  struct ws_request *request);
/* And readers.  The room outlives it. */
struct web_peer *ws_consumer_open(struct ws_client *client, struct web_thread *thread, struct web_socket *socket,
                                  struct ws_request *request, struct ws_room *room);

/* How many messages the receiver queue of a connection has that wants so many; ws_room_leave gives them back. */
unsigned ws_room_enter(struct ws_room *room, unsigned wanted);
void ws_room_leave(struct ws_room *room, unsigned queue);
/* Whether a message more may be brought to a peer that has not taken `queued` bytes: whoever has nothing waiting always
 * gets one, so that nobody waits for another peer. */
bool ws_room_for_one(const struct ws_room *room, size_t queued);

#endif
