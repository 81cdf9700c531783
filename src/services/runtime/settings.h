/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h - how a service reaches Pulsar: config/pulsar.toml, and PULSAR_* over it.
 *
 * One table for all services; a service chains its own behind it.  What is accepted here and not built is refused
 * by pulsar_settings_check, never ignored.  May call: base/.
 */
#ifndef SERVICES_RUNTIME_SETTINGS_H
#define SERVICES_RUNTIME_SETTINGS_H

#include "base/options.h"
#include "base/text.h"

struct pulsar_settings {
    char *service_url;
    char *consumer_name, *subscription, *subscription_type, *dead_letter_topic;
    int64_t receive_queue_size, max_redeliveries, nack_delay_ms;
    bool batch_receive;
    int64_t batch_receive_max_messages, batch_receive_max_wait_ms;
    char *producer_name, *compression;
    int64_t send_timeout_ms;
    bool block_if_full;
    bool batching;
    int64_t batching_max_messages, batching_max_bytes, batching_max_delay_ms;
    char *events_topic, *results_topic, *status_topic, *errors_topic, *tenant, *namespace_;
    char *auth_method, *auth_token, *auth_params;
    int64_t connection_timeout_ms, operation_timeout_ms, keep_alive_interval_ms, max_connections_per_broker;
    bool tls_enabled, tls_validate_hostname, tls_allow_insecure;
    char *tls_trust_certs_path, *tls_cert_path, *tls_key_path;
    bool tracing_enabled;
    char *tracing_endpoint, *tracing_traces_endpoint, *tracing_jaeger_endpoint, *tracing_protocol,
        *tracing_service_name;
    char *tracing_headers, *tracing_trust_certs;
};

extern const struct option_table pulsar_options;

/* ERR_UNSUPPORTED, ERR_INVALID: `message` is the sentence for the user. */
MUST_USE enum err pulsar_settings_check(const struct pulsar_settings *s, char *message, size_t message_size);

/* Where spans are posted: the traces endpoint as it is; or the endpoint and "/v1/traces"; or Jaeger's, mapped:
 * http://jaeger:14268/api/traces is http://jaeger:4318/v1/traces (another port stays).  Appended. */
void pulsar_tracing_url(const struct pulsar_settings *s, struct text *out);

/* Appends the whole name: "afdp.notary.dlq" is persistent://TENANT/NAMESPACE/afdp.notary.dlq; a name with "://" is
 * whole already. */
void pulsar_topic_name(const struct pulsar_settings *s, const char *topic, struct text *out);

#endif
