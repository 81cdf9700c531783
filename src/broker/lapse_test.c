/* SPDX-License-Identifier: Apache-2.0
 *
 * lapse_test.c - durable subscriptions that nobody uses: lapse.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/policies.h"
#include "broker/subscription.h"
#include "broker/topic.h"

#define TOPIC  "persistent://public/default/t"
#define MINUTE UINT64_C(60000)

static const struct subscribe durable = {.topic = TOPIC, .subscription = "s"};
static const struct subscribe other = {.topic = TOPIC, .subscription = "other"};

static void expire_after(struct fixture *f, int64_t minutes)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_SUBSCRIPTION_EXPIRY_MINUTES, minutes);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(29);

    f->world.options.delete_inactive_topics = false;
    fixture_open(f);
    *state = f;
    return 0;
}

static void subscribe(struct fixture *f, uint64_t id, const struct subscribe *s)
{
    assert_int_equal(peer_subscribe(&f->a, id, s).err, OK);
}

static void leave(struct fixture *f, uint64_t id)
{
    consumer_detach(f->a.consumers[id]);
    f->a.consumers[id] = NULL;
    world_settle(&f->world);
}

/* Whether it is there, be its topic in memory or not. */
static bool there(struct fixture *f, const char *name)
{
    struct topic_name topic;

    assert_int_equal(topic_name_parse(&topic, bytes_of_text(TOPIC)), OK);
    return catalog_find(f->world.store, CATALOG_SUBSCRIPTION, topic_id(f->world.broker, &topic), bytes_of_text(name)) !=
           NULL;
}

static void a_subscription_goes_so_long_after_its_last_consumer(void **state)
{
    struct fixture *f = *state;

    expire_after(f, 30);
    subscribe(f, 1, &durable);
    subscribe(f, 2, &other);
    world_pass(&f->world, 60 * MINUTE);
    assert_true(there(f, "s"));
    leave(f, 1);
    world_pass(&f->world, 29 * MINUTE);
    assert_true(there(f, "s"));
    world_pass(&f->world, 3 * MINUTE);
    assert_false(there(f, "s"));
    assert_true(there(f, "other"));
    assert_null(subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("s")));
}

static void also_when_its_topic_has_left_memory(void **state)
{
    struct fixture *f = *state;

    expire_after(f, 30);
    subscribe(f, 1, &durable);
    leave(f, 1);
    world_pass(&f->world, 10 * MINUTE);
    assert_null(world_topic(&f->world, TOPIC));
    assert_true(there(f, "s"));
    world_pass(&f->world, 21 * MINUTE);
    assert_false(there(f, "s"));
}

static void restarts_do_not_make_it_young_again(void **state)
{
    struct fixture *f = *state;

    expire_after(f, 30);
    subscribe(f, 1, &durable);
    leave(f, 1);
    for (unsigned i = 0; i < 3; i++) {
        world_pass(&f->world, 9 * MINUTE);
        assert_true(there(f, "s"));
        if (i % 2)
            assert_true(world_restart(&f->world));
        else
            world_kill_and_open(&f->world);
    }
    world_pass(&f->world, 6 * MINUTE);
    assert_false(there(f, "s"));
}

static void who_was_connected_when_the_broker_was_killed_has_its_time_from_the_next_start(void **state)
{
    struct fixture *f = *state;

    expire_after(f, 30);
    subscribe(f, 1, &durable);
    world_pass(&f->world, 100 * MINUTE);
    world_kill_and_open(&f->world);
    world_pass(&f->world, 28 * MINUTE);
    assert_true(there(f, "s"));
    world_pass(&f->world, 5 * MINUTE);
    assert_false(there(f, "s"));
}

static void one_that_comes_back_in_time_stays(void **state)
{
    struct fixture *f = *state;

    expire_after(f, 30);
    subscribe(f, 1, &durable);
    for (unsigned i = 0; i < 4; i++) {
        leave(f, 1);
        world_pass(&f->world, 20 * MINUTE);
        subscribe(f, 1, &durable);
    }
    assert_true(there(f, "s"));
}

static void before_there_was_a_policy_nothing_counts(void **state)
{
    struct fixture *f = *state;

    subscribe(f, 1, &durable);
    subscribe(f, 2, &other);
    leave(f, 1);
    world_pass(&f->world, 100 * MINUTE);
    expire_after(f, 30);
    world_pass(&f->world, 25 * MINUTE);
    assert_true(there(f, "s"));
    world_pass(&f->world, 10 * MINUTE);
    assert_false(there(f, "s"));
    world_kill_and_open(&f->world); /* other was connected when the policy came */
    world_pass(&f->world, 25 * MINUTE);
    assert_true(there(f, "other"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_subscription_goes_so_long_after_its_last_consumer),
        TEST(also_when_its_topic_has_left_memory),
        TEST(restarts_do_not_make_it_young_again),
        TEST(who_was_connected_when_the_broker_was_killed_has_its_time_from_the_next_start),
        TEST(one_that_comes_back_in_time_stays),
        TEST(before_there_was_a_policy_nothing_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
