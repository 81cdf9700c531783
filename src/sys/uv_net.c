/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_net.c - struct net over libuv: the table, and listeners.
 */
#include "sys/uv_net.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define LISTEN_BACKLOG 1024

struct uv_listener {
    struct listener listener;
    struct uv_net *net;
    struct list node;
    uv_tcp_t tcp;
    struct conn_handler *(*on_accept)(void *ctx, struct conn *conn);
    void *ctx;
    bool closed; /* the kernel's handle is, or is about to be */
    bool unused; /* the owner's close was called: free with the handle */
};

static struct uv_net *uv_net_of(struct net *net)
{
    return container_of(net, struct uv_net, net);
}

enum err uv_net_err(int status)
{
    switch (status) {
    case 0:
        return OK;
    case UV_EOF:
        return ERR_CLOSED;
    case UV_EADDRINUSE:
        return ERR_BUSY;
    case UV_EACCES:
    case UV_EPERM:
        return ERR_DENIED;
    case UV_ENOMEM:
    case UV_EAI_MEMORY:
        return ERR_NOMEM;
    case UV_ETIMEDOUT:
        return ERR_TIMEOUT;
    case UV_EADDRNOTAVAIL:
    case UV_EINVAL:
        return ERR_INVALID;
    case UV_EAI_NONAME:
    case UV_EAI_NODATA:
    case UV_EAI_FAIL:
        return ERR_NOT_FOUND;
    case UV_EAI_AGAIN:
        return ERR_AGAIN;
    default:
        return ERR_IO;
    }
}

bool uv_net_address(struct sockaddr_storage *to, const char *host, uint16_t port)
{
    memset(to, 0, sizeof *to);
    return uv_ip4_addr(host, port, (struct sockaddr_in *)to) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)to) == 0;
}

/* ---- listeners ---- */

/* Waits for the name server when `host` is a name; listeners are opened at the start, when that is no harm. */
static enum err listen_address(struct sockaddr_storage *to, const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[8];

    if (uv_net_address(to, host, port))
        return OK;
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return ERR_NOT_FOUND;
    memcpy(to, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return OK;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct uv_listener *l = container_of((uv_tcp_t *)handle, struct uv_listener, tcp);

    l->net->loop->users--;
    if (l->unused)
        free(l);
}

static void listener_end(struct uv_listener *l)
{
    if (l->closed)
        return;
    l->closed = true;
    uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
}

static void real_listener_close(struct listener *listener)
{
    struct uv_listener *l = container_of(listener, struct uv_listener, listener);
    bool handle_gone = l->closed;

    list_remove(&l->node);
    l->unused = true;
    listener_end(l);
    if (handle_gone) /* by a stop, whose turns have passed */
        free(l);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct uv_listener *l = container_of((uv_tcp_t *)server, struct uv_listener, tcp);
    struct uv_conn *c;

    loop_event_begin(&l->net->loop->loop);
    if (status != 0 || uv_conn_new(l->net, &c) != OK)
        return;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0) {
        uv_conn_end(c, ERR_IO);
        return;
    }
    uv_conn_begin(c);
    c->conn.handler = l->on_accept(l->ctx, &c->conn);
    if (!c->conn.handler)
        uv_conn_end(c, OK);
}

static enum err real_listen(struct net *net, const char *host, uint16_t port,
                            struct conn_handler *(*on_accept)(void *ctx, struct conn *conn), void *ctx,
                            struct listener **out)
{
    struct uv_net *n = uv_net_of(net);
    struct sockaddr_storage address;
    if (n->loop->stopping)
        return ERR_CLOSED;
    enum err err = listen_address(&address, host, port);
    if (err != OK)
        return err;
    struct uv_listener *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_NOMEM;
    *l = (struct uv_listener){.listener.net = net, .net = n, .on_accept = on_accept, .ctx = ctx};
    if ((err = uv_net_err(uv_tcp_init(&n->loop->uv, &l->tcp))) != OK) {
        free(l);
        return err;
    }
    n->loop->users++;
    list_push_back(&n->listeners, &l->node);
    if ((err = uv_net_err(uv_tcp_bind(&l->tcp, (struct sockaddr *)&address, 0))) != OK ||
        (err = uv_net_err(uv_listen((uv_stream_t *)&l->tcp, LISTEN_BACKLOG, on_connection))) != OK) {
        real_listener_close(&l->listener);
        return err;
    }
    *out = &l->listener;
    return OK;
}

static uint16_t real_listener_port(struct listener *listener)
{
    struct uv_listener *l = container_of(listener, struct uv_listener, listener);
    struct sockaddr_storage address = {0};
    int len = sizeof address;

    if (uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* ---- the net ---- */

static const struct net_ops uv_net_ops = {
    .listen = real_listen,
    .listener_port = real_listener_port,
    .listener_close = real_listener_close,
    .connect = uv_connect_start,
    .connect_cancel = uv_connect_cancel,
    .read_start = uv_conn_read_start,
    .read_stop = uv_conn_read_stop,
    .write = uv_conn_write,
    .write_queued = uv_conn_write_queued,
    .close = uv_conn_close,
    .close_after_writes = uv_conn_close_after_writes,
    .peer = uv_conn_peer,
};

void uv_net_init(struct uv_net *n, struct uv_loop *loop)
{
    *n = (struct uv_net){.net.ops = &uv_net_ops, .loop = loop};
    list_init(&n->conns);
    list_init(&n->listeners);
    list_init(&n->connects);
}

void uv_net_close_all(struct uv_net *n)
{
    list_each (node, &n->listeners)
        listener_end(container_of(node, struct uv_listener, node));
    while (!list_empty(&n->connects))
        uv_connect_abandon(n->connects.next);
    list_each (node, &n->conns)
        uv_conn_end(container_of(node, struct uv_conn, node), OK);
}

void uv_net_deinit(struct uv_net *n)
{
    struct list *node;

    while ((node = list_pop_front(&n->listeners)))
        free(container_of(node, struct uv_listener, node));
    assert(list_empty(&n->conns));
    assert(list_empty(&n->connects));
}
