/* SPDX-License-Identifier: Apache-2.0
 *
 * lapse.h - durable subscriptions that nobody uses go after a while (subscriptionExpirationTimeMinutes).
 *
 * Since when nobody does is in the subscription's row: that a consumer is connected, or when the last one left.  Both
 * are written only where there is such a policy, so that others pay nothing; what is not known counts from the look
 * that finds it missing.  A row that says "connected" although no consumer came in this life of the broker was left by
 * a broker that was killed: it counts from this one's start.  Replicated subscriptions stay, as in Pulsar.
 *
 * When a topic is looked at is retention.h's to say, loaded or not.  Core thread.  May call: store/, records.h,
 * policies.h, subscription.h.
 */
#ifndef BROKER_LAPSE_H
#define BROKER_LAPSE_H

#include <stdint.h>

struct broker;
struct subscription;
struct policies;
struct topic;

/* The first consumer is there; the last one is gone. */
void lapse_joined(struct subscription *s);
void lapse_left(struct subscription *s);
/* Of a loaded topic, for which this holds now. */
void lapse_policies_changed(struct topic *t, const struct policies *p);

/* Deletes subscriptions of the topic that nobody used for so long.  `t` is the topic in memory, or NULL.  Returns when
 * to look again, on the loop's clock; UINT64_MAX: not before something changes. */
uint64_t lapse_look(struct broker *b, uint64_t topic, struct topic *t);

#endif
