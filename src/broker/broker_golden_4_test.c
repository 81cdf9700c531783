/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_golden_4_test.c - what a broker keeps of topics in rows of version 4 must stay readable for ever.
 *
 *     broker_golden_4_test DIRECTORY            reads the golden directory (tests/golden/broker-4)
 *     broker_golden_4_test --write DIRECTORY    writes it: once, never again
 *
 * The rows of version 4 (records.h): of a topic and of a partitioned one, with policies for all clusters, policies of
 * single subscriptions, and the admin interface's settings.  The store's format is 3, as in broker_golden_3_test.c,
 * which has the rest.  The broker was stopped once, and killed in the end.
 */
#include "broker/broker_golden.h"
#include "broker/core.h"
#include "broker/partitioned.h"
#include "broker/policies.h"

#include <string.h>

#define PLAIN    "persistent://public/default/plain"  /* all of it; in the index */
#define LATER    "persistent://public/default/later"  /* settings only; in the journal */
#define PARTED   "persistent://public/default/parted" /* 2 partitions, all of it */
#define SETTINGS "{\"offload_policies\":{\"managedLedgerOffloadDriver\":\"s3\"}}"

static struct policies one(enum policy which, int64_t value)
{
    struct policies p = {0};

    policies_put(&p, which, value);
    return p;
}

/* ---- writing ---- */

static void set_settings(struct golden *f, const char *topic)
{
    const struct topic_name name = golden_name(topic);
    struct refusal why;

    assert_int_equal(topic_set_settings(f->world.broker, &name, bytes_of_text(SETTINGS), &why), OK);
}

static void set_all(struct golden *f, const char *topic)
{
    const struct policies own = one(POLICY_TTL_S, 10), everywhere = one(POLICY_TTL_S, 20),
                          slow = one(POLICY_SUBSCRIPTION_RATE_MESSAGES, 30);
    const struct topic_name name = golden_name(topic);
    struct broker *b = f->world.broker;
    struct refusal why;

    assert_int_equal(topic_set_policies(b, &name, &own, &why), OK);
    assert_int_equal(topic_set_policies_everywhere(b, &name, &everywhere, &why), OK);
    assert_int_equal(topic_set_subscription_policies(b, &name, bytes_of_text("slow"), &slow, &why), OK);
    set_settings(f, topic);
}

static void it_is_written(void **state)
{
    struct golden *f = golden_begin();
    struct partitioned_op op = {.op.done = world_done, .name = golden_name(PARTED), .partitions = 2};

    world_open(&f->world);
    assert_int_equal(peer_produce(&f->peer, 1, PLAIN, NULL).err, OK);
    partitioned_create(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    set_all(f, PLAIN);
    set_all(f, PARTED);
    assert_true(world_restart(&f->world)); /* the rows so far go to the index */
    peer_init(&f->peer, &f->world);
    assert_int_equal(peer_produce(&f->peer, 1, LATER, NULL).err, OK);
    set_settings(f, LATER);
    world_pass(&f->world, 5000);
    golden_end(f);
}

/* ---- reading ---- */

static void expect(const struct policies *p, enum policy which, int64_t value)
{
    assert_true(policies_has(p, which));
    assert_int_equal(p->value[which], value);
}

static void expect_settings(struct golden *f, const char *topic)
{
    const struct topic_name name = golden_name(topic);
    struct bytes settings;
    struct refusal why;

    assert_int_equal(topic_settings(f->world.broker, &name, &settings, &why), OK);
    assert_true(bytes_equal(settings, bytes_of_text(SETTINGS)));
}

static void expect_all(struct golden *f, const char *topic)
{
    const struct topic_name name = golden_name(topic);
    struct broker *b = f->world.broker;
    struct policies p;
    struct refusal why;

    assert_int_equal(topic_policies(b, &name, &p, &why), OK);
    expect(&p, POLICY_TTL_S, 10);
    assert_int_equal(topic_policies_everywhere(b, &name, &p, &why), OK);
    expect(&p, POLICY_TTL_S, 20);
    assert_int_equal(topic_subscription_policies(b, &name, bytes_of_text("slow"), &p, &why), OK);
    expect(&p, POLICY_SUBSCRIPTION_RATE_MESSAGES, 30);
    assert_int_equal(topic_subscription_policies(b, &name, bytes_of_text("other"), &p, &why), OK);
    assert_false(p.is_set);
    expect_settings(f, topic);
}

static void a_topic_has_what_was_set(void **state)
{
    expect_all(*state, PLAIN);
    expect_settings(*state, LATER);
}

static void a_partitioned_topic_has_what_was_set_and_so_have_its_partitions(void **state)
{
    expect_all(*state, PARTED);
    expect_all(*state, PARTED "-partition-1");
}

static void what_is_a_topics_own_goes_over_what_is_for_all_clusters(void **state)
{
    struct golden *f = *state;
    const struct topic_name name = golden_name(PARTED "-partition-0");
    const uint64_t id = topic_id(f->world.broker, &name);
    struct policies p = policies_resolve(f->world.broker, id), none = {0};
    const struct topic_name whole = golden_name(PARTED);
    struct refusal why;

    assert_int_equal(p.value[POLICY_TTL_S], 10);
    assert_int_equal(topic_set_policies(f->world.broker, &whole, &none, &why), OK);
    assert_int_equal(policy_of(f->world.broker, id, POLICY_TTL_S), 20);
    policies_override_subscription(f->world.broker, id, bytes_of_text("slow"), &p);
    assert_int_equal(p.value[POLICY_SUBSCRIPTION_RATE_MESSAGES], 30);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, golden_set_up, golden_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_topic_has_what_was_set),
        TEST(a_partitioned_topic_has_what_was_set_and_so_have_its_partitions),
        TEST(what_is_a_topics_own_goes_over_what_is_for_all_clusters),
    };

    return golden_main(argc, argv, "broker: golden directory of rows of version 4", it_is_written, tests);
}
