/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.c - see peer.h.
 */
#include "services/websocket/peer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void ws_peer_init(struct ws_peer *p, const struct web_peer_ops *ops, struct ws_client *client,
                  struct web_thread *thread, struct web_socket *socket, struct ws_request *request)
{
    p->web.ops = ops;
    p->client = client;
    p->thread = thread;
    p->socket = socket;
    p->request = *request;
    *request = (struct ws_request){0};
}

static void free_if_done(struct ws_peer *p)
{
    struct ws_client *client = p->client;

    if (p->socket || p->asked > 0)
        return;
    ws_request_free(&p->request);
    p->free(p);
    if (client)
        ws_client_leave(client);
}

void ws_peer_closed(struct ws_peer *p)
{
    p->socket = NULL;
    free_if_done(p);
}

static void asked_run(struct web_event *e)
{
    struct ws_asked *a = (struct ws_asked *)(void *)e; /* its first member */
    struct ws_peer *p = a->peer;

    a->answered(a);
    free(a->context);
    free(a);
    p->asked--;
    free_if_done(p);
}

struct ws_asked *ws_ask(struct ws_peer *p, void (*answered)(struct ws_asked *a))
{
    struct ws_asked *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->event.run = asked_run;
    a->peer = p;
    a->answered = answered;
    p->asked++;
    return a;
}

void ws_answer(struct ws_asked *a, pulsar_result result, void *value)
{
    a->result = result;
    a->value = value;
    a->peer->thread->post(a->peer->thread, &a->event);
}

void ws_done(pulsar_result result, void *ctx)
{
    ws_answer(ctx, result, NULL);
}

void ws_nothing_more(struct ws_asked *a)
{
    (void)a;
}

void ws_tell(struct ws_peer *p, struct text *text)
{
    if (p->socket && text_failed(text))
        ws_hang_up(p, WS_UNKNOWN_ERROR, "no memory");
    else if (p->socket)
        (void)p->socket->ops->send(p->socket, bytes_of(text->data, text->len)); /* if it fails it is closed */
    text_deinit(text);
}

void ws_hang_up(struct ws_peer *p, enum ws_error error, const char *why)
{
    char reason[300];

    if (!p->socket)
        return;
    (void)snprintf(reason, sizeof reason, "%s%s%s", ws_error_text(error), why ? ": " : "", why ? why : "");
    p->socket->ops->close(p->socket, WEB_CLOSE_OURS + error, reason);
}

/* ---- the room of all ---- */

#define AHEAD_BYTES_MAX (1024 * 1024) /* for one peer */

unsigned ws_room_enter(struct ws_room *room, unsigned wanted)
{
    const unsigned left = room->messages < WS_ROOM_MESSAGES ? WS_ROOM_MESSAGES - room->messages : 1;
    unsigned queue = wanted < WS_RECEIVER_QUEUE ? wanted : WS_RECEIVER_QUEUE;

    queue = queue < left ? queue : left;
    room->messages += queue;
    return queue;
}

void ws_room_leave(struct ws_room *room, unsigned queue)
{
    assert(room->messages >= queue);
    room->messages -= queue;
}

bool ws_room_for_one(const struct ws_room *room, size_t queued)
{
    return queued == 0 || (queued <= AHEAD_BYTES_MAX && room->bytes < WS_ROOM_BYTES);
}
