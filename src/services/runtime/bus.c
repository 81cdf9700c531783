/* SPDX-License-Identifier: Apache-2.0
 *
 * bus.c - settings to configurations, configurations to objects.
 */
#include "services/runtime/bus.h"

#include "base/text.h"
#include "services/runtime/access.h"
#include <geminga/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TOPIC_MAX 2048

/* ---- configurations ---- */

#define CLIENT "pulsar" /* the component of the client library's lines */

static const enum log_level client_levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR};

static bool client_logs(pulsar_logger_level_t level, void *ctx)
{
    return log_is_enabled(ctx, client_levels[level], CLIENT);
}

static void on_client_log(pulsar_logger_level_t level, const char *file, int line, const char *message, void *ctx)
{
    log_write(ctx, client_levels[level], CLIENT, "%s", message);
}

void bus_set_logger(pulsar_client_configuration_t *conf, struct log *log)
{
    const pulsar_logger_t logger = {.ctx = log, .is_enabled = client_logs, .log = on_client_log};

    pulsar_client_configuration_set_logger_t(conf, logger);
}

/* All but the address. */
static struct pulsar_access access_of(const struct pulsar_settings *s)
{
    struct pulsar_access access = {.auth_params = s->auth_params,
                                   .trust_certs = s->tls_trust_certs_path,
                                   .certificate = s->tls_cert_path,
                                   .key = s->tls_key_path,
                                   .any_certificate = s->tls_allow_insecure,
                                   .any_host = !s->tls_validate_hostname};

    pulsar_access_method(&access, s->auth_method, s->auth_token);
    return access;
}

pulsar_client_t *bus_client_new(const struct pulsar_settings *s, struct log *log, int64_t operation_timeout_ms)
{
    const struct pulsar_access access = access_of(s);
    pulsar_client_configuration_t *conf;
    pulsar_client_t *client = NULL;
    char *url, message[400];

    if (pulsar_access_configuration(&access, &conf, message, sizeof message) != OK) {
        log_error(log, "pulsar", "%s", message);
        return NULL;
    }
    pulsar_client_configuration_set_operation_timeout_seconds(conf, (int)((operation_timeout_ms + 999) / 1000));
    pulsar_client_configuration_set_keep_alive_interval_in_seconds(
        conf, (unsigned)((s->keep_alive_interval_ms + 999) / 1000));
    geminga_client_configuration_set_connection_timeout_ms(conf, (unsigned)s->connection_timeout_ms);
    bus_set_logger(conf, log);
    if ((url = pulsar_access_url(s->service_url, s->tls_enabled)))
        client = pulsar_client_create(url, conf);
    free(url);
    pulsar_client_configuration_free(conf);
    return client;
}

pulsar_compression_type bus_compression(const struct pulsar_settings *s)
{
    static const struct {
        const char *name;
        pulsar_compression_type type;
    } types[] = {{"Lz4", pulsar_CompressionLZ4},
                 {"Zlib", pulsar_CompressionZLib},
                 {"Zstd", pulsar_CompressionZSTD},
                 {"Snappy", pulsar_CompressionSNAPPY}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcasecmp(types[i].name, s->compression) == 0)
            return types[i].type;
    return pulsar_CompressionNone;
}

static pulsar_producer_configuration_t *producer_configuration(const struct bus *b, const struct pulsar_settings *s)
{
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();

    if (!conf)
        return NULL;
    pulsar_producer_configuration_set_producer_name(conf, b->producer_name);
    pulsar_producer_configuration_set_send_timeout(conf, (int)s->send_timeout_ms);
    pulsar_producer_configuration_set_compression_type(conf, bus_compression(s));
    pulsar_producer_configuration_set_block_if_queue_full(conf, s->block_if_full);
    pulsar_producer_configuration_set_batching_enabled(conf, s->batching);
    pulsar_producer_configuration_set_batching_max_messages(conf, (unsigned)s->batching_max_messages);
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, (unsigned long)s->batching_max_bytes);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, (unsigned long)s->batching_max_delay_ms);
    return conf;
}

static pulsar_consumer_type consumer_type_of(const char *name)
{
    static const char *const names[] = {"Exclusive", "Shared", "Failover", "KeyShared"}; /* in the order of the enum */

    for (size_t i = 0; i < 4; i++)
        if (strcasecmp(names[i], name) == 0)
            return (pulsar_consumer_type)i;
    return pulsar_ConsumerShared;
}

static pulsar_consumer_configuration_t *consumer_configuration(const struct pulsar_settings *s)
{
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_batch_receive_policy_t policy = {.maxNumMessages = (int)s->batch_receive_max_messages,
                                                     .maxNumBytes = -1,
                                                     .timeoutMs = (long)s->batch_receive_max_wait_ms};

    if (!conf)
        return NULL;
    pulsar_consumer_set_consumer_name(conf, s->consumer_name);
    pulsar_consumer_configuration_set_consumer_type(conf, consumer_type_of(s->subscription_type));
    pulsar_consumer_configuration_set_receiver_queue_size(conf, (int)s->receive_queue_size);
    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, (long)s->nack_delay_ms);
    /* What was sent before the service was first started waits for it. */
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    if (s->batch_receive)
        pulsar_consumer_configuration_set_batch_receive_policy(conf, &policy);
    return conf;
}

/* ---- objects ---- */

static pulsar_result create_producer(const struct bus *b, const struct runtime_options *o, const char *topic,
                                     pulsar_producer_t **out)
{
    pulsar_producer_configuration_t *conf = producer_configuration(b, o->settings);
    pulsar_result result;

    if (!conf)
        return pulsar_result_UnknownError;
    result = pulsar_client_create_producer(b->client, topic, conf, out);
    pulsar_producer_configuration_free(conf);
    return result;
}

static pulsar_result subscribe(struct bus *b, const struct runtime_options *o, const char *topic,
                               pulsar_consumer_t **out)
{
    pulsar_consumer_configuration_t *conf = consumer_configuration(o->settings);
    pulsar_result result;

    if (!conf)
        return pulsar_result_UnknownError;
    result = pulsar_client_subscribe(b->client, topic, o->settings->subscription, conf, out);
    pulsar_consumer_configuration_free(conf);
    return result;
}

bool bus_init(struct bus *b, const struct runtime_options *options)
{
    const struct pulsar_settings *s = options->settings;
    uint32_t suffix;

    memset(b, 0, sizeof *b);
    options->clocks->ops->entropy(options->clocks, &suffix, sizeof suffix);
    snprintf(b->producer_name, sizeof b->producer_name, "%.200s-%08x", s->producer_name, suffix);
    b->client = bus_client_new(s, options->log, s->operation_timeout_ms);
    return b->client != NULL;
}

pulsar_result bus_open(struct bus *b, const struct runtime_options *options, const char **topic)
{
    pulsar_result result;

    for (; b->producer_count < options->output_count; b->producer_count++) {
        *topic = options->outputs[b->producer_count];
        result = create_producer(b, options, *topic, &b->producers[b->producer_count]);
        if (result != pulsar_result_Ok)
            return result;
    }
    for (; b->consumer_count < options->input_count; b->consumer_count++) {
        *topic = options->inputs[b->consumer_count];
        result = subscribe(b, options, *topic, &b->consumers[b->consumer_count]);
        if (result != pulsar_result_Ok)
            return result;
    }
    return pulsar_result_Ok;
}

static void on_interrupted(pulsar_result result, void *ctx)
{
}

void bus_interrupt(struct bus *b)
{
    pulsar_client_close_async(b->client, on_interrupted, NULL);
}

static void close_producer(pulsar_producer_t *producer)
{
    if (!producer)
        return;
    pulsar_producer_close(producer);
    pulsar_producer_free(producer);
}

/* The consumers first: closing one sends its acknowledgements. */
void bus_close(struct bus *b)
{
    for (size_t i = 0; i < b->consumer_count; i++) {
        pulsar_consumer_close(b->consumers[i]);
        pulsar_consumer_free(b->consumers[i]);
    }
    for (size_t i = 0; i < b->producer_count; i++)
        close_producer(b->producers[i]);
    close_producer(b->dead_letters);
    if (b->client) {
        pulsar_client_close(b->client);
        pulsar_client_free(b->client);
    }
    memset(b, 0, sizeof *b);
}

pulsar_producer_t *bus_dead_letters(struct bus *b, const struct runtime_options *options, pulsar_result *result)
{
    struct text topic;

    if (b->dead_letters)
        return b->dead_letters;
    text_init(&topic, TOPIC_MAX);
    pulsar_topic_name(options->settings, options->settings->dead_letter_topic, &topic);
    *result = text_failed(&topic) ? pulsar_result_InvalidTopicName
                                  : create_producer(b, options, topic.data, &b->dead_letters);
    text_deinit(&topic);
    return b->dead_letters;
}

/* ---- failures ---- */

/* Busy: after a crash the broker may still hold the connection that we had. */
bool bus_is_retryable(pulsar_result result)
{
    return result == pulsar_result_ConsumerBusy || result == pulsar_result_ProducerBusy ||
           geminga_result_retryable(result);
}

/* What a broker answers when the tenant or the namespace is not there, which depends on the broker. */
static bool may_lack_namespace(pulsar_result result)
{
    return result == pulsar_result_TopicNotFound || result == pulsar_result_BrokerMetadataError ||
           result == pulsar_result_AuthorizationError || result == pulsar_result_NotAllowedError ||
           result == pulsar_result_LookupError;
}

void bus_explain(const struct runtime_options *options, const char *topic, pulsar_result result, char *message,
                 size_t size)
{
    const struct pulsar_settings *s = options->settings;
    int len = snprintf(message, size, "cannot use %s at %s: %s: %s", topic, s->service_url, pulsar_result_str(result),
                       geminga_result_text(result));

    if (may_lack_namespace(result) && len > 0 && (size_t)len < size)
        snprintf(message + len, size - (size_t)len,
                 ".  If the tenant or the namespace is missing, make them: `pulsar-admin tenants create %s`, then "
                 "`pulsar-admin namespaces create %s/%s`",
                 s->tenant, s->tenant, s->namespace_);
}
