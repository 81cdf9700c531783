/* SPDX-License-Identifier: Apache-2.0
 *
 * connection.h - one connection to a broker, shared by all that talk to it.
 *
 *     CONNECTING --tcp--> HANDSHAKE --CONNECTED--> READY --> CLOSED
 *          \___________________\_________________________________/^
 *
 * Owns the socket, the keep-alive, the requests without answer and the handshake.  Knows the protocol's frames, but
 * neither producers nor consumers: those are struct client_peer, found by their id.  When a connection ends, in this
 * order: it is no longer given out; those waiting for it, then its requests, fail; its peers are told; it frees itself.
 *
 * Bounds: a frame is at most what the broker said plus the protocol's padding; what waits to be written is bounded by
 * the peers' own limits.  Owner: the loop.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/map.h"
#include "client/core.h"
#include "wire/command.h"
#include "wire/delivery.h"
#include "wire/publish.h"

struct client_connection;
struct client_peer;
struct client_request;
struct client_waiter;

/* A producer or a consumer on the connection.  All pointers are valid during the call only. */
struct client_peer_ops {
    void (*receipt)(struct client_peer *peer, const struct send_receipt *receipt);
    void (*send_error)(struct client_peer *peer, const Wire__CommandSendError *error);
    void (*message)(struct client_peer *peer, const struct message_command *message, struct bytes entry);
    void (*end_of_topic)(struct client_peer *peer);
    /* The broker closed it, not the connection: it is detached already.  `url` is where it is now, or NULL. */
    void (*moved)(struct client_peer *peer, const char *url);
    /* The connection is gone, and the peer detached. */
    void (*lost)(struct client_peer *peer);
};

/* Embedded.  Producers have the first four functions' first half, consumers the other; the rest may be NULL. */
struct client_peer {
    struct list node;
    const struct client_peer_ops *ops;
    uint64_t id; /* client_core_id; producers' and consumers' are different numbers, so one map has both */
    struct client_connection *connection; /* NULL: detached */
};

/* A command that is answered.  Embedded; free for use again when `done` is called. */
struct client_request {
    struct list node;
    uint64_t id; /* goes into the command */
    uint64_t deadline_ns;
    struct client_connection *connection; /* NULL: not under way */
    /* Ok: `answer` is there until the call returns.  Else: the broker's refusal, Timeout, or Disconnected. */
    void (*done)(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer);
};

/* Somebody who wants a connection.  Embedded. */
struct client_waiter {
    struct list node;
    bool hopeless; /* in done without a connection: the same will not succeed later (TLS: certificates, files, a peer
                      without it) */
    struct timer soon; /* an answer that is there already is given a turn later */
    struct client_connection *connection;
    void (*done)(struct client_waiter *w, pulsar_result result, struct client_connection *connection);
};

void client_waiter_init(struct client_waiter *w, struct client_core *core,
                        void (*done)(struct client_waiter *w, pulsar_result result,
                                     struct client_connection *connection));

/* Finds or opens the connection to `broker_url` through `address_url` (both "pulsar://host:port", or both pulsar+ssl;
 * different when a proxy stands between).  done is called once, later. */
void client_connection_get(struct client_core *core, const char *broker_url, const char *address_url,
                           struct client_waiter *w);
/* The service's own address, as lookups use it. */
void client_connection_get_service(struct client_core *core, struct client_waiter *w);
/* done is not called any more; fine when nothing is waited for. */
void client_waiter_cancel(struct client_waiter *w);

/* "pulsar://host:port" that it was opened with. */
const char *client_connection_address(const struct client_connection *c);

/* Writes a whole frame; takes a reference of its own.  Ignored when the connection is closing. */
void client_connection_send(struct client_connection *c, struct slice frame);
/* The same of a command without entry. */
void client_connection_command(struct client_connection *c, const Wire__BaseCommand *command);

/* r->id is new after the first of these; the command that carries it is sent by the second. */
void client_request_init(struct client_request *r, struct client_core *core,
                         void (*done)(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer));
void client_connection_request(struct client_connection *c, struct client_request *r, const Wire__BaseCommand *command);
void client_request_cancel(struct client_request *r); /* fine when not under way */

/* False: memory is short. */
bool client_connection_attach(struct client_connection *c, struct client_peer *peer);
void client_connection_detach(struct client_peer *peer); /* fine when detached */

/* Something is wrong with it: ends it, later.  `why` is logged. */
void client_connection_break(struct client_connection *c, const char *why);
void client_connections_close(struct client_core *core);

/* For decoding one frame, in the handlers of one. */
struct arena *client_connection_arena(struct client_connection *c);

#endif
