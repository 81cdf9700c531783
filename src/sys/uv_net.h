/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_net.h - struct net over libuv: TCP.
 *
 * Internal to sys/.  Belongs to one uv_loop and its thread.  Three files: uv_net.c (the table, listeners),
 * uv_conn.c (a connection), uv_connect.c (an attempt to make one).  May call: base/, libuv.
 *
 * Invariant: whatever is open here is in one of the lists, so that a stop can close it, and counts among the loop's
 * `users` until the kernel's handle is closed.
 */
#ifndef SYS_UV_NET_H
#define SYS_UV_NET_H

#include "sys/net.h"
#include "sys/uv_loop.h"

struct uv_net {
    struct net net;
    struct uv_loop *loop;
    struct list conns, listeners, connects;
    char waste[4096]; /* where bytes go that nobody wants any more */
};

/* ---- the net ---- */

void uv_net_init(struct uv_net *n, struct uv_loop *loop);
/* Closes everything; who is to be told is told in the turns that follow. */
void uv_net_close_all(struct uv_net *n);
/* Frees the listeners that nobody closed; after the loop has returned. */
void uv_net_deinit(struct uv_net *n);

/* An address in text, IPv4 or IPv6; false: it is a name. */
bool uv_net_address(struct sockaddr_storage *to, const char *host, uint16_t port);
/* libuv's error codes in our words. */
enum err uv_net_err(int status);

/* ---- a connection ---- */

/* What a socket is offered by one call.  Many small parts, for a call costs as much as hundreds of them; no more bytes
 * than it may take. */
#define CONN_PARTS_AT_ONCE 512
#define CONN_BYTES_AT_ONCE (4u * 1024 * 1024)

enum uv_conn_state {
    CONN_OPEN,
    CONN_DRAINING,  /* close_after_writes: what is queued goes out, nothing is read */
    CONN_LINGERING, /* our end is shut: waits, for a while, until the peer has read all and shuts its own */
    CONN_CLOSING,
};

struct uv_conn {
    struct conn conn;
    struct uv_net *net;
    struct list node;
    enum uv_conn_state state;
    enum err why; /* of CONN_CLOSING */
    uv_tcp_t tcp;
    uv_connect_t connect; /* its data: the attempt, or NULL when that is over */
    char peer[64];

    struct list writes; /* struct conn_write, the first partly written */
    size_t first_done;  /* bytes of the first that the kernel took */
    size_t queued;      /* bytes of all that it did not */
    struct task flush;  /* deferred by writes, so that the frames of one turn go out as one */
    uv_write_t request; /* of what a full socket did not take at once */
    size_t request_len; /* 0: not under way */

    uv_shutdown_t shutdown;
    struct timer patience; /* with a peer that does not read to the end */
};

/* A socket that is not connected yet, without a handler. */
MUST_USE enum err uv_conn_new(struct uv_net *n, struct uv_conn **out);
/* It is connected now. */
void uv_conn_begin(struct uv_conn *c);
/* Ends it; on_closed follows if it has a handler.  Twice is fine, the first reason stays. */
void uv_conn_end(struct uv_conn *c, enum err why);

void uv_conn_read_start(struct conn *conn);
void uv_conn_read_stop(struct conn *conn);
void uv_conn_write(struct conn *conn, struct conn_write *w);
size_t uv_conn_write_queued(struct conn *conn);
void uv_conn_close(struct conn *conn);
void uv_conn_close_after_writes(struct conn *conn);
void uv_conn_peer(struct conn *conn, char *to, size_t size);

/* ---- an attempt to connect ---- */

MUST_USE enum err uv_connect_start(struct net *net, const char *host, uint16_t port, uint64_t timeout_ms,
                                   struct connector *connector);
void uv_connect_cancel(struct net *net, struct connector *connector);
/* The node of uv_net's `connects`: told ERR_CANCELLED. */
void uv_connect_abandon(struct list *node);

#endif
