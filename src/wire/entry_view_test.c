/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_view_test.c - the parts of an entry.
 */
#include "wire/wire_test.h"

#include "wire/entry_view.h"

/* producer_name "p", sequence_id 7, publish_time 1000 */
#define METADATA "0a0170 1007 18e807 "
/* Its checksum was computed bit by bit, elsewhere. */
#define ENTRY "0e01 90bb0e5a 00000008 " METADATA "6869"

static void an_entry_is_found_in_its_parts(void **state)
{
    struct entry_view v;

    assert_int_equal(entry_view_decode(HEX(ENTRY), &v), OK);
    assert_true(v.has_checksum);
    assert_int_equal(v.checksum, 0x90bb0e5a);
    assert_bytes_equal(v.metadata_bytes, HEX(METADATA));
    assert_int_equal(v.metadata.sequence_id, 7);
    assert_text_equal(v.payload, "hi");
    assert_bytes_equal(v.entry, HEX(ENTRY));
    assert_false(v.has_broker_timestamp || v.has_broker_index);
    assert_int_equal(entry_view_verify(&v), OK);
    const struct crc32c_tail known = entry_view_known(&v);
    assert_true(known.len < v.entry.len);
    assert_int_equal(known.crc, crc32c(0, bytes_of(v.entry.data + (v.entry.len - known.len), known.len)));
}

static void one_wrong_bit_anywhere_is_found(void **state)
{
    uint8_t store[sizeof ENTRY];
    struct bytes entry = hex_into(store, ENTRY);
    size_t found = 0;

    for (size_t bit = 16; bit < entry.len * 8; bit++) { /* behind the magic */
        struct entry_view v;
        store[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (entry_view_decode(entry, &v) != OK || entry_view_verify(&v) == ERR_CHECKSUM)
            found++;
        store[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(found, entry.len * 8 - 16);
}

static void an_entry_without_a_checksum_is_taken_as_it_is(void **state)
{
    struct entry_view v;

    assert_int_equal(entry_view_decode(HEX("00000008 " METADATA "6869"), &v), OK);
    assert_false(v.has_checksum);
    assert_text_equal(v.payload, "hi");
    assert_int_equal(entry_view_verify(&v), OK);
}

static void broker_entry_metadata_is_read_and_skipped(void **state)
{
    struct entry_view v;

    /* broker_timestamp 1000, index 5, and a field 3 that we do not know */
    assert_int_equal(entry_view_decode(HEX("0e02 00000007 08e807 1005 1801 " ENTRY), &v), OK);
    assert_true(v.has_broker_timestamp && v.has_broker_index);
    assert_int_equal(v.broker_timestamp, 1000);
    assert_int_equal(v.broker_index, 5);
    assert_bytes_equal(v.entry, HEX(ENTRY));
    assert_int_equal(entry_view_verify(&v), OK);
    assert_int_equal(entry_view_decode(HEX("0e02 00000000 " ENTRY), &v), OK);
    assert_false(v.has_broker_timestamp || v.has_broker_index);
}

static void an_empty_payload_is_fine(void **state)
{
    struct entry_view v;

    assert_int_equal(entry_view_decode(HEX("00000008 " METADATA), &v), OK);
    assert_int_equal(v.payload.len, 0);
}

static void every_cut_before_the_payload_is_refused(void **state)
{
    uint8_t store[sizeof ENTRY + 16];
    struct bytes entry = hex_into(store, "0e02 00000005 08e807 1005 " ENTRY);

    for (size_t len = 0; len < entry.len - 2; len++) {
        struct entry_view v;
        assert_int_equal(entry_view_decode(bytes_of(store, len), &v), ERR_PROTOCOL);
    }
}

static void sizes_beyond_the_entry_are_refused(void **state)
{
    struct entry_view v;

    assert_int_equal(entry_view_decode(HEX("0000000b " METADATA "6869"), &v), ERR_PROTOCOL);
    assert_int_equal(entry_view_decode(HEX("ffffffff " METADATA "6869"), &v), ERR_PROTOCOL);
    assert_int_equal(entry_view_decode(HEX("0e02 ffffffff 08e8071005"), &v), ERR_PROTOCOL);
}

static void the_head_is_written_with_its_checksum(void **state)
{
    uint8_t head[ENTRY_HEAD_SIZE];

    entry_head_encode(head, HEX(METADATA), bytes_of_text("hi"));
    assert_bytes_equal(bytes_of(head, sizeof head), HEX("0e01 90bb0e5a 00000008"));
}

static void broker_entry_metadata_is_written_as_it_is_read(void **state)
{
    uint8_t head[ENTRY_BROKER_HEAD_MAX];

    size_t len = entry_broker_head_encode(head, 1000, 5);
    assert_bytes_equal(bytes_of(head, len), HEX("0e02 00000005 08e807 1005"));
    assert_int_equal(entry_broker_head_encode(head, UINT64_MAX, UINT64_MAX), ENTRY_BROKER_HEAD_MAX);
}

static void a_checksum_that_is_known_is_not_computed_again_but_when_it_is_of_other_bytes(void **state)
{
    struct entry_view v;

    assert_int_equal(entry_view_decode(HEX(ENTRY), &v), OK);
    struct crc32c_tail known = entry_view_known(&v);
    assert_int_equal(entry_view_verify_known(&v, known), OK);
    known.crc ^= 1;
    assert_int_equal(entry_view_verify_known(&v, known), ERR_CHECKSUM);
    known.len--;
    assert_int_equal(entry_view_verify_known(&v, known), OK);
}

static void where_the_covered_bytes_begin_is_found_as_soon_as_the_checksum_is_there(void **state)
{
    uint8_t frame[64] = {0, 0, 0, 60, 0, 0, 0, 5, 8, 1, 2, 3, 4, 0x0e, 0x01, 1, 2, 3, 4};

    for (size_t len = 0; len < 19; len++)
        assert_int_equal(entry_covered_offset(bytes_of(frame, len)), 0);
    assert_int_equal(entry_covered_offset(bytes_of(frame, 19)), 19);
    assert_int_equal(entry_covered_offset(bytes_of(frame, 64)), 19);
    frame[14] = 2;
    assert_int_equal(entry_covered_offset(bytes_of(frame, 64)), 0);
    frame[4] = 0xff; /* a command larger than any frame */
    assert_int_equal(entry_covered_offset(bytes_of(frame, 64)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_found_in_its_parts),
        cmocka_unit_test(one_wrong_bit_anywhere_is_found),
        cmocka_unit_test(an_entry_without_a_checksum_is_taken_as_it_is),
        cmocka_unit_test(broker_entry_metadata_is_read_and_skipped),
        cmocka_unit_test(an_empty_payload_is_fine),
        cmocka_unit_test(every_cut_before_the_payload_is_refused),
        cmocka_unit_test(sizes_beyond_the_entry_are_refused),
        cmocka_unit_test(the_head_is_written_with_its_checksum),
        cmocka_unit_test(broker_entry_metadata_is_written_as_it_is_read),
        cmocka_unit_test(a_checksum_that_is_known_is_not_computed_again_but_when_it_is_of_other_bytes),
        cmocka_unit_test(where_the_covered_bytes_begin_is_found_as_soon_as_the_checksum_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
