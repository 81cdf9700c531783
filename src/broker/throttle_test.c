/* SPDX-License-Identifier: Apache-2.0
 *
 * throttle_test.c - dispatch rates, on a clock that the test moves.
 */
#include "base/base_test.h"
#include "broker/blocked.h"
#include "broker/core.h"
#include "broker/fixture.h"

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(5);

    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static void set(struct fixture *f, enum policy which, int64_t value)
{
    policies_put(&f->world.broker->options.policies, which, value);
    topics_policies_changed(f->world.broker, bytes_of_text("public/default"));
    world_settle(&f->world);
}

static struct consumer *join(struct peer *p, const char *subscription, enum subscription_type type)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = subscription, .type = type};

    assert_int_equal(peer_subscribe(p, 1, &s).err, OK);
    consumer_flow(p->consumers[1], 100000);
    world_settle(p->world);
    return p->consumers[1];
}

static uint64_t now_ns(struct fixture *f)
{
    return loop_now_ns(f->world.broker->loop);
}

/* A period's worth at once, and since then what the rate gives. */
static void expect_sent(struct fixture *f, size_t sent, uint64_t since_ns, uint64_t rate)
{
    const uint64_t due = rate + rate * (now_ns(f) - since_ns) / (1000 * NS_PER_MS);

    assert_in_range(sent, due - 1, due + 1);
}

static void a_subscription_gets_a_second_s_worth_and_then_one_after_the_other(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIPTION_RATE_MESSAGES, 10);
    struct consumer *c = join(&f->a, "s", TYPE_SHARED);
    assert_int_equal(consumer_blocked(c).by, BLOCKED_BY_NOTHING);
    const uint64_t began = now_ns(f);
    peer_publish(&f->producer, 1, 50, 1);
    expect_sent(f, f->a.received_count, began, 10);
    assert_int_equal(consumer_blocked(c).by, BLOCKED_BY_SUBSCRIPTION_RATE);
    world_pass(&f->world, 500);
    expect_sent(f, f->a.received_count, began, 10);
    world_pass(&f->world, 2000);
    expect_sent(f, f->a.received_count, began, 10);
    world_pass(&f->world, 5000);
    assert_int_equal(f->a.received_count, 50);
    assert_int_equal(consumer_blocked(c).by, BLOCKED_BY_NOTHING);
}

static void all_subscriptions_of_a_topic_share_its_rate(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_DISPATCH_RATE_MESSAGES, 10);
    struct consumer *a = join(&f->a, "a", TYPE_EXCLUSIVE);
    join(&f->b, "b", TYPE_SHARED);
    const uint64_t began = now_ns(f);
    peer_publish(&f->producer, 1, 40, 1);
    expect_sent(f, f->a.received_count + f->b.received_count, began, 10);
    assert_int_equal(consumer_blocked(a).by, BLOCKED_BY_TOPIC_RATE);
    world_pass(&f->world, 10000);
    assert_int_equal(f->a.received_count, 40);
    assert_int_equal(f->b.received_count, 40);
}

static void a_batch_is_one_message_unless_the_options_say_otherwise(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIPTION_RATE_MESSAGES, 10);
    join(&f->a, "s", TYPE_SHARED);
    uint64_t began = now_ns(f);
    peer_publish(&f->producer, 1, 20, 5);
    expect_sent(f, f->a.received_count, began, 10);
    f->world.broker->options.dispatch_rate_counts_messages = true;
    world_pass(&f->world, 20000);
    f->a.received_count = 0;
    began = now_ns(f);
    peer_publish(&f->producer, 1, 20, 5);
    expect_sent(f, f->a.received_count, began, 2);
    world_pass(&f->world, 1000);
    expect_sent(f, f->a.received_count, began, 2);
}

static void bytes_are_limited_too_and_what_is_larger_than_the_limit_goes_all_the_same(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIPTION_RATE_BYTES, 1);
    set(f, POLICY_SUBSCRIPTION_RATE_PERIOD_S, 2);
    join(&f->a, "s", TYPE_SHARED);
    peer_publish(&f->producer, 1, 2, 1);
    assert_int_equal(f->a.received_count, 1);
    const uint64_t bytes = f->a.consumers[1]->bytes_out;
    world_pass(&f->world, 2000 * bytes - 2000);
    assert_int_equal(f->a.received_count, 1);
    world_pass(&f->world, 2001);
    assert_int_equal(f->a.received_count, 2);
}

static void a_rate_that_is_lifted_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_DISPATCH_RATE_MESSAGES, 1);
    set(f, POLICY_DISPATCH_RATE_PERIOD_S, 3600);
    join(&f->a, "s", TYPE_FAILOVER);
    peer_publish(&f->producer, 1, 20, 1);
    assert_int_equal(f->a.received_count, 1);
    set(f, POLICY_DISPATCH_RATE_MESSAGES, -1);
    assert_int_equal(f->a.received_count, 20);
}

static void a_relative_rate_is_what_is_published_and_so_much_more(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "s", TYPE_SHARED);
    for (unsigned i = 0; i < 75; i++) { /* four a second, for more than a minute */
        peer_publish(&f->producer, 1, 4, 1);
        world_pass(&f->world, 1000);
    }
    assert_int_equal(f->a.received_count, 300);
    set(f, POLICY_SUBSCRIPTION_RATE_RELATIVE, 1);
    set(f, POLICY_SUBSCRIPTION_RATE_MESSAGES, 2);
    const uint64_t *now = &f->a.consumers[1]->subscription->throttle.limiter.rates.messages;
    const uint64_t began = now_ns(f);
    assert_in_range(*now, 5, 6);
    peer_publish(&f->producer, 1, 50, 1);
    const uint64_t rate = *now; /* these are published, too */
    assert_in_range(rate, 6, 7);
    expect_sent(f, f->a.received_count - 300, began, rate);
    world_pass(&f->world, 2000);
    expect_sent(f, f->a.received_count - 300, began, rate);
}

static void what_is_sent_again_counts_like_what_is_sent(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIPTION_RATE_MESSAGES, 4);
    join(&f->a, "s", TYPE_SHARED);
    peer_publish(&f->producer, 1, 4, 1);
    assert_int_equal(f->a.received_count, 4);
    const uint64_t began = now_ns(f);
    consumer_redeliver_all(f->a.consumers[1], -1);
    world_pass(&f->world, 600);
    expect_sent(f, f->a.received_count, began, 4);
}

static void a_subscription_that_is_gone_is_not_woken(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIPTION_RATE_MESSAGES, 1);
    join(&f->a, "s", TYPE_SHARED);
    peer_publish(&f->producer, 1, 4, 1);
    assert_int_equal(peer_unsubscribe(&f->a, 1, false).err, OK);
    world_pass(&f->world, 5000);
    assert_int_equal(f->a.received_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_subscription_gets_a_second_s_worth_and_then_one_after_the_other),
        TEST(all_subscriptions_of_a_topic_share_its_rate),
        TEST(a_batch_is_one_message_unless_the_options_say_otherwise),
        TEST(bytes_are_limited_too_and_what_is_larger_than_the_limit_goes_all_the_same),
        TEST(a_rate_that_is_lifted_is_not_waited_for),
        TEST(a_relative_rate_is_what_is_published_and_so_much_more),
        TEST(what_is_sent_again_counts_like_what_is_sent),
        TEST(a_subscription_that_is_gone_is_not_woken),
    };
    return cmocka_run_group_tests_name("broker: dispatch rates", tests, NULL, NULL);
}
