/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery_test.c - MESSAGE, ACK and FLOW in bytes.
 */
#include "wire/wire_test.h"

#include "wire/delivery.h"

struct fixture {
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture f;

    arena_init(&f.arena, 64 * 1024);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    return 0;
}

static void a_message_is_written_before_its_entry(void **state)
{
    const struct message_command message = {.consumer_id = 4, .id = MESSAGE_ID_OF(5, 300)};
    uint8_t out[MESSAGE_HEAD_MAX(0)];

    size_t len = message_head_encode(out, sizeof out, &message, NULL, 100);
    assert_bytes_equal(bytes_of(out, len), HEX("00000075 0000000d 0809 4a09 0804 1205 0805 10ac02"));
}

static void a_redelivered_message_says_how_often_and_what_is_acknowledged(void **state)
{
    const uint64_t words[] = {5, UINT64_MAX};
    const struct message_command message = {
        .consumer_id = 4,
        .id = {.ledger = 5, .entry = 0, .partition = 1, .batch_index = -1, .ack_set_words = 2, .ack_set = words},
        .redelivery_count = 3,
        .has_consumer_epoch = true,
        .consumer_epoch = 6};
    uint8_t out[MESSAGE_HEAD_MAX(2)];

    size_t len = message_head_encode(out, sizeof out, &message, NULL, 0);
    assert_bytes_equal(bytes_of(out, len), HEX("00000023 0000001f 0809 4a1b 0804 1206 0805 1000 1801 1803 2005 "
                                               "20ffffffffffffffffff01 2806"));
}

static void broker_entry_metadata_goes_between_command_and_entry(void **state)
{
    const struct message_command message = {.consumer_id = 4, .id = MESSAGE_ID_OF(5, 6)};
    const struct broker_entry broker = {.timestamp_ms = 1000, .index = 5};
    uint8_t out[MESSAGE_HEAD_MAX(0)];

    size_t len = message_head_encode(out, sizeof out, &message, &broker, 1);
    assert_bytes_equal(bytes_of(out, len),
                       HEX("0000001c 0000000c 0809 4a08 0804 1204 0805 1006 0e02 00000005 08e807 1005"));
}

static void the_longest_message_head_fits(void **state)
{
    const uint64_t words[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    const struct message_command message = {
        .consumer_id = UINT64_MAX,
        .id = {.ledger = -1, .entry = -1, .partition = -2, .ack_set_words = 3, .ack_set = words},
        .redelivery_count = UINT32_MAX,
        .has_consumer_epoch = true,
        .consumer_epoch = UINT64_MAX};
    const struct broker_entry broker = {.timestamp_ms = UINT64_MAX, .index = UINT64_MAX};
    uint8_t out[MESSAGE_HEAD_MAX(3)];

    assert_true(message_head_encode(out, sizeof out, &message, &broker, 1 << 20) <= sizeof out);
}

static void a_message_is_read_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct message_command m;

    /* the ack set once unpacked, once packed */
    assert_int_equal(
        message_decode(HEX("0809 4a16 0804 1208 0805 10ac02 1801 1803 2005 2203 078001 2806"), &f->arena, &m),
        ERR_PROTOCOL); /* the id is cut */
    assert_int_equal(
        message_decode(HEX("0809 4a16 0804 1207 0805 10ac02 1801 1803 2005 2203 078001 2806"), &f->arena, &m), OK);
    assert_int_equal(m.consumer_id, 4);
    assert_int_equal(m.id.ledger, 5);
    assert_int_equal(m.id.entry, 300);
    assert_int_equal(m.id.partition, 1);
    assert_int_equal(m.id.batch_index, -1);
    assert_int_equal(m.redelivery_count, 3);
    assert_int_equal(m.id.ack_set_words, 3);
    assert_int_equal(m.id.ack_set[0], 5);
    assert_int_equal(m.id.ack_set[1], 7);
    assert_int_equal(m.id.ack_set[2], 128);
    assert_true(m.has_consumer_epoch);
    assert_int_equal(m.consumer_epoch, 6);
}

static void an_individual_ack_names_many_ids_with_their_sets(void **state)
{
    struct fixture *f = *state;
    struct ack ack;

    /* consumer 4, individual, 5:6 and 5:7 of a batch of 10 (index 2, words 3 and 0), request 9 */
    assert_int_equal(
        ack_decode(HEX("080a 521a 0804 1000 1a04 08051006 1a0c 08051007 2002 2803 2800 300a 4009"), &f->arena, &ack),
        OK);
    assert_int_equal(ack.consumer_id, 4);
    assert_false(ack.is_cumulative);
    assert_int_equal(ack.count, 2);
    assert_int_equal(ack.ids[0].ledger, 5);
    assert_int_equal(ack.ids[0].entry, 6);
    assert_int_equal(ack.ids[0].ack_set_words, 0);
    assert_int_equal(ack.ids[1].entry, 7);
    assert_int_equal(ack.ids[1].batch_index, 2);
    assert_int_equal(ack.ids[1].batch_size, 10);
    assert_int_equal(ack.ids[1].ack_set_words, 2);
    assert_int_equal(ack.ids[1].ack_set[0], 3);
    assert_int_equal(ack.ids[1].ack_set[1], 0);
    assert_true(ack.has_request_id);
    assert_int_equal(ack.request_id, 9);
    assert_false(ack.has_validation_error || ack.in_transaction);
}

static void a_cumulative_ack_in_a_transaction_is_decoded(void **state)
{
    struct fixture *f = *state;
    struct ack ack;

    assert_int_equal(ack_decode(HEX("080a 5210 0804 1001 1a04 08051006 2002 3007 3808"), &f->arena, &ack), OK);
    assert_true(ack.is_cumulative);
    assert_true(ack.has_validation_error);
    assert_int_equal(ack.validation_error, WIRE__COMMAND_ACK__VALIDATION_ERROR__ChecksumMismatch);
    assert_true(ack.in_transaction);
    assert_int_equal(ack.transaction_least, 7);
    assert_int_equal(ack.transaction_most, 8);
    assert_false(ack.has_request_id);
}

static void an_ack_of_nothing_is_left_to_the_caller(void **state)
{
    struct fixture *f = *state;
    struct ack ack;

    assert_int_equal(ack_decode(HEX("080a 5204 0804 1000"), &f->arena, &ack), OK);
    assert_int_equal(ack.count, 0);
}

static void a_broken_ack_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ack ack;

    assert_int_equal(ack_decode(HEX("080a 5202 0804"), &f->arena, &ack), ERR_PROTOCOL);
    assert_int_equal(ack_decode(HEX("080a 5204 0804 1002"), &f->arena, &ack), ERR_PROTOCOL);
    assert_int_equal(ack_decode(HEX("080a 5208 0804 1000 1a02 0805"), &f->arena, &ack), ERR_PROTOCOL);
    assert_int_equal(ack_decode(HEX("080a 520b 0804 1000 1a05 08051006 28"), &f->arena, &ack), ERR_PROTOCOL);
    /* a packed ack set whose last word is cut */
    assert_int_equal(ack_decode(HEX("080a 520d 0804 1000 1a07 08051006 2a0180"), &f->arena, &ack), ERR_PROTOCOL);
}

static void an_ack_that_outgrows_the_arena_is_refused(void **state)
{
    struct arena small;
    struct ack ack;

    arena_init(&small, 16);
    assert_int_equal(ack_decode(HEX("080a 520a 0804 1000 1a04 08051006"), &small, &ack), ERR_NOMEM);
    arena_deinit(&small);
}

static void a_flow_is_decoded(void **state)
{
    struct flow flow;

    assert_int_equal(flow_decode(HEX("080b 5a05 0804 10e807"), &flow), OK);
    assert_int_equal(flow.consumer_id, 4);
    assert_int_equal(flow.permits, 1000);
    assert_int_equal(flow_decode(HEX("080b 5a02 0804"), &flow), ERR_PROTOCOL);
    assert_int_equal(flow_decode(HEX("080b 5a02 1001"), &flow), ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_written_before_its_entry),
        cmocka_unit_test(a_redelivered_message_says_how_often_and_what_is_acknowledged),
        cmocka_unit_test(broker_entry_metadata_goes_between_command_and_entry),
        cmocka_unit_test(the_longest_message_head_fits),
        cmocka_unit_test_setup_teardown(a_message_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_individual_ack_names_many_ids_with_their_sets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cumulative_ack_in_a_transaction_is_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ack_of_nothing_is_left_to_the_caller, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_ack_is_refused, set_up, tear_down),
        cmocka_unit_test(an_ack_that_outgrows_the_arena_is_refused),
        cmocka_unit_test(a_flow_is_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
