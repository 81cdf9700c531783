/* SPDX-License-Identifier: Apache-2.0
 *
 * formats_test.c - the bytes of records, entries, journal files, batches and segments, pinned.
 *
 * A test here that fails means: directories written by released programs are not read any more.
 */
#include "base/base_test.h"
#include "base/checksum.h"
#include "store/catalog_tables.h"
#include "store/cursor_record.h"
#include "store/cursor_row.h"
#include "store/entry.h"
#include "store/index_batch.h"
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

static void a_record_is_sealed_the_same_whatever_is_known_of_its_end(void **state)
{
    static uint8_t apart[3000], whole[ENTRY_HEADER_SIZE + 3000];
    const struct position p = {.ledger = 7, .entry = 5};

    for (size_t i = 0; i < sizeof apart; i++)
        apart[i] = (uint8_t)(i * i);
    memcpy(whole + ENTRY_HEADER_SIZE, apart, sizeof apart);
    entry_header_encode(whole, p, &header, sizeof apart);
    const uint32_t crc = record_seal(whole, sizeof whole, bytes_of(NULL, 0));
    for (uint32_t len = 0; len <= sizeof apart; len += 250) {
        const struct crc32c_tail known = {len, crc32c(0, bytes_of(apart + sizeof apart - len, len))};
        assert_int_equal(record_seal_known(whole, sizeof whole, bytes_of(NULL, 0), known), crc);
        assert_int_equal(record_seal_known(whole, ENTRY_HEADER_SIZE, bytes_of(apart, sizeof apart), known), crc);
        assert_int_equal(le32_get(whole + 4), crc);
    }
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
    record_begin(bytes, RECORD_ENTRY, ENTRY_HEADER_SIZE + 20);
    le16_put(bytes + 10, ENTRY_HEADER_SIZE + 16);
    le64_put(bytes + ENTRY_DELIVER_AT, 4711);
    memcpy(bytes + ENTRY_DELIVER_AT + 8, "newfielddata", 12); /* eight bytes that we know nothing of */
    record_seal(bytes, ENTRY_HEADER_SIZE, bytes_of(bytes + ENTRY_HEADER_SIZE, 20));
    assert_int_equal(entry_decode_at(&e, bytes_of(bytes, ENTRY_HEADER_SIZE + 20), p), OK);
    assert_int_equal(e.header.deliver_ms, 4711);
    assert_true(bytes_equal(e.bytes, bytes_of_text("data")));
}

static void an_entry_that_is_to_be_delivered_later_has_that_time_behind_the_usual_header(void **state)
{
    const struct position p = {.ledger = 7, .entry = 5};
    struct entry_header delayed = header;
    struct stored_entry e;
    uint8_t bytes[80];

    delayed.deliver_ms = 0x0102030405060708;
    assert_int_equal(entry_header_size(&header), 56);
    assert_int_equal(entry_header_size(&delayed), 64);
    entry_header_encode(bytes, p, &delayed, 4);
    memcpy(bytes + 64, "data", 4);
    record_seal(bytes, 64, bytes_of(bytes + 64, 4));
    expect_hex(bytes + 10, 2, "4000");
    expect_hex(bytes + 56, 12, "080706050403020164617461");
    assert_int_equal(entry_decode_at(&e, bytes_of(bytes, 68), p), OK);
    assert_true(e.header.deliver_ms == delayed.deliver_ms);
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

static size_t from_hex(uint8_t *to, const char *hex)
{
    size_t len = 0;

    for (unsigned byte; sscanf(hex + 2 * len, "%2x", &byte) == 1; len++)
        to[len] = (uint8_t)byte;
    return len;
}

/* Zero is no id; in memory it is that of cursors that are not kept (the fuzzer found that one was kept for ever). */
static void a_cursor_record_without_a_subscription_is_corrupt(void **state)
{
    uint8_t bytes[RECORD_CURSOR_SIZE] = {0};
    struct record_cursor back;
    struct record record;

    record_begin(bytes, RECORD_CURSOR_CREATE, sizeof bytes);
    record_seal(bytes, sizeof bytes, bytes_of(NULL, 0));
    assert_int_equal(record_decode(&record, bytes_of(bytes, sizeof bytes)), OK);
    assert_int_equal(record_cursor_decode(&back, &record), ERR_CORRUPT);
}

/* Nobody writes such: taken for kept, it had recovery look for a ledger before the first (the fuzzer found it). */
static void a_cursor_record_of_a_position_before_earliest_is_corrupt(void **state)
{
    uint8_t bytes[RECORD_CURSOR_SIZE] = {0};
    struct record_cursor back;
    struct record record;

    for (int64_t ledger = -1; ledger >= -2; ledger--) {
        record_begin(bytes, RECORD_CURSOR_CREATE, sizeof bytes);
        le64_put(bytes + 12, 6);
        le64_put(bytes + 28, (uint64_t)ledger);
        le64_put(bytes + 36, (uint64_t)ledger);
        record_seal(bytes, sizeof bytes, bytes_of(NULL, 0));
        assert_int_equal(record_decode(&record, bytes_of(bytes, sizeof bytes)), OK);
        assert_int_equal(record_cursor_decode(&back, &record), ledger == -1 ? OK : ERR_CORRUPT);
    }
}

static void a_cursor_record_of_format_1_is_these_bytes(void **state)
{
    uint8_t from[128];
    struct record record;
    struct record_cursor back;
    struct record_run run_back;
    const size_t len = from_hex(from, "4c000000"
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

    assert_int_equal(record_decode(&record, bytes_of(from, len)), OK);
    assert_int_equal(record_cursor_decode(&back, &record), OK);
    assert_int_equal(back.mark_delete.entry, -1);
    assert_int_equal(record_run_decode(&run_back, &back.runs), OK);
    assert_int_equal(run_back.last, 3);
    assert_int_equal(record_run_decode(&run_back, &back.runs), ERR_NOT_FOUND);
}

static const struct record_run example_runs[] = {
    {.ledger = 9, .first = 300, .last = 300, .messages = 1},
    {.ledger = 9, .first = 302, .last = 310, .messages = 1000},
    {.ledger = 12, .first = 0, .last = 0, .messages = 1},
    {.ledger = 9, .first = 20, .last = 20, .messages = 0},
};
static const struct cursor_mark example_marks[] = {
    {.position = {9, 22}, .count = 1},
    {.position = {12, 1}, .count = 200},
    {.position = {12, 2}, .messages = 10, .left = {(const uint8_t *)"\xf0\x03", 2}},
    {.position = {12, 4}, .count = 3, .left = {(const uint8_t *)"\x01", 1}},
};
static const struct cursor_changes example_changes = {
    .subscription = 6,
    .mark_delete = {9, 7},
    .next_message = 8,
    .runs = example_runs,
    .run_count = 4,
    .marks = example_marks,
    .mark_count = 4,
};

/* What the record in `to` says: the example's runs, and so many of its marks. */
static void expect_changes(const uint8_t *to, size_t len, size_t marks)
{
    struct cursor_changes_reader back;
    struct record record;
    struct record_run run;
    struct cursor_mark mark;

    assert_int_equal(record_decode(&record, bytes_of(to, len)), OK);
    assert_int_equal(cursor_changes_decode(&back, &record), OK);
    assert_int_equal(back.subscription, 6);
    assert_true(position_equal(back.mark_delete, example_changes.mark_delete));
    assert_int_equal(back.next_message, 8);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cursor_changes_run(&back, &run), OK);
        assert_int_equal(run.ledger, example_runs[i].ledger);
        assert_int_equal(run.first, example_runs[i].first);
        assert_int_equal(run.last, example_runs[i].last);
        assert_int_equal(run.messages, example_runs[i].messages);
    }
    assert_int_equal(cursor_changes_run(&back, &run), ERR_NOT_FOUND);
    for (size_t i = 0; i < marks; i++) {
        assert_int_equal(cursor_changes_mark(&back, &mark), OK);
        assert_true(position_equal(mark.position, example_marks[i].position));
        assert_int_equal(mark.count, example_marks[i].count);
        assert_int_equal(mark.messages, example_marks[i].messages);
        assert_true(bytes_equal(mark.left, example_marks[i].left));
    }
    assert_int_equal(cursor_changes_mark(&back, &mark), ERR_NOT_FOUND);
}

static void changes_of_a_cursor_to_a_position_before_earliest_are_corrupt(void **state)
{
    struct cursor_changes changes = example_changes;
    struct cursor_changes_reader back;
    struct record record;
    uint8_t to[128];
    const size_t len = cursor_changes_size(&changes);

    changes.mark_delete = (struct position){-2, 0};
    cursor_changes_encode(&changes, to);
    record_seal(to, len, bytes_of(NULL, 0));
    assert_int_equal(record_decode(&record, bytes_of(to, len)), OK);
    assert_int_equal(cursor_changes_decode(&back, &record), ERR_CORRUPT);
}

static void a_record_of_what_changed_of_a_cursor_is_these_bytes(void **state)
{
    uint8_t to[128];
    const size_t len = cursor_changes_size(&example_changes);

    cursor_changes_encode(&example_changes, to);
    record_seal(to, len, bytes_of(NULL, 0));
    expect_hex(to, len,
               "5c000000"
               "6d9e67ab"
               "0d010c00"
               "0600000000000000"
               "04000000"
               "04000000"
               "0900000000000000"
               "0700000000000000"
               "0800000000000000"
               "00d8040001"
               "000408e807"
               "06000001"
               "05280000"
               "00040100"
               "0602c80100"
               "0002"
               "00020af003"
               "0004"
               "03010001");
    expect_changes(to, len, 4);
}

static void a_record_of_what_changed_of_a_cursor_of_format_2_is_these_bytes(void **state)
{
    uint8_t from[128];
    const size_t len = from_hex(from, "4d000000"
                                      "b1f81f7e"
                                      "0c010c00"
                                      "0600000000000000"
                                      "04000000"
                                      "02000000"
                                      "0900000000000000"
                                      "0700000000000000"
                                      "0800000000000000"
                                      "00d8040001"
                                      "000408e807"
                                      "06000001"
                                      "05280000"
                                      "000401"
                                      "0602c801");

    expect_changes(from, len, 2);
}

/* All of it, or an error: with the checksum made right, as only a program's fault could. */
static enum err read_changes(struct bytes bytes)
{
    struct record record;
    struct cursor_changes_reader back;
    struct record_run run;
    struct cursor_mark mark;
    enum err err;

    if ((err = record_decode(&record, bytes)) != OK || (err = cursor_changes_decode(&back, &record)) != OK)
        return err;
    while ((err = cursor_changes_run(&back, &run)) == OK)
        ;
    while (err == ERR_NOT_FOUND && (err = cursor_changes_mark(&back, &mark)) == OK)
        err = ERR_NOT_FOUND;
    return err == ERR_NOT_FOUND ? OK : err;
}

static void a_record_of_changes_that_ends_early_or_late_is_damage(void **state)
{
    uint8_t to[128] = {0};
    const size_t len = cursor_changes_size(&example_changes);

    cursor_changes_encode(&example_changes, to);
    record_seal(to, len, bytes_of(NULL, 0));
    assert_int_equal(read_changes(bytes_of(to, len)), OK);
    for (size_t cut = RECORD_HEADER_SIZE; cut <= len + 3; cut++) {
        if (cut == len)
            continue;
        le32_put(to, (uint32_t)cut);
        record_seal(to, cut, bytes_of(NULL, 0));
        assert_int_equal(read_changes(bytes_of(to, cut)), ERR_CORRUPT);
    }
}

static void a_row_of_a_cursor_is_these_bytes(void **state)
{
    const struct ledger_info chain[] = {{.id = 3, .entries = 4, .messages = 44},
                                        {.id = 5, .entries = 100, .first_message = 44, .messages = 300, .open = true}};
    uint8_t to[512];
    struct redeliveries counts = {0};
    struct partial_acks partial = {0};
    const struct partial_ack part = {{5, 9}, 10, bytes_of_text("\x81\x01")};
    struct cursor_state back;
    struct ack_set acks;
    struct cursor_row row;

    ack_set_init(&acks, (struct position){3, -1}, 0);
    assert_int_equal(ack_set_ack_range(&acks, chain, 2, 5, 2, 4, 3, NULL), OK);
    assert_int_equal(redeliveries_set(&counts, (struct position){3, 2}, 5), OK);
    assert_int_equal(partial_acks_set(&partial, &part), OK);
    assert_int_equal(cursor_row_take(&row, &acks, &counts, &partial), OK);
    const size_t len = cursor_row_size(&row);
    assert_true(len < sizeof to);
    cursor_row_encode(&row, to);
    cursor_row_release(&row);
    expect_hex(to, len,
               "03000000"
               "01000000"
               "0300000000000000"
               "ffffffffffffffff"
               "0000000000000000"
               "01000000"
               "01000000"
               "0500000000000000"
               "02000000"
               "00000000"
               "0f000000"
               "3b3000000100000200010002000200"
               "0f000000"
               "3b3000000100000200010002000200"
               "0300000000000000"
               "04000000"
               "00000000"
               "12000000"
               "3a3000000100000000000000100000000200"
               "12000000"
               "3a3000000100000000000000100000000200"
               "0500000000000000"
               "01000000"
               "05000000"
               "090a028101"
               "ab90db5d");
    assert_int_equal(cursor_row_decode(&back, bytes_of(to, len)), OK);
    ack_set_check(&back.acks, chain, 2);
    assert_int_equal(back.acks.messages, 9);
    assert_int_equal(redeliveries_get(&back.redelivered, (struct position){3, 2}), 5);
    partial_acks_check(&back.partial);
    assert_int_equal(back.partial.acked, 7);
    cursor_state_deinit(&back);
    cursor_state_deinit(&(struct cursor_state){acks, counts, partial});
}

static void a_row_of_a_cursor_of_format_2_is_these_bytes(void **state)
{
    uint8_t from[512];
    struct cursor_state back;
    const size_t len = from_hex(from, "02000000"
                                      "01000000"
                                      "0300000000000000"
                                      "ffffffffffffffff"
                                      "0000000000000000"
                                      "01000000"
                                      "00000000"
                                      "0500000000000000"
                                      "02000000"
                                      "00000000"
                                      "0f000000"
                                      "3b3000000100000200010002000200"
                                      "0f000000"
                                      "3b3000000100000200010002000200"
                                      "0300000000000000"
                                      "04000000"
                                      "00000000"
                                      "12000000"
                                      "3a3000000100000000000000100000000200"
                                      "12000000"
                                      "3a3000000100000000000000100000000200"
                                      "1a6a29f1");

    assert_int_equal(cursor_row_decode(&back, bytes_of(from, len)), OK);
    ack_set_check(&back.acks, NULL, 0);
    assert_int_equal(back.acks.messages, 9);
    assert_int_equal(redeliveries_get(&back.redelivered, (struct position){3, 2}), 5);
    assert_int_equal(back.partial.entries, 0);
    cursor_state_deinit(&back);
}

static void a_row_of_a_cursor_of_format_1_is_these_bytes(void **state)
{
    uint8_t from[512];
    struct cursor_state back;
    const size_t len = from_hex(from, "01000000"
                                      "01000000"
                                      "0300000000000000"
                                      "ffffffffffffffff"
                                      "0000000000000000"
                                      "0500000000000000"
                                      "02000000"
                                      "0f000000"
                                      "3b3000000100000200010002000200"
                                      "0f000000"
                                      "3b3000000100000200010002000200"
                                      "5c5a6105");

    assert_int_equal(cursor_row_decode(&back, bytes_of(from, len)), OK);
    ack_set_check(&back.acks, NULL, 0);
    assert_int_equal(back.acks.entries, 3);
    assert_int_equal(back.acks.messages, 9);
    assert_true(redeliveries_empty(&back.redelivered));
    cursor_state_deinit(&back);
}

static void a_change_of_the_catalog_is_these_bytes(void **state)
{
    struct catalog_change c = {CATALOG_PUT,
                               CATALOG_TOPIC,
                               {.id = 9, .parent = 8, .name = bytes_of_text("name"), .value = bytes_of_text("v")}},
                          back;
    uint8_t to[64];

    assert_int_equal(catalog_change_size(&c), 29);
    catalog_change_encode(&c, to);
    expect_hex(to, 29,
               "01"
               "04"
               "0000"
               "04000000"
               "0900000000000000"
               "0800000000000000"
               "6e616d65"
               "76");
    assert_int_equal(catalog_change_decode(&back, bytes_of(to, 29)), OK);
    assert_true(bytes_equal(back.row.value, bytes_of_text("v")));
    c.op = CATALOG_REMOVE;
    assert_int_equal(catalog_change_size(&c), 16);
    catalog_change_encode(&c, to);
    expect_hex(to, 16,
               "02"
               "04"
               "0000"
               "00000000"
               "0900000000000000");
}

static void a_row_of_a_ledger_is_these_bytes(void **state)
{
    const struct ledger_info l = {.entries = 1,
                                  .bytes = 2,
                                  .first_message = 3,
                                  .messages = 4,
                                  .created_ms = 5,
                                  .closed_ms = 6,
                                  .publish_ms_max = 7};
    uint8_t to[LEDGER_INFO_ENCODED]; /* the extents follow it */

    ledger_info_encode(&l, to);
    expect_hex(to, sizeof to,
               "02000000"
               "00000000"
               "0100000000000000"
               "0200000000000000"
               "0300000000000000"
               "0400000000000000"
               "0500000000000000"
               "0600000000000000"
               "0700000000000000");
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

    const uint32_t crc = batch_header_begin(to, &h, 9);
    batch_header_end(to, &h, crc32c(crc32c(crc, parts[0]), parts[1]));
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

static void a_batch_may_be_padded_to_the_end_of_its_page_and_no_further(void **state)
{
    uint8_t to[JOURNAL_BATCH_HEADER_SIZE];
    struct batch_header h = {.number = 1, .generation = 2, .payload_len = 70000, .records = 4, .pad = 7 * 512}, back;

    batch_header_end(to, &h, batch_header_begin(to, &h, 9));
    assert_int_equal(batch_header_decode(&back, to), OK);
    assert_int_equal(back.pad, 7 * 512);
    assert_int_equal(batch_whole(&back), batch_span(70000) + 7 * 512);
    le32_put(to + 44, 8 * 512);
    assert_int_equal(batch_header_decode(&back, to), ERR_CORRUPT);
    le32_put(to + 44, 100);
    assert_int_equal(batch_header_decode(&back, to), ERR_CORRUPT);
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
    const struct extent e = {
        .file = 1, .first = 2, .entries = 3, .offset = 4, .len = 5, .index_offset = 6, .journal = 7};
    struct extent back;

    extent_encode(to, &e);
    expect_hex(to, sizeof to,
               "0100000000000000"
               "02000000"
               "03000000"
               "0400000000000000"
               "0500000000000000"
               "0600000000000000"
               "0700000000000000");
    extent_decode(&back, to, EXTENT_ENCODED);
    assert_memory_equal(&back, &e, sizeof e);
    extent_decode(&back, to, EXTENT_ENCODED_1);
    assert_int_equal(back.index_offset, 6);
    assert_int_equal(back.journal, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_these_bytes),
        cmocka_unit_test(a_record_is_sealed_the_same_whatever_is_known_of_its_end),
        cmocka_unit_test(any_flipped_bit_and_any_cut_of_an_entry_is_noticed),
        cmocka_unit_test(an_entry_with_a_longer_header_of_a_later_version_is_still_read),
        cmocka_unit_test(an_entry_that_is_to_be_delivered_later_has_that_time_behind_the_usual_header),
        cmocka_unit_test(records_are_these_bytes),
        cmocka_unit_test(a_cursor_record_without_a_subscription_is_corrupt),
        cmocka_unit_test(a_cursor_record_of_a_position_before_earliest_is_corrupt),
        cmocka_unit_test(changes_of_a_cursor_to_a_position_before_earliest_are_corrupt),
        cmocka_unit_test(a_cursor_record_of_format_1_is_these_bytes),
        cmocka_unit_test(a_record_of_what_changed_of_a_cursor_is_these_bytes),
        cmocka_unit_test(a_record_of_what_changed_of_a_cursor_of_format_2_is_these_bytes),
        cmocka_unit_test(a_record_of_changes_that_ends_early_or_late_is_damage),
        cmocka_unit_test(a_row_of_a_cursor_is_these_bytes),
        cmocka_unit_test(a_row_of_a_cursor_of_format_2_is_these_bytes),
        cmocka_unit_test(a_row_of_a_cursor_of_format_1_is_these_bytes),
        cmocka_unit_test(a_change_of_the_catalog_is_these_bytes),
        cmocka_unit_test(a_row_of_a_ledger_is_these_bytes),
        cmocka_unit_test(a_record_of_a_kind_we_do_not_know_is_of_a_newer_version),
        cmocka_unit_test(a_journal_file_header_is_these_bytes),
        cmocka_unit_test(a_batch_header_is_these_bytes),
        cmocka_unit_test(a_batch_may_be_padded_to_the_end_of_its_page_and_no_further),
        cmocka_unit_test(file_names_have_one_spelling),
        cmocka_unit_test(an_extent_is_these_bytes),
    };

    return cmocka_run_group_tests_name("store: formats", tests, NULL, NULL);
}
