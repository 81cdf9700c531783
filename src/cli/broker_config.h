/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_config.h - the options of a broker, as `geminga standalone` and `geminga up` take them.
 *
 * One table: keys of geminga.toml, Pulsar's own keys of broker.conf, GEMINGA_* variables, flags.
 */
#ifndef CLI_BROKER_CONFIG_H
#define CLI_BROKER_CONFIG_H

#include "base/options.h"
#include "broker/policies.h"

struct broker_config {
    char *data;              /* directory */
    int64_t port, http_port; /* these, and the next two: -1: none */
    int64_t tls_port, https_port;
    bool http_requests_limited;
    char *http_requests_per_s; /* a number, as Pulsar writes it: "100.0" */
    char *http_trusted_sites;
    bool authenticate_metrics;
    bool tls_enabled;                            /* somebody expects it */
    char *tls_certificate, *tls_key, *tls_trust; /* files */
    bool tls_require_client_certificate, tls_allow_insecure;
    char *tls_protocols, *tls_ciphers;
    int64_t tls_check_s;
    char *bind_address, *advertised_address, *advertised_listeners, *internal_listener;
    char *cluster_name;
    char *bootstrap_namespaces;
    int64_t pending_sends_max, probe_ms;
    int64_t max_message_size, memory_limit; /* bytes */
    int64_t connections_max, connections_per_address_max, http_connections_max, http_connections_per_address_max,
        http_head_bytes_max;
    int64_t same_address_producers_max, same_address_consumers_max;
    int64_t tenants_max, namespaces_per_tenant_max;
    char *status_file;
    char *sandbox; /* "on", "off" */
    bool core_dumps;
    int64_t keep_alive_s;
    bool non_persistent_topics;
    bool websocket;
    int64_t non_persistent_pending_max;
    int64_t compaction_check_ms;
    bool compaction_keeps_null_keys;
    bool system_topics, topic_policies;
    bool delete_inactive_topics;
    bool delete_inactive_partitioned;
    char *inactive_mode; /* as Pulsar names them */
    int64_t ledger_entries_max, ledger_bytes_max;
    int64_t ledger_age_min_ms, ledger_age_max_ms, ledger_idle_ms;
    /* By enum policy: what holds where neither namespace nor topic say otherwise; those that have an option. */
    int64_t policies[POLICY_END];
    bool policy_flags[POLICY_END];
    int64_t inactive_check_s; /* how long, where POLICY_INACTIVE_S is 0: nothing else says so */
    bool batch_index_acks, count_lost_consumers, dispatch_rate_counts_messages, dispatch_rate_relative;
    char *subscription_types;
    int64_t failover_delay_ms;
    bool keys_on_ring;
    int64_t key_ring_points, keys_ahead_per_consumer, keys_ahead_per_subscription;
    int64_t quota_check_ms, quota_gb;
    bool quota_check;
    char *quota_policy;
    bool delayed_strict; /* Pulsar's key; delivery is never early here, whatever it says */
    int64_t retention_check_ms, expiry_check_ms, reader_hold_ms;
    char *topic_creation_type;                      /* "non-partitioned", "partitioned" */
    char *schema_strategy, *system_schema_strategy; /* as Pulsar calls them */
    int64_t partitions_max;
    int64_t namespace_bundles;
    bool force_delete_namespace, force_delete_tenant;
    int64_t publish_messages_max, publish_bytes_max;
    char *event_id_property;
    int64_t deduplication_snapshot_ms, deduplication_producers_max, deduplication_inactive_ms;
    bool metrics_of_topics, metrics_of_consumers, metrics_of_producers, metrics_split_partitions;
    int64_t metrics_rows_max;
    bool audit;
    char *audit_file, *audit_topic;
    int64_t audit_file_bytes, audit_files_kept;
    bool authentication, authenticate_original;
    char *authentication_providers, *anonymous_role, *proxy_roles;
    int64_t authentication_refresh_check_s, authentication_reload_ms;
    char *token_secret_key, *token_public_key, *token_public_algorithm;
    char *token_claim, *token_audience_claim, *token_audience;
    int64_t token_skew_s;
    char *basic_conf;
    bool authorization, authorization_wildcards;
    char *authorization_provider, *super_users;
    char *durability;       /* "sync", "os" */
    bool journal_sync_data; /* false: "os", too */
    char *give_up;
    char *log_level;
    char *output; /* of the ready line: "text", "json" */
};

extern const struct option_table broker_option_table;

/* memory_limit, when nobody has said it, for a process that may have so many bytes in all: no more than half of them,
 * because the rest of the process needs room, too.  0: as much as there is. */
MUST_USE enum err broker_config_fit(struct options *o, uint64_t process_bytes);

#endif
