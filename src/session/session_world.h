/* SPDX-License-Identifier: Apache-2.0
 *
 * session_world.h - for tests: a server on a simulated host, and clients that speak frames to it.
 */
#ifndef SESSION_SESSION_WORLD_H
#define SESSION_SESSION_WORLD_H

#include "broker/authenticator.h"
#include "broker/authorization.h"
#include "session/server.h"
#include "sys/sim/sim.h"
#include "wire/command.h"

#define CLIENT_BYTES (4 * 1024 * 1024)

struct session_world {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *broker_host, *client_host;
    struct store *store;
    struct broker *broker;
    struct broker_options broker_options;
    struct authenticator *authenticator;
    struct authenticator_options authentication; /* without providers: there is none */
    struct authorization *authorization;
    struct authorization_options authorities; /* without super users: everybody may everything */
    struct server *server;
    struct server_options options;
    struct server_memory memory;
    size_t journal_pending_bytes, tail_cache_bytes, cold_read_bytes; /* of the store; 0: its default */
    bool server_stopped;
    uint64_t now_ns; /* until when session_world_pass went */
};

/* One client's connection.  What comes in is kept, frame after frame. */
struct client {
    struct session_world *world;
    struct connector connector;
    struct conn_handler handler;
    struct conn *conn;
    bool connected, closed;
    uint8_t *bytes; /* CLIENT_BYTES */
    size_t received, taken;
    struct arena arena; /* of the last frame */
    struct bytes entry; /* of the last frame */
    uint64_t next_request;
};

void session_world_start(struct session_world *w, uint64_t seed);
void session_world_open(struct session_world *w);
void session_world_end(struct session_world *w); /* as a crash */
/* The broker's machine, of a sudden; another broker takes its place.  Connections are cut. */
void session_world_power_cut(struct session_world *w);
void session_world_stop(struct session_world *w); /* as SIGTERM; end follows */
void session_world_pass(struct session_world *w, uint64_t ms);

void client_connect(struct client *c, struct session_world *w);
void client_handshake(struct client *c); /* connect, CONNECT, CONNECTED */
void client_free(struct client *c);      /* one that never connected, or left, is fine */

void client_send_bytes(struct client *c, const void *bytes, size_t len);
void client_send(struct client *c, Wire__BaseCommand__Type type, void *body);
void client_send_entry(struct client *c, uint64_t producer, uint64_t sequence, size_t payload);

/* The next frame of this type; others before it are passed over, and PINGs answered.  NULL: the connection was closed,
 * or nothing came in 120 s. Valid until the next call. */
const Wire__BaseCommand *client_expect(struct client *c, Wire__BaseCommand__Type type);
/* Until the connection is closed by the server; false: it was not, in 120 s. */
bool client_is_closed(struct client *c);
unsigned client_count(struct client *c,
                      Wire__BaseCommand__Type type); /* frames of a type that came and were not taken */

/* PRODUCER and SUBSCRIBE; the answer's type. */
int client_produce(struct client *c, uint64_t id, const char *topic, const char *name);
int client_subscribe(struct client *c, uint64_t id, const char *topic, const char *subscription,
                     Wire__CommandSubscribe__SubType type);
void client_flow(struct client *c, uint64_t consumer, uint32_t permits);

#endif
