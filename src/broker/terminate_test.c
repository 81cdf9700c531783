/* SPDX-License-Identifier: Apache-2.0
 *
 * terminate_test.c - topics that take no more messages.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/partitioned.h"
#include "broker/terminate.h"

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(31);

    fixture_open(f);
    *state = f;
    return 0;
}

static const struct subscribe shared = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};

static struct terminate_op op_for(const char *topic)
{
    struct terminate_op op = {.op.done = world_done};

    assert_int_equal(topic_name_parse(&op.name, bytes_of_text(topic)), OK);
    return op;
}

static struct terminate_op terminate(struct fixture *f, const char *topic)
{
    struct terminate_op op = op_for(topic);

    topic_terminate(f->world.broker, &op);
    (void)world_finish(&f->world, &op.op);
    return op;
}

static void it_takes_no_more_messages_and_says_which_was_the_last(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 3, 1);
    struct terminate_op op = terminate(f, TOPIC);
    assert_int_equal(op.op.why.err, OK);
    assert_true(position_equal(op.last, f->a.published[2].position));
    assert_int_equal(f->a.producers_closed, 1);
    assert_int_equal(peer_produce(&f->a, 2, TOPIC, NULL).err, ERR_TERMINATED);
    struct terminate_op again = terminate(f, TOPIC);
    assert_int_equal(again.op.why.err, OK);
    assert_true(position_equal(op.last, again.last));
}

static void it_stays_so_over_a_power_cut_and_can_be_read(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 3, 1);
    assert_int_equal(terminate(f, TOPIC).op.why.err, OK);
    world_cut_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, ERR_TERMINATED);
    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    consumer_flow(f->a.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 3);
}

static void what_is_under_way_gets_its_receipt_and_what_comes_behind_it_gets_none(void **state)
{
    struct fixture *f = *state;
    struct terminate_op op = op_for(TOPIC);

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    topic_terminate(f->world.broker, &op);
    while (!world_topic(&f->world, TOPIC)->ending)
        assert_true(sim_step(f->world.sim));
    peer_publish_one(&f->a, 1, 1, 0);
    assert_int_equal(f->a.published_count, 1);
    assert_int_equal(f->a.published[0].err, ERR_CLOSED); /* it meets the end when it looks up again */
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    assert_int_equal(f->a.published_count, 2);
    assert_int_equal(f->a.published[1].err, OK);
    assert_int_equal(f->a.producers_closed, 1);
    assert_int_equal(peer_produce(&f->a, 2, TOPIC, NULL).err, ERR_TERMINATED);
    assert_true(position_equal(op.last, f->a.published[1].position));
}

static void consumers_are_told_once_when_nothing_is_left(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 2, 1);
    consumer_flow(f->a.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(terminate(f, TOPIC).op.why.err, OK);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[0].position, false), OK);
    world_settle(&f->world);
    assert_int_equal(f->a.ends[1], 0); /* one is not acknowledged */
    assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[1].position, false), OK);
    world_settle(&f->world);
    assert_int_equal(f->a.ends[1], 1);
    consumer_flow(f->a.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(f->a.ends[1], 1);
    assert_int_equal(peer_subscribe(&f->a, 2, &shared).err, OK); /* and who comes later, too */
    world_settle(&f->world);
    assert_int_equal(f->a.ends[2], 1);
}

static void nobody_is_told_before_it_is_durable(void **state)
{
    struct fixture *f = *state;
    struct terminate_op op = op_for(TOPIC);

    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    topic_terminate(f->world.broker, &op);
    while (!world_topic(&f->world, TOPIC)->ending)
        assert_true(sim_step(f->world.sim));
    assert_int_equal(f->a.producers_closed, 0);
    assert_int_equal(f->a.ends[1], 0);
    world_cut_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK); /* it goes on: nobody heard of an end */
}

static void an_empty_topic_ends_at_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    struct terminate_op op = terminate(f, TOPIC);
    assert_int_equal(op.op.why.err, OK);
    assert_true(position_equal(op.last, POSITION_EARLIEST));
    world_settle(&f->world);
    assert_int_equal(f->a.ends[1], 1);
}

static void what_is_not_there_or_partitioned_or_not_kept_cannot_be_terminated(void **state)
{
    struct fixture *f = *state;
    struct partitioned_op create = {.op.done = world_done, .partitions = 2};

    assert_int_equal(terminate(f, TOPIC).op.why.err, ERR_NOT_FOUND);
    create.name = op_for(TOPIC).name;
    partitioned_create(f->world.broker, &create);
    assert_int_equal(world_finish(&f->world, &create.op).err, OK);
    assert_int_equal(terminate(f, TOPIC).op.why.err, ERR_NOT_ALLOWED);
    assert_int_equal(terminate(f, TOPIC "-partition-1").op.why.err, OK);
    assert_int_equal(peer_produce(&f->a, 1, "non-persistent://public/default/t2", NULL).err, OK);
    assert_int_equal(terminate(f, "non-persistent://public/default/t2").op.why.err, ERR_NOT_ALLOWED);
}

static void a_deleted_topic_begins_anew(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    assert_int_equal(terminate(f, TOPIC).op.why.err, OK);
    assert_int_equal(world_delete(&f->world, TOPIC, false).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_takes_no_more_messages_and_says_which_was_the_last),
        TEST(it_stays_so_over_a_power_cut_and_can_be_read),
        TEST(what_is_under_way_gets_its_receipt_and_what_comes_behind_it_gets_none),
        TEST(consumers_are_told_once_when_nothing_is_left),
        TEST(nobody_is_told_before_it_is_durable),
        TEST(an_empty_topic_ends_at_once),
        TEST(what_is_not_there_or_partitioned_or_not_kept_cannot_be_terminated),
        TEST(a_deleted_topic_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
