/* SPDX-License-Identifier: Apache-2.0
 *
 * server_private.h - struct server as the files of this room see it.
 */
#ifndef SESSION_SERVER_PRIVATE_H
#define SESSION_SERVER_PRIVATE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/log.h"
#include "session/arrivals.h"
#include "session/listeners.h"
#include "session/output.h"
#include "session/rights.h"
#include "session/server.h"
#include "session/watch.h"

struct session;

struct server {
    /* Set at creation. */
    struct server_options options;
    struct sys sys;
    struct loop *loop;
    struct log *log;
    struct broker *broker;
    struct listeners listeners;
    char url[300], tls_url[300]; /* of these listeners themselves; empty: there is none */

    struct listener *listener, *tls_listener; /* or NULL */
    struct net *tls_net;                      /* or NULL */
    struct tls_renewal *tls_renewal;
    int64_t tls_expires_s;
    struct list sessions; /* struct session */
    struct arrivals arrivals;
    size_t farewells;    /* sessions that only tell why their connection is refused */
    struct list starved; /* sessions that wait for the receive budget */
    struct timer hunger; /* runs while somebody is starved */
    struct budget *receive, output;
    struct buffer_pool *pool;
    struct budget handshake; /* what comes before a connection is READY: nothing that is received then is kept */
    size_t publishing;       /* sessions with publishes under way */
    struct task feed;
    struct chunk_pool chunks;
    struct arena arena;  /* for decoding one frame; reset after each */
    size_t schema_bytes; /* that requests hold: struct client_schema */

    struct watches watches;
    struct rights rights;

    bool stopping;
    struct task stopped;
    void (*stop_done)(void *ctx);
    void *stop_ctx;

    struct server_stats counts;
};

/* That one goes which stands on the threshold longest, but for `s`: somebody needs its place. */
void server_evict_oldest(struct server *s, const struct session *but);
/* It waits for the receive budget. */
void server_starve(struct server *s, struct session *session);
/* A session has ended and is no more in the list. */
void server_session_ended(struct server *s);
/* Bytes were given back to the receive budget. */
void server_feed_starved(struct server *s);
/* The same at the end of this turn of the loop, if anybody waits. */
void server_feed_later(struct server *s);

#endif
