/* SPDX-License-Identifier: Apache-2.0
 *
 * retention_test.c - ledgers roll, expire and go: retention.h and policies.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/policies.h"

#define TOPIC  "persistent://public/default/t"
#define MINUTE UINT64_C(60000)

static int set_up(void **state)
{
    struct fixture *f = fixture_new(17);

    f->world.options.ledger_entries_max = 2;
    f->world.options.retention_check_ms = 1000;
    f->world.options.expiry_check_ms = 1000;
    f->world.options.reader_hold_ms = 5000;
    f->world.options.delete_inactive_topics = false;
    fixture_open(f);
    *state = f;
    return 0;
}

static const struct subscribe durable = {.topic = TOPIC, .subscription = "s"};
static const struct subscribe reader = {.topic = TOPIC, .subscription = "r", .volatile_ = true};

static struct topic_name name_of(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

static const struct ledger_info *chain_of(struct fixture *f, size_t *count)
{
    const struct topic_name name = name_of(TOPIC);

    return store_chain(f->world.store, topic_id(f->world.broker, &name), count);
}

static uint64_t entries(struct fixture *f)
{
    size_t count;
    const struct ledger_info *chain = chain_of(f, &count);
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += chain[i].entries;
    return sum;
}

static size_t ledgers(struct fixture *f)
{
    size_t count;

    (void)chain_of(f, &count);
    return count;
}

static void produce(struct fixture *f, unsigned count)
{
    if (!f->a.producers[1])
        assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    for (unsigned i = 0; i < count; i++)
        peer_publish_one(&f->a, 1, 1, loop_wall_ms(f->world.broker->loop));
    world_settle(&f->world);
}

static void receive_and_ack_all(struct fixture *f)
{
    consumer_flow(f->a.consumers[1], 1000);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[f->a.received_count - 1].position, false),
                     OK);
}

static void set_retention(struct fixture *f, int32_t minutes, int64_t mb)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_RETENTION_MINUTES, minutes);
    policies_put(&p, POLICY_RETENTION_MB, mb);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
}

static void set_ttl(struct fixture *f, uint32_t seconds)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_TTL_S, seconds);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
}

static struct policies resolved(struct fixture *f)
{
    const struct topic_name name = name_of(TOPIC);

    return policies_resolve(f->world.broker, topic_id(f->world.broker, &name));
}

/* ---- rolling ---- */

static void a_full_ledger_is_kept_open_until_it_is_not_too_young(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.ledger_age_min_ms = 10 * MINUTE;
    policies_put(&f->world.broker->options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&f->world.broker->options.policies, POLICY_RETENTION_MB, -1);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 5);
    assert_int_equal(ledgers(f), 1);
    world_pass(&f->world, 10 * MINUTE);
    produce(f, 1);
    assert_int_equal(ledgers(f), 2);
}

static void a_big_ledger_is_closed_at_any_age(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.ledger_age_min_ms = 10 * MINUTE;
    f->world.broker->options.ledger_bytes_max = 60;
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 5);
    assert_true(ledgers(f) > 1);
}

static void an_old_ledger_is_closed_though_nothing_is_published(void **state)
{
    struct fixture *f = *state;
    size_t count;

    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 1);
    assert_true(chain_of(f, &count)[0].open);
    world_pass(&f->world, f->world.options.ledger_age_max_ms + 1000);
    assert_int_equal(entries(f), 1);
    assert_false(chain_of(f, &count)[0].open);
}

static void a_ledger_without_publishes_is_closed_when_that_is_asked_for(void **state)
{
    struct fixture *f = *state;
    size_t count;

    f->world.broker->options.ledger_idle_ms = 5000;
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 1);
    world_pass(&f->world, 4000);
    produce(f, 0);
    assert_true(chain_of(f, &count)[0].open);
    world_pass(&f->world, 2500);
    assert_false(chain_of(f, &count)[0].open);
}

/* ---- retention ---- */

static void a_consumed_topic_gives_back_even_its_last_ledger_when_that_is_closed(void **state)
{
    struct fixture *f = *state;
    size_t count;

    f->world.broker->options.ledger_idle_ms = 5000;
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 5);
    receive_and_ack_all(f);
    world_pass(&f->world, 10000);
    assert_int_equal(entries(f), 0);
    assert_int_equal(ledgers(f), 1);
    assert_int_equal(chain_of(f, &count)[0].first_message, 5); /* the index goes on */
    const struct position before = f->a.received[4].position;

    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(chain_of(f, &count)[0].first_message, 5);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 1);
    consumer_flow(f->a.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 1);
    assert_true(position_before(before, f->a.received[0].position));
    assert_int_equal(cursor_backlog_messages(f->a.consumers[1]->subscription->cursor), 1);
}

static void a_durable_subscription_holds_what_it_has_not_read(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.ledger_idle_ms = 5000;
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 6);
    world_pass(&f->world, 600000);
    assert_int_equal(entries(f), 6);
    assert_int_equal(peer_unsubscribe(&f->a, 1, false).err, OK);
    world_pass(&f->world, 5000);
    assert_int_equal(entries(f), 0);
}

static void a_reader_that_reads_is_not_overtaken(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &reader).err, OK);
    produce(f, 15); /* ledgers of two, the last is open */
    for (unsigned i = 0; i < 15; i++) {
        world_pass(&f->world, 1500);
        consumer_flow(f->a.consumers[1], 1);
        world_settle(&f->world);
        assert_int_equal(f->a.received_count, i + 1);
        assert_true(position_equal(f->a.received[i].position, f->a.published[i].position));
        assert_true(entries(f) <= 15 - i / 2 * 2 + 2); /* what it has behind it goes */
    }
    world_pass(&f->world, 3000);
    assert_int_equal(entries(f), 1);
}

static void a_shared_reader_that_acknowledges_is_not_overtaken(void **state)
{
    struct fixture *f = *state;
    struct subscribe shared = reader;

    shared.type = TYPE_SHARED;
    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    consumer_flow(f->a.consumers[1], 100);
    produce(f, 7);
    for (unsigned i = 0; i < 6; i++) {
        world_pass(&f->world, 1500);
        assert_int_equal(f->a.consumers[1]->unacked, 7 - i);
        assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[i].position, false), OK);
    }
    world_pass(&f->world, 1500);
    assert_int_equal(entries(f), 1);
}

static void a_reader_that_left_holds_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &reader).err, OK);
    produce(f, 7);
    world_pass(&f->world, 1000);
    assert_int_equal(entries(f), 7);
    consumer_detach(f->a.consumers[1]);
    world_pass(&f->world, 3500);
    assert_int_equal(entries(f), 1);
}

static void a_reader_that_stands_still_is_moved_forward(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(peer_subscribe(&f->a, 1, &reader).err, OK);
    consumer_flow(f->a.consumers[1], 3);
    produce(f, 7); /* ledgers of two, the last is open */
    world_pass(&f->world, 9000);
    assert_int_equal(entries(f), 1);
    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_true(f->a.received_count >= 4);
    assert_int_equal(cursor_backlog_entries(f->a.consumers[1]->subscription->cursor), 1);
    produce(f, 1);
    assert_true(position_equal(f->a.received[f->a.received_count - 1].position, f->a.published[7].position));
}

static void a_shared_reader_owes_nothing_for_what_is_gone(void **state)
{
    struct fixture *f = *state;
    struct subscribe shared = reader;

    shared.type = TYPE_SHARED;
    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    consumer_flow(f->a.consumers[1], 100);
    produce(f, 7);
    assert_int_equal(f->a.received_count, 7);
    world_pass(&f->world, 9000);
    assert_int_equal(f->a.consumers[1]->unacked, 1);
    world_check(&f->world);
}

static void retention_by_time_keeps_a_ledger_so_long_after_its_end(void **state)
{
    struct fixture *f = *state;

    set_retention(f, 10, -1);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 5);
    receive_and_ack_all(f);
    world_pass(&f->world, 9 * MINUTE);
    assert_int_equal(entries(f), 5);
    world_pass(&f->world, 2 * MINUTE);
    assert_int_equal(entries(f), 1); /* in the open one */
}

static void without_a_limit_everything_is_kept(void **state)
{
    struct fixture *f = *state;

    set_retention(f, -1, -1);
    produce(f, 5);
    world_pass(&f->world, 100000 * MINUTE);
    assert_int_equal(entries(f), 5);
    assert_int_equal(retention_tracks(f->world.broker), 0);
}

static void zero_in_either_keeps_nothing(void **state)
{
    struct fixture *f = *state;

    set_retention(f, 0, 100);
    produce(f, 5);
    world_pass(&f->world, 3000);
    assert_int_equal(entries(f), 1);
    set_retention(f, 100, 0);
    produce(f, 4);
    world_pass(&f->world, 3000);
    assert_int_equal(entries(f), 1);
}

static void retention_by_size_keeps_so_much(void **state)
{
    struct fixture *f = *state;
    static char big[300 * 1024];
    struct slice bytes;

    f->world.broker->options.ledger_entries_max = 1;
    set_retention(f, -1, 1);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    assert_int_equal(slice_copy(&bytes, bytes_of(big, sizeof big), NULL), OK);
    for (uint64_t i = 0; i < 10; i++) {
        producer_publish(f->a.producers[1], &(struct publish){.sequence_id = i, .messages = 1, .bytes = bytes});
        world_settle(&f->world);
    }
    slice_unref(&bytes);
    world_pass(&f->world, 3000);
    /* Four are more than a MiB, three are less: the first of four may not go, the first of five may. */
    assert_int_equal(entries(f), 4);
}

static void a_topic_that_is_not_loaded_is_trimmed_when_its_time_has_come(void **state)
{
    struct fixture *f = *state;

    set_retention(f, 30, -1);
    produce(f, 5);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 20 * MINUTE);
    assert_null(world_topic(&f->world, TOPIC));
    assert_int_equal(entries(f), 5);
    world_pass(&f->world, 12 * MINUTE);
    assert_int_equal(entries(f), 0);
    assert_null(world_topic(&f->world, TOPIC));
    assert_int_equal(retention_tracks(f->world.broker), 0);
    assert_false(timer_running(&f->world.broker->retention.timer));
}

/* The broker again, with the option that is most people's. */
static void delete_inactive_topics(struct fixture *f)
{
    f->world.options.delete_inactive_topics = true;
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
}

static bool topic_is_there(struct fixture *f)
{
    const struct topic_name name = name_of(TOPIC);

    return topic_id(f->world.broker, &name) != 0;
}

static void a_topic_that_nobody_uses_is_kept_as_long_as_its_data_and_goes_with_them(void **state)
{
    struct fixture *f = *state;

    delete_inactive_topics(f);
    set_retention(f, 30, -1);
    produce(f, 5);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 25 * MINUTE);
    assert_null(world_topic(&f->world, TOPIC));
    assert_int_equal(entries(f), 5);
    world_pass(&f->world, 10 * MINUTE);
    assert_false(topic_is_there(f));
    assert_int_equal(retention_tracks(f->world.broker), 0);
}

static void a_topic_whose_data_are_kept_for_ever_is_never_deleted(void **state)
{
    struct fixture *f = *state;

    delete_inactive_topics(f);
    set_retention(f, -1, -1);
    produce(f, 5);
    producer_detach(f->a.producers[1]);
    world_pass(&f->world, 600 * MINUTE);
    assert_int_equal(entries(f), 5);
    world_kill_and_open(&f->world);
    world_pass(&f->world, 600 * MINUTE);
    assert_int_equal(entries(f), 5);
}

static void an_empty_topic_with_a_subscription_is_not_deleted(void **state)
{
    struct fixture *f = *state;

    delete_inactive_topics(f);
    set_retention(f, 30, -1);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 5);
    receive_and_ack_all(f);
    producer_detach(f->a.producers[1]);
    consumer_detach(f->a.consumers[1]);
    world_pass(&f->world, 60 * MINUTE);
    assert_int_equal(entries(f), 0);
    assert_true(topic_is_there(f));
}

static void after_a_start_what_has_become_deletable_is_deleted(void **state)
{
    struct fixture *f = *state;

    set_retention(f, 30, -1);
    produce(f, 5);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(entries(f), 5);
    sim_wall_jump(f->world.sim, 31 * (int64_t)MINUTE);
    world_pass(&f->world, 5000);
    assert_int_equal(entries(f), 0);
}

static void a_jump_of_the_clock_is_noticed(void **state)
{
    struct fixture *f = *state;

    set_retention(f, 60, -1);
    produce(f, 5);
    world_pass(&f->world, 5 * MINUTE);
    sim_wall_jump(f->world.sim, 60 * (int64_t)MINUTE);
    world_pass(&f->world, 3000);
    assert_int_equal(entries(f), 1);
}

/* ---- policies ---- */

static void a_topics_policy_goes_over_its_namespaces_and_that_over_the_brokers(void **state)
{
    struct fixture *f = *state;
    const struct topic_name name = name_of(TOPIC);
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_TTL_S, 7);
    produce(f, 1);
    assert_int_equal(resolved(f).value[POLICY_RETENTION_MINUTES], 0);
    set_retention(f, 5, 6);
    assert_int_equal(resolved(f).value[POLICY_RETENTION_MINUTES], 5);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &p, &why), OK);
    assert_int_equal(resolved(f).value[POLICY_RETENTION_MB], 6);
    assert_int_equal(resolved(f).value[POLICY_TTL_S], 7);
    policies_remove(&p, POLICY_TTL_S);
    policies_put(&p, POLICY_RETENTION_MINUTES, -1);
    policies_put(&p, POLICY_RETENTION_MB, 8);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &p, &why), OK);
    assert_int_equal(resolved(f).value[POLICY_RETENTION_MINUTES], -1);
    assert_int_equal(resolved(f).value[POLICY_TTL_S], 0);
}

static void policies_survive_a_kill_and_the_settings_beside_them(void **state)
{
    struct fixture *f = *state;
    const struct topic_name name = name_of(TOPIC);
    struct policies p = {0};
    struct bytes space = bytes_of_text("public/default");
    struct broker_op op = {.done = world_done};
    struct refusal why;

    policies_put(&p, POLICY_TTL_S, 7);
    produce(f, 1);
    set_retention(f, 5, 6);
    assert_int_equal(namespace_set_settings(f->world.broker, space, bytes_of_text("{}"), &why), OK);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &p, &why), OK);
    broker_when_durable(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op).err, OK);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(resolved(f).value[POLICY_RETENTION_MINUTES], 5);
    assert_int_equal(resolved(f).value[POLICY_TTL_S], 7);
    assert_true(bytes_equal(namespace_settings(f->world.broker, space), bytes_of_text("{}")));
    produce(f, 1); /* it loads */
}

/* ---- expiry ---- */

static void messages_that_are_too_old_are_acknowledged_for_every_subscription(void **state)
{
    struct fixture *f = *state;

    set_ttl(f, 60);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 3);
    world_pass(&f->world, 50000);
    produce(f, 3);
    struct subscription *s = f->a.consumers[1]->subscription;
    assert_int_equal(cursor_backlog_entries(s->cursor), 6);
    world_pass(&f->world, 12000);
    assert_int_equal(cursor_backlog_entries(s->cursor), 3);
    assert_int_equal(cursor_backlog_messages(s->cursor), 3);
    assert_int_equal(s->entries_expired, 3);
    consumer_flow(f->a.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->a.received_count, 3);
    world_pass(&f->world, 60000);
    assert_int_equal(cursor_backlog_entries(s->cursor), 0);
}

static void without_a_subscription_nothing_expires(void **state)
{
    struct fixture *f = *state;

    set_ttl(f, 60);
    policies_put(&f->world.broker->options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&f->world.broker->options.policies, POLICY_RETENTION_MB, -1);
    produce(f, 5);
    world_pass(&f->world, 600000);
    assert_int_equal(entries(f), 5);
}

static void a_young_message_between_old_ones_stops_the_expiry(void **state)
{
    struct fixture *f = *state;
    static const int64_t ages[] = {100000, 100000, 0, 100000, 100000};

    f->world.broker->options.ledger_entries_max = 1000;
    set_ttl(f, 60);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    assert_int_equal(peer_produce(&f->a, 1, TOPIC, NULL).err, OK);
    for (size_t i = 0; i < 5; i++)
        peer_publish_one(&f->a, 1, 1, loop_wall_ms(f->world.broker->loop) - ages[i]);
    world_pass(&f->world, 5000);
    struct subscription *s = f->a.consumers[1]->subscription;
    assert_int_equal(cursor_backlog_entries(s->cursor), 3);
    world_pass(&f->world, 60000);
    assert_int_equal(cursor_backlog_entries(s->cursor), 0);
}

static void messages_of_a_topic_that_is_not_loaded_expire_too(void **state)
{
    struct fixture *f = *state;

    set_ttl(f, 3600);
    assert_int_equal(peer_subscribe(&f->a, 1, &durable).err, OK);
    produce(f, 5);
    producer_detach(f->a.producers[1]);
    consumer_detach(f->a.consumers[1]);
    world_pass(&f->world, 50 * MINUTE);
    assert_null(world_topic(&f->world, TOPIC));
    assert_int_equal(entries(f), 5);
    world_pass(&f->world, 12 * MINUTE);
    assert_int_equal(entries(f), 0);
    assert_false(timer_running(&f->world.broker->retention.timer));
}

static void what_a_consumer_holds_when_it_expires_is_no_more_owed(void **state)
{
    struct fixture *f = *state;
    struct subscribe shared = durable;

    shared.type = TYPE_SHARED;
    set_ttl(f, 60);
    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    consumer_flow(f->a.consumers[1], 100);
    produce(f, 5);
    assert_int_equal(f->a.consumers[1]->unacked, 5);
    world_pass(&f->world, 62000);
    assert_int_equal(f->a.consumers[1]->unacked, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_full_ledger_is_kept_open_until_it_is_not_too_young),
        TEST(a_big_ledger_is_closed_at_any_age),
        TEST(an_old_ledger_is_closed_though_nothing_is_published),
        TEST(a_ledger_without_publishes_is_closed_when_that_is_asked_for),
        TEST(a_consumed_topic_gives_back_even_its_last_ledger_when_that_is_closed),
        TEST(a_durable_subscription_holds_what_it_has_not_read),
        TEST(a_reader_that_reads_is_not_overtaken),
        TEST(a_shared_reader_that_acknowledges_is_not_overtaken),
        TEST(a_reader_that_left_holds_nothing),
        TEST(a_reader_that_stands_still_is_moved_forward),
        TEST(a_shared_reader_owes_nothing_for_what_is_gone),
        TEST(retention_by_time_keeps_a_ledger_so_long_after_its_end),
        TEST(without_a_limit_everything_is_kept),
        TEST(zero_in_either_keeps_nothing),
        TEST(retention_by_size_keeps_so_much),
        TEST(a_topic_that_is_not_loaded_is_trimmed_when_its_time_has_come),
        TEST(a_topic_that_nobody_uses_is_kept_as_long_as_its_data_and_goes_with_them),
        TEST(a_topic_whose_data_are_kept_for_ever_is_never_deleted),
        TEST(an_empty_topic_with_a_subscription_is_not_deleted),
        TEST(after_a_start_what_has_become_deletable_is_deleted),
        TEST(a_jump_of_the_clock_is_noticed),
        TEST(a_topics_policy_goes_over_its_namespaces_and_that_over_the_brokers),
        TEST(policies_survive_a_kill_and_the_settings_beside_them),
        TEST(messages_that_are_too_old_are_acknowledged_for_every_subscription),
        TEST(without_a_subscription_nothing_expires),
        TEST(a_young_message_between_old_ones_stops_the_expiry),
        TEST(messages_of_a_topic_that_is_not_loaded_expire_too),
        TEST(what_a_consumer_holds_when_it_expires_is_no_more_owed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
