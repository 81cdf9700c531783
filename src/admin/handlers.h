/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers.h - the functions that routes.c names; one file for each noun.
 */
#ifndef ADMIN_HANDLERS_H
#define ADMIN_HANDLERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct bytes;
struct subscription_op;

/* brokers.c */
void brokers_list(struct call *call);
void brokers_of_cluster_get(struct call *call);
void brokers_owned_get(struct call *call);
void brokers_internal_get(struct call *call);
void brokers_quota_check_get(struct call *call);
void brokers_shutdown_post(struct call *call);
void brokers_leader(struct call *call);
void brokers_version(struct call *call);
void brokers_ready(struct call *call);
void brokers_backup_get(struct call *call);
void brokers_backup_put(struct call *call);
void lookup_topic(struct call *call);
void lookup_bundle(struct call *call);

/* health.c */
void health_check(struct call *call);
void health_pulsar(struct call *call);
void status_html(struct call *call);

/* tenants.c */
void tenant_list_get(struct call *call);
void tenant_get(struct call *call);
void tenant_put(struct call *call);
void tenant_post(struct call *call);
void tenant_delete(struct call *call);

/* namespaces.c */
void namespace_list_get(struct call *call);
void namespace_get(struct call *call);
void namespace_put(struct call *call);
void namespace_delete(struct call *call);
void namespace_topics(struct call *call);
void topic_list_get(struct call *call);
void partitioned_list_get(struct call *call);

/* configuration.c */
void configuration_names_get(struct call *call);
void configuration_values_get(struct call *call);
void configuration_runtime_get(struct call *call);
void configuration_post(struct call *call);
void configuration_delete(struct call *call);

/* broker_stats.c */
void broker_metrics_get(struct call *call);
void broker_mbeans_get(struct call *call);
void broker_allocator_get(struct call *call);
void broker_load_get(struct call *call);
void broker_availability_get(struct call *call);
void broker_topics_get(struct call *call);

/* clusters.c */
void clusters_list(struct call *call);
void cluster_get(struct call *call);
void cluster_put(struct call *call);
void cluster_post(struct call *call);
void cluster_delete(struct call *call);
void cluster_peers_get(struct call *call);
void cluster_peers_post(struct call *call);
void cluster_migration_get(struct call *call);
void cluster_migration_post(struct call *call);

/* isolation.c */
void failure_domains_get(struct call *call);
void failure_domain_post(struct call *call);
void failure_domain_get(struct call *call);
void failure_domain_delete(struct call *call);
void isolation_policies_get(struct call *call);
void isolation_policy_get(struct call *call);
void isolation_policy_post(struct call *call);
void isolation_policy_delete(struct call *call);
void isolation_brokers_get(struct call *call);
void isolation_broker_get(struct call *call);

/* resource_groups.c */
void resource_groups_get(struct call *call);
void resource_group_get(struct call *call);
void resource_group_put(struct call *call);
void resource_group_delete(struct call *call);
void resource_quota_default_get(struct call *call);
void resource_quota_default_post(struct call *call);
void resource_quota_get(struct call *call);
void resource_quota_post(struct call *call);
void resource_quota_delete(struct call *call);

/* bookies.c */
void bookies_get(struct call *call);
void bookies_racks_get(struct call *call);
void bookie_rack_get(struct call *call);
void bookie_rack_post(struct call *call);
void bookie_rack_delete(struct call *call);

/* unavailable.c */
void functions_unavailable(struct call *call);
void packages_unavailable(struct call *call);
void transactions_unavailable(struct call *call);

/* namespace_ops.c */
void namespace_bundles(struct call *call);
void bundle_split_put(struct call *call);
void namespace_unload_put(struct call *call);
void bundle_unload_put(struct call *call);
void namespace_clear_backlog_post(struct call *call);
void namespace_clear_backlog_of_post(struct call *call);
void bundle_clear_backlog_post(struct call *call);
void bundle_clear_backlog_of_post(struct call *call);
void namespace_unsubscribe_post(struct call *call);
void bundle_unsubscribe_post(struct call *call);
void bundle_positions_get(struct call *call);
void bundle_delete(struct call *call);

/* namespace_properties.c */
void namespace_properties_get(struct call *call);
void namespace_properties_put(struct call *call);
void namespace_properties_delete(struct call *call);
void namespace_property_put(struct call *call);
void namespace_property_get(struct call *call);
void namespace_property_delete(struct call *call);
void namespace_resource_group_get(struct call *call);
void namespace_resource_group_post(struct call *call);
void namespace_resource_group_delete(struct call *call);
void namespace_migration_post(struct call *call);
void anti_affinity_namespaces_get(struct call *call);
void scan_offloaded_get(struct call *call);

/* permissions.c */
void namespace_permissions_get(struct call *call);
void namespace_permission_post(struct call *call);
void namespace_permission_delete(struct call *call);
void subscription_permissions_get(struct call *call);
void subscription_permission_post(struct call *call);
void subscription_permission_delete(struct call *call);
void topics_permissions_grant(struct call *call);
void topics_permissions_revoke(struct call *call);

/* kept_policies.c */
void namespace_kept_get(struct call *call);
void namespace_kept_set(struct call *call);
void namespace_kept_delete(struct call *call);
void topic_kept_get(struct call *call);
void topic_kept_set(struct call *call);
void topic_kept_delete(struct call *call);
void namespace_affinity_get(struct call *call);
void namespace_affinity_set(struct call *call);
void namespace_affinity_delete(struct call *call);

/* backlog_quota.c */
void namespace_backlog_quota_get(struct call *call);
void namespace_backlog_quota_set(struct call *call);
void namespace_backlog_quota_delete(struct call *call);
void topic_backlog_quota_get(struct call *call);
void topic_backlog_quota_set(struct call *call);
void topic_backlog_quota_delete(struct call *call);

/* policies.c */
void namespace_policy_get(struct call *call);
void namespace_policy_set(struct call *call);
void namespace_policy_delete(struct call *call);
void topic_policy_get(struct call *call);
void topic_policy_set(struct call *call);
void topic_policy_delete(struct call *call);
void topic_trim_post(struct call *call);

/* topics.c */
void topic_put(struct call *call);
void topic_remove(struct call *call);
void topic_unload_put(struct call *call);
void topic_stats(struct call *call);
void topic_subscriptions(struct call *call);

/* internal_stats.c */
void topic_internal_stats(struct call *call);
void topic_internal_info(struct call *call);
void topic_offline_stats(struct call *call);

/* partitions.c */
void partitions_get(struct call *call);
void partitions_put(struct call *call);
void partitions_post(struct call *call);
void partitions_delete(struct call *call);
void partitions_missed_post(struct call *call);

/* topic_properties.c */
void topic_properties_get(struct call *call);
void topic_properties_put(struct call *call);
void topic_properties_delete(struct call *call);

/* partitioned_stats.c */
void partitions_stats_get(struct call *call);
void partitions_internal_stats_get(struct call *call);

/* terminate.c */
void topic_terminate_post(struct call *call);
void partitions_terminate_post(struct call *call);

/* compaction.c */
void topic_compaction_get(struct call *call);
void topic_compaction_put(struct call *call);

/* policies.c: of one subscription */
void subscription_rate_get(struct call *call);
void subscription_rate_set(struct call *call);
void subscription_rate_delete(struct call *call);

/* topic_ops.c */
void topic_truncate_delete(struct call *call);
void topic_offload_get(struct call *call);
void topic_offload_put(struct call *call);
void shadow_topics_get(struct call *call);
void shadow_topics_put(struct call *call);
void topic_policies_delete(struct call *call);
void subscription_replicated_get(struct call *call);
void subscription_replicated_post(struct call *call);

/* topic_permissions.c */
void topic_permissions_get(struct call *call);
void topic_permissions_post(struct call *call);
void topic_permissions_delete(struct call *call);

/* topic_positions.c */
void message_last_id_get(struct call *call);
void message_id_by_time_get(struct call *call);
void message_id_by_index_get(struct call *call);
void topic_backlog_size_put(struct call *call);
void subscription_analyze_post(struct call *call);

/* messages.c */
void message_examine_get(struct call *call);
void message_by_id_get(struct call *call);
void message_of_subscription_get(struct call *call);

/* subscriptions.c */
void subscription_put(struct call *call);
void subscription_remove_delete(struct call *call);
void subscription_skip_all_post(struct call *call);
void subscription_skip_post(struct call *call);
void subscription_reset_time_post(struct call *call);
void subscription_reset_post(struct call *call);
/* Its name is the route's; false: the call is finished. */
bool subscription_named(struct call *call, struct subscription_op *op);
/* Whether a message id in a body stands for what is behind it: the Java client writes "excluded", others "isExcluded".
 */
bool position_is_excluded(const json_t *position);

/* schemas.c */
void schema_get_newest(struct call *call);
void schema_get_version(struct call *call);
void schema_get_all(struct call *call);
void schema_metadata_get(struct call *call);
void schema_post(struct call *call);
void schema_delete_all(struct call *call);
void schema_compatibility_post(struct call *call);
void schema_version_post(struct call *call);

/* subscription_properties.c */
void subscription_properties_get(struct call *call);
void subscription_properties_put(struct call *call);
/* Of the body of a new subscription, {"properties":{...},...}, into `to`, of PROPERTIES_BYTES_MAX; false: the call is
 * finished. */
bool subscription_body_properties(struct call *call, struct bytes *encoded, uint8_t *to);

/* expiry.c */
void subscription_expire_post(struct call *call);
void subscriptions_expire_post(struct call *call);
void subscription_expire_position_post(struct call *call);

/* openapi.c */
void openapi_get(struct call *call);

/* metrics.c */
void metrics_get(struct call *call);

#endif
