/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_walk_test.c - many loaded topics, which come and go while the policies of their namespace change:
 * policy_walk.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/namespaces.h"

#include <stdio.h>

#define MANY 1000
#define FEW  50
#define MINE "public/default"
#define ELSE "public/other"

static void name_topic(char *to, const char *namespace_, unsigned n)
{
    (void)snprintf(to, 100, "persistent://%s/t%u", namespace_, n);
}

static void load_topics(struct fixture *f, const char *namespace_, unsigned from, unsigned upto)
{
    char name[100];

    for (unsigned i = from; i < upto; i++) {
        name_topic(name, namespace_, i);
        assert_int_equal(peer_produce(&f->a, 1, name, NULL).err, OK);
        producer_detach(f->a.producers[1]);
    }
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(32);
    struct refusal why;

    f->world.options.delete_inactive_topics = false;
    fixture_open(f);
    assert_int_equal(namespace_ensure(f->world.broker, bytes_of_text(ELSE), &why), OK);
    load_topics(f, ELSE, 0, FEW);
    load_topics(f, MINE, 0, MANY);
    *state = f;
    return 0;
}

/* The change all topics of a namespace are to hear of. */
static void set_size(struct fixture *f, const char *namespace_, int64_t bytes)
{
    struct policies set = {0};
    struct refusal why;

    policies_put(&set, POLICY_MESSAGE_BYTES_MAX, bytes);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text(namespace_), &set, &why), OK);
}

/* Topics of the namespace that have heard of it. */
static unsigned heard(struct fixture *f, const char *namespace_, size_t bytes)
{
    unsigned n = 0;

    list_each (node, &f->world.broker->topic_list) {
        const struct topic *t = container_of(node, struct topic, node);
        n += bytes_equal(topic_name_namespace(&t->name), bytes_of_text(namespace_)) && t->message_bytes_max == bytes;
    }
    return n;
}

static void step(struct fixture *f, unsigned turns)
{
    while (turns-- > 0)
        (void)sim_step(f->world.sim);
    policy_walk_check(&f->world.broker->policy_walk);
}

/* ---- walks ---- */

static void all_topics_of_the_namespace_hear_of_it_and_few_in_one_turn(void **state)
{
    struct fixture *f = *state;

    set_size(f, MINE, 2000);
    assert_in_range(heard(f, MINE, 2000), 1, POLICY_WALK_TURN);
    world_settle(&f->world);
    assert_int_equal(heard(f, MINE, 2000), MANY);
    assert_int_equal(heard(f, ELSE, 2000), 0);
}

static void a_change_during_a_walk_reaches_those_too_that_it_had_passed(void **state)
{
    struct fixture *f = *state;

    set_size(f, MINE, 2000);
    step(f, 3);
    set_size(f, MINE, 3000);
    step(f, 1);
    set_size(f, ELSE, 4000);
    world_settle(&f->world);
    assert_int_equal(heard(f, MINE, 3000), MANY);
    assert_int_equal(heard(f, ELSE, 4000), FEW);
    assert_false(f->world.broker->policy_walk.all);
}

static void topics_come_and_go_during_a_walk(void **state)
{
    struct fixture *f = *state;
    unsigned gone = 0;
    char name[100];

    set_size(f, MINE, 2000);
    for (unsigned i = 0; i < MANY; i += 7, gone++) {
        name_topic(name, MINE, i);
        assert_int_equal(world_unload(&f->world, name).err, OK);
        policy_walk_check(&f->world.broker->policy_walk);
        set_size(f, MINE, 2001 + i);
    }
    set_size(f, MINE, 5000);
    load_topics(f, MINE, MANY, MANY + FEW);
    world_settle(&f->world);
    assert_int_equal(heard(f, MINE, 5000), MANY - gone + FEW);
}

static void the_topic_that_was_asked_about_knows_at_once_and_it_alone(void **state)
{
    struct fixture *f = *state;
    struct policies set = {0};
    struct topic_name name;
    struct refusal why;
    char last[100];

    name_topic(last, MINE, MANY - 1);
    assert_int_equal(topic_name_parse(&name, bytes_of_text(last)), OK);
    policies_put(&set, POLICY_MESSAGE_BYTES_MAX, 2000);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &set, &why), OK);
    assert_int_equal(world_topic(&f->world, last)->message_bytes_max, 2000);
    assert_int_equal(heard(f, MINE, 2000), 1);
}

static void the_broker_may_end_in_the_middle_of_a_walk(void **state)
{
    struct fixture *f = *state;

    set_size(f, MINE, 2000);
    world_kill_and_open(&f->world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_topics_of_the_namespace_hear_of_it_and_few_in_one_turn, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_change_during_a_walk_reaches_those_too_that_it_had_passed, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(topics_come_and_go_during_a_walk, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_topic_that_was_asked_about_knows_at_once_and_it_alone, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_broker_may_end_in_the_middle_of_a_walk, set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
