/* SPDX-License-Identifier: Apache-2.0
 *
 * quota_test.c - topics with more backlog than they may have: quota.h and backlog.h in use.
 */
#include "base/base_test.h"
#include "broker/backlog.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/policies.h"
#include "broker/subscription.h"
#include "broker/topic.h"

#include <stdio.h>

#define TOPIC  "persistent://public/default/t"
#define SECOND 1000

static int set_up(void **state)
{
    struct fixture *f = fixture_new(23);

    f->world.options.ledger_entries_max = 10;
    f->world.options.quota_check_ms = SECOND;
    f->world.options.topic_idle_ms = 3600 * SECOND;
    f->world.options.delete_inactive_topics = false;
    fixture_open(f);
    const struct subscribe s = {.topic = TOPIC, .subscription = "s"};
    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    *state = f;
    return 0;
}

static void set(struct fixture *f, enum policy limit, int64_t value, enum policy action, enum quota_action what)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, limit, value);
    policies_put(&p, action, what);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
}

static void set_size(struct fixture *f, int64_t bytes, enum quota_action what)
{
    set(f, POLICY_QUOTA_BYTES, bytes, POLICY_QUOTA_BYTES_ACTION, what);
}

static void set_age(struct fixture *f, int64_t seconds, enum quota_action what)
{
    set(f, POLICY_QUOTA_AGE_S, seconds, POLICY_QUOTA_AGE_ACTION, what);
}

static enum err come(struct fixture *f)
{
    return peer_produce(&f->producer, 1, TOPIC, NULL).err;
}

/* Entries of a hundred bytes or less, each published now. */
static void publish(struct fixture *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        peer_publish_one(&f->producer, 1, 1, loop_wall_ms(f->world.broker->loop));
    world_settle(&f->world);
}

static uint64_t backlog(struct fixture *f)
{
    return backlog_bytes(world_topic(&f->world, TOPIC));
}

static struct cursor *cursor(struct fixture *f)
{
    return subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("s"))->cursor;
}

/* The bytes of one entry as published here. */
static int64_t entry_bytes(struct fixture *f)
{
    assert_int_equal(come(f), OK);
    publish(f, 1);
    return (int64_t)backlog(f);
}

static void ack_all(struct fixture *f)
{
    consumer_flow(f->a.consumers[1], 1000);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[f->a.received_count - 1].position, false),
                     OK);
}

static void over_the_size_producers_are_closed_and_wait_until_somebody_reads(void **state)
{
    struct fixture *f = *state;
    const int64_t one = entry_bytes(f);

    set_size(f, 20 * one, QUOTA_REQUEST_HOLD);
    publish(f, 18);
    world_pass(&f->world, 2 * SECOND);
    assert_non_null(f->producer.producers[1]); /* nineteen */
    publish(f, 1);
    world_pass(&f->world, 2 * SECOND);
    assert_null(f->producer.producers[1]);
    assert_int_equal(f->producer.producers_closed, 1);
    assert_int_equal(come(f), ERR_NOSPACE);
    assert_int_equal(cursor_backlog_entries(cursor(f)), 20);

    ack_all(f);
    assert_int_equal(come(f), OK);
    publish(f, 5);
    world_pass(&f->world, 2 * SECOND);
    assert_non_null(f->producer.producers[1]);
}

static void with_the_exception_policy_they_are_told_that_they_failed(void **state)
{
    struct fixture *f = *state;

    set_size(f, 3 * entry_bytes(f), QUOTA_EXCEPTION);
    publish(f, 5);
    world_pass(&f->world, 2 * SECOND);
    assert_null(f->producer.producers[1]);
    assert_int_equal(come(f), ERR_FULL);
}

static void eviction_moves_the_slowest_until_nine_tenths_are_left(void **state)
{
    struct fixture *f = *state;
    const int64_t one = entry_bytes(f);
    const struct subscribe other = {.topic = TOPIC, .subscription = "other"};

    assert_int_equal(peer_subscribe(&f->a, 2, &other).err, OK);
    set_size(f, 20 * one, QUOTA_EVICTION);
    publish(f, 29);
    consumer_flow(f->a.consumers[1], 25);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[24].position, false), OK);
    world_pass(&f->world, 2 * SECOND);
    assert_non_null(f->producer.producers[1]);
    assert_in_range(backlog(f), 16 * (uint64_t)one, 18 * (uint64_t)one);
    assert_int_equal(cursor_backlog_entries(cursor(f)), 5);
    consumer_flow(f->a.consumers[2], 100);
    world_settle(&f->world);
    assert_in_range(f->a.received_count - 25, 16, 18);
    assert_true(position_equal(f->a.received[f->a.received_count - 1].position, f->producer.published[29].position));
}

static void a_topic_without_subscriptions_has_no_backlog(void **state)
{
    struct fixture *f = *state;

    set_size(f, 10, QUOTA_REQUEST_HOLD);
    assert_int_equal(peer_unsubscribe(&f->a, 1, false).err, OK);
    assert_int_equal(come(f), OK);
    publish(f, 20);
    world_pass(&f->world, 2 * SECOND);
    assert_non_null(f->producer.producers[1]);
    assert_int_equal(backlog(f), 0);
}

static void over_the_age_producers_are_closed_and_wait_until_somebody_reads(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(come(f), OK);
    publish(f, 3);
    set_age(f, 10, QUOTA_REQUEST_HOLD);
    world_pass(&f->world, 8 * SECOND);
    assert_non_null(f->producer.producers[1]);
    publish(f, 3);
    world_pass(&f->world, 4 * SECOND);
    assert_null(f->producer.producers[1]);
    assert_int_equal(come(f), ERR_NOSPACE);

    consumer_flow(f->a.consumers[1], 3);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[2].position, false), OK);
    assert_int_equal(come(f), OK);
    world_pass(&f->world, 2 * SECOND);
    assert_non_null(f->producer.producers[1]); /* the rest is four seconds old */
    world_pass(&f->world, 10 * SECOND);
    assert_null(f->producer.producers[1]);
}

static void eviction_by_age_skips_what_is_too_old(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(come(f), OK);
    publish(f, 3);
    world_pass(&f->world, 6 * SECOND);
    publish(f, 4);
    set_age(f, 10, QUOTA_EVICTION);
    world_pass(&f->world, 6 * SECOND);
    assert_int_equal(cursor_backlog_entries(cursor(f)), 4);
    assert_non_null(f->producer.producers[1]);
}

static void a_quota_that_is_removed_lets_them_come_again(void **state)
{
    struct fixture *f = *state;
    const struct policies none = {0};
    struct refusal why;

    set_size(f, entry_bytes(f), QUOTA_EXCEPTION);
    world_pass(&f->world, 2 * SECOND);
    assert_int_equal(come(f), ERR_FULL);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &none, &why), OK);
    assert_int_equal(come(f), OK);
    assert_int_equal(f->world.broker->quotas.count, 0);
}

static void many_topics_are_looked_at_in_turns(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 250; i++) {
        char name[80];
        snprintf(name, sizeof name, "persistent://public/default/many-%u", i);
        const struct subscribe s = {.topic = name, .subscription = "s"};
        assert_int_equal(peer_subscribe(&f->a, 3, &s).err, OK);
        consumer_detach(f->a.consumers[3]);
        assert_int_equal(peer_produce(&f->producer, 2, name, NULL).err, OK);
        peer_publish_one(&f->producer, 2, 1, 1);
        world_settle(&f->world);
        if (i % 2)
            producer_detach(f->producer.producers[2]);
    }
    set_size(f, 1, QUOTA_REQUEST_HOLD);
    world_settle(&f->world); /* they hear of it in turns, too */
    assert_int_equal(f->world.broker->quotas.count, 251);
    assert_int_equal(f->world.broker->counts.producers, 125);
    world_pass(&f->world, 3 * SECOND);
    assert_int_equal(f->producer.producers_closed, 125);
    assert_int_equal(f->world.broker->counts.producers, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(over_the_size_producers_are_closed_and_wait_until_somebody_reads),
        TEST(with_the_exception_policy_they_are_told_that_they_failed),
        TEST(eviction_moves_the_slowest_until_nine_tenths_are_left),
        TEST(a_topic_without_subscriptions_has_no_backlog),
        TEST(over_the_age_producers_are_closed_and_wait_until_somebody_reads),
        TEST(eviction_by_age_skips_what_is_too_old),
        TEST(a_quota_that_is_removed_lets_them_come_again),
        TEST(many_topics_are_looked_at_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
