/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_test.c - tenants, namespaces, and the life of topics: namespaces.h and topic.h in use.
 */
#include "base/arena.h"
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/policies.h"

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(17);

    f->world.options.ledger_entries_max = 2;
    fixture_open(f);
    *state = f;
    return 0;
}

static const struct subscribe exclusive = {.topic = TOPIC, .subscription = "s"};

static size_t ledgers(struct world *w, uint64_t topic)
{
    size_t count;

    (void)store_chain(w->store, topic, &count);
    return count;
}

static struct topic_name name_of(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

static bool exists(struct world *w, const char *text)
{
    struct topic_name name = name_of(text);
    return topic_exists(w->broker, &name);
}

static bool count_name(void *ctx, struct bytes name)
{
    (*(unsigned *)ctx)++;
    return true;
}

static void the_first_names_are_there_from_the_start(void **state)
{
    struct fixture *f = *state;

    assert_true(namespace_exists(f->world.broker, bytes_of_text("public/default")));
    assert_true(namespace_exists(f->world.broker, bytes_of_text("pulsar/system")));
    assert_false(namespace_exists(f->world.broker, bytes_of_text("public/other")));
}

static void tenants_and_namespaces_survive_a_kill(void **state)
{
    struct fixture *f = *state;
    struct refusal why;
    struct broker_op op = {.done = world_done};
    struct bytes settings = bytes_of_text("{\"adminRoles\":[\"x\"]}");
    unsigned count = 0;

    assert_int_equal(namespace_ensure(f->world.broker, bytes_of_text("afdp/default"), &why), OK);
    assert_int_equal(tenant_set_settings(f->world.broker, bytes_of_text("afdp"), settings, &why), OK);
    broker_when_durable(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op).err, OK);
    world_kill_and_open(&f->world);
    assert_true(bytes_equal(tenant_settings(f->world.broker, bytes_of_text("afdp")), settings));
    assert_int_equal(namespaces_each(f->world.broker, bytes_of_text("afdp"), count_name, &count), OK);
    assert_int_equal(count, 1);
}

static void a_tenant_with_namespaces_and_a_namespace_with_topics_stay(void **state)
{
    struct fixture *f = *state;
    struct broker *b = f->world.broker;
    struct refusal why;

    assert_int_equal(namespace_ensure(b, bytes_of_text("t/n"), &why), OK);
    assert_int_equal(tenant_remove(b, bytes_of_text("t"), &why), ERR_BUSY);
    assert_int_equal(peer_produce(&f->a, 1, "t/n/x", NULL).err, OK);
    assert_int_equal(namespace_remove(b, bytes_of_text("t/n"), &why), ERR_BUSY);
    assert_int_equal(world_delete(&f->world, "t/n/x", true).err, OK);
    assert_int_equal(namespace_remove(b, bytes_of_text("t/n"), &why), OK);
    assert_int_equal(tenant_remove(b, bytes_of_text("t"), &why), OK);
    assert_int_equal(tenant_create(b, bytes_of_text("a b"), &why), ERR_INVALID);
    assert_int_equal(namespace_create(b, bytes_of_text("nobody/n"), &why), ERR_NOT_FOUND);
}

static void a_topic_is_made_by_its_first_use_where_the_namespace_is_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    assert_true(exists(&f->world, TOPIC));
    struct refusal why = peer_produce(&f->a, 2, "persistent://public/nowhere/t", NULL);
    assert_int_equal(why.err, ERR_NOT_FOUND);
    assert_int_equal(why.about, ABOUT_NAMESPACE);
}

static void a_topic_is_not_made_when_that_is_switched_off(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.broker->options.policies, POLICY_TOPIC_CREATION, 0);
    struct refusal why = peer_produce(&f->a, 1, TOPIC, NULL);
    assert_int_equal(why.err, ERR_NOT_FOUND);
    assert_int_equal(why.about, ABOUT_TOPIC);
    assert_int_equal(peer_produce(&f->a, 1, "public/default/__transaction_buffer_snapshot", NULL).err, OK);
}

static void a_name_like_a_partition_of_nothing_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, "x-partition-0", NULL).err, ERR_NOT_ALLOWED);
}

static void deleting_needs_an_idle_topic_or_force(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 3, 1);
    assert_int_equal(world_delete(&f->world, TOPIC, false).err, ERR_BUSY);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, OK);
    assert_false(exists(&f->world, TOPIC));
    assert_int_equal(f->a.producers_closed, 1);
    assert_int_equal(f->a.consumers_closed, 1);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, ERR_NOT_FOUND);
}

static void ledgers_that_all_subscriptions_passed_are_deleted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 7, 1);
    uint64_t id = world_topic(&f->world, TOPIC)->id;
    assert_int_equal(ledgers(&f->world, id), 4);

    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[4].position, false), OK);
    world_pass(&f->world, f->world.options.retention_check_ms);
    assert_int_equal(ledgers(&f->world, id), 2);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[6].position, false), OK);
    world_pass(&f->world, f->world.options.retention_check_ms);
    assert_int_equal(ledgers(&f->world, id), 1); /* the open one stays */
}

static void a_topic_that_nobody_uses_leaves_memory_and_keeps_its_data(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 3, 1);
    producer_detach(f->a.producers[1]);
    consumer_detach(f->a.consumers[1]);
    world_pass(&f->world, 200000);
    assert_null(world_topic(&f->world, TOPIC));
    assert_false(sim_step(f->world.sim)); /* and no timer is left */

    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 3);
}

static void a_topic_that_nobody_uses_and_no_subscription_keeps_is_deleted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 200000);
    assert_false(exists(&f->world, TOPIC));
}

static void a_policy_says_after_how_long_a_topic_is_deleted_and_whether_at_all(void **state)
{
    struct fixture *f = *state;
    struct policies *p = &f->world.broker->options.policies;

    policies_put(p, POLICY_INACTIVE_S, 300);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 250000);
    assert_true(exists(&f->world, TOPIC));
    policies_put(p, POLICY_INACTIVE_DELETE, 0);
    world_pass(&f->world, 250000);
    assert_true(exists(&f->world, TOPIC));
}

static void a_topic_whose_subscriptions_have_read_all_is_deleted_when_its_policy_says_so(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.broker->options.policies, POLICY_INACTIVE_MODE, INACTIVE_CAUGHT_UP);
    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    peer_publish(&f->a, 1, 1, 1);
    producer_detach(f->a.producers[1]);
    consumer_detach(f->a.consumers[1]);
    world_pass(&f->world, 200000);
    assert_true(exists(&f->world, TOPIC)); /* there is something to read */

    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    consumer_flow(f->a.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[0].position, false), OK);
    consumer_detach(f->a.consumers[1]);
    world_pass(&f->world, 200000);
    assert_false(exists(&f->world, TOPIC));
}

static void a_topic_in_use_stays(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    world_pass(&f->world, 200000);
    assert_non_null(world_topic(&f->world, TOPIC));
}

static void stats_tell_backlog_in_entries_and_in_messages(void **state)
{
    struct fixture *f = *state;
    struct topic_name name = name_of(TOPIC);
    struct topic_stats *stats;
    struct refusal why;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 3, 5);
    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[0].position, false), OK);

    assert_int_equal(topic_stats_get(f->world.broker, &name, &arena, &stats, &why), OK);
    assert_int_equal(stats->messages_in, 15);
    assert_int_equal(stats->producer_count, 1);
    assert_string_equal(stats->producers[0].name, "p");
    assert_int_equal(stats->subscription_count, 1);
    assert_int_equal(stats->subscriptions[0].backlog_entries, 2);
    assert_int_equal(stats->subscriptions[0].backlog_messages, 10);
    assert_int_equal(stats->subscriptions[0].consumer_count, 1);
    assert_int_equal(stats->subscriptions[0].consumers[0].available_permits, 85);
    assert_string_equal(stats->subscriptions[0].type, "Exclusive");
    arena_deinit(&arena);
}

static void stopping_tells_everybody_to_leave(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &exclusive).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    world_restart(&f->world);
    assert_int_equal(f->a.producers_closed, 1);
    assert_int_equal(f->a.consumers_closed, 1);
    assert_int_equal(f->a.published_count, 1);
    assert_int_equal(f->a.published[0].err, OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_names_are_there_from_the_start),
        TEST(tenants_and_namespaces_survive_a_kill),
        TEST(a_tenant_with_namespaces_and_a_namespace_with_topics_stay),
        TEST(a_topic_is_made_by_its_first_use_where_the_namespace_is_there),
        TEST(a_topic_is_not_made_when_that_is_switched_off),
        TEST(a_name_like_a_partition_of_nothing_is_refused),
        TEST(deleting_needs_an_idle_topic_or_force),
        TEST(ledgers_that_all_subscriptions_passed_are_deleted),
        TEST(a_topic_that_nobody_uses_leaves_memory_and_keeps_its_data),
        TEST(a_topic_that_nobody_uses_and_no_subscription_keeps_is_deleted),
        TEST(a_policy_says_after_how_long_a_topic_is_deleted_and_whether_at_all),
        TEST(a_topic_whose_subscriptions_have_read_all_is_deleted_when_its_policy_says_so),
        TEST(a_topic_in_use_stays),
        TEST(stats_tell_backlog_in_entries_and_in_messages),
        TEST(stopping_tells_everybody_to_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
