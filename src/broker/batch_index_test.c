/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_index_test.c - batches of which single messages are acknowledged, where the options allow it.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"

#define TOPIC "persistent://public/default/t"
#define ALL   UINT64_C(0x3ff) /* of a batch of ten */

static void begin(struct fixture *f)
{
    fixture_peers(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(5);

    f->world.options.batch_index_acks = true;
    world_open(&f->world);
    begin(f);
    *state = f;
    return 0;
}

static struct subscription *join(struct peer *p, enum subscription_type type, uint32_t permits)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = type};

    assert_int_equal(peer_subscribe(p, 1, &s).err, OK);
    if (permits > 0)
        consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
    return p->consumers[1]->subscription;
}

static void leave(struct peer *p)
{
    consumer_detach(p->consumers[1]);
    p->consumers[1] = NULL;
    world_settle(p->world);
}

static struct position nth(const struct fixture *f, size_t n)
{
    return f->producer.published[n].position;
}

static void ack_all_but(struct peer *p, struct position position, uint64_t left)
{
    assert_int_equal(consumer_ack(p->consumers[1], position, &(struct ack_left){&left, 1}), OK);
    world_settle(p->world);
}

/* The last thing that came: which messages of a batch of ten. */
static void expect_last(const struct peer *p, size_t count, struct position position, uint64_t left)
{
    assert_int_equal(p->received_count, count);
    assert_true(position_equal(p->received[count - 1].position, position));
    assert_int_equal(p->received[count - 1].left, left);
    assert_int_equal(p->received[count - 1].left_words, left ? 1 : 0);
}

static void what_comes_again_is_what_is_left_and_charges_that(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    peer_publish(&f->producer, 1, 1, 10);
    assert_int_equal(f->a.consumers[1]->permits.available, 90);
    ack_all_but(&f->a, nth(f, 0), 0x3f0);
    assert_int_equal(f->a.consumers[1]->unacked, 6);
    consumer_redeliver(f->a.consumers[1], &(struct position){nth(f, 0).ledger, nth(f, 0).entry}, 1);
    world_settle(&f->world);
    expect_last(&f->a, 2, nth(f, 0), 0x3f0);
    assert_int_equal(f->a.received[1].redelivery_count, 1);
    assert_int_equal(f->a.consumers[1]->permits.available, 84);
    assert_int_equal(f->a.consumers[1]->unacked, 6);
}

static void the_last_message_acknowledges_the_batch(void **state)
{
    struct fixture *f = *state;
    struct subscription *s = join(&f->a, TYPE_SHARED, 100);

    peer_publish(&f->producer, 1, 2, 10);
    ack_all_but(&f->a, nth(f, 0), 1);
    assert_int_equal(cursor_backlog_messages(s->cursor), 11);
    ack_all_but(&f->a, nth(f, 0), ALL & ~UINT64_C(1)); /* of a client that knows of no other message */
    assert_true(position_equal(cursor_mark_delete(s->cursor), nth(f, 0)));
    assert_int_equal(cursor_backlog_messages(s->cursor), 10);
    assert_int_equal(f->a.consumers[1]->unacked, 10);
    consumer_redeliver_all(f->a.consumers[1], -1);
    world_settle(&f->world);
    expect_last(&f->a, 3, nth(f, 1), 0);
}

static void another_consumer_gets_what_is_left_by_one_that_died(void **state)
{
    struct fixture *f = *state;
    struct subscription *s = join(&f->a, TYPE_SHARED, 100);

    join(&f->b, TYPE_SHARED, 0);
    peer_publish(&f->producer, 1, 1, 10);
    ack_all_but(&f->a, nth(f, 0), 0x201);
    assert_int_equal(s->dispatch.unacked, 2);
    leave(&f->a);
    consumer_flow(f->b.consumers[1], 1);
    world_settle(&f->world);
    expect_last(&f->b, 1, nth(f, 0), 0x201);
    assert_int_equal(f->b.consumers[1]->permits.available, -1);
    assert_int_equal(f->b.received[0].redelivery_count, 0);
}

static void parts_lift_the_limit_of_unacknowledged_messages(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.broker->options.policies, POLICY_UNACKED_PER_CONSUMER_MAX, 20);
    topics_policies_changed(f->world.broker, bytes_of_text("public/default"));
    join(&f->a, TYPE_SHARED, 1000);
    peer_publish(&f->producer, 1, 5, 10);
    assert_int_equal(f->a.received_count, 2);
    ack_all_but(&f->a, nth(f, 0), 0x1f);
    ack_all_but(&f->a, nth(f, 1), 0x3f);
    assert_int_equal(f->a.received_count, 2);
    ack_all_but(&f->a, nth(f, 1), 0x1f);
    assert_int_equal(f->a.received_count, 3);
    assert_int_equal(f->a.consumers[1]->unacked, 20);
}

static void an_exclusive_consumer_gets_what_is_left_after_a_rewind(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_EXCLUSIVE, 100);
    peer_publish(&f->producer, 1, 2, 10);
    ack_all_but(&f->a, nth(f, 1), 0x300);
    consumer_redeliver_all(f->a.consumers[1], 7);
    world_settle(&f->world);
    expect_last(&f->a, 4, nth(f, 1), 0x300);
    assert_int_equal(f->a.consumers[1]->permits.available, 100 - 20 - 12);
}

static void a_cumulative_acknowledgement_in_a_batch_takes_all_before_it_too(void **state)
{
    const struct ack_left left = {&(uint64_t){0x3e0}, 1};
    struct fixture *f = *state;
    struct subscription *s = join(&f->a, TYPE_EXCLUSIVE, 100);

    peer_publish(&f->producer, 1, 4, 10);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], nth(f, 2), &left), OK);
    assert_true(position_equal(cursor_mark_delete(s->cursor), nth(f, 1)));
    assert_int_equal(cursor_backlog_messages(s->cursor), 15);
    consumer_redeliver_all(f->a.consumers[1], -1);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 6);
    assert_int_equal(f->a.received[4].left, 0x3e0);
    assert_int_equal(f->a.received[5].left_words, 0);
}

static void a_cumulative_acknowledgement_in_a_ledger_s_first_batch_takes_the_ledger_before(void **state)
{
    const struct ack_left left = {&(uint64_t){1}, 1};
    struct fixture *f = *state;
    struct subscription *s = join(&f->a, TYPE_EXCLUSIVE, 100);

    peer_publish(&f->producer, 1, 2, 10);
    assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
    begin(f);
    s = join(&f->a, TYPE_EXCLUSIVE, 100);
    peer_publish(&f->producer, 1, 1, 10);
    assert_int_equal(nth(f, 0).entry, 0);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], nth(f, 0), &left), OK);
    assert_int_equal(cursor_backlog_entries(s->cursor), 1);
    assert_int_equal(cursor_backlog_messages(s->cursor), 1);
}

static void what_is_left_survives_a_kill_and_an_orderly_restart(void **state)
{
    struct broker_op op = {.done = world_done};
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    peer_publish(&f->producer, 1, 3, 10);
    const struct position second = nth(f, 1);
    ack_all_but(&f->a, second, 0x81);
    broker_when_durable(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op).err, OK);
    world_cut_and_open(&f->world);
    for (int life = 0; life < 2; life++) {
        begin(f);
        struct subscription *s = join(&f->a, TYPE_SHARED, 100);
        assert_int_equal(f->a.received_count, 3);
        assert_true(position_equal(f->a.received[1].position, second));
        assert_int_equal(f->a.received[1].left, 0x81);
        assert_int_equal(cursor_backlog_messages(s->cursor), 22);
        if (life == 0)
            assert_true(world_restart(&f->world));
    }
}

static void a_seek_into_a_batch_begins_with_the_message_that_is_sought(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_EXCLUSIVE, 100);
    peer_publish(&f->producer, 1, 4, 10);
    ack_all_but(&f->a, nth(f, 3), 1);
    assert_int_equal(peer_seek_into(&f->a, 1, nth(f, 2), 0x3f8).err, OK);
    assert_null(f->a.consumers[1]); /* told to come back */
    struct subscription *s = join(&f->a, TYPE_EXCLUSIVE, 100);
    assert_int_equal(f->a.received_count, 6);
    assert_int_equal(f->a.received[4].left, 0x3f8);
    assert_int_equal(f->a.received[5].left_words, 0); /* what was acknowledged is not any more */
    assert_int_equal(cursor_backlog_messages(s->cursor), 17);
}

static void a_seek_behind_the_last_message_of_a_batch_begins_with_the_next_batch(void **state)
{
    struct fixture *f = *state;

    join(&f->a, TYPE_EXCLUSIVE, 100);
    peer_publish(&f->producer, 1, 3, 10);
    assert_int_equal(peer_seek_into(&f->a, 1, nth(f, 1), 0).err, OK);
    join(&f->a, TYPE_EXCLUSIVE, 100);
    expect_last(&f->a, 4, nth(f, 2), 0);
}

static void without_the_option_parts_are_ignored_and_a_seek_goes_to_the_batch(void **state)
{
    struct fixture *f = *state;
    struct subscription *s = join(&f->a, TYPE_EXCLUSIVE, 100);

    f->world.broker->options.batch_index_acks = false;
    peer_publish(&f->producer, 1, 2, 10);
    ack_all_but(&f->a, nth(f, 0), 1);
    assert_int_equal(cursor_backlog_messages(s->cursor), 20);
    assert_int_equal(peer_seek_into(&f->a, 1, nth(f, 1), 0x3f8).err, OK);
    join(&f->a, TYPE_EXCLUSIVE, 100);
    expect_last(&f->a, 3, nth(f, 1), 0);
}

static void parts_of_what_is_not_there_any_more_are_fine(void **state)
{
    const struct ack_left left = {&(uint64_t){1}, 1};
    struct fixture *f = *state;

    join(&f->a, TYPE_SHARED, 100);
    peer_publish(&f->producer, 1, 1, 10);
    const struct position gone = {nth(f, 0).ledger - 1, 3}, ahead = {nth(f, 0).ledger, 9};
    assert_int_equal(consumer_ack(f->a.consumers[1], gone, &left), OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], ahead, &left), OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], nth(f, 0), NULL), OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], nth(f, 0), &left), OK);
    assert_int_equal(f->a.consumers[1]->unacked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_again_is_what_is_left_and_charges_that, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_last_message_acknowledges_the_batch, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(another_consumer_gets_what_is_left_by_one_that_died, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(parts_lift_the_limit_of_unacknowledged_messages, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(an_exclusive_consumer_gets_what_is_left_after_a_rewind, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_cumulative_acknowledgement_in_a_batch_takes_all_before_it_too, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_cumulative_acknowledgement_in_a_ledger_s_first_batch_takes_the_ledger_before,
                                        set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_survives_a_kill_and_an_orderly_restart, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_seek_into_a_batch_begins_with_the_message_that_is_sought, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_seek_behind_the_last_message_of_a_batch_begins_with_the_next_batch, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(without_the_option_parts_are_ignored_and_a_seek_goes_to_the_batch, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(parts_of_what_is_not_there_any_more_are_fine, set_up, fixture_tear_down),
    };
    return cmocka_run_group_tests_name("broker: acknowledgement at batch index level", tests, NULL, NULL);
}
