/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_test.c - /metrics: what is told of whom, in which words, and in how many parts.
 */
#include "admin/admin_world.h"

#include <stdio.h>
#include <stdlib.h>

#define SUBSCRIPTION "/admin/v2/persistent/public/default/topic-8/subscription/s"
#define TOPIC_8      "cluster=\"standalone\",namespace=\"public/default\",topic=\"persistent://public/default/topic-8\""

/* All parts together, which the caller frees. */
static char *scrape(struct admin_world *w)
{
    struct text all;

    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    text_init(&all, SIZE_MAX);
    text_add_bytes(&all, bytes_of(w->call.answer.body.data, w->call.answer.body.len));
    while (w->call.unwritten) {
        w->call.answer.body.len = 0;
        call_write(&w->call);
        text_add_bytes(&all, bytes_of(w->call.answer.body.data, w->call.answer.body.len));
    }
    return text_take(&all);
}

static double sample(const char *text, const char *series)
{
    char start[600];
    const char *at;

    snprintf(start, sizeof start, "\n%s ", series);
    if (!(at = strstr(text, start)))
        print_message("no %s\n", series);
    assert_non_null(at);
    return strtod(at + strlen(start), NULL);
}

static double broker_figure(const char *text, const char *name)
{
    char series[200];

    snprintf(series, sizeof series, "%s{cluster=\"standalone\"}", name);
    return sample(text, series);
}

enum { TOPICS = 600 }; /* more than several turns take, in two namespaces, and an empty one after them */

static int set_up(void **state)
{
    struct admin_client *clients = test_calloc(TOPICS, sizeof *clients);
    int failed = admin_world_set_up(state);
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/empty"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/more"), 204);
    for (unsigned i = 0; i < TOPICS; i++) {
        char topic[100];
        snprintf(topic, sizeof topic, "persistent://public/%s/topic-%u", i % 2 == 0 ? "default" : "more", i);
        client_publish(w, &clients[i], topic, 2);
        producer_detach(clients[i].open.producer);
    }
    assert_int_equal(ask_body(w, HTTP_PUT, SUBSCRIPTION, "{\"ledgerId\":-1,\"entryId\":-1}"), 204);
    test_free(clients);
    return failed;
}

/* Each name has one TYPE line, and all its samples behind that, before another name's. */
static void assert_grouped(const char *text)
{
    char names[400][100], name[100] = "", line[2000];
    size_t count = 0;

    while (*text) {
        const size_t len = strcspn(text, "\n");
        assert_true(len < sizeof line);
        memcpy(line, text, len);
        line[len] = '\0';
        text += len + (text[len] == '\n');
        if (sscanf(line, "# TYPE %99s", name) == 1) {
            for (size_t i = 0; i < count; i++)
                assert_string_not_equal(names[i], name);
            assert_true(count < 400);
            strcpy(names[count++], name);
        } else if (line[0] != '#') {
            assert_memory_equal(line, name, strlen(name));
            assert_non_null(strchr("{_", line[strlen(name)])); /* a summary's _sum */
        }
    }
}

static void every_topic_and_subscription_has_its_series(void **state)
{
    struct admin_world *w = *state;
    struct budget budget = {.name = "receive", .limit = 10, .used = 5};
    const struct budget *budgets[] = {&budget};

    w->core.budgets = budgets;
    w->core.budget_count = 1;
    char *text = scrape(w);
    assert_grouped(text);
    assert_true(sample(text, "pulsar_version_info{cluster=\"standalone\",version=\"1.2.3\",commit=\"\"}") == 1);
    assert_true(sample(text, "pulsar_topics_count{cluster=\"standalone\",namespace=\"public/default\"}") == TOPICS / 2);
    assert_true(sample(text, "pulsar_topics_count{cluster=\"standalone\",namespace=\"public/empty\"}") == 0);
    assert_true(sample(text, "pulsar_producers_count{" TOPIC_8 "}") == 0); /* dashboards list topics by it */
    assert_true(sample(text, "pulsar_msg_backlog{" TOPIC_8 "}") == 2);
    assert_true(sample(text, "pulsar_storage_backlog_size{" TOPIC_8 "}") == 20);
    assert_true(sample(text, "pulsar_subscription_back_log{" TOPIC_8 ",subscription=\"s\"}") == 2);
    assert_true(sample(text, "pulsar_out_messages_total{" TOPIC_8 ",subscription=\"s\"}") == 0);
    assert_true(
        sample(text, "pulsar_ml_NumberOfMessagesInBacklog{cluster=\"standalone\",namespace=\"public/default\"}") == 2);
    assert_true(sample(text, "geminga_budget_used_bytes{cluster=\"standalone\",budget=\"receive\"}") == 5);
    assert_true(sample(text, "pulsar_broker_in_bytes_total{cluster=\"standalone\",system_topic=\"false\"}") ==
                TOPICS * 20);
    assert_true(broker_figure(text, "geminga_store_appended_entries_total") == 2 * TOPICS);
    assert_true(broker_figure(text, "pulsar_broker_publish_latency_count") == 2 * TOPICS);
    assert_null(strstr(text, "pulsar_entry_size_le_128{" TOPIC_8)); /* there was no full minute yet */
    assert_null(strstr(text, "pulsar_rate_in{cluster=\"standalone\",namespace=\"public/default\"}"));
    free(text);
}

static void a_topic_that_leaves_memory_keeps_its_backlog_in_the_metrics(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/topic-8/unload"), 204);
    char *text = scrape(w);
    assert_true(broker_figure(text, "geminga_broker_topics_loaded") == TOPICS - 1);
    assert_true(broker_figure(text, "pulsar_broker_topics_count") == TOPICS);
    assert_true(sample(text, "pulsar_msg_backlog{" TOPIC_8 "}") == 2);
    assert_true(sample(text, "pulsar_subscription_back_log{" TOPIC_8 ",subscription=\"s\"}") == 2);
    assert_null(strstr(text, "pulsar_storage_backlog_quota_limit{" TOPIC_8)); /* its policies are not looked up */
    free(text);
}

static void too_many_topics_for_series_of_their_own_are_all_in_the_sums(void **state)
{
    static const size_t too_few[] = {3, TOPICS}; /* the latter: the subscription is one too many */
    struct admin_world *w = *state;
    char *text = scrape(w);
    const double storage = broker_figure(text, "pulsar_broker_storage_size");

    assert_true(storage == TOPICS * 20);
    assert_true(broker_figure(text, "geminga_metrics_topics_left_out") == 0);
    free(text);
    for (unsigned i = 0; i < 2; i++) {
        w->core.metrics.rows_max = too_few[i];
        text = scrape(w);
        assert_grouped(text);
        assert_true(broker_figure(text, "geminga_metrics_topics_left_out") == TOPICS);
        assert_true(broker_figure(text, "pulsar_broker_storage_size") == storage);
        assert_true(broker_figure(text, "pulsar_broker_msg_backlog") == 2);
        assert_true(sample(text, "pulsar_storage_size{cluster=\"standalone\",namespace=\"public/more\"}") ==
                    storage / 2);
        assert_null(strstr(text, "topic=\"persistent://"));
        free(text);
    }
    w->core.metrics.rows_max = TOPICS + 1;
    text = scrape(w);
    assert_true(broker_figure(text, "geminga_metrics_topics_left_out") == 0);
    free(text);
}

static void namespaces_can_be_all_that_is_asked_for(void **state)
{
    struct admin_world *w = *state;

    w->core.metrics.topics = false;
    char *text = scrape(w);
    assert_grouped(text);
    assert_null(strstr(text, ",topic=\""));
    assert_true(broker_figure(text, "geminga_metrics_topics_left_out") == 0); /* nobody wants them */
    assert_true(sample(text, "pulsar_producers_count{cluster=\"standalone\",namespace=\"public/more\"}") == 0);
    assert_true(sample(text, "pulsar_subscriptions_count{cluster=\"standalone\",namespace=\"public/default\"}") == 1);
    assert_true(
        sample(text,
               "pulsar_msg_backlog{cluster=\"standalone\",namespace=\"public/default\",remote_cluster=\"local\"}") ==
        2);
    free(text);
}

static void a_partitions_number_can_be_a_label_of_its_own(void **state)
{
    static const char partition[] = "pulsar_producers_count{cluster=\"standalone\",namespace=\"public/more\","
                                    "topic=\"persistent://public/more/p\",partition=\"1\"}";
    static const char none[] = "pulsar_producers_count{" TOPIC_8 ",partition=\"-1\"}";
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/more/p/partitions", "2"), 204);
    w->core.metrics.split_partitions = true;
    char *text = scrape(w);
    assert_true(sample(text, partition) == 0);
    assert_true(sample(text, none) == 0);
    free(text);
}

static void producers_are_shown_when_asked_for(void **state)
{
    static const char series[] = "pulsar_producer_msg_rate_in{cluster=\"standalone\",namespace=\"public/default\","
                                 "topic=\"persistent://public/default/new\",producer_name=\"";
    struct admin_world *w = *state;
    struct admin_client client = {0};

    client_publish(w, &client, "persistent://public/default/new", 1);
    char *text = scrape(w);
    assert_null(strstr(text, series));
    free(text);
    w->core.metrics.producers = w->core.metrics.consumers = true;
    text = scrape(w);
    assert_grouped(text);
    assert_non_null(strstr(text, series));
    assert_non_null(strstr(text, ",producer_id=\""));
    free(text);
    producer_detach(client.open.producer);
}

static void names_that_would_break_the_text_are_escaped(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    client_publish(w, &client, "persistent://public/default/a\"b\\c", 1);
    producer_detach(client.open.producer);
    char *text = scrape(w);
    assert_non_null(strstr(text, "topic=\"persistent://public/default/a\\\"b\\\\c\"}"));
    assert_grouped(text);
    free(text);
}

static void a_long_answer_comes_in_parts_that_are_one_text(void **state)
{
    struct admin_world *w = *state;
    unsigned parts = 1;

    w->core.metrics_part_bytes = 1;
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    for (; w->call.unwritten; parts++) {
        w->call.answer.body.len = 0;
        call_write(&w->call);
        assert_true(w->call.answer.body.len < 2000); /* one sample, and perhaps a head */
    }
    assert_true(parts > TOPICS * 25);
    char *small = scrape(w);
    w->core.metrics_part_bytes = PART_BYTES;
    char *large = scrape(w);
    assert_string_equal(strstr(small, "# HELP pulsar_topics_count"), strstr(large, "# HELP pulsar_topics_count"));
    free(small);
    free(large);
}

static void finished_too(struct call *call)
{
}

static void only_so_many_may_read_metrics_at_a_time(void **state)
{
    struct admin_world *w = *state;
    struct call other;

    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200); /* not freed before the next question */
    call_init(&other);
    other.core = &w->core;
    other.finished = finished_too;
    other.request.path = bytes_of_text("/metrics");
    assert_int_equal(routes_find(&other), ROUTE_FOUND);
    admin_handle(&other);
    while (other.answer.status == 0)
        assert_true(sim_step(w->sim));
    assert_int_equal(other.answer.status, 200);

    struct call third;
    call_init(&third);
    third.core = &w->core;
    third.finished = finished_too;
    third.request.path = bytes_of_text("/metrics");
    assert_int_equal(routes_find(&third), ROUTE_FOUND);
    admin_handle(&third);
    assert_int_equal(third.answer.status, 503);
    call_deinit(&third);
    call_deinit(&other);
    free(scrape(w));
}

#define METRICS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, admin_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRICS_TEST(every_topic_and_subscription_has_its_series),
        METRICS_TEST(a_topic_that_leaves_memory_keeps_its_backlog_in_the_metrics),
        METRICS_TEST(too_many_topics_for_series_of_their_own_are_all_in_the_sums),
        METRICS_TEST(namespaces_can_be_all_that_is_asked_for),
        METRICS_TEST(a_partitions_number_can_be_a_label_of_its_own),
        METRICS_TEST(producers_are_shown_when_asked_for),
        METRICS_TEST(names_that_would_break_the_text_are_escaped),
        METRICS_TEST(a_long_answer_comes_in_parts_that_are_one_text),
        METRICS_TEST(only_so_many_may_read_metrics_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
