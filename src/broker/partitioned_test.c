/* SPDX-License-Identifier: Apache-2.0
 *
 * partitioned_test.c - partitioned topics: their names, their growth, and what happens when several want something.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/partitioned.h"
#include "broker/policies.h"
#include "broker/producer.h"
#include "broker/properties.h"
#include "broker/records.h"
#include "broker/subscription.h"

#include <stdio.h>

#define PARTED "persistent://public/default/parted"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(29);

    fixture_open(f);
    *state = f;
    return 0;
}

static struct topic_name name_of(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

typedef void change(struct broker *b, struct partitioned_op *op);

static struct partitioned_op op_for(const char *name, uint32_t partitions)
{
    return (struct partitioned_op){.op.done = world_done, .name = name_of(name), .partitions = partitions};
}

static struct refusal partitioned(struct fixture *f, change *start, const char *name, uint32_t partitions)
{
    struct partitioned_op op = op_for(name, partitions);

    start(f->world.broker, &op);
    return world_finish(&f->world, &op.op);
}

static uint32_t count(struct fixture *f, const char *text)
{
    struct topic_name name = name_of(text);

    return partitions_count(f->world.broker, &name);
}

static bool exists(struct fixture *f, const char *text)
{
    struct topic_name name = name_of(text);

    return topic_exists(f->world.broker, &name);
}

static void a_partitioned_topic_has_its_partitions_from_the_start(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 3).err, OK);
    world_kill_and_open(&f->world);
    assert_int_equal(count(f, PARTED), 3);
    assert_int_equal(count(f, PARTED "-partition-1"), 3); /* asked by the name of a part */
    assert_true(exists(f, PARTED "-partition-0"));
    assert_true(exists(f, PARTED "-partition-2"));
    assert_false(exists(f, PARTED "-partition-3"));
    assert_false(exists(f, PARTED));
}

static void the_whole_and_parts_that_there_are_not_cannot_be_used(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 2).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, PARTED, NULL).err, ERR_NOT_ALLOWED);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-2", NULL).err, ERR_NOT_ALLOWED);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-1", NULL).err, OK);
}

static void a_missing_partition_is_made_by_its_first_use_whatever_the_policy(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.broker->options.policies, POLICY_TOPIC_CREATION, 0);
    assert_int_equal(partitioned(f, partitioned_create, PARTED, 2).err, OK);
    assert_int_equal(world_delete(&f->world, PARTED "-partition-0", false).err, OK);
    assert_false(exists(f, PARTED "-partition-0"));
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-0", NULL).err, OK);
    assert_int_equal(peer_produce(&f->a, 2, "persistent://public/default/other", NULL).err, ERR_NOT_FOUND);
}

static void a_name_is_of_one_topic_or_of_a_partitioned_one(void **state)
{
    struct fixture *f = *state;
    struct topic_op single = {.op.done = world_done, .name = name_of(PARTED)};

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 2).err, OK);
    assert_int_equal(partitioned(f, partitioned_create, PARTED, 3).err, ERR_EXISTS);
    topic_create(f->world.broker, &single);
    assert_int_equal(world_finish(&f->world, &single.op).err, ERR_EXISTS);
    assert_int_equal(peer_produce(&f->a, 1, "persistent://public/default/single", NULL).err, OK);
    assert_int_equal(partitioned(f, partitioned_create, "persistent://public/default/single", 2).err, ERR_EXISTS);
    assert_int_equal(partitioned(f, partitioned_grow, "persistent://public/default/single", 2).err, ERR_EXISTS);
    assert_int_equal(partitioned(f, partitioned_delete, "persistent://public/default/single", 0).err, ERR_EXISTS);
}

static void new_partitions_have_the_subscriptions_before_clients_learn_of_them(void **state)
{
    struct fixture *f = *state;
    const struct subscribe zero = {.topic = PARTED "-partition-0", .subscription = "s"};
    const struct subscribe two = {.topic = PARTED "-partition-2", .subscription = "s", .latest = true};

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 1).err, OK);
    assert_int_equal(peer_subscribe(&f->a, 1, &zero).err, OK);
    assert_int_equal(partitioned(f, partitioned_grow, PARTED, 3).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-2", NULL).err, OK);
    peer_publish(&f->a, 1, 3, 1);
    assert_int_equal(peer_subscribe(&f->a, 2, &two).err, OK); /* late, and yet it misses nothing */
    consumer_flow(f->a.consumers[2], 10);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 3);
}

static void they_have_what_is_kept_with_those_too(void **state)
{
    struct fixture *f = *state;
    uint8_t encoded[PROPERTIES_BYTES_MAX];
    struct bytes properties = {0};
    struct subscription_record record;
    struct subscription *s;
    struct topic *t;

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 1).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-0", NULL).err, OK);
    const struct property key = {bytes_of_text("key"), bytes_of_text("value")};
    assert_int_equal(properties_put(&properties, encoded, key), OK);
    const struct subscription_spec spec = {
        .name = bytes_of_text("s"),
        .durable = true,
        .next = POSITION_LATEST,
        .replicated = true,
        .properties = properties,
    };
    struct refusal why;
    assert_int_equal(subscription_make(world_topic(&f->world, PARTED "-partition-0"), &spec, &s, &why), OK);
    assert_int_equal(partitioned(f, partitioned_grow, PARTED, 2).err, OK);
    assert_int_equal(peer_produce(&f->a, 2, PARTED "-partition-1", NULL).err, OK);
    t = world_topic(&f->world, PARTED "-partition-1");
    const struct catalog_row *row = catalog_find(f->world.store, CATALOG_SUBSCRIPTION, t->id, bytes_of_text("s"));
    assert_non_null(row);
    assert_int_equal(subscription_record_decode(&record, row->value), OK);
    assert_true(record.replicated);
    assert_true(bytes_equal(record.properties, spec.properties));
}

static void growing_asks_whether_the_namespace_has_room(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.broker->options.policies, POLICY_TOPICS_MAX, 5);
    assert_int_equal(partitioned(f, partitioned_create, PARTED, 2).err, OK);
    struct refusal why = partitioned(f, partitioned_grow, PARTED, 6);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_NAMESPACE);
    assert_int_equal(partitioned(f, partitioned_grow, PARTED, 5).err, OK);
}

static void a_number_that_is_too_small_or_too_large_is_refused(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.partitions_max = 10;
    struct refusal why = partitioned(f, partitioned_create, PARTED, 11);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_PARTITIONS);
    assert_int_equal(partitioned(f, partitioned_create, PARTED, 0).err, ERR_INVALID);
    assert_int_equal(partitioned(f, partitioned_create, PARTED, 10).err, OK);
    assert_int_equal(partitioned(f, partitioned_grow, PARTED, 9).err, ERR_INVALID);
    assert_int_equal(partitioned(f, partitioned_grow, PARTED, 11).err, ERR_INVALID);
    assert_int_equal(partitioned(f, partitioned_grow, PARTED, 10).err, OK);
}

static void deleting_takes_all_partitions_or_none(void **state)
{
    struct fixture *f = *state;
    struct partitioned_op forced = op_for(PARTED, 0);

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 3).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-2", NULL).err, OK);
    assert_int_equal(partitioned(f, partitioned_delete, PARTED, 0).err, ERR_BUSY);
    assert_true(exists(f, PARTED "-partition-0"));
    forced.force = true;
    partitioned_delete(f->world.broker, &forced);
    assert_int_equal(world_finish(&f->world, &forced.op).err, OK);
    assert_int_equal(f->a.producers_closed, 1);
    for (unsigned i = 0; i < 3; i++) {
        char name[100];
        (void)snprintf(name, sizeof name, PARTED "-partition-%u", i);
        assert_false(exists(f, name));
    }
    assert_int_equal(count(f, PARTED), 0);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-2", NULL).err, ERR_NOT_ALLOWED);
    assert_int_equal(partitioned(f, partitioned_delete, PARTED, 0).err, ERR_NOT_FOUND);
}

static void nobody_brings_a_partition_back_while_its_topic_is_deleted(void **state)
{
    struct fixture *f = *state;
    struct partitioned_op forced = op_for(PARTED, 0);
    struct topic_name first = name_of(PARTED "-partition-0");
    struct topic *t;
    struct refusal why;

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 2).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-1", NULL).err, OK);
    peer_publish_one(&f->a, 1, 1, 0); /* which the deletion waits for */
    forced.force = true;
    partitioned_delete(f->world.broker, &forced);
    while (exists(f, PARTED "-partition-0"))
        assert_true(sim_step(f->world.sim));
    assert_non_null(forced.op.broker); /* it is not over */
    assert_int_equal(topic_obtain(f->world.broker, &first, true, &t, &why), ERR_AGAIN);
    assert_int_equal(world_finish(&f->world, &forced.op).err, OK);
    assert_int_equal(f->a.published_count, 1); /* what was under way got its answer */
}

static void changes_of_one_topic_wait_for_each_other(void **state)
{
    struct fixture *f = *state;
    struct partitioned_op create = op_for(PARTED, 600), second = op_for(PARTED, 2), grow = op_for(PARTED, 900),
                          remove = op_for(PARTED, 0);

    partitioned_create(f->world.broker, &create); /* takes several turns of the loop */
    partitioned_create(f->world.broker, &second);
    partitioned_grow(f->world.broker, &grow);
    partitioned_delete(f->world.broker, &remove);
    assert_int_equal(world_finish(&f->world, &remove.op).err, OK);
    assert_int_equal(world_finish(&f->world, &create.op).err, OK);
    assert_int_equal(world_finish(&f->world, &second.op).err, ERR_EXISTS);
    assert_int_equal(world_finish(&f->world, &grow.op).err, OK);
    assert_int_equal(count(f, PARTED), 0);
    assert_int_equal(topics_count(f->world.broker, bytes_of_text("public/default")), 0);
}

static void a_namespace_with_a_partitioned_topic_stays(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(namespace_ensure(f->world.broker, bytes_of_text("t/n"), &why), OK);
    assert_int_equal(partitioned(f, partitioned_create, "persistent://t/n/x", 1).err, OK);
    assert_int_equal(world_delete(&f->world, "persistent://t/n/x-partition-0", false).err, OK);
    assert_int_equal(namespace_remove(f->world.broker, bytes_of_text("t/n"), &why), ERR_BUSY);
    assert_int_equal(partitioned(f, partitioned_delete, "persistent://t/n/x", 0).err, OK);
    assert_int_equal(namespace_remove(f->world.broker, bytes_of_text("t/n"), &why), OK);
}

static void what_is_asked_tells_what_the_first_use_would_make(void **state)
{
    struct fixture *f = *state;
    struct broker *b = f->world.broker;
    struct topic_name name = name_of(PARTED), system = name_of("persistent://public/default/__change_events");
    uint32_t partitions, make;
    struct refusal why;

    assert_int_equal(partitions_asked(b, &name, true, &partitions, &make, &why), OK);
    assert_int_equal(partitions + make, 0);
    assert_int_equal(partitions_asked(b, &name, false, &partitions, &make, &why), ERR_NOT_FOUND);
    policies_put(&b->options.policies, POLICY_TOPIC_CREATION_TYPE, CREATE_PARTITIONED);
    policies_put(&b->options.policies, POLICY_TOPIC_CREATION_PARTITIONS, 4);
    assert_int_equal(partitions_asked(b, &name, true, &partitions, &make, &why), OK);
    assert_int_equal(make, 4);
    assert_int_equal(partitions_asked(b, &system, true, &partitions, &make, &why), OK);
    assert_int_equal(make, 0);
    assert_int_equal(peer_produce(&f->a, 1, PARTED, NULL).err, OK); /* a single one, since it came unasked */
    assert_int_equal(partitions_asked(b, &name, true, &partitions, &make, &why), OK);
    assert_int_equal(partitions + make, 0);
}

static void partitions_that_a_crash_left_go_with_the_topic(void **state)
{
    struct fixture *f = *state;
    struct topic_name beyond = name_of(PARTED "-partition-5"), other = name_of(PARTED "-partition-x");
    struct topic_record record;
    uint64_t id;

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 1).err, OK);
    /* as when the topic was to grow, and the row was not told of it any more */
    assert_int_equal(topic_create_row(f->world.broker, &beyond, &record, &id), OK);
    assert_int_equal(topic_create_row(f->world.broker, &other, &record, &id), OK);
    assert_int_equal(partitioned(f, partitioned_delete, PARTED, 0).err, OK);
    assert_false(exists(f, PARTED "-partition-5"));
    assert_true(exists(f, PARTED "-partition-x")); /* which is no partition */
    assert_int_equal(topics_count(f->world.broker, bytes_of_text("public/default")), 1);
}

static void a_partitioned_topic_goes_with_the_last_inactive_partition_if_that_is_wanted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(partitioned(f, partitioned_create, PARTED, 2).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-0", NULL).err, OK);
    assert_int_equal(peer_produce(&f->a, 2, PARTED "-partition-1", NULL).err, OK);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 200000);
    assert_false(exists(f, PARTED "-partition-0"));
    producer_detach(f->a.producers[2]);
    world_pass(&f->world, 200000);
    assert_false(exists(f, PARTED "-partition-1"));
    assert_int_equal(count(f, PARTED), 2); /* as long as nobody says so */

    f->world.broker->options.delete_inactive_partitioned = true;
    assert_int_equal(peer_produce(&f->a, 1, PARTED "-partition-0", NULL).err, OK);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 200000);
    assert_int_equal(count(f, PARTED), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_partitioned_topic_has_its_partitions_from_the_start),
        TEST(the_whole_and_parts_that_there_are_not_cannot_be_used),
        TEST(a_missing_partition_is_made_by_its_first_use_whatever_the_policy),
        TEST(a_name_is_of_one_topic_or_of_a_partitioned_one),
        TEST(they_have_what_is_kept_with_those_too),
        TEST(growing_asks_whether_the_namespace_has_room),
        TEST(new_partitions_have_the_subscriptions_before_clients_learn_of_them),
        TEST(a_number_that_is_too_small_or_too_large_is_refused),
        TEST(deleting_takes_all_partitions_or_none),
        TEST(nobody_brings_a_partition_back_while_its_topic_is_deleted),
        TEST(changes_of_one_topic_wait_for_each_other),
        TEST(a_namespace_with_a_partitioned_topic_stays),
        TEST(what_is_asked_tells_what_the_first_use_would_make),
        TEST(a_partitioned_topic_goes_with_the_last_inactive_partition_if_that_is_wanted),
        TEST(partitions_that_a_crash_left_go_with_the_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
