/* SPDX-License-Identifier: Apache-2.0
 *
 * routes.c - the table; see routes.h.  Paths and codes are Pulsar's.
 */
#include "admin/routes.h"

#include "admin/handlers.h"

#include <stdio.h>

#define NAMESPACE "/admin/v2/namespaces/{tenant}/{namespace}"
#define TOPIC     "/admin/v2/{domain}/{tenant}/{namespace}/{topic+}"
#define SCHEMAS   "/admin/v2/schemas/{tenant}/{namespace}/{topic+}"

#define CLUSTER "/admin/v2/clusters/{cluster}"

/* All that is below a path which we do not serve. */
#define NOT_HERE(path, handler)                                                                                        \
    {HTTP_GET, path "/{topic+}", handler, "not built: refused as where it is switched off"},                           \
        {HTTP_PUT, path "/{topic+}", handler, "not built"}, {HTTP_POST, path "/{topic+}", handler, "not built"},       \
    {                                                                                                                  \
        HTTP_DELETE, path "/{topic+}", handler, "not built"                                                            \
    }

static const struct route table[] = {
    {HTTP_GET, "/metrics", metrics_get, "all figures, in Prometheus' text format"},
    {HTTP_GET, "/health/pulsar", health_pulsar, "healthy (200) or not (503), as JSON"},
    {HTTP_GET, "/status.html", status_html, "OK, while the file of statusFilePath is there"},
    {HTTP_GET, "/admin/v2/openapi.json", openapi_get, "all that can be asked, as OpenAPI 3"},

    {HTTP_GET, "/admin/v2/brokers", brokers_list, "the broker's HTTP address"},
    {HTTP_GET, "/admin/v2/brokers/leaderBroker", brokers_leader, "the broker's address: it is the only one"},
    {HTTP_GET, "/admin/v2/brokers/health", health_check, "writes a message and reads it back: ok"},
    {HTTP_GET, "/admin/v2/brokers/ready", brokers_ready, "ok, once it serves"},
    {HTTP_GET, "/admin/v2/brokers/version", brokers_version, "the program's version"},
    {HTTP_GET, "/admin/v2/brokers/configuration", configuration_names_get, "options that can be changed while it runs"},
    {HTTP_GET, "/admin/v2/brokers/configuration/values", configuration_values_get, "those that were"},
    {HTTP_GET, "/admin/v2/brokers/configuration/runtime", configuration_runtime_get, "all options, as they are"},
    {HTTP_POST, "/admin/v2/brokers/configuration/{name}/{topic+}", configuration_post, "changes one"},
    {HTTP_DELETE, "/admin/v2/brokers/configuration/{name}", configuration_delete, "as it was at the start"},
    {HTTP_GET, "/admin/v2/brokers/internal-configuration", brokers_internal_get, "where the metadata are: here"},
    {HTTP_GET, "/admin/v2/brokers/backlog-quota-check", brokers_quota_check_get, "looks at all backlogs now"},
    {HTTP_POST, "/admin/v2/brokers/shutdown", brokers_shutdown_post, "ends the process, as SIGTERM does"},
    {HTTP_GET, "/admin/v2/brokers/backup", brokers_backup_get, "how the last backup ended, or how far it is"},
    {HTTP_PUT, "/admin/v2/brokers/backup", brokers_backup_put, "begins one, to where `backup-to` in the data says"},
    {HTTP_GET, "/admin/v2/brokers/{cluster}", brokers_of_cluster_get, "brokers of a cluster"},
    {HTTP_GET, "/admin/v2/brokers/{cluster}/{broker}/ownedNamespaces", brokers_owned_get, "all bundles: they are here"},
    {HTTP_GET, "/admin/v2/broker-stats/metrics", broker_metrics_get, "the broker's counts; topics' are in /metrics"},
    {HTTP_GET, "/admin/v2/broker-stats/mbeans", broker_mbeans_get, "none"},
    {HTTP_GET, "/admin/v2/broker-stats/topics", broker_topics_get, "figures of all topics in memory, by bundle"},
    {HTTP_GET, "/admin/v2/broker-stats/destinations", broker_topics_get, "the same"},
    {HTTP_GET, "/admin/v2/broker-stats/allocator-stats/{name}", broker_allocator_get, "nothing: they are Netty's"},
    {HTTP_GET, "/admin/v2/broker-stats/load-report", broker_load_get, "load, as one machine can tell it"},
    {HTTP_GET, "/admin/v2/broker-stats/broker-resource-availability/{tenant}/{namespace}", broker_availability_get,
     "refused: for many brokers"},
    {HTTP_GET, "/admin/v2/clusters", clusters_list, "names of clusters"},
    {HTTP_GET, CLUSTER, cluster_get, "a cluster's data: its URLs, and how to get in"},
    {HTTP_PUT, CLUSTER, cluster_put, "makes a cluster known; nothing is replicated to it"},
    {HTTP_POST, CLUSTER, cluster_post, "replaces its data"},
    {HTTP_DELETE, CLUSTER, cluster_delete, "forgets one that no tenant may use"},
    {HTTP_GET, CLUSTER "/peers", cluster_peers_get, "the clusters that it stands in for"},
    {HTTP_POST, CLUSTER "/peers", cluster_peers_post, "sets them"},
    {HTTP_GET, CLUSTER "/migrate", cluster_migration_get, "whether it has moved, and where to"},
    {HTTP_POST, CLUSTER "/migrate", cluster_migration_post, "says so (?migrated=): kept and shown"},
    {HTTP_GET, CLUSTER "/failureDomains", failure_domains_get, "sets of brokers that fail together: kept and shown"},
    {HTTP_GET, CLUSTER "/failureDomains/{name}", failure_domain_get, "one of them"},
    {HTTP_POST, CLUSTER "/failureDomains/{name}", failure_domain_post, "sets one"},
    {HTTP_DELETE, CLUSTER "/failureDomains/{name}", failure_domain_delete, "forgets one"},
    {HTTP_GET, CLUSTER "/namespaceIsolationPolicies", isolation_policies_get,
     "which brokers are for which namespaces: kept and shown"},
    {HTTP_GET, CLUSTER "/namespaceIsolationPolicies/brokers", isolation_brokers_get, "the same, by broker"},
    {HTTP_GET, CLUSTER "/namespaceIsolationPolicies/brokers/{broker}", isolation_broker_get, "the same, of a broker"},
    {HTTP_GET, CLUSTER "/namespaceIsolationPolicies/{name}", isolation_policy_get, "one of them"},
    {HTTP_POST, CLUSTER "/namespaceIsolationPolicies/{name}", isolation_policy_post, "sets one"},
    {HTTP_DELETE, CLUSTER "/namespaceIsolationPolicies/{name}", isolation_policy_delete, "forgets one"},

    {HTTP_GET, "/admin/v2/resourcegroups", resource_groups_get, "names of resource groups"},
    {HTTP_GET, "/admin/v2/resourcegroups/{name}", resource_group_get, "the limits of one: kept and shown"},
    {HTTP_PUT, "/admin/v2/resourcegroups/{name}", resource_group_put, "makes or changes one"},
    {HTTP_DELETE, "/admin/v2/resourcegroups/{name}", resource_group_delete, "deletes one that no namespace is in"},
    {HTTP_GET, "/admin/v2/resource-quotas", resource_quota_default_get, "what a bundle may use: kept and shown"},
    {HTTP_POST, "/admin/v2/resource-quotas", resource_quota_default_post, "sets it for all bundles"},
    {HTTP_GET, "/admin/v2/resource-quotas/{tenant}/{namespace}/{bundle}", resource_quota_get, "the same, of one"},
    {HTTP_POST, "/admin/v2/resource-quotas/{tenant}/{namespace}/{bundle}", resource_quota_post, "sets it for one"},
    {HTTP_DELETE, "/admin/v2/resource-quotas/{tenant}/{namespace}/{bundle}", resource_quota_delete,
     "as for all bundles again"},
    {HTTP_GET, "/admin/v2/bookies/all", bookies_get, "where the data are: here"},
    {HTTP_GET, "/admin/v2/bookies/racks-info", bookies_racks_get, "the racks of bookies: kept and shown"},
    {HTTP_GET, "/admin/v2/bookies/racks-info/{bookie}", bookie_rack_get, "the rack of one"},
    {HTTP_POST, "/admin/v2/bookies/racks-info/{bookie}", bookie_rack_post, "sets it (?group=)"},
    {HTTP_DELETE, "/admin/v2/bookies/racks-info/{bookie}", bookie_rack_delete, "forgets it"},

    NOT_HERE("/admin/v3/functions", functions_unavailable),
    NOT_HERE("/admin/v3/sinks", functions_unavailable),
    NOT_HERE("/admin/v3/sources", functions_unavailable),
    NOT_HERE("/admin/v3/sink", functions_unavailable),
    NOT_HERE("/admin/v3/source", functions_unavailable),
    NOT_HERE("/admin/v2/functions", functions_unavailable),
    NOT_HERE("/admin/v2/worker", functions_unavailable),
    NOT_HERE("/admin/v2/worker-stats", functions_unavailable),
    NOT_HERE("/admin/v3/packages", packages_unavailable),
    NOT_HERE("/admin/v3/transactions", transactions_unavailable),

    {HTTP_GET, "/lookup/v2/topic/{domain}/{tenant}/{namespace}/{topic+}/bundle", lookup_bundle, "the topic's bundle"},
    {HTTP_GET, "/lookup/v2/topic/{domain}/{tenant}/{namespace}/{topic+}", lookup_topic, "where the topic is served"},

    {HTTP_GET, "/admin/v2/tenants", tenant_list_get, "names of tenants"},
    {HTTP_GET, "/admin/v2/tenants/{tenant}", tenant_get, "a tenant's settings"},
    {HTTP_PUT, "/admin/v2/tenants/{tenant}", tenant_put, "creates a tenant"},
    {HTTP_POST, "/admin/v2/tenants/{tenant}", tenant_post, "replaces its settings"},
    {HTTP_DELETE, "/admin/v2/tenants/{tenant}", tenant_delete,
     "deletes a tenant that has no namespaces; with them by ?force=true, where that is allowed"},

    {HTTP_GET, "/admin/v2/namespaces/{tenant}", namespace_list_get, "names of a tenant's namespaces"},
    {HTTP_GET, "/admin/v2/namespaces/{tenant}/{namespace}", namespace_get, "a namespace's settings"},
    {HTTP_PUT, "/admin/v2/namespaces/{tenant}/{namespace}", namespace_put, "creates a namespace"},
    {HTTP_DELETE, "/admin/v2/namespaces/{tenant}/{namespace}", namespace_delete,
     "deletes one that has no topics; with them by ?force=true, where that is allowed"},
    {HTTP_GET, "/admin/v2/namespaces/{tenant}/{namespace}/topics", namespace_topics, "names of its topics (?mode=)"},
    {HTTP_GET, "/admin/v2/namespaces/{tenant}/{namespace}/bundles", namespace_bundles, "its bundles"},
    {HTTP_PUT, NAMESPACE "/unload", namespace_unload_put, "its topics out of memory; clients look up again"},
    {HTTP_POST, NAMESPACE "/clearBacklog", namespace_clear_backlog_post, "acknowledges everything in its topics"},
    {HTTP_POST, NAMESPACE "/clearBacklog/{subscription}", namespace_clear_backlog_of_post, "of one subscription"},
    {HTTP_POST, NAMESPACE "/unsubscribe/{subscription}", namespace_unsubscribe_post,
     "deletes the subscription of all its topics"},
    {HTTP_PUT, NAMESPACE "/{bundle}/unload", bundle_unload_put, "the same for the topics of one bundle, all these"},
    {HTTP_POST, NAMESPACE "/{bundle}/clearBacklog", bundle_clear_backlog_post, "acknowledges everything"},
    {HTTP_POST, NAMESPACE "/{bundle}/clearBacklog/{subscription}", bundle_clear_backlog_of_post, "of one subscription"},
    {HTTP_POST, NAMESPACE "/{bundle}/unsubscribe/{subscription}", bundle_unsubscribe_post, "deletes it"},
    {HTTP_PUT, NAMESPACE "/{bundle}/split", bundle_split_put, "a boundary more (?splitAlgorithmName=)"},
    {HTTP_GET, NAMESPACE "/{bundle}/topicHashPositions", bundle_positions_get, "hashes of its topics (?topics=)"},
    {HTTP_DELETE, NAMESPACE "/{bundle}", bundle_delete, "204 when it has no topics: it stays where it is"},

    {HTTP_GET, NAMESPACE "/permissions", namespace_permissions_get, "what roles may do: kept and shown"},
    {HTTP_GET, NAMESPACE "/permissions/subscription", subscription_permissions_get, "roles of subscriptions"},
    {HTTP_POST, NAMESPACE "/permissions/subscription/{subscription}", subscription_permission_post, "sets them"},
    {HTTP_POST, NAMESPACE "/permissions/{role}", namespace_permission_post, "sets what a role may do"},
    {HTTP_DELETE, NAMESPACE "/permissions/{role}", namespace_permission_delete, "nothing more"},
    {HTTP_DELETE, NAMESPACE "/permissions/{subscription}/{role}", subscription_permission_delete,
     "takes a role from a subscription"},
    {HTTP_POST, "/admin/v2/namespaces/grantPermissionsOnTopics", topics_permissions_grant,
     "sets what roles may do with topics"},
    {HTTP_POST, "/admin/v2/namespaces/revokePermissionsOnTopics", topics_permissions_revoke, "and takes it back"},

    {HTTP_GET, NAMESPACE "/properties", namespace_properties_get, "what is said of it, by name and value"},
    {HTTP_PUT, NAMESPACE "/properties", namespace_properties_put, "says that, beside what was said"},
    {HTTP_DELETE, NAMESPACE "/properties", namespace_properties_delete, "says nothing more"},
    {HTTP_PUT, NAMESPACE "/property/{key}/{value}", namespace_property_put, "says one thing"},
    {HTTP_GET, NAMESPACE "/property/{key}", namespace_property_get, "what it is; 204: nothing"},
    {HTTP_DELETE, NAMESPACE "/property/{key}", namespace_property_delete, "says it no more; answers what it was"},
    {HTTP_GET, NAMESPACE "/resourcegroup", namespace_resource_group_get, "its resource group; 204: none"},
    {HTTP_POST, NAMESPACE "/resourcegroup/{name}", namespace_resource_group_post, "puts it into one"},
    {HTTP_DELETE, NAMESPACE "/resourcegroup", namespace_resource_group_delete, "takes it out"},
    {HTTP_DELETE, NAMESPACE "/resourcegroup/{name}", namespace_resource_group_delete, "the same"},
    {HTTP_POST, NAMESPACE "/migration", namespace_migration_post, "says that it has moved: kept and shown"},
    {HTTP_GET, NAMESPACE "/scanOffloadedLedgers", scan_offloaded_get, "refused: nothing is offloaded"},
    {HTTP_GET, "/admin/v2/namespaces/{cluster}/antiAffinity/{group}", anti_affinity_namespaces_get,
     "namespaces of the group (?tenant=)"},
    {HTTP_GET, "/admin/namespaces/{cluster}/antiAffinity/{group}", anti_affinity_namespaces_get,
     "the same, where pulsar-admin asks for it"},

    {HTTP_GET, NAMESPACE "/persistence/bookieAffinity", namespace_affinity_get, "kept and shown"},
    {HTTP_POST, NAMESPACE "/persistence/bookieAffinity", namespace_affinity_set, "sets it"},
    {HTTP_DELETE, NAMESPACE "/persistence/bookieAffinity", namespace_affinity_delete, "forgets it"},
    {HTTP_GET, NAMESPACE "/{namespace_kept}", namespace_kept_get, "what is kept; 204: nothing"},
    {HTTP_POST, NAMESPACE "/{namespace_kept}", namespace_kept_set, "keeps it, to be shown"},
    {HTTP_PUT, NAMESPACE "/{namespace_kept}", namespace_kept_set, "the same"},
    {HTTP_DELETE, NAMESPACE "/{namespace_kept}", namespace_kept_delete, "forgets it"},

    {HTTP_GET, NAMESPACE "/backlogQuotaMap", namespace_backlog_quota_get, "backlog quotas that are set"},
    {HTTP_POST, NAMESPACE "/backlogQuota", namespace_backlog_quota_set, "sets one (?backlogQuotaType=)"},
    {HTTP_DELETE, NAMESPACE "/backlogQuota", namespace_backlog_quota_delete, "removes one (?backlogQuotaType=)"},
    {HTTP_GET, NAMESPACE "/{namespace_policy}", namespace_policy_get, "what is set; 204: nothing"},
    {HTTP_POST, NAMESPACE "/{namespace_policy}", namespace_policy_set, "sets it"},
    {HTTP_PUT, NAMESPACE "/{namespace_policy}", namespace_policy_set, "the same"},
    {HTTP_DELETE, NAMESPACE "/{namespace_policy}", namespace_policy_delete, "the broker's default again"},

    {HTTP_GET, SCHEMAS "/schema", schema_get_newest, "the newest version of a topic's schema"},
    {HTTP_GET, SCHEMAS "/schema/{version}", schema_get_version, "one version of it"},
    {HTTP_GET, SCHEMAS "/schemas", schema_get_all, "all of them"},
    {HTTP_GET, SCHEMAS "/metadata", schema_metadata_get, "which versions there are"},
    {HTTP_POST, SCHEMAS "/schema", schema_post, "adds a version (409: it does not fit, 422: it is none)"},
    {HTTP_DELETE, SCHEMAS "/schema", schema_delete_all, "deletes them all (?force=true: and their numbers)"},
    {HTTP_POST, SCHEMAS "/compatibility", schema_compatibility_post, "whether a version could be added (409, 422)"},
    {HTTP_POST, SCHEMAS "/version", schema_version_post, "which version a schema is; -1: none"},

    {HTTP_GET, "/admin/v2/{domain}/{tenant}/{namespace}", topic_list_get, "names of the topics of a namespace"},
    {HTTP_GET, "/admin/v2/{domain}/{tenant}/{namespace}/partitioned", partitioned_list_get,
     "names of those with partitions"},
    {HTTP_GET, TOPIC "/stats", topic_stats, "a topic's figures"},
    {HTTP_GET, TOPIC "/partitioned-stats", partitions_stats_get,
     "the figures of all partitions together (?perPartition)"},
    {HTTP_GET, TOPIC "/partitioned-internalStats", partitions_internal_stats_get, "the ledgers and cursors of each"},
    {HTTP_GET, TOPIC "/internalStats", topic_internal_stats, "its ledgers and cursors"},
    {HTTP_GET, TOPIC "/internal-info", topic_internal_info, "the same as they are kept"},
    {HTTP_GET, TOPIC "/backlog", topic_offline_stats, "how much is kept for its subscriptions"},
    {HTTP_GET, TOPIC "/backlogQuotaMap", topic_backlog_quota_get, "backlog quotas (?applied=true: what holds)"},
    {HTTP_POST, TOPIC "/backlogQuota", topic_backlog_quota_set, "sets one (?backlogQuotaType=)"},
    {HTTP_DELETE, TOPIC "/backlogQuota", topic_backlog_quota_delete, "removes one (?backlogQuotaType=)"},
    {HTTP_DELETE, TOPIC "/policies", topic_policies_delete, "nothing is set for it any more"},
    {HTTP_GET, TOPIC "/shadowTopics", shadow_topics_get, "none: there are no shadow topics"},
    {HTTP_PUT, TOPIC "/shadowTopics", shadow_topics_put, "405: there are no shadow topics"},
    {HTTP_DELETE, TOPIC "/shadowTopics", shadow_topics_get, "there are none"},
    {HTTP_GET, TOPIC "/offload", topic_offload_get, "that nothing is offloaded"},
    {HTTP_PUT, TOPIC "/offload", topic_offload_put, "405: there is no offload driver"},
    {HTTP_DELETE, TOPIC "/truncate", topic_truncate_delete, "deletes all its data, for everybody"},
    {HTTP_GET, TOPIC "/permissions", topic_permissions_get, "who may do what with it"},
    {HTTP_POST, TOPIC "/permissions/{role}", topic_permissions_post, "grants a role some actions"},
    {HTTP_DELETE, TOPIC "/permissions/{role}", topic_permissions_delete, "revokes what it was granted here"},
    {HTTP_GET, TOPIC "/{subscription}/dispatchRate", subscription_rate_get,
     "what is set for one subscription (?applied=true: what holds)"},
    {HTTP_POST, TOPIC "/{subscription}/dispatchRate", subscription_rate_set, "sets it"},
    {HTTP_DELETE, TOPIC "/{subscription}/dispatchRate", subscription_rate_delete, "the topic's again"},
    {HTTP_GET, TOPIC "/{topic_policy}", topic_policy_get, "what is set; 204: nothing (?applied=true: what holds)"},
    {HTTP_POST, TOPIC "/{topic_policy}", topic_policy_set, "sets it"},
    {HTTP_PUT, TOPIC "/{topic_policy}", topic_policy_set, "the same"},
    {HTTP_DELETE, TOPIC "/{topic_policy}", topic_policy_delete, "its namespace's again"},
    {HTTP_GET, TOPIC "/{topic_kept}", topic_kept_get, "what is kept; 204: nothing (?applied=true: what holds)"},
    {HTTP_POST, TOPIC "/{topic_kept}", topic_kept_set, "keeps it, to be shown"},
    {HTTP_PUT, TOPIC "/{topic_kept}", topic_kept_set, "the same"},
    {HTTP_DELETE, TOPIC "/{topic_kept}", topic_kept_delete, "its namespace's again"},
    {HTTP_GET, TOPIC "/compaction", topic_compaction_get, "how its compaction goes, or went"},
    {HTTP_PUT, TOPIC "/compaction", topic_compaction_put, "begins one (409: one is under way)"},
    {HTTP_POST, TOPIC "/trim", topic_trim_post, "deletes what may be deleted, now"},
    {HTTP_GET, TOPIC "/subscriptions", topic_subscriptions, "names of a topic's subscriptions"},
    {HTTP_POST, TOPIC "/terminate/partitions", partitions_terminate_post, "all partitions take no more messages"},
    {HTTP_GET, TOPIC "/partitions", partitions_get, "how many partitions: 0 when it has none"},
    {HTTP_PUT, TOPIC "/partitions", partitions_put, "creates a topic with so many"},
    {HTTP_POST, TOPIC "/partitions", partitions_post, "adds some, up to so many"},
    {HTTP_DELETE, TOPIC "/partitions", partitions_delete, "deletes the topic, with all of them (?force=true)"},
    {HTTP_POST, TOPIC "/createMissedPartitions", partitions_missed_post, "makes those that are missing"},
    {HTTP_GET, TOPIC "/subscription/{subscription}/properties", subscription_properties_get,
     "what is kept with a subscription"},
    {HTTP_PUT, TOPIC "/subscription/{subscription}/properties", subscription_properties_put, "keeps other properties"},
    {HTTP_GET, TOPIC "/properties", topic_properties_get, "what is said of it, by name and value"},
    {HTTP_PUT, TOPIC "/properties", topic_properties_put, "says that, beside what was said"},
    {HTTP_DELETE, TOPIC "/properties", topic_properties_delete, "says one of them no more (?key=)"},
    {HTTP_POST, TOPIC "/terminate", topic_terminate_post, "it takes no more messages; answers the last one's id"},
    {HTTP_PUT, TOPIC "/unload", topic_unload_put, "out of memory; clients look up again"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/skip/{n}", subscription_skip_post, "acknowledges n entries"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/resetcursor/{ms}", subscription_reset_time_post,
     "to the first message of a time"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/resetcursor", subscription_reset_post, "to a message id"},
    {HTTP_GET, TOPIC "/examinemessage", message_examine_get,
     "a message counted from either end (?initialPosition=, ?messagePosition=), to look at"},
    {HTTP_GET, TOPIC "/lastMessageId", message_last_id_get, "the id of the last message"},
    {HTTP_GET, TOPIC "/getMessageIdByIndex", message_id_by_index_get, "the id of the message with ?index="},
    {HTTP_PUT, TOPIC "/backlogSize", topic_backlog_size_put, "how many bytes lie behind a message id"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/analyzeBacklog", subscription_analyze_post,
     "what its backlog consists of (from a message id)"},
    {HTTP_GET, TOPIC "/subscription/{subscription}/replicatedSubscriptionStatus", subscription_replicated_get,
     "whether it is to be kept in step in other clusters"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/replicatedSubscriptionStatus", subscription_replicated_post,
     "says whether"},
    {HTTP_GET, TOPIC "/messageid/{ms}", message_id_by_time_get, "the id of the first message of a time"},
    {HTTP_GET, TOPIC "/ledger/{ledger}/entry/{entry}", message_by_id_get, "a message, to look at"},
    {HTTP_GET, TOPIC "/subscription/{subscription}/position/{n}", message_of_subscription_get,
     "the nth that is not acknowledged, to look at"},
    {HTTP_PUT, TOPIC "/subscription/{subscription}", subscription_put, "creates a subscription (at a message id)"},
    {HTTP_DELETE, TOPIC "/subscription/{subscription}", subscription_remove_delete, "deletes one (?force=true)"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/skip_all", subscription_skip_all_post, "acknowledges everything"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/expireMessages/{seconds}", subscription_expire_post,
     "messages older than that expire"},
    {HTTP_POST, TOPIC "/subscription/{subscription}/expireMessages", subscription_expire_position_post,
     "messages up to a message id expire"},
    {HTTP_POST, TOPIC "/all_subscription/expireMessages/{seconds}", subscriptions_expire_post,
     "messages older than that expire, of all subscriptions"},
    {HTTP_PUT, "/admin/v2/{domain}/{tenant}/{namespace}/{topic}", topic_put, "creates a topic"},
    {HTTP_DELETE, "/admin/v2/{domain}/{tenant}/{namespace}/{topic}", topic_remove, "deletes a topic (?force=true)"},
};

const struct route *routes_all(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

/* "/metrics/" is "/metrics". */
static void trim_slash(struct bytes *path)
{
    if (path->len > 1 && path->data[path->len - 1] == '/')
        path->len--;
}

enum route_match routes_find(struct admin_call *call)
{
    trim_slash(&call->request.path);
    return routes_find_in(table, sizeof table / sizeof table[0], call);
}

void routes_allowed(const struct admin_call *call, char to[ROUTES_ALLOWED_MAX])
{
    static const char *const names[HTTP_METHODS] = {"GET, HEAD", "PUT", "POST", "DELETE"};
    struct bytes parameters[PARAMETERS_MAX];
    bool allowed[HTTP_METHODS] = {false};
    size_t len = 0;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (pattern_match(table[i].pattern, call->request.path, parameters))
            allowed[table[i].method] = true;
    to[0] = '\0';
    for (size_t i = 0; i < HTTP_METHODS; i++)
        if (allowed[i])
            len += (size_t)snprintf(to + len, ROUTES_ALLOWED_MAX - len, "%s%s", len > 0 ? ", " : "", names[i]);
}
