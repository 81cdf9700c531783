/* SPDX-License-Identifier: Apache-2.0
 *
 * client_configuration.c - setters and getters of a client's options.
 */
#include "client/config.h"

#include <geminga/client.h>
#include <stdlib.h>

pulsar_client_configuration_t *pulsar_client_configuration_create(void)
{
    pulsar_client_configuration_t *conf = malloc(sizeof *conf);

    if (conf)
        client_config_init(conf);
    return conf;
}

void pulsar_client_configuration_free(pulsar_client_configuration_t *conf)
{
    if (conf)
        client_config_deinit(conf);
    free(conf);
}

void pulsar_client_configuration_set_auth(pulsar_client_configuration_t *conf, pulsar_authentication_t *authentication)
{
    client_auth_deinit(&conf->auth);
    conf->failed |= client_auth_copy(&conf->auth, authentication) != OK;
}

void pulsar_client_configuration_set_logger(pulsar_client_configuration_t *conf, pulsar_logger logger, void *ctx)
{
    pulsar_client_configuration_set_logger_and_level(conf, logger, pulsar_INFO, ctx);
}

void pulsar_client_configuration_set_logger_t(pulsar_client_configuration_t *conf, pulsar_logger_t logger)
{
    conf->logger = logger;
    conf->log_level = pulsar_INFO;
    conf->has_log_level = logger.is_enabled == NULL;
}

void pulsar_client_configuration_set_logger_and_level(pulsar_client_configuration_t *conf, pulsar_logger logger,
                                                      pulsar_logger_level_t level, void *ctx)
{
    conf->logger = (pulsar_logger_t){.ctx = ctx, .log = logger};
    conf->log_level = level;
    conf->has_log_level = true;
}

void pulsar_client_configuration_set_memory_limit(pulsar_client_configuration_t *conf, unsigned long long value)
{
    conf->memory_limit = value;
}

unsigned long long pulsar_client_configuration_get_memory_limit(pulsar_client_configuration_t *conf)
{
    return conf->memory_limit;
}

void pulsar_client_configuration_set_operation_timeout_seconds(pulsar_client_configuration_t *conf, int value)
{
    conf->operation_timeout_s = value;
}

int pulsar_client_configuration_get_operation_timeout_seconds(pulsar_client_configuration_t *conf)
{
    return conf->operation_timeout_s;
}

void pulsar_client_configuration_set_io_threads(pulsar_client_configuration_t *conf, int value)
{
    conf->io_threads = value;
}

int pulsar_client_configuration_get_io_threads(pulsar_client_configuration_t *conf)
{
    return conf->io_threads;
}

void pulsar_client_configuration_set_message_listener_threads(pulsar_client_configuration_t *conf, int value)
{
    conf->listener_threads = value;
}

int pulsar_client_configuration_get_message_listener_threads(pulsar_client_configuration_t *conf)
{
    return conf->listener_threads;
}

void pulsar_client_configuration_set_concurrent_lookup_request(pulsar_client_configuration_t *conf, int value)
{
    conf->lookups_max = value;
}

int pulsar_client_configuration_get_concurrent_lookup_request(pulsar_client_configuration_t *conf)
{
    return conf->lookups_max;
}

void pulsar_client_configuration_set_use_tls(pulsar_client_configuration_t *conf, int value)
{
    conf->use_tls = value != 0;
}

int pulsar_client_configuration_is_use_tls(pulsar_client_configuration_t *conf)
{
    return conf->use_tls;
}

void pulsar_client_configuration_set_tls_trust_certs_file_path(pulsar_client_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->tls_trust, value);
}

const char *pulsar_client_configuration_get_tls_trust_certs_file_path(pulsar_client_configuration_t *conf)
{
    return conf->tls_trust ? conf->tls_trust : "";
}

void pulsar_client_configuration_set_tls_allow_insecure_connection(pulsar_client_configuration_t *conf, int value)
{
    conf->tls_insecure = value != 0;
}

int pulsar_client_configuration_is_tls_allow_insecure_connection(pulsar_client_configuration_t *conf)
{
    return conf->tls_insecure;
}

void pulsar_client_configuration_set_tls_private_key_file_path(pulsar_client_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->tls_key, value);
}

const char *pulsar_client_configuration_get_tls_private_key_file_path(pulsar_client_configuration_t *conf)
{
    return conf->tls_key ? conf->tls_key : "";
}

void pulsar_client_configuration_set_tls_certificate_file_path(pulsar_client_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->tls_certificate, value);
}

const char *pulsar_client_configuration_get_tls_certificate_file_path(pulsar_client_configuration_t *conf)
{
    return conf->tls_certificate ? conf->tls_certificate : "";
}

void pulsar_client_configuration_set_validate_hostname(pulsar_client_configuration_t *conf, int value)
{
    conf->tls_validate = value != 0;
}

int pulsar_client_configuration_is_validate_hostname(pulsar_client_configuration_t *conf)
{
    return conf->tls_validate;
}

void pulsar_client_configuration_set_stats_interval_in_seconds(pulsar_client_configuration_t *conf, unsigned int value)
{
    conf->stats_interval_s = value;
}

unsigned int pulsar_client_configuration_get_stats_interval_in_seconds(pulsar_client_configuration_t *conf)
{
    return conf->stats_interval_s;
}

void pulsar_client_configuration_set_listener_name(pulsar_client_configuration_t *conf, const char *value)
{
    conf->failed |= !client_text_set(&conf->listener_name, value);
}

const char *pulsar_client_configuration_get_listener_name(pulsar_client_configuration_t *conf)
{
    return conf->listener_name ? conf->listener_name : "";
}

void geminga_client_configuration_set_connection_timeout_ms(pulsar_client_configuration_t *conf,
                                                            unsigned int timeout_ms)
{
    if (timeout_ms > 0)
        conf->connection_timeout_ms = timeout_ms;
}

void pulsar_client_configuration_set_keep_alive_interval_in_seconds(pulsar_client_configuration_t *conf,
                                                                    unsigned int value)
{
    conf->keep_alive_s = value;
}

unsigned int pulsar_client_configuration_get_keep_alive_interval_in_seconds(pulsar_client_configuration_t *conf)
{
    return conf->keep_alive_s;
}

void pulsar_client_configuration_set_partitions_update_interval(pulsar_client_configuration_t *conf, unsigned int value)
{
    conf->partitions_update_s = value;
}

unsigned int pulsar_client_configuration_get_partitions_update_interval(pulsar_client_configuration_t *conf)
{
    return conf->partitions_update_s;
}
