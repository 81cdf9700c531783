/* SPDX-License-Identifier: Apache-2.0
 *
 * formats_test.c - the bytes of records, entries, journal files, batches and segments, pinned.
 *
 * A test here that fails means: directories written by released programs are not read any more.
 */
#include "base/base_test.h"
#include "base/checksum.h"
#include "store/entry.h"
#include "store/journal_file.h"
#include "store/record.h"
#include "store/segment.h"

#include <stdio.h>

static void expect_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    char got[1024] = "";

    assert_true(len * 2 < sizeof got);
    for (size_t i = 0; i < len; i++)
        snprintf(got + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(got, hex);
}

static const struct entry_header header = {
    .kind = ENTRY_DATA,
    .flags = ENTRY_BATCHED | ENTRY_REPLICATED,
    .messages = 3,
    .first_message = 0x1122334455667788,
    .broker_ms = 1700000000000,
    .publish_ms = 1699999999999,
};

static size_t encode_entry(uint8_t *to)
{
    const struct position p = {.ledger = 7, .entry = 5};

    entry_header_encode(to, p, &header, 4);
    memcpy(to + ENTRY_HEADER_SIZE, "data", 4);
    record_seal(to, ENTRY_HEADER_SIZE, bytes_of(to + ENTRY_HEADER_SIZE, 4));
    return ENTRY_HEADER_SIZE + 4;
}

static void an_entry_is_these_bytes(void **state)
{
    uint8_t bytes[80];
    struct stored_entry e;
    const size_t len = encode_entry(bytes);

    expect_hex(bytes, len,
               "3c000000"
               "e1cd095a"
               "01"
               "01"
               "3800"
               "05000000"
               "0700000000000000"
               "8877665544332211"
               "0068e5cf8b010000"
               "ff67e5cf8b010000"
               "03000000"
               "0900"
               "00"
               "00"
               "64617461");
    assert_int_equal(entry_decode_at(&e, bytes_of(bytes, len), (struct position){7, 5}), OK);
    assert_int_equal(e.header.messages, 3);
    assert_int_equal(e.header.flags, ENTRY_BATCHED | ENTRY_REPLICATED);
    assert_int_equal(e.header.publish_ms, 1699999999999);
    assert_true(bytes_equal(e.bytes, bytes_of_text("data")));
    assert_int_equal(entry_decode_at(&e, bytes_of(bytes, len), (struct position){7, 6}), ERR_CORRUPT);
    assert_int_equal(entry_decode_at(&e, bytes_of(bytes, len), (struct position){8, 5}), ERR_CORRUPT);
}

static void any_flipped_bit_and_any_cut_of_an_entry_is_noticed(void **state)
{
    uint8_t bytes[80];
    struct stored_entry e;
    const size_t len = encode_entry(bytes);

    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(entry_decode_at(&e, bytes_of(bytes, len), (struct position){7, 5}), OK);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(entry_decode_at(&e, bytes_of(bytes, cut), (struct position){7, 5}), OK);
}

static void an_entry_with_a_longer_header_of_a_later_version_is_still_read(void **state)
{
    uint8_t bytes[80];
    struct stored_entry e;
    const struct position p = {.ledger = 7, .entry = 5};

    entry_header_encode(bytes, p, &header, 12);
    le16_put(bytes + 10, ENTRY_HEADER_SIZE + 8); /* eight bytes that we know nothing of */
    memcpy(bytes + ENTRY_HEADER_SIZE, "newfielddata", 12);
    record_seal(bytes, ENTRY_HEADER_SIZE, bytes_of(bytes + ENTRY_HEADER_SIZE, 12));
    assert_int_equal(entry_decode_at(&e, bytes_of(bytes, ENTRY_HEADER_SIZE + 12), p), OK);
    assert_true(bytes_equal(e.bytes, bytes_of_text("data")));
}

static void records_are_these_bytes(void **state)
{
    uint8_t to[128];
    struct record record;
    struct record_ledger_create create = {.ledger = 1, .topic = 2, .created_ms = 3, .first_message = 4}, create_back;
    struct record_ledger_close close = {.ledger = 1, .closed_ms = 9}, close_back;
    uint64_t deleted;

    record_ledger_create_encode(to, &create);
    record_seal(to, RECORD_LEDGER_CREATE_SIZE, bytes_of(NULL, 0));
    expect_hex(to, RECORD_LEDGER_CREATE_SIZE,
               "2c000000"
               "1f9ae7c5"
               "02010c00"
               "0100000000000000"
               "0200000000000000"
               "0300000000000000"
               "0400000000000000");
    assert_int_equal(record_decode(&record, bytes_of(to, sizeof to)), OK);
    assert_int_equal(record_ledger_create_decode(&create_back, &record), OK);
    assert_int_equal(create_back.first_message, 4);
    assert_int_equal(record_ledger_close_decode(&close_back, &record), ERR_CORRUPT); /* another kind */

    record_ledger_close_encode(to, &close);
    record_seal(to, RECORD_LEDGER_CLOSE_SIZE, bytes_of(NULL, 0));
    expect_hex(to, RECORD_LEDGER_CLOSE_SIZE,
               "1c000000"
               "e96fdde3"
               "03010c00"
               "0100000000000000"
               "0900000000000000");
    record_ledger_delete_encode(to, 258);
    record_seal(to, RECORD_LEDGER_DELETE_SIZE, bytes_of(NULL, 0));
    expect_hex(to, RECORD_LEDGER_DELETE_SIZE,
               "14000000"
               "535a1ae6"
               "04010c00"
               "0201000000000000");
    assert_int_equal(record_decode(&record, bytes_of(to, sizeof to)), OK);
    assert_int_equal(record_ledger_delete_decode(&deleted, &record), OK);
    assert_int_equal(deleted, 258);
}

static void a_cursor_record_is_these_bytes(void **state)
{
    uint8_t to[128];
    struct record record;
    const struct record_cursor acks = {.subscription = 6, .mark_delete = {-1, -1}, .next_message = 8};
    const struct record_run run = {.ledger = 1, .first = 2, .last = 3, .messages = 4};
    struct record_cursor back;
    struct record_run run_back;

    record_cursor_encode(to, RECORD_CURSOR_ACKS, &acks, 1);
    record_run_encode(to + RECORD_CURSOR_SIZE, &run);
    record_seal(to, RECORD_CURSOR_SIZE + RECORD_RUN_SIZE, bytes_of(NULL, 0));
    expect_hex(to, RECORD_CURSOR_SIZE + RECORD_RUN_SIZE,
               "4c000000"
               "c28fcbfe"
               "08010c00"
               "0600000000000000"
               "0000000000000000"
               "ffffffffffffffff"
               "ffffffffffffffff"
               "0800000000000000"
               "0100000000000000"
               "02000000"
               "03000000"
               "04000000"
               "00000000");
    assert_int_equal(record_decode(&record, bytes_of(to, sizeof to)), OK);
    assert_int_equal(record_cursor_decode(&back, &record), OK);
    assert_int_equal(back.mark_delete.entry, -1);
    assert_int_equal(record_run_decode(&run_back, &back.runs), OK);
    assert_int_equal(run_back.last, 3);
    assert_int_equal(record_run_decode(&run_back, &back.runs), ERR_NOT_FOUND);
}

static void a_record_of_a_kind_we_do_not_know_is_of_a_newer_version(void **state)
{
    uint8_t to[RECORD_LEDGER_DELETE_SIZE];
    struct record record;

    record_ledger_delete_encode(to, 1);
    to[8] = 99;
    record_seal(to, sizeof to, bytes_of(NULL, 0));
    assert_int_equal(record_decode(&record, bytes_of(to, sizeof to)), ERR_VERSION);
    record_ledger_delete_encode(to, 1);
    to[9] = 2;
    record_seal(to, sizeof to, bytes_of(NULL, 0));
    assert_int_equal(record_decode(&record, bytes_of(to, sizeof to)), ERR_VERSION);
}

static void a_journal_file_header_is_these_bytes(void **state)
{
    uint8_t to[JOURNAL_HEADER_SIZE];
    const struct journal_file_header h = {.generation = 2, .first_batch = 3, .previous_crc = 4, .salt = 5};
    struct journal_file_header back;

    journal_file_header_encode(to, &h);
    expect_hex(to, 64,
               "474d47414a524e4c"
               "01000000"
               "8d9a1bf0"
               "0200000000000000"
               "0300000000000000"
               "04000000"
               "00000000"
               "0500000000000000"
               "00000000000000000000000000000000");
    assert_int_equal(journal_file_header_decode(&back, bytes_of(to, sizeof to)), OK);
    assert_int_equal(back.salt, 5);
    le32_put(to + 8, 2);
    le32_put(to + 12, 0);
    le32_put(to + 12, crc32c(0, bytes_of(to, 64)));
    assert_int_equal(journal_file_header_decode(&back, bytes_of(to, sizeof to)), ERR_VERSION);
}

static void a_batch_header_is_these_bytes(void **state)
{
    uint8_t to[JOURNAL_BATCH_HEADER_SIZE];
    const struct bytes parts[2] = {bytes_of_text("pay"), bytes_of_text("load")};
    struct batch_header h = {.number = 1,
                             .generation = 2,
                             .payload_len = 7,
                             .previous_crc = 3,
                             .records = 4,
                             .kind = BATCH_RECORDS},
                        back;

    batch_header_encode(to, &h, 9, parts, 2);
    expect_hex(to, sizeof to,
               "42544348"
               "8ff2c3b5"
               "0100000000000000"
               "0200000000000000"
               "07000000"
               "03000000"
               "04000000"
               "00000000"
               "0000000000000000");
    assert_int_equal(batch_header_decode(&back, to), OK);
    assert_int_equal(back.crc, batch_crc(to, 9, bytes_of_text("payload")));
    assert_int_not_equal(back.crc, batch_crc(to, 8, bytes_of_text("payload"))); /* another life of the file */
    assert_int_equal(batch_span(0), 512);
    assert_int_equal(batch_span(512 - 48), 512);
    assert_int_equal(batch_span(512 - 47), 1024);
}

static void file_names_have_one_spelling(void **state)
{
    char path[SEGMENT_PATH_SIZE];
    uint64_t number;

    journal_path(path, 0x1a);
    assert_string_equal(path, "journal/0000001a.journal");
    assert_true(journal_path_parse("0000001a.journal", &number));
    assert_int_equal(number, 0x1a);
    assert_false(journal_path_parse("1a.journal", &number));
    assert_false(journal_path_parse("0000001A.journal", &number));
    assert_false(journal_path_parse("0000001a.journal~", &number));
    segment_path(path, 1);
    assert_string_equal(path, "segments/0000000000000001.segment");
    assert_true(segment_path_parse("0000000000000001.segment", &number));
    assert_false(segment_path_parse("x", &number));
}

static void an_extent_is_these_bytes(void **state)
{
    uint8_t to[EXTENT_ENCODED];
    const struct extent e = {.file = 1, .first = 2, .entries = 3, .offset = 4, .len = 5, .index_offset = 6};
    struct extent back;

    extent_encode(to, &e);
    expect_hex(to, sizeof to,
               "0100000000000000"
               "02000000"
               "03000000"
               "0400000000000000"
               "0500000000000000"
               "0600000000000000");
    extent_decode(&back, to);
    assert_memory_equal(&back, &e, sizeof e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_these_bytes),
        cmocka_unit_test(any_flipped_bit_and_any_cut_of_an_entry_is_noticed),
        cmocka_unit_test(an_entry_with_a_longer_header_of_a_later_version_is_still_read),
        cmocka_unit_test(records_are_these_bytes),
        cmocka_unit_test(a_cursor_record_is_these_bytes),
        cmocka_unit_test(a_record_of_a_kind_we_do_not_know_is_of_a_newer_version),
        cmocka_unit_test(a_journal_file_header_is_these_bytes),
        cmocka_unit_test(a_batch_header_is_these_bytes),
        cmocka_unit_test(file_names_have_one_spelling),
        cmocka_unit_test(an_extent_is_these_bytes),
    };

    return cmocka_run_group_tests_name("store: formats", tests, NULL, NULL);
}
