/* SPDX-License-Identifier: Apache-2.0
 *
 * websocket.c - see websocket.h.
 */
#include "services/websocket/websocket.h"

#include "base/list.h"
#include "services/runtime/bus.h"
#include "services/websocket/peer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CLIENT_MEMORY (64ull << 20) /* of messages that are under way to the broker */

struct websocket {
    struct web_service service;
    struct log *log;
    _Atomic(const struct pulsar_access *) access; /* NULL: not started */
    pulsar_client_t *client;                      /* NULL: nobody came yet */
    struct ws_room room;
};

static struct websocket *websocket_of(struct web_service *s)
{
    return container_of(s, struct websocket, service);
}

static pulsar_client_t *client_obtain(struct websocket *w)
{
    const struct pulsar_access *access = atomic_load(&w->access);
    pulsar_client_configuration_t *conf;
    char message[300];

    if (w->client)
        return w->client;
    if (pulsar_access_configuration(access, &conf, message, sizeof message) != OK) {
        log_error(w->log, "websocket", "%s", message);
        return NULL;
    }
    bus_set_logger(conf, w->log);
    pulsar_client_configuration_set_memory_limit(conf, CLIENT_MEMORY);
    w->client = pulsar_client_create(access->service_url, conf);
    pulsar_client_configuration_free(conf);
    return w->client;
}

static unsigned refuses(struct web_service *service, const struct web_request *from, char *reason, size_t reason_size)
{
    struct ws_request request;
    unsigned status = ws_request_read(&request, from, reason, reason_size);

    ws_request_free(&request);
    if (status == 0 && !atomic_load(&websocket_of(service)->access)) {
        (void)snprintf(reason, reason_size, "the broker is starting");
        status = 503;
    }
    return status;
}

static struct web_peer *open(struct web_service *service, struct web_socket *socket, const struct web_request *from)
{
    struct websocket *w = websocket_of(service);
    struct ws_request request;
    char reason[300];
    struct web_peer *peer = NULL;

    if (ws_request_read(&request, from, reason, sizeof reason) != 0)
        log_warn(w->log, "websocket", "%s", reason);
    else if (!client_obtain(w))
        log_warn(w->log, "websocket", "there is no client for it");
    else if (request.kind == WS_PRODUCER)
        peer = ws_producer_open(w->client, service->thread, socket, &request);
    else
        peer = ws_consumer_open(w->client, service->thread, socket, &request, &w->room);
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
    atomic_init(&w->access, NULL);
    *out = w;
    return OK;
}

struct web_service *websocket_service(struct websocket *w)
{
    return &w->service;
}

void websocket_start(struct websocket *w, const struct pulsar_access *access)
{
    atomic_store(&w->access, access);
}

void websocket_close(struct websocket *w)
{
    if (!w || !w->client)
        return;
    pulsar_client_free(w->client);
    w->client = NULL;
}

void websocket_free(struct websocket *w)
{
    free(w);
}
