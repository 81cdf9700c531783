/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.h - what is set for topics and namespaces, and what holds for a topic: resolved in one place.
 *
 * A policy of the topic goes over its namespace's, that over the broker's options.  They are kept in the rows of the
 * catalog (records.h draws them) and nowhere else; a change is durable after broker_when_durable, and in force at once.
 * Those of a namespace are in namespaces.h.
 */
#ifndef BROKER_POLICIES_H
#define BROKER_POLICIES_H

#include "broker/names.h"
#include "broker/records.h"
#include "broker/refusal.h"

struct broker;

/* Of its row; 0: no such topic. */
uint64_t topic_id(struct broker *b, const struct topic_name *name);

/* What holds for the topic with this id; every policy is set. */
struct policies policies_resolve(struct broker *b, uint64_t topic);

/* What is set for this topic itself.  ERR_NOT_FOUND. */
MUST_USE enum err topic_policies(struct broker *b, const struct topic_name *name, struct policies *out,
                                 struct refusal *why);
MUST_USE enum err topic_set_policies(struct broker *b, const struct topic_name *name, const struct policies *policies,
                                     struct refusal *why);

/* Those that are set in `by` replace those in `p`. */
static inline void policies_override(struct policies *p, const struct policies *by)
{
    if (by->set & POLICY_RETENTION) {
        p->retention_minutes = by->retention_minutes;
        p->retention_mb = by->retention_mb;
    }
    if (by->set & POLICY_TTL)
        p->ttl_s = by->ttl_s;
    p->set |= by->set;
}

#endif
