/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers.h - the functions that routes.c names; one file for each noun.
 */
#ifndef ADMIN_HANDLERS_H
#define ADMIN_HANDLERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct admin_call;
struct bytes;
struct subscription_op;

/* brokers.c */
void brokers_list(struct admin_call *call);
void brokers_of_cluster_get(struct admin_call *call);
void brokers_owned_get(struct admin_call *call);
void brokers_internal_get(struct admin_call *call);
void brokers_quota_check_get(struct admin_call *call);
void brokers_shutdown_post(struct admin_call *call);
void brokers_leader(struct admin_call *call);
void brokers_version(struct admin_call *call);
void brokers_ready(struct admin_call *call);
void brokers_backup_get(struct admin_call *call);
void brokers_backup_put(struct admin_call *call);
void lookup_topic(struct admin_call *call);
void lookup_bundle(struct admin_call *call);

/* health.c */
void health_check(struct admin_call *call);
void health_pulsar(struct admin_call *call);
void status_html(struct admin_call *call);

/* tenants.c */
void tenant_list_get(struct admin_call *call);
void tenant_get(struct admin_call *call);
void tenant_put(struct admin_call *call);
void tenant_post(struct admin_call *call);
void tenant_delete(struct admin_call *call);

/* namespaces.c */
void namespace_list_get(struct admin_call *call);
void namespace_get(struct admin_call *call);
void namespace_put(struct admin_call *call);
void namespace_delete(struct admin_call *call);
void namespace_topics(struct admin_call *call);
void topic_list_get(struct admin_call *call);
void partitioned_list_get(struct admin_call *call);

/* configuration.c */
void configuration_names_get(struct admin_call *call);
void configuration_values_get(struct admin_call *call);
void configuration_runtime_get(struct admin_call *call);
void configuration_post(struct admin_call *call);
void configuration_delete(struct admin_call *call);

/* broker_stats.c */
void broker_metrics_get(struct admin_call *call);
void broker_mbeans_get(struct admin_call *call);
void broker_allocator_get(struct admin_call *call);
void broker_load_get(struct admin_call *call);
void broker_availability_get(struct admin_call *call);
void broker_topics_get(struct admin_call *call);

/* clusters.c */
void clusters_list(struct admin_call *call);
void cluster_get(struct admin_call *call);
void cluster_put(struct admin_call *call);
void cluster_post(struct admin_call *call);
void cluster_delete(struct admin_call *call);
void cluster_peers_get(struct admin_call *call);
void cluster_peers_post(struct admin_call *call);
void cluster_migration_get(struct admin_call *call);
void cluster_migration_post(struct admin_call *call);

/* isolation.c */
void failure_domains_get(struct admin_call *call);
void failure_domain_post(struct admin_call *call);
void failure_domain_get(struct admin_call *call);
void failure_domain_delete(struct admin_call *call);
void isolation_policies_get(struct admin_call *call);
void isolation_policy_get(struct admin_call *call);
void isolation_policy_post(struct admin_call *call);
void isolation_policy_delete(struct admin_call *call);
void isolation_brokers_get(struct admin_call *call);
void isolation_broker_get(struct admin_call *call);

/* resource_groups.c */
void resource_groups_get(struct admin_call *call);
void resource_group_get(struct admin_call *call);
void resource_group_put(struct admin_call *call);
void resource_group_delete(struct admin_call *call);
void resource_quota_default_get(struct admin_call *call);
void resource_quota_default_post(struct admin_call *call);
void resource_quota_get(struct admin_call *call);
void resource_quota_post(struct admin_call *call);
void resource_quota_delete(struct admin_call *call);

/* bookies.c */
void bookies_get(struct admin_call *call);
void bookies_racks_get(struct admin_call *call);
void bookie_rack_get(struct admin_call *call);
void bookie_rack_post(struct admin_call *call);
void bookie_rack_delete(struct admin_call *call);

/* unavailable.c */
void functions_unavailable(struct admin_call *call);
void packages_unavailable(struct admin_call *call);
void transactions_unavailable(struct admin_call *call);

/* namespace_ops.c */
void namespace_bundles(struct admin_call *call);
void bundle_split_put(struct admin_call *call);
void namespace_unload_put(struct admin_call *call);
void bundle_unload_put(struct admin_call *call);
void namespace_clear_backlog_post(struct admin_call *call);
void namespace_clear_backlog_of_post(struct admin_call *call);
void bundle_clear_backlog_post(struct admin_call *call);
void bundle_clear_backlog_of_post(struct admin_call *call);
void namespace_unsubscribe_post(struct admin_call *call);
void bundle_unsubscribe_post(struct admin_call *call);
void bundle_positions_get(struct admin_call *call);
void bundle_delete(struct admin_call *call);

/* namespace_properties.c */
void namespace_properties_get(struct admin_call *call);
void namespace_properties_put(struct admin_call *call);
void namespace_properties_delete(struct admin_call *call);
void namespace_property_put(struct admin_call *call);
void namespace_property_get(struct admin_call *call);
void namespace_property_delete(struct admin_call *call);
void namespace_resource_group_get(struct admin_call *call);
void namespace_resource_group_post(struct admin_call *call);
void namespace_resource_group_delete(struct admin_call *call);
void namespace_migration_post(struct admin_call *call);
void anti_affinity_namespaces_get(struct admin_call *call);
void scan_offloaded_get(struct admin_call *call);

/* permissions.c */
void namespace_permissions_get(struct admin_call *call);
void namespace_permission_post(struct admin_call *call);
void namespace_permission_delete(struct admin_call *call);
void subscription_permissions_get(struct admin_call *call);
void subscription_permission_post(struct admin_call *call);
void subscription_permission_delete(struct admin_call *call);
void topics_permissions_grant(struct admin_call *call);
void topics_permissions_revoke(struct admin_call *call);

/* kept_policies.c */
void namespace_kept_get(struct admin_call *call);
void namespace_kept_set(struct admin_call *call);
void namespace_kept_delete(struct admin_call *call);
void topic_kept_get(struct admin_call *call);
void topic_kept_set(struct admin_call *call);
void topic_kept_delete(struct admin_call *call);
void namespace_affinity_get(struct admin_call *call);
void namespace_affinity_set(struct admin_call *call);
void namespace_affinity_delete(struct admin_call *call);

/* backlog_quota.c */
void namespace_backlog_quota_get(struct admin_call *call);
void namespace_backlog_quota_set(struct admin_call *call);
void namespace_backlog_quota_delete(struct admin_call *call);
void topic_backlog_quota_get(struct admin_call *call);
void topic_backlog_quota_set(struct admin_call *call);
void topic_backlog_quota_delete(struct admin_call *call);

/* policies.c */
void namespace_policy_get(struct admin_call *call);
void namespace_policy_set(struct admin_call *call);
void namespace_policy_delete(struct admin_call *call);
void topic_policy_get(struct admin_call *call);
void topic_policy_set(struct admin_call *call);
void topic_policy_delete(struct admin_call *call);
void topic_trim_post(struct admin_call *call);

/* topics.c */
void topic_put(struct admin_call *call);
void topic_remove(struct admin_call *call);
void topic_unload_put(struct admin_call *call);
void topic_stats(struct admin_call *call);
void topic_subscriptions(struct admin_call *call);

/* internal_stats.c */
void topic_internal_stats(struct admin_call *call);
void topic_internal_info(struct admin_call *call);
void topic_offline_stats(struct admin_call *call);

/* partitions.c */
void partitions_get(struct admin_call *call);
void partitions_put(struct admin_call *call);
void partitions_post(struct admin_call *call);
void partitions_delete(struct admin_call *call);
void partitions_missed_post(struct admin_call *call);

/* topic_properties.c */
void topic_properties_get(struct admin_call *call);
void topic_properties_put(struct admin_call *call);
void topic_properties_delete(struct admin_call *call);

/* partitioned_stats.c */
void partitions_stats_get(struct admin_call *call);
void partitions_internal_stats_get(struct admin_call *call);

/* terminate.c */
void topic_terminate_post(struct admin_call *call);
void partitions_terminate_post(struct admin_call *call);

/* compaction.c */
void topic_compaction_get(struct admin_call *call);
void topic_compaction_put(struct admin_call *call);

/* policies.c: of one subscription */
void subscription_rate_get(struct admin_call *call);
void subscription_rate_set(struct admin_call *call);
void subscription_rate_delete(struct admin_call *call);

/* topic_ops.c */
void topic_truncate_delete(struct admin_call *call);
void topic_offload_get(struct admin_call *call);
void topic_offload_put(struct admin_call *call);
void shadow_topics_get(struct admin_call *call);
void shadow_topics_put(struct admin_call *call);
void topic_policies_delete(struct admin_call *call);
void subscription_replicated_get(struct admin_call *call);
void subscription_replicated_post(struct admin_call *call);

/* topic_permissions.c */
void topic_permissions_get(struct admin_call *call);
void topic_permissions_post(struct admin_call *call);
void topic_permissions_delete(struct admin_call *call);

/* topic_positions.c */
void message_last_id_get(struct admin_call *call);
void message_id_by_time_get(struct admin_call *call);
void message_id_by_index_get(struct admin_call *call);
void topic_backlog_size_put(struct admin_call *call);
void subscription_analyze_post(struct admin_call *call);

/* messages.c */
void message_examine_get(struct admin_call *call);
void message_by_id_get(struct admin_call *call);
void message_of_subscription_get(struct admin_call *call);

/* subscriptions.c */
void subscription_put(struct admin_call *call);
void subscription_remove_delete(struct admin_call *call);
void subscription_skip_all_post(struct admin_call *call);
void subscription_skip_post(struct admin_call *call);
void subscription_reset_time_post(struct admin_call *call);
void subscription_reset_post(struct admin_call *call);
/* Its name is the route's; false: the call is finished. */
bool subscription_named(struct admin_call *call, struct subscription_op *op);
/* Whether a message id in a body stands for what is behind it: the Java client writes "excluded", others "isExcluded". */
bool position_is_excluded(const json_t *position);

/* schemas.c */
void schema_get_newest(struct admin_call *call);
void schema_get_version(struct admin_call *call);
void schema_get_all(struct admin_call *call);
void schema_metadata_get(struct admin_call *call);
void schema_post(struct admin_call *call);
void schema_delete_all(struct admin_call *call);
void schema_compatibility_post(struct admin_call *call);
void schema_version_post(struct admin_call *call);

/* subscription_properties.c */
void subscription_properties_get(struct admin_call *call);
void subscription_properties_put(struct admin_call *call);
/* Of the body of a new subscription, {"properties":{...},...}, into `to`, of PROPERTIES_BYTES_MAX; false: the call is
 * finished. */
bool subscription_body_properties(struct admin_call *call, struct bytes *encoded, uint8_t *to);

/* expiry.c */
void subscription_expire_post(struct admin_call *call);
void subscriptions_expire_post(struct admin_call *call);
void subscription_expire_position_post(struct admin_call *call);

/* openapi.c */
void openapi_get(struct admin_call *call);

/* metrics.c */
void metrics_get(struct admin_call *call);

#endif
