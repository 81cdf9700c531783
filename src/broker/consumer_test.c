/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_test.c - joining and leaving subscriptions, seeking, the last message id: consumer.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(13);

    f->world.options.ledger_entries_max = 4;
    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static const struct subscribe exclusive = {.topic = TOPIC, .subscription = "s"};
static const struct subscribe shared = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};
static const struct subscribe reader = {.topic = TOPIC, .subscription = "r", .volatile_ = true};

static void join(struct peer *p, uint64_t id, const struct subscribe *s, uint32_t permits)
{
    assert_int_equal(peer_subscribe(p, id, s).err, OK);
    consumer_flow(p->consumers[id], permits);
    world_settle(p->world);
}

static void leave(struct peer *p, uint64_t id)
{
    consumer_detach(p->consumers[id]);
    p->consumers[id] = NULL;
}

/* Entries are published with times 0, 1, 2 ...: that tells them apart over ledgers. */
static void expect_nth(struct fixture *f, const struct peer *p, size_t i, size_t nth)
{
    assert_true(i < p->received_count);
    assert_true(position_equal(p->received[i].position, f->producer.published[nth].position));
}

static struct subscription *subscription(struct fixture *f, const char *name)
{
    return subscription_find(world_topic(&f->world, TOPIC), bytes_of_text(name));
}

static void a_second_exclusive_consumer_is_refused_while_the_first_lives(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 1);
    struct refusal why = peer_subscribe(&f->b, 1, &exclusive);
    assert_int_equal(why.err, ERR_BUSY);
    assert_int_equal(why.about, ABOUT_CONSUMER);
    assert_int_equal(f->a.probes, 1);

    f->a.dead = true;
    assert_int_equal(peer_subscribe(&f->b, 1, &exclusive).err, OK);
}

static void a_second_exclusive_consumer_of_one_connection_is_refused_unasked(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 1);
    assert_int_equal(peer_subscribe(&f->a, 2, &exclusive).err, ERR_BUSY);
    assert_int_equal(f->a.probes, 0);
}

static void another_type_is_refused_while_somebody_is_connected(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 1);
    assert_int_equal(peer_subscribe(&f->b, 1, &shared).err, ERR_BUSY);
    assert_int_equal(f->a.probes, 0);
    leave(&f->a, 1);
    assert_int_equal(peer_subscribe(&f->b, 1, &shared).err, OK);
}

static void a_type_that_is_not_allowed_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = shared;

    policies_put(&f->world.broker->options.policies, POLICY_SUBSCRIPTION_TYPES, 1 << TYPE_EXCLUSIVE);
    s.type = TYPE_KEY_SHARED;
    struct refusal why = peer_subscribe(&f->a, 1, &s);
    assert_int_equal(why.err, ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "Key_Shared"));
    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
}

static void reserved_names_are_refused(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = {.topic = TOPIC, .subscription = "pulsar.dedup"};

    struct refusal why = peer_subscribe(&f->a, 1, &s);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_SUBSCRIPTION);
}

static void the_latest_position_is_after_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = exclusive;

    s.latest = true;
    peer_publish(&f->producer, 1, 6, 1);
    join(&f->a, 1, &s, 100);
    assert_int_equal(f->a.received_count, 0);
    peer_publish(&f->producer, 1, 1, 1);
    expect_nth(f, &f->a, 0, 6);
}

static void a_durable_subscription_goes_on_after_a_kill(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 100);
    peer_publish(&f->producer, 1, 6, 1);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[1].position, false), OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[3].position, false), OK);
    struct broker_op op = {.done = world_done};
    broker_when_durable(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op).err, OK);

    world_kill_and_open(&f->world);
    peer_init(&f->b, &f->world);
    join(&f->b, 1, &exclusive, 100);
    assert_int_equal(f->b.received_count, 3);
    expect_nth(f, &f->b, 0, 2);
    expect_nth(f, &f->b, 1, 4);
    expect_nth(f, &f->b, 2, 5);
}

static void a_volatile_subscription_is_gone_with_its_last_consumer(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &reader, 1);
    assert_non_null(subscription(f, "r"));
    leave(&f->a, 1);
    assert_null(subscription(f, "r"));
}

static void a_reader_begins_at_the_entry_that_it_names(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = reader;

    join(&f->b, 1, &exclusive, 0); /* holds the data */
    peer_publish(&f->producer, 1, 10, 1);
    s.start_given = true;
    s.start = f->producer.published[5].position;
    join(&f->a, 1, &s, 100);
    assert_int_equal(f->a.received_count, 5);
    expect_nth(f, &f->a, 0, 5);
}

static void durable_and_volatile_do_not_share_a_name(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = exclusive;

    join(&f->a, 1, &exclusive, 1);
    s.volatile_ = true;
    assert_int_equal(peer_subscribe(&f->b, 1, &s).err, ERR_UNSUPPORTED);
}

static void unsubscribing_takes_the_cursor_along(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 100);
    peer_publish(&f->producer, 1, 2, 1);
    assert_int_equal(peer_unsubscribe(&f->a, 1, false).err, OK);
    assert_null(subscription(f, "s"));
    world_kill_and_open(&f->world);
    peer_init(&f->b, &f->world);
    join(&f->b, 1, &exclusive, 100);
    assert_int_equal(f->b.received_count, 2); /* from the start, as a new one */
}

static void unsubscribing_is_for_the_last_one_unless_forced(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &shared, 1);
    join(&f->b, 1, &shared, 1);
    struct refusal why = peer_unsubscribe(&f->a, 1, false);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_CONSUMER);
    assert_non_null(f->a.consumers[1]);

    assert_int_equal(peer_unsubscribe(&f->a, 1, true).err, OK);
    assert_int_equal(f->b.consumers_closed, 1);
    assert_null(subscription(f, "s"));
}

static void a_seek_sends_consumers_away_and_begins_at_the_entry(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &shared, 100);
    join(&f->b, 1, &shared, 0);
    peer_publish(&f->producer, 1, 10, 1);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[0].position, false), OK);
    assert_int_equal(peer_seek(&f->a, 1, f->producer.published[7].position).err, OK);
    assert_int_equal(f->a.consumers_closed, 1);
    assert_int_equal(f->b.consumers_closed, 1);

    size_t before = f->a.received_count;
    join(&f->a, 1, &shared, 100);
    assert_int_equal(f->a.received_count, before + 3);
    expect_nth(f, &f->a, before, 7);
}

static void a_seek_goes_to_the_ends(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 100);
    peer_publish(&f->producer, 1, 6, 1);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[5].position, false), OK);
    assert_int_equal(peer_seek(&f->a, 1, POSITION_EARLIEST).err, OK);
    join(&f->a, 1, &exclusive, 100);
    assert_int_equal(f->a.received_count, 12);
    expect_nth(f, &f->a, 6, 0);

    assert_int_equal(peer_seek(&f->a, 1, POSITION_LATEST).err, OK);
    join(&f->a, 1, &exclusive, 100);
    assert_int_equal(f->a.received_count, 12);
    peer_publish(&f->producer, 1, 1, 1);
    expect_nth(f, &f->a, 12, 6);
}

static void a_seek_by_time_goes_to_the_first_entry_not_before_it(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 0);
    for (int64_t i = 0; i < 10; i++)
        peer_publish_one(&f->producer, 1, 1, 1000 + 10 * i);
    world_settle(&f->world);
    const struct {
        int64_t time;
        size_t nth;
    } cases[] = {{0, 0}, {1000, 0}, {1001, 1}, {1035, 4}, {1040, 4}, {1090, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(peer_seek_time(&f->a, 1, cases[i].time).err, OK);
        size_t before = f->a.received_count;
        join(&f->a, 1, &exclusive, 100);
        assert_int_equal(f->a.received_count, before + 10 - cases[i].nth);
        expect_nth(f, &f->a, before, cases[i].nth);
    }
    assert_int_equal(peer_seek_time(&f->a, 1, 5000).err, OK); /* beyond everything */
    size_t before = f->a.received_count;
    join(&f->a, 1, &exclusive, 100);
    assert_int_equal(f->a.received_count, before);
}

static void a_reader_stays_where_its_seek_put_it(void **state)
{
    struct fixture *f = *state;

    join(&f->b, 1, &exclusive, 0);
    peer_publish(&f->producer, 1, 6, 1);
    join(&f->a, 1, &reader, 100);
    size_t before = f->a.received_count;
    assert_int_equal(peer_seek_time(&f->a, 1, 4).err, OK);
    join(&f->a, 1, &reader, 100);
    assert_int_equal(f->a.received_count, before + 2);
}

static void a_second_seek_meanwhile_is_refused(void **state)
{
    struct fixture *f = *state;
    struct consumer_seek seek = {.op.done = world_done, .by_time = true, .publish_ms = 3};

    join(&f->a, 1, &shared, 0);
    peer_publish(&f->producer, 1, 6, 1);
    consumer_seek(f->a.consumers[1], &seek);
    struct refusal why = peer_subscribe(&f->b, 1, &shared);
    assert_true(why.err == ERR_AGAIN || why.err == OK); /* before its end, or after */
    assert_int_equal(world_finish(&f->world, &seek.op).err, OK);
}

static void the_last_message_id_knows_batches_and_skips_empty_ledgers(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, &exclusive, 0);
    struct consumer_last_id last = peer_last_id(&f->a, 1);
    assert_true(position_equal(last.last, POSITION_EARLIEST));
    assert_int_equal(last.batch_index, -1);

    peer_publish(&f->producer, 1, 1, 1);
    peer_publish(&f->producer, 1, 1, 5);
    last = peer_last_id(&f->a, 1);
    assert_true(position_equal(last.last, f->producer.published[1].position));
    assert_int_equal(last.batch_index, 4);

    world_restart(&f->world);
    struct position want = f->producer.published[1].position;
    peer_init(&f->a, &f->world);
    peer_init(&f->producer, &f->world);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    join(&f->a, 1, &exclusive, 0);
    last = peer_last_id(&f->a, 1); /* asks the disk */
    assert_true(position_equal(last.last, want));
    assert_int_equal(last.batch_index, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_second_exclusive_consumer_is_refused_while_the_first_lives),
        TEST(a_second_exclusive_consumer_of_one_connection_is_refused_unasked),
        TEST(another_type_is_refused_while_somebody_is_connected),
        TEST(a_type_that_is_not_allowed_is_refused_by_name),
        TEST(reserved_names_are_refused),
        TEST(the_latest_position_is_after_what_is_there),
        TEST(a_durable_subscription_goes_on_after_a_kill),
        TEST(a_volatile_subscription_is_gone_with_its_last_consumer),
        TEST(a_reader_begins_at_the_entry_that_it_names),
        TEST(durable_and_volatile_do_not_share_a_name),
        TEST(unsubscribing_takes_the_cursor_along),
        TEST(unsubscribing_is_for_the_last_one_unless_forced),
        TEST(a_seek_sends_consumers_away_and_begins_at_the_entry),
        TEST(a_seek_goes_to_the_ends),
        TEST(a_seek_by_time_goes_to_the_first_entry_not_before_it),
        TEST(a_reader_stays_where_its_seek_put_it),
        TEST(a_second_seek_meanwhile_is_refused),
        TEST(the_last_message_id_knows_batches_and_skips_empty_ledgers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
