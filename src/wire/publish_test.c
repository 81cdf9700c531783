/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_test.c - SEND and SEND_RECEIPT in bytes.
 */
#include "wire/wire_test.h"

#include "wire/command.h"
#include "wire/publish.h"

static void a_plain_send_is_decoded(void **state)
{
    struct send send;

    assert_int_equal(send_decode(HEX("0806 3205 0803 10ac02"), &send), OK);
    assert_int_equal(send.producer_id, 3);
    assert_int_equal(send.sequence_id, 300);
    assert_int_equal(send.messages, 1);
    assert_int_equal(send.highest_sequence_id, 0);
    assert_false(send.is_chunk || send.is_marker || send.in_transaction);
}

static void a_send_with_everything_is_decoded(void **state)
{
    struct send send;

    /* 10 messages, transaction 2:5, highest 309, a chunk, a marker, a message id, and a field 20 that we do not know */
    assert_int_equal(
        send_decode(HEX("0806 321e 0803 10ac02 180a 2005 2802 30b502 3801 4001 4a04 08011002 a20100"), &send),
        ERR_PROTOCOL); /* cut short by one */
    assert_int_equal(
        send_decode(HEX("0806 321b 0803 10ac02 180a 2005 2802 30b502 3801 4001 4a0408011002 a20100"), &send), OK);
    assert_int_equal(send.messages, 10);
    assert_true(send.in_transaction);
    assert_int_equal(send.transaction_least, 5);
    assert_int_equal(send.transaction_most, 2);
    assert_int_equal(send.highest_sequence_id, 309);
    assert_true(send.is_chunk && send.is_marker);
}

static void a_send_without_its_ids_is_refused(void **state)
{
    struct send send;

    assert_int_equal(send_decode(HEX("0806 3202 0803"), &send), ERR_PROTOCOL);
    assert_int_equal(send_decode(HEX("0806 3203 10ac02"), &send), ERR_PROTOCOL);
    assert_int_equal(send_decode(HEX("0806 3200"), &send), ERR_PROTOCOL);
    assert_int_equal(send_decode(HEX("0806 3205 0a0103 1001"), &send), ERR_PROTOCOL); /* an id in bytes */
}

static void a_whole_send_frame_is_written_but_for_metadata_and_payload(void **state)
{
    const struct send send = {.producer_id = 3, .sequence_id = 7, .messages = 1};
    uint8_t head[SEND_HEAD_MAX];

    size_t len = send_head_encode(head, &send, HEX("0a01701007 18e807"), bytes_of_text("hi"));
    assert_bytes_equal(bytes_of(head, len), HEX("00000020 00000008 0806 3204 0803 1007 0e01 90bb0e5a 00000008"));
}

static void the_longest_send_fits(void **state)
{
    const struct send send = {.producer_id = UINT64_MAX,
                              .sequence_id = UINT64_MAX,
                              .highest_sequence_id = UINT64_MAX,
                              .messages = -1,
                              .is_chunk = true,
                              .is_marker = true,
                              .in_transaction = true,
                              .transaction_most = UINT64_MAX,
                              .transaction_least = UINT64_MAX};
    uint8_t head[SEND_HEAD_MAX];
    struct frame frame;
    struct send back;

    size_t len = send_head_encode(head, &send, bytes_of(NULL, 0), bytes_of(NULL, 0));
    assert_int_equal(frame_decode(bytes_of(head, len), &frame), OK);
    assert_int_equal(frame.entry.len, ENTRY_HEAD_SIZE);
    assert_int_equal(send_decode(frame.command, &back), OK);
    assert_true(back.sequence_id == UINT64_MAX && back.messages == -1 && back.transaction_most == UINT64_MAX);
}

static void a_receipt_is_written_as_the_protocol_says(void **state)
{
    struct send_receipt receipt = {.producer_id = 3, .sequence_id = 7, .id = MESSAGE_ID_OF(5, 300)};
    uint8_t out[SEND_RECEIPT_MAX];

    size_t len = send_receipt_encode(out, &receipt);
    assert_bytes_equal(bytes_of(out, len), HEX("00000013 0000000f 0807 3a0b 0803 1007 1a05 0805 10ac02"));
    receipt.highest_sequence_id = 9;
    receipt.id.partition = 2;
    len = send_receipt_encode(out, &receipt);
    assert_bytes_equal(bytes_of(out, len), HEX("00000017 00000013 0807 3a0f 0803 1007 1a07 0805 10ac02 1802 2009"));
}

static void a_duplicates_receipt_says_minus_one(void **state)
{
    const struct send_receipt receipt = {.producer_id = UINT64_MAX,
                                         .sequence_id = UINT64_MAX,
                                         .highest_sequence_id = UINT64_MAX,
                                         .id = {.ledger = -1, .entry = -1, .partition = INT32_MIN}};
    struct send_receipt back;
    uint8_t out[SEND_RECEIPT_MAX];
    struct frame frame;

    size_t len = send_receipt_encode(out, &receipt);
    assert_int_equal(frame_decode(bytes_of(out, len), &frame), OK);
    assert_int_equal(send_receipt_decode(frame.command, &back), OK);
    assert_int_equal(back.id.ledger, -1);
    assert_int_equal(back.id.entry, -1);
    assert_int_equal(back.id.partition, INT32_MIN);
}

static void a_receipt_without_an_id_is_refused(void **state)
{
    struct send_receipt back;

    assert_int_equal(send_receipt_decode(HEX("0807 3a04 0803 1007"), &back), ERR_PROTOCOL);
    assert_int_equal(send_receipt_decode(HEX("0807 3a08 0803 1007 1a02 0805"), &back), ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_send_is_decoded),
        cmocka_unit_test(a_send_with_everything_is_decoded),
        cmocka_unit_test(a_send_without_its_ids_is_refused),
        cmocka_unit_test(a_whole_send_frame_is_written_but_for_metadata_and_payload),
        cmocka_unit_test(the_longest_send_fits),
        cmocka_unit_test(a_receipt_is_written_as_the_protocol_says),
        cmocka_unit_test(a_duplicates_receipt_says_minus_one),
        cmocka_unit_test(a_receipt_without_an_id_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
