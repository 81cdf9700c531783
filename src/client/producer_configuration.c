/* SPDX-License-Identifier: Apache-2.0
 *
 * producer_configuration.c - setters and getters of a producer's options.
 */
#include "client/config.h"

#include <stdlib.h>

pulsar_producer_configuration_t *pulsar_producer_configuration_create(void)
{
    pulsar_producer_configuration_t *conf = malloc(sizeof *conf);

    if (conf)
        client_producer_config_init(conf);
    return conf;
}

void pulsar_producer_configuration_free(pulsar_producer_configuration_t *conf)
{
    if (conf)
        client_producer_config_deinit(conf);
    free(conf);
}

void pulsar_producer_configuration_set_producer_name(pulsar_producer_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->name, value);
}

const char *pulsar_producer_configuration_get_producer_name(pulsar_producer_configuration_t *conf)
{
    return conf->name ? conf->name : "";
}

void pulsar_producer_configuration_set_send_timeout(pulsar_producer_configuration_t *conf, int value)
{
    conf->send_timeout_ms = value;
}

int pulsar_producer_configuration_get_send_timeout(pulsar_producer_configuration_t *conf)
{
    return conf->send_timeout_ms;
}

void pulsar_producer_configuration_set_initial_sequence_id(pulsar_producer_configuration_t *conf, int64_t value)
{
    conf->initial_sequence_id = value;
}

int64_t pulsar_producer_configuration_get_initial_sequence_id(pulsar_producer_configuration_t *conf)
{
    return conf->initial_sequence_id;
}

void pulsar_producer_configuration_set_compression_type(pulsar_producer_configuration_t *conf,
                                                        pulsar_compression_type value)
{
    conf->compression = value;
}

pulsar_compression_type pulsar_producer_configuration_get_compression_type(pulsar_producer_configuration_t *conf)
{
    return conf->compression;
}

void pulsar_producer_configuration_set_schema_info(pulsar_producer_configuration_t *conf, pulsar_schema_type schemaType,
                                                   const char *name, const char *schema,
                                                   pulsar_string_map_t *properties)
{
    conf->failed |= client_schema_set(&conf->schema, schemaType, name, schema, properties) != OK;
}

void pulsar_producer_configuration_set_max_pending_messages(pulsar_producer_configuration_t *conf, int value)
{
    conf->pending_max = value;
}

int pulsar_producer_configuration_get_max_pending_messages(pulsar_producer_configuration_t *conf)
{
    return conf->pending_max;
}

void pulsar_producer_configuration_set_max_pending_messages_across_partitions(pulsar_producer_configuration_t *conf,
                                                                              int value)
{
    conf->pending_max_across = value;
}

int pulsar_producer_configuration_get_max_pending_messages_across_partitions(pulsar_producer_configuration_t *conf)
{
    return conf->pending_max_across;
}

void pulsar_producer_configuration_set_block_if_queue_full(pulsar_producer_configuration_t *conf, int value)
{
    conf->block_if_full = value != 0;
}

int pulsar_producer_configuration_get_block_if_queue_full(pulsar_producer_configuration_t *conf)
{
    return conf->block_if_full;
}

void pulsar_producer_configuration_set_partitions_routing_mode(pulsar_producer_configuration_t *conf,
                                                               pulsar_partitions_routing_mode value)
{
    conf->routing = value;
}

pulsar_partitions_routing_mode
pulsar_producer_configuration_get_partitions_routing_mode(pulsar_producer_configuration_t *conf)
{
    return conf->routing;
}

void pulsar_producer_configuration_set_message_router(pulsar_producer_configuration_t *conf,
                                                      pulsar_message_router router, void *ctx)
{
    conf->routing = pulsar_CustomPartition;
    conf->router = router;
    conf->router_ctx = ctx;
}

void pulsar_producer_configuration_set_hashing_scheme(pulsar_producer_configuration_t *conf,
                                                      pulsar_hashing_scheme value)
{
    conf->hashing = value;
}

pulsar_hashing_scheme pulsar_producer_configuration_get_hashing_scheme(pulsar_producer_configuration_t *conf)
{
    return conf->hashing;
}

void pulsar_producer_configuration_set_lazy_start_partitioned_producers(pulsar_producer_configuration_t *conf,
                                                                        int value)
{
    conf->lazy = value != 0;
}

int pulsar_producer_configuration_get_lazy_start_partitioned_producers(pulsar_producer_configuration_t *conf)
{
    return conf->lazy;
}

void pulsar_producer_configuration_set_batching_enabled(pulsar_producer_configuration_t *conf, int value)
{
    conf->batching = value != 0;
}

int pulsar_producer_configuration_get_batching_enabled(pulsar_producer_configuration_t *conf)
{
    return conf->batching;
}

void pulsar_producer_configuration_set_batching_max_messages(pulsar_producer_configuration_t *conf, unsigned int value)
{
    conf->batch_messages_max = value;
}

unsigned int pulsar_producer_configuration_get_batching_max_messages(pulsar_producer_configuration_t *conf)
{
    return conf->batch_messages_max;
}

void pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(pulsar_producer_configuration_t *conf,
                                                                          unsigned long value)
{
    conf->batch_bytes_max = value;
}

unsigned long
pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes(pulsar_producer_configuration_t *conf)
{
    return conf->batch_bytes_max;
}

void pulsar_producer_configuration_set_batching_max_publish_delay_ms(pulsar_producer_configuration_t *conf,
                                                                     unsigned long value)
{
    conf->batch_delay_ms = value;
}

unsigned long pulsar_producer_configuration_get_batching_max_publish_delay_ms(pulsar_producer_configuration_t *conf)
{
    return conf->batch_delay_ms;
}

void pulsar_producer_configuration_set_property(pulsar_producer_configuration_t *conf, const char *name,
                                                const char *value)
{
    conf->failed |= client_map_put(&conf->properties, bytes_of_text(name), bytes_of_text(value)) != OK;
}

int pulsar_producer_is_encryption_enabled(pulsar_producer_configuration_t *conf)
{
    return conf->encryption;
}

void pulsar_producer_configuration_set_default_crypto_key_reader(pulsar_producer_configuration_t *conf,
                                                                 const char *public_key_path,
                                                                 const char *private_key_path)
{
    conf->encryption = true;
}

void pulsar_producer_configuration_set_encryption_key(pulsar_producer_configuration_t *conf, const char *key)
{
    conf->encryption = true;
}

void pulsar_producer_configuration_set_crypto_failure_action(pulsar_producer_configuration_t *conf,
                                                             pulsar_producer_crypto_failure_action value)
{
    conf->crypto_failure_action = value;
}

pulsar_producer_crypto_failure_action
pulsar_producer_configuration_get_crypto_failure_action(pulsar_producer_configuration_t *conf)
{
    return conf->crypto_failure_action;
}

void pulsar_producer_configuration_set_chunking_enabled(pulsar_producer_configuration_t *conf, int value)
{
    conf->chunking = value != 0;
}

int pulsar_producer_configuration_is_chunking_enabled(pulsar_producer_configuration_t *conf)
{
    return conf->chunking;
}

void pulsar_producer_configuration_set_access_mode(pulsar_producer_configuration_t *conf,
                                                   pulsar_producer_access_mode value)
{
    conf->access_mode = value;
}

pulsar_producer_access_mode pulsar_producer_configuration_get_access_mode(pulsar_producer_configuration_t *conf)
{
    return conf->access_mode;
}
