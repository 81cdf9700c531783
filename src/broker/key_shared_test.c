/* SPDX-License-Identifier: Apache-2.0
 *
 * key_shared_test.c - entries of one key go to one consumer, in order: key_shared.h in use.
 *
 * With sticky ranges the tests say whose a key is; for the ring and the halves they ask.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/key_hash.h"
#include "broker/pending.h"

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

static struct refusal ask(struct peer *p, uint64_t id, const char *name, const struct key_policy *keys)
{
    const struct subscribe s = {
        .topic = TOPIC, .subscription = "s", .name = name, .type = TYPE_KEY_SHARED, .keys = *keys};

    return peer_subscribe(p, id, &s);
}

static void join(struct peer *p, const char *name, uint32_t permits)
{
    const struct key_policy keys = {.mode = KEY_AUTO_SPLIT};

    assert_int_equal(ask(p, 1, name, &keys).err, OK);
    if (permits)
        consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
}

static void join_sticky(struct peer *p, int32_t first, int32_t last, uint32_t permits)
{
    const struct key_range range = {first, last};
    const struct key_policy keys = {.mode = KEY_STICKY, .ranges = &range, .range_count = 1};

    assert_int_equal(ask(p, 1, NULL, &keys).err, OK);
    if (permits)
        consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
}

static void leave(struct peer *p)
{
    consumer_detach(p->consumers[1]);
    p->consumers[1] = NULL;
    world_settle(p->world);
}

static void flow(struct peer *p, uint32_t permits)
{
    consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
}

static void ack(struct peer *p, size_t nth)
{
    assert_int_equal(consumer_ack(p->consumers[1], p->received[nth].position, false), OK);
    world_settle(p->world);
}

static void publish(struct fixture *f, const char *key)
{
    peer_publish_key(&f->producer, 1, key, f->producer.published_count);
    world_settle(&f->world);
}

/* As sticky and halved ranges have it. */
static int32_t hash_of(const char *key)
{
    return (int32_t)(key_hash_of(bytes_of_text(key)) % KEY_HASHES);
}

/* The n-th key whose hash is under 32768, or not. */
static const char *key_in_half(bool low, unsigned n, char *to, size_t size)
{
    for (unsigned i = 0;; i++) {
        (void)snprintf(to, size, "k%u", i);
        if ((hash_of(to) < 32768) == low && n-- == 0)
            return to;
    }
}

static void expect_keys(const struct peer *p, size_t from, const char *const *keys, size_t count)
{
    assert_int_equal(p->received_count, from + count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(p->received[from + i].key, keys[i]);
}

static void expect_entries(const struct peer *p, size_t from, const int64_t *entries, size_t count)
{
    assert_int_equal(p->received_count, from + count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(p->received[from + i].position.entry, entries[i]);
}
#define EXPECT(p, from, ...)                                                                                           \
    do {                                                                                                               \
        const int64_t expected[] = {__VA_ARGS__};                                                                      \
        expect_entries(p, from, expected, sizeof expected / sizeof expected[0]);                                       \
    } while (0)

/* ---- to whom ---- */

static void each_key_goes_to_the_consumer_whose_range_it_is_in(void **state)
{
    struct fixture *f = *state;
    char low[12], high[12];

    key_in_half(true, 0, low, sizeof low);
    key_in_half(false, 0, high, sizeof high);
    join_sticky(&f->a, 0, 32767, 100);
    join_sticky(&f->b, 32768, 65535, 100);
    publish(f, low);
    publish(f, high);
    publish(f, high);
    expect_keys(&f->a, 0, (const char *const[]){low}, 1);
    expect_keys(&f->b, 0, (const char *const[]){high, high}, 2);
}

static void an_auto_split_gives_every_key_to_one_consumer(void **state)
{
    struct fixture *f = *state;
    char key[12];

    join(&f->a, "a", 1000);
    join(&f->b, "b", 1000);
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof key, "k%u", i % 50);
        publish(f, key);
    }
    assert_int_equal(f->a.received_count + f->b.received_count, 200);
    assert_true(f->a.received_count > 50);
    assert_true(f->b.received_count > 50);
    for (size_t i = 0; i < f->a.received_count; i++) {
        for (size_t n = 0; n < f->b.received_count; n++)
            assert_string_not_equal(f->a.received[i].key, f->b.received[n].key);
    }
}

static void entries_without_an_owner_wait_for_one(void **state)
{
    struct fixture *f = *state;
    char low[12], high[12];

    key_in_half(true, 0, low, sizeof low);
    key_in_half(false, 0, high, sizeof high);
    join_sticky(&f->a, 0, 32767, 100);
    publish(f, high);
    publish(f, low);
    EXPECT(&f->a, 0, 1);
    assert_non_null(key_shared_orphan(f->a.consumers[1]->subscription));
    join_sticky(&f->b, 32768, 65535, 100);
    EXPECT(&f->b, 0, 0);
}

static void a_range_that_is_taken_is_refused_while_its_consumer_lives(void **state)
{
    struct fixture *f = *state;
    const struct key_range range = {100, 200};
    const struct key_policy keys = {.mode = KEY_STICKY, .ranges = &range, .range_count = 1};

    join_sticky(&f->a, 0, 150, 0);
    struct refusal why = ask(&f->b, 1, NULL, &keys);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_KEYS);
    assert_int_equal(f->a.probes, 1);
    f->a.dead = true;
    assert_int_equal(ask(&f->b, 1, NULL, &keys).err, OK);
}

static void consumers_agree_on_mode_and_order(void **state)
{
    struct fixture *f = *state;
    const struct key_range range = {0, 65535};
    const struct key_policy sticky = {.mode = KEY_STICKY, .ranges = &range, .range_count = 1};
    const struct key_policy loose = {.mode = KEY_AUTO_SPLIT, .out_of_order = true};

    join(&f->a, "a", 0);
    struct refusal why = ask(&f->b, 1, NULL, &sticky);
    assert_int_equal(why.err, ERR_BUSY);
    assert_int_equal(why.about, ABOUT_CONSUMER);
    assert_int_equal(ask(&f->b, 1, NULL, &loose).err, ERR_BUSY);
    assert_int_equal(f->a.probes, 0);
    leave(&f->a);
    assert_int_equal(ask(&f->b, 1, NULL, &loose).err, OK); /* with nobody there it changes */
}

static void sticky_without_ranges_is_refused_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    const struct key_policy none = {.mode = KEY_STICKY};

    assert_int_equal(ask(&f->a, 1, NULL, &none).err, ERR_INVALID);
    join(&f->b, "b", 10);
    publish(f, "x");
    EXPECT(&f->b, 0, 0);
}

/* ---- in order ---- */

static void a_consumer_without_permits_does_not_hold_up_others(void **state)
{
    struct fixture *f = *state;
    char low[12], high[12];

    key_in_half(true, 0, low, sizeof low);
    key_in_half(false, 0, high, sizeof high);
    join_sticky(&f->a, 0, 32767, 1);
    join_sticky(&f->b, 32768, 65535, 100);
    for (unsigned i = 0; i < 3; i++)
        publish(f, low);
    publish(f, high);
    EXPECT(&f->a, 0, 0);
    EXPECT(&f->b, 0, 3);
    flow(&f->a, 1);
    EXPECT(&f->a, 0, 0, 1);
    flow(&f->a, 10);
    EXPECT(&f->a, 0, 0, 1, 2);
}

static void a_new_entry_does_not_overtake_one_of_its_key_that_was_handed_back(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 3);
    for (unsigned i = 0; i < 3; i++)
        publish(f, "x");
    consumer_redeliver(f->a.consumers[1], &f->a.received[1].position, 1);
    publish(f, "x");
    flow(&f->a, 10);
    EXPECT(&f->a, 0, 0, 1, 2, 1, 3);
    assert_int_equal(f->a.received[3].redelivery_count, 1);
}

static void a_connection_that_chokes_keeps_its_keys_in_order(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 100);
    f->a.blocked = true;
    publish(f, "x");
    publish(f, "x");
    assert_int_equal(f->a.received_count, 0);
    f->a.blocked = false;
    consumer_writable(f->a.consumers[1]);
    publish(f, "x");
    EXPECT(&f->a, 0, 0, 1, 2);
}

/* Which of both consumers got the only key so far; joins the other, again and again under another name, until the key
 * is its. */
static void join_until_owner(struct fixture *f, struct peer *p, const char *key)
{
    char name[12];

    for (unsigned i = 0;; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        join(p, name, 0);
        const struct key_ranges *ranges = &p->consumers[1]->subscription->dispatch.keys->ranges;
        uint32_t hash = key_ranges_fold(ranges, key_hash_of(bytes_of_text(key)));
        if (key_ranges_owner(ranges, hash) == &p->consumers[1]->keys->member)
            return;
        leave(p);
    }
}

static void a_key_that_moved_drains_until_all_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 100);
    publish(f, "x");
    publish(f, "x");
    join_until_owner(f, &f->b, "x");
    flow(&f->b, 100);
    publish(f, "x");
    assert_int_equal(f->b.received_count, 0);
    const struct key_slot *slot = key_shared_draining(f->b.consumers[1]);
    assert_non_null(slot);
    assert_ptr_equal(key_slot_held(slot)->consumer, f->a.consumers[1]);
    assert_int_equal(key_slot_held(slot)->position.entry, 0);
    assert_int_equal(f->a.consumers[1]->keys->gives_away_count, 1);

    ack(&f->a, 0);
    assert_int_equal(f->b.received_count, 0);
    ack(&f->a, 1);
    EXPECT(&f->b, 0, 2);
    assert_int_equal(f->a.consumers[1]->keys->gives_away_count, 0);
    assert_int_equal(f->a.consumers[1]->keys->given_away, 1);
}

static void a_key_that_drains_does_not_hold_up_others(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 100);
    publish(f, "x");
    join_until_owner(f, &f->b, "x");
    flow(&f->b, 100);
    publish(f, "x");
    for (unsigned i = 0; i < 20; i++) {
        char key[12];
        (void)snprintf(key, sizeof key, "y%u", i);
        publish(f, key);
    }
    assert_int_equal(f->a.received_count + f->b.received_count, 21);
    assert_true(f->b.received_count > 0);
}

static void what_is_handed_back_ends_the_draining(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 100);
    publish(f, "x");
    publish(f, "x");
    join_until_owner(f, &f->b, "x");
    flow(&f->b, 100);
    consumer_redeliver(f->a.consumers[1], &f->a.received[0].position, 1);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 0); /* the second one is still there */
    consumer_redeliver(f->a.consumers[1], &f->a.received[1].position, 1);
    world_settle(&f->world);
    EXPECT(&f->b, 0, 0, 1);
}

static void who_leaves_drains_nothing_any_more(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 100);
    publish(f, "x");
    publish(f, "x");
    join_until_owner(f, &f->b, "x");
    flow(&f->b, 100);
    publish(f, "x");
    leave(&f->a);
    EXPECT(&f->b, 0, 0, 1, 2);
}

static void a_key_that_comes_back_drains_no_more(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 100);
    publish(f, "x");
    join_until_owner(f, &f->b, "x");
    publish(f, "x");
    EXPECT(&f->a, 0, 0);
    leave(&f->b);
    EXPECT(&f->a, 0, 0, 1);
}

static void out_of_order_nothing_drains(void **state)
{
    struct fixture *f = *state;
    const struct key_policy loose = {.mode = KEY_AUTO_SPLIT, .out_of_order = true};
    char name[12];

    assert_int_equal(ask(&f->a, 1, "a", &loose).err, OK);
    flow(&f->a, 100);
    publish(f, "x");
    for (unsigned i = 0; f->b.received_count == 0; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(ask(&f->b, 1, name, &loose).err, OK);
        flow(&f->b, 100);
        publish(f, "x");
        if (f->b.received_count == 0)
            leave(&f->b);
    }
    assert_int_equal(f->a.consumers[1]->keys->gives_away_count, 0);
    assert_true(f->a.consumers[1]->unacked > 0);
}

/* ---- how far ahead ---- */

static void so_many_wait_and_no_more_while_others_go_first(void **state)
{
    struct fixture *f = *state;
    char low[12], high[12];

    key_in_half(true, 0, low, sizeof low);
    key_in_half(false, 0, high, sizeof high);
    f->world.broker->options.keys_ahead_per_consumer = 5; /* of each of two */
    join_sticky(&f->a, 0, 32767, 0);
    join_sticky(&f->b, 32768, 65535, 100);
    struct subscription *s = f->a.consumers[1]->subscription;
    for (unsigned i = 0; i < 12; i++)
        publish(f, low);
    publish(f, high);
    assert_int_equal(tree_count(&s->dispatch.replay), 10);
    assert_int_equal(f->b.received_count, 0);

    flow(&f->a, 1);
    assert_int_equal(f->a.received_count, 1);
    assert_int_equal(tree_count(&s->dispatch.replay), 10);
    flow(&f->a, 3);
    EXPECT(&f->b, 0, 12);
    flow(&f->a, 100);
    EXPECT(&f->a, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
}

static void a_single_consumer_reads_no_further_than_its_permits(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 2);
    for (unsigned i = 0; i < 10; i++)
        publish(f, "x");
    assert_int_equal(f->a.received_count, 2);
    assert_int_equal(tree_count(&f->a.consumers[1]->subscription->dispatch.replay), 0);
}

static void an_acknowledgement_of_what_waits_lets_others_come(void **state)
{
    struct fixture *f = *state;

    join(&f->a, "a", 1);
    publish(f, "x");
    join_until_owner(f, &f->b, "x");
    flow(&f->b, 10);
    publish(f, "x");
    publish(f, "x");
    struct position waiting = f->a.received[0].position;
    waiting.entry = 1;
    assert_int_equal(consumer_ack(f->b.consumers[1], waiting, false), OK); /* by whoever knows it */
    ack(&f->a, 0);
    EXPECT(&f->b, 0, 2);
}

static void entries_that_left_the_memory_keep_their_keys(void **state)
{
    struct fixture *f = *state;
    char key[12];

    for (unsigned i = 0; i < 250; i++) {
        (void)snprintf(key, sizeof key, "k%u", i % 40);
        publish(f, key);
    }
    join(&f->a, "a", 0);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    join(&f->a, "a", 0);
    join(&f->b, "b", 1000);
    flow(&f->a, 10);
    flow(&f->a, 1000);
    world_pass(&f->world, 1000);
    assert_int_equal(f->a.received_count + f->b.received_count, 250);
    for (size_t i = 1; i < f->a.received_count; i++) {
        for (size_t n = 0; n < i; n++)
            assert_true(strcmp(f->a.received[n].key, f->a.received[i].key) != 0 ||
                        f->a.received[n].position.entry < f->a.received[i].position.entry);
    }
}

static void what_is_read_when_the_last_consumer_leaves_is_not_looked_at(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 10; i++)
        publish(f, "x");
    join(&f->a, "a", 0);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    join(&f->a, "a", 0);
    consumer_flow(f->a.consumers[1], 10);
    const struct dispatch *d = &f->a.consumers[1]->subscription->dispatch;
    for (unsigned steps = 0; !d->read && steps < 1000; steps++)
        (void)sim_step(f->world.sim);
    assert_non_null(d->read);
    leave(&f->a);
    assert_null(d->read);
    assert_int_equal(f->a.received_count, 0);
    join(&f->b, "b", 10);
    assert_int_equal(f->b.received_count, 10);
}

static void what_was_held_back_is_looked_at_before_it_goes(void **state)
{
    struct fixture *f = *state;
    char low[12], high[12];

    key_in_half(true, 0, low, sizeof low);
    key_in_half(false, 0, high, sizeof high);
    join_sticky(&f->a, 0, 32767, 100);
    join_sticky(&f->b, 32768, 65535, 100);
    struct subscription *s = f->a.consumers[1]->subscription;
    publish(f, low);
    publish(f, high);
    struct position p = f->b.received[0].position;
    dispatch_acked(s, p); /* not known any more, as if it had been held back */
    dispatch_release(s, p);
    world_settle(&f->world);
    EXPECT(&f->b, 0, 1, 1);
    EXPECT(&f->a, 0, 0);
}

static void a_subscription_that_changes_its_type_forgets_keys(void **state)
{
    struct fixture *f = *state;
    const struct subscribe shared = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};

    join(&f->a, "a", 1);
    publish(f, "x");
    publish(f, "x");
    leave(&f->a);
    assert_int_equal(peer_subscribe(&f->b, 1, &shared).err, OK);
    flow(&f->b, 10);
    EXPECT(&f->b, 0, 0, 1);
    leave(&f->b);
    join(&f->a, "a", 10);
    EXPECT(&f->a, 1, 0, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_key_goes_to_the_consumer_whose_range_it_is_in),
        TEST(an_auto_split_gives_every_key_to_one_consumer),
        TEST(entries_without_an_owner_wait_for_one),
        TEST(a_range_that_is_taken_is_refused_while_its_consumer_lives),
        TEST(consumers_agree_on_mode_and_order),
        TEST(sticky_without_ranges_is_refused_and_leaves_nothing),
        TEST(a_consumer_without_permits_does_not_hold_up_others),
        TEST(a_new_entry_does_not_overtake_one_of_its_key_that_was_handed_back),
        TEST(a_connection_that_chokes_keeps_its_keys_in_order),
        TEST(a_key_that_moved_drains_until_all_is_acknowledged),
        TEST(a_key_that_drains_does_not_hold_up_others),
        TEST(what_is_handed_back_ends_the_draining),
        TEST(who_leaves_drains_nothing_any_more),
        TEST(a_key_that_comes_back_drains_no_more),
        TEST(out_of_order_nothing_drains),
        TEST(so_many_wait_and_no_more_while_others_go_first),
        TEST(a_single_consumer_reads_no_further_than_its_permits),
        TEST(an_acknowledgement_of_what_waits_lets_others_come),
        TEST(entries_that_left_the_memory_keep_their_keys),
        TEST(what_is_read_when_the_last_consumer_leaves_is_not_looked_at),
        TEST(what_was_held_back_is_looked_at_before_it_goes),
        TEST(a_subscription_that_changes_its_type_forgets_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
