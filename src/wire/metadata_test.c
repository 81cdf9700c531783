/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata_test.c - MessageMetadata, scanned and decoded.
 */
#include "wire/wire_test.h"

#include "wire/metadata.h"

/* producer_name "p", sequence_id 7, publish_time 1000 */
#define REQUIRED "0a0170 1007 18e807 "

static void the_smallest_metadata_is_one_message(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX(REQUIRED), &m), OK);
    assert_text_equal(m.producer_name, "p");
    assert_int_equal(m.sequence_id, 7);
    assert_int_equal(m.publish_time, 1000);
    assert_int_equal(m.messages, 1);
    assert_false(m.is_batch);
    assert_false(m.has_partition_key || m.has_ordering_key || m.is_marker || m.is_encrypted || m.in_transaction);
    assert_false(m.has_properties);
    assert_int_equal(m.compression, WIRE__COMPRESSION_TYPE__NONE);
    assert_int_equal(metadata_key(&m).len, 0);
}

static void metadata_with_properties_says_so(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX(REQUIRED "2206 0a016b 120131"), &m), OK);
    assert_true(m.has_properties);
}

static void a_property_is_found_by_its_name(void **state)
{
    /* k=1, k=2, id=xy; a KeyValue cut short; one without a key; e with an empty value */
    const struct bytes metadata =
        HEX("2206 0a016b 120131" REQUIRED
            "2206 0a016b 120132 2208 0a026964 12027879 2202 0a05 2203 120133 2205 0a0165 1200");

    assert_text_equal(metadata_property(metadata, bytes_of_text("id")), "xy");
    assert_text_equal(metadata_property(metadata, bytes_of_text("k")), "1");
    assert_null(metadata_property(metadata, bytes_of_text("i")).data);
    assert_null(metadata_property(metadata, bytes_of_text("")).data);
    assert_int_equal(metadata_property(metadata, bytes_of_text("e")).len, 0);
    assert_null(metadata_property(bytes_of(NULL, 0), bytes_of_text("id")).data);
    assert_null(metadata_property(HEX("22ff"), bytes_of_text("id")).data);
}

static void a_batch_says_its_messages_and_last_sequence_id(void **state)
{
    struct metadata m;

    /* num_messages_in_batch 3, highest_sequence_id 9, compression LZ4, uncompressed_size 300 */
    assert_int_equal(metadata_scan(HEX(REQUIRED "4001 48ac02 5803 c00109"), &m), OK);
    assert_true(m.is_batch);
    assert_int_equal(m.messages, 3);
    assert_int_equal(m.highest_sequence_id, 9);
    assert_int_equal(m.compression, WIRE__COMPRESSION_TYPE__LZ4);
    assert_int_equal(m.uncompressed_size, 300);
}

static void a_batch_of_one_is_still_a_batch(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX(REQUIRED "5801"), &m), OK);
    assert_true(m.is_batch);
    assert_int_equal(m.messages, 1);
}

static void a_batch_of_none_or_of_too_many_is_refused(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX(REQUIRED "5800"), &m), ERR_PROTOCOL);
    assert_int_equal(metadata_scan(HEX(REQUIRED "58ffffffffffffffffff01"), &m), ERR_PROTOCOL); /* -1 */
    assert_int_equal(metadata_scan(HEX(REQUIRED "5880808008"), &m), OK);                       /* 2^24 */
    assert_int_equal(metadata_scan(HEX(REQUIRED "5881808008"), &m), ERR_PROTOCOL);
}

static void the_ordering_key_goes_before_the_partition_key(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX(REQUIRED "32026b31 880101"), &m), OK);
    assert_true(m.partition_key_is_base64);
    assert_text_equal(metadata_key(&m), "k1");
    assert_int_equal(metadata_scan(HEX(REQUIRED "32026b31 9201026f31"), &m), OK);
    assert_text_equal(metadata_key(&m), "o1");
}

static void markers_transactions_chunks_and_replication_are_told(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX(REQUIRED "a00115"), &m), OK);
    assert_true(m.is_marker);
    assert_int_equal(m.marker_type, 21);
    assert_int_equal(metadata_scan(HEX(REQUIRED "b00105 b80102"), &m), OK);
    assert_true(m.in_transaction);
    assert_int_equal(m.transaction_least, 5);
    assert_int_equal(m.transaction_most, 2);
    assert_int_equal(metadata_scan(HEX(REQUIRED "b00105"), &m), OK);
    assert_false(m.in_transaction);
    assert_int_equal(metadata_scan(HEX(REQUIRED "d2010175 d80103 e00164 e80102"), &m), OK);
    assert_true(m.is_chunk);
    assert_text_equal(m.chunk_uuid, "u");
    assert_int_equal(m.chunks, 3);
    assert_int_equal(m.chunked_size, 100);
    assert_int_equal(m.chunk_id, 2);
    assert_int_equal(metadata_scan(HEX(REQUIRED "2a0161 3a0162 6a060a016b 120176"), &m), OK);
    assert_true(m.is_replicated && m.has_replicate_to && m.is_encrypted);
    assert_text_equal(m.replicated_from, "a");
}

static void what_lacks_a_required_field_is_refused(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX("1007 18e807"), &m), ERR_PROTOCOL);
    assert_int_equal(metadata_scan(HEX("0a0170 18e807"), &m), ERR_PROTOCOL);
    assert_int_equal(metadata_scan(HEX("0a0170 1007"), &m), ERR_PROTOCOL);
    assert_int_equal(metadata_scan(bytes_of(NULL, 0), &m), ERR_PROTOCOL);
}

static void what_is_of_the_wrong_kind_or_cut_short_is_refused(void **state)
{
    struct metadata m;

    assert_int_equal(metadata_scan(HEX("0a0170 1007 18e8"), &m), ERR_PROTOCOL);
    assert_int_equal(metadata_scan(HEX(REQUIRED "3001"), &m), ERR_PROTOCOL);
    assert_int_equal(metadata_scan(HEX(REQUIRED "5a0101"), &m), ERR_PROTOCOL);
}

static void everything_else_comes_from_the_decoder(void **state)
{
    struct arena arena;
    Wire__MessageMetadata *m;

    arena_init(&arena, 16 * 1024);
    /* properties { "k": "v" }, deliver_at_time 2000, a field 99 */
    assert_int_equal(metadata_decode(HEX(REQUIRED "2206 0a016b 120176 9801d00f 98067b"), &arena, &m), OK);
    assert_int_equal(m->n_properties, 1);
    assert_string_equal(m->properties[0]->key, "k");
    assert_string_equal(m->properties[0]->value, "v");
    assert_int_equal(m->deliver_at_time, 2000);
    assert_int_equal(m->base.n_unknown_fields, 1);
    arena_deinit(&arena);
}

static void what_is_plain_is_written_the_same_by_hand(void **state)
{
    static const Wire__CompressionType types[] = {WIRE__COMPRESSION_TYPE__NONE, WIRE__COMPRESSION_TYPE__ZSTD};
    static const uint64_t numbers[] = {0, 127, 128, UINT64_MAX};
    char name[] = "standalone-0-1";
    uint8_t expected[100], out[METADATA_PLAIN_MAX + sizeof name];

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] * 2; i++) {
        const struct metadata plain = {.producer_name = bytes_of_text(i % 3 ? name : ""),
                                       .sequence_id = numbers[i / 2],
                                       .publish_time = numbers[3 - i / 2],
                                       .uncompressed_size = (uint32_t)numbers[i / 2],
                                       .compression = types[i % 2]};
        Wire__MessageMetadata m = WIRE__MESSAGE_METADATA__INIT;
        m.producer_name = i % 3 ? name : name + strlen(name);
        m.sequence_id = plain.sequence_id;
        m.publish_time = plain.publish_time;
        m.has_compression = plain.compression != WIRE__COMPRESSION_TYPE__NONE;
        m.compression = plain.compression;
        m.has_uncompressed_size = true;
        m.uncompressed_size = plain.uncompressed_size;
        const size_t len = wire__message_metadata__pack(&m, expected);
        assert_bytes_equal(bytes_of(out, metadata_plain_encode(out, &plain)), bytes_of(expected, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_metadata_is_one_message),
        cmocka_unit_test(metadata_with_properties_says_so),
        cmocka_unit_test(a_property_is_found_by_its_name),
        cmocka_unit_test(a_batch_says_its_messages_and_last_sequence_id),
        cmocka_unit_test(a_batch_of_one_is_still_a_batch),
        cmocka_unit_test(a_batch_of_none_or_of_too_many_is_refused),
        cmocka_unit_test(the_ordering_key_goes_before_the_partition_key),
        cmocka_unit_test(markers_transactions_chunks_and_replication_are_told),
        cmocka_unit_test(what_lacks_a_required_field_is_refused),
        cmocka_unit_test(what_is_of_the_wrong_kind_or_cut_short_is_refused),
        cmocka_unit_test(everything_else_comes_from_the_decoder),
        cmocka_unit_test(what_is_plain_is_written_the_same_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
