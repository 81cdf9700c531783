/* SPDX-License-Identifier: Apache-2.0
 *
 * clients.h - the client library's clients behind WebSockets: one for all connections that show the same credentials.
 *
 * Who shows a token or a password over a WebSocket is that one to the broker, too: what it shows is passed on, and the
 * broker decides.  So connections share a client only when they show the same.  Who shows nothing is who our own
 * settings say (services/runtime/access.h).
 *
 * Bounded: WS_CLIENTS_MAX clients, for each is a thread and a connection to the broker.  Of them so many may be such
 * that the broker has not taken anybody's word for yet, and fewer of one address: who floods us with wrong passwords,
 * which take the broker long to look at, keeps nobody else out.  A client goes with the last of its connections, and
 * what was shown is wiped with it.  Server's thread.  Private to services/websocket.
 */
#ifndef SERVICES_WEBSOCKET_CLIENTS_H
#define SERVICES_WEBSOCKET_CLIENTS_H

#include "base/list.h"
#include "base/log.h"
#include "services/runtime/access.h"
#include "sys/web_socket.h"
#include <pulsar/c/client.h>

#define WS_CLIENTS_MAX      64
#define WS_UNPROVEN_MAX     32
#define WS_UNPROVEN_OF_PEER 8

struct ws_clients {
    const struct pulsar_access *access;
    bool pass_on; /* what is shown; false: everybody is who the settings say */
    struct log *log;
    struct list all; /* struct ws_client */
    size_t count;
};

struct ws_client;

void ws_clients_init(struct ws_clients *all, struct log *log);
/* The library's are gone, and all that is under way with them; those of connections go with these. */
void ws_clients_close(struct ws_clients *all);

/* 0: there is a client for who shows this, from the address `peer`, or can be one; else an HTTP status and why. */
unsigned ws_clients_refuse(const struct ws_clients *all, const struct web_credentials *shown, const char *peer,
                           char *reason, size_t reason_size);
/* For a connection; NULL: there cannot be one, and why is in the log. */
struct ws_client *ws_client_enter(struct ws_clients *all, const struct web_credentials *shown, const char *peer);
/* The broker has done what somebody asked through this client. */
void ws_client_proven(struct ws_client *c);
void ws_client_leave(struct ws_client *c);

pulsar_client_t *ws_client_get(struct ws_client *c);

#endif
