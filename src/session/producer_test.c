/* SPDX-License-Identifier: Apache-2.0
 *
 * producer_test.c - what a client is told about its producers: access modes, names, epochs.
 */
#include "base/base_test.h"
#include "session/fixture.h"
#include "session/session_private.h"

#include <stdio.h>

#define TOPIC   "persistent://public/default/t"
#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t
#define MODE(m) WIRE__PRODUCER_ACCESS_MODE__##m

static int set_up(void **state)
{
    struct fixture *f = fixture_new(23);

    fixture_open_two(f);
    *state = f;
    return 0;
}

static Wire__CommandProducer asking(struct client *c, uint64_t id, Wire__ProducerAccessMode mode)
{
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;

    producer.topic = wire_text(TOPIC);
    producer.producer_id = id;
    producer.request_id = c->next_request++;
    producer.has_producer_access_mode = true;
    producer.producer_access_mode = mode;
    return producer;
}

static uint64_t ask(struct client *c, uint64_t id, Wire__ProducerAccessMode mode)
{
    Wire__CommandProducer producer = asking(c, id, mode);

    client_send(c, TYPE(PRODUCER), &producer);
    return producer.request_id;
}

static const Wire__CommandProducerSuccess *expect_success(struct client *c, uint64_t request)
{
    const Wire__BaseCommand *command = client_expect(c, TYPE(PRODUCER_SUCCESS));

    assert_non_null(command);
    assert_int_equal(command->producer_success->request_id, request);
    return command->producer_success;
}

static void expect_error(struct client *c, uint64_t request, Wire__ServerError code)
{
    const Wire__BaseCommand *command = client_expect(c, TYPE(ERROR));

    assert_non_null(command);
    assert_int_equal(command->error->request_id, request);
    assert_int_equal(command->error->error, code);
}

static void close_producer(struct client *c, uint64_t id)
{
    Wire__CommandCloseProducer close = WIRE__COMMAND_CLOSE_PRODUCER__INIT;

    close.producer_id = id;
    close.request_id = c->next_request++;
    client_send(c, TYPE(CLOSE_PRODUCER), &close);
    const Wire__BaseCommand *command = client_expect(c, TYPE(SUCCESS));
    assert_non_null(command);
    assert_int_equal(command->success->request_id, close.request_id);
}

static void an_exclusive_producer_is_told_the_topics_epoch(void **state)
{
    struct fixture *f = *state;
    const Wire__CommandProducerSuccess *success = expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)));

    assert_true(success->producer_ready);
    assert_true(success->has_topic_epoch);
    assert_int_equal(success->topic_epoch, 0);
    expect_error(&f->a, ask(&f->a, 2, MODE(Exclusive)), WIRE__SERVER_ERROR__ProducerFenced);
    expect_error(&f->a, ask(&f->a, 2, MODE(Shared)), WIRE__SERVER_ERROR__ProducerBusy);
}

static void the_rivals_connection_is_asked_before_somebody_is_refused_for_its_sake(void **state)
{
    struct fixture *f = *state;
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;

    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)));
    const uint64_t request = ask(&f->b, 1, MODE(Exclusive));
    assert_non_null(client_expect(&f->a, TYPE(PING)));
    assert_int_equal(client_count(&f->b, TYPE(ERROR)), 0);
    client_send(&f->a, TYPE(PONG), &pong);
    expect_error(&f->b, request, WIRE__SERVER_ERROR__ProducerFenced);
    (void)expect_success(&f->b, ask(&f->b, 1, MODE(Exclusive))); /* the other is silent now */
    assert_true(f->a.closed);
}

static void a_shared_producer_of_a_topic_that_had_no_other_is_told_no_epoch(void **state)
{
    struct fixture *f = *state;

    assert_false(expect_success(&f->a, ask(&f->a, 1, MODE(Shared)))->has_topic_epoch);
}

static void one_that_waits_is_answered_at_once_and_again_when_it_is_ready(void **state)
{
    struct fixture *f = *state;
    char name[100];

    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Shared)));
    const uint64_t request = ask(&f->b, 1, MODE(WaitForExclusive));
    const Wire__CommandProducerSuccess *success = expect_success(&f->b, request);
    assert_true(success->has_producer_ready);
    assert_false(success->producer_ready);
    assert_false(success->has_topic_epoch);
    (void)snprintf(name, sizeof name, "%s", success->producer_name);

    close_producer(&f->a, 1);
    success = expect_success(&f->b, request);
    assert_true(success->producer_ready);
    assert_int_equal(success->topic_epoch, 0);
    assert_string_equal(success->producer_name, name);
    client_send_entry(&f->b, 1, 0, 10);
    assert_non_null(client_expect(&f->b, TYPE(SEND_RECEIPT)));
}

static void one_that_waits_can_be_closed_and_asked_for_again(void **state)
{
    struct fixture *f = *state;

    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)));
    (void)expect_success(&f->b, ask(&f->b, 1, MODE(WaitForExclusive)));
    close_producer(&f->b, 1);
    session_world_pass(&f->world, 10);
    const uint64_t request = ask(&f->b, 1, MODE(WaitForExclusive));
    assert_false(expect_success(&f->b, request)->producer_ready);
    close_producer(&f->a, 1);
    assert_true(expect_success(&f->b, request)->producer_ready);
    assert_int_equal(client_count(&f->b, TYPE(ERROR)), 0);
}

static void one_that_waits_is_forgotten_with_its_connection(void **state)
{
    struct fixture *f = *state;

    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)));
    (void)expect_success(&f->b, ask(&f->b, 1, MODE(WaitForExclusive)));
    client_free(&f->b);
    session_world_pass(&f->world, 100);
    client_connect(&f->b, &f->world);
    client_handshake(&f->b);
    close_producer(&f->a, 1);
    (void)expect_success(&f->b, ask(&f->b, 1, MODE(Exclusive)));
}

static void many_that_wait_do_not_stop_their_connection(void **state)
{
    struct fixture *f = *state;

    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)));
    for (uint64_t i = 2; i < REQUESTS_MAX + 100; i++)
        (void)expect_success(&f->a, ask(&f->a, i, MODE(WaitForExclusive)));
    close_producer(&f->a, 1);
    assert_true(client_expect(&f->a, TYPE(PRODUCER_SUCCESS))->producer_success->producer_ready);
}

static void a_fenced_producer_is_closed_and_refused_when_it_comes_again(void **state)
{
    struct fixture *f = *state;

    const uint64_t epoch = expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)))->topic_epoch;
    (void)expect_success(&f->b, ask(&f->b, 1, MODE(ExclusiveWithFencing)));
    const Wire__BaseCommand *close = client_expect(&f->a, TYPE(CLOSE_PRODUCER));
    assert_int_equal(close->close_producer->producer_id, 1);

    Wire__CommandProducer again = asking(&f->a, 1, MODE(Exclusive));
    again.has_topic_epoch = true;
    again.topic_epoch = epoch;
    client_send(&f->a, TYPE(PRODUCER), &again);
    expect_error(&f->a, again.request_id, WIRE__SERVER_ERROR__ProducerFenced);
}

static void an_access_mode_that_there_is_not_is_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(&f->a, ask(&f->a, 1, (Wire__ProducerAccessMode)4), WIRE__SERVER_ERROR__MetadataError);
}

static void a_producer_that_is_there_is_confirmed_when_it_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    Wire__CommandProducer again;

    const uint64_t epoch = expect_success(&f->a, ask(&f->a, 1, MODE(Exclusive)))->topic_epoch;
    again = asking(&f->a, 1, MODE(Exclusive));
    again.has_epoch = true;
    again.epoch = 1;
    client_send(&f->a, TYPE(PRODUCER), &again);
    assert_int_equal(expect_success(&f->a, again.request_id)->topic_epoch, epoch);
}

static void set_policy(struct fixture *f, enum policy which, int64_t value)
{
    struct policies set = {0};
    struct refusal why;

    policies_put(&set, which, value);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &set, &why), OK);
}

static void a_connection_that_publishes_too_fast_is_read_more_slowly_and_loses_nothing(void **state)
{
    struct fixture *f = *state;

    set_policy(f, POLICY_PUBLISH_RATE_MESSAGES, 10);
    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Shared)));
    for (uint64_t i = 0; i < 50; i++)
        client_send_entry(&f->a, 1, i, 10);
    session_world_pass(&f->world, 900);
    const unsigned soon = client_count(&f->a, TYPE(SEND_RECEIPT));
    assert_true(soon >= 10 && soon <= 21);
    session_world_pass(&f->world, 6000);
    assert_int_equal(client_count(&f->a, TYPE(SEND_RECEIPT)), 50);
}

static void a_message_that_is_not_encrypted_is_refused_with_metadata_error(void **state)
{
    struct fixture *f = *state;

    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Shared)));
    set_policy(f, POLICY_ENCRYPTION_REQUIRED, 1);
    client_send_entry(&f->a, 1, 7, 10);
    const Wire__BaseCommand *command = client_expect(&f->a, TYPE(SEND_ERROR));
    assert_int_equal(command->send_error->sequence_id, 7);
    assert_int_equal(command->send_error->error, WIRE__SERVER_ERROR__MetadataError);
    expect_error(&f->a, ask(&f->a, 2, MODE(Shared)), WIRE__SERVER_ERROR__MetadataError);
}

static void a_message_that_the_topic_finds_too_large_is_not_allowed(void **state)
{
    struct fixture *f = *state;

    set_policy(f, POLICY_MESSAGE_BYTES_MAX, 1000);
    (void)expect_success(&f->a, ask(&f->a, 1, MODE(Shared)));
    client_send_entry(&f->a, 1, 7, 2000);
    const Wire__BaseCommand *command = client_expect(&f->a, TYPE(SEND_ERROR));
    assert_int_equal(command->send_error->error, WIRE__SERVER_ERROR__NotAllowedError);
    client_send_entry(&f->a, 1, 8, 500);
    assert_non_null(client_expect(&f->a, TYPE(SEND_RECEIPT)));
}

static void a_duplicate_gets_a_receipt_without_a_position(void **state)
{
    struct fixture *f = *state;
    Wire__CommandProducer named = asking(&f->a, 1, MODE(Shared));

    set_policy(f, POLICY_DEDUPLICATION, 1);
    named.producer_name = wire_text("p");
    client_send(&f->a, TYPE(PRODUCER), &named);
    assert_int_equal(expect_success(&f->a, named.request_id)->last_sequence_id, -1);
    client_send_entry(&f->a, 1, 4, 10);
    assert_true((int64_t)client_expect(&f->a, TYPE(SEND_RECEIPT))->send_receipt->message_id->ledger_id >= 0);
    client_send_entry(&f->a, 1, 4, 10);
    const Wire__CommandSendReceipt *receipt = client_expect(&f->a, TYPE(SEND_RECEIPT))->send_receipt;
    assert_int_equal(receipt->sequence_id, 4);
    assert_int_equal((int64_t)receipt->message_id->ledger_id, -1);
    assert_int_equal((int64_t)receipt->message_id->entry_id, -1);
    close_producer(&f->a, 1);
    named.request_id = f->a.next_request++;
    client_send(&f->a, TYPE(PRODUCER), &named);
    assert_int_equal(expect_success(&f->a, named.request_id)->last_sequence_id, 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_exclusive_producer_is_told_the_topics_epoch),
        TEST(the_rivals_connection_is_asked_before_somebody_is_refused_for_its_sake),
        TEST(a_shared_producer_of_a_topic_that_had_no_other_is_told_no_epoch),
        TEST(one_that_waits_is_answered_at_once_and_again_when_it_is_ready),
        TEST(one_that_waits_can_be_closed_and_asked_for_again),
        TEST(one_that_waits_is_forgotten_with_its_connection),
        TEST(many_that_wait_do_not_stop_their_connection),
        TEST(a_fenced_producer_is_closed_and_refused_when_it_comes_again),
        TEST(an_access_mode_that_there_is_not_is_refused),
        TEST(a_producer_that_is_there_is_confirmed_when_it_is_asked_for_again),
        TEST(a_connection_that_publishes_too_fast_is_read_more_slowly_and_loses_nothing),
        TEST(a_message_that_is_not_encrypted_is_refused_with_metadata_error),
        TEST(a_message_that_the_topic_finds_too_large_is_not_allowed),
        TEST(a_duplicate_gets_a_receipt_without_a_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
