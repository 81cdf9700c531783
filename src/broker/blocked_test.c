/* SPDX-License-Identifier: Apache-2.0
 *
 * blocked_test.c - why a consumer gets nothing: blocked.h in use.  Each reason is brought about, told, and goes.
 */
#include "base/base_test.h"
#include "broker/blocked.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/key_hash.h"

#include <stdio.h>

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(7);

    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static struct consumer *join(struct peer *p, const char *name, enum subscription_type type, uint32_t permits)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .name = name, .type = type};

    assert_int_equal(peer_subscribe(p, 1, &s).err, OK);
    if (permits)
        consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
    return p->consumers[1];
}

static struct consumer *join_sticky(struct peer *p, const char *name, int32_t first, int32_t last, uint32_t permits)
{
    const struct key_range range = {first, last};
    const struct subscribe s = {.topic = TOPIC,
                                .subscription = "s",
                                .name = name,
                                .type = TYPE_KEY_SHARED,
                                .keys = {.mode = KEY_STICKY, .ranges = &range, .range_count = 1}};

    assert_int_equal(peer_subscribe(p, 1, &s).err, OK);
    if (permits)
        consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
    return p->consumers[1];
}

static void publish_key(struct fixture *f, const char *key)
{
    peer_publish_key(&f->producer, 1, key, f->producer.published_count);
    world_settle(&f->world);
}

static void limit(struct fixture *f, enum policy which, int64_t value)
{
    policies_put(&f->world.broker->options.policies, which, value);
    topics_policies_changed(f->world.broker, bytes_of_text("public/default"));
}

static struct blocked expect(struct blocked b, enum blocked_by by)
{
    assert_int_equal(b.by, by);
    return b;
}

static void without_anything_to_get_nothing_is_in_the_way(void **state)
{
    struct fixture *f = *state;
    struct consumer *c = join(&f->a, "a", TYPE_SHARED, 0);
    char text[BLOCKED_TEXT_MAX];

    struct blocked b = expect(consumer_blocked(c), BLOCKED_BY_NOTHING);
    assert_null(blocked_text(&b, text));
    expect(subscription_blocked(c->subscription), BLOCKED_BY_NOTHING);
}

static void permits(void **state)
{
    struct fixture *f = *state;
    struct consumer *c = join(&f->a, "a", TYPE_SHARED, 1);
    char text[BLOCKED_TEXT_MAX];

    peer_publish(&f->producer, 1, 2, 1);
    world_pass(&f->world, 5000); /* the clock goes on with the events there are: one each second */
    struct blocked b = expect(consumer_blocked(c), BLOCKED_BY_PERMITS);
    assert_int_equal(b.message.entry, 1);
    assert_in_range(b.for_ms, 1000, 5100);
    assert_non_null(strstr(blocked_text(&b, text), "no permits, message "));
    consumer_flow(c, 1);
    world_settle(&f->world);
    expect(consumer_blocked(c), BLOCKED_BY_NOTHING);
}

static void a_connection_that_does_not_read(void **state)
{
    struct fixture *f = *state;
    struct consumer *c = join(&f->a, "a", TYPE_EXCLUSIVE, 10);

    f->a.blocked = true;
    peer_publish(&f->producer, 1, 1, 1);
    expect(consumer_blocked(c), BLOCKED_BY_CONNECTION);
}

static void its_own_unacknowledged_messages(void **state)
{
    struct fixture *f = *state;
    struct consumer *c = join(&f->a, "a", TYPE_SHARED, 100);

    limit(f, POLICY_UNACKED_PER_CONSUMER_MAX, 3);
    peer_publish(&f->producer, 1, 10, 1);
    world_pass(&f->world, 5000);
    struct blocked b = expect(consumer_blocked(c), BLOCKED_BY_UNACKED_OF_CONSUMER);
    assert_int_equal(b.message.entry, 0);
    assert_in_range(b.for_ms, 1000, 5100);
    limit(f, POLICY_UNACKED_PER_CONSUMER_MAX, 0); /* a limit that is gone holds nobody */
    world_settle(&f->world);
    expect(consumer_blocked(c), BLOCKED_BY_NOTHING);
    assert_int_equal(f->a.received_count, 10);
}

static void everybodys_unacknowledged_messages(void **state)
{
    struct fixture *f = *state;
    struct consumer *a = join(&f->a, "a", TYPE_SHARED, 3), *b = join(&f->b, "b", TYPE_SHARED, 0);

    limit(f, POLICY_UNACKED_PER_SUBSCRIPTION_MAX, 3);
    peer_publish(&f->producer, 1, 10, 1);
    consumer_flow(b, 10);
    world_settle(&f->world);
    struct blocked why = expect(consumer_blocked(b), BLOCKED_BY_UNACKED_OF_SUBSCRIPTION);
    assert_int_equal(why.message.entry, 0);
    assert_string_equal(why.consumer, "a");
    expect(consumer_blocked(a), BLOCKED_BY_UNACKED_OF_SUBSCRIPTION);
    expect(subscription_blocked(a->subscription), BLOCKED_BY_UNACKED_OF_SUBSCRIPTION);
}

static void another_consumer_is_active_or_becomes_it(void **state)
{
    struct fixture *f = *state;
    struct consumer *a = join(&f->a, "a", TYPE_FAILOVER, 0);
    const struct subscribe lesser = {
        .topic = TOPIC, .subscription = "s", .name = "b", .type = TYPE_FAILOVER, .priority = 1};

    peer_publish(&f->producer, 1, 1, 1);
    assert_int_equal(peer_subscribe(&f->b, 1, &lesser).err, OK);
    struct consumer *b = f->b.consumers[1];
    consumer_flow(b, 10);
    expect(consumer_blocked(a), BLOCKED_BY_PERMITS);
    assert_string_equal(expect(consumer_blocked(b), BLOCKED_BY_ANOTHER_ACTIVE).consumer, "a");
    consumer_detach(a);
    f->a.consumers[1] = NULL;
    world_settle(&f->world);
    expect(consumer_blocked(b), BLOCKED_BY_TAKEOVER);
    world_pass(&f->world, 1100);
    expect(consumer_blocked(b), BLOCKED_BY_NOTHING);
}

/* The first name under which a newcomer owns the key. */
static struct consumer *join_as_owner(struct fixture *f, struct peer *p, const char *key)
{
    char name[12];

    for (unsigned i = 0;; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        struct consumer *c = join(p, name, TYPE_KEY_SHARED, 0);
        const struct key_ranges *ranges = &c->subscription->dispatch.keys->ranges;
        if (key_ranges_owner(ranges, key_ranges_fold(ranges, key_hash_of(bytes_of_text(key)))) == &c->keys->member)
            return c;
        consumer_detach(c);
        p->consumers[1] = NULL;
    }
}

static void keys_that_drain(void **state)
{
    struct fixture *f = *state;
    struct consumer *a = join(&f->a, "a", TYPE_KEY_SHARED, 10);
    char text[BLOCKED_TEXT_MAX];

    publish_key(f, "x");
    struct consumer *b = join_as_owner(f, &f->b, "x");
    consumer_flow(b, 10);
    publish_key(f, "x");
    world_pass(&f->world, 5000);
    struct blocked why = expect(consumer_blocked(b), BLOCKED_BY_DRAINING);
    assert_string_equal(why.consumer, "a");
    assert_int_equal(why.message.entry, 0);
    assert_int_not_equal(why.hash, 0);
    assert_in_range(why.for_ms, 1000, 5100);
    assert_non_null(strstr(blocked_text(&why, text), "with consumer a, message "));
    expect(consumer_blocked(a), BLOCKED_BY_NOTHING);
    assert_int_equal(consumer_ack(a, f->a.received[0].position, false), OK);
    world_settle(&f->world);
    expect(consumer_blocked(b), BLOCKED_BY_NOTHING);
}

static void a_key_without_a_consumer(void **state)
{
    struct fixture *f = *state;
    int32_t hash = (int32_t)(key_hash_of(bytes_of_text("x")) % KEY_HASHES);
    struct consumer *c = join_sticky(&f->a, "a", 0, hash - 1, 10);

    publish_key(f, "x");
    expect(consumer_blocked(c), BLOCKED_BY_NOTHING);
    struct blocked why = expect(subscription_blocked(c->subscription), BLOCKED_BY_ORPHAN);
    assert_int_equal(why.hash, hash);
    assert_int_equal(why.message.entry, 0);
}

static void too_many_that_wait_for_others(void **state)
{
    struct fixture *f = *state;
    int32_t hash = (int32_t)(key_hash_of(bytes_of_text("x")) % KEY_HASHES);

    f->world.broker->options.keys_ahead_per_subscription = 3;
    struct consumer *a = join_sticky(&f->a, "a", hash, hash, 0);
    struct consumer *b = join_sticky(&f->b, "b", hash + 1, 65535, 10);
    for (unsigned i = 0; i < 5; i++)
        publish_key(f, "x");
    expect(consumer_blocked(a), BLOCKED_BY_PERMITS);
    struct blocked why = expect(consumer_blocked(b), BLOCKED_BY_WAITING);
    assert_string_equal(why.consumer, "a");
    assert_int_equal(why.message.entry, 0);
}

static void a_disk_that_is_slow_and_an_entry_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;

    peer_publish(&f->producer, 1, 1, 1);
    (void)join(&f->a, "a", TYPE_EXCLUSIVE, 0);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    struct consumer *c = join(&f->a, "a", TYPE_EXCLUSIVE, 0);
    sim_disk_fail_from(f->world.disk, SIM_DISK_READ, 1, ERR_IO);
    consumer_flow(c, 1);
    while (!c->subscription->dispatch.read)
        (void)sim_step(f->world.sim);
    assert_int_equal(expect(consumer_blocked(c), BLOCKED_BY_DISK).message.entry, 0);
    world_settle(&f->world);
    assert_int_equal(expect(consumer_blocked(c), BLOCKED_BY_DAMAGE).message.entry, 0);
    sim_disk_fail(f->world.disk, SIM_DISK_READ, 0, OK);
    world_pass(&f->world, 6000);
    expect(consumer_blocked(c), BLOCKED_BY_NOTHING);
    assert_int_equal(f->a.received_count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_anything_to_get_nothing_is_in_the_way),
        TEST(permits),
        TEST(a_connection_that_does_not_read),
        TEST(its_own_unacknowledged_messages),
        TEST(everybodys_unacknowledged_messages),
        TEST(another_consumer_is_active_or_becomes_it),
        TEST(keys_that_drain),
        TEST(a_key_without_a_consumer),
        TEST(too_many_that_wait_for_others),
        TEST(a_disk_that_is_slow_and_an_entry_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
