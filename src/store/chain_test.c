/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chain.h"

#include "base/base_test.h"

#include <stdio.h>

#define AT(l, e) ((struct position){(l), (e)})
#define assert_position(got, l, e)                                                                                     \
    do {                                                                                                               \
        struct position got_ = (got);                                                                                  \
        assert_int_equal(got_.ledger, (l));                                                                            \
        assert_int_equal(got_.entry, (e));                                                                             \
    } while (0)

/* Entries 0..2, none, 0..4, none, none and still open. */
static const struct ledger_info gaps[] = {
    {.id = 3, .entries = 3}, {.id = 5}, {.id = 8, .entries = 5}, {.id = 9}, {.id = 12, .open = true}};
static const struct ledger_info open_end[] = {{.id = 3, .entries = 3}, {.id = 8, .entries = 2, .open = true}};
static const struct ledger_info empties[] = {{.id = 4}, {.id = 6, .open = true}};

static void the_entry_after_one_is_the_next_of_its_ledger(void **state)
{
    assert_position(chain_after(gaps, 5, AT(3, 0)), 3, 1);
    assert_position(chain_after(gaps, 5, AT(3, -1)), 3, 0);
    assert_position(chain_after(gaps, 5, AT(8, 3)), 8, 4);
}

static void after_the_last_entry_of_a_ledger_comes_the_next_ledger_that_is_not_empty(void **state)
{
    assert_position(chain_after(gaps, 5, AT(3, 2)), 8, 0);
    assert_position(chain_after(gaps, 5, AT(3, 99)), 8, 0);
    assert_position(chain_after(gaps, 5, AT(5, -1)), 8, 0);
    assert_position(chain_after(gaps, 5, AT(5, 0)), 8, 0);
}

static void after_the_last_entry_of_all_comes_the_place_of_the_next_append(void **state)
{
    assert_position(chain_after(gaps, 5, AT(8, 4)), 12, 0);
    assert_position(chain_after(gaps, 5, AT(12, -1)), 12, 0);
    assert_position(chain_after(gaps, 5, AT(99, 7)), 12, 0);
    assert_position(chain_after(gaps, 5, POSITION_LATEST), 12, 0);
    assert_position(chain_after(open_end, 2, AT(8, 1)), 8, 2);
    assert_position(chain_after(open_end, 2, AT(8, INT64_MAX)), 8, 2);
}

static void a_position_in_a_ledger_that_is_no_more_stands_before_the_next(void **state)
{
    assert_position(chain_after(gaps, 5, AT(1, 1000)), 3, 0);
    assert_position(chain_after(gaps, 5, AT(4, 7)), 8, 0);
    assert_position(chain_after(gaps, 5, AT(0, -1)), 3, 0);
    assert_position(chain_after(gaps, 5, POSITION_EARLIEST), 3, 0);
}

static void without_ledgers_a_position_is_only_made_non_negative(void **state)
{
    assert_position(chain_after(NULL, 0, POSITION_EARLIEST), 0, 0);
    assert_position(chain_after(NULL, 0, AT(7, -1)), 7, 0);
    assert_position(chain_after(NULL, 0, AT(7, 3)), 7, 3);
    assert_position(chain_first(NULL, 0), 0, 0);
    assert_position(chain_last(NULL, 0), -1, -1);
}

static void the_last_entry_skips_empty_ledgers(void **state)
{
    assert_position(chain_last(gaps, 5), 8, 4);
    assert_position(chain_last(open_end, 2), 8, 1);
    assert_position(chain_last(empties, 2), -1, -1);
}

static void the_first_entry_is_where_it_is_or_will_be(void **state)
{
    assert_position(chain_first(gaps, 5), 3, 0);
    assert_position(chain_first(gaps + 1, 4), 8, 0);
    assert_position(chain_first(empties, 2), 6, 0);
}

static void entries_between_are_counted_over_ledgers(void **state)
{
    assert_int_equal(chain_entries_between(gaps, 5, POSITION_EARLIEST, POSITION_LATEST), 8);
    assert_int_equal(chain_entries_between(gaps, 5, AT(3, 0), AT(3, 2)), 2);
    assert_int_equal(chain_entries_between(gaps, 5, AT(3, 0), AT(8, 0)), 3);
    assert_int_equal(chain_entries_between(gaps, 5, AT(3, 2), AT(8, 4)), 5);
    assert_int_equal(chain_entries_between(gaps, 5, AT(3, -1), AT(3, -1)), 0);
    assert_int_equal(chain_entries_between(gaps, 5, AT(8, 4), AT(3, 0)), 0);
    assert_int_equal(chain_entries_between(gaps, 5, AT(8, 1), AT(8, 1000)), 3);
    assert_int_equal(chain_entries_between(gaps, 5, AT(8, 1000), AT(12, 1000)), 0);
    assert_int_equal(chain_entries_between(gaps, 5, AT(4, 50), AT(8, 1)), 2);
    assert_int_equal(chain_entries_between(NULL, 0, POSITION_EARLIEST, POSITION_LATEST), 0);
}

static void the_end_of_a_closed_ledger_is_the_place_before_the_next(void **state)
{
    assert_true(chain_same_place(gaps, 5, AT(3, 2), AT(8, -1)));
    assert_true(chain_same_place(gaps, 5, AT(3, 2), AT(5, -1)));
    assert_true(chain_same_place(gaps, 5, AT(8, 4), AT(12, -1)));
    assert_true(chain_same_place(gaps, 5, POSITION_EARLIEST, AT(3, -1)));
    assert_false(chain_same_place(gaps, 5, AT(3, 1), AT(8, -1)));
    assert_false(chain_same_place(gaps, 5, AT(3, 2), AT(8, 0)));
    assert_true(chain_same_place(NULL, 0, AT(3, 2), AT(8, 0)));
}

static void a_ledger_is_found_by_its_id_only(void **state)
{
    assert_ptr_equal(chain_find(gaps, 5, 3), &gaps[0]);
    assert_ptr_equal(chain_find(gaps, 5, 12), &gaps[4]);
    assert_null(chain_find(gaps, 5, 4));
    assert_null(chain_find(gaps, 5, -1));
    assert_null(chain_find(gaps, 5, INT64_MAX));
    assert_null(chain_find(NULL, 0, 3));
}

/* Against the plainest description: write every entry down in a row. */
static void walking_agrees_with_a_list_of_all_entries(void **state)
{
    struct position all[16];
    size_t count = 0;

    for (size_t i = 0; i < 5; i++)
        for (uint64_t e = 0; e < gaps[i].entries; e++)
            all[count++] = AT((int64_t)gaps[i].id, (int64_t)e);
    for (int64_t ledger = -1; ledger < 15; ledger++) {
        for (int64_t entry = -1; entry < 7; entry++) {
            struct position p = AT(ledger, entry);
            size_t passed = 0;
            while (passed < count && position_compare(all[passed], p) <= 0)
                passed++;
            struct position next = passed < count ? all[passed] : AT(12, 0);
            assert_position(chain_after(gaps, 5, p), next.ledger, next.entry);
            struct position floor = passed > 0 ? all[passed - 1] : POSITION_EARLIEST;
            assert_position(chain_floor(gaps, 5, p), floor.ledger, floor.entry);
            assert_int_equal(chain_has(gaps, 5, p), passed > 0 && position_equal(floor, p));
            assert_int_equal(chain_entries_between(gaps, 5, POSITION_EARLIEST, p), passed);
            assert_int_equal(chain_entries_between(gaps, 5, p, POSITION_LATEST), count - passed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_entry_after_one_is_the_next_of_its_ledger),
        cmocka_unit_test(after_the_last_entry_of_a_ledger_comes_the_next_ledger_that_is_not_empty),
        cmocka_unit_test(after_the_last_entry_of_all_comes_the_place_of_the_next_append),
        cmocka_unit_test(a_position_in_a_ledger_that_is_no_more_stands_before_the_next),
        cmocka_unit_test(without_ledgers_a_position_is_only_made_non_negative),
        cmocka_unit_test(the_last_entry_skips_empty_ledgers),
        cmocka_unit_test(the_first_entry_is_where_it_is_or_will_be),
        cmocka_unit_test(entries_between_are_counted_over_ledgers),
        cmocka_unit_test(the_end_of_a_closed_ledger_is_the_place_before_the_next),
        cmocka_unit_test(a_ledger_is_found_by_its_id_only),
        cmocka_unit_test(walking_agrees_with_a_list_of_all_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
