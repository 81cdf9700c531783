/* SPDX-License-Identifier: Apache-2.0
 *
 * web_socket.h - messages over HTTP, both ways (RFC 6455): what a server of connections gives to a service, and what
 * the service gives to it.
 *
 * Everything happens on the server's thread, but for `post`, which is how other threads come to it.  A connection is
 * the server's; the service has a peer for each, and may use the connection until the peer's `closed`.
 */
#ifndef SYS_WEB_SOCKET_H
#define SYS_WEB_SOCKET_H

#include "base/bytes.h"
#include "base/err.h"

#define WEB_MESSAGE_MAX (8u * 1024 * 1024) /* bytes of one that comes in: beyond it the connection is closed */

/* Why a connection is closed (section 7.4.1). */
enum {
    WEB_CLOSE_NORMAL = 1000,
    WEB_CLOSE_GOING = 1001, /* the server is */
    WEB_CLOSE_TOO_LARGE = 1009,
    WEB_CLOSE_OURS = 4000 /* and above: the service's own */
};

/* ---- a connection ---- */

struct web_socket {
    const struct web_socket_ops *ops;
};

struct web_socket_ops {
    /* Queues a copy of a message, of text.  ERR_NOMEM: the connection is closed. */
    enum err (*send)(struct web_socket *s, struct bytes text);
    size_t (*queued)(const struct web_socket *s); /* bytes that the peer has not taken */
    void (*read)(struct web_socket *s, bool on);  /* off: nothing is received; on, from the start */
    /* `closed` follows, after what is queued was sent or given up.  The reason is cut to 123 bytes. */
    void (*close)(struct web_socket *s, unsigned code, const char *reason);
};

/* ---- the service's side of it ---- */

struct web_peer {
    const struct web_peer_ops *ops;
};

struct web_peer_ops {
    void (*received)(struct web_peer *p, struct bytes message); /* whole; borrowed for the call */
    void (*taken)(struct web_peer *p);                          /* something that was queued is gone */
    void (*closed)(struct web_peer *p);                         /* the last call */
};

/* ---- the thread ---- */

struct web_event {
    void (*run)(struct web_event *e); /* may free it */
    struct web_event *next;           /* the server's, until then */
};

struct web_thread {
    /* From any thread: `run` is called on the server's, once, in the order of the posts of each thread; at the latest
     * when the server is freed, after all connections were closed. */
    void (*post)(struct web_thread *t, struct web_event *e);
};

/* ---- the service ---- */

struct web_parameter {
    struct bytes name, value;
};

#define WEB_PARAMETERS_MAX 32

/* What a request shows of who makes it; empty: nothing of the kind. */
struct web_credentials {
    struct bytes method;          /* X-Pulsar-Auth-Method-Name */
    struct bytes authorization;   /* "Bearer TOKEN", "Basic BASE64" */
    struct bytes original;        /* X-Original-Principal: for whom a proxy asks */
    const char *certificate_name; /* the common name of the peer's verified certificate; NULL: it has none */
};

struct web_request {
    struct bytes path; /* decoded, as all the rest */
    struct web_parameter parameters[WEB_PARAMETERS_MAX];
    size_t parameter_count;
    struct web_credentials credentials;
    const char *peer; /* whose it is: the address without the port */
};

/* What a connection would be for. */
struct web_target {
    bool produces;      /* else it consumes */
    char *topic;        /* "persistent://t/n/x"; the caller's to free(), as the other */
    char *subscription; /* NULL: it reads without one */
};

struct web_service {
    const struct web_service_ops *ops;
    struct web_thread *thread; /* set by the server before the first call */
};

/* Whether whoever shows these credentials may have such a connection: 0, or an HTTP status and why.  On the server's
 * thread; it may take a moment. */
struct web_gate {
    unsigned (*refuses)(void *ctx, const struct web_credentials *shown, const struct web_target *target,
                        const char *peer, char *reason, size_t reason_size);
    void *ctx;
};

struct web_service_ops {
    /* Whether a connection that asks for this is taken: 0 and what it is for, or the HTTP status that it gets, with the
     * reason. */
    unsigned (*refuses)(struct web_service *s, const struct web_request *r, struct web_target *target, char *reason,
                        size_t reason_size);
    /* NULL: there is no memory, and the connection is closed.  Nothing is received before read(true). */
    struct web_peer *(*open)(struct web_service *s, struct web_socket *socket, const struct web_request *r);
};

#endif
