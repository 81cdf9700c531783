/* SPDX-License-Identifier: Apache-2.0
 *
 * delayed_test.c - entries that are to be delivered later: delayed.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/fixture.h"
#include "broker/subscription.h"
#include "broker/topic.h"

#define TOPIC  "persistent://public/default/t"
#define SECOND 1000
#define HOUR   (60 * 60 * INT64_C(1000))

static void peers(struct fixture *f)
{
    fixture_peers(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
}

static int set_up_with(void **state, size_t tail_cache_bytes)
{
    struct fixture *f = fixture_new(7);

    f->world.tail_cache_bytes = tail_cache_bytes;
    f->world.options.ledger_entries_max = 300;
    world_open(&f->world);
    peers(f);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 0);
}

static int set_up_with_little_memory(void **state)
{
    return set_up_with(state, 64 * 1024);
}

static void join(struct peer *p, enum subscription_type type, uint32_t permits)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = type};

    assert_int_equal(peer_subscribe(p, 1, &s).err, OK);
    if (permits)
        consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
}

static int64_t now(struct fixture *f)
{
    return loop_wall_ms(f->world.broker->loop);
}

static struct subscription *subscription(struct fixture *f)
{
    return subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("s"));
}

/* Publishes `count`, each due in so many ms; 0: at once. */
static void publish(struct fixture *f, unsigned count, int64_t delay_ms)
{
    for (unsigned i = 0; i < count; i++)
        peer_publish_delayed(&f->producer, 1, delay_ms ? now(f) + delay_ms : 0);
    world_settle(&f->world);
}

/* All from the `from`-th on came neither early nor late. */
static void expect_in_time(const struct peer *p, size_t from, int64_t late_ms)
{
    for (size_t i = from; i < p->received_count; i++) {
        assert_true(p->received[i].deliver_ms > 0);
        assert_in_range(p->received[i].at_ms, p->received[i].deliver_ms, p->received[i].deliver_ms + late_ms);
    }
}

static void an_entry_waits_for_its_time_and_comes_then(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 1, 5 * SECOND);
    assert_int_equal(f->a.received_count, 0);
    assert_int_equal(delayed_count(subscription(f)), 1);
    assert_true(delayed_all(subscription(f)));
    world_pass(&f->world, 4800);
    assert_int_equal(f->a.received_count, 0);
    world_pass(&f->world, 1000);
    assert_int_equal(f->a.received_count, 1);
    expect_in_time(&f->a, 0, 5);
    assert_int_equal(delayed_count(subscription(f)), 0);
    assert_false(delayed_all(subscription(f)));
}

static void others_do_not_wait_for_it(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 3, HOUR);
    publish(f, 2, 0);
    publish(f, 1, 2 * SECOND);
    publish(f, 2, 0);
    assert_int_equal(f->a.received_count, 4);
    world_pass(&f->world, 3 * SECOND);
    assert_int_equal(f->a.received_count, 5);
    expect_in_time(&f->a, 4, 5);
    world_pass(&f->world, HOUR);
    assert_int_equal(f->a.received_count, 8);
}

static void a_time_that_has_passed_does_not_matter(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    peer_publish_delayed(&f->producer, 1, now(f));
    peer_publish_delayed(&f->producer, 1, -5);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 2);
    assert_null(world_topic(&f->world, TOPIC)->delayed);
}

static void one_consumer_alone_gets_all_at_once(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_EXCLUSIVE, 100);
    publish(f, 3, HOUR);
    assert_int_equal(f->a.received_count, 3);
}

static void entries_that_wait_are_not_read_again_for_the_next_consumer(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 1000, 5 * SECOND);
    publish(f, 1, 0);
    consumer_detach(f->a.consumers[1]);
    assert_int_equal(f->a.received_count, 1);
    struct store_stats before, after;
    store_stats(f->world.store, &before);
    join(&f->b, TYPE_SHARED, 2000);
    assert_int_equal(f->b.received_count, 1);
    store_stats(f->world.store, &after);
    assert_true(after.cache_hits + after.cold_hits < before.cache_hits + before.cold_hits + 200);
    world_pass(&f->world, 6 * SECOND);
    assert_int_equal(f->b.received_count, 1001);
}

static void a_start_finds_them_again(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 700, 60 * SECOND);
    publish(f, 2, 0);
    assert_int_equal(f->a.received_count, 2);
    world_kill_and_open(&f->world);
    peers(f);
    join(&f->a, TYPE_SHARED, 2000);
    assert_int_equal(f->a.received_count, 2);
    assert_int_equal(delayed_count(subscription(f)), 700);
    world_pass(&f->world, 61 * SECOND);
    assert_int_equal(f->a.received_count, 702);
    expect_in_time(&f->a, 2, 500);
}

static void after_a_start_only_ledgers_with_such_entries_are_read(void **state)
{
    struct fixture *f = *state;
    struct store_stats before, after;

    f->world.broker->options.ledger_entries_max = 10000;
    join(&f->a, TYPE_SHARED, 0);
    publish(f, 1000, 0);
    publish(f, 1, HOUR);
    assert_true(world_restart(&f->world));
    peers(f);
    join(&f->a, TYPE_SHARED, 100);
    assert_int_equal(f->a.received_count, 100);
    assert_null(world_topic(&f->world, TOPIC)->delayed); /* nobody has met one */
    store_stats(f->world.store, &before);
    consumer_flow(f->a.consumers[1], 2000);
    world_pass(&f->world, SECOND);
    assert_int_equal(f->a.received_count, 1000);
    assert_non_null(world_topic(&f->world, TOPIC)->delayed);
    store_stats(f->world.store, &after);
    assert_true(after.cache_hits + after.cold_hits <= before.cache_hits + before.cold_hits + 900 + 1 + 1);
}

static void acknowledged_ones_never_come(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 3, 5 * SECOND);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->producer.published[1].position, false), OK);
    world_pass(&f->world, 6 * SECOND);
    assert_int_equal(f->a.received_count, 2);
}

static void a_seek_back_does_not_bring_them_early(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 1, 0);
    publish(f, 3, 5 * SECOND);
    assert_int_equal(peer_seek(&f->a, 1, POSITION_EARLIEST).err, OK);
    join(&f->a, TYPE_SHARED, 100);
    assert_int_equal(f->a.received_count, 2);
    world_pass(&f->world, 6 * SECOND);
    assert_int_equal(f->a.received_count, 5);
    expect_in_time(&f->a, 2, 500);
}

static void what_was_forgotten_because_all_had_acknowledged_it_is_found_again_after_a_seek_back(void **state)
{
    enum { MANY = 3000 }; /* more than a block of the index, which is forgotten as a whole */
    struct fixture *f = *state;

    policies_put(&f->world.broker->options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&f->world.broker->options.policies, POLICY_RETENTION_MB, -1);
    join(&f->a, TYPE_SHARED, 100);
    publish(f, MANY, 600 * SECOND);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(consumer_ack(f->a.consumers[1], f->producer.published[i].position, false), OK);
    world_pass(&f->world, 65 * SECOND);
    assert_int_equal(peer_seek(&f->a, 1, POSITION_EARLIEST).err, OK);
    join(&f->a, TYPE_SHARED, 2 * MANY);
    assert_int_equal(f->a.received_count, 0);
    world_pass(&f->world, 600 * SECOND);
    assert_int_equal(f->a.received_count, MANY);
}

static void a_nack_of_one_that_was_due_brings_it_at_once(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 1, SECOND);
    world_pass(&f->world, 2 * SECOND);
    assert_int_equal(f->a.received_count, 1);
    consumer_redeliver(f->a.consumers[1], &f->a.received[0].position, 1);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 2);
}

static void those_that_nobody_can_take_when_they_are_due_wait_without_memory_of_their_own(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 10);
    publish(f, 3000, 5 * SECOND);
    publish(f, 7, 0);
    assert_int_equal(f->a.received_count, 7);
    world_pass(&f->world, 10 * SECOND);
    assert_int_equal(f->a.received_count, 10);
    assert_true(tree_count(&subscription(f)->dispatch.replay) <= 1000);
    world_check(&f->world);
    while (f->a.received_count < 3007) {
        const size_t before = f->a.received_count;
        consumer_flow(f->a.consumers[1], 100);
        world_settle(&f->world);
        assert_true(f->a.received_count > before);
        world_check(&f->world);
    }
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 3007);
}

/* The read was asked for behind them: if what it brings were sent, reading would go on behind it, and nobody would come
 * to those that replay has no room for. */
static void those_that_come_due_while_the_disk_reads_behind_them_are_not_passed_over(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 1);
    publish(f, 1500, 5 * SECOND);
    publish(f, 1, 0); /* takes the permit: what follows is left to the disk */
    publish(f, 1000, 0);
    assert_int_equal(f->a.received_count, 1);
    sim_slow(f->world.sim, 60 * SECOND);
    consumer_flow(f->a.consumers[1], 100);
    const struct dispatch *d = &subscription(f)->dispatch;
    while (!d->read)
        assert_true(sim_step(f->world.sim));
    const struct broker_read *read = d->read;
    while (!position_before(d->read_position, d->again_upto))
        assert_true(sim_step(f->world.sim));
    assert_ptr_equal(d->read, read);
    sim_slow(f->world.sim, 0);
    while (d->read == read)
        assert_true(sim_step(f->world.sim));
    world_check(&f->world);
    consumer_flow(f->a.consumers[1], 3000);
    world_pass(&f->world, 2 * SECOND);
    assert_int_equal(f->a.received_count, 1500 + 1 + 1000);
}

static void an_index_over_its_bound_keeps_the_first_and_finds_the_rest_later(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.delayed_bytes_max = 2000;
    join(&f->a, TYPE_SHARED, 4000);
    for (unsigned i = 0; i < 2000; i++)
        peer_publish_delayed(&f->producer, 1, now(f) + SECOND + (i * 7919) % 100000);
    world_settle(&f->world);
    assert_true(f->world.broker->delayed_bytes <= 2200);
    for (unsigned i = 0; i < 110; i++) {
        world_pass(&f->world, SECOND);
        assert_true(f->world.broker->delayed_bytes <= 2200);
    }
    assert_int_equal(f->a.received_count, 2000);
    expect_in_time(&f->a, 0, 1000);
}

static void a_clock_that_is_set_back_lets_them_wait_again(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 3, 100 * SECOND);
    sim_wall_jump(f->world.sim, -50 * SECOND);
    publish(f, 2, 80 * SECOND); /* later than what was now before */
    publish(f, 1, 20 * SECOND); /* earlier */
    assert_int_equal(f->a.received_count, 0);
    world_pass(&f->world, 155 * SECOND);
    assert_int_equal(f->a.received_count, 6);
    expect_in_time(&f->a, 0, 500);
}

static void a_clock_that_is_set_forward_brings_them_within_a_minute(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    publish(f, 3, 2 * HOUR);
    sim_wall_jump(f->world.sim, 2 * HOUR);
    world_pass(&f->world, DELAYED_LOOK_MS + SECOND);
    assert_int_equal(f->a.received_count, 3);
}

static void all_comes_at_once_when_delays_are_switched_off(void **state)
{
    struct fixture *f = *state;
    struct policies off = {0};
    struct refusal why;

    join(&f->a, TYPE_SHARED, 2000);
    publish(f, 1200, HOUR);
    assert_int_equal(f->a.received_count, 0);
    policies_put(&off, POLICY_DELAYED, 0);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &off, &why), OK);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 1200);
    publish(f, 1, HOUR);
    assert_int_equal(f->a.received_count, 1201);
}

static void a_delay_that_is_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    struct policies most = {0};
    struct refusal why;

    policies_put(&most, POLICY_DELAYED_MAX_MS, 10 * SECOND);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &most, &why), OK);
    publish(f, 1, 10 * SECOND);
    publish(f, 1, 10 * SECOND + 100);
    publish(f, 1, 0);
    assert_int_equal(f->producer.published_count, 3);
    assert_int_equal(f->producer.published[0].err, OK);
    assert_int_equal(f->producer.published[1].err, ERR_UNSUPPORTED);
    assert_int_equal(f->producer.published[2].err, OK);
}

static void what_is_published_while_the_index_is_made_is_in_it(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.ledger_entries_max = 10000;
    join(&f->a, TYPE_SHARED, 0);
    publish(f, 1000, 5 * SECOND);
    consumer_flow(f->a.consumers[1], 2000);
    while (!world_topic(&f->world, TOPIC)->delayed)
        assert_true(sim_step(f->world.sim));
    for (unsigned i = 0; i < 100; i++) {
        peer_publish_delayed(&f->producer, 1, now(f) + 6 * SECOND);
        (void)sim_step(f->world.sim);
    }
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 0);
    assert_int_equal(delayed_count(subscription(f)), 1100);
    world_pass(&f->world, 8 * SECOND);
    assert_int_equal(f->a.received_count, 1100);
    expect_in_time(&f->a, 0, 500);
}

static void two_subscriptions_have_one_index(void **state)
{
    struct fixture *f = *state;
    const struct subscribe other = {.topic = TOPIC, .subscription = "other", .type = TYPE_SHARED};

    join(&f->a, TYPE_SHARED, 100);
    assert_int_equal(peer_subscribe(&f->b, 1, &other).err, OK);
    publish(f, 5, 5 * SECOND);
    assert_int_equal(f->world.broker->delayed_topics, 1);
    world_pass(&f->world, 6 * SECOND);
    assert_int_equal(f->a.received_count, 5);
    assert_int_equal(f->b.received_count, 0);
    consumer_flow(f->b.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_waits_for_its_time_and_comes_then, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(others_do_not_wait_for_it, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_time_that_has_passed_does_not_matter, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(one_consumer_alone_gets_all_at_once, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(entries_that_wait_are_not_read_again_for_the_next_consumer, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_start_finds_them_again, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(after_a_start_only_ledgers_with_such_entries_are_read, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(acknowledged_ones_never_come, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_seek_back_does_not_bring_them_early, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_forgotten_because_all_had_acknowledged_it_is_found_again_after_a_seek_back, set_up,
            fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_nack_of_one_that_was_due_brings_it_at_once, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(those_that_nobody_can_take_when_they_are_due_wait_without_memory_of_their_own,
                                        set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(those_that_come_due_while_the_disk_reads_behind_them_are_not_passed_over,
                                        set_up_with_little_memory, fixture_tear_down),
        cmocka_unit_test_setup_teardown(an_index_over_its_bound_keeps_the_first_and_finds_the_rest_later, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_back_lets_them_wait_again, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_forward_brings_them_within_a_minute, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(all_comes_at_once_when_delays_are_switched_off, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_delay_that_is_too_long_is_refused, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_is_published_while_the_index_is_made_is_in_it, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(two_subscriptions_have_one_index, set_up, fixture_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
