/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_net_private.h - struct tls_net as its files see it.
 *
 * Three files: tls_net.c (the table, listeners, attempts to connect), tls_handshake.c (until a connection is open),
 * tls_conn.c (from then on, and the end of each).
 */
#ifndef SYS_TLS_NET_PRIVATE_H
#define SYS_TLS_NET_PRIVATE_H

#include "base/log.h"
#include "security/tls_channel.h"
#include "sys/tls_net.h"

#define SCRATCH_BYTES (64u * 1024)
#define HELLO_BYTES   4096 /* that are read at a time before a connection is open */

struct tls_listener {
    struct listener listener;
    struct list node;
    struct tls_net *net;
    struct listener *below;
    struct conn_handler *(*on_accept)(void *ctx, struct conn *conn);
    void *ctx;
};

struct tls_net {
    struct net net;
    struct net *under;
    struct loop *loop;
    struct log *log;
    struct tls_net_options options;
    struct tls_context *server, *client; /* or NULL */
    struct executor *executors[TLS_NET_THREADS_MAX];
    size_t jobs[TLS_NET_THREADS_MAX]; /* that each of them has */
    struct list conns, listeners;
    /* Accepted, in the handshake, waiting for the peer: without a channel, and with one.  Who was heard last is last.
     */
    struct list silent, greeted;
    size_t greeted_count;
    struct list ready; /* in the handshake, waiting for an executor */
    struct log_rate failures;
    struct tls_net_stats counts;
    uint8_t scratch[SCRATCH_BYTES]; /* where bytes come to, of whichever connection */
    uint8_t gather[TLS_RECORD_MAX]; /* a record's plain bytes */
};

/*
 *   connect:  CONNECTING --> SHAKING --> OPEN --> DRAINING --> CLOSING --> told (on_closed), freed
 *   accept:                   ^  |        '----------------------^
 *                                '-------------------------------'
 */
enum tls_conn_state {
    TLS_CONNECTING, /* `below_connector` is under way */
    TLS_SHAKING,
    TLS_OPEN,
    TLS_DRAINING, /* close_after_writes: what is queued goes out, nothing is read */
    TLS_CLOSING,  /* the connection below is being closed */
};

struct tls_conn {
    struct conn conn; /* its handler is NULL until it is open: nobody knows of it */
    struct tls_net *net;
    struct list node;   /* of the net's conns */
    struct list queued; /* in `silent`, `greeted` or `ready`, or nowhere */
    bool is_greeted;    /* in `greeted` */
    enum tls_conn_state state;
    bool decided; /* we closed it, and `why` says why */
    bool gone;    /* the one below was closed */
    bool counted; /* among the handshakes in progress */
    enum err why; /* of CLOSING */

    struct conn *below; /* from SHAKING on */
    struct conn_handler below_handler;
    struct tls_listener *listener; /* SHAKING, accepted */
    struct connector *connector;   /* CONNECTING, SHAKING: who waits for it, or NULL */
    struct connector below_connector;
    uint64_t deadline_ns; /* of the attempt to connect, as a whole */
    struct timer patience;

    /* A worker's while `working`; otherwise ours. */
    struct tls_channel *channel; /* NULL until it has something to do */
    struct tls_context *context; /* until there is a channel */
    char *host;                  /* of a client */
    uint8_t *kept;               /* bytes of the peer's that are not used up; lent to the channel, if there is one */
    size_t kept_len;
    enum err worked;

    struct work work;
    unsigned executor; /* that has it */
    bool working;

    bool reading;       /* our user wants to */
    struct task resume; /* going on with that */

    struct list writes; /* struct conn_write, not yet told */
    struct list *next;  /* the first of them that is not in records; or &writes */
    uint32_t next_part; /* ... and where it goes on */
    size_t next_at;
    size_t plain;        /* bytes of them that are not in records */
    size_t first_done;   /* bytes of the first that went out */
    struct list flights; /* records that the one below has */
    size_t in_flight;    /* bytes of them */
    bool finished;       /* we said that there is no more */
    struct task flush;   /* deferred by writes, so that those of one turn share records */
};

static inline struct tls_net *tls_net_of(struct net *net)
{
    return container_of(net, struct tls_net, net);
}

static inline struct tls_conn *tls_conn_of(struct conn *conn)
{
    return container_of(conn, struct tls_conn, conn);
}

/* ---- tls_handshake.c ---- */

/* There is a connection below.  By `deadline_ns` it is open, or closed. */
void tls_handshake_begin(struct tls_conn *c, uint64_t deadline_ns);
/* The peer's bytes came into the net's scratch. */
void tls_handshake_received(struct tls_conn *c, size_t len);
/* The connection below was closed by the peer, or broke. */
void tls_handshake_broken(struct tls_conn *c);
/* A failure of TLS, for the log: a peer's at a rate. */
void tls_failure_log(struct tls_conn *c, const char *what, const char *reason);

/* ---- tls_conn.c ---- */

MUST_USE enum err tls_conn_new(struct tls_conn **out, struct tls_net *n, struct tls_context *context);
/* Takes it out of the list of the net's that it is in. */
void tls_conn_unqueue(struct tls_conn *c);
/* Without a word to anybody. */
void tls_conn_free(struct tls_conn *c);
/* Ends it at once; who is to be told is told later.  Twice is fine, the first reason stays. */
void tls_conn_end(struct tls_conn *c, enum err why);
/* The same, but what the channel has to say goes out first. */
void tls_conn_end_politely(struct tls_conn *c, enum err why);
/* The connection below is closed, and no worker has ours. */
void tls_conn_told_and_freed(struct tls_conn *c);
/* What waits in the channel goes out; `plain` bytes of the writes are in it. */
void tls_conn_send(struct tls_conn *c, size_t plain);

void tls_conn_read_start(struct conn *conn);
void tls_conn_read_stop(struct conn *conn);
void tls_conn_write(struct conn *conn, struct conn_write *w);
size_t tls_conn_write_queued(struct conn *conn);
void tls_conn_close(struct conn *conn);
void tls_conn_close_after_writes(struct conn *conn);
void tls_conn_peer(struct conn *conn, char *to, size_t size);
const char *tls_conn_certificate_name(struct conn *conn);

#endif
