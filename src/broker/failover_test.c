/* SPDX-License-Identifier: Apache-2.0
 *
 * failover_test.c - which of several consumers is active, and when another one is: failover.c.  Who is chosen for a
 * topic that is not partitioned was worked out apart from this program, by the formula that Apache Pulsar has.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/partitioned.h"

#include <stdio.h>

#define TOPICS "persistent://public/default/"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(7);

    fixture_open(f);
    *state = f;
    return 0;
}

static void join(struct peer *p, uint64_t id, const char *topic, const char *name, int32_t priority)
{
    const struct subscribe s = {
        .topic = topic, .subscription = "s", .name = name, .type = TYPE_FAILOVER, .priority = priority};

    assert_int_equal(peer_subscribe(p, id, &s).err, OK);
    consumer_flow(p->consumers[id], 100);
}

static void leave(struct peer *p, uint64_t id)
{
    consumer_detach(p->consumers[id]);
    p->consumers[id] = NULL;
    p->active[id] = -1;
}

/* Who was told that it is active: "a", "b", "c"; all others that are there were told that they are not. */
static const char *active(struct fixture *f, uint64_t id)
{
    struct peer *const peers[] = {&f->a, &f->b, &f->c};
    static const char *const names[] = {"a", "b", "c"};
    const char *found = "nobody";

    for (unsigned i = 0; i < 3; i++) {
        if (!peers[i]->consumers[id])
            continue;
        assert_int_not_equal(peers[i]->active[id], -1);
        if (!peers[i]->active[id])
            continue;
        assert_string_equal(found, "nobody");
        found = names[i];
    }
    return found;
}

static void partitions_are_spread_over_the_consumers_in_the_order_of_their_names(void **state)
{
    struct fixture *f = *state;
    struct partitioned_op op = {.op.done = world_done, .partitions = 6};
    static const char *const expected[] = {"a", "b", "c"};
    char topic[64];

    assert_int_equal(topic_name_parse(&op.name, bytes_of_text(TOPICS "parted")), OK);
    partitioned_create(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    for (unsigned i = 0; i < 6; i++) {
        (void)snprintf(topic, sizeof topic, TOPICS "parted-partition-%u", i);
        join(&f->c, i, topic, "c", 0);
        join(&f->a, i, topic, "a", 0);
        join(&f->b, i, topic, "b", 0);
    }
    world_pass(&f->world, 2000);
    for (unsigned i = 0; i < 6; i++)
        assert_string_equal(active(f, i), expected[i % 3]);
}

static void for_another_topic_a_ring_of_names_decides(void **state)
{
    struct fixture *f = *state;
    static const char *const of_three[] = {"t", "b", "w", "c", "x", "a", "y", "c"};
    char topic[64];

    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(topic, sizeof topic, TOPICS "%s", of_three[2 * i]);
        join(&f->a, i, topic, "a", 0);
        join(&f->b, i, topic, "b", 0);
        join(&f->c, i, topic, "c", 0);
        world_pass(&f->world, 2000);
        assert_string_equal(active(f, i), of_three[2 * i + 1]);
    }
    leave(&f->c, 1); /* "w" was its */
    world_pass(&f->world, 2000);
    assert_string_equal(active(f, 1), "a");
}

static void a_better_priority_takes_over_after_a_pause(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TOPICS "t", "a", 3);
    assert_string_equal(active(f, 1), "a"); /* the first one waits for nobody */
    join(&f->b, 1, TOPICS "t", "b", 3);
    world_pass(&f->world, 2000);
    assert_string_equal(active(f, 1), "b");
    assert_int_equal(peer_produce(&f->a, 1, TOPICS "t", NULL).err, OK);
    peer_publish(&f->a, 1, 3, 1);
    assert_int_equal(f->b.received_count, 3);

    join(&f->c, 1, TOPICS "t", "c", 1);
    peer_publish(&f->a, 1, 1, 1);
    assert_int_equal(f->b.received_count + f->c.received_count, 3); /* nobody is served */
    assert_int_equal(consumer_ack_cumulative(f->b.consumers[1], f->b.received[1].position, false), OK);
    world_pass(&f->world, 2000);
    assert_string_equal(active(f, 1), "c");
    assert_int_equal(f->c.received_count, 2); /* from the first that is not acknowledged */
    assert_int_equal(f->c.received[0].position.entry, 2);
}

static void without_a_pause_another_is_served_at_once(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.failover_delay_ms = 0;
    join(&f->a, 1, TOPICS "t", "a", 1);
    join(&f->b, 1, TOPICS "t", "b", 0);
    assert_string_equal(active(f, 1), "b");
    leave(&f->b, 1);
    assert_string_equal(active(f, 1), "a");
}

static void who_comes_without_a_change_is_told_alone(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TOPICS "t", "a", 0);
    f->a.active[1] = -1;
    join(&f->b, 1, TOPICS "t", "b", 5);
    assert_int_equal(f->b.active[1], 0);
    assert_int_equal(f->a.active[1], -1);
}

static void one_that_is_not_active_may_leave(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, TOPICS "t", "a", 0);
    join(&f->b, 1, TOPICS "t", "b", 5);
    f->a.active[1] = -1;
    leave(&f->b, 1);
    world_pass(&f->world, 2000);
    assert_int_equal(f->a.active[1], -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(partitions_are_spread_over_the_consumers_in_the_order_of_their_names),
        TEST(for_another_topic_a_ring_of_names_decides),
        TEST(a_better_priority_takes_over_after_a_pause),
        TEST(without_a_pause_another_is_served_at_once),
        TEST(who_comes_without_a_change_is_told_alone),
        TEST(one_that_is_not_active_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
