/* SPDX-License-Identifier: Apache-2.0
 *
 * websocket.c - see websocket.h.
 */
#include "services/websocket/websocket.h"

#include "base/list.h"
#include "services/websocket/peer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct websocket {
    struct web_service service;
    struct log *log;
    _Atomic(const struct pulsar_access *) access; /* NULL: not started */
    struct ws_clients clients;
    struct ws_room room;
};

static struct websocket *websocket_of(struct web_service *s)
{
    return container_of(s, struct websocket, service);
}

static unsigned refuses(struct web_service *service, const struct web_request *from, struct web_target *target,
                        char *reason, size_t reason_size)
{
    struct websocket *w = websocket_of(service);
    struct ws_request request;
    unsigned status = ws_request_read(&request, from, reason, reason_size);

    if (status == 0 && !atomic_load(&w->access)) {
        (void)snprintf(reason, reason_size, "the broker is starting");
        status = 503;
    }
    if (status == 0)
        status = ws_clients_refuse(&w->clients, &from->credentials, from->peer, reason, reason_size);
    if (status == 0) {
        *target = (struct web_target){request.kind == WS_PRODUCER, request.topic, request.subscription};
        request.topic = request.subscription = NULL;
    }
    ws_request_free(&request);
    return status;
}

static struct web_peer *peer_open(struct websocket *w, struct ws_client *client, struct web_socket *socket,
                                  struct ws_request *request)
{
    if (request->kind == WS_PRODUCER)
        return ws_producer_open(client, w->service.thread, socket, request);
    return ws_consumer_open(client, w->service.thread, socket, request, &w->room);
}

static struct web_peer *open(struct web_service *service, struct web_socket *socket, const struct web_request *from)
{
    struct websocket *w = websocket_of(service);
    struct ws_request request;
    struct ws_client *client;
    struct web_peer *peer = NULL;
    char reason[300];

    w->clients.access = atomic_load(&w->access);
    if (ws_request_read(&request, from, reason, sizeof reason) != 0)
        log_warn(w->log, "websocket", "%s", reason);
    else if (!(client = ws_client_enter(&w->clients, &from->credentials, from->peer)))
        log_warn(w->log, "websocket", "there is no client for it");
    else if (!(peer = peer_open(w, client, socket, &request)))
        ws_client_leave(client);
    ws_request_free(&request);
    return peer;
}

static const struct web_service_ops service_ops = {refuses, open};

enum err websocket_new(struct websocket **out, struct log *log)
{
    struct websocket *w = calloc(1, sizeof *w);

    if (!w)
        return ERR_NOMEM;
    w->service.ops = &service_ops;
    w->log = log;
    ws_clients_init(&w->clients, log);
    atomic_init(&w->access, NULL);
    *out = w;
    return OK;
}

struct web_service *websocket_service(struct websocket *w)
{
    return &w->service;
}

void websocket_start(struct websocket *w, const struct pulsar_access *access, bool pass_on)
{
    w->clients.pass_on = pass_on; /* seen by whoever sees `access` */
    atomic_store(&w->access, access);
}

void websocket_close(struct websocket *w)
{
    if (w)
        ws_clients_close(&w->clients);
}

void websocket_free(struct websocket *w)
{
    free(w);
}
