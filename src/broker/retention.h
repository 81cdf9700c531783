/* SPDX-License-Identifier: Apache-2.0
 *
 * retention.h - what time does to topics: messages expire, ledgers are closed, and deleted when nobody needs them.
 *
 * Owns for each topic to which something will be due a struct track: the topic's id, and when to look at it next.  One
 * heap of them, one timer for the first; a topic to which nothing will ever be due has no track and costs nothing.
 * Goes by ids, whether a topic is loaded or not: most of those that keep data for a week are not.  After a start every
 * topic of the catalog is looked at once, a few in each turn.
 *
 * Which ledgers may be deleted is trim.h's to say.  A topic that nobody uses is not deleted while its policy keeps its
 * data: it leaves memory (topic_maintain), and is deleted from here when they are gone.
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
 * everything is looked at anew.  Core thread.  May call: store/, topic.h, policies.h, trim.h, expiry.h.
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

/* Within so long something published or acknowledged is looked at; less on a disk that is full, or nearly. */
uint64_t retention_check_ns(const struct broker *b);
/* A moment of the wall clock, on the loop's. */
uint64_t retention_ns_of_wall(struct broker *b, int64_t wall_ms);

/* How many topics are waited for, for tests. */
size_t retention_tracks(const struct broker *b);

#endif
