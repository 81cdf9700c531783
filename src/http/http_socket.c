/* SPDX-License-Identifier: Apache-2.0
 *
 * http_socket.c - see http_socket.h.
 *
 *     HTTP request with an upgrade -> the service is asked -> 101, or an answer as to any request
 *     fragments -> one message -> peer.received;    send -> queue -> writable -> one message a time
 *
 * What is read is held back while the peer's own queue is full: who does not listen is not listened to.
 */
#include "http/http_socket.h"

#include "base/list.h"
#include "http/http_credentials.h"
#include "http/http_query.h"

#include <stdlib.h>

enum {
    PEER_MAX = 64,            /* an address */
    REQUEST_MAX = 256 * 1024, /* of memory for what a head says: more than a head can be long */
    REASON_MAX = 123          /* bytes in a close frame (RFC 6455, section 5.5) */
};

struct message {
    struct list node;
    size_t len;
    uint8_t bytes[]; /* LWS_PRE for the library, then the text */
};

struct http_socket {
    struct web_socket socket;
    struct http_sockets *all;
    struct lws *wsi;
    struct web_peer *peer;
    struct list queue; /* struct message */
    size_t queued;
    uint8_t *in; /* of a message of which more is to come */
    size_t in_len, in_capacity;
    bool reading; /* the service wants it so */
    bool flowing; /* and it is so */
    bool closing; /* once the queue is empty */
    unsigned code;
    char reason[REASON_MAX + 1];
};

static struct http_socket *socket_of(struct web_socket *s)
{
    return container_of(s, struct http_socket, socket);
}

/* ---- events ---- */

static void post(struct web_thread *thread, struct web_event *e)
{
    struct http_sockets *all = container_of(thread, struct http_sockets, thread);

    e->next = atomic_load(&all->events);
    while (!atomic_compare_exchange_weak(&all->events, &e->next, e))
        ;
    if (all->context)
        lws_cancel_service(all->context);
}

void http_sockets_run(struct http_sockets *all)
{
    struct web_event *e = atomic_exchange(&all->events, NULL), *first = NULL;

    while (e) { /* the oldest first */
        struct web_event *next = e->next;
        e->next = first;
        first = e;
        e = next;
    }
    while ((e = first)) {
        first = e->next;
        e->run(e);
    }
}

void http_sockets_init(struct http_sockets *all, struct web_service *service, const struct web_gate *gate)
{
    *all = (struct http_sockets){.service = service, .gate = gate, .thread = {post}};
    if (service)
        service->thread = &all->thread;
}

/* ---- the request ---- */

bool http_sockets_is_path(const struct http_sockets *all, struct bytes path)
{
    return all->service && path.len >= 4 && memcmp(path.data, "/ws/", 4) == 0;
}

/* What the head says, in the arena.  False: there is no path, or no memory. */
static bool request_read(struct lws *wsi, struct arena *arena, struct web_request *r)
{
    char *peer;

    *r = (struct web_request){0};
    arena_init(arena, REQUEST_MAX);
    if (!(r->peer = peer = arena_alloc(arena, PEER_MAX)))
        return false;
    lws_get_peer_simple(wsi, peer, PEER_MAX);
    return http_header_copy(wsi, WSI_TOKEN_GET_URI, arena, &r->path) && r->path.len > 0 &&
           http_query_copy(wsi, arena, r->parameters, WEB_PARAMETERS_MAX, &r->parameter_count) &&
           http_socket_credentials_read(wsi, arena, r);
}

static void request_forget(struct arena *arena, struct web_request *r)
{
    http_socket_credentials_wipe(r);
    arena_deinit(arena);
}

static unsigned both_refuse(struct http_sockets *all, const struct web_request *request, const char *peer, char *reason,
                            size_t reason_size)
{
    struct web_target target = {0};
    unsigned status = all->service->ops->refuses(all->service, request, &target, reason, reason_size);

    if (status == 0 && all->gate)
        status = all->gate->refuses(all->gate->ctx, &request->credentials, &target, peer, reason, reason_size);
    free(target.topic);
    free(target.subscription);
    return status;
}

unsigned http_sockets_refuse(struct http_sockets *all, struct lws *wsi, const char *peer, char *reason,
                             size_t reason_size)
{
    struct web_request request;
    struct arena arena;
    unsigned status = HTTP_STATUS_NOT_FOUND;

    if (!request_read(wsi, &arena, &request)) {
        (void)snprintf(reason, reason_size, "no path, or no memory for it");
        status = HTTP_STATUS_SERVICE_UNAVAILABLE;
    } else if (http_sockets_is_path(all, request.path)) {
        status = both_refuse(all, &request, peer, reason, reason_size);
    }
    request_forget(&arena, &request);
    return status;
}

/* ---- what comes in ---- */

static void flow(struct http_socket *s)
{
    const bool on = s->reading && !s->closing && s->queued < SOCKET_QUEUE_MAX;

    if (on != s->flowing)
        lws_rx_flow_control(s->wsi, on);
    s->flowing = on;
}

static void socket_read(struct web_socket *socket, bool on)
{
    struct http_socket *s = socket_of(socket);

    s->reading = on;
    flow(s);
}

static bool in_append(struct http_socket *s, const void *data, size_t len)
{
    if (s->in_len + len > s->in_capacity) {
        const size_t capacity = (s->in_len + len) * 2;
        uint8_t *larger = realloc(s->in, capacity);
        if (!larger)
            return false;
        s->in = larger;
        s->in_capacity = capacity;
    }
    if (len > 0)
        memcpy(s->in + s->in_len, data, len);
    s->in_len += len;
    return true;
}

static void in_free(struct http_socket *s)
{
    free(s->in);
    s->in = NULL;
    s->in_len = s->in_capacity = 0;
}

int http_socket_received(struct http_socket *s, const void *data, size_t len)
{
    const bool whole = lws_is_final_fragment(s->wsi) && lws_remaining_packet_payload(s->wsi) == 0;

    if (s->closing)
        return 0;
    if (s->in_len + len > WEB_MESSAGE_MAX) {
        s->socket.ops->close(&s->socket, WEB_CLOSE_TOO_LARGE, "the message is too large");
        return 0;
    }
    if (whole && s->in_len == 0) {
        s->peer->ops->received(s->peer, bytes_of(data, len));
        return 0;
    }
    if (!in_append(s, data, len))
        return -1;
    if (whole) {
        s->peer->ops->received(s->peer, bytes_of(s->in, s->in_len));
        in_free(s);
    }
    return 0;
}

/* ---- what goes out ---- */

static enum err socket_send(struct web_socket *socket, struct bytes text)
{
    struct http_socket *s = socket_of(socket);
    struct message *m = malloc(sizeof *m + LWS_PRE + text.len);

    if (!m) {
        socket->ops->close(socket, WEB_CLOSE_GOING, "no memory");
        return ERR_NOMEM;
    }
    m->len = text.len;
    memcpy(m->bytes + LWS_PRE, text.data, text.len);
    list_init(&m->node);
    list_push_back(&s->queue, &m->node);
    s->queued += m->len;
    flow(s);
    lws_callback_on_writable(s->wsi);
    return OK;
}

static size_t socket_queued(const struct web_socket *socket)
{
    return container_of_const(socket, struct http_socket, socket)->queued;
}

static void socket_close(struct web_socket *socket, unsigned code, const char *reason)
{
    struct http_socket *s = socket_of(socket);

    if (s->closing)
        return;
    s->closing = true;
    s->code = code;
    (void)snprintf(s->reason, sizeof s->reason, "%s", reason);
    flow(s);
    lws_set_timeout(s->wsi, PENDING_TIMEOUT_CLOSE_SEND, 10);
    lws_callback_on_writable(s->wsi);
}

static bool write_first(struct http_socket *s)
{
    struct message *m = container_of(list_pop_front(&s->queue), struct message, node);
    const bool written = lws_write(s->wsi, m->bytes + LWS_PRE, m->len, LWS_WRITE_TEXT) >= (int)m->len;

    s->queued -= m->len;
    free(m);
    return written;
}

int http_socket_writable(struct http_socket *s)
{
    if (!list_empty(&s->queue)) {
        if (!write_first(s))
            return -1;
        if (!list_empty(&s->queue) || s->closing)
            lws_callback_on_writable(s->wsi);
        flow(s);
        if (!s->closing)
            s->peer->ops->taken(s->peer);
        return 0;
    }
    if (!s->closing)
        return 0;
    lws_close_reason(s->wsi, (enum lws_close_status)s->code, (unsigned char *)s->reason, strlen(s->reason));
    return -1;
}

/* ---- coming and going ---- */

static const struct web_socket_ops socket_ops = {
    .send = socket_send,
    .queued = socket_queued,
    .read = socket_read,
    .close = socket_close,
};

struct http_socket *http_socket_open(struct http_sockets *all, struct lws *wsi)
{
    struct http_socket *s = calloc(1, sizeof *s);
    struct web_request request;
    struct arena arena;

    if (!request_read(wsi, &arena, &request) || !s)
        goto fail;
    s->socket.ops = &socket_ops;
    s->all = all;
    s->wsi = wsi;
    s->flowing = true;
    list_init(&s->queue);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    flow(s);
    if (!(s->peer = all->service->ops->open(all->service, &s->socket, &request)))
        goto fail;
    request_forget(&arena, &request);
    return s;
fail:
    request_forget(&arena, &request);
    free(s);
    return NULL;
}

void http_socket_closed(struct http_socket *s)
{
    s->closing = true;
    s->peer->ops->closed(s->peer);
    list_each_safe (node, &s->queue)
        free(container_of(node, struct message, node));
    in_free(s);
    free(s);
}
