/* SPDX-License-Identifier: Apache-2.0
 *
 * due_test.c - entries with a time.
 */
#include "base/base_test.h"
#include "client/due.h"

static struct _pulsar_message_id at(int64_t entry)
{
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;

    id.ledger = 1;
    id.entry = entry;
    return id;
}

static void add(struct client_due *d, int64_t entry, uint64_t when)
{
    struct _pulsar_message_id id = at(entry);

    assert_int_equal(client_due_add(d, &id, when), OK);
}

static void entries_are_due_in_the_order_of_their_times(void **state)
{
    struct client_due d;
    struct _pulsar_message_id id;

    client_due_init(&d);
    assert_int_equal(client_due_next(&d), UINT64_MAX);
    add(&d, 9, 10);
    add(&d, 3, 20);
    add(&d, 5, 20);
    assert_int_equal(client_due_next(&d), 10);
    assert_false(client_due_take(&d, 9, &id));
    assert_true(client_due_take(&d, 20, &id));
    assert_int_equal(id.entry, 9);
    assert_true(client_due_take(&d, 20, &id));
    assert_int_equal(id.entry, 3);
    assert_true(client_due_take(&d, 20, &id));
    assert_int_equal(id.entry, 5);
    assert_false(client_due_take(&d, 20, &id));
}

static void an_entry_added_again_keeps_its_time(void **state)
{
    struct client_due d;

    client_due_init(&d);
    add(&d, 1, 10);
    add(&d, 1, 50);
    assert_int_equal(client_due_next(&d), 10);
    assert_int_equal(client_due_count(&d), 1);
    client_due_clear(&d);
}

static void messages_of_one_batch_are_one_entry(void **state)
{
    struct client_due d;
    struct _pulsar_message_id id = at(1);

    client_due_init(&d);
    for (id.batch_index = 0; id.batch_index < 5; id.batch_index++)
        assert_int_equal(client_due_add(&d, &id, 10), OK);
    assert_int_equal(client_due_count(&d), 1);
    client_due_remove(&d, &id);
    assert_int_equal(client_due_count(&d), 0);
}

static void what_is_acknowledged_is_not_due(void **state)
{
    struct client_due d;
    struct _pulsar_message_id id = at(2);

    client_due_init(&d);
    for (int64_t i = 0; i < 10; i++)
        add(&d, i, 10);
    client_due_remove(&d, &id);
    client_due_remove(&d, &id);
    assert_int_equal(client_due_count(&d), 9);
    id.entry = 6;
    client_due_remove_until(&d, &id);
    assert_int_equal(client_due_count(&d), 3);
    assert_true(client_due_take(&d, 10, &id));
    assert_int_equal(id.entry, 7);
    client_due_clear(&d);
    assert_int_equal(client_due_next(&d), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_due_in_the_order_of_their_times),
        cmocka_unit_test(an_entry_added_again_keeps_its_time),
        cmocka_unit_test(messages_of_one_batch_are_one_entry),
        cmocka_unit_test(what_is_acknowledged_is_not_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
