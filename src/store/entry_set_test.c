/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_set_test.c - sets of entries with numbers, and redelivery counts, which are made of them.
 */
#include "store/redeliveries.h"

#include "base/base_test.h"
#include "base/random.h"

#include <stdlib.h>

#define AT(l, e) ((struct position){(l), (e)})

static struct entry_set *obtain(struct entry_sets *l, int64_t ledger)
{
    struct entry_set *s;

    assert_int_equal(entry_sets_obtain(l, ledger, &s), OK);
    return s;
}

static void add(struct entry_sets *l, int64_t ledger, uint32_t first, uint32_t last, uint32_t number)
{
    assert_int_equal(entry_set_add(obtain(l, ledger), first, last, number), OK);
}

/* ---- numbers ---- */

static void a_member_keeps_its_number_and_sums_are_of_runs(void **state)
{
    struct entry_sets l = {0};

    add(&l, 7, 10, 19, 1);
    add(&l, 7, 20, 29, 1000);
    add(&l, 7, 40, 40, 0);
    add(&l, 7, 50, 50, UINT32_MAX);
    const struct entry_set *s = entry_sets_find(&l, 7);
    entry_set_check(s);
    assert_int_equal(s->runs, 3);
    assert_int_equal(s->entries, 22);
    assert_int_equal(entry_set_number(s, 15), 1);
    assert_int_equal(entry_set_number(s, 25), 1000);
    assert_int_equal(entry_set_number(s, 50), UINT32_MAX);
    assert_int_equal(entry_set_number(s, 30), 0);
    assert_int_equal(entry_set_sum(s, 18, 21), 2002);
    assert_int_equal(entry_set_sum(s, 30, 49), 0);
    assert_int_equal(entry_set_sum(s, 0, UINT32_MAX), 10 + 10000 + (uint64_t)UINT32_MAX);
    entry_sets_deinit(&l);
}

static void numbers_of_one_cost_no_plane_and_planes_go_with_their_last_member(void **state)
{
    struct entry_sets l = {0};

    add(&l, 7, 0, 9, 1);
    assert_null(entry_sets_find(&l, 7)->planes);
    assert_int_equal(entry_set_renumber(obtain(&l, 7), 4, 6), OK);
    assert_non_null(entry_sets_find(&l, 7)->planes);
    assert_int_equal(entry_sets_find(&l, 7)->sum, 15);
    entry_set_check(entry_sets_find(&l, 7));
    assert_int_equal(entry_set_renumber(obtain(&l, 7), 4, 1), OK);
    assert_null(entry_sets_find(&l, 7)->planes);
    add(&l, 7, 20, 20, 9);
    entry_set_remove(obtain(&l, 7), 15, 25);
    assert_null(entry_sets_find(&l, 7)->planes);
    assert_int_equal(entry_sets_find(&l, 7)->sum, 10);
    entry_sets_deinit(&l);
}

static void a_cut_run_leaves_a_run_on_each_side(void **state)
{
    struct entry_sets l = {0};

    add(&l, 7, 0, 99, 2);
    entry_set_remove(obtain(&l, 7), 40, 49);
    entry_set_check(entry_sets_find(&l, 7));
    assert_int_equal(entry_sets_find(&l, 7)->runs, 2);
    assert_int_equal(entry_sets_find(&l, 7)->sum, 180);
    entry_set_remove(obtain(&l, 7), 0, 59);
    entry_set_check(entry_sets_find(&l, 7));
    assert_int_equal(entry_sets_find(&l, 7)->runs, 1);
    entry_set_remove(obtain(&l, 7), 0, UINT32_MAX);
    entry_sets_drop_empty(&l, 7);
    assert_null(l.list);
}

/* ---- sharing ---- */

static uint8_t *encode(const struct entry_sets *l, size_t *size)
{
    *size = entry_sets_encoded_size(l);
    uint8_t *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_ptr_equal(entry_sets_encode(l, bytes), bytes + *size);
    return bytes;
}

static void what_is_shared_stays_as_it_was_whatever_changes_afterwards(void **state)
{
    struct entry_sets l = {0}, shared;
    size_t before_size, after_size;

    add(&l, 7, 0, 9, 3);
    add(&l, 8, 5, 5, 1);
    add(&l, 9, 5, 5, 1);
    uint8_t *before = encode(&l, &before_size);
    assert_int_equal(entry_sets_share(&l, &shared), OK);
    add(&l, 7, 20, 29, 1);
    entry_set_remove(obtain(&l, 7), 0, 3);
    assert_int_equal(entry_set_renumber(obtain(&l, 8), 5, 77), OK);
    entry_sets_drop_first(&l, 1);
    assert_int_equal(l.count, 2);
    assert_ptr_equal(entry_sets_find(&l, 9), entry_sets_find(&shared, 9)); /* nobody changed it */
    for (uint32_t i = 0; i < shared.count; i++)
        entry_set_check(shared.list[i]);
    uint8_t *after = encode(&shared, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    entry_sets_deinit(&shared);
    assert_int_equal(entry_set_number(entry_sets_find(&l, 8), 5), 77);
    entry_sets_deinit(&l);
    free(before);
    free(after);
}

static void what_nobody_shares_any_more_is_changed_where_it_is(void **state)
{
    struct entry_sets l = {0}, shared;

    add(&l, 7, 0, 9, 3);
    assert_int_equal(entry_sets_share(&l, &shared), OK);
    const struct entry_set *s = entry_sets_find(&l, 7);
    assert_non_null(s->spare);
    entry_sets_deinit(&shared);
    assert_null(s->spare);
    add(&l, 7, 20, 20, 3);
    assert_ptr_equal(entry_sets_find(&l, 7), s);
    entry_sets_deinit(&l);
}

/* ---- redelivery counts ---- */

static void a_count_grows_by_one_and_is_forgotten_by_range_and_by_position(void **state)
{
    struct redeliveries r = {0};

    for (int64_t ledger = 1; ledger <= 3; ledger++)
        for (int64_t e = 0; e < 10; e++)
            for (int64_t times = 0; times <= e; times++)
                assert_int_equal(redeliveries_add(&r, AT(ledger, e)), OK);
    redeliveries_check(&r);
    assert_int_equal(r.entries, 30);
    assert_int_equal(redeliveries_get(&r, AT(2, 7)), 8);
    assert_int_equal(redeliveries_get(&r, AT(2, 10)), 0);
    assert_int_equal(redeliveries_get(&r, AT(4, 0)), 0);
    assert_int_equal(redeliveries_get(&r, POSITION_EARLIEST), 0);
    redeliveries_forget(&r, 2, 3, 7);
    redeliveries_forget(&r, 4, 0, UINT32_MAX);
    assert_int_equal(r.entries, 25);
    redeliveries_forget_upto(&r, AT(2, 1));
    redeliveries_check(&r);
    assert_int_equal(r.entries, 3 + 10);
    assert_int_equal(redeliveries_get(&r, AT(2, 1)), 0);
    assert_int_equal(redeliveries_get(&r, AT(2, 2)), 3);
    redeliveries_forget_upto(&r, POSITION_LATEST);
    assert_true(redeliveries_empty(&r));
    assert_null(r.sets.list);
}

static void beyond_the_bound_nothing_new_is_counted_and_what_is_counted_goes_on(void **state)
{
    struct redeliveries r = {0};

    for (int64_t e = 0; e < (int64_t)REDELIVERIES_MAX; e++)
        assert_int_equal(redeliveries_add(&r, AT(1 + e % 3, 2 * e)), OK);
    assert_int_equal(redeliveries_add(&r, AT(9, 9)), ERR_FULL);
    assert_null(entry_sets_find(&r.sets, 9));
    assert_int_equal(redeliveries_add(&r, AT(1, 0)), OK);
    assert_int_equal(redeliveries_get(&r, AT(1, 0)), 2);
    redeliveries_forget(&r, 1, 0, 0);
    assert_int_equal(redeliveries_add(&r, AT(9, 9)), OK);
    redeliveries_check(&r);
    redeliveries_deinit(&r);
}

/* ---- against plain numbers ---- */

#define ENTRIES 300

static void step(struct entry_sets *l, uint32_t *numbers, struct random *r)
{
    const uint32_t first = (uint32_t)random_below(r, ENTRIES), most = first + (uint32_t)random_below(r, 6);
    const uint32_t last = most < ENTRIES ? most : ENTRIES - 1;
    const uint32_t number = random_below(r, 2) ? 1 : 1 + (uint32_t)random_below(r, 5000);
    struct entry_set *s = obtain(l, 7);

    switch (random_below(r, 4)) {
    case 0:
        entry_set_remove(s, first, last);
        for (uint32_t e = first; e <= last; e++)
            numbers[e] = 0;
        break;
    case 1:
        if (numbers[first] == 0)
            break;
        assert_int_equal(entry_set_renumber(s, first, number), OK);
        numbers[first] = number;
        break;
    default:
        for (uint32_t e = first; e <= last; e++)
            if (numbers[e] > 0)
                return;
        assert_int_equal(entry_set_add(s, first, last, number), OK);
        for (uint32_t e = first; e <= last; e++)
            numbers[e] = number;
    }
}

static void expect_numbers(const struct entry_set *s, const uint32_t *numbers)
{
    uint64_t sum = 0, entries = 0, runs = 0;

    if (s->entries > 0)
        entry_set_check(s);
    for (uint32_t e = 0; e < ENTRIES; e++) {
        assert_int_equal(entry_set_number(s, e), numbers[e]);
        sum += numbers[e];
        entries += numbers[e] > 0;
        runs += numbers[e] > 0 && (e == 0 || numbers[e - 1] == 0);
        assert_int_equal(entry_set_sum(s, 0, e), sum);
    }
    assert_int_equal(s->entries, entries);
    assert_int_equal(s->runs, runs);
}

static void any_sequence_of_changes_agrees_with_plain_numbers_and_shares_stay(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint32_t numbers[ENTRIES] = {0}, then[ENTRIES];
        struct entry_sets l = {0}, shared = {0};
        struct random r;

        random_init(&r, seed);
        add(&l, 6, 1, 1, 1);
        for (unsigned i = 0; i < 300; i++) {
            step(&l, numbers, &r);
            expect_numbers(entry_sets_find(&l, 7), numbers);
            if (i % 20 != 10 || entry_sets_find(&l, 7)->entries == 0)
                continue;
            if (shared.count > 0) {
                expect_numbers(entry_sets_find(&shared, 7), then);
                entry_sets_deinit(&shared);
            }
            assert_int_equal(entry_sets_share(&l, &shared), OK);
            memcpy(then, numbers, sizeof then);
        }
        entry_sets_deinit(&shared);
        entry_sets_deinit(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_keeps_its_number_and_sums_are_of_runs),
        cmocka_unit_test(numbers_of_one_cost_no_plane_and_planes_go_with_their_last_member),
        cmocka_unit_test(a_cut_run_leaves_a_run_on_each_side),
        cmocka_unit_test(what_is_shared_stays_as_it_was_whatever_changes_afterwards),
        cmocka_unit_test(what_nobody_shares_any_more_is_changed_where_it_is),
        cmocka_unit_test(a_count_grows_by_one_and_is_forgotten_by_range_and_by_position),
        cmocka_unit_test(beyond_the_bound_nothing_new_is_counted_and_what_is_counted_goes_on),
        cmocka_unit_test(any_sequence_of_changes_agrees_with_plain_numbers_and_shares_stay),
    };
    return cmocka_run_group_tests_name("store: sets of entries", tests, NULL, NULL);
}
