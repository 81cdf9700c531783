/* SPDX-License-Identifier: Apache-2.0
 *
 * admission_test.c - who may subscribe, and what becomes of what a consumer held: limits, rates, lost consumers,
 * readers that begin so many seconds back.
 */
#include "base/base_test.h"
#include "broker/admission.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/records.h"

#include <stdio.h>

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
}

static struct refusal join(struct peer *p, uint64_t id, const char *subscription, enum subscription_type type)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = subscription, .type = type, .name = "c"};

    return peer_subscribe(p, id, &s);
}

static void leave(struct peer *p, uint64_t id)
{
    consumer_close(p->consumers[id]);
    p->consumers[id] = NULL;
}

static void expect_refused(struct refusal why, enum err err, enum about about, const char *text)
{
    assert_int_equal(why.err, err);
    assert_int_equal(why.about, about);
    assert_non_null(strstr(why.text, text));
}

/* ---- limits ---- */

static void a_topic_takes_so_many_consumers_over_all_its_subscriptions(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_CONSUMERS_MAX, 2);
    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
    assert_int_equal(join(&f->a, 2, "r", TYPE_EXCLUSIVE).err, OK);
    expect_refused(join(&f->a, 3, "s", TYPE_SHARED), ERR_BUSY, ABOUT_CONSUMER, "Topic reached max consumers limit");
    leave(&f->a, 2);
    assert_int_equal(join(&f->a, 3, "s", TYPE_SHARED).err, OK);
    set(f, POLICY_CONSUMERS_MAX, 0);
    assert_int_equal(join(&f->a, 4, "s", TYPE_SHARED).err, OK);
}

static void a_subscription_takes_so_many_consumers(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX, 1);
    assert_int_equal(join(&f->a, 1, "s", TYPE_FAILOVER).err, OK);
    expect_refused(join(&f->a, 2, "s", TYPE_FAILOVER), ERR_BUSY, ABOUT_CONSUMER,
                   "Subscription reached max consumers limit");
    assert_int_equal(join(&f->a, 2, "r", TYPE_FAILOVER).err, OK);
}

static void a_topic_takes_so_many_consumers_from_one_address(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.same_address_consumers_max = 2;
    f->a.sink.peer = "10.0.0.1:1";
    f->b.sink.peer = "10.0.0.2:1";
    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
    assert_int_equal(join(&f->a, 2, "r", TYPE_SHARED).err, OK);
    f->a.sink.peer = "10.0.0.1:2";
    expect_refused(join(&f->a, 3, "s", TYPE_SHARED), ERR_BUSY, ABOUT_CONSUMER,
                   "Topic '" TOPIC "' reached max same address consumers limit");
    assert_int_equal(join(&f->b, 1, "s", TYPE_SHARED).err, OK);
    leave(&f->a, 1);
    assert_int_equal(join(&f->a, 3, "s", TYPE_SHARED).err, OK);
}

static void a_topic_takes_so_many_producers_from_one_address(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.same_address_producers_max = 1;
    f->producer.sink.peer = "10.0.0.1:1";
    f->a.sink.peer = "10.0.0.1:2";
    f->b.sink.peer = "10.0.0.10:1";
    expect_refused(peer_produce(&f->a, 1, TOPIC, "p"), ERR_BUSY, ABOUT_PRODUCER,
                   "Topic '" TOPIC "' reached max same address producers limit");
    assert_int_equal(peer_produce(&f->b, 1, TOPIC, "p").err, OK);
    assert_int_equal(peer_produce(&f->a, 1, "persistent://public/default/u", "p").err, OK);
}

static void a_dead_exclusive_consumer_does_not_count(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX, 1);
    set(f, POLICY_CONSUMERS_MAX, 1);
    assert_int_equal(join(&f->a, 1, "s", TYPE_EXCLUSIVE).err, OK);
    f->a.dead = true;
    assert_int_equal(join(&f->b, 1, "s", TYPE_EXCLUSIVE).err, OK);
}

static void a_topic_has_so_many_subscriptions_and_those_that_are_there_stay(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
    set(f, POLICY_SUBSCRIPTIONS_MAX, 1);
    expect_refused(join(&f->a, 2, "r", TYPE_SHARED), ERR_UNSUPPORTED, ABOUT_SUBSCRIPTION,
                   "Exceed the maximum number of subscriptions of the topic");
    assert_int_equal(join(&f->a, 2, "s", TYPE_SHARED).err, OK);
}

/* ---- the subscribe rate ---- */

static void who_comes_too_often_is_sent_away_until_time_has_passed(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIBE_RATE, 2);
    set(f, POLICY_SUBSCRIBE_RATE_PERIOD_S, 10);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
        leave(&f->a, 1);
    }
    expect_refused(join(&f->a, 1, "s", TYPE_SHARED), ERR_UNSUPPORTED, ABOUT_CONSUMER,
                   "Subscribe limited by subscribe rate limit per consumer.");
    assert_int_equal(join(&f->a, 2, "s", TYPE_SHARED).err, OK); /* somebody else */
    world_pass(&f->world, 4900);
    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, ERR_UNSUPPORTED);
    world_pass(&f->world, 200);
    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
}

static void one_subscribe_counts_once_however_many_steps_it_takes(void **state)
{
    const struct subscribe fresh = {.topic = TOPIC "-new", .subscription = "s", .name = "c"};
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIBE_RATE, 1);
    assert_int_equal(peer_subscribe(&f->a, 1, &fresh).err, OK); /* waits for the topic and itself to be durable */
}

static void from_another_port_it_is_the_same_consumer(void **state)
{
    struct fixture *f = *state;

    set(f, POLICY_SUBSCRIBE_RATE, 1);
    f->a.sink.peer = "10.0.0.1:4711";
    f->b.sink.peer = "10.0.0.1:4712";
    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
    assert_int_equal(join(&f->b, 1, "s", TYPE_SHARED).err, ERR_UNSUPPORTED);
    f->b.sink.peer = "10.0.0.2:4712";
    assert_int_equal(join(&f->b, 1, "s", TYPE_SHARED).err, OK);
}

static void no_more_than_so_many_are_remembered(void **state)
{
    struct refusal why;
    struct fixture *f = *state;
    struct topic *t = world_topic(&f->world, TOPIC);

    set(f, POLICY_SUBSCRIBE_RATE, 1);
    for (uint64_t id = 0; id < 2 * 10000 + 5; id++)
        assert_int_equal(admission_by_rate(t, &f->a.sink, id, "c", &why), OK);
    assert_in_range(map_count(&t->comers), 1, 10000);
    set(f, POLICY_SUBSCRIBE_RATE, 0);
    assert_int_equal(admission_by_rate(t, &f->a.sink, 1, "c", &why), OK);
    assert_int_equal(map_count(&t->comers), 0);
}

/* ---- lost consumers ---- */

static void hold_three(struct fixture *f)
{
    assert_int_equal(join(&f->a, 1, "s", TYPE_SHARED).err, OK);
    consumer_flow(f->a.consumers[1], 10);
    peer_publish(&f->producer, 1, 3, 1);
    assert_int_equal(f->a.received_count, 3);
}

static uint32_t count_after(struct fixture *f)
{
    assert_int_equal(join(&f->b, 1, "s", TYPE_SHARED).err, OK);
    consumer_flow(f->b.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 3);
    return f->b.received[2].redelivery_count;
}

static void what_a_lost_consumer_held_is_not_counted(void **state)
{
    struct fixture *f = *state;

    hold_three(f);
    consumer_detach(f->a.consumers[1]);
    f->a.consumers[1] = NULL;
    assert_int_equal(count_after(f), 0);
}

static void what_a_lost_consumer_held_is_counted_when_it_shall_be(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.count_lost_consumers = true;
    hold_three(f);
    consumer_detach(f->a.consumers[1]);
    f->a.consumers[1] = NULL;
    assert_int_equal(count_after(f), 1);
}

static void one_that_is_closed_is_not_lost(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.count_lost_consumers = true;
    hold_three(f);
    leave(&f->a, 1);
    assert_int_equal(count_after(f), 0);
}

/* ---- what is kept with a subscription ---- */

static struct refusal join_kept(struct peer *p, uint64_t id, bool replicated, struct bytes properties,
                                uint64_t rollback_s)
{
    struct consumer_open open = {
        .op.done = world_done,
        .sink = &p->sink,
        .consumer_id = id,
        .subscription = bytes_of_text("s"),
        .type = TYPE_SHARED,
        .durable = true,
        .create_topic = true,
        .initial = INITIAL_EARLIEST,
        .epoch = -1,
        .replicated = replicated,
        .properties = properties,
        .rollback_s = rollback_s,
    };

    assert_int_equal(topic_name_parse(&open.topic, bytes_of_text(TOPIC)), OK);
    consumer_open(p->world->broker, &open);
    struct refusal why = world_finish(p->world, &open.op);
    if (why.err == OK)
        p->consumers[id] = open.consumer;
    return why;
}

static struct subscription_record record_of(struct fixture *f)
{
    struct subscription *s = subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("s"));
    struct subscription_record record;

    assert_int_equal(subscription_record_get(s, &record), OK);
    return record;
}

static void properties_are_those_of_who_made_it_and_replication_stays_on(void **state)
{
    uint8_t held[PROPERTIES_BYTES_MAX];
    struct bytes properties = bytes_of(held, 0);
    struct fixture *f = *state;

    assert_int_equal(properties_put(&properties, held, (struct property){bytes_of_text("who"), bytes_of_text("first")}),
                     OK);
    assert_int_equal(join_kept(&f->a, 1, false, properties, 0).err, OK);
    assert_false(record_of(f).replicated);
    assert_int_equal(join_kept(&f->a, 2, true, bytes_of(NULL, 0), 0).err, OK);
    assert_int_equal(join_kept(&f->a, 3, false, bytes_of(NULL, 0), 0).err, OK);
    world_cut_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(join_kept(&f->a, 1, false, bytes_of(NULL, 0), 0).err, OK);
    assert_true(record_of(f).replicated);
    assert_true(bytes_equal(properties_find(record_of(f).properties, bytes_of_text("who")), bytes_of_text("first")));
}

/* ---- so many seconds back ---- */

static void a_subscription_that_is_there_goes_back_too_and_its_consumers_come_again(void **state)
{
    struct fixture *f = *state;
    const int64_t now = loop_wall_ms(f->world.broker->loop);

    for (int64_t ago = 100; ago > 0; ago -= 20)
        peer_publish_one(&f->producer, 1, 1, now - 1000 * ago);
    world_settle(&f->world);
    assert_int_equal(join_kept(&f->a, 1, false, bytes_of(NULL, 0), 0).err, OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->producer.published[4].position, NULL), OK);
    assert_int_equal(join_kept(&f->b, 1, false, bytes_of(NULL, 0), 50).err, OK);
    assert_int_equal(f->a.consumers_closed, 1);
    consumer_flow(f->b.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 2); /* of 40 and 20 seconds ago */
    assert_true(position_equal(f->b.received[0].position, f->producer.published[3].position));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_topic_takes_so_many_consumers_over_all_its_subscriptions),
        TEST(a_subscription_takes_so_many_consumers),
        TEST(a_topic_takes_so_many_consumers_from_one_address),
        TEST(a_topic_takes_so_many_producers_from_one_address),
        TEST(a_dead_exclusive_consumer_does_not_count),
        TEST(a_topic_has_so_many_subscriptions_and_those_that_are_there_stay),
        TEST(who_comes_too_often_is_sent_away_until_time_has_passed),
        TEST(one_subscribe_counts_once_however_many_steps_it_takes),
        TEST(from_another_port_it_is_the_same_consumer),
        TEST(no_more_than_so_many_are_remembered),
        TEST(what_a_lost_consumer_held_is_not_counted),
        TEST(what_a_lost_consumer_held_is_counted_when_it_shall_be),
        TEST(one_that_is_closed_is_not_lost),
        TEST(properties_are_those_of_who_made_it_and_replication_stays_on),
        TEST(a_subscription_that_is_there_goes_back_too_and_its_consumers_come_again),
    };
    return cmocka_run_group_tests_name("broker: admission of consumers", tests, NULL, NULL);
}
