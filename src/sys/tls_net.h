/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_net.h - struct net over another one, with TLS between.
 *
 * Keeps net.h's contract: who uses it need not know.  A connection is told of (on_accept, the connector's done) when
 * its handshake is through.  Handshakes are worked on by executors of the loop, so that a flood of them never holds the
 * loop's thread; what comes after, records, is worked on by the loop's thread, the writes of one turn together.
 *
 * Half-open: a handshake has a deadline; the number of connections in one is bounded, and beyond it that one goes whose
 * peer was silent longest (or, if all wait for us, the new one).  Until its peer has sent a whole first record such a
 * connection costs its socket and little more than a kilobyte; after that some fifty, which is why there may be fewer
 * of these.
 *
 * Core thread, or a client's.  May call: base/, security/tls_channel.h, net.h, loop.h.
 */
#ifndef SYS_TLS_NET_H
#define SYS_TLS_NET_H

#include "sys/net.h"

struct log;
struct tls_context;

struct tls_net_options {
    struct net *under;
    struct loop *loop;
    struct tls_context *server; /* for listen; NULL: nobody listens */
    struct tls_context *client; /* for connect; NULL: nobody connects */
    uint32_t handshake_ms;      /* for a handshake of a connection that was accepted: 10,000 */
    uint32_t handshakes_max;    /* connections in one at a time: 5,000 */
    uint32_t greeted_max;       /* of these, accepted ones that were answered and wait for their peer: 1,000 */
    uint32_t threads;           /* that work on them, 1 to TLS_NET_THREADS_MAX: 1 */
    struct log *log;
};
#define TLS_NET_THREADS_MAX 8

/* The defaults. */
void tls_net_options_init(struct tls_net_options *o);

/* Takes a reference to each context.  `host` of connect is also whom the certificate must name, if the context says so.
 */
MUST_USE enum err tls_net_new(struct net **out, const struct tls_net_options *options);
/* When all connections are closed, or the loop has stopped and will run no more (then what is left goes without a
 * word). NULL is fine. */
void tls_net_free(struct net *net);

/* For connections from now on; takes references; NULL: that one stays as it is. */
void tls_net_replace(struct net *net, struct tls_context *server, struct tls_context *client);

struct tls_net_stats {
    uint64_t done, failed, timed_out; /* handshakes, ours as server and client */
    uint64_t dropped;                 /* half-open ones that went as there were too many */
    uint64_t in_progress;
};
void tls_net_stats_get(struct net *net, struct tls_net_stats *out);

#endif
