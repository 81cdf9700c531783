/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_test.c - producers, their publishes and what becomes of them: producer.h and publish.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "store/chain.h"
#include "store/store_private.h"

#include <stdio.h>

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(11);

    f->world.options.ledger_entries_max = 5;
    fixture_open(f);
    *state = f;
    return 0;
}

static size_t ledgers(struct world *w)
{
    size_t count;

    (void)store_chain(w->store, world_topic(w, TOPIC)->id, &count);
    return count;
}

static const struct subscribe exclusive = {.topic = TOPIC, .subscription = "s"};

static void receipts_come_in_order_with_growing_positions(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 12, 1);
    assert_int_equal(f->a.published_count, 12);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(f->a.published[i].err, OK);
        if (i > 0)
            assert_true(position_before(f->a.published[i - 1].position, f->a.published[i].position));
    }
}

static void no_receipt_comes_before_the_call_has_returned(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    assert_int_equal(f->a.published_count, 0);
    world_settle(&f->world);
    assert_int_equal(f->a.published_count, 1);
}

static void a_ledger_that_is_full_is_closed_and_another_opened(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = exclusive;

    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK); /* holds the data */
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 12, 1);
    assert_int_equal(ledgers(&f->world), 3);
    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 12);
}

static void messages_are_numbered_through_ledgers_and_restarts(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = exclusive;
    size_t count;

    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 7, 3);
    world_restart(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 1, 1);
    const struct ledger_info *chain = store_chain(f->world.store, world_topic(&f->world, TOPIC)->id, &count);
    assert_int_equal(chain[count - 1].first_message, 21);
    assert_int_equal(chain[count - 1].messages, 1);
}

static void a_failed_write_sends_producers_away_and_the_topic_recovers(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 2, 1);
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_IO);
    peer_publish(&f->a, 1, 3, 1);
    assert_int_equal(f->a.producers_closed, 1);
    assert_int_equal(f->a.published_count, 5);
    for (size_t i = 2; i < 5; i++)
        assert_int_equal(f->a.published[i].err, ERR_CLOSED);
    assert_int_equal(world_topic(&f->world, TOPIC)->state, TOPIC_OPEN);

    assert_int_equal(peer_produce(&f->a, 2, TOPIC, "p").err, OK);
    peer_publish(&f->a, 2, 1, 1);
    assert_int_equal(f->a.published[5].err, OK);
}

static void a_producer_that_comes_to_a_full_disk_is_answered_when_there_is_room(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 1, 1);
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
    peer_publish(&f->a, 1, 1, 1);
    assert_int_equal(f->a.producers_closed, 1);
    assert_true(store_full(f->world.store));
    assert_int_equal(peer_produce(&f->a, 2, TOPIC, "p").err, OK);
    assert_false(store_full(f->world.store));
}

static void a_producer_that_comes_to_a_disk_that_stays_full_is_refused_after_a_while(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 1, 1);
    sim_disk_capacity(f->world.disk, 0);
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
    peer_publish(&f->a, 1, 1, 1);
    assert_int_equal(f->a.producers_closed, 1);
    const uint64_t before_ns = sim_now_ns(f->world.sim);
    struct refusal why = peer_produce(&f->a, 2, TOPIC, "p");
    assert_int_equal(why.err, ERR_NOSPACE);
    assert_int_equal(why.about, ABOUT_PRODUCER);
    assert_true(sim_now_ns(f->world.sim) >= before_ns + PRODUCER_HOLD_MS * NS_PER_MS);
    sim_disk_capacity(f->world.disk, UINT64_MAX / 2);
    assert_int_equal(peer_produce(&f->a, 3, TOPIC, "p").err, OK);
}

/* Its only ledger is the one it wrote to: closed when the disk is full, and gone when all of it is acknowledged. */
static void what_was_acknowledged_on_a_full_disk_makes_room(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};
    const struct ledger_info *chain;
    size_t count;

    assert_int_equal(peer_subscribe(&f->a, 9, &s).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 1, 1);
    sim_disk_capacity(f->world.disk, 0);
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
    peer_publish(&f->a, 1, 1, 1);
    const struct topic *t = world_topic(&f->world, TOPIC);
    chain = store_chain(f->world.store, t->id, &count);
    assert_int_equal(count, 1);
    assert_int_equal(chain[0].entries, 1);
    struct subscription *subscription = subscription_find(world_topic(&f->world, TOPIC), bytes_of_text("s"));
    assert_int_equal(cursor_ack(subscription->cursor, f->a.published[0].position, 1, NULL), OK);
    retention_changed(world_topic(&f->world, TOPIC));
    world_pass(&f->world, 8000);
    chain = store_chain(f->world.store, t->id, &count);
    assert_int_equal(count, 1);
    assert_int_equal(chain[0].entries, 0);
}

/* Retention looks at a topic within two minutes of a change; not so long when the disk is nearly full. */
static void what_was_acknowledged_on_a_nearly_full_disk_goes_at_once(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};
    size_t count;

    assert_int_equal(peer_subscribe(&f->a, 9, &s).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish(&f->a, 1, 1, 1);
    world_pass(&f->world, 8000); /* all topics are looked at after a start */
    struct topic *t = world_topic(&f->world, TOPIC);
    ledger_close(f->world.store, t->ledger);
    t->ledger = 0;
    peer_publish(&f->a, 1, 1, 1);
    struct subscription *subscription = subscription_find(t, bytes_of_text("s"));
    assert_int_equal(cursor_ack(subscription->cursor, f->a.published[0].position, 1, NULL), OK);
    world_pass(&f->world, 8000);
    (void)store_chain(f->world.store, t->id, &count);
    assert_int_equal(count, 2);
    full_disk_looked(f->world.store, 1000);
    assert_true(store_nearly_full(f->world.store));
    assert_false(store_full(f->world.store));
    peer_publish(&f->a, 1, 1, 1);
    world_pass(&f->world, 8000);
    (void)store_chain(f->world.store, t->id, &count);
    assert_int_equal(count, 1);
}

static void names_that_the_broker_gives_are_never_given_again(void **state)
{
    struct fixture *f = *state;
    char first[NAME_GIVEN_MAX];

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    assert_int_equal(peer_produce(&f->a, 2, TOPIC, NULL).err, OK);
    assert_string_not_equal(f->a.producers[1]->name, f->a.producers[2]->name);
    (void)snprintf(first, sizeof first, "%s", f->a.producers[1]->name);
    assert_string_equal(first, "standalone-1-0");

    world_restart(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    assert_string_not_equal(f->a.producers[1]->name, first);
}

static void a_name_that_is_taken_is_refused_while_its_connection_lives(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    struct refusal why = peer_produce(&f->b, 1, TOPIC, "p");
    assert_int_equal(why.err, ERR_BUSY);
    assert_int_equal(why.about, ABOUT_PRODUCER);
    assert_int_equal(f->a.probes, 1);
    assert_non_null(f->a.producers[1]);
}

static void a_name_is_free_when_the_probe_finds_its_connection_dead(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    f->a.dead = true;
    assert_int_equal(peer_produce(&f->b, 1, TOPIC, "p").err, OK);
}

static void a_producer_that_is_closed_waits_for_what_it_sent(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    struct producer_close close = {.op.done = world_done};
    producer_close(f->a.producers[1], &close);
    assert_int_equal(f->a.published_count, 0);
    assert_int_equal(world_finish(&f->world, &close.op).err, OK);
    assert_int_equal(f->a.published_count, 1);
    assert_int_equal(f->a.published[0].err, OK);
    assert_int_equal(map_count(&world_topic(&f->world, TOPIC)->producers), 0);
}

static void an_unload_gives_the_receipts_first(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    peer_publish_one(&f->a, 1, 1, 0);
    assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
    assert_int_equal(f->a.published_count, 2);
    assert_int_equal(f->a.published[1].err, OK);
    assert_int_equal(f->a.producers_closed, 1);
    assert_null(world_topic(&f->world, TOPIC));

    assert_int_equal(peer_produce(&f->a, 2, TOPIC, "p").err, OK);
    peer_publish(&f->a, 2, 1, 1);
    assert_int_equal(f->a.published[2].err, OK);
}

static void a_publish_survives_its_producer(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    producer_detach(f->a.producers[1]);
    world_settle(&f->world);
    assert_int_equal(f->a.published_count, 1);
    assert_int_equal(f->a.published[0].err, OK);
}

static void what_got_a_receipt_is_read_after_a_kill(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = exclusive;

    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    for (int i = 0; i < 20; i++)
        peer_publish_one(&f->a, 1, 1, i);
    for (int i = 0; i < 60; i++)
        (void)sim_step(f->world.sim);
    size_t receipts = f->a.published_count;
    world_kill_and_open(&f->world);

    peer_init(&f->b, &f->world);
    assert_int_equal(peer_subscribe(&f->b, 1, &s).err, OK);
    consumer_flow(f->b.consumers[1], 100);
    world_settle(&f->world);
    assert_true(f->b.received_count >= receipts);
    for (size_t i = 0; i < receipts; i++)
        assert_true(position_equal(f->b.received[i].position, f->a.published[i].position));
}

static void the_health_check_writes_and_reads(void **state)
{
    struct fixture *f = *state;
    struct health_op health = {.op.done = world_done};

    broker_check_health(f->world.broker, &health);
    assert_int_equal(world_finish(&f->world, &health.op).err, OK);
    assert_true(health.elapsed_us > 0);

    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_IO);
    broker_check_health(f->world.broker, &health);
    assert_int_equal(world_finish(&f->world, &health.op).err, ERR_CLOSED);
}

/* ---- what policies refuse ---- */

static void set_policy(struct fixture *f, enum policy which, int64_t value)
{
    struct policies set = {0};
    struct refusal why;

    policies_put(&set, which, value);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &set, &why), OK);
}

static void more_producers_than_the_policy_allows_are_refused(void **state)
{
    struct fixture *f = *state;

    set_policy(f, POLICY_PRODUCERS_MAX, 2);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    assert_int_equal(peer_produce(&f->a, 2, TOPIC, NULL).err, OK);
    assert_int_equal(peer_produce(&f->a, 3, TOPIC, "q").err, ERR_BUSY);
    f->a.dead = true; /* who takes a name over is not one more */
    assert_int_equal(peer_produce(&f->b, 1, TOPIC, "p").err, OK);
}

static void more_durable_subscriptions_than_the_policy_allows_are_refused(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = exclusive;

    set_policy(f, POLICY_SUBSCRIPTIONS_MAX, 1);
    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    s.subscription = "another";
    assert_int_equal(peer_subscribe(&f->a, 2, &s).err, ERR_UNSUPPORTED);
    s.volatile_ = true;
    assert_int_equal(peer_subscribe(&f->a, 2, &s).err, OK);
    const struct subscribe again = exclusive;
    consumer_detach(f->a.consumers[1]);
    assert_int_equal(peer_subscribe(&f->a, 1, &again).err, OK);
}

static void more_topics_than_the_namespace_may_have_are_refused(void **state)
{
    struct fixture *f = *state;

    set_policy(f, POLICY_TOPICS_MAX, 2);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    assert_int_equal(peer_produce(&f->a, 2, TOPIC "2", "p").err, OK);
    struct refusal why = peer_produce(&f->a, 3, TOPIC "3", "p");
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_NAMESPACE);
    assert_int_equal(peer_produce(&f->a, 3, TOPIC "2", "q").err, OK);
}

static enum err publish_one(struct peer *p, uint64_t producer, size_t len, uint16_t flags)
{
    struct publish m = {.messages = 1, .flags = flags};
    uint8_t *bytes = test_calloc(1, len);
    enum err err = slice_copy(&m.bytes, bytes_of(bytes, len), NULL);

    assert_int_equal(err, OK);
    (void)producer_publish(p->producers[producer], &m);
    slice_unref(&m.bytes);
    test_free(bytes);
    world_settle(p->world);
    return p->published[p->published_count - 1].err;
}

static void where_encryption_is_required_nothing_else_is_taken(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    set_policy(f, POLICY_ENCRYPTION_REQUIRED, 1);
    struct refusal why = peer_produce(&f->a, 2, TOPIC, "q");
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(why.about, ABOUT_PRODUCER);
    assert_int_equal(publish_one(&f->a, 1, 10, 0), ERR_INVALID);
    assert_int_equal(publish_one(&f->a, 1, 10, ENTRY_ENCRYPTED), OK);
    assert_non_null(f->a.producers[1]); /* the message was refused, not its producer */
}

static void a_message_larger_than_the_topic_takes_is_refused_alone_and_its_chunks_are_not(void **state)
{
    struct fixture *f = *state;

    set_policy(f, POLICY_MESSAGE_BYTES_MAX, 100);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    assert_int_equal(publish_one(&f->a, 1, 101, 0), ERR_TOO_LARGE);
    assert_int_equal(publish_one(&f->a, 1, 100, 0), OK);
    assert_int_equal(publish_one(&f->a, 1, 101, ENTRY_CHUNK), OK);
    assert_int_equal(f->a.producers_closed, 0);
}

static void a_refusal_comes_after_the_receipts_of_what_came_before(void **state)
{
    struct fixture *f = *state;

    set_policy(f, POLICY_MESSAGE_BYTES_MAX, 100);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    peer_publish_one(&f->a, 1, 1, 0);
    assert_int_equal(publish_one(&f->a, 1, 101, 0), ERR_TOO_LARGE);
    assert_int_equal(f->a.published[0].err, OK);
    assert_int_equal(f->a.published_count, 2);
}

static void who_publishes_faster_than_the_rate_is_told_how_long_to_wait(void **state)
{
    struct fixture *f = *state;
    struct publish m = {.messages = 10};
    uint64_t pause_ms = 0;

    set_policy(f, POLICY_PUBLISH_RATE_MESSAGES, 10);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, "p").err, OK);
    assert_int_equal(slice_copy(&m.bytes, bytes_of("x", 1), NULL), OK);
    for (unsigned i = 0; i < 3; i++)
        pause_ms = producer_publish(f->a.producers[1], &m);
    assert_true(pause_ms > 1000 && pause_ms <= 3000);
    world_settle(&f->world);
    assert_int_equal(f->a.published_count, 3); /* nothing is dropped */
    set_policy(f, POLICY_PUBLISH_RATE_MESSAGES, 0);
    assert_int_equal(producer_publish(f->a.producers[1], &m), 0);
    slice_unref(&m.bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(receipts_come_in_order_with_growing_positions),
        TEST(no_receipt_comes_before_the_call_has_returned),
        TEST(a_ledger_that_is_full_is_closed_and_another_opened),
        TEST(messages_are_numbered_through_ledgers_and_restarts),
        TEST(a_failed_write_sends_producers_away_and_the_topic_recovers),
        TEST(a_producer_that_comes_to_a_full_disk_is_answered_when_there_is_room),
        TEST(a_producer_that_comes_to_a_disk_that_stays_full_is_refused_after_a_while),
        TEST(what_was_acknowledged_on_a_full_disk_makes_room),
        TEST(what_was_acknowledged_on_a_nearly_full_disk_goes_at_once),
        TEST(names_that_the_broker_gives_are_never_given_again),
        TEST(a_name_that_is_taken_is_refused_while_its_connection_lives),
        TEST(a_name_is_free_when_the_probe_finds_its_connection_dead),
        TEST(a_producer_that_is_closed_waits_for_what_it_sent),
        TEST(an_unload_gives_the_receipts_first),
        TEST(a_publish_survives_its_producer),
        TEST(what_got_a_receipt_is_read_after_a_kill),
        TEST(more_producers_than_the_policy_allows_are_refused),
        TEST(more_durable_subscriptions_than_the_policy_allows_are_refused),
        TEST(more_topics_than_the_namespace_may_have_are_refused),
        TEST(where_encryption_is_required_nothing_else_is_taken),
        TEST(a_message_larger_than_the_topic_takes_is_refused_alone_and_its_chunks_are_not),
        TEST(a_refusal_comes_after_the_receipts_of_what_came_before),
        TEST(who_publishes_faster_than_the_rate_is_told_how_long_to_wait),
        TEST(the_health_check_writes_and_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
