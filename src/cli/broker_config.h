/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_config.h - the options of a broker, as `geminga standalone` and `geminga up` take them.
 *
 * One table: keys of geminga.toml, Pulsar's own keys of broker.conf, GEMINGA_* variables, flags.
 */
#ifndef CLI_BROKER_CONFIG_H
#define CLI_BROKER_CONFIG_H

#include "base/options.h"

struct broker_config {
    char *data; /* directory */
    int64_t port, http_port;
    char *bind_address, *advertised_address, *advertised_listeners;
    char *cluster_name;
    int64_t max_message_size, memory_limit; /* bytes */
    int64_t connections_max;
    int64_t keep_alive_s;
    bool topic_auto_creation, subscription_auto_creation;
    bool delete_inactive_topics;
    int64_t inactive_s;
    int64_t unacked_per_consumer_max, unacked_per_subscription_max; /* messages; 0: no limit */
    int64_t ledger_entries_max, ledger_bytes_max;
    int64_t ledger_age_min_ms, ledger_age_max_ms, ledger_idle_ms;
    int64_t retention_minutes, retention_mb, ttl_s; /* the defaults of namespaces; -1: without limit */
    int64_t retention_check_ms, expiry_check_ms, reader_hold_ms;
    char *durability;       /* "sync", "os" */
    bool journal_sync_data; /* false: "os", too */
    char *give_up;
    char *log_level;
    char *output; /* of the ready line: "text", "json" */
};

#define BROKER_OPTIONS 33
extern const struct option broker_option_table[BROKER_OPTIONS];

#endif
