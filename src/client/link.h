/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h - keeps a producer or a consumer attached to the broker that serves its topic.
 *
 *                  +-------------------- backoff ---------------------+
 *                  v                                                  |
 *     STOPPED -> LOOKUP -> CONNECTING -> ATTACHING -> READY -> (lost, moved, refused)
 *
 * Owns the lookup, the wait for a connection and the delays between attempts; the owner sends the command that creates
 * it and says how that ended.  Attempts go on until client_link_stop, so the owner decides what is hopeless. Owner: the
 * loop.
 */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "client/backoff.h"
#include "client/lookup.h"

enum client_link_state { LINK_STOPPED, LINK_WAITING, LINK_LOOKUP, LINK_CONNECTING, LINK_ATTACHING, LINK_READY };

struct client_link;

struct client_link_ops {
    /* Attached to `connection` (peer->connection): send the create command, then client_link_ready or
     * client_link_retry. */
    void (*attach)(struct client_link *l, struct client_connection *connection);
    /* An attempt did not come as far as that, or the owner said client_link_retry; stop the link to give up.
     * `hopeless`: the next attempts will fail, too, unless somebody changes something. */
    void (*failed)(struct client_link *l, pulsar_result why, bool hopeless);
    /* It was ATTACHING or READY, and is detached now; the next attempt follows unless the link is stopped. */
    void (*lost)(struct client_link *l);
};

/* Embedded. */
struct client_link {
    struct client_core *core;
    const struct client_link_ops *ops;
    enum client_link_state state;
    struct client_peer peer;
    struct client_lookup lookup;
    struct client_waiter waiter;
    struct client_backoff backoff;
    struct timer timer;
    char *assigned_url; /* where the broker said that it went; asked once instead of a lookup */
};

/* `topic` outlives the link.  `peer_ops` has client_link_lost and client_link_moved for its lost and moved. */
void client_link_init(struct client_link *l, struct client_core *core, const char *topic,
                      const struct client_link_ops *ops, const struct client_peer_ops *peer_ops);
void client_link_start(struct client_link *l);
void client_link_stop(struct client_link *l); /* fine when stopped; no function of ops is called any more */

/* While ATTACHING. */
void client_link_ready(struct client_link *l);
void client_link_retry(struct client_link *l, pulsar_result why);
/* While READY or ATTACHING: detaches, without a word to the broker, and attaches again. */
void client_link_again(struct client_link *l);

static inline struct client_link *client_link_of(struct client_peer *peer)
{
    return container_of(peer, struct client_link, peer);
}

/* For the owner's client_peer_ops. */
void client_link_lost(struct client_peer *peer);
void client_link_moved(struct client_peer *peer, const char *url);

#endif
