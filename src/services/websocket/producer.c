/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.c - a producer behind a WebSocket: a message comes, it is sent, its receipt goes back.
 */
#include "services/websocket/peer.h"

#include "base/list.h"

#include <geminga/client.h>
#include <stdlib.h>

#define ANSWER_MAX (64 * 1024)

struct ws_producer {
    struct ws_peer peer;
    pulsar_producer_t *producer; /* NULL: not made yet */
};

static struct ws_producer *producer_of(struct web_peer *web)
{
    return container_of(web, struct ws_producer, peer.web);
}

/* ---- sending ---- */

static void tell_error(struct ws_peer *p, const char *context, enum ws_error error, const char *why)
{
    struct text text;

    text_init(&text, ANSWER_MAX);
    ws_send_error_write(&text, context, error, why);
    ws_tell(p, &text);
}

static void on_sent(struct ws_asked *a)
{
    struct text text;

    if (a->result == pulsar_result_Ok) {
        text_init(&text, ANSWER_MAX);
        ws_receipt_write(&text, a->context, a->value);
        ws_tell(a->peer, &text);
    } else {
        tell_error(a->peer, a->context, WS_UNKNOWN_ERROR, geminga_result_text(a->result));
    }
    pulsar_message_id_free(a->value);
}

static void sent(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    ws_answer(ctx, result, id);
}

static void received(struct web_peer *web, struct bytes message)
{
    struct ws_producer *p = producer_of(web);
    struct ws_asked *a;
    struct ws_send send;
    char why[300];
    const int error = ws_send_read(&send, message, why, sizeof why);

    if (error != 0) {
        tell_error(&p->peer, send.context, (enum ws_error)error, why);
    } else if (!(a = ws_ask(&p->peer, on_sent))) {
        ws_hang_up(&p->peer, WS_UNKNOWN_ERROR, "no memory");
    } else {
        a->context = send.context;
        send.context = NULL;
        pulsar_producer_send_async(p->producer, send.message, sent, a);
    }
    ws_send_free(&send);
}

static void taken(struct web_peer *web)
{
}

/* ---- coming and going ---- */

static void on_made(struct ws_asked *a)
{
    struct ws_producer *p = producer_of(&a->peer->web);

    if (a->result != pulsar_result_Ok) {
        ws_hang_up(&p->peer, WS_NO_PRODUCER, geminga_result_text(a->result));
        return;
    }
    ws_client_proven(p->peer.client);
    p->producer = a->value;
    if (p->peer.socket)
        p->peer.socket->ops->read(p->peer.socket, true);
}

static void made(pulsar_result result, pulsar_producer_t *producer, void *ctx)
{
    ws_answer(ctx, result, producer);
}

static void producer_free(struct ws_peer *peer)
{
    struct ws_producer *p = producer_of(&peer->web);

    if (p->producer)
        pulsar_producer_free(p->producer);
    free(p);
}

/* Its producer goes at once, not when all that is under way has been answered. */
static void closed(struct web_peer *web)
{
    struct ws_producer *p = producer_of(web);
    struct ws_asked *a = p->producer ? ws_ask(&p->peer, ws_nothing_more) : NULL;

    if (a)
        pulsar_producer_close_async(p->producer, ws_done, a);
    ws_peer_closed(&p->peer);
}

static const struct web_peer_ops ops = {received, taken, closed};

struct web_peer *ws_producer_open(struct ws_client *client, struct web_thread *thread, struct web_socket *socket,
                                  struct ws_request *request)
{
    struct ws_producer *p = calloc(1, sizeof *p);
    struct ws_asked *a = p ? ws_ask(&p->peer, on_made) : NULL;

    if (!a) {
        free(p);
        return NULL;
    }
    ws_peer_init(&p->peer, &ops, client, thread, socket, request);
    p->peer.free = producer_free;
    pulsar_client_create_producer_async(ws_client_get(client), p->peer.request.topic, p->peer.request.producer, made,
                                        a);
    return &p->peer.web;
}
