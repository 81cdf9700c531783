/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_test.c - the interface's whole pulsar.toml, its variables over it, and what is refused; and the counters.
 */
#include "base/base_test.h"

#include "services/notary/settings.h"
#include "services/runtime/counters.h"
#include <assert.h>
#include <stdio.h>

/* The complete example of the interface's document, as it stands. */
static const char whole_file[] = "# config/pulsar.toml\n"
                                 "[pulsar]\n"
                                 "service_url = \"pulsar://localhost:6650\"\n"
                                 "\n"
                                 "[pulsar.consumer]\n"
                                 "name = \"afdp-notary-consumer\"\n"
                                 "subscription = \"afdp-notary-subscription\"\n"
                                 "subscription_type = \"Shared\"\n"
                                 "receive_queue_size = 1000\n"
                                 "dead_letter_topic = \"afdp.notary.dlq\"\n"
                                 "max_redeliveries = 3\n"
                                 "\n"
                                 "[pulsar.consumer.batch_receive]\n"
                                 "enabled = true\n"
                                 "max_messages = 100\n"
                                 "max_wait_time = \"100ms\"\n"
                                 "\n"
                                 "[pulsar.producer]\n"
                                 "name = \"afdp-notary-producer\"\n"
                                 "send_timeout = \"30s\"\n"
                                 "compression = \"Lz4\"\n"
                                 "block_if_full = true\n"
                                 "\n"
                                 "[pulsar.producer.batching]\n"
                                 "enabled = true\n"
                                 "max_messages = 100\n"
                                 "max_bytes = 1048576  # 1MB\n"
                                 "max_delay = \"10ms\"\n"
                                 "\n"
                                 "[pulsar.topics]\n"
                                 "events_topic = \"afdp.pipeline.events\"\n"
                                 "results_topic = \"afdp.notary.results\"\n"
                                 "status_topic = \"afdp.notary.status\"\n"
                                 "errors_topic = \"afdp.notary.errors\"\n"
                                 "tenant = \"afdp\"\n"
                                 "namespace = \"default\"\n"
                                 "\n"
                                 "[pulsar.auth]\n"
                                 "method = \"jwt\"\n"
                                 "token = \"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...\"\n"
                                 "\n"
                                 "[pulsar.connection]\n"
                                 "connection_timeout = \"30s\"\n"
                                 "operation_timeout = \"30s\"\n"
                                 "keep_alive_interval = \"30s\"\n"
                                 "max_connections_per_broker = 10\n"
                                 "tls_enabled = false\n"
                                 "tls_validate_hostname = true\n";

struct world {
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    char message[600];
};

static void world_init(struct world *w)
{
    assert_int_equal(notary_settings_init(&w->settings, w->sets), OK);
}

static enum err world_read(struct world *w, const char *text)
{
    return options_read(w->sets, "pulsar.toml", bytes_of_text(text), w->message, sizeof w->message);
}

static enum err world_set(struct world *w, const char *key, const char *value)
{
    return options_set(w->sets, key, value, "test", w->message, sizeof w->message);
}

static enum err world_check(struct world *w)
{
    return notary_settings_check(&w->settings, w->message, sizeof w->message);
}

static void the_documents_complete_file_is_read_as_it_stands(void **state)
{
    struct world w;
    const struct pulsar_settings *p = &w.settings.pulsar;

    world_init(&w);
    assert_int_equal(world_read(&w, whole_file), OK);
    assert_string_equal(p->service_url, "pulsar://localhost:6650");
    assert_string_equal(p->consumer_name, "afdp-notary-consumer");
    assert_string_equal(p->subscription, "afdp-notary-subscription");
    assert_string_equal(p->subscription_type, "Shared");
    assert_int_equal(p->receive_queue_size, 1000);
    assert_string_equal(p->dead_letter_topic, "afdp.notary.dlq");
    assert_int_equal(p->max_redeliveries, 3);
    assert_true(p->batch_receive);
    assert_int_equal(p->batch_receive_max_messages, 100);
    assert_int_equal(p->batch_receive_max_wait_ms, 100);
    assert_string_equal(p->producer_name, "afdp-notary-producer");
    assert_int_equal(p->send_timeout_ms, 30000);
    assert_string_equal(p->compression, "Lz4");
    assert_true(p->block_if_full);
    assert_true(p->batching);
    assert_int_equal(p->batching_max_messages, 100);
    assert_int_equal(p->batching_max_bytes, 1048576);
    assert_int_equal(p->batching_max_delay_ms, 10);
    assert_string_equal(p->events_topic, "afdp.pipeline.events");
    assert_string_equal(p->results_topic, "afdp.notary.results");
    assert_string_equal(p->status_topic, "afdp.notary.status");
    assert_string_equal(p->errors_topic, "afdp.notary.errors");
    assert_string_equal(p->tenant, "afdp");
    assert_string_equal(p->namespace_, "default");
    assert_string_equal(p->auth_method, "jwt");
    assert_string_equal(p->auth_token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...");
    assert_int_equal(p->connection_timeout_ms, 30000);
    assert_int_equal(p->operation_timeout_ms, 30000);
    assert_int_equal(p->keep_alive_interval_ms, 30000);
    assert_int_equal(p->max_connections_per_broker, 10);
    assert_false(p->tls_enabled);
    assert_true(p->tls_validate_hostname);
    assert_int_equal(world_check(&w), OK);
    notary_settings_deinit(w.sets);
}

/* The document's variants: batch processing, more redeliveries, high throughput, low memory. */
static void the_documents_variants_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t queue, redeliveries, messages, wait_ms, batch, bytes, delay_ms;
    } rows[] = {
        {"[pulsar.consumer.batch_receive]\nenabled = true\nmax_messages = 500\nmax_wait_time = \"500ms\"\n", 1000, 3,
         500, 500, 100, 1048576, 10},
        {"[pulsar.consumer]\ndead_letter_topic = \"afdp.notary.dlq\"\nmax_redeliveries = 5\n", 1000, 5, 100, 100, 100,
         1048576, 10},
        {"[pulsar.consumer]\nreceive_queue_size = 5000\n\n[pulsar.consumer.batch_receive]\nenabled = true\n"
         "max_messages = 1000\nmax_wait_time = \"50ms\"\n\n[pulsar.producer.batching]\nenabled = true\n"
         "max_messages = 1000\nmax_bytes = 5242880  # 5MB\nmax_delay = \"5ms\"\n",
         5000, 3, 1000, 50, 1000, 5242880, 5},
        {"# Reduce queue sizes\n[pulsar.consumer]\nreceive_queue_size = 100\n\n[pulsar.consumer.batch_receive]\n"
         "max_messages = 50\n",
         100, 3, 50, 100, 100, 1048576, 10},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;
        const struct pulsar_settings *p = &w.settings.pulsar;

        world_init(&w);
        assert_int_equal(world_read(&w, rows[i].text), OK);
        assert_int_equal(p->receive_queue_size, rows[i].queue);
        assert_int_equal(p->max_redeliveries, rows[i].redeliveries);
        assert_int_equal(p->batch_receive_max_messages, rows[i].messages);
        assert_int_equal(p->batch_receive_max_wait_ms, rows[i].wait_ms);
        assert_int_equal(p->batching_max_messages, rows[i].batch);
        assert_int_equal(p->batching_max_bytes, rows[i].bytes);
        assert_int_equal(p->batching_max_delay_ms, rows[i].delay_ms);
        assert_int_equal(world_check(&w), OK);
        notary_settings_deinit(w.sets);
    }
}

/* The document's variables, with the values that it gives, one at a time. */
static const char *one_variable(const char *name, void *ctx)
{
    const char *const *pair = ctx;

    return strcmp(pair[0], name) == 0 ? pair[1] : NULL;
}

static void every_variable_of_the_document_is_obeyed(void **state)
{
    static const char *const pairs[][3] = {
        {"PULSAR_SERVICE_URL", "pulsar://prod-pulsar:6650", "pulsar.service_url"},
        {"PULSAR_CONSUMER_NAME", "afdp-notary-consumer-1", "pulsar.consumer.name"},
        {"PULSAR_SUBSCRIPTION", "prod-notary", "pulsar.consumer.subscription"},
        {"PULSAR_SUBSCRIPTION_TYPE", "Failover", "pulsar.consumer.subscription_type"},
        {"PULSAR_PRODUCER_NAME", "another-producer", "pulsar.producer.name"},
        {"PULSAR_COMPRESSION", "Zstd", "pulsar.producer.compression"},
        {"PULSAR_EVENTS_TOPIC", "a", "pulsar.topics.events_topic"},
        {"PULSAR_RESULTS_TOPIC", "b", "pulsar.topics.results_topic"},
        {"PULSAR_STATUS_TOPIC", "c", "pulsar.topics.status_topic"},
        {"PULSAR_ERRORS_TOPIC", "d", "pulsar.topics.errors_topic"},
        {"PULSAR_AUTH_METHOD", "jwt", "pulsar.auth.method"},
        {"PULSAR_AUTH_TOKEN", "your-jwt-token", "pulsar.auth.token"},
        {"PULSAR_TLS_ENABLED", "true", "pulsar.connection.tls_enabled"},
        {"PULSAR_TLS_CERT_PATH", "/etc/ssl/certs/pulsar.crt", "pulsar.connection.tls_cert_path"},
        {"PULSAR_TLS_KEY_PATH", "/etc/ssl/private/pulsar.key", "pulsar.connection.tls_key_path"},
        {"PULSAR_TRACING_ENABLED", "true", "pulsar.tracing.enabled"},
        {"OTEL_EXPORTER_JAEGER_ENDPOINT", "http://jaeger:14268/api/traces", "pulsar.tracing.jaeger_endpoint"},
        {"RUST_LOG", "afdp_notary::pulsar=debug,pulsar=debug", "notary.rust_log"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct world w;
        struct text shown;
        char line[300];

        world_init(&w);
        assert_int_equal(options_env(w.sets, one_variable, (void *)(uintptr_t)pairs[i], w.message, sizeof w.message),
                         OK);
        text_init(&shown, 10000);
        options_show(w.sets, false, &shown); /* what is not the default: this variable's key alone */
        snprintf(line, sizeof line, "# %s\n", pairs[i][0]);
        assert_non_null(shown.data);
        assert_non_null(strstr(shown.data, line));
        assert_memory_equal(shown.data, pairs[i][2], strlen(pairs[i][2]));
        assert_int_equal(strcspn(shown.data, "\n") + 1, shown.len);
        if (strstr(pairs[i][0], "TOKEN"))
            assert_null(strstr(shown.data, pairs[i][1]));
        else
            assert_non_null(strstr(shown.data, pairs[i][1]));
        text_deinit(&shown);
        notary_settings_deinit(w.sets);
    }
}

static const char *fake_environment(const char *name, void *ctx)
{
    static const char *const pairs[][2] = {{"PULSAR_SERVICE_URL", "pulsar://prod-pulsar:6650"},
                                           {"PULSAR_SUBSCRIPTION", "prod-notary"},
                                           {"PULSAR_CONSUMER_NAME", "afdp-notary-consumer-2"},
                                           {"PULSAR_SUBSCRIPTION_TYPE", "shared"},
                                           {"PULSAR_COMPRESSION", "zstd"},
                                           {"PULSAR_EVENTS_TOPIC", "persistent://a/b/c"},
                                           {"PULSAR_MAX_REDELIVERIES", "7"},
                                           {"GEMINGA_NOTARY_DATA", "/var/lib/notary"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(pairs[i][0], name) == 0)
            return pairs[i][1];
    return NULL;
}

static void the_environment_goes_over_the_file(void **state)
{
    struct world w;
    struct text topic;

    world_init(&w);
    assert_int_equal(world_read(&w, whole_file), OK);
    assert_int_equal(options_env(w.sets, fake_environment, NULL, w.message, sizeof w.message), OK);
    assert_string_equal(w.settings.pulsar.service_url, "pulsar://prod-pulsar:6650");
    assert_string_equal(w.settings.pulsar.subscription, "prod-notary");
    assert_string_equal(w.settings.pulsar.subscription_type, "Shared");
    assert_string_equal(w.settings.pulsar.compression, "Zstd");
    assert_int_equal(w.settings.pulsar.max_redeliveries, 7);
    assert_string_equal(w.settings.own.data_dir, "/var/lib/notary");
    text_init(&topic, 1000);
    pulsar_topic_name(&w.settings.pulsar, w.settings.pulsar.events_topic, &topic);
    text_add(&topic, " ");
    pulsar_topic_name(&w.settings.pulsar, w.settings.pulsar.results_topic, &topic);
    assert_string_equal(topic.data, "persistent://a/b/c persistent://afdp/default/afdp.notary.results");
    text_deinit(&topic);
    notary_settings_deinit(w.sets);
}

static void the_defaults_are_those_of_the_document_and_valid(void **state)
{
    struct world w;
    const struct pulsar_settings *p = &w.settings.pulsar;

    world_init(&w);
    assert_string_equal(p->subscription, "afdp-notary-subscription");
    assert_string_equal(p->events_topic, "afdp.pipeline.events");
    assert_string_equal(p->dead_letter_topic, "afdp.notary.dlq");
    assert_int_equal(p->max_redeliveries, 3);
    assert_int_equal(p->receive_queue_size, 1000);
    assert_int_equal(p->batch_receive_max_wait_ms, 100);
    assert_string_equal(w.settings.own.log_url, "geminga:embedded");
    assert_int_equal(world_check(&w), OK);
    notary_settings_deinit(w.sets);
}

static void a_mistyped_key_is_named_with_its_line_and_its_neighbour(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(world_read(&w, "[pulsar.consumer]\nname = \"x\"\nsubscripton = \"y\"\n"), ERR_INVALID);
    assert_non_null(strstr(w.message, "pulsar.toml:3"));
    assert_non_null(strstr(w.message, "pulsar.consumer.subscription"));
    notary_settings_deinit(w.sets);
}

static void temporal_needs_settings_that_make_sense(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(world_set(&w, "notary.temporal.address", "http://temporal:7233"), OK);
    assert_int_equal(world_check(&w), OK);
    assert_int_equal(world_set(&w, "notary.workflow.engine", "temporal"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_non_null(strstr(w.message, "notary.temporal.address must be HOST:PORT"));
    assert_int_equal(world_set(&w, "notary.temporal.address", "temporal:7233"), OK);
    assert_int_equal(world_check(&w), OK);
    assert_int_equal(world_set(&w, "notary.temporal.api_key", "secret"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_null(strstr(w.message, "secret"));
    assert_int_equal(world_set(&w, "notary.temporal.tls", "true"), OK);
    assert_int_equal(world_check(&w), OK);
    assert_int_equal(world_set(&w, "notary.temporal.key", "key.pem"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_int_equal(world_set(&w, "notary.temporal.certificate", "certificate.pem"), OK);
    assert_int_equal(world_set(&w, "notary.temporal.task_queue", ""), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    notary_settings_deinit(w.sets);
}

static void what_is_not_built_is_refused_and_not_ignored(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(world_set(&w, "pulsar.service_url", "http://x:8080"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_int_equal(world_set(&w, "pulsar.service_url", "pulsar://x"), OK);
    assert_int_equal(world_set(&w, "pulsar.tracing.protocol", "grpc"), OK);
    assert_int_equal(world_check(&w), OK);
    assert_int_equal(world_set(&w, "pulsar.tracing.enabled", "true"), OK);
    assert_int_equal(world_check(&w), ERR_UNSUPPORTED);
    assert_non_null(strstr(w.message, "OTEL_EXPORTER_OTLP_PROTOCOL"));
    notary_settings_deinit(w.sets);
}

static void settings_that_do_not_go_together_are_refused(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(world_set(&w, "pulsar.auth.method", "jwt"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_non_null(strstr(w.message, "PULSAR_AUTH_TOKEN"));
    assert_int_equal(world_set(&w, "pulsar.auth.method", "none"), OK);
    assert_int_equal(world_set(&w, "notary.log.url", "a b"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_non_null(strstr(w.message, "notary.log.url"));
    notary_settings_deinit(w.sets);
}

static void each_way_to_authenticate_wants_what_it_shows(void **state)
{
    static const struct {
        const char *method, *key, *bad, *good, *says;
    } rows[] = {
        {"jwt", "pulsar.auth.token", NULL, "a.b.c", "PULSAR_AUTH_TOKEN"},
        {"token", "pulsar.auth.token", NULL, "file:///run/secrets/token", "PULSAR_AUTH_TOKEN"},
        {"basic", "pulsar.auth.params", NULL, "userId:a,password:secret", "PULSAR_AUTH_PARAMS"},
        {"basic", "pulsar.auth.params", "userId:a", "a:secret", "userId:NAME,password:TEXT"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;

        world_init(&w);
        assert_int_equal(world_set(&w, "pulsar.auth.method", rows[i].method), OK);
        if (rows[i].bad)
            assert_int_equal(world_set(&w, rows[i].key, rows[i].bad), OK);
        assert_int_equal(world_check(&w), ERR_INVALID);
        assert_non_null(strstr(w.message, rows[i].says));
        assert_int_equal(world_set(&w, rows[i].key, rows[i].good), OK);
        assert_int_equal(world_check(&w), OK);
        notary_settings_deinit(w.sets);
    }
}

static void a_certificate_and_its_key_go_together(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(world_set(&w, "pulsar.service_url", "pulsar+ssl://x:6651"), OK);
    assert_int_equal(world_check(&w), OK);
    assert_int_equal(world_set(&w, "pulsar.auth.method", "tls"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_int_equal(world_set(&w, "pulsar.connection.tls_cert_path", "/c.pem"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_non_null(strstr(w.message, "PULSAR_TLS_KEY_PATH"));
    assert_int_equal(world_set(&w, "pulsar.connection.tls_key_path", "/k.pem"), OK);
    assert_int_equal(world_check(&w), OK);
    notary_settings_deinit(w.sets);
}

/* ---- config/pulsar.toml ---- */

static const char *project_file; /* its path: the program's argument */

static char *file_of_project(void)
{
    static char text[256u << 10];
    FILE *f = fopen(project_file, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

/* The line of a key within its table of the file, which may be one in a comment ("# token = ..."); NULL: none. */
static const char *line_of(const char *file, const char *key)
{
    const char *dot = strrchr(key, '.'), *at, *end;
    char table[200], name[200];

    snprintf(table, sizeof table, "\n[%.*s]\n", (int)(dot - key), key);
    snprintf(name, sizeof name, "%s = ", dot + 1);
    if (!(at = strstr(file, table)))
        return NULL;
    end = strstr(at + strlen(table), "\n[");
    for (at += strlen(table) - 1; at && (!end || at < end); at = strchr(at + 1, '\n')) {
        const char *word = at + 1 + (strncmp(at + 1, "# ", 2) == 0 ? 2 : 0);
        if (strncmp(word, name, strlen(name)) == 0)
            return at + 1;
    }
    return NULL;
}

static void option_is_in(const char *file, const struct option *option)
{
    const char *line = line_of(file, option->key);

    if (!line)
        fail_msg("config/pulsar.toml has no line of %s", option->key);
    const size_t len = strcspn(line, "\n");
    if (option->env && !memmem(line, len, option->env, strlen(option->env)))
        fail_msg("config/pulsar.toml does not tell the variable of %s: %s", option->key, option->env);
    if (line[0] != '#' && !option->fallback)
        fail_msg("config/pulsar.toml sets %s, which has no default: put it into a comment", option->key);
}

static void the_file_of_the_project_has_every_key_its_variable_and_its_default(void **state)
{
    const char *file = file_of_project();
    struct world w;
    struct text defaults, shown;
    char *origins;

    world_init(&w);
    text_init(&defaults, 1u << 20);
    text_init(&shown, 1u << 20);
    options_show_json(w.sets, true, &defaults);
    if (world_read(&w, file) != OK)
        fail_msg("%s", w.message);
    for (const struct options *o = w.sets; o; o = o->next)
        for (size_t i = 0; i < o->count; i++)
            option_is_in(file, &o->table[i]);
    options_show_json(w.sets, true, &shown);
    /* The same but for who says so. */
    while ((origins = strstr(shown.data, "\"origin\": \"pulsar.toml:"))) {
        size_t len = strcspn(origins + 11, "\"");
        memmove(origins + 11 + 7, origins + 11 + len, strlen(origins + 11 + len) + 1);
        memcpy(origins + 11, "default", 7);
    }
    assert_string_equal(shown.data, defaults.data);
    text_deinit(&shown);
    text_deinit(&defaults);
    notary_settings_deinit(w.sets);
}

/* ---- tracing ---- */

static void expect_traces_at(const char *key, const char *value, const char *expected)
{
    struct world w;
    struct text url;

    world_init(&w);
    text_init(&url, 1000);
    assert_int_equal(world_set(&w, "pulsar.tracing.enabled", "true"), OK);
    assert_int_equal(world_set(&w, key, value), OK);
    if (world_check(&w) != OK)
        fail_msg("%s", w.message);
    pulsar_tracing_url(&w.settings.pulsar, &url);
    assert_string_equal(url.data, expected);
    text_deinit(&url);
    notary_settings_deinit(w.sets);
}

static void spans_go_where_the_endpoint_says(void **state)
{
    expect_traces_at("pulsar.tracing.protocol", "http/json", "http://localhost:4318/v1/traces");
    expect_traces_at("pulsar.tracing.endpoint", "https://otel.example:4318", "https://otel.example:4318/v1/traces");
    expect_traces_at("pulsar.tracing.endpoint", "http://otel/prefix/", "http://otel/prefix/v1/traces");
    expect_traces_at("pulsar.tracing.traces_endpoint", "http://otel:9/x", "http://otel:9/x");
}

static void an_old_jaeger_endpoint_becomes_its_otlp_port(void **state)
{
    const char *key = "pulsar.tracing.jaeger_endpoint";

    expect_traces_at(key, "http://jaeger:14268/api/traces", "http://jaeger:4318/v1/traces");
    expect_traces_at(key, "https://[::1]:14268/api/traces", "https://[::1]:4318/v1/traces");
    expect_traces_at(key, "http://jaeger:40000/api/traces", "http://jaeger:40000/v1/traces");
    expect_traces_at(key, "https://jaeger/api/traces", "https://jaeger/v1/traces");
}

static void an_endpoint_that_spans_cannot_go_to_is_refused(void **state)
{
    static const char *const rows[][3] = {
        {"pulsar.tracing.endpoint", "otel:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"},
        {"pulsar.tracing.endpoint", "grpc://otel:4317", "OTEL_EXPORTER_OTLP_ENDPOINT"},
        {"pulsar.tracing.traces_endpoint", "http://", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
        {"pulsar.tracing.jaeger_endpoint", "http://jaeger:14268", "OTEL_EXPORTER_JAEGER_ENDPOINT"},
        {"pulsar.tracing.jaeger_endpoint", "jaeger:6831", "OTEL_EXPORTER_JAEGER_ENDPOINT"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;

        world_init(&w);
        assert_int_equal(world_set(&w, rows[i][0], rows[i][1]), OK);
        assert_int_equal(world_check(&w), OK); /* nobody asked for tracing */
        assert_int_equal(world_set(&w, "pulsar.tracing.enabled", "true"), OK);
        assert_int_equal(world_check(&w), ERR_INVALID);
        assert_non_null(strstr(w.message, rows[i][2]));
        notary_settings_deinit(w.sets);
    }
}

/* ---- the log ---- */

struct lines {
    size_t count;
    char last[500];
};

static void count_line(void *ctx, const char *text, size_t len)
{
    struct lines *lines = ctx;

    lines->count++;
    snprintf(lines->last, sizeof lines->last, "%s", text);
}

static bool is_logged(struct log *log, enum log_level level, const char *component)
{
    struct lines *lines = log->ctx;
    size_t before = lines->count;

    log_write(log, level, component, "x");
    return lines->count > before;
}

static void components_of_the_log_have_levels_of_their_own(void **state)
{
    struct lines lines = {0};
    struct log log = {.line = count_line, .ctx = &lines};
    struct world w;

    world_init(&w);
    assert_int_equal(world_set(&w, "notary.log_level", "loud"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_non_null(strstr(w.message, "notary.log_level"));
    assert_int_equal(world_set(&w, "notary.log_level", "warn,journal=debug"), OK);
    assert_int_equal(world_set(&w, "notary.log_format", "json"), OK);
    assert_int_equal(world_check(&w), OK);
    notary_log_init(&w.settings, &log);
    assert_true(is_logged(&log, LOG_DEBUG, "journal"));
    assert_string_equal(lines.last, "{\"level\":\"debug\",\"component\":\"journal\",\"message\":\"x\"}\n");
    assert_false(is_logged(&log, LOG_INFO, "notary"));
    assert_true(is_logged(&log, LOG_WARN, "notary"));
    notary_settings_deinit(w.sets);
}

static void rust_log_is_understood(void **state)
{
    static const struct {
        const char *value;
        enum log_level notary, journal, pulsar; /* the lowest that is logged of each */
    } rows[] = {
        {"afdp_notary::pulsar=debug,pulsar=debug", LOG_DEBUG, LOG_INFO, LOG_DEBUG},
        {"debug", LOG_DEBUG, LOG_DEBUG, LOG_DEBUG},
        {"error,afdp_notary::journal=trace", LOG_ERROR, LOG_DEBUG, LOG_ERROR},
        {"afdp_notary=warn", LOG_WARN, LOG_WARN, LOG_WARN},
        {"afdp_notary::journal", LOG_INFO, LOG_DEBUG, LOG_INFO},
        {"hyper=debug, tokio::net=trace,=,x=y,afdp_notary::=debug,", LOG_INFO, LOG_INFO, LOG_INFO},
        {"off", LOG_ERROR, LOG_ERROR, LOG_ERROR},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const names[] = {"notary", "journal", "pulsar"};
        const enum log_level lowest[] = {rows[i].notary, rows[i].journal, rows[i].pulsar};
        struct lines lines = {0};
        struct log log = {.line = count_line, .ctx = &lines};
        struct world w;

        world_init(&w);
        assert_int_equal(world_set(&w, "notary.rust_log", rows[i].value), OK);
        assert_int_equal(world_check(&w), OK);
        notary_log_init(&w.settings, &log);
        for (size_t k = 0; k < 3; k++) {
            assert_true(is_logged(&log, lowest[k], names[k]));
            assert_true(lowest[k] == LOG_DEBUG || !is_logged(&log, lowest[k] - 1, names[k]));
        }
        notary_settings_deinit(w.sets);
    }
}

/* ---- counters ---- */

static void counters_are_written_under_their_documented_names(void **state)
{
    static const char *const expected[] = {
        "pulsar_messages_received_total{service=\"notary\"} 3\n",
        "pulsar_messages_processed_total{service=\"notary\"} 2\n",
        "pulsar_processing_duration_seconds_bucket{service=\"notary\",le=\"0.005\"} 1\n",
        "pulsar_processing_duration_seconds_bucket{service=\"notary\",le=\"+Inf\"} 2\n",
        "pulsar_processing_duration_seconds_count{service=\"notary\"} 2\n",
        "pulsar_errors_total{service=\"notary\",kind=\"dead_lettered\"} 1\n",
        "pulsar_errors_total{service=\"notary\",kind=\"refused\"} 0\n",
        "pulsar_messages_sent_total{service=\"notary\"} 1\n",
        "pulsar_send_duration_seconds_sum{service=\"notary\"} 0.75\n",
        "pulsar_send_errors_total{service=\"notary\"} 1\n"};
    struct counters c;
    struct text out;

    counters_init(&c, "notary");
    counters_received(&c, 3);
    counters_processed(&c, 0.004);
    counters_processed(&c, 60);
    counters_error(&c, COUNTED_DEAD_LETTERED);
    counters_sent(&c, true, 0.25);
    counters_sent(&c, false, 0.5);
    text_init(&out, 100000);
    counters_write(&c, &out);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_non_null(strstr(out.data, expected[i]));
    text_deinit(&out);
    counters_deinit(&c);
}

int main(int argc, char **argv)
{
    assert(argc == 2);
    project_file = argv[1];

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documents_complete_file_is_read_as_it_stands),
        cmocka_unit_test(the_documents_variants_are_read),
        cmocka_unit_test(every_variable_of_the_document_is_obeyed),
        cmocka_unit_test(the_file_of_the_project_has_every_key_its_variable_and_its_default),
        cmocka_unit_test(spans_go_where_the_endpoint_says),
        cmocka_unit_test(an_old_jaeger_endpoint_becomes_its_otlp_port),
        cmocka_unit_test(an_endpoint_that_spans_cannot_go_to_is_refused),
        cmocka_unit_test(components_of_the_log_have_levels_of_their_own),
        cmocka_unit_test(rust_log_is_understood),
        cmocka_unit_test(the_environment_goes_over_the_file),
        cmocka_unit_test(the_defaults_are_those_of_the_document_and_valid),
        cmocka_unit_test(a_mistyped_key_is_named_with_its_line_and_its_neighbour),
        cmocka_unit_test(temporal_needs_settings_that_make_sense),
        cmocka_unit_test(what_is_not_built_is_refused_and_not_ignored),
        cmocka_unit_test(settings_that_do_not_go_together_are_refused),
        cmocka_unit_test(each_way_to_authenticate_wants_what_it_shows),
        cmocka_unit_test(a_certificate_and_its_key_go_together),
        cmocka_unit_test(counters_are_written_under_their_documented_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
