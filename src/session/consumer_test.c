/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_test.c - what a client is told about its consumers, on the bytes: acknowledgements of parts of batches,
 * seeks, the last message id, limits, statistics, and what clients of old versions understand.
 */
#include "base/base_test.h"
#include "broker/properties.h"
#include "session/fixture.h"
#include "session/session_private.h"
#include "wire/delivery.h"
#include "wire/publish.h"

#include <stdio.h>
#include <stdlib.h>

#define TOPIC   "persistent://public/default/t"
#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t
#define CODE(c) WIRE__SERVER_ERROR__##c
#define SHARED  WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared
#define ALONE   WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive
#define BACKUP  WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Failover

static void handshake(struct client *c, int version)
{
    Wire__CommandConnect connect = WIRE__COMMAND_CONNECT__INIT;

    connect.client_version = wire_text("old");
    connect.has_protocol_version = true;
    connect.protocol_version = version;
    client_send(c, TYPE(CONNECT), &connect);
    assert_non_null(client_expect(c, TYPE(CONNECTED)));
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(29);

    f->world.broker_options.batch_index_acks = true;
    session_world_open(&f->world);
    client_connect(&f->producer, &f->world);
    client_handshake(&f->producer);
    assert_int_equal(client_produce(&f->producer, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    client_connect(&f->a, &f->world);
    client_connect(&f->b, &f->world);
    *state = f;
    return 0;
}

/* One entry of `messages` messages, of which the broker opens none; its position. */
static struct message_id publish(struct fixture *f, uint64_t sequence, int messages)
{
    const struct send send = {.producer_id = 1, .sequence_id = sequence, .messages = messages};
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t packed[100], bytes[SEND_HEAD_MAX + 200], payload[8] = {0};

    metadata.producer_name = wire_text("p");
    metadata.sequence_id = sequence;
    metadata.publish_time = 1000 + sequence;
    metadata.has_num_messages_in_batch = messages > 1;
    metadata.num_messages_in_batch = messages;
    const size_t packed_len = wire__message_metadata__pack(&metadata, packed);
    const size_t len = send_head_encode(bytes, &send, bytes_of(packed, packed_len), bytes_of(payload, 8));
    memcpy(bytes + len, packed, packed_len);
    memcpy(bytes + len + packed_len, payload, 8);
    client_send_bytes(&f->producer, bytes, len + packed_len + 8);
    const Wire__BaseCommand *receipt = client_expect(&f->producer, TYPE(SEND_RECEIPT));
    assert_non_null(receipt);
    return message_id_from(receipt->send_receipt->message_id);
}

static void join(struct client *c, uint64_t id, Wire__CommandSubscribe__SubType type, uint32_t permits)
{
    assert_int_equal(client_subscribe(c, id, TOPIC, "s", type), TYPE(SUCCESS));
    if (permits > 0)
        client_flow(c, id, permits);
}

static const Wire__CommandMessage *expect_message(struct client *c, const struct message_id *id)
{
    const Wire__BaseCommand *command = client_expect(c, TYPE(MESSAGE));

    assert_non_null(command);
    assert_int_equal(command->message->message_id->ledger_id, id->ledger);
    assert_int_equal(command->message->message_id->entry_id, id->entry);
    return command->message;
}

/* Acknowledges with an answer: the error, or -1. */
static int ack(struct client *c, uint64_t consumer, const struct message_id *id, const uint64_t *left, size_t words,
               Wire__CommandAck__AckType type)
{
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;
    Wire__MessageIdData data, *ids[] = {&data};
    int64_t copy[2048];

    message_id_to(id, &data);
    for (size_t i = 0; i < words; i++)
        copy[i] = (int64_t)left[i];
    data.n_ack_set = words;
    data.ack_set = copy;
    ack.consumer_id = consumer;
    ack.ack_type = type;
    ack.n_message_id = 1;
    ack.message_id = ids;
    ack.has_request_id = true;
    ack.request_id = c->next_request++;
    client_send(c, TYPE(ACK), &ack);
    const Wire__BaseCommand *answer = client_expect(c, TYPE(ACK_RESPONSE));
    assert_non_null(answer);
    assert_int_equal(answer->ack_response->request_id, ack.request_id);
    return answer->ack_response->has_error ? (int)answer->ack_response->error : -1;
}

#define INDIVIDUAL WIRE__COMMAND_ACK__ACK_TYPE__Individual
#define CUMULATIVE WIRE__COMMAND_ACK__ACK_TYPE__Cumulative

static void redeliver_all(struct client *c, uint64_t consumer)
{
    Wire__CommandRedeliverUnacknowledgedMessages again = WIRE__COMMAND_REDELIVER_UNACKNOWLEDGED_MESSAGES__INIT;

    again.consumer_id = consumer;
    client_send(c, TYPE(REDELIVER_UNACKNOWLEDGED_MESSAGES), &again);
}

/* ---- parts of batches ---- */

static void a_message_s_ack_set_tells_what_is_left_of_its_batch(void **state)
{
    struct fixture *f = *state;
    const uint64_t left[] = {0xff00ff00ff00ff00, 0x3};

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 100);
    const struct message_id id = publish(f, 1, 70);
    assert_int_equal(expect_message(&f->a, &id)->n_ack_set, 0);
    assert_int_equal(ack(&f->a, 1, &id, left, 2, INDIVIDUAL), -1);
    redeliver_all(&f->a, 1);
    const Wire__CommandMessage *again = expect_message(&f->a, &id);
    assert_int_equal(again->n_ack_set, 2);
    assert_true((uint64_t)again->ack_set[0] == left[0]);
    assert_true((uint64_t)again->ack_set[1] == left[1]);
    assert_int_equal(again->redelivery_count, 1);
}

static void the_permits_are_charged_with_what_is_left(void **state)
{
    struct fixture *f = *state;
    const uint64_t left = 1;

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 10);
    const struct message_id first = publish(f, 1, 10), second = publish(f, 2, 10);
    expect_message(&f->a, &first);
    assert_int_equal(ack(&f->a, 1, &first, &left, 1, INDIVIDUAL), -1);
    assert_int_equal(client_count(&f->a, TYPE(MESSAGE)), 0);
    redeliver_all(&f->a, 1);
    client_flow(&f->a, 1, 2); /* one for what is left of the first, one for all of the second */
    assert_int_equal(expect_message(&f->a, &first)->n_ack_set, 1);
    expect_message(&f->a, &second);
}

static void an_ack_set_that_cannot_be_kept_is_answered_with_an_error(void **state)
{
    static uint64_t left[CURSOR_LEFT_WORDS + 1] = {1};
    struct fixture *f = *state;

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 100);
    const struct message_id id = publish(f, 1, 10);
    expect_message(&f->a, &id);
    assert_int_equal(ack(&f->a, 1, &id, left, CURSOR_LEFT_WORDS + 1, INDIVIDUAL), CODE(NotAllowedError));
    assert_int_equal(ack(&f->a, 1, &id, left, CURSOR_LEFT_WORDS, INDIVIDUAL), -1);
}

static void acknowledgements_of_ids_that_are_gone_or_never_were_are_answered_well(void **state)
{
    const struct message_id nowhere = MESSAGE_ID_OF(4711, 12), negative = MESSAGE_ID_OF(-1, -1);
    struct fixture *f = *state;
    const uint64_t left = 1;

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 100);
    struct message_id id = publish(f, 1, 10);
    expect_message(&f->a, &id);
    assert_int_equal(ack(&f->a, 1, &id, NULL, 0, INDIVIDUAL), -1);
    assert_int_equal(ack(&f->a, 1, &id, NULL, 0, INDIVIDUAL), -1);
    assert_int_equal(ack(&f->a, 1, &id, &left, 1, INDIVIDUAL), -1);
    assert_int_equal(ack(&f->a, 1, &nowhere, NULL, 0, INDIVIDUAL), -1);
    assert_int_equal(ack(&f->a, 1, &nowhere, &left, 1, INDIVIDUAL), -1);
    assert_int_equal(ack(&f->a, 1, &negative, &left, 1, INDIVIDUAL), -1);
    id.entry += 100;
    assert_int_equal(ack(&f->a, 1, &id, &left, 1, INDIVIDUAL), -1);
    assert_int_equal(ack(&f->a, 1, &id, NULL, 0, CUMULATIVE), -1); /* shared: ignored */
}

/* ---- seeks, and the last message id ---- */

static uint64_t seek(struct client *c, uint64_t consumer, const struct message_id *id, uint64_t left)
{
    Wire__CommandSeek seek = WIRE__COMMAND_SEEK__INIT;
    Wire__MessageIdData data;
    int64_t word = (int64_t)left;

    message_id_to(id, &data);
    data.n_ack_set = left ? 1 : 0;
    data.ack_set = &word;
    seek.consumer_id = consumer;
    seek.request_id = c->next_request++;
    seek.message_id = &data;
    client_send(c, TYPE(SEEK), &seek);
    return seek.request_id;
}

static void a_seek_closes_the_consumers_and_the_first_message_is_the_one_that_was_sought(void **state)
{
    struct fixture *f = *state;

    client_handshake(&f->a);
    client_handshake(&f->b);
    join(&f->a, 1, BACKUP, 100);
    join(&f->b, 7, BACKUP, 0);
    const struct message_id first = publish(f, 1, 10), second = publish(f, 2, 10);
    (void)first;
    const uint64_t request = seek(&f->a, 1, &second, 0x3f0);
    const Wire__BaseCommand *closed = client_expect(&f->b, TYPE(CLOSE_CONSUMER));
    assert_non_null(closed);
    assert_int_equal(closed->close_consumer->consumer_id, 7);
    assert_non_null(client_expect(&f->a, TYPE(CLOSE_CONSUMER)));
    const Wire__BaseCommand *success = client_expect(&f->a, TYPE(SUCCESS));
    assert_non_null(success);
    assert_int_equal(success->success->request_id, request);
    join(&f->a, 1, ALONE, 100);
    const Wire__CommandMessage *message = expect_message(&f->a, &second);
    assert_int_equal(message->n_ack_set, 1);
    assert_int_equal(message->ack_set[0], 0x3f0);
}

static void of_two_seeks_at_once_the_second_finds_no_consumer_or_is_refused(void **state)
{
    struct fixture *f = *state;

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 0);
    join(&f->a, 2, SHARED, 0);
    const struct message_id id = publish(f, 1, 1);
    const uint64_t first = seek(&f->a, 1, &id, 0), second = seek(&f->a, 2, &id, 0);
    const Wire__BaseCommand *error = client_expect(&f->a, TYPE(ERROR));
    assert_non_null(error);
    assert_int_equal(error->error->request_id, second);
    const Wire__BaseCommand *success = client_expect(&f->a, TYPE(SUCCESS));
    assert_non_null(success);
    assert_int_equal(success->success->request_id, first);
}

static void a_seek_before_what_is_there_begins_with_the_first_entry(void **state)
{
    const struct message_id long_gone = MESSAGE_ID_OF(0, 3);
    struct fixture *f = *state;

    client_handshake(&f->a);
    join(&f->a, 1, ALONE, 100);
    const struct message_id id = publish(f, 1, 1);
    expect_message(&f->a, &id);
    seek(&f->a, 1, &long_gone, 0);
    assert_non_null(client_expect(&f->a, TYPE(SUCCESS)));
    join(&f->a, 1, ALONE, 100);
    expect_message(&f->a, &id);
}

static const Wire__CommandGetLastMessageIdResponse *last_id(struct client *c, uint64_t consumer)
{
    Wire__CommandGetLastMessageId ask = WIRE__COMMAND_GET_LAST_MESSAGE_ID__INIT;

    ask.consumer_id = consumer;
    ask.request_id = c->next_request++;
    client_send(c, TYPE(GET_LAST_MESSAGE_ID), &ask);
    const Wire__BaseCommand *answer = client_expect(c, TYPE(GET_LAST_MESSAGE_ID_RESPONSE));
    assert_non_null(answer);
    assert_int_equal(answer->get_last_message_id_response->request_id, ask.request_id);
    return answer->get_last_message_id_response;
}

static void the_last_message_id_is_of_the_last_message_and_the_mark_delete_position_comes_with_it(void **state)
{
    struct fixture *f = *state;
    const uint64_t left = 1;

    client_handshake(&f->a);
    join(&f->a, 1, ALONE, 100);
    const Wire__CommandGetLastMessageIdResponse *r = last_id(&f->a, 1);
    assert_int_equal((int64_t)r->last_message_id->ledger_id, -1);
    assert_int_equal((int64_t)r->last_message_id->entry_id, -1);
    const struct message_id first = publish(f, 1, 1), second = publish(f, 2, 10);
    r = last_id(&f->a, 1);
    assert_int_equal(r->last_message_id->ledger_id, second.ledger);
    assert_int_equal(r->last_message_id->entry_id, second.entry);
    assert_int_equal(r->last_message_id->batch_index, 9);
    assert_int_equal(ack(&f->a, 1, &second, &left, 1, CUMULATIVE), -1);
    r = last_id(&f->a, 1);
    assert_int_equal(r->consumer_mark_delete_position->ledger_id, first.ledger);
    assert_int_equal(r->consumer_mark_delete_position->entry_id, first.entry);
    publish(f, 3, 1);
    assert_int_equal(last_id(&f->a, 1)->last_message_id->batch_index, -1);
}

/* ---- SUBSCRIBE ---- */

static Wire__CommandSubscribe asking(struct client *c, uint64_t id, Wire__CommandSubscribe__SubType type)
{
    Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;

    subscribe.topic = wire_text(TOPIC);
    subscribe.subscription = wire_text("s");
    subscribe.sub_type = type;
    subscribe.consumer_id = id;
    subscribe.request_id = c->next_request++;
    subscribe.has_initial_position = true;
    subscribe.initial_position = WIRE__COMMAND_SUBSCRIBE__INITIAL_POSITION__Earliest;
    return subscribe;
}

static void expect_error(struct client *c, Wire__ServerError code, const char *text)
{
    const Wire__BaseCommand *error = client_expect(c, TYPE(ERROR));

    assert_non_null(error);
    assert_int_equal(error->error->error, code);
    assert_non_null(strstr(error->error->message, text));
}

static void set(struct fixture *f, enum policy which, int64_t value)
{
    struct refusal why;
    struct policies p = {0};

    policies_put(&p, which, value);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
}

static void limits_are_told_as_pulsar_tells_them(void **state)
{
    struct fixture *f = *state;

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 0);
    set(f, POLICY_CONSUMERS_MAX, 1);
    Wire__CommandSubscribe another = asking(&f->a, 2, SHARED);
    client_send(&f->a, TYPE(SUBSCRIBE), &another);
    expect_error(&f->a, CODE(ConsumerBusy), "Topic reached max consumers limit");
    set(f, POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX, 1);
    another = asking(&f->a, 3, SHARED);
    client_send(&f->a, TYPE(SUBSCRIBE), &another);
    expect_error(&f->a, CODE(ConsumerBusy), "Subscription reached max consumers limit");
    set(f, POLICY_SUBSCRIPTIONS_MAX, 1);
    another = asking(&f->a, 4, SHARED);
    another.subscription = wire_text("r");
    client_send(&f->a, TYPE(SUBSCRIBE), &another);
    expect_error(&f->a, CODE(NotAllowedError), "Exceed the maximum number of subscriptions");
    set(f, POLICY_SUBSCRIBE_RATE, 1);
    for (int i = 0; i < 2; i++) {
        another = asking(&f->a, 5, SHARED);
        another.consumer_name = wire_text("c");
        client_send(&f->a, TYPE(SUBSCRIBE), &another);
        if (i == 0) {
            assert_non_null(client_expect(&f->a, TYPE(SUCCESS)));
            Wire__CommandCloseConsumer close = WIRE__COMMAND_CLOSE_CONSUMER__INIT;
            close.consumer_id = 5;
            close.request_id = f->a.next_request++;
            client_send(&f->a, TYPE(CLOSE_CONSUMER), &close);
            assert_non_null(client_expect(&f->a, TYPE(SUCCESS)));
        }
    }
    expect_error(&f->a, CODE(NotAllowedError), "Subscribe limited by subscribe rate limit per consumer.");
}

static void properties_of_a_subscription_come_with_the_one_who_makes_it(void **state)
{
    Wire__KeyValue one = WIRE__KEY_VALUE__INIT, many = WIRE__KEY_VALUE__INIT, *pairs[] = {&one};
    struct fixture *f = *state;
    struct arena arena;
    struct topic_stats *stats;
    struct topic_name name;
    struct refusal why;

    client_handshake(&f->a);
    one.key = wire_text("team");
    one.value = wire_text("blue");
    Wire__CommandSubscribe subscribe = asking(&f->a, 1, SHARED);
    subscribe.n_subscription_properties = 1;
    subscribe.subscription_properties = pairs;
    subscribe.has_replicate_subscription_state = true;
    subscribe.replicate_subscription_state = true;
    client_send(&f->a, TYPE(SUBSCRIBE), &subscribe);
    assert_non_null(client_expect(&f->a, TYPE(SUCCESS)));

    assert_int_equal(topic_name_parse(&name, bytes_of_text(TOPIC)), OK);
    arena_init(&arena, 1 << 20);
    assert_int_equal(topic_stats_get(f->world.broker, &name, &arena, &stats, &why), OK);
    assert_true(stats->subscriptions[0].replicated);
    assert_true(
        bytes_equal(properties_find(stats->subscriptions[0].properties, bytes_of_text("team")), bytes_of_text("blue")));
    arena_deinit(&arena);

    char *much = malloc(PROPERTIES_BYTES_MAX + 1);
    memset(much, 'x', PROPERTIES_BYTES_MAX);
    much[PROPERTIES_BYTES_MAX] = '\0';
    many.key = wire_text("k");
    many.value = much;
    pairs[0] = &many;
    subscribe = asking(&f->a, 2, SHARED);
    subscribe.n_subscription_properties = 1;
    subscribe.subscription_properties = pairs;
    client_send(&f->a, TYPE(SUBSCRIBE), &subscribe);
    expect_error(&f->a, CODE(NotAllowedError), "properties");
    subscribe = asking(&f->a, 2, SHARED); /* the id is free */
    client_send(&f->a, TYPE(SUBSCRIBE), &subscribe);
    assert_non_null(client_expect(&f->a, TYPE(SUCCESS)));
    free(much);
}

static void a_reader_begins_with_the_batch_that_its_id_is_in(void **state)
{
    struct fixture *f = *state;
    Wire__MessageIdData data;

    client_handshake(&f->a);
    publish(f, 1, 10);
    struct message_id second = publish(f, 2, 10);
    second.batch_index = 4;
    message_id_to(&second, &data);
    Wire__CommandSubscribe reader = asking(&f->a, 1, ALONE);
    reader.has_durable = true;
    reader.durable = false;
    reader.start_message_id = &data;
    client_send(&f->a, TYPE(SUBSCRIBE), &reader);
    assert_non_null(client_expect(&f->a, TYPE(SUCCESS)));
    client_flow(&f->a, 1, 100);
    assert_int_equal(expect_message(&f->a, &second)->n_ack_set, 0);
}

static void one_permit_is_one_message(void **state)
{
    struct fixture *f = *state;

    client_handshake(&f->a);
    join(&f->a, 1, ALONE, 1);
    const struct message_id first = publish(f, 1, 1), second = publish(f, 2, 1);
    expect_message(&f->a, &first);
    assert_int_equal(last_id(&f->a, 1)->last_message_id->entry_id, second.entry); /* a barrier */
    assert_int_equal(client_count(&f->a, TYPE(MESSAGE)), 0);
    client_flow(&f->a, 1, 1);
    expect_message(&f->a, &second);
}

static void a_consumer_s_statistics_are_told_by_its_connection(void **state)
{
    Wire__CommandConsumerStats ask = WIRE__COMMAND_CONSUMER_STATS__INIT;
    struct fixture *f = *state;

    client_handshake(&f->a);
    join(&f->a, 1, SHARED, 50);
    const struct message_id id = publish(f, 1, 10);
    expect_message(&f->a, &id);
    ask.consumer_id = 1;
    ask.request_id = 90;
    client_send(&f->a, TYPE(CONSUMER_STATS), &ask);
    const Wire__BaseCommand *answer = client_expect(&f->a, TYPE(CONSUMER_STATS_RESPONSE));
    assert_non_null(answer);
    const Wire__CommandConsumerStatsResponse *stats = answer->consumer_stats_response;
    assert_int_equal(stats->request_id, 90);
    assert_false(stats->has_error_code);
    assert_int_equal(stats->available_permits, 40);
    assert_int_equal(stats->unacked_messages, 10);
    assert_int_equal(stats->msg_backlog, 1);
    assert_string_equal(stats->type, "Shared");
    ask.consumer_id = 2;
    client_send(&f->a, TYPE(CONSUMER_STATS), &ask);
    answer = client_expect(&f->a, TYPE(CONSUMER_STATS_RESPONSE));
    assert_non_null(answer);
    assert_int_equal(answer->consumer_stats_response->error_code, CODE(ConsumerNotFound));
}

/* ---- clients of old versions ---- */

static void a_client_that_knows_no_batches_is_closed_when_it_would_get_one(void **state)
{
    struct fixture *f = *state;

    handshake(&f->a, 3);
    join(&f->a, 1, SHARED, 100);
    const struct message_id single = publish(f, 1, 1);
    expect_message(&f->a, &single);
    publish(f, 2, 10);
    assert_true(client_is_closed(&f->a));
}

static void a_client_of_before_v11_gets_its_messages_without_the_checksum(void **state)
{
    struct fixture *f = *state;
    struct entry_view view;

    handshake(&f->a, 10);
    join(&f->a, 1, SHARED, 100);
    client_handshake(&f->b);
    join(&f->b, 1, SHARED, 100);
    publish(f, 1, 1);
    publish(f, 2, 1);
    for (int i = 0; i < 2; i++) {
        struct client *c = i == 0 ? &f->a : &f->b;
        redeliver_all(c, 1);
    }
    assert_non_null(client_expect(&f->a, TYPE(MESSAGE)));
    assert_int_equal(entry_view_decode(f->a.entry, &view), OK);
    assert_false(view.has_checksum);
    assert_int_equal(view.payload.len, 8);
}

static void a_client_of_v11_gets_the_checksum(void **state)
{
    struct fixture *f = *state;
    struct entry_view view;

    handshake(&f->a, 11);
    join(&f->a, 1, BACKUP, 100);
    assert_int_equal(client_count(&f->a, TYPE(ACTIVE_CONSUMER_CHANGE)), 0); /* of v12 */
    publish(f, 1, 1);
    assert_non_null(client_expect(&f->a, TYPE(MESSAGE)));
    assert_int_equal(entry_view_decode(f->a.entry, &view), OK);
    assert_true(view.has_checksum);
    assert_int_equal(entry_view_verify(&view), OK);
}

static void a_client_of_before_v5_is_closed_where_others_are_told_that_their_consumer_is(void **state)
{
    struct fixture *f = *state;

    handshake(&f->a, 4);
    join(&f->a, 1, SHARED, 0);
    client_handshake(&f->b);
    join(&f->b, 1, SHARED, 0);
    const struct message_id id = publish(f, 1, 1);
    seek(&f->b, 1, &id, 0);
    assert_non_null(client_expect(&f->b, TYPE(CLOSE_CONSUMER)));
    assert_true(client_is_closed(&f->a));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

/* Each turn tells a few that there is room: nobody is forgotten, though all have to wait for it several times. */
static void every_consumer_of_a_connection_gets_what_did_not_fit_at_once(void **state)
{
    enum { CONSUMERS = 300, PAYLOAD = 9000 };
    struct fixture *f = *state;
    char name[16];

    client_handshake(&f->b);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        assert_int_equal(client_subscribe(&f->b, i, TOPIC, name, WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
                         TYPE(SUCCESS));
        client_flow(&f->b, i, 10);
    }
    client_send_entry(&f->producer, 1, 0, PAYLOAD);
    for (unsigned i = 0; i < CONSUMERS; i++)
        assert_non_null(client_expect(&f->b, TYPE(MESSAGE)));
}

static void consumers_whose_connection_is_full_have_their_turns(void **state)
{
    enum { CONSUMERS = 3, ENTRIES = 300, PAYLOAD = 9000 };
    struct fixture *f = *state;
    unsigned got[CONSUMERS] = {0};
    char name[16];

    client_handshake(&f->b);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        assert_int_equal(client_subscribe(&f->b, i, TOPIC, name, ALONE), TYPE(SUCCESS));
    }
    for (unsigned i = 0; i < ENTRIES; i++)
        client_send_entry(&f->producer, 1, i, PAYLOAD);
    for (unsigned i = 0; i < ENTRIES; i++)
        assert_non_null(client_expect(&f->producer, TYPE(SEND_RECEIPT)));
    for (unsigned i = 0; i < CONSUMERS; i++)
        client_flow(&f->b, i, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++) { /* as many as the first could have alone */
        const Wire__BaseCommand *command = client_expect(&f->b, TYPE(MESSAGE));
        assert_non_null(command);
        got[command->message->consumer_id]++;
    }
    for (unsigned i = 0; i < CONSUMERS; i++)
        assert_in_range(got[i], ENTRIES / 6, ENTRIES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_s_ack_set_tells_what_is_left_of_its_batch),
        TEST(the_permits_are_charged_with_what_is_left),
        TEST(an_ack_set_that_cannot_be_kept_is_answered_with_an_error),
        TEST(acknowledgements_of_ids_that_are_gone_or_never_were_are_answered_well),
        TEST(a_seek_closes_the_consumers_and_the_first_message_is_the_one_that_was_sought),
        TEST(of_two_seeks_at_once_the_second_finds_no_consumer_or_is_refused),
        TEST(a_seek_before_what_is_there_begins_with_the_first_entry),
        TEST(the_last_message_id_is_of_the_last_message_and_the_mark_delete_position_comes_with_it),
        TEST(limits_are_told_as_pulsar_tells_them),
        TEST(properties_of_a_subscription_come_with_the_one_who_makes_it),
        TEST(a_reader_begins_with_the_batch_that_its_id_is_in),
        TEST(one_permit_is_one_message),
        TEST(a_consumer_s_statistics_are_told_by_its_connection),
        TEST(a_client_that_knows_no_batches_is_closed_when_it_would_get_one),
        TEST(a_client_of_before_v11_gets_its_messages_without_the_checksum),
        TEST(a_client_of_v11_gets_the_checksum),
        TEST(a_client_of_before_v5_is_closed_where_others_are_told_that_their_consumer_is),
        TEST(every_consumer_of_a_connection_gets_what_did_not_fit_at_once),
        TEST(consumers_whose_connection_is_full_have_their_turns),
    };
    return cmocka_run_group_tests_name("session: consumers", tests, NULL, NULL);
}
