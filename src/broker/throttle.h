/* SPDX-License-Identifier: Apache-2.0
 *
 * throttle.h - the dispatch rates of topics and subscriptions: so many entries, so many bytes, in a period.
 *
 * One throttle stands with the topic, for all of its subscriptions together, one with each subscription; an entry goes
 * when both are open.  A subscription that one of them stops is woken by a timer of its own when it may go on.
 * What counts is entries, or their messages (options.dispatch_rate_counts_messages).  Core thread.
 */
#ifndef BROKER_THROTTLE_H
#define BROKER_THROTTLE_H

#include "broker/limiter.h"
#include <stddef.h>

struct subscription;
struct policies;
struct topic;

/* How often dispatch stopped for a rate: which, and for its messages or its bytes. */
struct throttled {
    uint64_t messages_by_topic, bytes_by_topic, messages_by_subscription, bytes_by_subscription;
};

/* Embedded, zeroed: no limit.  Private to throttle.c. */
struct throttle {
    struct limiter limiter;
    struct limiter_rates rates; /* as set */
    bool relative;              /* to the publish rate: that comes on top */
};

/* The topic's policies may be others: for it and all of its subscriptions. */
void throttle_topic_changed(struct topic *t, const struct policies *p);
/* ... for one that was made since. */
void throttle_subscription_made(struct subscription *s);

/* May another entry go to its consumers?  If not, dispatch_wake comes when it may. */
bool throttle_open(struct subscription *s);
/* So many may, at most `max`: for choosing how much to read. */
size_t throttle_room(const struct subscription *s, size_t max);
/* One went. */
void throttle_charge(struct subscription *s, uint32_t messages, size_t bytes);

/* What stops it, for stats. */
bool throttle_by_topic(const struct subscription *s);
bool throttle_by_itself(const struct subscription *s);

#endif
