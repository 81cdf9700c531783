/* SPDX-License-Identifier: Apache-2.0
 *
 * reader_configuration.c - setters and getters of a reader's options.
 */
#include "client/config.h"

#include <stdlib.h>

pulsar_reader_configuration_t *pulsar_reader_configuration_create(void)
{
    pulsar_reader_configuration_t *conf = malloc(sizeof *conf);

    if (conf)
        client_reader_config_init(conf);
    return conf;
}

void pulsar_reader_configuration_free(pulsar_reader_configuration_t *conf)
{
    if (conf)
        client_reader_config_deinit(conf);
    free(conf);
}

void pulsar_reader_configuration_set_reader_listener(pulsar_reader_configuration_t *conf,
                                                     pulsar_reader_listener listener, void *ctx)
{
    conf->listener = listener;
    conf->listener_ctx = ctx;
}

int pulsar_reader_configuration_has_reader_listener(pulsar_reader_configuration_t *conf)
{
    return conf->listener != NULL;
}

void pulsar_reader_configuration_set_receiver_queue_size(pulsar_reader_configuration_t *conf, int value)
{
    conf->queue_size = value;
}

int pulsar_reader_configuration_get_receiver_queue_size(pulsar_reader_configuration_t *conf)
{
    return conf->queue_size;
}

void pulsar_reader_configuration_set_reader_name(pulsar_reader_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->name, value);
}

const char *pulsar_reader_configuration_get_reader_name(pulsar_reader_configuration_t *conf)
{
    return conf->name ? conf->name : "";
}

void pulsar_reader_configuration_set_subscription_role_prefix(pulsar_reader_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->role_prefix, value);
}

const char *pulsar_reader_configuration_get_subscription_role_prefix(pulsar_reader_configuration_t *conf)
{
    return conf->role_prefix ? conf->role_prefix : "";
}

void pulsar_reader_configuration_set_read_compacted(pulsar_reader_configuration_t *conf, int value)
{
    conf->read_compacted = value != 0;
}

int pulsar_reader_configuration_is_read_compacted(pulsar_reader_configuration_t *conf)
{
    return conf->read_compacted;
}

void pulsar_reader_configuration_set_default_crypto_key_reader(pulsar_reader_configuration_t *conf,
                                                               const char *public_key_path,
                                                               const char *private_key_path)
{
    conf->encryption = true;
}

void pulsar_reader_configuration_set_crypto_failure_action(pulsar_reader_configuration_t *conf,
                                                           pulsar_consumer_crypto_failure_action value)
{
    conf->crypto_failure_action = value;
}

pulsar_consumer_crypto_failure_action
pulsar_reader_configuration_get_crypto_failure_action(pulsar_reader_configuration_t *conf)
{
    return conf->crypto_failure_action;
}
