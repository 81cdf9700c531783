/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction_test.c - what is chosen to be written anew, and the table of segments that it is chosen from.
 */
#include "base/base_test.h"
#include "store/compaction.h"
#include "store/segment_table.h"

#define KIB      UINT64_C(1024)
#define MIB      (1024 * KIB)
#define NO_LIMIT UINT64_MAX

/* ---- files ---- */

static void the_file_that_frees_most_for_the_least_copying_comes_first(void **state)
{
    struct compaction_file files[] = {
        {.number = 1, .living = 4 * MIB, .dead = 5 * MIB, .runs = 10},
        {.number = 2, .living = 1 * MIB, .dead = 9 * MIB, .runs = 10},
        {.number = 3, .living = 1 * MIB, .dead = 9 * MIB, .runs = 900}, /* as many rows */
    };

    assert_int_equal(compaction_choose_files(files, 3, 64 * MIB, NO_LIMIT), 3);
    assert_int_equal(files[0].number, 2);
    assert_int_equal(files[1].number, 3);
    assert_int_equal(files[2].number, 1);
}

static void files_are_chosen_until_the_budget_is_spent_and_a_smaller_one_fills_it(void **state)
{
    struct compaction_file files[] = {
        {.number = 1, .living = 40 * MIB, .dead = 800 * MIB},
        {.number = 2, .living = 30 * MIB, .dead = 300 * MIB},
        {.number = 3, .living = 20 * MIB, .dead = 25 * MIB},
    };

    assert_int_equal(compaction_choose_files(files, 3, 64 * MIB, NO_LIMIT), 2);
    assert_int_equal(files[0].number, 1);
    assert_int_equal(files[1].number, 3);
}

static void a_file_over_the_budget_is_chosen_alone(void **state)
{
    struct compaction_file files[] = {
        {.number = 1, .living = 100 * MIB, .dead = 900 * MIB},
        {.number = 2, .living = 1 * MIB, .dead = 2 * MIB},
    };

    assert_int_equal(compaction_choose_files(files, 2, 64 * MIB, NO_LIMIT), 1);
    assert_int_equal(files[0].number, 1);
}

static void what_the_disk_has_no_room_for_is_not_chosen(void **state)
{
    struct compaction_file files[] = {
        {.number = 1, .living = 100 * MIB, .dead = 900 * MIB},
        {.number = 2, .living = 1 * MIB, .dead = 2 * MIB},
    };

    assert_int_equal(compaction_choose_files(files, 2, 64 * MIB, compaction_limit(5 * MIB, MIB)), 1);
    assert_int_equal(files[0].number, 2);
    assert_int_equal(compaction_choose_files(files, 2, 64 * MIB, compaction_limit(MIB, MIB)), 0);
}

static void of_no_files_none_is_chosen(void **state)
{
    assert_int_equal(compaction_choose_files(NULL, 0, 64 * MIB, NO_LIMIT), 0);
    assert_int_equal(compaction_choose_merges(NULL, 0, 64 * MIB), 0);
}

/* ---- extents ---- */

static size_t set_lens(struct extent *extents, const uint64_t *lens, size_t count)
{
    for (size_t i = 0; i < count; i++)
        extents[i] = (struct extent){.len = lens[i]};
    return count;
}

static void a_ledger_of_few_extents_stays_as_it_is(void **state)
{
    struct extent e[3];
    const size_t n = set_lens(e, (const uint64_t[]){100, 100}, 2);

    assert_int_equal(compaction_merge_from(e, n, 100, 4, MIB), n);
    assert_int_equal(compaction_merge_from(e, 0, 100, 4, MIB), 0);
    assert_int_equal(compaction_merge_from(e, 0, 0, 4, MIB), 0);
}

static void as_many_of_one_tier_as_the_fan_become_one_with_the_new_run(void **state)
{
    struct extent e[3];
    const size_t n = set_lens(e, (const uint64_t[]){100, 120, 140}, 3);

    assert_int_equal(compaction_merge_from(e, n, 110, 4, MIB), 0);
    assert_int_equal(compaction_merge_from(e, n, 0, 4, MIB), n); /* one is missing */
}

static void larger_extents_before_them_are_left_where_they_are(void **state)
{
    struct extent e[5];
    const size_t n = set_lens(e, (const uint64_t[]){5000, 5000, 100, 100, 100}, 5);

    assert_int_equal(compaction_merge_from(e, n, 100, 4, MIB), 2);
}

static void a_merge_that_makes_the_next_tier_full_takes_that_along(void **state)
{
    struct extent e[6];
    const size_t n = set_lens(e, (const uint64_t[]){400, 400, 400, 100, 100, 100}, 6);

    assert_int_equal(compaction_merge_from(e, n, 100, 4, MIB), 0);
}

static void all_of_a_tier_are_taken_even_more_than_the_fan(void **state)
{
    struct extent e[9];
    const size_t n = set_lens(e, (const uint64_t[]){9000, 100, 100, 100, 100, 100, 100, 100, 100}, 9);

    assert_int_equal(compaction_merge_from(e, n, 100, 4, MIB), 1);
}

static void a_settled_extent_is_never_copied(void **state)
{
    struct extent e[6];
    const size_t n = set_lens(e, (const uint64_t[]){2 * MIB, 2 * MIB, 2 * MIB, 2 * MIB, 100, 100}, 6);

    assert_int_equal(compaction_merge_from(e, n, 0, 4, MIB), n);
    assert_int_equal(compaction_merge_from(e, n, 2 * MIB, 4, MIB), n);
    assert_int_equal(compaction_merge_from(e, n, 100, 3, MIB), 4);
}

/* A life of `runs` checkpoints: how many extents there ever are, and how often a byte is copied. */
static void grow(uint64_t runs, uint64_t len, size_t *extents_max, double *copies)
{
    struct extent e[512];
    size_t n = 0;
    uint64_t copied = 0;

    *extents_max = 0;
    for (uint64_t i = 0; i < runs; i++) {
        const size_t from = compaction_merge_from(e, n, len, COMPACTION_FAN, MIB);
        uint64_t sum = len;
        for (size_t k = from; k < n; k++) {
            sum += e[k].len;
            copied += e[k].len;
        }
        e[from] = (struct extent){.len = sum};
        n = from + 1;
        if (n > *extents_max)
            *extents_max = n;
        assert_true(n < 512);
    }
    *copies = (double)copied / (double)(runs * len);
}

static void a_ledger_that_grows_slowly_has_few_extents_and_each_byte_is_copied_a_few_times(void **state)
{
    size_t extents;
    double copies;

    grow(1000, 200, &extents, &copies);
    assert_in_range(extents, 1, 3 * COMPACTION_FAN);
    assert_true(copies < 3);
    grow(100000, 200, &extents, &copies); /* 20 MB: most of it in settled extents */
    assert_in_range(extents, 1, 20 + 4 * COMPACTION_FAN);
    assert_true(copies < 4);
}

static void merges_of_the_most_pieces_come_first_and_end_with_the_budget(void **state)
{
    struct compaction_merge merges[] = {
        {.ledger = 0, .extents = 16, .bytes = MIB},
        {.ledger = 1, .extents = 40, .bytes = MIB},
        {.ledger = 2, .extents = 20, .bytes = MIB},
    };

    assert_int_equal(compaction_choose_merges(merges, 3, 2 * MIB), 2);
    assert_int_equal(merges[0].ledger, 1);
    assert_int_equal(merges[1].ledger, 2);
}

/* ---- the table ---- */

/* Three runs of ten entries and 1000 bytes, as a segment writer lays them out. */
static struct extent nth_run(unsigned i)
{
    return (struct extent){.file = 7,
                           .entries = 10,
                           .offset = SEGMENT_HEADER_SIZE + i * 1000,
                           .len = 1000,
                           .index_offset = SEGMENT_HEADER_SIZE + 3000 + (uint64_t)i * 40};
}

static void hold_three(struct segment_table *t)
{
    segment_table_init(t, 1);
    for (unsigned i = 0; i < 3; i++) {
        const struct extent e = nth_run(i);
        assert_int_equal(segment_table_hold(t, 100 + i, &e), OK);
        segment_table_check(t);
    }
}

static bool release(struct segment_table *t, unsigned i)
{
    const struct extent e = nth_run(i);
    uint64_t left[EXTENT_FILES_MAX];
    const size_t last = segment_table_release(t, &e, 1, left);

    segment_table_check(t);
    return last > 0;
}

static void a_file_is_sparse_once_more_of_it_is_dead_than_alive(void **state)
{
    struct segment_table t;

    hold_three(&t);
    assert_int_equal(segment_table_dead(&t), 0);
    assert_false(release(&t, 0));
    assert_int_equal(segment_table_dead(&t), 1040);
    assert_int_equal(segment_table_sparse_count(&t), 0);
    assert_false(release(&t, 2));
    assert_int_equal(segment_table_dead(&t), 2080);
    assert_int_equal(segment_table_reclaimable(&t), 2080);
    const struct segment_use *use = segment_table_sparse_next(&t, NULL);
    assert_int_equal(use->number, 7);
    assert_int_equal(use->living, 1040);
    assert_null(segment_table_sparse_next(&t, use));
    assert_true(release(&t, 1));
    assert_int_equal(segment_table_dead(&t), 0);
    assert_int_equal(segment_table_reclaimable(&t), 0);
    segment_table_deinit(&t);
}

static void a_restart_knows_what_is_dead_before_the_last_living_run(void **state)
{
    struct segment_table t;
    const struct extent only = nth_run(2);

    segment_table_init(&t, 1);
    assert_int_equal(segment_table_hold(&t, 102, &only), OK);
    assert_int_equal(segment_table_dead(&t), 2080);
    assert_int_equal(segment_table_sparse_count(&t), 1);
    segment_table_deinit(&t);
}

static void a_file_known_to_be_larger_than_its_runs_reach_is_sparse(void **state)
{
    struct segment_table t;
    const struct extent adopted = {.file = 3, .entries = 2, .offset = 4096, .len = 1000, .journal = 9};
    const uint64_t journal = extent_journal_file(&adopted);

    segment_table_init(&t, 1);
    assert_int_equal(segment_table_hold(&t, 1, &adopted), OK);
    assert_int_equal(segment_table_dead(&t), 0);
    segment_table_reach(&t, journal, 4096 + 3000);
    segment_table_reach(&t, journal, 4096 + 2000); /* it does not shrink */
    segment_table_reach(&t, 11, 4096);             /* nobody's */
    segment_table_check(&t);
    assert_int_equal(segment_table_dead(&t), 2000);
    assert_int_equal(segment_table_sparse_next(&t, NULL)->number, journal);
    segment_table_deinit(&t);
}

static void a_barred_file_is_dead_weight_and_not_sparse(void **state)
{
    struct segment_table t;

    hold_three(&t);
    assert_false(release(&t, 0));
    assert_false(release(&t, 2));
    segment_table_bar(&t, 7);
    segment_table_bar(&t, 8); /* nobody's */
    segment_table_check(&t);
    assert_int_equal(segment_table_dead(&t), 2080);
    assert_int_equal(segment_table_reclaimable(&t), 0);
    assert_null(segment_table_sparse_next(&t, NULL));
    assert_true(release(&t, 1));
    segment_table_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_that_frees_most_for_the_least_copying_comes_first),
        cmocka_unit_test(files_are_chosen_until_the_budget_is_spent_and_a_smaller_one_fills_it),
        cmocka_unit_test(a_file_over_the_budget_is_chosen_alone),
        cmocka_unit_test(what_the_disk_has_no_room_for_is_not_chosen),
        cmocka_unit_test(of_no_files_none_is_chosen),
        cmocka_unit_test(a_ledger_of_few_extents_stays_as_it_is),
        cmocka_unit_test(as_many_of_one_tier_as_the_fan_become_one_with_the_new_run),
        cmocka_unit_test(larger_extents_before_them_are_left_where_they_are),
        cmocka_unit_test(a_merge_that_makes_the_next_tier_full_takes_that_along),
        cmocka_unit_test(all_of_a_tier_are_taken_even_more_than_the_fan),
        cmocka_unit_test(a_settled_extent_is_never_copied),
        cmocka_unit_test(a_ledger_that_grows_slowly_has_few_extents_and_each_byte_is_copied_a_few_times),
        cmocka_unit_test(merges_of_the_most_pieces_come_first_and_end_with_the_budget),
        cmocka_unit_test(a_file_is_sparse_once_more_of_it_is_dead_than_alive),
        cmocka_unit_test(a_restart_knows_what_is_dead_before_the_last_living_run),
        cmocka_unit_test(a_file_known_to_be_larger_than_its_runs_reach_is_sparse),
        cmocka_unit_test(a_barred_file_is_dead_weight_and_not_sparse),
    };

    return cmocka_run_group_tests_name("store: compaction", tests, NULL, NULL);
}
