/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_configuration.c - setters and getters of a consumer's options.
 */
#include "client/config.h"

#include <limits.h>
#include <stdlib.h>

pulsar_consumer_configuration_t *pulsar_consumer_configuration_create(void)
{
    pulsar_consumer_configuration_t *conf = malloc(sizeof *conf);

    if (conf)
        client_consumer_config_init(conf);
    return conf;
}

void pulsar_consumer_configuration_free(pulsar_consumer_configuration_t *conf)
{
    if (conf)
        client_consumer_config_deinit(conf);
    free(conf);
}

void pulsar_consumer_configuration_set_consumer_type(pulsar_consumer_configuration_t *conf, pulsar_consumer_type value)
{
    conf->type = value;
}

pulsar_consumer_type pulsar_consumer_configuration_get_consumer_type(pulsar_consumer_configuration_t *conf)
{
    return conf->type;
}

void pulsar_consumer_configuration_set_schema_info(pulsar_consumer_configuration_t *conf, pulsar_schema_type schemaType,
                                                   const char *name, const char *schema,
                                                   pulsar_string_map_t *properties)
{
    conf->failed |= client_schema_set(&conf->schema, schemaType, name, schema, properties) != OK;
}

void pulsar_consumer_configuration_set_message_listener(pulsar_consumer_configuration_t *conf,
                                                        pulsar_message_listener messageListener, void *ctx)
{
    conf->listener = messageListener;
    conf->listener_ctx = ctx;
}

int pulsar_consumer_configuration_has_message_listener(pulsar_consumer_configuration_t *conf)
{
    return conf->listener != NULL;
}

void pulsar_consumer_configuration_set_start_paused(pulsar_consumer_configuration_t *conf, int value)
{
    conf->start_paused = value != 0;
}

int pulsar_consumer_configuration_is_start_paused(pulsar_consumer_configuration_t *conf)
{
    return conf->start_paused;
}

void pulsar_consumer_configuration_set_receiver_queue_size(pulsar_consumer_configuration_t *conf, int value)
{
    conf->queue_size = value;
}

int pulsar_consumer_configuration_get_receiver_queue_size(pulsar_consumer_configuration_t *conf)
{
    return conf->queue_size;
}

void pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(pulsar_consumer_configuration_t *conf,
                                                                         int value)
{
    conf->queue_size_across = value;
}

int pulsar_consumer_get_max_total_receiver_queue_size_across_partitions(pulsar_consumer_configuration_t *conf)
{
    return conf->queue_size_across;
}

void pulsar_consumer_set_consumer_name(pulsar_consumer_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->name, value);
}

const char *pulsar_consumer_get_consumer_name(pulsar_consumer_configuration_t *conf)
{
    return conf->name ? conf->name : "";
}

void pulsar_consumer_set_unacked_messages_timeout_ms(pulsar_consumer_configuration_t *conf, const uint64_t milliSeconds)
{
    conf->ack_timeout_ms = milliSeconds < LONG_MAX ? milliSeconds : LONG_MAX;
}

long pulsar_consumer_get_unacked_messages_timeout_ms(pulsar_consumer_configuration_t *conf)
{
    return (long)conf->ack_timeout_ms;
}

void pulsar_configure_set_negative_ack_redelivery_delay_ms(pulsar_consumer_configuration_t *conf, long value)
{
    conf->nack_delay_ms = value;
}

long pulsar_configure_get_negative_ack_redelivery_delay_ms(pulsar_consumer_configuration_t *conf)
{
    return conf->nack_delay_ms;
}

void pulsar_configure_set_ack_grouping_time_ms(pulsar_consumer_configuration_t *conf, long value)
{
    conf->ack_group_ms = value;
}

long pulsar_configure_get_ack_grouping_time_ms(pulsar_consumer_configuration_t *conf)
{
    return conf->ack_group_ms;
}

void pulsar_configure_set_ack_grouping_max_size(pulsar_consumer_configuration_t *conf, long value)
{
    conf->ack_group_max = value;
}

long pulsar_configure_get_ack_grouping_max_size(pulsar_consumer_configuration_t *conf)
{
    return conf->ack_group_max;
}

int pulsar_consumer_is_encryption_enabled(pulsar_consumer_configuration_t *conf)
{
    return conf->encryption;
}

void pulsar_consumer_configuration_set_default_crypto_key_reader(pulsar_consumer_configuration_t *conf,
                                                                 const char *public_key_path,
                                                                 const char *private_key_path)
{
    conf->encryption = true;
}

void pulsar_consumer_configuration_set_crypto_failure_action(pulsar_consumer_configuration_t *conf,
                                                             pulsar_consumer_crypto_failure_action value)
{
    conf->crypto_failure_action = value;
}

pulsar_consumer_crypto_failure_action
pulsar_consumer_configuration_get_crypto_failure_action(pulsar_consumer_configuration_t *conf)
{
    return conf->crypto_failure_action;
}

void pulsar_consumer_set_read_compacted(pulsar_consumer_configuration_t *conf, int value)
{
    conf->read_compacted = value != 0;
}

int pulsar_consumer_is_read_compacted(pulsar_consumer_configuration_t *conf)
{
    return conf->read_compacted;
}

void pulsar_consumer_set_subscription_initial_position(pulsar_consumer_configuration_t *conf,
                                                       initial_position subscriptionInitialPosition)
{
    conf->position = subscriptionInitialPosition;
}

int pulsar_consumer_get_subscription_initial_position(pulsar_consumer_configuration_t *conf)
{
    return (int)conf->position;
}

void pulsar_consumer_configuration_set_property(pulsar_consumer_configuration_t *conf, const char *name,
                                                const char *value)
{
    conf->failed |= client_map_put(&conf->properties, bytes_of_text(name), bytes_of_text(value)) != OK;
}

void pulsar_consumer_configuration_set_priority_level(pulsar_consumer_configuration_t *conf, int value)
{
    conf->priority = value;
}

int pulsar_consumer_configuration_get_priority_level(pulsar_consumer_configuration_t *conf)
{
    return conf->priority;
}

void pulsar_consumer_configuration_set_max_pending_chunked_message(pulsar_consumer_configuration_t *conf, int value)
{
    conf->chunked_max = value;
}

int pulsar_consumer_configuration_get_max_pending_chunked_message(pulsar_consumer_configuration_t *conf)
{
    return conf->chunked_max;
}

void pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(
    pulsar_consumer_configuration_t *conf, int value)
{
    conf->auto_ack_oldest_chunked = value != 0;
}

int pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full(
    pulsar_consumer_configuration_t *conf)
{
    return conf->auto_ack_oldest_chunked;
}

void pulsar_consumer_configuration_set_start_message_id_inclusive(pulsar_consumer_configuration_t *conf, int value)
{
    conf->start_inclusive = value != 0;
}

int pulsar_consumer_configuration_is_start_message_id_inclusive(pulsar_consumer_configuration_t *conf)
{
    return conf->start_inclusive;
}

void pulsar_consumer_configuration_set_batch_index_ack_enabled(pulsar_consumer_configuration_t *conf, int value)
{
    conf->batch_index_ack = value != 0;
}

int pulsar_consumer_configuration_is_batch_index_ack_enabled(pulsar_consumer_configuration_t *conf)
{
    return conf->batch_index_ack;
}

void pulsar_consumer_configuration_set_regex_subscription_mode(pulsar_consumer_configuration_t *conf,
                                                               pulsar_consumer_regex_subscription_mode value)
{
    conf->regex_mode = value;
}

pulsar_consumer_regex_subscription_mode
pulsar_consumer_configuration_get_regex_subscription_mode(pulsar_consumer_configuration_t *conf)
{
    return conf->regex_mode;
}

int pulsar_consumer_configuration_set_batch_receive_policy(pulsar_consumer_configuration_t *conf,
                                                           const pulsar_consumer_batch_receive_policy_t *policy)
{
    if (!policy || (policy->maxNumMessages <= 0 && policy->maxNumBytes <= 0 && policy->timeoutMs <= 0))
        return -1;
    conf->batch_policy = *policy;
    return 0;
}

void pulsar_consumer_configuration_get_batch_receive_policy(pulsar_consumer_configuration_t *conf,
                                                            pulsar_consumer_batch_receive_policy_t *policy)
{
    if (policy)
        *policy = conf->batch_policy;
}

void pulsar_consumer_configuration_set_dlq_policy(pulsar_consumer_configuration_t *conf,
                                                  const pulsar_consumer_config_dead_letter_policy_t *dlq_policy)
{
    conf->redeliver_max = dlq_policy->max_redeliver_count > 0 ? dlq_policy->max_redeliver_count : INT_MAX;
    conf->failed |= !client_text_set(&conf->dead_letter_topic, dlq_policy->dead_letter_topic);
    conf->failed |= !client_text_set(&conf->dead_letter_subscription, dlq_policy->initial_subscription_name);
}

void pulsar_consumer_configuration_get_dlq_policy(pulsar_consumer_configuration_t *conf,
                                                  pulsar_consumer_config_dead_letter_policy_t *dlq_policy)
{
    if (!dlq_policy)
        return;
    dlq_policy->dead_letter_topic = conf->dead_letter_topic ? conf->dead_letter_topic : "";
    dlq_policy->max_redeliver_count = conf->redeliver_max;
    dlq_policy->initial_subscription_name = conf->dead_letter_subscription ? conf->dead_letter_subscription : "";
}
