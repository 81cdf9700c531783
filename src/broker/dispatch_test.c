/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch_test.c - who gets which entries, and how often: dispatch.h and the kinds in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(7);

    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static void join(struct peer *p, uint64_t id, enum subscription_type type, int32_t priority, uint32_t permits)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = type, .priority = priority};

    assert_int_equal(peer_subscribe(p, id, &s).err, OK);
    if (permits)
        consumer_flow(p->consumers[id], permits);
}

static void expect_entries(const struct peer *p, size_t from, int64_t first, size_t count)
{
    assert_int_equal(p->received_count, from + count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(p->received[from + i].position.entry, first + (int64_t)i);
}

static struct position at(const struct peer *p, size_t i)
{
    return p->received[i].position;
}

static void nothing_is_sent_without_permits(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 0);
    peer_publish(&f->producer, 1, 3, 1);
    assert_int_equal(f->a.received_count, 0);
}

static void entries_are_sent_in_order_as_far_as_the_permits_go(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 3);
    peer_publish(&f->producer, 1, 10, 1);
    expect_entries(&f->a, 0, 0, 3);

    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 10);
}

static void a_batch_is_sent_whole_and_paid_for_later(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 1);
    peer_publish(&f->producer, 1, 2, 10);
    expect_entries(&f->a, 0, 0, 1);
    assert_int_equal(f->a.consumers[1]->permits.available, -9);

    consumer_flow(f->a.consumers[1], 9);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 1);
    consumer_flow(f->a.consumers[1], 1);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 2);
}

static void a_peer_that_takes_nothing_gets_nothing_until_it_does(void **state)
{
    struct fixture *f = *state;

    f->a.blocked = true;
    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 100);
    peer_publish(&f->producer, 1, 5, 1);
    assert_int_equal(f->a.received_count, 0);

    f->a.blocked = false;
    consumer_writable(f->a.consumers[1]);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 5);
}

static void shared_consumers_take_turns_of_twenty_entries(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 0);
    join(&f->b, 1, TYPE_SHARED, 0, 0);
    peer_publish(&f->producer, 1, 80, 1);
    consumer_flow(f->a.consumers[1], 1000);
    consumer_flow(f->b.consumers[1], 1000);
    world_settle(&f->world);

    assert_int_equal(f->a.received_count, 40);
    assert_int_equal(f->b.received_count, 40);
    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(at(&f->a, (size_t)i).entry, i);
        assert_int_equal(at(&f->b, (size_t)i).entry, 20 + i);
    }
}

static void a_better_priority_is_served_first_and_the_other_when_it_has_no_permits(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 1, 0);
    join(&f->b, 1, TYPE_SHARED, 0, 0);
    peer_publish(&f->producer, 1, 30, 1);
    consumer_flow(f->a.consumers[1], 1000);
    consumer_flow(f->b.consumers[1], 10);
    world_settle(&f->world);
    expect_entries(&f->b, 0, 0, 10);
    expect_entries(&f->a, 0, 10, 20);
}

static void entries_of_a_consumer_that_leaves_go_to_the_others_uncounted_and_first(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 3);
    peer_publish(&f->producer, 1, 6, 1);
    expect_entries(&f->a, 0, 0, 3);
    assert_int_equal(consumer_ack(f->a.consumers[1], at(&f->a, 1), false), OK);
    join(&f->b, 1, TYPE_SHARED, 0, 1);
    world_settle(&f->world);
    expect_entries(&f->b, 0, 3, 1);

    consumer_detach(f->a.consumers[1]);
    consumer_flow(f->b.consumers[1], 100);
    world_settle(&f->world);
    const int64_t order[] = {3, 0, 2, 4, 5};
    assert_int_equal(f->b.received_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(at(&f->b, i).entry, order[i]);
        assert_int_equal(f->b.received[i].redelivery_count, 0);
    }
}

static void a_redelivery_that_was_asked_for_is_counted(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 100);
    peer_publish(&f->producer, 1, 3, 1);
    for (uint32_t times = 1; times <= 2; times++) {
        struct position p = at(&f->a, 1);
        consumer_redeliver(f->a.consumers[1], &p, 1);
        world_settle(&f->world);
        assert_int_equal(f->a.received_count, 3 + times);
        assert_int_equal(at(&f->a, 2 + times).entry, 1);
        assert_int_equal(f->a.received[2 + times].redelivery_count, times);
    }
    consumer_redeliver_all(f->a.consumers[1], -1);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 8);
    assert_int_equal(f->a.received[5].redelivery_count, 1);
    assert_int_equal(f->a.received[6].redelivery_count, 3);
}

static void what_another_consumer_holds_cannot_be_asked_for_again(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 1);
    peer_publish(&f->producer, 1, 1, 1);
    join(&f->b, 1, TYPE_SHARED, 0, 10);
    struct position p = at(&f->a, 0);
    consumer_redeliver(f->b.consumers[1], &p, 1);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 0);
}

static void any_shared_consumer_may_acknowledge_for_another(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 1);
    peer_publish(&f->producer, 1, 1, 5);
    join(&f->b, 1, TYPE_SHARED, 0, 0);
    assert_int_equal(f->a.consumers[1]->unacked, 5);
    assert_int_equal(consumer_ack(f->b.consumers[1], at(&f->a, 0), false), OK);
    assert_int_equal(f->a.consumers[1]->unacked, 0);
}

static void an_acknowledgement_of_part_of_a_batch_is_ignored(void **state)
{
    struct fixture *f = *state;
    const struct ack_left part = {&(uint64_t){1}, 1};

    join(&f->a, 1, TYPE_SHARED, 0, 10);
    peer_publish(&f->producer, 1, 1, 5);
    assert_int_equal(consumer_ack(f->a.consumers[1], at(&f->a, 0), &part), OK);
    assert_int_equal(f->a.consumers[1]->unacked, 5);
}

static void a_cumulative_acknowledgement_is_ignored_when_shared(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_SHARED, 0, 10);
    peer_publish(&f->producer, 1, 3, 1);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], at(&f->a, 2), false), OK);
    assert_int_equal(f->a.consumers[1]->unacked, 3);
}

static void an_exclusive_redelivery_goes_back_to_the_first_unacknowledged(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 100);
    peer_publish(&f->producer, 1, 6, 1);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], at(&f->a, 1), false), OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], at(&f->a, 4), false), OK);
    consumer_redeliver_all(f->a.consumers[1], 5);
    world_settle(&f->world);

    const int64_t order[] = {2, 3, 5};
    assert_int_equal(f->a.received_count, 9);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(at(&f->a, 6 + i).entry, order[i]);
        assert_int_equal(f->a.received[6 + i].redelivery_count, 0);
        assert_int_equal(f->a.received[6 + i].epoch, 5);
    }
}

static void a_cumulative_acknowledgement_within_a_batch_stops_before_it(void **state)
{
    struct fixture *f = *state;
    const struct ack_left part = {&(uint64_t){1}, 1};

    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 100);
    peer_publish(&f->producer, 1, 3, 4);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], at(&f->a, 1), &part), OK);
    assert_int_equal(cursor_mark_delete(f->a.consumers[1]->subscription->cursor).entry, 0);
}

static void limit(struct fixture *f, enum policy which, int64_t value)
{
    policies_put(&f->world.broker->options.policies, which, value);
    topics_policies_changed(f->world.broker, bytes_of_text("public/default"));
}

static void a_consumer_over_its_limit_waits_until_half_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    limit(f, POLICY_UNACKED_PER_CONSUMER_MAX, 4);
    join(&f->a, 1, TYPE_SHARED, 0, 100);
    peer_publish(&f->producer, 1, 10, 1);
    expect_entries(&f->a, 0, 0, 4);
    assert_true(f->a.consumers[1]->blocked);
    consumer_flow(f->a.consumers[1], 7); /* kept for later */
    assert_int_equal(f->a.consumers[1]->permits.available, 96);

    assert_int_equal(consumer_ack(f->a.consumers[1], at(&f->a, 0), false), OK);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 4);
    assert_int_equal(consumer_ack(f->a.consumers[1], at(&f->a, 1), false), OK);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 6);
    assert_int_equal(f->a.consumers[1]->permits.available, 101);
}

static void a_subscription_over_its_limit_serves_nobody_until_half_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    limit(f, POLICY_UNACKED_PER_SUBSCRIPTION_MAX, 4);
    join(&f->a, 1, TYPE_SHARED, 0, 3);
    join(&f->b, 1, TYPE_SHARED, 0, 100);
    peer_publish(&f->producer, 1, 10, 1);
    assert_int_equal(f->a.received_count + f->b.received_count, 4);
    struct peer *p = f->a.received_count ? &f->a : &f->b;
    assert_int_equal(consumer_ack(p->consumers[1], at(p, 0), false), OK);
    assert_int_equal(consumer_ack(p->consumers[1], at(p, 1), false), OK);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count + f->b.received_count, 6);
}

static void entries_that_left_the_memory_are_read_from_the_disk(void **state)
{
    struct fixture *f = *state;
    const size_t count = 300;

    peer_publish(&f->producer, 1, (unsigned)count, 1);
    consumer_detach((join(&f->a, 1, TYPE_EXCLUSIVE, 0, 0), f->a.consumers[1]));
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 1000);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, count);
}

static bool reads(struct fixture *f, struct subscription *s)
{
    for (unsigned steps = 0; !s->dispatch.read && steps < 1000; steps++)
        (void)sim_step(f->world.sim);
    return s->dispatch.read != NULL;
}

static void what_is_read_when_it_is_asked_for_again_is_not_sent_out_of_turn(void **state)
{
    struct fixture *f = *state;

    peer_publish(&f->producer, 1, 300, 1);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    f->world.tail_cache_bytes = 1;
    join(&f->a, 1, TYPE_EXCLUSIVE, 0, 20);
    world_settle(&f->world);
    expect_entries(&f->a, 0, 0, 20);
    struct subscription *s = f->a.consumers[1]->subscription;
    for (uint32_t i = 0; !s->dispatch.read && i < 200; i++) { /* what was read ahead is used up */
        consumer_flow(f->a.consumers[1], 1);
        (void)reads(f, s);
    }
    assert_non_null(s->dispatch.read);
    size_t before = f->a.received_count;
    consumer_redeliver_all(f->a.consumers[1], -1);
    consumer_flow(f->a.consumers[1], 1000);
    world_settle(&f->world);
    expect_entries(&f->a, before, 0, 300);
}

static void the_first_failover_consumer_is_served_and_another_only_after_it(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TYPE_FAILOVER, 0, 100);
    join(&f->b, 1, TYPE_FAILOVER, 1, 100); /* of lesser priority */
    assert_int_equal(f->a.active[1], 1);
    assert_int_equal(f->b.active[1], 0);
    peer_publish(&f->producer, 1, 4, 1);
    expect_entries(&f->a, 0, 0, 4);
    assert_int_equal(f->b.received_count, 0);

    assert_int_equal(consumer_ack(f->a.consumers[1], at(&f->a, 0), false), OK);
    consumer_detach(f->a.consumers[1]);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 0);
    world_pass(&f->world, 1100); /* what was in flight may still be acknowledged */
    assert_int_equal(f->b.active[1], 1);
    expect_entries(&f->b, 0, 1, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sent_without_permits),
        TEST(entries_are_sent_in_order_as_far_as_the_permits_go),
        TEST(a_batch_is_sent_whole_and_paid_for_later),
        TEST(a_peer_that_takes_nothing_gets_nothing_until_it_does),
        TEST(shared_consumers_take_turns_of_twenty_entries),
        TEST(a_better_priority_is_served_first_and_the_other_when_it_has_no_permits),
        TEST(entries_of_a_consumer_that_leaves_go_to_the_others_uncounted_and_first),
        TEST(a_redelivery_that_was_asked_for_is_counted),
        TEST(what_another_consumer_holds_cannot_be_asked_for_again),
        TEST(any_shared_consumer_may_acknowledge_for_another),
        TEST(an_acknowledgement_of_part_of_a_batch_is_ignored),
        TEST(a_cumulative_acknowledgement_is_ignored_when_shared),
        TEST(an_exclusive_redelivery_goes_back_to_the_first_unacknowledged),
        TEST(a_cumulative_acknowledgement_within_a_batch_stops_before_it),
        TEST(a_consumer_over_its_limit_waits_until_half_is_acknowledged),
        TEST(a_subscription_over_its_limit_serves_nobody_until_half_is_acknowledged),
        TEST(entries_that_left_the_memory_are_read_from_the_disk),
        TEST(what_is_read_when_it_is_asked_for_again_is_not_sent_out_of_turn),
        TEST(the_first_failover_consumer_is_served_and_another_only_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
