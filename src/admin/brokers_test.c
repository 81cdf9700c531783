/* SPDX-License-Identifier: Apache-2.0
 *
 * brokers_test.c - the broker by itself: which bundles it has, its options while it runs, its figures by bundle.
 */
#include "admin/admin_world.h"
#include "admin/bundles.h"
#include "admin/configuration.h"
#include "base/log.h"
#include "base/options.h"

#include <stdio.h>

#define BROKERS "/admin/v2/brokers"
#define STATS   "/admin/v2/broker-stats"

static void brokers_are_listed_by_cluster(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, BROKERS "/standalone", "[\"localhost:8080\"]");
    assert_refused(w, ask(w, HTTP_GET, BROKERS "/moon"), 404, "Cluster does not exist: cluster=moon");
}

static void the_broker_has_every_bundle(void **state)
{
    struct admin_world *w = *state;
    json_t *owned;

    assert_int_equal(ask(w, HTTP_GET, BROKERS "/standalone/localhost:8080/ownedNamespaces"), 200);
    owned = answer_json(w);
    assert_int_equal(json_object_size(owned), 8);
    assert_true(
        json_is_true(json_object_get(json_object_get(owned, "public/default/0x40000000_0x80000000"), "is_active")));
    json_decref(owned);
    assert_int_equal(ask(w, HTTP_GET, BROKERS "/standalone/elsewhere:8080/ownedNamespaces"), 404);
}

static void the_health_check_has_two_versions(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_query(w, HTTP_GET, BROKERS "/health", "topicVersion=V1", ""), 200);
    assert_int_equal(ask_query(w, HTTP_GET, BROKERS "/health", "topicVersion=V2", ""), 200);
    assert_int_equal(ask_query(w, HTTP_GET, BROKERS "/health", "topicVersion=V3", ""), 404);
}

static void backlogs_are_looked_at_when_asked_for(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, BROKERS "/backlog-quota-check"), 204);
}

static void an_end_is_asked_for_once(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void the_end_is_told_to_who_can_bring_it(void **state)
{
    struct admin_world *w = *state;
    unsigned ends = 0;

    assert_int_equal(ask(w, HTTP_POST, BROKERS "/shutdown"), 501);
    w->core.shutdown = an_end_is_asked_for_once;
    w->core.shutdown_ctx = &ends;
    assert_int_equal(ask(w, HTTP_POST, BROKERS "/shutdown"), 204);
    assert_int_equal(ends, 1);
}

/* ---- options ---- */

struct values {
    bool flag;
    int64_t number;
    char *secret;
};

static const struct option rows[] = {
    {.key = "own.flag",
     .alias = "theirFlag",
     .type = OPTION_BOOL,
     .fallback = "true",
     .offset = offsetof(struct values, flag)},
    {.key = "own.number", .type = OPTION_INTEGER, .fallback = "5", .max = 9, .offset = offsetof(struct values, number)},
    {.key = "own.secret",
     .alias = "theirSecret",
     .type = OPTION_TEXT,
     .fallback = "s",
     .secret = true,
     .offset = offsetof(struct values, secret)},
};

static bool all_but_secrets(const struct option *option)
{
    return !option->secret;
}

static enum err change(void *ctx, struct broker *broker, const struct option *option, const char *value, char *message,
                       size_t message_size)
{
    return options_set(ctx, option->key, value ? value : option->fallback, "a test", message, message_size);
}

static void options_are_changed_kept_and_changed_back(void **state)
{
    struct admin_world *w = *state;
    struct values values = {0};
    struct options options;
    struct log log = {.level = LOG_ERROR};
    const struct admin_configuration configuration = {
        .options = &options, .is_dynamic = all_but_secrets, .change = change, .ctx = &options};

    assert_int_equal(options_init(&options, rows, sizeof rows / sizeof rows[0], &values), OK);
    w->core.configuration = &configuration;
    assert_get(w, BROKERS "/configuration", "[\"theirFlag\",\"own.number\"]");
    assert_get(w, BROKERS "/configuration/values", "{}");
    assert_get(w, BROKERS "/configuration/runtime",
               "{\"theirFlag\":\"true\",\"own.number\":\"5\",\"theirSecret\":\"***\"}");
    assert_int_equal(ask(w, HTTP_POST, BROKERS "/configuration/theirFlag/false"), 200);
    assert_false(values.flag);
    assert_int_equal(ask(w, HTTP_POST, BROKERS "/configuration/own.number/7"), 200);
    assert_int_equal(ask(w, HTTP_POST, BROKERS "/configuration/own.number/10"), 412);
    assert_refused(w, ask(w, HTTP_POST, BROKERS "/configuration/theirSecret/x"), 412,
                   "Can't update non-dynamic configuration");
    assert_get(w, BROKERS "/configuration/values", "{\"own.number\":\"7\",\"theirFlag\":\"false\"}");

    admin_world_restart(w);
    w->core.configuration = &configuration;
    values.number = 5;
    configuration_restore(&w->core, &log);
    assert_int_equal(values.number, 7);
    assert_int_equal(ask(w, HTTP_DELETE, BROKERS "/configuration/own.number"), 204);
    assert_int_equal(values.number, 5);
    assert_get(w, BROKERS "/configuration/values", "{\"theirFlag\":\"false\"}");
    options_deinit(&options);
}

static void a_flag_that_is_none_is_kept_and_changes_nothing(void **state)
{
    struct admin_world *w = *state;
    struct values values = {0};
    struct options options;
    const struct admin_configuration configuration = {
        .options = &options, .is_dynamic = all_but_secrets, .change = change, .ctx = &options};

    assert_int_equal(options_init(&options, rows, sizeof rows / sizeof rows[0], &values), OK);
    w->core.configuration = &configuration;
    assert_int_equal(ask(w, HTTP_POST, BROKERS "/configuration/theirFlag/{\"a/b\":1}"), 200);
    assert_true(values.flag);
    assert_get(w, BROKERS "/configuration/values", "{\"theirFlag\":\"{\\\"a/b\\\":1}\"}");
    options_deinit(&options);
}

/* ---- figures ---- */

static json_t *topic_in(json_t *all, const char *topic)
{
    char range[BUNDLE_LENGTH];
    struct bundles b;
    json_t *at = json_object_get(all, "public/default");

    bundles_divide(&b, 4);
    bundle_write(bundle_of(&b, bundle_hash(bytes_of_text(topic))), range);
    at = json_object_get(at, range);
    at = json_object_get(at, topic[0] == 'p' ? "persistent" : "non-persistent");
    return json_object_get(at, topic);
}

static void topics_in_memory_are_told_by_bundle_and_kind(void **state)
{
    struct admin_world *w = *state;
    struct admin_client clients[9] = {0};
    char names[9][60];
    json_t *all;

    for (unsigned i = 0; i < 9; i++) {
        snprintf(names[i], sizeof names[i], "%spersistent://public/default/t%u", i % 2 ? "non-" : "", i);
        client_publish(w, &clients[i], names[i], i + 1);
    }
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/asleep"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/asleep/unload"), 204);
    assert_int_equal(ask(w, HTTP_GET, STATS "/topics"), 200);
    all = answer_json(w);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(number(topic_in(all, names[i]), "msgInCounter"), i + 1);
    assert_null(topic_in(all, "persistent://public/default/asleep"));
    assert_int_equal(json_object_size(all), 1);
    json_decref(all);
    for (unsigned i = 0; i < 9; i++)
        producer_detach(clients[i].open.producer);
}

static size_t count_topics(json_t *bundles)
{
    const char *bundle, *domain;
    json_t *domains, *topics;
    size_t count = 0;

    json_object_foreach(bundles, bundle, domains) json_object_foreach(domains, domain, topics) count +=
        json_object_size(topics);
    return count;
}

static void topics_of_more_namespaces_than_one_and_more_than_a_turn_takes_are_told(void **state)
{
    enum { TOPICS = 45 };
    static const char *const namespaces[] = {"public/default", "public/empty", "public/other"};
    struct admin_world *w = *state;
    struct admin_client *clients = test_calloc(2 * TOPICS, sizeof *clients);
    char name[60];
    struct text whole;
    json_t *all;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/empty"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/other"), 204);
    for (unsigned i = 0; i < 2 * TOPICS; i++) {
        snprintf(name, sizeof name, "persistent://%s/t%u", namespaces[i % 2 * 2], i / 2);
        client_publish(w, &clients[i], name, 1);
    }
    assert_int_equal(ask(w, HTTP_GET, STATS "/topics"), 200);
    text_init(&whole, 1 << 20);
    for (; w->call.more; take_part(w))
        text_add_bytes(&whole, bytes_of(w->call.answer.body.data, w->call.answer.body.len));
    text_add_bytes(&whole, bytes_of(w->call.answer.body.data, w->call.answer.body.len));
    all = json_loads(whole.data, 0, NULL);
    text_deinit(&whole);
    assert_int_equal(json_object_size(all), 2);
    assert_int_equal(count_topics(json_object_get(all, namespaces[0])), TOPICS);
    assert_int_equal(count_topics(json_object_get(all, namespaces[2])), TOPICS);
    json_decref(all);
    for (unsigned i = 0; i < 2 * TOPICS; i++)
        producer_detach(clients[i].open.producer);
    test_free(clients);
}

static void no_topics_are_no_namespaces(void **state)
{
    assert_get(*state, STATS "/topics", "{}");
}

static void load_and_counts_are_told_as_one_machine_can(void **state)
{
    struct admin_world *w = *state;
    json_t *report;

    assert_int_equal(ask(w, HTTP_GET, STATS "/load-report"), 200);
    report = answer_json(w);
    assert_string_equal(json_string_value(json_object_get(report, "webServiceUrl")), "http://localhost:8080");
    assert_true(json_number_value(json_object_get(json_object_get(report, "memory"), "usage")) > 0);
    assert_true(json_number_value(json_object_get(json_object_get(report, "cpu"), "limit")) >= 100);
    json_decref(report);
    assert_int_equal(ask(w, HTTP_GET, STATS "/metrics"), 200);
    report = answer_json(w);
    assert_non_null(json_object_get(json_object_get(json_array_get(report, 0), "metrics"), "brk_topics_count"));
    json_decref(report);
    assert_get(w, STATS "/mbeans", "[]");
    assert_int_equal(ask(w, HTTP_GET, STATS "/allocator-stats/default"), 200);
    assert_int_equal(ask(w, HTTP_GET, STATS "/allocator-stats/other"), 404);
    assert_int_equal(ask(w, HTTP_GET, STATS "/broker-resource-availability/public/default"), 501);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(brokers_are_listed_by_cluster),
        ADMIN_TEST(the_broker_has_every_bundle),
        ADMIN_TEST(the_health_check_has_two_versions),
        ADMIN_TEST(backlogs_are_looked_at_when_asked_for),
        ADMIN_TEST(the_end_is_told_to_who_can_bring_it),
        ADMIN_TEST(options_are_changed_kept_and_changed_back),
        ADMIN_TEST(a_flag_that_is_none_is_kept_and_changes_nothing),
        ADMIN_TEST(topics_in_memory_are_told_by_bundle_and_kind),
        ADMIN_TEST(topics_of_more_namespaces_than_one_and_more_than_a_turn_takes_are_told),
        ADMIN_TEST(no_topics_are_no_namespaces),
        ADMIN_TEST(load_and_counts_are_told_as_one_machine_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
