/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_net.c - see tls_net.h: the table, listeners, attempts to connect.
 */
#include "sys/tls_net_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 16 /* more than an executor is ever given */

void tls_net_options_init(struct tls_net_options *o)
{
    *o = (struct tls_net_options){.handshake_ms = 10000, .handshakes_max = 5000, .greeted_max = 1000, .threads = 1};
}

/* ---- listening ---- */

/* One more would be too many: who has been silent for longest goes. */
static bool room_make(struct tls_net *n)
{
    if (n->counts.in_progress < n->options.handshakes_max)
        return true;
    n->counts.dropped++;
    struct list *oldest = list_empty(&n->silent) ? n->greeted.next : n->silent.next;
    if (oldest == &n->greeted)
        return false;
    tls_conn_end(container_of(oldest, struct tls_conn, queued), ERR_TIMEOUT);
    return true;
}

static struct conn_handler *below_accepted(void *ctx, struct conn *below)
{
    struct tls_listener *l = ctx;
    struct tls_net *n = l->net;
    struct tls_conn *c;

    if (!room_make(n) || tls_conn_new(&c, n, n->server) != OK)
        return NULL;
    c->below = below;
    c->listener = l;
    tls_handshake_begin(c, loop_now_ns(n->loop) + n->options.handshake_ms * NS_PER_MS);
    return &c->below_handler;
}

static enum err tls_listen(struct net *net, const char *host, uint16_t port,
                           struct conn_handler *(*on_accept)(void *ctx, struct conn *conn), void *ctx,
                           struct listener **out)
{
    struct tls_net *n = tls_net_of(net);
    struct tls_listener *l = calloc(1, sizeof *l);

    assert(n->server);
    if (!l)
        return ERR_NOMEM;
    *l = (struct tls_listener){.listener.net = net, .net = n, .on_accept = on_accept, .ctx = ctx};
    enum err err = n->under->ops->listen(n->under, host, port, below_accepted, l, &l->below);
    if (err != OK) {
        free(l);
        return err;
    }
    list_push_back(&n->listeners, &l->node);
    *out = &l->listener;
    return OK;
}

static uint16_t tls_listener_port(struct listener *listener)
{
    struct tls_listener *l = container_of(listener, struct tls_listener, listener);

    return l->net->under->ops->listener_port(l->below);
}

/* Those that it accepted and nobody was told of go with it. */
static void tls_listener_close(struct listener *listener)
{
    struct tls_listener *l = container_of(listener, struct tls_listener, listener);
    struct tls_net *n = l->net;

    n->under->ops->listener_close(l->below);
    list_each (node, &n->conns) {
        struct tls_conn *c = container_of(node, struct tls_conn, node);
        if (c->listener == l) {
            c->listener = NULL;
            tls_conn_end(c, OK);
        }
    }
    list_remove(&l->node);
    free(l);
}

/* ---- connecting ---- */

static void below_connected(struct connector *connector, enum err err, struct conn *below)
{
    struct tls_conn *c = container_of(connector, struct tls_conn, below_connector);

    if (err == OK) {
        c->below = below;
        tls_handshake_begin(c, c->deadline_ns);
        return;
    }
    connector = c->connector;
    tls_conn_free(c);
    connector->done(connector, err, NULL);
}

static enum err tls_connect(struct net *net, const char *host, uint16_t port, uint64_t timeout_ms,
                            struct connector *connector)
{
    struct tls_net *n = tls_net_of(net);
    struct tls_conn *c;

    assert(n->client);
    enum err err = tls_conn_new(&c, n, n->client);
    if (err != OK)
        return err;
    c->connector = connector;
    c->deadline_ns = loop_now_ns(n->loop) + timeout_ms * NS_PER_MS;
    c->below_connector = (struct connector){.done = below_connected, .handler = &c->below_handler};
    c->host = strdup(host);
    err = c->host ? n->under->ops->connect(n->under, host, port, timeout_ms, &c->below_connector) : ERR_NOMEM;
    if (err != OK) {
        tls_conn_free(c);
        return err;
    }
    connector->private_ = c;
    return OK;
}

static void tls_connect_cancel(struct net *net, struct connector *connector)
{
    struct tls_net *n = tls_net_of(net);
    struct tls_conn *c = connector->private_;

    c->connector = NULL;
    if (c->state != TLS_CONNECTING) {
        tls_conn_end(c, OK);
        return;
    }
    n->under->ops->connect_cancel(n->under, &c->below_connector);
    tls_conn_free(c);
}

/* ---- the net ---- */

static const struct net_ops tls_net_ops = {
    .listen = tls_listen,
    .listener_port = tls_listener_port,
    .listener_close = tls_listener_close,
    .connect = tls_connect,
    .connect_cancel = tls_connect_cancel,
    .read_start = tls_conn_read_start,
    .read_stop = tls_conn_read_stop,
    .write = tls_conn_write,
    .write_queued = tls_conn_write_queued,
    .close = tls_conn_close,
    .close_after_writes = tls_conn_close_after_writes,
    .peer = tls_conn_peer,
    .certificate_name = tls_conn_certificate_name,
};

static enum err executors_start(struct tls_net *n)
{
    enum err err = OK;

    for (unsigned i = 0; i < n->options.threads && err == OK; i++)
        err = executor_new(n->loop, "tls", JOBS_MAX, &n->executors[i]);
    return err;
}

enum err tls_net_new(struct net **out, const struct tls_net_options *options)
{
    struct tls_net *n = calloc(1, sizeof *n);

    assert(options->threads >= 1);
    assert(options->threads <= TLS_NET_THREADS_MAX);
    assert(options->greeted_max >= 1);
    if (!n)
        return ERR_NOMEM;
    n->net.ops = &tls_net_ops;
    n->options = *options;
    n->under = options->under;
    n->loop = options->loop;
    n->log = options->log;
    list_init(&n->conns);
    list_init(&n->listeners);
    list_init(&n->silent);
    list_init(&n->greeted);
    list_init(&n->ready);
    tls_net_replace(&n->net, options->server, options->client);
    enum err err = executors_start(n);
    if (err != OK) {
        tls_net_free(&n->net);
        return err;
    }
    *out = &n->net;
    return OK;
}

void tls_net_free(struct net *net)
{
    struct tls_net *n = net ? tls_net_of(net) : NULL;
    struct list *node;

    if (!n)
        return;
    while ((node = list_pop_front(&n->listeners)))
        free(container_of(node, struct tls_listener, node));
    list_each_safe (at, &n->conns)
        tls_conn_free(container_of(at, struct tls_conn, node));
    for (unsigned i = 0; i < n->options.threads; i++)
        executor_free(n->executors[i]);
    tls_context_unref(n->server);
    tls_context_unref(n->client);
    free(n);
}

static void context_replace(struct tls_context **place, struct tls_context *with)
{
    if (!with)
        return;
    with = tls_context_ref(with);
    tls_context_unref(*place);
    *place = with;
}

void tls_net_replace(struct net *net, struct tls_context *server, struct tls_context *client)
{
    struct tls_net *n = tls_net_of(net);

    assert(!server || tls_context_side(server) == TLS_SERVER);
    assert(!client || tls_context_side(client) == TLS_CLIENT);
    context_replace(&n->server, server);
    context_replace(&n->client, client);
}

void tls_net_stats_get(struct net *net, struct tls_net_stats *out)
{
    *out = tls_net_of(net)->counts;
}
