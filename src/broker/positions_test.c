/* SPDX-License-Identifier: Apache-2.0
 *
 * positions_test.c - positions.h in use.
 */
#include "base/base_test.h"
#include "broker/positions.h"

static struct position at(int64_t ledger, int64_t entry)
{
    return (struct position){ledger, entry};
}

static void a_position_is_counted_once_for_each_time_it_is_added(void **state)
{
    struct positions s;

    positions_init(&s, 10);
    assert_int_equal(positions_get(&s, at(1, 2)), 0);
    assert_true(positions_add(&s, at(1, 2)));
    assert_true(positions_add(&s, at(1, 2)));
    assert_int_equal(positions_get(&s, at(1, 2)), 2);
    assert_int_equal(positions_count(&s), 1);
    positions_remove(&s, at(1, 2));
    positions_remove(&s, at(1, 2));
    assert_int_equal(positions_get(&s, at(1, 2)), 0);
}

static void the_first_run_ends_at_a_gap_at_a_ledgers_end_and_at_the_most(void **state)
{
    const int64_t entries[] = {7, 5, 6, 9};
    struct position first;
    struct positions s;

    positions_init(&s, 10);
    assert_int_equal(positions_first_run(&s, 10, &first), 0);
    for (size_t i = 0; i < 4; i++)
        assert_true(positions_add(&s, at(3, entries[i])));
    assert_true(positions_add(&s, at(4, 8)));
    assert_int_equal(positions_first_run(&s, 10, &first), 3);
    assert_true(position_equal(first, at(3, 5)));
    assert_int_equal(positions_first_run(&s, 2, &first), 2);
    positions_remove_upto(&s, at(3, 7));
    assert_int_equal(positions_first_run(&s, 10, &first), 1);
    assert_true(position_equal(first, at(3, 9)));
    positions_clear(&s);
}

static void a_full_set_takes_no_more_but_counts_on(void **state)
{
    struct positions s;

    positions_init(&s, 1);
    assert_true(positions_add(&s, at(1, 1)));
    assert_false(positions_add(&s, at(1, 2)));
    assert_true(positions_add(&s, at(1, 1)));
    assert_int_equal(positions_get(&s, at(1, 1)), 2);
    positions_clear(&s);
    assert_true(positions_add(&s, at(1, 2)));
    positions_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_is_counted_once_for_each_time_it_is_added),
        cmocka_unit_test(the_first_run_ends_at_a_gap_at_a_ledgers_end_and_at_the_most),
        cmocka_unit_test(a_full_set_takes_no_more_but_counts_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
