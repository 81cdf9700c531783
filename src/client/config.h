/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - the public configurations as they are inside: plain structs, copied when something is made with them.
 *
 * Defaults are those of the official C++ client (config.c), except the hash, of which its own is not portable.
 * client_*_refusal tells what is set and not built; creating then fails with OperationNotSupported.
 */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "base/err.h"
#include "client/authentication.h"
#include "client/text_map.h"
#include <pulsar/c/client.h>

#define CLIENT_CONNECT_TIMEOUT_MS 10000u

struct _pulsar_client_configuration {
    struct _pulsar_authentication auth;
    unsigned long long memory_limit; /* bytes; 0: none */
    int operation_timeout_s;
    uint32_t connection_timeout_ms; /* of a connection, until it is there */
    int io_threads, listener_threads;
    int lookups_max;
    pulsar_logger_t logger; /* log NULL: standard error */
    pulsar_logger_level_t log_level;
    bool has_log_level; /* else logger.is_enabled */
    bool use_tls, tls_insecure, tls_validate;
    char *tls_trust, *tls_key, *tls_certificate;
    unsigned stats_interval_s, keep_alive_s, partitions_update_s;
    char *listener_name;
    bool failed; /* memory was short in a setter */
};

struct client_schema {
    bool set;
    int type; /* the wire's Schema.Type */
    char *name, *data;
    struct _pulsar_string_map properties;
};

struct _pulsar_producer_configuration {
    char *name; /* NULL: the broker chooses */
    int send_timeout_ms;
    int64_t initial_sequence_id;
    pulsar_compression_type compression;
    struct client_schema schema;
    int pending_max, pending_max_across;
    pulsar_partitions_routing_mode routing;
    pulsar_message_router router;
    void *router_ctx;
    pulsar_hashing_scheme hashing;
    bool lazy, block_if_full;
    bool batching;
    unsigned batch_messages_max;
    unsigned long batch_bytes_max, batch_delay_ms;
    struct _pulsar_string_map properties;
    pulsar_producer_crypto_failure_action crypto_failure_action;
    bool encryption; /* a key or a key reader was set */
    bool chunking;
    pulsar_producer_access_mode access_mode;
    char *initial_subscription; /* of a dead letter topic; not in the public API */
    bool failed;
};

struct _pulsar_consumer_configuration {
    pulsar_consumer_type type;
    struct client_schema schema;
    pulsar_message_listener listener;
    void *listener_ctx;
    bool start_paused;
    int queue_size, queue_size_across;
    char *name;
    uint64_t ack_timeout_ms;
    long nack_delay_ms;
    long ack_group_ms, ack_group_max;
    bool encryption;
    pulsar_consumer_crypto_failure_action crypto_failure_action;
    bool read_compacted;
    initial_position position;
    struct _pulsar_string_map properties;
    int priority;
    int chunked_max;
    bool auto_ack_oldest_chunked;
    bool start_inclusive;
    bool batch_index_ack;
    pulsar_consumer_regex_subscription_mode regex_mode;
    pulsar_consumer_batch_receive_policy_t batch_policy;
    char *dead_letter_topic, *dead_letter_subscription;
    int redeliver_max; /* INT_MAX: never to the dead letter topic */
    bool failed;
};

struct _pulsar_reader_configuration {
    pulsar_reader_listener listener;
    void *listener_ctx;
    int queue_size;
    char *name, *role_prefix;
    bool read_compacted, encryption;
    pulsar_consumer_crypto_failure_action crypto_failure_action;
    bool failed;
};

/* Defaults, copies and the end of each; `to` is raw memory.  ERR_NOMEM leaves nothing to deinit. */
void client_config_init(struct _pulsar_client_configuration *c);
MUST_USE enum err client_config_copy(struct _pulsar_client_configuration *to,
                                     const struct _pulsar_client_configuration *from);
void client_config_deinit(struct _pulsar_client_configuration *c);

void client_producer_config_init(struct _pulsar_producer_configuration *c);
MUST_USE enum err client_producer_config_copy(struct _pulsar_producer_configuration *to,
                                              const struct _pulsar_producer_configuration *from);
void client_producer_config_deinit(struct _pulsar_producer_configuration *c);

void client_consumer_config_init(struct _pulsar_consumer_configuration *c);
MUST_USE enum err client_consumer_config_copy(struct _pulsar_consumer_configuration *to,
                                              const struct _pulsar_consumer_configuration *from);
void client_consumer_config_deinit(struct _pulsar_consumer_configuration *c);

void client_reader_config_init(struct _pulsar_reader_configuration *c);
void client_reader_config_deinit(struct _pulsar_reader_configuration *c);

MUST_USE enum err client_schema_set(struct client_schema *s, pulsar_schema_type type, const char *name,
                                    const char *data, const struct _pulsar_string_map *properties);

/* Fills *to, borrowing all but to->properties, which the caller frees.  Something even when none is set. */
MUST_USE enum err client_schema_wire(const struct client_schema *s, Wire__Schema *to);

/* NULL, or what was set and is not built: "encryption". */
const char *client_producer_config_refusal(const struct _pulsar_producer_configuration *c);
const char *client_consumer_config_refusal(const struct _pulsar_consumer_configuration *c);
const char *client_reader_config_refusal(const struct _pulsar_reader_configuration *c);

#endif
