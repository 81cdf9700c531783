/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_conn.c - a TCP connection.
 *
 * Writes are queued and go out together at the end of the turn, by one call as long as the socket takes them; what it
 * does not take waits in one uv_write for room.
 *
 * A close in good order (close_after_writes) shuts our end only and reads on, to nowhere, until the peer shuts its
 * own: a socket closed with unread bytes answers with a reset, which may overtake the last frame that we sent.
 */
#include "sys/uv_net.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DRAIN_MS  5000 /* for a peer that does not read what is queued for it */
#define LINGER_MS 1000 /* for one that read all and does not shut its end */

static struct uv_conn *uv_conn_of(struct conn *conn)
{
    return container_of(conn, struct uv_conn, conn);
}

static uv_stream_t *stream_of(struct uv_conn *c)
{
    return (uv_stream_t *)&c->tcp;
}

/* ---- the end ---- */

static void writes_drop(struct uv_conn *c)
{
    struct list *node;

    while ((node = list_pop_front(&c->writes))) {
        struct conn_write *w = container_of(node, struct conn_write, node);
        w->done(w, ERR_CLOSED);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct uv_conn *c = container_of((uv_tcp_t *)handle, struct uv_conn, tcp);
    struct conn_handler *handler = c->conn.handler;

    loop_event_begin(&c->net->loop->loop);
    writes_drop(c);
    uv_loop_undefer(&c->flush);
    list_remove(&c->node);
    c->net->loop->users--;
    if (handler)
        handler->on_closed(handler, c->why);
    free(c);
}

void uv_conn_end(struct uv_conn *c, enum err why)
{
    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    c->why = why;
    timer_stop(&c->patience);
    uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
}

void uv_conn_close(struct conn *conn)
{
    uv_conn_end(uv_conn_of(conn), OK);
}

static void on_patience_lost(struct timer *timer)
{
    uv_conn_end(container_of(timer, struct uv_conn, patience), OK);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct uv_conn *c = container_of((uv_tcp_t *)handle, struct uv_conn, tcp);
    uint8_t *data = NULL;
    size_t len = 0;

    (void)suggested;
    if (c->state == CONN_LINGERING) {
        *buf = uv_buf_init(c->net->waste, sizeof c->net->waste);
        return;
    }
    c->conn.handler->on_buffer(c->conn.handler, &data, &len);
    assert(len > 0);
    *buf = uv_buf_init((char *)data, (unsigned)(len < INT_MAX ? len : INT_MAX));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct uv_conn *c = container_of((uv_tcp_t *)stream, struct uv_conn, tcp);

    (void)buf;
    loop_event_begin(&c->net->loop->loop);
    if (c->state == CONN_LINGERING) {
        if (got < 0)
            uv_conn_end(c, OK);
        return;
    }
    if (got > 0)
        c->conn.handler->on_read(c->conn.handler, (size_t)got);
    else if (got < 0)
        uv_conn_end(c, uv_net_err((int)got));
}

void uv_conn_read_start(struct conn *conn)
{
    struct uv_conn *c = uv_conn_of(conn);

    if (c->state == CONN_OPEN)
        uv_read_start(stream_of(c), on_alloc, on_read); /* twice is harmless */
}

void uv_conn_read_stop(struct conn *conn)
{
    struct uv_conn *c = uv_conn_of(conn);

    if (c->state == CONN_OPEN)
        uv_read_stop(stream_of(c));
}

/* ---- writing ---- */

static size_t write_len(const struct conn_write *w)
{
    size_t len = 0;

    for (uint32_t i = 0; i < w->count; i++)
        len += w->parts[i].len;
    return len;
}

/* Lists the bytes to be written next; returns how many places it took. */
static unsigned bufs_fill(const struct uv_conn *c, uv_buf_t *bufs, size_t *total)
{
    size_t skip = c->first_done;
    unsigned places = 0;

    *total = 0;
    list_each (node, &c->writes) {
        const struct conn_write *w = container_of(node, struct conn_write, node);
        for (uint32_t i = 0; i < w->count; i++) {
            if (places == CONN_PARTS_AT_ONCE || *total >= CONN_BYTES_AT_ONCE)
                return places;
            if (skip >= w->parts[i].len) {
                skip -= w->parts[i].len;
                continue;
            }
            size_t len = w->parts[i].len - skip;
            bufs[places].base = (char *)(uintptr_t)(w->parts[i].data + skip);
            bufs[places++].len = len;
            *total += len;
            skip = 0;
        }
    }
    return places;
}

/* The kernel took `len` more bytes: whoever is complete by that is told. */
static void bytes_sent(struct uv_conn *c, size_t len)
{
    struct list complete;
    struct list *node;

    list_init(&complete);
    c->queued -= len;
    c->first_done += len;
    while (!list_empty(&c->writes)) {
        size_t first = write_len(container_of(c->writes.next, struct conn_write, node));
        if (c->first_done < first)
            break;
        c->first_done -= first;
        list_push_back(&complete, list_pop_front(&c->writes));
    }
    while ((node = list_pop_front(&complete))) {
        struct conn_write *w = container_of(node, struct conn_write, node);
        w->done(w, OK);
    }
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct uv_conn *c = container_of(request, struct uv_conn, shutdown);

    if (c->state == CONN_CLOSING)
        return;
    if (status != 0 || uv_read_start(stream_of(c), on_alloc, on_read) != 0)
        uv_conn_end(c, OK);
}

static void linger(struct uv_conn *c)
{
    c->state = CONN_LINGERING;
    timer_start_ms(&c->patience, LINGER_MS);
    if (uv_shutdown(&c->shutdown, stream_of(c), on_shutdown) != 0)
        uv_conn_end(c, OK);
}

static void flush(struct uv_conn *c);

static void on_request(uv_write_t *request, int status)
{
    struct uv_conn *c = container_of(request, struct uv_conn, request);
    size_t len = c->request_len;

    loop_event_begin(&c->net->loop->loop);
    c->request_len = 0;
    if (c->state == CONN_CLOSING)
        return;
    if (status != 0) {
        uv_conn_end(c, uv_net_err(status));
        return;
    }
    bytes_sent(c, len);
    flush(c);
}

static void request_start(struct uv_conn *c)
{
    uv_buf_t bufs[CONN_PARTS_AT_ONCE];
    unsigned places = bufs_fill(c, bufs, &c->request_len);
    int status = uv_write(&c->request, stream_of(c), bufs, places, on_request);

    if (status != 0) {
        c->request_len = 0;
        uv_conn_end(c, uv_net_err(status));
    }
}

/* Offers the socket what is queued.  Its state may change with every `done`. */
static void flush(struct uv_conn *c)
{
    uv_buf_t bufs[CONN_PARTS_AT_ONCE];
    size_t total;

    if (c->state == CONN_CLOSING || c->state == CONN_LINGERING || c->request_len > 0)
        return;
    unsigned places = bufs_fill(c, bufs, &total);
    int sent = places > 0 ? uv_try_write(stream_of(c), bufs, places) : 0;
    if (sent < 0 && sent != UV_EAGAIN) {
        uv_conn_end(c, uv_net_err(sent));
        return;
    }
    size_t taken = sent > 0 ? (size_t)sent : 0;
    bytes_sent(c, taken);
    if (c->state == CONN_CLOSING)
        return;
    if (taken < total)
        request_start(c);
    else if (!list_empty(&c->writes))
        loop_defer(&c->net->loop->loop, &c->flush);
    else if (c->state == CONN_DRAINING)
        linger(c);
}

static void on_flush(struct task *task)
{
    flush(container_of(task, struct uv_conn, flush));
}

void uv_conn_write(struct conn *conn, struct conn_write *w)
{
    struct uv_conn *c = uv_conn_of(conn);

    assert(w->count <= NET_WRITE_PARTS_MAX);
    list_push_back(&c->writes, &w->node);
    c->queued += write_len(w);
    if (c->state != CONN_CLOSING && c->request_len == 0)
        loop_defer(&c->net->loop->loop, &c->flush);
}

size_t uv_conn_write_queued(struct conn *conn)
{
    struct uv_conn *c = uv_conn_of(conn);

    if (c->request_len == 0)
        return c->queued;
    return c->queued - c->request_len + uv_stream_get_write_queue_size(stream_of(c));
}

void uv_conn_close_after_writes(struct conn *conn)
{
    struct uv_conn *c = uv_conn_of(conn);

    if (c->state != CONN_OPEN)
        return;
    uv_read_stop(stream_of(c));
    c->state = CONN_DRAINING;
    timer_start_ms(&c->patience, DRAIN_MS);
    loop_defer(&c->net->loop->loop, &c->flush);
}

/* ---- the beginning ---- */

enum err uv_conn_new(struct uv_net *n, struct uv_conn **out)
{
    struct uv_conn *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->conn.net = &n->net;
    c->net = n;
    c->flush.run = on_flush;
    list_init(&c->writes);
    timer_init(&c->patience, &n->loop->loop, on_patience_lost);
    enum err err = uv_net_err(uv_tcp_init(&n->loop->uv, &c->tcp));
    if (err != OK) {
        free(c);
        return err;
    }
    list_push_back(&n->conns, &c->node);
    n->loop->users++;
    *out = c;
    return OK;
}

static void peer_note(struct uv_conn *c)
{
    struct sockaddr_storage address = {0};
    int len = sizeof address;
    char host[48];

    (void)snprintf(c->peer, sizeof c->peer, "unknown");
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&address;
        if (uv_ip6_name(a, host, sizeof host) == 0)
            (void)snprintf(c->peer, sizeof c->peer, "[%s]:%u", host, ntohs(a->sin6_port));
    } else {
        const struct sockaddr_in *a = (const struct sockaddr_in *)&address;
        if (uv_ip4_name(a, host, sizeof host) == 0)
            (void)snprintf(c->peer, sizeof c->peer, "%s:%u", host, ntohs(a->sin_port));
    }
}

void uv_conn_begin(struct uv_conn *c)
{
    uv_tcp_nodelay(&c->tcp, 1);
    peer_note(c);
}

void uv_conn_peer(struct conn *conn, char *to, size_t size)
{
    (void)snprintf(to, size, "%s", uv_conn_of(conn)->peer);
}
