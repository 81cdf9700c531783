/* SPDX-License-Identifier: Apache-2.0
 *
 * session_test.c - connections, over a simulated network: what time, cuts and backpressure do to them.
 *
 * What each command is answered with is told in bytes by tests/interop/test_wire_bytes.py.
 */
#include "base/base_test.h"
#include "session/fixture.h"
#include "session/session_private.h"

#include <stdio.h>

#define TOPIC   "persistent://public/default/t"
#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t

static int set_up(void **state)
{
    *state = fixture_new(23);
    return 0;
}

static struct server_stats stats(struct fixture *f)
{
    struct server_stats s;

    server_stats_get(f->world.server, &s);
    return s;
}

static void a_client_that_says_nothing_is_let_go_after_the_handshake_time(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    session_world_pass(&f->world, 29000);
    assert_false(f->a.closed);
    session_world_pass(&f->world, 3000);
    assert_true(f->a.closed);
}

static void a_client_that_does_not_answer_a_ping_is_let_go(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    session_world_pass(&f->world, 32000);
    assert_int_equal(client_count(&f->a, TYPE(PING)), 1);
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
    client_send(&f->b, TYPE(PONG), &pong);
    session_world_pass(&f->world, 31000);
    assert_true(f->a.closed);
    assert_false(f->b.closed);
}

static void garbage_costs_its_own_connection_only(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    client_send_bytes(&f->a, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_true(client_is_closed(&f->a));
    Wire__CommandPing ping = WIRE__COMMAND_PING__INIT;
    client_send(&f->b, TYPE(PING), &ping);
    assert_non_null(client_expect(&f->b, TYPE(PONG)));
    assert_int_equal(stats(f).connections, 1);
}

static void a_connection_that_is_cut_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_subscribe(&f->a, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                     TYPE(SUCCESS));
    for (uint64_t i = 0; i < 50; i++)
        client_send_entry(&f->a, 1, i, 100);
    session_world_pass(&f->world, 1);
    client_free(&f->a);
    session_world_pass(&f->world, 1000);
    assert_int_equal(stats(f).connections, 1);
    assert_int_equal(client_produce(&f->b, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_subscribe(&f->b, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                     TYPE(SUCCESS));
}

static void a_connection_that_is_cut_while_the_broker_works_for_it_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;

    session_world_open(&f->world);
    subscribe.topic = producer.topic = wire_text(TOPIC);
    subscribe.subscription = wire_text("s");
    producer.producer_name = wire_text("p");
    for (unsigned steps = 0; steps < 60; steps++) {
        struct client c;
        client_connect(&c, &f->world);
        client_handshake(&c);
        client_send(&c, TYPE(SUBSCRIBE), &subscribe);
        client_send(&c, TYPE(PRODUCER), &producer);
        for (unsigned i = 0; i < steps; i++)
            (void)sim_step(f->world.sim);
        client_free(&c);
        session_world_pass(&f->world, 100);
        assert_int_equal(stats(f).connections, 0);
    }
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
}

static void a_rival_that_is_silent_loses_its_place(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    assert_int_equal(client_subscribe(&f->a, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                     TYPE(SUCCESS));
    uint64_t before = sim_now_ns(f->world.sim);
    assert_int_equal(client_subscribe(&f->b, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                     TYPE(SUCCESS)); /* a does not answer the ping */
    assert_true(sim_now_ns(f->world.sim) - before >= 5000 * NS_PER_MS);
    assert_true(client_is_closed(&f->a));
}

static void reading_pauses_while_too_many_publishes_are_under_way(void **state)
{
    struct fixture *f = *state;

    f->world.options.pending_sends_max = 10;
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    for (uint64_t i = 0; i < 500; i++)
        client_send_entry(&f->a, 1, i, 100);
    for (unsigned receipts = 0; receipts < 500; receipts++) {
        struct broker_stats counts;
        broker_stats_get(f->world.broker, &counts);
        assert_true(counts.pending_publishes <= 11);
        const Wire__BaseCommand *receipt = client_expect(&f->a, TYPE(SEND_RECEIPT));
        assert_non_null(receipt);
        assert_int_equal(receipt->send_receipt->sequence_id, receipts);
    }
}

static void a_peer_that_we_do_not_read_is_not_taken_for_silent(void **state)
{
    struct fixture *f = *state;

    f->world.options.pending_sends_max = 1;
    f->world.options.keep_alive_ms = 1000;
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    sim_slow(f->world.sim, 3600 * 1000);
    for (uint64_t i = 0; i < 20; i++)
        client_send_entry(&f->a, 1, i, 100);
    session_world_pass(&f->world, 10 * 1000);
    assert_false(client_is_closed(&f->a));
    sim_slow(f->world.sim, 0);
    session_world_pass(&f->world, 7200 * 1000);
    assert_true(client_is_closed(&f->a)); /* it never answered */
}

static void a_message_larger_than_the_budget_left_waits_and_comes(void **state)
{
    struct fixture *f = *state;

    f->world.options.receive_bytes_max = 1024 * 1024;
    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_produce(&f->b, 1, TOPIC, "q"), TYPE(PRODUCER_SUCCESS));
    for (uint64_t i = 0; i < 5; i++) {
        client_send_entry(&f->a, 1, i, 700000);
        client_send_entry(&f->b, 1, i, 700000);
    }
    for (uint64_t i = 0; i < 5; i++) {
        assert_non_null(client_expect(&f->a, TYPE(SEND_RECEIPT)));
        assert_non_null(client_expect(&f->b, TYPE(SEND_RECEIPT)));
    }
}

static const struct budget *budget_of(struct fixture *f, const char *name)
{
    const struct budget *all[STORE_BUDGETS + SERVER_BUDGETS];

    store_budgets(f->world.store, all);
    server_budgets(f->world.server, all + STORE_BUDGETS);
    for (size_t i = 0; i < STORE_BUDGETS + SERVER_BUDGETS; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    fail_msg("no budget %s", name);
    return NULL;
}

static uint64_t syncs(struct fixture *f)
{
    struct store_stats stats;

    store_stats(f->world.store, &stats);
    return stats.syncs;
}

static void a_lone_publish_waits_for_few_syncs_beside_one_who_sends_all_it_can(void **state)
{
    struct fixture *f = *state;

    f->world.journal_pending_bytes = 256 * 1024;
    f->world.options.pending_sends_max = 100000;
    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "greedy"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_produce(&f->b, 1, "persistent://public/default/lone", "lone"), TYPE(PRODUCER_SUCCESS));
    for (uint64_t i = 0; i < 5000; i++)
        client_send_entry(&f->a, 1, i, 3000);
    for (uint64_t i = 0; i < 10; i++) {
        const uint64_t before = syncs(f);
        client_send_entry(&f->b, 1, i, 100);
        assert_non_null(client_expect(&f->b, TYPE(SEND_RECEIPT)));
        assert_true(syncs(f) - before <= 20); /* its way there and back included */
    }
    assert_true(client_count(&f->a, TYPE(SEND_RECEIPT)) < 5000); /* it was beside */
    for (uint64_t i = 0; i < 5000; i++)
        assert_non_null(client_expect(&f->a, TYPE(SEND_RECEIPT)));
}

static void what_waits_for_the_journal_stays_within_its_budget_and_nobody_is_refused(void **state)
{
    struct fixture *f = *state;
    struct broker_stats counts;
    struct client c[6];

    f->world.journal_pending_bytes = 256 * 1024;
    session_world_open(&f->world);
    const struct budget *journal = budget_of(f, "journal");
    for (int i = 0; i < 6; i++) {
        client_connect(&c[i], &f->world);
        client_handshake(&c[i]);
        assert_int_equal(client_produce(&c[i], 1, TOPIC, NULL), TYPE(PRODUCER_SUCCESS));
        for (uint64_t n = 0; n < 200; n++)
            client_send_entry(&c[i], 1, n, (n * 7919) % 30000);
    }
    while (sim_now_ns(f->world.sim) < 20000000000u && sim_step(f->world.sim))
        assert_true(journal->used <= journal->limit + 31000);
    for (int i = 0; i < 6; i++) {
        for (uint64_t n = 0; n < 200; n++) {
            const Wire__BaseCommand *receipt = client_expect(&c[i], TYPE(SEND_RECEIPT));
            assert_non_null(receipt);
            assert_int_equal(receipt->send_receipt->sequence_id, n);
        }
        client_free(&c[i]);
    }
    broker_stats_get(f->world.broker, &counts);
    assert_int_equal(counts.publish_failures, 0);
}

static void a_consumer_that_reads_nothing_costs_its_queue_and_no_more(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    const struct budget *output = budget_of(f, "output");
    assert_int_equal(client_subscribe(&f->a, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                     TYPE(SUCCESS));
    assert_int_equal(client_produce(&f->b, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    conn_read_stop(f->a.conn);
    client_flow(&f->a, 1, 100000);
    for (uint64_t i = 0; i < 300; i++) {
        client_send_entry(&f->b, 1, i, 20000);
        assert_non_null(client_expect(&f->b, TYPE(SEND_RECEIPT)));
        assert_true(output->used <= OUTPUT_HIGH + 30000);
    }
    assert_true(output->used > OUTPUT_HIGH / 2);
}

static void a_consumer_whose_peer_does_not_read_is_served_when_it_does(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    assert_int_equal(client_subscribe(&f->a, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared), TYPE(SUCCESS));
    assert_int_equal(client_produce(&f->b, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    conn_read_stop(f->a.conn);
    client_flow(&f->a, 1, 1000);
    for (uint64_t i = 0; i < 30; i++)
        client_send_entry(&f->b, 1, i, 100000);
    for (uint64_t i = 0; i < 30; i++)
        assert_non_null(client_expect(&f->b, TYPE(SEND_RECEIPT)));
    struct broker_stats counts;
    broker_stats_get(f->world.broker, &counts);
    assert_true(counts.messages_out < 30);

    conn_read_start(f->a.conn);
    for (uint64_t i = 0; i < 30; i++) {
        const Wire__BaseCommand *message = client_expect(&f->a, TYPE(MESSAGE));
        assert_non_null(message);
        assert_int_equal(message->message->message_id->entry_id, i);
        assert_true(f->a.entry.len > 100000);
    }
}

static void what_is_not_kept_is_dropped_while_the_receipts_before_it_are_not_taken(void **state)
{
    struct fixture *f = *state;
    const char *topic = "non-persistent://public/default/n";
    unsigned dropped = 0;

    f->world.options.non_persistent_pending_max = 5;
    fixture_open_two(f);
    assert_int_equal(client_subscribe(&f->a, 1, topic, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                     TYPE(SUCCESS));
    assert_int_equal(client_produce(&f->a, 1, topic, "p"), TYPE(PRODUCER_SUCCESS));
    client_flow(&f->a, 1, 1000);
    conn_read_stop(f->a.conn); /* what it sent itself fills the way back */
    for (uint64_t i = 0; i < 200; i++) {
        client_send_entry(&f->a, 1, i, 20000);
        session_world_pass(&f->world, 10);
    }
    conn_read_start(f->a.conn);
    for (uint64_t i = 0; i < 200; i++) {
        const Wire__BaseCommand *receipt = client_expect(&f->a, TYPE(SEND_RECEIPT));
        assert_non_null(receipt);
        assert_int_equal(receipt->send_receipt->sequence_id, i);
        const Wire__MessageIdData *id = receipt->send_receipt->message_id;
        assert_true(id->ledger_id == id->entry_id && (id->ledger_id == 0 || id->ledger_id == UINT64_MAX));
        dropped += id->ledger_id != 0;
    }
    assert_in_range(dropped, 1, 199);

    client_send_entry(&f->a, 1, 200, 100); /* all is taken: it is passed on again */
    assert_int_equal(client_expect(&f->a, TYPE(SEND_RECEIPT))->send_receipt->message_id->ledger_id, 0);
}

static void reading_compacted_is_for_one_consumer_at_a_time_and_for_what_is_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *topic;
        Wire__CommandSubscribe__SubType type;
        int answer;
    } cases[] = {
        {TOPIC, WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive, TYPE(SUCCESS)},
        {TOPIC, WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Failover, TYPE(SUCCESS)},
        {TOPIC, WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared, TYPE(ERROR)},
        {TOPIC, WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Key_Shared, TYPE(ERROR)},
        {"non-persistent://public/default/n", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive, TYPE(ERROR)},
    };

    fixture_open_two(f);
    for (uint64_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;
        char name[8];
        (void)snprintf(name, sizeof name, "s%d", (int)i);
        subscribe.topic = wire_text(cases[i].topic);
        subscribe.subscription = name;
        subscribe.sub_type = cases[i].type;
        subscribe.consumer_id = i;
        subscribe.request_id = 100 + i;
        subscribe.has_read_compacted = true;
        subscribe.read_compacted = true;
        client_send(&f->a, TYPE(SUBSCRIBE), &subscribe);
        const Wire__BaseCommand *answer = client_expect(&f->a, (Wire__BaseCommand__Type)cases[i].answer);
        assert_non_null(answer);
        if (cases[i].answer == TYPE(ERROR))
            assert_int_equal(answer->error->error, WIRE__SERVER_ERROR__NotAllowedError);
    }
}

static void sends_under_way_when_a_topic_is_unloaded_do_not_end_the_connection(void **state)
{
    struct fixture *f = *state;
    struct topic_op op = {.op.done = NULL};

    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(topic_name_parse(&op.name, bytes_of_text(TOPIC)), OK);
    struct topic *t = topic_find(f->world.broker, &op.name);
    client_send_entry(&f->a, 1, 0, 100);
    topic_close(t, false, NULL);
    client_send_entry(&f->a, 1, 1, 100);
    assert_non_null(client_expect(&f->a, TYPE(CLOSE_PRODUCER)));
    client_send_entry(&f->a, 1, 2, 100);
    session_world_pass(&f->world, 1000);
    assert_false(f->a.closed);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
}

static void a_send_to_a_producer_that_never_was_ends_the_connection(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    client_send_entry(&f->a, 77, 0, 100);
    assert_true(client_is_closed(&f->a));
}

static void stopping_tells_clients_to_look_up_again_and_then_hangs_up(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_subscribe(&f->b, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared), TYPE(SUCCESS));
    client_send_entry(&f->a, 1, 0, 100);
    session_world_pass(&f->world, 5);
    session_world_stop(&f->world);
    assert_int_equal(stats(f).connections, 0);
    assert_non_null(client_expect(&f->a, TYPE(SEND_RECEIPT)));
    assert_non_null(client_expect(&f->a, TYPE(CLOSE_PRODUCER)));
    assert_non_null(client_expect(&f->b, TYPE(CLOSE_CONSUMER)));
    assert_true(client_is_closed(&f->a));
    assert_true(client_is_closed(&f->b));
}

/* ---- acknowledgements that ask for an answer ---- */

#define SHARED    WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared
#define EXCLUSIVE WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive

/* ---- ranges of keys ---- */

/* The answer's type; of an ERROR its code. */
static int subscribe_sticky(struct client *c, uint64_t id, int32_t first, int32_t last)
{
    Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;
    Wire__KeySharedMeta meta = WIRE__KEY_SHARED_META__INIT;
    Wire__IntRange range = WIRE__INT_RANGE__INIT, *ranges[] = {&range};
    char topic[] = TOPIC, subscription[] = "s";

    range.start = first;
    range.end = last;
    meta.key_shared_mode = WIRE__KEY_SHARED_MODE__STICKY;
    meta.n_hash_ranges = 1;
    meta.hash_ranges = ranges;
    subscribe.topic = topic;
    subscribe.subscription = subscription;
    subscribe.sub_type = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Key_Shared;
    subscribe.consumer_id = id;
    subscribe.request_id = c->next_request++;
    subscribe.key_shared_meta = &meta;
    client_send(c, TYPE(SUBSCRIBE), &subscribe);
    const Wire__BaseCommand *command = client_expect(c, last < first || id > 1 ? TYPE(ERROR) : TYPE(SUCCESS));
    return command->type == TYPE(ERROR) ? (int)command->error->error : -1;
}

static void ranges_of_keys_that_conflict_are_a_consumer_assign_error(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    assert_int_equal(subscribe_sticky(&f->a, 1, 0, 100), -1);
    assert_int_equal(subscribe_sticky(&f->a, 2, 100, 200), WIRE__SERVER_ERROR__ConsumerAssignError);
    assert_int_equal(subscribe_sticky(&f->a, 3, 7, 6), WIRE__SERVER_ERROR__ConsumerAssignError);
    assert_int_equal(subscribe_sticky(&f->b, 1, 101, 65535), -1);
}

/* `n` entries, sent and received; their ids. */
static void receive_entries(struct fixture *f, Wire__CommandSubscribe__SubType type, Wire__MessageIdData *ids,
                            unsigned n)
{
    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_subscribe(&f->b, 1, TOPIC, "s", type), TYPE(SUCCESS));
    client_flow(&f->b, 1, n);
    for (unsigned i = 0; i < n; i++) {
        client_send_entry(&f->a, 1, i, 100);
        const Wire__BaseCommand *message = client_expect(&f->b, TYPE(MESSAGE));
        assert_non_null(message);
        ids[i] = (Wire__MessageIdData)WIRE__MESSAGE_ID_DATA__INIT;
        ids[i].ledger_id = message->message->message_id->ledger_id;
        ids[i].entry_id = message->message->message_id->entry_id;
    }
}

/* Asks with request 77, and has the power cut the moment that the answer came. */
static void acknowledge_and_cut(struct fixture *f, Wire__CommandAck__AckType type, Wire__MessageIdData **ids, size_t n)
{
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;

    ack.consumer_id = 1;
    ack.ack_type = type;
    ack.n_message_id = n;
    ack.message_id = ids;
    ack.has_request_id = true;
    ack.request_id = 77;
    client_send(&f->b, TYPE(ACK), &ack);
    const Wire__BaseCommand *answer = client_expect(&f->b, TYPE(ACK_RESPONSE));
    assert_non_null(answer);
    assert_int_equal(answer->ack_response->request_id, 77);
    assert_false(answer->ack_response->has_error);
    session_world_power_cut(&f->world);
}

/* What the subscription gives after the cut: these, and then nothing. */
static void expect_again(struct fixture *f, Wire__CommandSubscribe__SubType type, Wire__MessageIdData **ids, size_t n)
{
    client_free(&f->b);
    client_connect(&f->b, &f->world);
    client_handshake(&f->b);
    assert_int_equal(client_subscribe(&f->b, 1, TOPIC, "s", type), TYPE(SUCCESS));
    client_flow(&f->b, 1, 100);
    for (size_t i = 0; i < n; i++) {
        const Wire__BaseCommand *message = client_expect(&f->b, TYPE(MESSAGE));
        assert_non_null(message);
        assert_int_equal(message->message->message_id->ledger_id, ids[i]->ledger_id);
        assert_int_equal(message->message->message_id->entry_id, ids[i]->entry_id);
    }
    session_world_pass(&f->world, 2000);
    assert_int_equal(client_count(&f->b, TYPE(MESSAGE)), 0);
}

static void an_answered_acknowledgement_of_one_message_survives_a_power_cut(void **state)
{
    struct fixture *f = *state;
    Wire__MessageIdData ids[3];

    receive_entries(f, SHARED, ids, 3);
    acknowledge_and_cut(f, WIRE__COMMAND_ACK__ACK_TYPE__Individual, (Wire__MessageIdData *[]){&ids[1]}, 1);
    expect_again(f, SHARED, (Wire__MessageIdData *[]){&ids[0], &ids[2]}, 2);
}

static void an_answered_acknowledgement_of_a_list_survives_a_power_cut_whole(void **state)
{
    struct fixture *f = *state;
    Wire__MessageIdData ids[8];

    receive_entries(f, SHARED, ids, 8);
    acknowledge_and_cut(f, WIRE__COMMAND_ACK__ACK_TYPE__Individual,
                        (Wire__MessageIdData *[]){&ids[6], &ids[0], &ids[3], &ids[1], &ids[6]}, 5);
    expect_again(f, SHARED, (Wire__MessageIdData *[]){&ids[2], &ids[4], &ids[5], &ids[7]}, 4);
}

static void an_answered_cumulative_acknowledgement_survives_a_power_cut(void **state)
{
    struct fixture *f = *state;
    Wire__MessageIdData ids[6];

    receive_entries(f, EXCLUSIVE, ids, 6);
    acknowledge_and_cut(f, WIRE__COMMAND_ACK__ACK_TYPE__Cumulative, (Wire__MessageIdData *[]){&ids[3]}, 1);
    expect_again(f, EXCLUSIVE, (Wire__MessageIdData *[]){&ids[4], &ids[5]}, 2);
}

static void an_acknowledgement_of_what_is_acknowledged_is_answered_when_the_first_one_is_durable(void **state)
{
    struct fixture *f = *state;
    Wire__MessageIdData ids[2];
    Wire__MessageIdData *first[] = {&ids[0]};
    Wire__CommandAck unanswered = WIRE__COMMAND_ACK__INIT;

    receive_entries(f, SHARED, ids, 2);
    unanswered.consumer_id = 1;
    unanswered.n_message_id = 1;
    unanswered.message_id = first;
    client_send(&f->b, TYPE(ACK), &unanswered); /* waits for a batch to ride on */
    acknowledge_and_cut(f, WIRE__COMMAND_ACK__ACK_TYPE__Individual, first, 1);
    expect_again(f, SHARED, (Wire__MessageIdData *[]){&ids[1]}, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_says_nothing_is_let_go_after_the_handshake_time),
        TEST(a_client_that_does_not_answer_a_ping_is_let_go),
        TEST(garbage_costs_its_own_connection_only),
        TEST(a_connection_that_is_cut_leaves_nothing_behind),
        TEST(a_connection_that_is_cut_while_the_broker_works_for_it_leaves_nothing_behind),
        TEST(a_rival_that_is_silent_loses_its_place),
        TEST(reading_pauses_while_too_many_publishes_are_under_way),
        TEST(a_peer_that_we_do_not_read_is_not_taken_for_silent),
        TEST(a_message_larger_than_the_budget_left_waits_and_comes),
        TEST(a_lone_publish_waits_for_few_syncs_beside_one_who_sends_all_it_can),
        TEST(what_waits_for_the_journal_stays_within_its_budget_and_nobody_is_refused),
        TEST(a_consumer_that_reads_nothing_costs_its_queue_and_no_more),
        TEST(a_consumer_whose_peer_does_not_read_is_served_when_it_does),
        TEST(what_is_not_kept_is_dropped_while_the_receipts_before_it_are_not_taken),
        TEST(reading_compacted_is_for_one_consumer_at_a_time_and_for_what_is_kept),
        TEST(sends_under_way_when_a_topic_is_unloaded_do_not_end_the_connection),
        TEST(a_send_to_a_producer_that_never_was_ends_the_connection),
        TEST(an_answered_acknowledgement_of_one_message_survives_a_power_cut),
        TEST(an_answered_acknowledgement_of_a_list_survives_a_power_cut_whole),
        TEST(an_answered_cumulative_acknowledgement_survives_a_power_cut),
        TEST(an_acknowledgement_of_what_is_acknowledged_is_answered_when_the_first_one_is_durable),
        TEST(stopping_tells_clients_to_look_up_again_and_then_hangs_up),
        TEST(ranges_of_keys_that_conflict_are_a_consumer_assign_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
