/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.c - a consumer or a reader behind a WebSocket.
 *
 * One receive is under way at a time, while the peer may be sent more: in pull mode as many as it asked for, else up
 * to its queue's size ahead of its acknowledgements; a reader's are answers of any kind.
 */
#include "services/websocket/peer.h"

#include "base/list.h"

#include <geminga/client.h>
#include <stdlib.h>

#define MESSAGE_TEXT_MAX (64 * 1024 * 1024)

struct ws_consumer {
    struct ws_peer peer;
    pulsar_consumer_t *consumer; /* one of these; NULL: not made yet */
    pulsar_reader_t *reader;
    uint64_t permits; /* how many may be sent */
    bool receiving;
    struct ws_room *room;
    unsigned queue; /* of that, messages and bytes */
    size_t queued;
};

static struct ws_consumer *consumer_of(struct web_peer *web)
{
    return container_of(web, struct ws_consumer, peer.web);
}

/* ---- to the peer ---- */

static void pump(struct ws_consumer *c);

/* What the peer has not taken, told to the room. */
static size_t count_queued(struct ws_consumer *c)
{
    const size_t now = c->peer.socket ? c->peer.socket->ops->queued(c->peer.socket) : 0;

    c->room->bytes = c->room->bytes - c->queued + now;
    c->queued = now;
    return now;
}

static void on_message(struct ws_asked *a)
{
    struct ws_consumer *c = consumer_of(&a->peer->web);
    struct text text;

    c->receiving = false;
    if (a->result != pulsar_result_Ok) {
        ws_hang_up(&c->peer, WS_UNKNOWN_ERROR, geminga_result_text(a->result));
        return;
    }
    if (c->peer.socket) {
        text_init(&text, MESSAGE_TEXT_MAX);
        ws_message_write(&text, a->value);
        ws_tell(&c->peer, &text);
    }
    pulsar_message_free(a->value);
    c->permits--;
    pump(c);
}

static void message(pulsar_result result, pulsar_message_t *m, void *ctx)
{
    ws_answer(ctx, result, m);
}

static void pump(struct ws_consumer *c)
{
    const size_t queued = count_queued(c);
    struct ws_asked *a;

    if (c->receiving || c->permits == 0 || !c->peer.socket || !ws_room_for_one(c->room, queued) ||
        (!c->consumer && !c->reader))
        return;
    if (!(a = ws_ask(&c->peer, on_message))) {
        ws_hang_up(&c->peer, WS_UNKNOWN_ERROR, "no memory");
        return;
    }
    c->receiving = true;
    if (c->consumer)
        pulsar_consumer_receive_async(c->consumer, message, a);
    else
        geminga_reader_read_next_async(c->reader, message, a);
}

static void taken(struct web_peer *web)
{
    pump(consumer_of(web));
}

/* ---- from the peer ---- */

static void on_unsubscribed(struct ws_asked *a)
{
    if (a->result != pulsar_result_Ok)
        ws_hang_up(a->peer, WS_UNKNOWN_ERROR, geminga_result_text(a->result));
}

static void one_more(struct ws_consumer *c)
{
    if (!c->peer.request.pull)
        c->permits++;
    pump(c);
}

static void unsubscribe(struct ws_consumer *c)
{
    struct ws_asked *a = c->consumer ? ws_ask(&c->peer, on_unsubscribed) : NULL;

    if (a)
        pulsar_consumer_unsubscribe_async(c->consumer, ws_done, a);
}

static void tell_end(struct ws_consumer *c)
{
    const int is_end =
        c->consumer ? geminga_consumer_has_reached_end(c->consumer) : geminga_reader_has_reached_end(c->reader);
    struct text text;

    text_init(&text, 100);
    ws_end_write(&text, is_end != 0);
    ws_tell(&c->peer, &text);
}

static void obey(struct ws_consumer *c, const struct ws_command *command)
{
    switch (command->type) {
    case WS_ACK:
        if (c->consumer) /* a reader acknowledges by itself */
            pulsar_consumer_acknowledge_async_id(c->consumer, command->id, NULL, NULL);
        one_more(c);
        break;
    case WS_NACK:
        if (c->consumer)
            pulsar_consumer_negative_acknowledge_id(c->consumer, command->id);
        one_more(c);
        break;
    case WS_PERMIT:
        c->permits += command->permits;
        pump(c);
        break;
    case WS_UNSUBSCRIBE:
        unsubscribe(c);
        break;
    case WS_IS_END:
        tell_end(c);
        break;
    }
}

static void received(struct web_peer *web, struct bytes text)
{
    struct ws_consumer *c = consumer_of(web);
    struct ws_command command;

    if (ws_command_read(&command, text) == OK)
        obey(c, &command);
    else
        ws_hang_up(&c->peer, WS_NOT_JSON, NULL);
    pulsar_message_id_free(command.id);
}

/* ---- coming and going ---- */

static void begin(struct ws_consumer *c)
{
    c->permits = c->peer.request.pull ? 0 : c->peer.request.queue;
    if (c->peer.socket)
        c->peer.socket->ops->read(c->peer.socket, true);
    pump(c);
}

static void on_made(struct ws_asked *a)
{
    struct ws_consumer *c = consumer_of(&a->peer->web);

    if (a->result != pulsar_result_Ok) {
        ws_hang_up(&c->peer, WS_NO_SUBSCRIPTION, geminga_result_text(a->result));
        return;
    }
    ws_client_proven(c->peer.client);
    if (c->peer.request.kind == WS_READER)
        c->reader = a->value;
    else
        c->consumer = a->value;
    begin(c);
}

static void consumer_made(pulsar_result result, pulsar_consumer_t *consumer, void *ctx)
{
    ws_answer(ctx, result, consumer);
}

static void reader_made(pulsar_result result, pulsar_reader_t *reader, void *ctx)
{
    ws_answer(ctx, result, reader);
}

static void consumer_free(struct ws_peer *peer)
{
    struct ws_consumer *c = consumer_of(&peer->web);

    if (c->consumer)
        pulsar_consumer_free(c->consumer);
    if (c->reader)
        pulsar_reader_free(c->reader);
    ws_room_leave(c->room, c->queue);
    free(c);
}

/* The receive that is under way ends with it. */
static void closed(struct web_peer *web)
{
    struct ws_consumer *c = consumer_of(web);
    struct ws_asked *a = c->consumer || c->reader ? ws_ask(&c->peer, ws_nothing_more) : NULL;

    if (a && c->consumer)
        pulsar_consumer_close_async(c->consumer, ws_done, a);
    else if (a)
        pulsar_reader_close_async(c->reader, ws_done, a);
    c->peer.socket = NULL;
    (void)count_queued(c);
    ws_peer_closed(&c->peer);
}

static const struct web_peer_ops ops = {received, taken, closed};

/* The client library's queue; the peer may be sent more than that ahead of its acknowledgements. */
static void queue_choose(struct ws_consumer *c)
{
    const struct ws_request *r = &c->peer.request;
    const bool reads = r->kind == WS_READER;
    const int wanted = reads ? pulsar_reader_configuration_get_receiver_queue_size(r->reader)
                             : pulsar_consumer_configuration_get_receiver_queue_size(r->consumer);

    c->queue = ws_room_enter(c->room, wanted > 0 ? (unsigned)wanted : 0);
    if (reads) {
        pulsar_reader_configuration_set_receiver_queue_size(r->reader, (int)c->queue);
        return;
    }
    pulsar_consumer_configuration_set_receiver_queue_size(r->consumer, (int)c->queue);
    if (c->queue > 0)
        pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(r->consumer, (int)c->queue);
}

struct web_peer *ws_consumer_open(struct ws_client *client, struct web_thread *thread, struct web_socket *socket,
                                  struct ws_request *request, struct ws_room *room)
{
    struct ws_consumer *c = calloc(1, sizeof *c);
    struct ws_asked *a = c ? ws_ask(&c->peer, on_made) : NULL;

    if (!a) {
        free(c);
        return NULL;
    }
    ws_peer_init(&c->peer, &ops, client, thread, socket, request);
    c->peer.free = consumer_free;
    c->room = room;
    queue_choose(c);
    const struct ws_request *r = &c->peer.request;
    if (r->kind == WS_READER)
        pulsar_client_create_reader_async(ws_client_get(client), r->topic, r->start, r->reader, reader_made, a);
    else
        pulsar_client_subscribe_async(ws_client_get(client), r->topic, r->subscription, r->consumer, consumer_made, a);
    return &c->peer.web;
}
