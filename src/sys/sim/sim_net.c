/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_net.c - byte streams between hosts, late, split, blocked and broken as the seed says.
 *
 * A connection is two ends.  Each end owns what is on its way to it (`inbound`: at most the world's window), so a
 * writer's bytes leave its queue only as its peer's reader takes some: that is the back-pressure.  An end goes
 *
 *     CONNECTING ---> OPEN ---> CLOSING ---> told (on_closed) and freed
 *     (the client's, until its connector was told)
 *
 * and its peer learns of the closing as TCP would tell it: an end of stream after the bytes before it, or a reset
 * that takes unread bytes with it.  An end whose host crashed is dead: it stays in memory until its host is freed,
 * does nothing, and its peer sees a reset late.
 *
 * Invariant: a->peer == b exactly when b->peer == a; a freed or dead end is nobody's peer.
 */
#include "sys/sim/sim_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_PORT     20000
#define SILENCE_US_MAX 3000000 /* until the peer of a crashed host notices */
#define PEER_TEXT_MAX  64

enum end_state { CONNECTING, OPEN, CLOSING };

struct inbound {
    uint8_t *data;
    size_t len, capacity;
    uint64_t ready_at; /* of the first byte */
    uint64_t end_at;   /* of the peer's close, after the bytes; SIM_NEVER while it is open */
    uint64_t break_at; /* of a reset, whatever is before; SIM_NEVER */
};

struct end {
    struct conn conn;
    struct list node; /* of its host */
    struct sim_host *host;
    struct end *peer; /* NULL once that is gone */
    uint64_t ordinal;
    enum end_state state;
    bool reading, flush_then_close;
    struct inbound inbound;
    struct list writes;   /* not yet wholly on their way */
    size_t first_written; /* bytes of the first of them that are */
    size_t queued;        /* bytes in `writes` that are not */
    uint64_t flush_at;
    struct list finished; /* writes whose done is due, in order */
    size_t finished_ok;   /* CLOSING: how many of the first of them went out before */
    enum err why;         /* CLOSING: for on_closed */
    uint64_t closed_at;
    char peer_text[PEER_TEXT_MAX];
};

struct sim_listener {
    struct listener listener;
    struct list node;
    struct sim_host *host;
    uint16_t port;
    struct conn_handler *(*on_accept)(void *ctx, struct conn *conn);
    void *ctx;
};

/* An attempt to connect, first on its way to the listener, then (arrived) on its way back. */
struct attempt {
    struct list node;
    struct sim_host *host;
    uint64_t ordinal;
    struct connector *connector;
    char target[64];
    uint16_t port;
    uint64_t at, deadline;
    bool arrived;
    struct end *end; /* ours, once a listener took us */
};

static struct sim_host *host_of(struct net *net)
{
    return container_of(net, struct sim_host, net);
}

static struct end *end_of(struct conn *conn)
{
    return container_of(conn, struct end, conn);
}

static uint64_t latency(const struct sim_host *h)
{
    return sim_soon(h->sim, h->sim->manners.latency_us_max);
}

/* ---- ends ---- */

static struct end *end_new(struct sim_host *h, enum end_state state)
{
    struct end *e = sim_alloc(sizeof *e);

    e->conn.net = &h->net;
    e->host = h;
    e->ordinal = sim_ordinal(h->sim);
    e->state = state;
    e->inbound.capacity = (size_t)h->sim->manners.window_bytes;
    e->inbound.data = sim_alloc(e->inbound.capacity);
    e->inbound.end_at = e->inbound.break_at = SIM_NEVER;
    list_init(&e->writes);
    list_init(&e->finished);
    list_push_back(&h->connections, &e->node);
    return e;
}

static void end_free(struct end *e)
{
    assert(!e->peer);
    list_remove(&e->node);
    free(e->inbound.data);
    free(e);
}

static void join(struct end *a, struct end *b, uint16_t port)
{
    a->peer = b;
    b->peer = a;
    snprintf(a->peer_text, sizeof a->peer_text, "%.50s:%u", b->host->name, port);
    snprintf(b->peer_text, sizeof b->peer_text, "%.50s:%u", a->host->name, (unsigned)(a->ordinal % 40000 + 20000));
}

static void part(struct end *e)
{
    if (e->peer)
        e->peer->peer = NULL;
    e->peer = NULL;
}

static void break_at(struct end *e, uint64_t at)
{
    if (at < e->inbound.break_at)
        e->inbound.break_at = at;
}

/* The peer learns of it: an end of stream, or, if it left bytes unread or breaks off, a reset. */
static void tell_peer(struct end *e, bool reset)
{
    struct end *peer = e->peer;

    if (!peer)
        return;
    if (reset)
        break_at(peer, latency(e->host));
    else
        peer->inbound.end_at = latency(e->host);
    part(e);
}

/* From here on the end only tells: its writes, then on_closed. */
static void begin_close(struct end *e, enum err why, bool reset)
{
    struct list *node;

    assert(e->state != CLOSING);
    e->state = CLOSING;
    e->why = why;
    e->reading = false;
    e->closed_at = sim_soon(e->host->sim, 10);
    list_each (at, &e->finished)
        e->finished_ok++;
    while ((node = list_pop_front(&e->writes)))
        list_push_back(&e->finished, node);
    e->queued = 0;
    tell_peer(e, reset);
}

static void start_reading(struct conn *conn)
{
    struct end *e = end_of(conn);

    e->reading = e->state != CLOSING && !e->flush_then_close && !e->host->dead;
}

static void stop_reading(struct conn *conn)
{
    end_of(conn)->reading = false;
}

static size_t write_len(const struct conn_write *w)
{
    size_t len = 0;

    for (uint32_t i = 0; i < w->count; i++)
        len += w->parts[i].len;
    return len;
}

static void write_conn(struct conn *conn, struct conn_write *w)
{
    struct end *e = end_of(conn);

    assert(w->count <= NET_WRITE_PARTS_MAX);
    if (e->host->dead)
        return;
    if (e->state == CLOSING) {
        list_push_back(&e->finished, &w->node);
        return;
    }
    if (list_empty(&e->writes))
        e->flush_at = sim_soon(e->host->sim, 10);
    list_push_back(&e->writes, &w->node);
    e->queued += write_len(w);
}

static size_t write_queued(struct conn *conn)
{
    return end_of(conn)->queued;
}

static void close_conn(struct conn *conn)
{
    struct end *e = end_of(conn);

    if (e->host->dead || e->state == CLOSING)
        return;
    begin_close(e, OK, e->inbound.len > 0 && sim_chance(e->host->sim, 4));
}

static void close_after_writes(struct conn *conn)
{
    struct end *e = end_of(conn);

    if (e->host->dead || e->state == CLOSING)
        return;
    e->flush_then_close = true;
    e->reading = false;
    if (list_empty(&e->writes))
        begin_close(e, OK, false);
}

static void copy_peer(struct conn *conn, char *to, size_t size)
{
    snprintf(to, size, "%s", end_of(conn)->peer_text);
}

/* ---- listening and connecting ---- */

static struct sim_listener *listener_find(struct sim_host *h, uint16_t port)
{
    list_each (node, &h->listeners) {
        struct sim_listener *l = container_of(node, struct sim_listener, node);
        if (l->port == port)
            return l;
    }
    return NULL;
}

static enum err listen_on(struct net *net, const char *host, uint16_t port,
                          struct conn_handler *(*on_accept)(void *ctx, struct conn *conn), void *ctx,
                          struct listener **out)
{
    struct sim_host *h = host_of(net);
    struct sim_listener *l;

    if (h->dead)
        return ERR_CLOSED;
    if (port == 0)
        for (port = FIRST_PORT; listener_find(h, port); port++)
            ;
    if (listener_find(h, port))
        return ERR_BUSY;
    l = sim_alloc(sizeof *l);
    l->listener.net = net;
    l->host = h;
    l->port = port;
    l->on_accept = on_accept;
    l->ctx = ctx;
    list_push_back(&h->listeners, &l->node);
    *out = &l->listener;
    return OK;
}

static uint16_t listener_port(struct listener *listener)
{
    return container_of(listener, struct sim_listener, listener)->port;
}

static void close_listener(struct listener *listener)
{
    struct sim_listener *l = container_of(listener, struct sim_listener, listener);

    if (l->host->dead)
        return; /* sim_host_free will free it */
    list_remove(&l->node);
    free(l);
}

static enum err connect_to(struct net *net, const char *host, uint16_t port, uint64_t timeout_ms, struct connector *c)
{
    struct sim_host *h = host_of(net);
    struct attempt *a;

    if (h->dead)
        return ERR_CLOSED;
    a = sim_alloc(sizeof *a);
    a->host = h;
    a->ordinal = sim_ordinal(h->sim);
    a->connector = c;
    snprintf(a->target, sizeof a->target, "%s", host);
    a->port = port;
    a->at = latency(h);
    a->deadline = h->sim->now_ns + timeout_ms * NS_PER_MS;
    list_push_back(&h->attempts, &a->node);
    c->private_ = a;
    return OK;
}

static void attempt_free(struct attempt *a)
{
    if (a->end) {
        tell_peer(a->end, true);
        end_free(a->end);
    }
    list_remove(&a->node);
    free(a);
}

static void cancel_connect(struct net *net, struct connector *c)
{
    if (!host_of(net)->dead)
        attempt_free(c->private_);
}

static const struct net_ops net_ops = {
    .listen = listen_on,
    .listener_port = listener_port,
    .listener_close = close_listener,
    .connect = connect_to,
    .connect_cancel = cancel_connect,
    .read_start = start_reading,
    .read_stop = stop_reading,
    .write = write_conn,
    .write_queued = write_queued,
    .close = close_conn,
    .close_after_writes = close_after_writes,
    .peer = copy_peer,
};

/* The attempt reaches the target: a listener takes it, or it is refused. */
static void arrive(struct attempt *a)
{
    struct sim_host *target = sim_host_find(a->host->sim, a->target);
    struct sim_listener *l = target ? listener_find(target, a->port) : NULL;
    struct end *server;

    a->arrived = true;
    a->at = latency(a->host);
    if (!target && sim_chance(a->host->sim, 4))
        a->at = a->deadline + 1; /* a machine that is off does not refuse */
    if (!l)
        return;
    a->end = end_new(a->host, CONNECTING);
    server = end_new(target, OPEN);
    join(a->end, server, a->port);
    server->conn.handler = l->on_accept(l->ctx, &server->conn);
    if (!server->conn.handler) {
        tell_peer(server, true);
        end_free(server);
    }
}

/* The answer reaches the one who asked. */
static void answer(struct attempt *a)
{
    struct connector *c = a->connector;
    struct end *e = a->end;
    bool late = a->host->sim->now_ns > a->deadline;

    if (e && !late) {
        e->state = OPEN;
        e->conn.handler = c->handler;
        a->end = NULL;
    }
    attempt_free(a);
    if (e && !late)
        c->done(c, OK, &e->conn);
    else
        c->done(c, late ? ERR_TIMEOUT : ERR_IO, NULL);
}

static void run_attempt(struct attempt *a)
{
    if (a->arrived)
        answer(a);
    else
        arrive(a);
}

/* ---- what may happen to an end ---- */

static void offer_end(struct end *e)
{
    struct sim *s = e->host->sim;
    bool noticing = e->reading || !list_empty(&e->writes);

    if (e->state == CONNECTING)
        return;
    if (!list_empty(&e->finished))
        sim_offer(s, s->now_ns, EVENT_CONN_WRITTEN, e->ordinal, e);
    if (e->state == CLOSING) {
        if (list_empty(&e->finished))
            sim_offer(s, e->closed_at, EVENT_CONN_CLOSED, e->ordinal, e);
        return;
    }
    if (!list_empty(&e->writes) && (!e->peer || e->peer->inbound.len < e->peer->inbound.capacity))
        sim_offer(s, e->flush_at, EVENT_CONN_FLUSH, e->ordinal, e);
    if (e->reading && e->inbound.len > 0)
        sim_offer(s, e->inbound.ready_at, EVENT_CONN_READ, e->ordinal, e);
    if (e->inbound.break_at != SIM_NEVER)
        sim_offer(s, e->inbound.break_at, EVENT_CONN_BREAK, e->ordinal, e);
    else if (e->inbound.end_at != SIM_NEVER && noticing && (e->inbound.len == 0 || !e->reading))
        sim_offer(s, e->inbound.end_at, EVENT_CONN_BREAK, e->ordinal, e);
}

static void receive(struct end *to, const uint8_t *data, size_t len)
{
    struct inbound *in = &to->inbound;

    if (in->len == 0)
        in->ready_at = latency(to->host);
    memcpy(in->data + in->len, data, len);
    in->len += len;
}

/* Bytes [first_written, ...) of the write, as far as the peer has room (a peer that is gone takes all). */
static void send_some(struct end *e, const struct conn_write *w)
{
    size_t skip = e->first_written;

    for (uint32_t i = 0; i < w->count; i++) {
        struct bytes b = w->parts[i];
        size_t room = e->peer ? e->peer->inbound.capacity - e->peer->inbound.len : SIZE_MAX;
        if (skip >= b.len) {
            skip -= b.len;
            continue;
        }
        b = bytes_of(b.data + skip, b.len - skip < room ? b.len - skip : room);
        skip = 0;
        if (b.len == 0)
            return;
        if (e->peer)
            receive(e->peer, b.data, b.len);
        e->first_written += b.len;
        e->queued -= b.len;
    }
}

static void flush(struct end *e)
{
    struct conn_write *w = container_of(e->writes.next, struct conn_write, node);

    send_some(e, w);
    if (!e->peer)
        break_at(e, latency(e->host)); /* what comes back for bytes to nobody */
    e->flush_at = sim_soon(e->host->sim, 10);
    if (e->first_written < write_len(w))
        return;
    e->first_written = 0;
    list_remove(&w->node);
    list_push_back(&e->finished, &w->node);
    if (e->flush_then_close && list_empty(&e->writes))
        begin_close(e, OK, false);
}

static void tell_written(struct end *e)
{
    struct conn_write *w = container_of(list_pop_front(&e->finished), struct conn_write, node);
    enum err err = e->state == CLOSING && e->finished_ok == 0 ? ERR_CLOSED : OK;

    if (e->finished_ok > 0)
        e->finished_ok--;
    w->done(w, err);
}

static void deliver(struct end *e)
{
    struct inbound *in = &e->inbound;
    struct sim *s = e->host->sim;
    uint8_t *to = NULL;
    size_t len = 0;

    e->conn.handler->on_buffer(e->conn.handler, &to, &len);
    assert(to && len > 0);
    if (len > in->len)
        len = in->len;
    if (sim_chance(s, s->manners.split_in_eight))
        len = 1 + (size_t)random_below(&s->random, len);
    memcpy(to, in->data, len);
    in->len -= len;
    memmove(in->data, in->data + len, in->len);
    in->ready_at = sim_soon(s, 10);
    e->conn.handler->on_read(e->conn.handler, len);
}

/* The peer's end of stream, or a reset, arrives. */
static void notice_break(struct end *e)
{
    bool reset = e->inbound.break_at <= e->host->sim->now_ns;

    e->inbound.len = 0;
    begin_close(e, reset ? ERR_IO : ERR_CLOSED, true);
}

static void tell_closed(struct end *e)
{
    list_remove(&e->node); /* on_closed may still look at the connection, and nothing else may */
    e->conn.handler->on_closed(e->conn.handler, e->why);
    end_free(e);
}

void sim_net_run(const struct event *event)
{
    switch (event->kind) {
    case EVENT_CONNECT:
        run_attempt(event->subject);
        break;
    case EVENT_CONN_FLUSH:
        flush(event->subject);
        break;
    case EVENT_CONN_WRITTEN:
        tell_written(event->subject);
        break;
    case EVENT_CONN_READ:
        deliver(event->subject);
        break;
    case EVENT_CONN_BREAK:
        notice_break(event->subject);
        break;
    default:
        assert(event->kind == EVENT_CONN_CLOSED);
        tell_closed(event->subject);
    }
}

/* ---- the host ---- */

void sim_net_init(struct sim_host *h)
{
    h->net.ops = &net_ops;
    list_init(&h->listeners);
    list_init(&h->attempts);
    list_init(&h->connections);
}

void sim_net_offer(struct sim_host *h)
{
    list_each (node, &h->attempts) {
        const struct attempt *a = container_of(node, struct attempt, node);
        sim_offer(h->sim, a->at, EVENT_CONNECT, a->ordinal, container_of(node, struct attempt, node));
    }
    list_each (node, &h->connections)
        offer_end(container_of(node, struct end, node));
}

void sim_net_crash(struct sim_host *h)
{
    while (!list_empty(&h->attempts))
        attempt_free(container_of(h->attempts.next, struct attempt, node));
    list_each (node, &h->connections) {
        struct end *e = container_of(node, struct end, node);
        if (e->peer)
            break_at(e->peer, sim_soon(h->sim, SILENCE_US_MAX));
        part(e);
        e->reading = false;
        list_init(&e->writes); /* the writes are the owner's, and forgotten */
        list_init(&e->finished);
        e->queued = 0;
    }
}

void sim_net_deinit(struct sim_host *h)
{
    list_each_safe (node, &h->connections)
        end_free(container_of(node, struct end, node));
    list_each_safe (node, &h->listeners) {
        struct sim_listener *l = container_of(node, struct sim_listener, node);
        list_remove(node);
        free(l);
    }
}

void sim_host_cut(struct sim_host *h, uint64_t within_ms)
{
    list_each (node, &h->connections) {
        struct end *e = container_of(node, struct end, node);
        uint64_t at = sim_chance(h->sim, 4) ? h->sim->now_ns : sim_soon(h->sim, within_ms * 1000);
        break_at(e, at);
        if (e->peer)
            break_at(e->peer, at);
    }
}

size_t sim_host_connections(struct sim_host *h)
{
    size_t count = 0;

    list_each (node, &h->connections)
        count++;
    return count;
}
