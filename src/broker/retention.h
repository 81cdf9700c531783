/* SPDX-License-Identifier: Apache-2.0
 *
 * retention.h - what time does to topics: messages expire, ledgers are closed, and deleted when nobody needs them.
 *
 * Owns for each topic to which something will be due a struct track: the topic's id, and when to look at it next.  One
 * heap of them, one timer for the first; a topic to which nothing will ever be due has no track and costs nothing.
 * Goes by ids, whether a topic is loaded or not: most of those that keep data for a week are not.  After a start every
 * topic of the catalog is looked at once, a few in each turn.
 *
 * A ledger is deleted when
 *     it is the first of its chain and closed, and no publish to it is under way,
 *     and every durable cursor has passed it, and every reader that reads (see below),
 *     and it is empty, or closed for longer than the retention time, or without it the topic still has at least the
 *     retention size; -1 is no limit, 0 in either of the two keeps nothing.
 * The last ledger of a chain is replaced by an empty one, which remembers the index of the topic's messages.  A topic
 * that nobody uses is not deleted while its policy keeps its data: it leaves memory (topic_maintain), and is deleted
 * from here when they are gone.
 *
 * A subscription that is not durable holds nothing, and is moved forward, as in Pulsar; but a reader in the middle of
 * old entries is not overtaken: as long as it has consumers, and one of them came, or took or acknowledged something,
 * within reader_hold_ms, what it has not been sent (the kinds that share: what it has not acknowledged) stays.  On a
 * full disk it goes.
 *
 * A message expires, for each durable subscription by itself, when its publish time is older than the TTL: the cursor's
 * mark-delete position moves up to the first that is not.  Ledgers whose newest message is older go as a whole, entries
 * are read in one ledger only.  Without a subscription nothing expires.
 *
 * When something is looked at
 *     published, acknowledged     within the check interval; so a busy topic costs one look in each interval
 *     a ledger rolled, a topic unloaded, a subscription removed, a policy changed    at once
 *     nothing happened            when the open ledger is old, retention ends, or the oldest message expires
 *
 * Times are the loop's; only the age of closed ledgers and of messages is the wall clock's, and when that jumps,
 * everything is looked at anew.  Core thread.  May call: store/, topic.h, policies.h.
 */
#ifndef BROKER_RETENTION_H
#define BROKER_RETENTION_H

#include "base/heap.h"
#include "base/map.h"
#include "broker/names.h"
#include "sys/loop.h"

struct broker;
struct topic;

/* The walk over all topics of the catalog, by names: it goes on after one that is gone. */
struct sweep {
    bool running, again;         /* again: from the start when it is through */
    uint64_t tenant, namespace_; /* where it is; 0: between two */
    char tenant_name[NAMESPACE_NAME_MAX + 1], namespace_name[NAMESPACE_NAME_MAX + 1], topic_name[TOPIC_NAME_MAX + 1];
};

struct retention { /* embedded in the broker; private */
    struct map tracks;
    struct heap due;
    struct timer timer;
    uint64_t last_ns;     /* when it last fired */
    int64_t clock_offset; /* the wall clock's from the loop's, then */
    struct list expiries; /* struct expiry under way */
    struct sweep sweep;
    uint64_t sweep_ns; /* not before */
    bool stopped;
};

void retention_init(struct broker *b);
void retention_stop(struct broker *b); /* nothing is looked at any more */
void retention_deinit(struct broker *b);

/* At once, but from the loop. */
void retention_look_at(struct broker *b, uint64_t topic);
/* Every topic, in turns: a policy of many of them has changed. */
void retention_look_at_all(struct broker *b);
/* Something was published or acknowledged: within the check interval. */
void retention_changed(struct topic *t);
/* At once, and what was planned may be late: its policies have changed, or it is unloaded. */
void retention_look_anew(struct broker *b, uint64_t topic);

/* How many topics are waited for, for tests. */
size_t retention_tracks(const struct broker *b);

#endif
