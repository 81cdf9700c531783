/* SPDX-License-Identifier: Apache-2.0
 *
 * net.h - byte streams between hosts, as a table of functions with completions.
 *
 * All calls and callbacks are on the loop's thread.  A callback never runs before the call that asked
 * for it has returned.  Production: sys/uv_net.h (TCP).  Simulation: sys/sim/sim_net.h.
 *
 * Life of a connection: accepted or connected, then reads and writes in any number, then conn_close, or the peer's
 * end or an error; whichever comes first, `on_closed` is called once, as the very last callback, after every
 * write's `done`.  The handler's memory must live until then.  A stopped loop closes all that is open as conn_close
 * does, ends attempts to connect with ERR_CANCELLED, and refuses new ones with ERR_CLOSED.
 */
#ifndef SYS_NET_H
#define SYS_NET_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "sys/loop.h"
#include <stdint.h>

struct net;
struct conn;
struct listener;

struct conn_handler {
    /* Where the next bytes go: the handler owns the memory, which stays valid until on_read.  At least one byte. */
    void (*on_buffer)(struct conn_handler *h, uint8_t **data, size_t *len);
    void (*on_read)(struct conn_handler *h, size_t len); /* len > 0 bytes came into that memory */
    /* OK: we closed it.  ERR_CLOSED: the peer did, in good order.  ERR_IO, ERR_TIMEOUT: it broke.  With TLS also
     * ERR_DENIED: the peer does not take our certificate, and ERR_PROTOCOL: what it sends is no TLS. */
    void (*on_closed)(struct conn_handler *h, enum err why);
};

#define NET_WRITE_PARTS_MAX 8

/* One write, embedded by its owner, who keeps it and the bytes it names until `done`.  Writes go out in order, whole.
 * done(OK): the kernel took the bytes; ERR_CLOSED: the connection ended before it did. */
struct conn_write {
    struct list node; /* the connection's */
    struct bytes parts[NET_WRITE_PARTS_MAX];
    uint32_t count;
    void (*done)(struct conn_write *w, enum err err);
};

/* One attempt to connect; names are resolved off the loop, and each of their addresses is tried.  ERR_NOT_FOUND: no
 * such name.  ERR_IO: refused or unreachable.  ERR_TIMEOUT.  With TLS also ERR_DENIED: a certificate does not hold,
 * ours or the peer's; ERR_PROTOCOL: the handshake failed otherwise. */
struct connector {
    void (*done)(struct connector *c, enum err err, struct conn *conn); /* conn on OK only */
    struct conn_handler *handler; /* of the connection to be; its callbacks start after done(OK) */
    void *private_;               /* the implementation's */
};

struct net_ops {
    /* `host` is an address or a name (which is waited for); port 0: the kernel chooses.  ERR_BUSY: the port is taken;
     * ERR_DENIED, ERR_NOT_FOUND, ERR_INVALID: not an address of this machine.  on_accept answers NULL to hang up. */
    enum err (*listen)(struct net *net, const char *host, uint16_t port,
                       struct conn_handler *(*on_accept)(void *ctx, struct conn *conn), void *ctx,
                       struct listener **out);
    uint16_t (*listener_port)(struct listener *listener);
    void (*listener_close)(struct listener *listener); /* no accept after it returns */
    enum err (*connect)(struct net *net, const char *host, uint16_t port, uint64_t timeout_ms, struct connector *c);
    void (*connect_cancel)(struct net *net, struct connector *c); /* done is not called; the memory is free */

    void (*read_start)(struct conn *conn); /* reading is stopped to begin with */
    void (*read_stop)(struct conn *conn);
    void (*write)(struct conn *conn, struct conn_write *w);
    size_t (*write_queued)(struct conn *conn); /* bytes not yet taken by the kernel */
    void (*close)(struct conn *conn);          /* twice is fine; drops what is queued */
    /* Flushes what is queued first, reads nothing more, and lets the peer read all: bounded to a few seconds. */
    void (*close_after_writes)(struct conn *conn);
    /* "127.0.0.1:41234", for logs; at most 64 bytes with the NUL. */
    void (*peer)(struct conn *conn, char *to, size_t size);
    /* May be absent.  The common name in the peer's certificate, if it showed one that was verified; else NULL.  Valid
     * until on_closed. */
    const char *(*certificate_name)(struct conn *conn);
};

/* Embedded at the start of an implementation. */
struct net {
    const struct net_ops *ops;
};

struct conn {
    struct net *net;
    struct conn_handler *handler; /* set by on_accept's result or the connector */
};

struct listener {
    struct net *net;
};

static inline void conn_read_start(struct conn *c)
{
    c->net->ops->read_start(c);
}

static inline void conn_read_stop(struct conn *c)
{
    c->net->ops->read_stop(c);
}

static inline void conn_write(struct conn *c, struct conn_write *w)
{
    c->net->ops->write(c, w);
}

static inline size_t conn_write_queued(struct conn *c)
{
    return c->net->ops->write_queued(c);
}

static inline void conn_close(struct conn *c)
{
    c->net->ops->close(c);
}

static inline void conn_close_after_writes(struct conn *c)
{
    c->net->ops->close_after_writes(c);
}

static inline void conn_peer(struct conn *c, char *to, size_t size)
{
    c->net->ops->peer(c, to, size);
}

static inline const char *conn_certificate_name(struct conn *c)
{
    return c->net->ops->certificate_name ? c->net->ops->certificate_name(c) : NULL;
}

#endif
