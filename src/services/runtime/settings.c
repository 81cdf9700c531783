/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - the table.
 */
#include "services/runtime/settings.h"

#include "base/text.h"
#include "security/auth_params.h"
#include <stdio.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct pulsar_settings, member)
#define SECOND     INT64_C(1000)
#define HOUR       (3600 * SECOND)

static const char *const subscription_types[] = {"Exclusive", "Shared", "Failover", "KeyShared", NULL};
static const char *const compressions[] = {"None", "Lz4", "Zlib", "Zstd", "Snappy", NULL};
static const char *const auth_methods[] = {"none", "jwt", "token", "basic", "tls", NULL};

static const struct option rows[] = {
    {.key = "pulsar.service_url",
     .env = "PULSAR_SERVICE_URL",
     .flag = "--service-url",
     .type = OPTION_TEXT,
     .fallback = "pulsar://localhost:6650",
     AT(service_url),
     .text = "Where Pulsar (or Geminga) is."},

    {.key = "pulsar.consumer.name",
     .env = "PULSAR_CONSUMER_NAME",
     .type = OPTION_TEXT,
     .fallback = "afdp-notary-consumer",
     AT(consumer_name),
     .text = "The consumer's name in the topic's statistics."},
    {.key = "pulsar.consumer.subscription",
     .env = "PULSAR_SUBSCRIPTION",
     .flag = "--subscription",
     .type = OPTION_TEXT,
     .fallback = "afdp-notary-subscription",
     AT(subscription),
     .text = "The subscription on the events topic."},
    {.key = "pulsar.consumer.subscription_type",
     .env = "PULSAR_SUBSCRIPTION_TYPE",
     .type = OPTION_CHOICE,
     .fallback = "Shared",
     .choices = subscription_types,
     AT(subscription_type),
     .text = "How consumers share it."},
    {.key = "pulsar.consumer.receive_queue_size",
     .env = "PULSAR_RECEIVE_QUEUE_SIZE",
     .type = OPTION_INTEGER,
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     AT(receive_queue_size),
     .text = "Messages asked for in advance."},
    {.key = "pulsar.consumer.dead_letter_topic",
     .env = "PULSAR_DEAD_LETTER_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.notary.dlq",
     AT(dead_letter_topic),
     .text = "Where a message goes that could not be processed max_redeliveries + 1 times."},
    {.key = "pulsar.consumer.max_redeliveries",
     .env = "PULSAR_MAX_REDELIVERIES",
     .type = OPTION_INTEGER,
     .fallback = "3",
     .min = 0,
     .max = 1000000,
     AT(max_redeliveries),
     .text = "Further attempts after the first."},
    {.key = "pulsar.consumer.nack_redelivery_delay",
     .env = "PULSAR_NACK_REDELIVERY_DELAY",
     .type = OPTION_DURATION,
     .fallback = "5s",
     .min = 1,
     .max = HOUR,
     AT(nack_delay_ms),
     .text = "How long a message waits for its next attempt."},
    {.key = "pulsar.consumer.batch_receive.enabled",
     .env = "PULSAR_BATCH_RECEIVE_ENABLED",
     .type = OPTION_BOOL,
     .fallback = "true",
     AT(batch_receive),
     .text = "Whether messages are taken in batches."},
    {.key = "pulsar.consumer.batch_receive.max_messages",
     .env = "PULSAR_BATCH_RECEIVE_MAX_MESSAGES",
     .type = OPTION_INTEGER,
     .fallback = "100",
     .min = 1,
     .max = 1000,
     AT(batch_receive_max_messages),
     .text = "The most in one batch."},
    {.key = "pulsar.consumer.batch_receive.max_wait_time",
     .env = "PULSAR_BATCH_RECEIVE_MAX_WAIT_TIME",
     .type = OPTION_DURATION,
     .fallback = "100ms",
     .min = 1,
     .max = 10 * SECOND,
     AT(batch_receive_max_wait_ms),
     .text = "How long a batch may take to fill; a lone message waits that long."},

    {.key = "pulsar.producer.name",
     .env = "PULSAR_PRODUCER_NAME",
     .type = OPTION_TEXT,
     .fallback = "afdp-notary-producer",
     AT(producer_name),
     .text = "The producers' name; each process adds a suffix, so that two can run."},
    {.key = "pulsar.producer.send_timeout",
     .env = "PULSAR_SEND_TIMEOUT",
     .type = OPTION_DURATION,
     .fallback = "30s",
     .min = 100,
     .max = HOUR,
     AT(send_timeout_ms),
     .text = "How long a publication may wait for its receipt."},
    {.key = "pulsar.producer.compression",
     .env = "PULSAR_COMPRESSION",
     .type = OPTION_CHOICE,
     .fallback = "Lz4",
     .choices = compressions,
     AT(compression),
     .text = "How payloads are compressed."},
    {.key = "pulsar.producer.block_if_full",
     .env = "PULSAR_BLOCK_IF_FULL",
     .type = OPTION_BOOL,
     .fallback = "true",
     AT(block_if_full),
     .text = "Whether publishing waits when too much is pending; otherwise it fails."},
    {.key = "pulsar.producer.batching.enabled",
     .env = "PULSAR_BATCHING_ENABLED",
     .type = OPTION_BOOL,
     .fallback = "true",
     AT(batching),
     .text = "Whether publications are batched."},
    {.key = "pulsar.producer.batching.max_messages",
     .env = "PULSAR_BATCHING_MAX_MESSAGES",
     .type = OPTION_INTEGER,
     .fallback = "100",
     .min = 1,
     .max = 100000,
     AT(batching_max_messages),
     .text = "The most in one batch."},
    {.key = "pulsar.producer.batching.max_bytes",
     .env = "PULSAR_BATCHING_MAX_BYTES",
     .type = OPTION_BYTES,
     .fallback = "1048576",
     .min = 1024,
     .max = 5 * 1024 * 1024,
     AT(batching_max_bytes),
     .text = "The most bytes in one batch."},
    {.key = "pulsar.producer.batching.max_delay",
     .env = "PULSAR_BATCHING_MAX_DELAY",
     .type = OPTION_DURATION,
     .fallback = "10ms",
     .min = 1,
     .max = 10 * SECOND,
     AT(batching_max_delay_ms),
     .text = "How long a batch may wait."},

    {.key = "pulsar.topics.events_topic",
     .env = "PULSAR_EVENTS_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.pipeline.events",
     AT(events_topic),
     .text = "Events come from here."},
    {.key = "pulsar.topics.results_topic",
     .env = "PULSAR_RESULTS_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.notary.results",
     AT(results_topic),
     .text = "Results go here."},
    {.key = "pulsar.topics.status_topic",
     .env = "PULSAR_STATUS_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.notary.status",
     AT(status_topic),
     .text = "Status updates go here."},
    {.key = "pulsar.topics.errors_topic",
     .env = "PULSAR_ERRORS_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.notary.errors",
     AT(errors_topic),
     .text = "Errors go here."},
    {.key = "pulsar.topics.tenant",
     .env = "PULSAR_TENANT",
     .type = OPTION_TEXT,
     .fallback = "afdp",
     AT(tenant),
     .text = "The tenant of topics that are not named in full."},
    {.key = "pulsar.topics.namespace",
     .env = "PULSAR_NAMESPACE",
     .type = OPTION_TEXT,
     .fallback = "default",
     AT(namespace_),
     .text = "The namespace of topics that are not named in full."},

    {.key = "pulsar.auth.method",
     .env = "PULSAR_AUTH_METHOD",
     .type = OPTION_CHOICE,
     .fallback = "none",
     .choices = auth_methods,
     AT(auth_method),
     .text = "How we say who we are; jwt and token are the same; tls: by tls_cert_path and tls_key_path."},
    {.key = "pulsar.auth.token",
     .env = "PULSAR_AUTH_TOKEN",
     .type = OPTION_TEXT,
     .secret = true,
     AT(auth_token),
     .text = "The token, or where it is: file:///PATH, read again for each connection, or env:NAME."},
    {.key = "pulsar.auth.params",
     .env = "PULSAR_AUTH_PARAMS",
     .type = OPTION_TEXT,
     .secret = true,
     AT(auth_params),
     .text = "What basic shows: userId:NAME,password:TEXT, or as JSON."},

    {.key = "pulsar.connection.connection_timeout",
     .env = "PULSAR_CONNECTION_TIMEOUT",
     .type = OPTION_DURATION,
     .fallback = "30s",
     .min = 100,
     .max = HOUR,
     AT(connection_timeout_ms),
     .text = "How long a connection may take to come about."},
    {.key = "pulsar.connection.operation_timeout",
     .env = "PULSAR_OPERATION_TIMEOUT",
     .type = OPTION_DURATION,
     .fallback = "30s",
     .min = SECOND,
     .max = HOUR,
     AT(operation_timeout_ms),
     .text = "How long an operation may take."},
    {.key = "pulsar.connection.keep_alive_interval",
     .env = "PULSAR_KEEP_ALIVE_INTERVAL",
     .type = OPTION_DURATION,
     .fallback = "30s",
     .min = SECOND,
     .max = HOUR,
     AT(keep_alive_interval_ms),
     .text = "The time between two pings."},
    {.key = "pulsar.connection.max_connections_per_broker",
     .env = "PULSAR_MAX_CONNECTIONS_PER_BROKER",
     .type = OPTION_INTEGER,
     .fallback = "10",
     .min = 1,
     .max = 1000,
     AT(max_connections_per_broker),
     .text = "An upper bound; the notary needs one."},
    {.key = "pulsar.connection.tls_enabled",
     .env = "PULSAR_TLS_ENABLED",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(tls_enabled),
     .text = "A pulsar:// URL is one with TLS, too (its port stays); a pulsar+ssl:// URL always is."},
    {.key = "pulsar.connection.tls_validate_hostname",
     .env = "PULSAR_TLS_VALIDATE_HOSTNAME",
     .type = OPTION_BOOL,
     .fallback = "true",
     AT(tls_validate_hostname),
     .text = "Whether the broker's certificate must be that of the URL's host."},
    {.key = "pulsar.connection.tls_trust_certs_path",
     .env = "PULSAR_TLS_TRUST_CERTS_PATH",
     .type = OPTION_TEXT,
     AT(tls_trust_certs_path),
     .text = "Certificates to trust, a PEM file; by default the system's."},
    {.key = "pulsar.connection.tls_allow_insecure",
     .env = "PULSAR_TLS_ALLOW_INSECURE",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(tls_allow_insecure),
     .text = "Any certificate will do: whoever is in between can read everything."},
    {.key = "pulsar.connection.tls_cert_path",
     .env = "PULSAR_TLS_CERT_PATH",
     .type = OPTION_TEXT,
     AT(tls_cert_path),
     .text = "Our own certificate, a PEM file."},
    {.key = "pulsar.connection.tls_key_path",
     .env = "PULSAR_TLS_KEY_PATH",
     .type = OPTION_TEXT,
     AT(tls_key_path),
     .text = "Its key, a PEM file."},
    {.key = "pulsar.tracing.enabled",
     .env = "PULSAR_TRACING_ENABLED",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(tracing_enabled),
     .text = "Whether spans of what becomes of each event are sent to an OpenTelemetry collector."},
    {.key = "pulsar.tracing.endpoint",
     .env = "OTEL_EXPORTER_OTLP_ENDPOINT",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:4318",
     AT(tracing_endpoint),
     .text = "The collector (OTLP over HTTP); spans go to /v1/traces of it."},
    {.key = "pulsar.tracing.traces_endpoint",
     .env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
     .type = OPTION_TEXT,
     AT(tracing_traces_endpoint),
     .text = "The whole URL that spans go to, instead of the endpoint and /v1/traces."},
    {.key = "pulsar.tracing.jaeger_endpoint",
     .env = "OTEL_EXPORTER_JAEGER_ENDPOINT",
     .type = OPTION_TEXT,
     AT(tracing_jaeger_endpoint),
     .text = "A Jaeger as its old exporter had it (http://HOST:14268/api/traces): spans go to its OTLP port, 4318."},
    {.key = "pulsar.tracing.protocol",
     .env = "OTEL_EXPORTER_OTLP_PROTOCOL",
     .type = OPTION_TEXT,
     .fallback = "http/json",
     AT(tracing_protocol),
     .text = "What is spoken: http/json; anything else is refused."},
    {.key = "pulsar.tracing.service_name",
     .env = "OTEL_SERVICE_NAME",
     .type = OPTION_TEXT,
     .fallback = "afdp-notary-pulsar",
     AT(tracing_service_name),
     .text = "The service's name in traces."},
    {.key = "pulsar.tracing.headers",
     .env = "OTEL_EXPORTER_OTLP_HEADERS",
     .type = OPTION_TEXT,
     .secret = true,
     AT(tracing_headers),
     .text = "Headers for the collector: NAME=VALUE,NAME=VALUE, values with %XX where they need it."},
    {.key = "pulsar.tracing.trust_certs_path",
     .env = "OTEL_EXPORTER_OTLP_CERTIFICATE",
     .type = OPTION_TEXT,
     AT(tracing_trust_certs),
     .text = "Certificates to trust at the collector, a PEM file; by default the system's."},
};

const struct option_table pulsar_options = OPTION_TABLE(rows);

static bool has_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

static bool is_method(const struct pulsar_settings *s, const char *method)
{
    return strcmp(s->auth_method, method) == 0;
}

static enum err basic_check(const struct pulsar_settings *s, char *message, size_t message_size)
{
    struct auth_params params;
    enum err err = auth_params_read(&params, "basic", s->auth_params, message, message_size);

    if (err == OK)
        auth_params_deinit(&params);
    return err;
}

static enum err auth_check(const struct pulsar_settings *s, char *message, size_t message_size)
{
    const bool by_token = is_method(s, "jwt") || is_method(s, "token");
    const char *missing = NULL;

    if (by_token && !text_given(s->auth_token))
        missing = "pulsar.auth.token (PULSAR_AUTH_TOKEN) is";
    else if (is_method(s, "basic") && !text_given(s->auth_params))
        missing = "pulsar.auth.params (PULSAR_AUTH_PARAMS) is";
    else if (is_method(s, "tls") && !text_given(s->tls_cert_path))
        missing = "pulsar.connection.tls_cert_path and tls_key_path (PULSAR_TLS_CERT_PATH, PULSAR_TLS_KEY_PATH) are";
    if (!missing)
        return is_method(s, "basic") ? basic_check(s, message, message_size) : OK;
    snprintf(message, message_size, "pulsar.auth.method is %s, and %s not set", s->auth_method, missing);
    return ERR_INVALID;
}

/* ---- tracing ---- */

#define JAEGER_PORT "14268"
#define JAEGER_PATH "/api/traces"
#define OTLP_PORT   "4318"
#define TRACES_PATH "/v1/traces"

/* The authority of an http or https URL, as a span of it; NULL: it is none. */
static const char *authority_of(const char *url, size_t *len)
{
    const size_t skip = has_scheme(url, "https://") ? 8 : has_scheme(url, "http://") ? 7 : 0;

    *len = skip ? strcspn(url + skip, "/?#") : 0;
    return *len > 0 ? url + skip : NULL;
}

static bool is_jaeger(const char *url)
{
    size_t len;
    const char *authority = authority_of(url, &len);

    return authority && strcmp(authority + len, JAEGER_PATH) == 0;
}

static enum err tracing_check(const struct pulsar_settings *s, char *message, size_t message_size)
{
    const bool is_whole = text_given(s->tracing_traces_endpoint);
    const char *url = is_whole ? s->tracing_traces_endpoint : s->tracing_endpoint;
    size_t len;

    if (strcmp(s->tracing_protocol, "http/json") != 0) {
        snprintf(message, message_size,
                 "pulsar.tracing.protocol (OTEL_EXPORTER_OTLP_PROTOCOL) is %.40s, and spans are sent as http/json; "
                 "collectors take that on their HTTP port, usually " OTLP_PORT,
                 s->tracing_protocol);
        return ERR_UNSUPPORTED;
    }
    if (!authority_of(url, &len)) {
        snprintf(message, message_size, "%s must be http://HOST:PORT or https://HOST:PORT, and is %.100s",
                 is_whole ? "pulsar.tracing.traces_endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)"
                          : "pulsar.tracing.endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)",
                 url);
        return ERR_INVALID;
    }
    if (text_given(s->tracing_jaeger_endpoint) && !is_jaeger(s->tracing_jaeger_endpoint)) {
        snprintf(message, message_size,
                 "pulsar.tracing.jaeger_endpoint (OTEL_EXPORTER_JAEGER_ENDPOINT) must be http://HOST:" JAEGER_PORT
                     JAEGER_PATH ", and is %.100s",
                 s->tracing_jaeger_endpoint);
        return ERR_INVALID;
    }
    return OK;
}

static void jaeger_url(const char *url, struct text *out)
{
    size_t len;
    const char *authority = authority_of(url, &len);
    const size_t port = strlen(":" JAEGER_PORT);
    const bool is_usual = len > port && memcmp(authority + len - port, ":" JAEGER_PORT, port) == 0;

    text_printf(out, "%.*s%s" TRACES_PATH, (int)((size_t)(authority - url) + len - (is_usual ? port : 0)), url,
                is_usual ? ":" OTLP_PORT : "");
}

void pulsar_tracing_url(const struct pulsar_settings *s, struct text *out)
{
    size_t len = strlen(s->tracing_endpoint);

    if (text_given(s->tracing_traces_endpoint)) {
        text_add(out, s->tracing_traces_endpoint);
    } else if (text_given(s->tracing_jaeger_endpoint)) {
        jaeger_url(s->tracing_jaeger_endpoint, out);
    } else {
        while (len > 0 && s->tracing_endpoint[len - 1] == '/')
            len--;
        text_printf(out, "%.*s" TRACES_PATH, (int)len, s->tracing_endpoint);
    }
}

/* ---- all of it ---- */

enum err pulsar_settings_check(const struct pulsar_settings *s, char *message, size_t message_size)
{
    enum err err = s->tracing_enabled ? tracing_check(s, message, message_size) : OK;

    if (err != OK)
        return err;
    if (!has_scheme(s->service_url, "pulsar://") && !has_scheme(s->service_url, "pulsar+ssl://")) {
        snprintf(message, message_size,
                 "pulsar.service_url must be pulsar://HOST:PORT or pulsar+ssl://HOST:PORT, and is %.100s",
                 s->service_url);
        return ERR_INVALID;
    }
    if (text_given(s->tls_cert_path) != text_given(s->tls_key_path)) {
        snprintf(
            message, message_size,
            "tls_cert_path and tls_key_path (PULSAR_TLS_CERT_PATH, PULSAR_TLS_KEY_PATH) are our own certificate and "
            "its key, and go together; certificates to trust are tls_trust_certs_path");
        return ERR_INVALID;
    }
    return auth_check(s, message, message_size);
}

void pulsar_topic_name(const struct pulsar_settings *s, const char *topic, struct text *out)
{
    if (strstr(topic, "://"))
        text_add(out, topic);
    else
        text_printf(out, "persistent://%s/%s/%s", s->tenant, s->namespace_, topic);
}
