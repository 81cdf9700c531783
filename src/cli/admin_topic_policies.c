/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_topic_policies.c - the commands of `geminga admin topicPolicies`: what a topic has instead of its namespace's.
 */
#include "cli/admin_call.h"
#include "cli/admin_policies.h"

#define BASE "/admin/v2/{topic}"

#define GLOBAL                                                                                                         \
    {                                                                                                                  \
        "-g|--global", ADMIN_IF, "?isGlobal", "The policy that is replicated to other clusters."                       \
    }

static const struct admin_option remove_backlog_quota[] = {{"-t|--type", ADMIN_TEXT, "?backlogQuotaType",
                                                            "What is bounded.", .fallback = "destination_storage",
                                                            .choices = "destination_storage|message_age"},
                                                           GLOBAL,
                                                           {0}};
static const struct admin_option only_global[] = {GLOBAL, {0}};
static const struct admin_option set_strategy[] = {
    {"-s|--strategy", ADMIN_TEXT, ".", "The strategy.", .required = true, .choices = ADMIN_SCHEMA_STRATEGIES}, {0}};
static const struct admin_option of_subscription = {"-s|--subscription", ADMIN_SUBSCRIPTION, NULL,
                                                    "Only of this subscription."};

static const struct admin_command commands[] = {
    {"delete", .text = "Unsets all of a topic's policies.", .method = "DELETE", .path = BASE "/policies",
     .arguments = admin_on_persistent},
    {"remove-message-ttl", .text = "Unsets after how long messages count as acknowledged.", .method = "DELETE",
     .path = BASE "/messageTTL?messageTTL=0", .arguments = admin_on_persistent, .options = only_global},
    {"remove-backlog-quota", .text = "Unsets how much backlog there may be.", .method = "DELETE",
     .path = BASE "/backlogQuota", .arguments = admin_on_persistent, .options = remove_backlog_quota},
    {"get-backlog-quota", .text = "Shows how much backlog there may be.", .method = "GET",
     .path = BASE "/backlogQuotaMap", .arguments = admin_on_persistent, .print = ADMIN_MAP, .what = "BacklogQuotaImpl",
     .options =
         (const struct admin_option[]){
             {"-ap|--applied", ADMIN_FLAG, "?applied", "What holds, wherever it was set."}, GLOBAL, {0}}},
    {0},
};

#define G_ALL   (ADMIN_ALL | ADMIN_GLOBAL)
#define APPLIED (G_ALL | ADMIN_APPLIED)

static const struct admin_policy policies[] = {
    {"message-ttl", "messageTTL", "after how long messages count as acknowledged",
     ADMIN_GET | ADMIN_SET | ADMIN_APPLIED | ADMIN_GLOBAL, admin_set_ttl_query, ADMIN_JSON},
    {"retention", "retention", "how long and how much of what was acknowledged is kept", APPLIED, admin_set_retention,
     ADMIN_JSON},
    {"backlog-quota", "backlogQuota", "how much backlog there may be", ADMIN_SET | ADMIN_GLOBAL,
     admin_set_backlog_quota, ADMIN_NOTHING, .check = admin_backlog_quota_check},
    {"persistence", "persistence", "how ledgers are written", APPLIED, admin_set_persistence, ADMIN_JSON,
     .check = admin_persistence_check},
    {"deduplication", "deduplicationEnabled", "whether duplicates of producers are dropped", APPLIED, admin_set_switch,
     ADMIN_JSON},
    {"deduplication-snapshot-interval", "deduplicationSnapshotInterval", "how often deduplication takes a snapshot",
     G_ALL, admin_set_snapshot_interval, ADMIN_JSON},
    {"delayed-delivery", "delayedDelivery", "whether messages may be delivered later", APPLIED,
     admin_set_delayed_delivery, ADMIN_JSON},
    {"inactive-topic-policies", "inactiveTopicPolicies", "when the topic is deleted because nobody uses it", APPLIED,
     admin_set_inactive_topics, ADMIN_JSON},
    {"auto-subscription-creation", "autoSubscriptionCreation", "whether consumers create subscriptions by subscribing",
     APPLIED, admin_set_auto_subscription_creation, ADMIN_JSON},
    {"subscription-types-enabled", "subscriptionTypesEnabled", "which types of subscriptions there may be", G_ALL,
     admin_set_subscription_types, ADMIN_JSON},
    {"dispatch-rate", "dispatchRate", "how fast the topic is dispatched", APPLIED, admin_set_dispatch_rate, ADMIN_JSON},
    {"subscription-dispatch-rate", "subscriptionDispatchRate", "how fast its subscriptions are dispatched", APPLIED,
     admin_set_dispatch_rate, ADMIN_JSON, .all = &of_subscription, .when = "subscription",
     .segment_when = "{subscription}/dispatchRate"},
    {"replicator-dispatch-rate", "replicatorDispatchRate", "how fast the topic is replicated", APPLIED,
     admin_set_dispatch_rate, ADMIN_JSON},
    {"subscribe-rate", "subscribeRate", "how often consumers may subscribe", APPLIED, admin_set_subscribe_rate,
     ADMIN_JSON},
    {"publish-rate", "publishRate", "how fast may be published", G_ALL, admin_set_publish_rate, ADMIN_JSON},
    {"max-producers", "maxProducers", "how many producers there may be", APPLIED, admin_set_max_producers, ADMIN_JSON},
    {"max-consumers", "maxConsumers", "how many consumers there may be", APPLIED, admin_set_max_consumers, ADMIN_JSON},
    {"max-consumers-per-subscription", "maxConsumersPerSubscription", "how many consumers a subscription may have",
     G_ALL, admin_set_max_consumers_per_subscription, ADMIN_JSON},
    {"max-subscriptions-per-topic", "maxSubscriptionsPerTopic", "how many subscriptions there may be", G_ALL,
     admin_set_max_subscriptions, ADMIN_JSON},
    {"max-unacked-messages-per-consumer", "maxUnackedMessagesOnConsumer",
     "how many messages a consumer may leave unacknowledged", APPLIED, admin_set_max_unacked_consumer, ADMIN_JSON},
    {"max-unacked-messages-per-subscription", "maxUnackedMessagesOnSubscription",
     "how many messages a subscription may leave unacknowledged", APPLIED, admin_set_max_unacked_subscription,
     ADMIN_JSON},
    {"max-message-size", "maxMessageSize", "how large a message may be", G_ALL, admin_set_max_message_size, ADMIN_JSON},
    {"compaction-threshold", "compactionThreshold", "at which backlog the topic is compacted by itself", APPLIED,
     admin_set_threshold, ADMIN_JSON},
    {"offload-policies", "offloadPolicies", "where and when data is offloaded", APPLIED, admin_set_topic_offload,
     ADMIN_JSON, .check = admin_offload_check, .body = admin_offload_body},
    {"schema-compatibility-strategy", "schemaCompatibilityStrategy", "which new schemas are taken",
     ADMIN_ALL | ADMIN_PUT | ADMIN_APPLIED, set_strategy, ADMIN_STRING},
    {"entry-filters-per-topic", "entryFilters", "the filters of entries", APPLIED, admin_set_entry_filters, ADMIN_JSON},
    {"dispatcher-pause-on-ack-state-persistent", "dispatcherPauseOnAckStatePersistent",
     "whether dispatch waits for acknowledgements to be stored", APPLIED, NULL, ADMIN_JSON},
    {"replication-clusters", "replication", "the clusters that the topic is replicated to", APPLIED, admin_set_clusters,
     ADMIN_JSON},
    {0},
};

const struct admin_group admin_topic_policies = {
    .name = "topicPolicies",
    .text = "What a topic has instead of its namespace's policies.",
    .commands = commands,
    .policies = policies,
    .base = BASE,
    .on = admin_on_persistent,
};
