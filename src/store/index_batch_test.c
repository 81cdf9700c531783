/* SPDX-License-Identifier: Apache-2.0 */
#include "store/index_batch.h"

#include "base/base_test.h"

static void a_batch_keeps_copies_in_order(void **state)
{
    char name[] = "name", value[] = "value";
    struct catalog_row row = {.id = 7, .parent = 3, .name = bytes_of(name, 4), .value = bytes_of(value, 5)};
    struct index_batch b;
    const struct index_change *c;

    index_batch_init(&b);
    assert_int_equal(index_batch_put(&b, CATALOG_TOPIC, &row), OK);
    assert_int_equal(index_batch_remove(&b, INDEX_LEDGER, 9), OK);
    name[0] = value[0] = '!';
    c = b.first;
    assert_int_equal(c->row.id, 7);
    assert_int_equal(c->row.parent, 3);
    assert_false(c->removed);
    assert_true(bytes_equal(c->row.name, bytes_of_text("name")));
    assert_true(bytes_equal(c->row.value, bytes_of_text("value")));
    c = c->next;
    assert_true(c->removed);
    assert_int_equal(c->table, INDEX_LEDGER);
    assert_int_equal(c->row.id, 9);
    assert_null(c->next);
    assert_int_equal(b.count, 2);
    index_batch_deinit(&b);
    assert_int_equal(b.count, 0);
}

static void a_value_may_be_written_in_place(void **state)
{
    struct catalog_row row = {.id = 7, .name = bytes_of_text("n")};
    struct index_batch b;
    uint8_t *value;

    index_batch_init(&b);
    assert_int_equal(index_batch_put_space(&b, INDEX_CURSOR, &row, 4, &value), OK);
    memcpy(value, "abcd", 4);
    assert_true(bytes_equal(b.first->row.value, bytes_of_text("abcd")));
    index_batch_deinit(&b);
}

static void a_ledger_is_the_same_after_its_row_was_read_back(void **state)
{
    struct ledger_info l = {.id = 5,
                            .topic = 4,
                            .entries = 1,
                            .bytes = 2,
                            .first_message = 3,
                            .messages = 4,
                            .created_ms = 5,
                            .closed_ms = 6,
                            .publish_ms_max = -7,
                            .open = true},
                       back;
    uint8_t value[LEDGER_INFO_ENCODED];
    struct catalog_row row = {.id = 5, .parent = 4, .value = bytes_of(value, sizeof value)};

    ledger_info_encode(&l, value);
    assert_int_equal(ledger_info_decode(&back, &row), OK);
    l.open = false;
    assert_int_equal(back.id, l.id);
    assert_int_equal(back.topic, l.topic);
    assert_int_equal(back.entries, l.entries);
    assert_int_equal(back.bytes, l.bytes);
    assert_int_equal(back.first_message, l.first_message);
    assert_int_equal(back.messages, l.messages);
    assert_int_equal(back.created_ms, l.created_ms);
    assert_int_equal(back.closed_ms, l.closed_ms);
    assert_int_equal(back.publish_ms_max, l.publish_ms_max);
    assert_false(back.open);
}

static void the_row_of_a_ledger_with_delayed_entries_says_which_and_until_when(void **state)
{
    const struct ledger_info l = {
        .id = 5, .topic = 4, .entries = 9, .deliver_ms_max = 77, .delayed_first = 3, .delayed_last = 8};
    uint8_t value[LEDGER_INFO_DELAYED];
    const struct catalog_row row = {.id = 5, .parent = 4, .value = bytes_of(value, sizeof value)};
    struct ledger_info back;

    assert_int_equal(ledger_info_size(&l), sizeof value);
    ledger_info_encode(&l, value);
    assert_int_equal(ledger_info_prefix(row.value), sizeof value);
    assert_int_equal(ledger_info_prefix(bytes_of(value, sizeof value - 1)), 0);
    assert_int_equal(ledger_info_decode(&back, &row), OK);
    assert_int_equal(back.entries, 9);
    assert_int_equal(back.deliver_ms_max, 77);
    assert_int_equal(back.delayed_first, 3);
    assert_int_equal(back.delayed_last, 8);
}

static void a_ledger_row_of_another_shape_is_refused(void **state)
{
    struct ledger_info l = {.id = 5}, back;
    uint8_t value[LEDGER_INFO_ENCODED + 1] = {0};
    struct catalog_row row = {.id = 5};

    ledger_info_encode(&l, value);
    for (size_t len = 0; len <= sizeof value; len++) {
        row.value = bytes_of(value, len);
        assert_int_equal(ledger_info_decode(&back, &row), len == LEDGER_INFO_ENCODED ? OK : ERR_CORRUPT);
    }
    row.value = bytes_of(value, LEDGER_INFO_ENCODED);
    value[0] = 4;
    assert_int_equal(ledger_info_decode(&back, &row), ERR_VERSION);
    value[0] = 3; /* and its last fields are missing */
    assert_int_equal(ledger_info_decode(&back, &row), ERR_CORRUPT);
    value[0] = 0;
    assert_int_equal(ledger_info_decode(&back, &row), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_keeps_copies_in_order),
        cmocka_unit_test(a_value_may_be_written_in_place),
        cmocka_unit_test(a_ledger_is_the_same_after_its_row_was_read_back),
        cmocka_unit_test(the_row_of_a_ledger_with_delayed_entries_says_which_and_until_when),
        cmocka_unit_test(a_ledger_row_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
