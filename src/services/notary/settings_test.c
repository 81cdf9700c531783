/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_test.c - the interface's whole pulsar.toml, its variables over it, and what is refused; and the counters.
 */
#include "base/base_test.h"

#include "services/notary/settings.h"
#include "services/runtime/counters.h"

/* The complete example of the interface's document. */
static const char whole_file[] =
    "[pulsar]\nservice_url = \"pulsar://localhost:6651\"\n"
    "[pulsar.consumer]\nname = \"c\"\nsubscription = \"s\"\nsubscription_type = \"Shared\"\nreceive_queue_size = 500\n"
    "dead_letter_topic = \"dlq\"\nmax_redeliveries = 5\n"
    "[pulsar.consumer.batch_receive]\nenabled = true\nmax_messages = 1000\nmax_wait_time = \"50ms\"\n"
    "[pulsar.producer]\nname = \"p\"\nsend_timeout = \"31s\"\ncompression = \"Lz4\"\nblock_if_full = true\n"
    "[pulsar.producer.batching]\nenabled = true\nmax_messages = 1000\nmax_bytes = 5242880  # 5MB\nmax_delay = \"5ms\"\n"
    "[pulsar.topics]\nevents_topic = \"e\"\nresults_topic = \"r\"\nstatus_topic = \"s\"\nerrors_topic = \"x\"\n"
    "tenant = \"t\"\nnamespace = \"n\"\n"
    "[pulsar.auth]\nmethod = \"jwt\"\ntoken = \"eyJhbGciOiJIUzI1NiJ9\"\n"
    "[pulsar.connection]\nconnection_timeout = \"30s\"\noperation_timeout = \"2m\"\nkeep_alive_interval = \"30s\"\n"
    "max_connections_per_broker = 10\ntls_enabled = false\ntls_validate_hostname = true\n";

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

static void every_key_of_the_documented_file_is_read(void **state)
{
    struct world w;
    const struct pulsar_settings *p = &w.settings.pulsar;

    world_init(&w);
    assert_int_equal(world_read(&w, whole_file), OK);
    assert_string_equal(p->service_url, "pulsar://localhost:6651");
    assert_int_equal(p->receive_queue_size, 500);
    assert_int_equal(p->max_redeliveries, 5);
    assert_int_equal(p->batch_receive_max_messages, 1000);
    assert_int_equal(p->batch_receive_max_wait_ms, 50);
    assert_int_equal(p->send_timeout_ms, 31000);
    assert_int_equal(p->batching_max_bytes, 5242880);
    assert_int_equal(p->batching_max_delay_ms, 5);
    assert_string_equal(p->tenant, "t");
    assert_string_equal(p->auth_method, "jwt");
    assert_int_equal(p->operation_timeout_ms, 120000);
    assert_int_equal(world_check(&w), OK);
    notary_settings_deinit(w.sets);
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
    assert_string_equal(topic.data, "persistent://a/b/c persistent://t/n/r");
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

static void what_is_not_built_is_refused_and_not_ignored(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(world_set(&w, "pulsar.service_url", "http://x:8080"), OK);
    assert_int_equal(world_check(&w), ERR_INVALID);
    assert_int_equal(world_set(&w, "pulsar.service_url", "pulsar://x"), OK);
    assert_int_equal(world_set(&w, "pulsar.tracing.enabled", "true"), OK);
    assert_int_equal(world_check(&w), ERR_UNSUPPORTED);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_documented_file_is_read),
        cmocka_unit_test(the_environment_goes_over_the_file),
        cmocka_unit_test(the_defaults_are_those_of_the_document_and_valid),
        cmocka_unit_test(a_mistyped_key_is_named_with_its_line_and_its_neighbour),
        cmocka_unit_test(what_is_not_built_is_refused_and_not_ignored),
        cmocka_unit_test(settings_that_do_not_go_together_are_refused),
        cmocka_unit_test(each_way_to_authenticate_wants_what_it_shows),
        cmocka_unit_test(a_certificate_and_its_key_go_together),
        cmocka_unit_test(counters_are_written_under_their_documented_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
