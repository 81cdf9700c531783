/* SPDX-License-Identifier: Apache-2.0
 *
 * figures_test.c - see figures.h.
 */
#include "base/base_test.h"

#include "broker/core.h"
#include "broker/figures.h"
#include "broker/fixture.h"
#include "broker/topic.h"

#include <math.h>

#define TOPIC "persistent://public/default/t"

struct seen {
    unsigned topics, subscriptions, consumers, producers;
    double topic[TOPIC_FIGURES], subscription[SUBSCRIPTION_FIGURES], consumer[CONSUMER_FIGURES],
        producer[PRODUCER_FIGURES];
    char name[TOPIC_NAME_MAX], subscription_name[SUBSCRIPTION_NAME_MAX];
};

static void keep_text(char *to, struct bytes name)
{
    memcpy(to, name.data, name.len);
    to[name.len] = '\0';
}

static void begins(void *ctx, struct bytes name)
{
    keep_text(((struct seen *)ctx)->name, name);
}

static void subscription(void *ctx, struct bytes name, const double f[SUBSCRIPTION_FIGURES])
{
    struct seen *seen = ctx;

    seen->subscriptions++;
    keep_text(seen->subscription_name, name);
    memcpy(seen->subscription, f, sizeof seen->subscription);
}

static void consumer(void *ctx, struct bytes name, uint64_t id, const double f[CONSUMER_FIGURES])
{
    struct seen *seen = ctx;

    seen->consumers++;
    memcpy(seen->consumer, f, sizeof seen->consumer);
}

static void producer(void *ctx, struct bytes name, uint64_t id, const double f[PRODUCER_FIGURES])
{
    struct seen *seen = ctx;

    seen->producers++;
    memcpy(seen->producer, f, sizeof seen->producer);
}

static void topic(void *ctx, const double f[TOPIC_FIGURES])
{
    struct seen *seen = ctx;

    seen->topics++;
    memcpy(seen->topic, f, sizeof seen->topic);
}

static struct seen look(struct fixture *f)
{
    struct seen seen = {.topics = 0};
    const struct figures_visitor v = {begins, subscription, consumer, producer, topic, &seen};

    assert_true(topic_figures_visit(f->world.broker, bytes_of_text(TOPIC), &v));
    assert_int_equal(seen.topics, 1);
    assert_string_equal(seen.name, TOPIC);
    return seen;
}

/* And some event behind it, for the simulation's clock stands between events. */
static void let_a_window_pass(struct fixture *f)
{
    const uint64_t from_ns = loop_now_ns(f->world.broker->loop);

    while (loop_now_ns(f->world.broker->loop) < from_ns + RATE_WINDOW_NS)
        world_pass(&f->world, 10 * 1000);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(31);

    f->world.options.delete_inactive_topics = false;
    f->world.options.topic_idle_ms = 3600 * 1000;
    fixture_open(f);
    const struct subscribe s = {.topic = TOPIC, .subscription = "s"};
    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static void who_is_there_and_what_is_owed_is_told(void **state)
{
    struct fixture *f = *state;

    peer_publish(&f->producer, 1, 3, 2);
    const struct seen seen = look(f);
    assert_int_equal(seen.subscriptions, 1);
    assert_string_equal(seen.subscription_name, "s");
    assert_int_equal(seen.consumers, 1);
    assert_int_equal(seen.producers, 1);
    assert_true(seen.topic[TOPIC_SUBSCRIPTIONS] == 1);
    assert_true(seen.topic[TOPIC_PRODUCERS] == 1);
    assert_true(seen.topic[TOPIC_CONSUMERS] == 1);
    assert_true(seen.topic[TOPIC_MESSAGES_IN] == 6);
    assert_true(seen.topic[TOPIC_BACKLOG] == 3);
    assert_true(seen.topic[TOPIC_BACKLOG_BYTES] == seen.topic[TOPIC_STORAGE_BYTES]);
    assert_true(seen.topic[TOPIC_STORAGE_BYTES] > 0);
    assert_true(seen.subscription[SUBSCRIPTION_BACKLOG] == 3);
    assert_true(seen.subscription[SUBSCRIPTION_BACKLOG_NO_DELAYED] == 3);
    assert_true(seen.subscription[SUBSCRIPTION_CONSUMERS] == 1);
    assert_true(seen.subscription[SUBSCRIPTION_LAST_CONSUMED_MS] == 0);
    assert_true(seen.subscription[SUBSCRIPTION_LAST_ACKED_MS] == 0);
}

static void rates_and_latencies_are_those_of_the_last_minute(void **state)
{
    struct fixture *f = *state;

    peer_publish(&f->producer, 1, 60, 2);
    assert_true(look(f).topic[TOPIC_ENTRIES] == 0); /* the minute is not over */
    let_a_window_pass(f);
    const struct seen seen = look(f);
    const double *t = seen.topic;
    assert_true(t[TOPIC_ENTRIES] == 60);
    assert_true(t[TOPIC_WRITE_RATE] > 0.1);
    assert_true(t[TOPIC_WRITE_RATE] <= 1);
    assert_true(t[TOPIC_RATE_IN] <= 2); /* two messages in each; it fades as the minute passes */
    double latencies = 0, sizes = 0;
    for (size_t i = 0; i < METER_LATENCIES; i++)
        latencies += t[TOPIC_LATENCIES + i];
    for (size_t i = 0; i < METER_SIZES; i++)
        sizes += t[TOPIC_SIZES + i];
    assert_true(latencies == 60);
    assert_true(sizes == 60);
    assert_true(t[TOPIC_ENTRY_BYTES] == t[TOPIC_STORAGE_BYTES]);
}

static void a_topic_out_of_memory_is_not_loaded_and_its_backlog_is_told(void **state)
{
    struct fixture *f = *state;

    peer_publish(&f->producer, 1, 3, 1);
    const struct seen before = look(f);
    assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
    const struct seen after = look(f);
    assert_null(world_topic(&f->world, TOPIC));
    assert_true(after.topic[TOPIC_BACKLOG] == 3);
    assert_true(after.topic[TOPIC_BACKLOG_BYTES] == before.topic[TOPIC_BACKLOG_BYTES]);
    assert_true(after.topic[TOPIC_STORAGE_BYTES] == before.topic[TOPIC_STORAGE_BYTES]);
    assert_true(after.topic[TOPIC_SUBSCRIPTIONS] == 1);
    assert_true(after.topic[TOPIC_PRODUCERS] == 0);
    assert_true(isnan(after.topic[TOPIC_QUOTA_BYTES]));
    assert_true(after.subscription[SUBSCRIPTION_BACKLOG] == 3);
    assert_int_equal(after.consumers, 0);
}

static void there_are_no_figures_of_a_topic_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    const struct figures_visitor v = {.topic = topic};

    assert_false(topic_figures_visit(f->world.broker, bytes_of_text("persistent://public/default/none"), &v));
    assert_false(topic_figures_visit(f->world.broker, bytes_of_text("not a name://"), &v));
}

static void in_a_sum_averages_and_limits_are_not_added_up(void **state)
{
    double sum[TOPIC_FIGURES] = {0}, one[TOPIC_FIGURES] = {0};

    one[TOPIC_MESSAGES_IN] = 2;
    one[TOPIC_BYTES_IN] = 20;
    one[TOPIC_MESSAGE_BYTES] = 10;
    one[TOPIC_QUOTA_BYTES] = (double)NAN;
    topic_figures_add(sum, one);
    topic_figures_add(sum, one);
    assert_true(sum[TOPIC_MESSAGES_IN] == 4);
    assert_true(sum[TOPIC_MESSAGE_BYTES] == 10);
    assert_true(sum[TOPIC_QUOTA_BYTES] == 0);
}

static void publishes_of_all_topics_have_quantiles(void **state)
{
    struct fixture *f = *state;
    double quantiles[LATENCY_QUANTILES];
    struct publish_latency latency;

    peer_publish(&f->producer, 1, 10, 1);
    let_a_window_pass(f);
    broker_publish_latency(f->world.broker, &latency, quantiles);
    assert_int_equal(latency.count, 10);
    for (size_t i = 1; i < LATENCY_QUANTILES; i++)
        assert_true(quantiles[i] >= quantiles[i - 1]);
    assert_true(quantiles[LATENCY_QUANTILES - 1] * 10 >= latency.sum_ms * 0.99);
}

#define FIGURES_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIGURES_TEST(who_is_there_and_what_is_owed_is_told),
        FIGURES_TEST(rates_and_latencies_are_those_of_the_last_minute),
        FIGURES_TEST(a_topic_out_of_memory_is_not_loaded_and_its_backlog_is_told),
        FIGURES_TEST(there_are_no_figures_of_a_topic_that_is_not_there),
        cmocka_unit_test(in_a_sum_averages_and_limits_are_not_added_up),
        FIGURES_TEST(publishes_of_all_topics_have_quantiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
