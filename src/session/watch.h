/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - clients that want to be told which topics come and go (WATCH_TOPIC_LIST).
 *
 * A watch is of one connection, one namespace and one pattern; it holds the names that match, so that what it tells is
 * what changed since it told last, with the hash of all.  Changes are gathered: a watch tells once in a while, and the
 * more names its hash takes, the more seldom, so that a thousand topics made in a second cost little.  A connection
 * that takes nothing is told later; what came and went meanwhile it never hears of.  Persistent topics only, as in
 * Pulsar.
 *
 * At most WATCHES_MAX on a connection.  A watch whose names are more than TOPICS_MAX, or more bytes than a frame takes,
 * tells nothing more: its client asks for the list every minute anyway.  What is told is durable.
 */
#ifndef SESSION_WATCH_H
#define SESSION_WATCH_H

#include "base/list.h"
#include "broker/broker.h"
#include "broker/namespaces.h"
#include "sys/loop.h"

struct server;
struct session;

#define WATCHES_MAX 100

struct watches { /* of a server; private to watch.c */
    struct topics_observer observer;
    struct list all;
    struct timer timer;
    uint64_t not_before_ns; /* the last round's work is worth so long a pause */
    /* Changes are numbered: all that there were, and those that are durable, or will be with `barrier`. */
    uint64_t changes, durable, asked;
    struct broker_op barrier;
};

void watches_init(struct server *s);
/* The server stops: nothing more is told. */
void watches_stop(struct server *s);
void watches_deinit(struct server *s);
/* What the peer may may have changed: those go whose namespace it may not list any more. */
void watches_check(struct session *s);
/* The session ends: its watches go. */
void watches_drop(struct session *s);

#endif
