/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_test.c - the messages of a batch.
 */
#include "wire/wire_test.h"

#include "wire/batch.h"

/* payload_size 2, partition_key "k", sequence_id 7; then payload_size 0, null_value */
#define BATCH "00000007 12016b 1802 4007 6869 00000004 1800 4801"

static void messages_are_walked_where_they_lie(void **state)
{
    struct bytes batch = HEX(BATCH);
    struct batch_reader reader;
    struct batch_message m;

    batch_reader_init(&reader, batch, 2);
    assert_int_equal(batch_next(&reader, &m), OK);
    assert_int_equal(m.index, 0);
    assert_text_equal(m.payload, "hi");
    assert_ptr_equal(m.payload.data, batch.data + 11);
    assert_true(m.has_partition_key && m.has_sequence_id);
    assert_text_equal(m.partition_key, "k");
    assert_int_equal(m.sequence_id, 7);
    assert_false(m.null_value || m.compacted_out || m.has_ordering_key || m.has_properties);
    assert_int_equal(batch_next(&reader, &m), OK);
    assert_int_equal(m.index, 1);
    assert_int_equal(m.payload.len, 0);
    assert_true(m.null_value);
    assert_true(batch_reader_done(&reader));
}

static void a_message_with_properties_says_so(void **state)
{
    struct batch_reader reader;
    struct batch_message m;

    batch_reader_init(&reader, HEX("0000000a 0a06 0a016b 120131 1800"), 1);
    assert_int_equal(batch_next(&reader, &m), OK);
    assert_true(m.has_properties);
}

static void a_batch_with_fewer_messages_than_said_is_refused_at_its_end(void **state)
{
    struct batch_reader reader;
    struct batch_message m;

    batch_reader_init(&reader, HEX(BATCH), 3);
    assert_int_equal(batch_next(&reader, &m), OK);
    assert_int_equal(batch_next(&reader, &m), OK);
    assert_int_equal(batch_next(&reader, &m), ERR_PROTOCOL);
    assert_int_equal(batch_next(&reader, &m), ERR_PROTOCOL);
    assert_int_equal(reader.next, 2);
}

static void every_cut_of_a_batch_is_refused(void **state)
{
    uint8_t store[sizeof BATCH];
    struct bytes whole = hex_into(store, BATCH);

    for (size_t len = 0; len < whole.len; len++) {
        struct batch_reader reader;
        struct batch_message m;
        enum err err = OK;
        batch_reader_init(&reader, bytes_of(store, len), 2);
        while (err == OK && !batch_reader_done(&reader))
            err = batch_next(&reader, &m);
        assert_int_equal(err, ERR_PROTOCOL);
    }
}

static void a_message_without_a_sensible_size_is_refused(void **state)
{
    struct batch_reader reader;
    struct batch_message m;

    batch_reader_init(&reader, HEX("00000003 12016b"), 1);
    assert_int_equal(batch_next(&reader, &m), ERR_PROTOCOL);
    batch_reader_init(&reader, HEX("0000000b 18ffffffffffffffffff01"), 1); /* -1 */
    assert_int_equal(batch_next(&reader, &m), ERR_PROTOCOL);
    batch_reader_init(&reader, HEX("00000002 1803 6869"), 1);
    assert_int_equal(batch_next(&reader, &m), ERR_PROTOCOL);
    batch_reader_init(&reader, HEX("ffffffff 1803 6869"), 1);
    assert_int_equal(batch_next(&reader, &m), ERR_PROTOCOL);
}

static void properties_come_from_the_decoder(void **state)
{
    struct arena arena;
    Wire__SingleMessageMetadata *m;

    arena_init(&arena, 8192);
    assert_int_equal(batch_metadata_decode(HEX("0a06 0a016b 120176 1802"), &arena, &m), OK);
    assert_int_equal(m->n_properties, 1);
    assert_string_equal(m->properties[0]->value, "v");
    assert_int_equal(m->payload_size, 2);
    arena_deinit(&arena);
}

static void a_batch_is_written_as_it_is_read(void **state)
{
    Wire__SingleMessageMetadata first = WIRE__SINGLE_MESSAGE_METADATA__INIT;
    Wire__SingleMessageMetadata second = WIRE__SINGLE_MESSAGE_METADATA__INIT;
    uint8_t out[64];
    char key[] = "k";

    first.partition_key = key;
    first.has_sequence_id = true;
    first.sequence_id = 7;
    second.has_null_value = second.null_value = true;
    assert_int_equal(batch_message_len(&first, 2), 13);
    size_t len = batch_message_encode(out, sizeof out, &first, bytes_of_text("hi"));
    len += batch_message_encode(out + len, sizeof out - len, &second, bytes_of(NULL, 0));
    assert_bytes_equal(bytes_of(out, len), HEX(BATCH));
}

static void a_message_with_nothing_but_a_sequence_id_is_written_the_same_by_hand(void **state)
{
    static const uint64_t ids[] = {0, 1, 127, 128, UINT32_MAX, UINT64_MAX};
    static const size_t lens[] = {0, 1, 127, 128, 300};
    uint8_t payload[300] = {1, 2, 3}, expected[400], out[400];

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
            Wire__SingleMessageMetadata m = WIRE__SINGLE_MESSAGE_METADATA__INIT;
            const struct bytes body = bytes_of(payload, lens[k]);
            m.has_sequence_id = true;
            m.sequence_id = ids[i];
            const size_t len = batch_message_encode(expected, sizeof expected, &m, body);
            assert_int_equal(batch_plain_len(ids[i], lens[k]), len);
            assert_int_equal(batch_plain_encode(out, len, ids[i], body), len);
            assert_bytes_equal(bytes_of(out, len), bytes_of(expected, len));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_walked_where_they_lie),
        cmocka_unit_test(a_message_with_properties_says_so),
        cmocka_unit_test(a_batch_with_fewer_messages_than_said_is_refused_at_its_end),
        cmocka_unit_test(every_cut_of_a_batch_is_refused),
        cmocka_unit_test(a_message_without_a_sensible_size_is_refused),
        cmocka_unit_test(properties_come_from_the_decoder),
        cmocka_unit_test(a_batch_is_written_as_it_is_read),
        cmocka_unit_test(a_message_with_nothing_but_a_sequence_id_is_written_the_same_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
