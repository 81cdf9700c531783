/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_policies.h - the options of set-POLICY, which namespaces and topics share.
 *
 * Where pulsar-admin spells an option differently in two groups, both spellings are understood in both.  Each ends with
 * NULL names.
 */
#ifndef CLI_ADMIN_POLICIES_H
#define CLI_ADMIN_POLICIES_H

#include "cli/admin_table.h"

extern const struct admin_option admin_set_retention[], admin_set_ttl_body[], admin_set_ttl_query[];
extern const struct admin_option admin_set_backlog_quota[], admin_backlog_quota_type[];
extern const struct admin_option admin_set_persistence[], admin_set_dispatch_rate[], admin_set_publish_rate[];
extern const struct admin_option admin_set_subscribe_rate[], admin_set_delayed_delivery[], admin_set_inactive_topics[];
extern const struct admin_option admin_set_auto_topic_creation[], admin_set_auto_subscription_creation[];
extern const struct admin_option admin_set_switch[], admin_set_subscription_types[], admin_set_threshold[];
extern const struct admin_option admin_set_snapshot_interval[], admin_set_max_producers[], admin_set_max_consumers[];
extern const struct admin_option admin_set_max_consumers_per_subscription[], admin_set_max_subscriptions[];
extern const struct admin_option admin_set_max_unacked_consumer[], admin_set_max_unacked_subscription[];
extern const struct admin_option admin_set_max_message_size[], admin_set_max_topics[], admin_set_expiration[];
extern const struct admin_option admin_set_entry_filters[], admin_set_clusters[];
/* Offload: a namespace's and a topic's units differ. */
extern const struct admin_option admin_set_offload[], admin_set_topic_offload[];

extern const char admin_offload_body[];
#define ADMIN_ACTIONS "produce|consume|functions|sources|sinks|packages"
#define ADMIN_SCHEMA_STRATEGIES                                                                                        \
    "UNDEFINED|ALWAYS_INCOMPATIBLE|ALWAYS_COMPATIBLE|BACKWARD|FORWARD|FULL|BACKWARD_TRANSITIVE|FORWARD_TRANSITIVE|"    \
    "FULL_TRANSITIVE"

/* A quota of size needs --limit, one of age --limitTime; the other one is not sent. */
int admin_backlog_quota_check(struct admin_call *call);
/* A rate is none below 0. */
int admin_persistence_check(struct admin_call *call);
/* An S3 driver needs a region or an endpoint. */
int admin_offload_check(struct admin_call *call);

#endif
