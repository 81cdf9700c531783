/* SPDX-License-Identifier: Apache-2.0
 *
 * non_persistent_test.c - messages that are passed on and not kept: non_persistent.h in use.
 */
#include "base/arena.h"
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/non_persistent.h"
#include "broker/stats.h"

#include <stdio.h>

#define TOPIC "non-persistent://public/default/n"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(7);

    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static void join(struct peer *p, uint64_t id, const char *subscription, enum subscription_type type, uint32_t permits)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = subscription, .type = type};

    assert_int_equal(peer_subscribe(p, id, &s).err, OK);
    if (permits)
        consumer_flow(p->consumers[id], permits);
}

static void join_volatile(struct peer *p, uint64_t id, const char *subscription)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = subscription, .volatile_ = true};

    assert_int_equal(peer_subscribe(p, id, &s).err, OK);
}

static struct topic_stats *stats_of(struct fixture *f, struct arena *arena)
{
    struct topic_stats *stats = NULL;
    struct topic_name name;
    struct refusal why;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(TOPIC)), OK);
    assert_int_equal(topic_stats_get(f->world.broker, &name, arena, &stats, &why), OK);
    return stats;
}

static uint64_t dropped(struct fixture *f)
{
    struct broker_stats stats;

    broker_stats_get(f->world.broker, &stats);
    return stats.messages_dropped;
}

static void a_message_is_answered_at_once_with_the_id_0_0(void **state)
{
    struct fixture *f = *state;

    peer_publish_one(&f->producer, 1, 1, 0);
    assert_int_equal(f->producer.published_count, 1); /* no turn of the loop, no disk */
    assert_int_equal(f->producer.published[0].err, OK);
    assert_true(position_equal(f->producer.published[0].position, (struct position){0, 0}));
}

static void every_subscription_gets_a_message_once(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "one", TYPE_EXCLUSIVE, 10);
    join(&f->b, 1, "two", TYPE_SHARED, 10);
    join(&f->b, 2, "two", TYPE_SHARED, 10);
    peer_publish(&f->producer, 1, 3, 1);
    assert_int_equal(f->a.received_count, 3);
    assert_int_equal(f->b.received_count, 3);
    assert_true(position_equal(f->a.received[0].position, (struct position){0, 0}));
}

static void shared_consumers_take_turns(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 1000);
    join(&f->b, 1, "s", TYPE_SHARED, 1000);
    peer_publish(&f->producer, 1, 100, 1);
    assert_int_equal(f->a.received_count + f->b.received_count, 100);
    assert_in_range(f->a.received_count, 40, 60);
    assert_int_equal(dropped(f), 0);
}

static void a_message_that_nobody_can_take_is_dropped_and_counted(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_EXCLUSIVE, 2);
    peer_publish(&f->producer, 1, 5, 10);
    assert_int_equal(f->a.received_count, 1); /* a batch is sent whole, and paid for later */
    assert_int_equal(dropped(f), 40);
    assert_int_equal(f->producer.published_count, 5);

    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 1); /* what is gone is gone */
    peer_publish(&f->producer, 1, 1, 10);
    assert_int_equal(f->a.received_count, 2);
}

static void a_connection_that_takes_nothing_misses_what_comes_meanwhile(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 100);
    f->a.blocked = true;
    peer_publish(&f->producer, 1, 3, 1);
    f->a.blocked = false;
    consumer_writable(f->a.consumers[1]);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 0);
    peer_publish(&f->producer, 1, 1, 1);
    assert_int_equal(f->a.received_count, 1);
}

static void a_message_that_comes_too_fast_is_dropped_and_its_receipt_says_so(void **state)
{
    struct fixture *f = *state;
    const struct publish m = {
        .sequence_id = 1,
        .messages = 3,
        .crowded = true,
        .bytes = {.data = (const uint8_t *)"x", .len = 1},
    };

    join(&f->a, 1, "s", TYPE_EXCLUSIVE, 100);
    producer_publish(f->producer.producers[1], &m);
    assert_int_equal(f->producer.published_count, 1);
    assert_int_equal(f->producer.published[0].err, OK);
    assert_true(position_equal(f->producer.published[0].position, POSITION_EARLIEST));
    assert_int_equal(f->a.received_count, 0);
    assert_int_equal(dropped(f), 3);
}

static void the_drop_rate_is_told_by_topic_subscription_and_producer(void **state)
{
    struct fixture *f = *state;
    struct arena arena;

    join(&f->a, 1, "s", TYPE_EXCLUSIVE, 0);
    peer_publish(&f->producer, 1, 60, 1);
    world_pass(&f->world, 61000); /* all of it lies in the last minute, or nearly */
    arena_init(&arena, 1 << 20);
    struct topic_stats *stats = stats_of(f, &arena);
    assert_false(stats->persistent);
    assert_true(stats->rate_drop > 0.4 && stats->rate_drop < 1.1);
    assert_true(stats->subscriptions[0].rate_drop > 0.4 && stats->subscriptions[0].rate_drop < 1.1);
    assert_true(stats->producers[0].rate_drop < 0.1);
    assert_int_equal(stats->subscriptions[0].backlog_entries, 0);
    arena_deinit(&arena);
}

static void acknowledging_and_asking_again_change_nothing(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 10);
    peer_publish(&f->producer, 1, 2, 1);
    assert_int_equal(consumer_ack(f->a.consumers[1], (struct position){0, 0}, false), OK);
    consumer_redeliver_all(f->a.consumers[1], -1);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 2);

    join(&f->b, 1, "x", TYPE_EXCLUSIVE, 10);
    peer_publish(&f->producer, 1, 1, 1);
    assert_int_equal(consumer_ack_cumulative(f->b.consumers[1], (struct position){0, 0}, false), OK);
    consumer_redeliver_all(f->b.consumers[1], -1);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 1);
}

static void the_next_failover_consumer_is_served_without_a_pause(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_FAILOVER, 100);
    join(&f->b, 1, "s", TYPE_FAILOVER, 100);
    peer_publish(&f->producer, 1, 1, 1);
    assert_int_equal(f->a.received_count + f->b.received_count, 1);
    struct peer *active = f->a.received_count ? &f->a : &f->b, *other = active == &f->a ? &f->b : &f->a;

    consumer_close(active->consumers[1]);
    active->consumers[1] = NULL;
    assert_int_equal(other->active[1], 1);
    peer_publish(&f->producer, 1, 1, 1);
    assert_int_equal(other->received_count, 1);
}

static void an_exclusive_consumer_keeps_others_out(void **state)
{
    struct fixture *f = *state;
    const struct subscribe again = {.topic = TOPIC, .subscription = "s"};

    join(&f->a, 1, "s", TYPE_EXCLUSIVE, 0);
    assert_int_equal(peer_subscribe(&f->b, 1, &again).err, ERR_BUSY);
}

static void a_reader_s_subscription_goes_with_it_and_a_durable_one_stays(void **state)
{
    struct fixture *f = *state;

    join_volatile(&f->a, 1, "reader");
    join(&f->a, 2, "kept", TYPE_SHARED, 0);
    consumer_close(f->a.consumers[1]);
    consumer_close(f->a.consumers[2]);
    f->a.consumers[1] = f->a.consumers[2] = NULL;
    assert_null(subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("reader")));
    assert_non_null(subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("kept")));
}

static void unsubscribing_removes_the_subscription(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 0);
    assert_int_equal(peer_unsubscribe(&f->a, 1, false).err, OK);
    assert_null(subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("s")));
}

static void seeking_moves_nothing_and_there_is_no_last_id(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_EXCLUSIVE, 10);
    assert_int_equal(peer_seek(&f->a, 1, POSITION_EARLIEST).err, OK);
    assert_int_equal(f->a.consumers_closed, 0);
    const struct refusal why = peer_last_id(&f->a, 1).op.why;
    assert_int_equal(why.err, ERR_UNSUPPORTED);
    assert_int_equal(why.about, ABOUT_SEEK);
}

static void the_topic_goes_when_nobody_used_it_for_a_while(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 0);
    producer_detach(f->producer.producers[1]);
    consumer_close(f->a.consumers[1]);
    f->producer.producers[1] = NULL;
    f->a.consumers[1] = NULL;
    world_pass(&f->world, 300000);
    assert_non_null(world_topic(&f->world, TOPIC)); /* somebody may come back to the subscription */

    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};
    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    assert_int_equal(peer_unsubscribe(&f->a, 1, false).err, OK);
    world_pass(&f->world, 300000);
    assert_null(world_topic(&f->world, TOPIC));
}

static void a_topic_that_is_deleted_is_gone_with_its_subscriptions(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 0);
    assert_int_equal(world_delete(&f->world, TOPIC, false).err, ERR_BUSY);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, OK);
    assert_null(world_topic(&f->world, TOPIC));
    assert_int_equal(f->a.consumers_closed, 1);
    assert_int_equal(f->producer.producers_closed, 1);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, ERR_NOT_FOUND);
}

static void nothing_of_it_outlives_the_process(void **state)
{
    struct fixture *f = *state;

    join(&f->a, 1, "s", TYPE_SHARED, 10);
    peer_publish(&f->producer, 1, 2, 1);
    assert_true(world_restart(&f->world));
    assert_null(world_topic(&f->world, TOPIC));
    assert_int_equal(world_delete(&f->world, TOPIC, false).err, ERR_NOT_FOUND);
}

static void one_of_the_same_path_that_is_kept_is_another_topic(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = "persistent://public/default/n", .subscription = "s"};

    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    consumer_flow(f->a.consumers[1], 10);
    peer_publish(&f->producer, 1, 2, 1);
    assert_int_equal(f->a.received_count, 0);
}

static void they_may_be_switched_off(void **state)
{
    struct fixture *f = *state;

    world_end(&f->world);
    world_start(&f->world, 7);
    f->world.options.non_persistent_topics = false;
    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, ERR_UNSUPPORTED);
}

/* ---- listing ---- */

struct names {
    char text[400];
};

static bool add_name(void *ctx, struct bytes name)
{
    struct names *names = ctx;

    (void)snprintf(names->text + strlen(names->text), sizeof names->text - strlen(names->text), "%.*s ", (int)name.len,
                   (const char *)name.data);
    return true;
}

static void a_namespace_lists_them_before_the_others_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct broker *b = f->world.broker;
    struct names names = {""};

    assert_int_equal(peer_produce(&f->producer, 2, "non-persistent://public/default/b", NULL).err, OK);
    assert_int_equal(peer_produce(&f->producer, 3, "persistent://public/default/a", NULL).err, OK);
    assert_int_equal(peer_produce(&f->producer, 4, "non-persistent://pulsar/system/c", NULL).err, OK);
    assert_int_equal(topics_each(b, bytes_of_text("public/default"), add_name, &names), OK);
    assert_string_equal(names.text, "non-persistent://public/default/b " TOPIC " persistent://public/default/a ");
    assert_int_equal(topics_count(b, bytes_of_text("public/default")), 3);

    names.text[0] = '\0';
    assert_int_equal(topics_each_after(b, bytes_of_text("public/default"),
                                       bytes_of_text("non-persistent://public/default/b"), add_name, &names),
                     OK);
    assert_string_equal(names.text, TOPIC " persistent://public/default/a ");
}

static void each_key_goes_to_one_consumer(void **state)
{
    struct fixture *f = *state;
    char key[12];

    join(&f->a, 1, "s", TYPE_KEY_SHARED, 1000);
    join(&f->b, 1, "s", TYPE_KEY_SHARED, 1000);
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof key, "k%u", i % 50);
        peer_publish_key(&f->producer, 1, key, i);
    }
    world_settle(&f->world);
    assert_int_equal(f->a.received_count + f->b.received_count, 200);
    assert_true(f->a.received_count > 0);
    assert_true(f->b.received_count > 0);
    for (size_t i = 0; i < f->a.received_count; i++) {
        for (size_t n = 0; n < f->b.received_count; n++)
            assert_string_not_equal(f->a.received[i].key, f->b.received[n].key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
        TEST(each_key_goes_to_one_consumer),
        TEST(a_message_is_answered_at_once_with_the_id_0_0),
        TEST(every_subscription_gets_a_message_once),
        TEST(shared_consumers_take_turns),
        TEST(a_message_that_nobody_can_take_is_dropped_and_counted),
        TEST(a_connection_that_takes_nothing_misses_what_comes_meanwhile),
        TEST(a_message_that_comes_too_fast_is_dropped_and_its_receipt_says_so),
        TEST(the_drop_rate_is_told_by_topic_subscription_and_producer),
        TEST(acknowledging_and_asking_again_change_nothing),
        TEST(the_next_failover_consumer_is_served_without_a_pause),
        TEST(an_exclusive_consumer_keeps_others_out),
        TEST(a_reader_s_subscription_goes_with_it_and_a_durable_one_stays),
        TEST(unsubscribing_removes_the_subscription),
        TEST(seeking_moves_nothing_and_there_is_no_last_id),
        TEST(the_topic_goes_when_nobody_used_it_for_a_while),
        TEST(a_topic_that_is_deleted_is_gone_with_its_subscriptions),
        TEST(nothing_of_it_outlives_the_process),
        TEST(one_of_the_same_path_that_is_kept_is_another_topic),
        TEST(they_may_be_switched_off),
        TEST(a_namespace_lists_them_before_the_others_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
