/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_windows_test.c - which windows are held, found, and dropped for room.
 */
#include "base/base_test.h"
#include "store/cold_windows.h"

#include <stdlib.h>

#define LIMIT (64u * COLD_FIRST)

static struct position at(int64_t entry)
{
    return (struct position){7, entry};
}

/* What a load that went well leaves. */
static void load(struct cold_windows *ws, struct cold_window *w, size_t entries, size_t bytes)
{
    w->load.pieces = calloc(entries, sizeof *w->load.pieces);
    w->load.count = entries;
    if (!w->load.buffer)
        w->load.buffer = buffer_new(bytes, NULL);
    windows_loaded(ws, w);
    windows_check(ws);
}

static struct cold_window *loaded(struct cold_windows *ws, int64_t from, size_t entries, size_t bytes)
{
    struct cold_window *w = windows_add(ws, at(from), bytes);

    assert_true(windows_reserve(ws, w));
    load(ws, w, entries, bytes);
    return w;
}

static void an_entry_is_found_in_its_window_and_nowhere_else(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, LIMIT);
    struct cold_window *w = loaded(&ws, 100, 10, 1000);
    assert_null(windows_find(&ws, at(99)));
    assert_ptr_equal(windows_find(&ws, at(100)), w);
    assert_ptr_equal(windows_find(&ws, at(109)), w);
    assert_null(windows_find(&ws, at(110)));
    assert_null(windows_find(&ws, (struct position){8, 105}));
    assert_ptr_equal(windows_before(&ws, at(110)), w);
    assert_null(windows_before(&ws, at(109)));
    windows_deinit(&ws);
    assert_int_equal(ws.budget.used, 0);
}

static void a_window_that_is_on_its_way_is_waited_for_by_those_who_read_a_little_further(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, LIMIT);
    struct cold_window *w = windows_add(&ws, at(100), COLD_FIRST);
    assert_ptr_equal(windows_find(&ws, at(100 + COLD_ENTRIES_MAX - 1)), w);
    assert_null(windows_find(&ws, at(100 + COLD_ENTRIES_MAX)));
    struct cold_window *one = windows_add(&ws, at(50), 0); /* a single entry */
    assert_ptr_equal(windows_find(&ws, at(50)), one);
    assert_null(windows_find(&ws, at(51)));
    windows_deinit(&ws);
}

static void a_window_whose_end_is_planned_is_waited_for_up_to_there(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, LIMIT);
    struct cold_window *w = windows_add(&ws, at(100), COLD_FIRST);
    w->planned = 20;
    assert_ptr_equal(windows_find(&ws, at(119)), w);
    assert_null(windows_find(&ws, at(120))); /* the one after it can begin */
    windows_deinit(&ws);
}

static void windows_do_not_overlap(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, LIMIT);
    loaded(&ws, 100, 10, 1000);
    assert_int_equal(windows_gap(&ws, at(40)), 60);
    assert_int_equal(windows_gap(&ws, at(110)), COLD_ENTRIES_MAX);
    assert_int_equal(windows_gap(&ws, (struct position){6, 40}), COLD_ENTRIES_MAX);
    windows_deinit(&ws);
}

static void each_window_of_a_sequence_is_twice_as_large_up_to_a_share_of_the_budget(void **state)
{
    struct cold_windows ws;
    size_t size = 0;

    windows_init(&ws, LIMIT);
    struct cold_window *w = NULL;
    for (int i = 0; i < 10; i++) {
        const size_t next = windows_next_size(&ws, w);
        assert_true(next >= COLD_FIRST && next <= LIMIT / 8 && next <= COLD_LARGE);
        assert_true(size == 0 || next == 2 * size || next == LIMIT / 8);
        size = next;
        if (w)
            windows_remove(&ws, w);
        w = loaded(&ws, 0, 1, size);
    }
    assert_int_equal(size, LIMIT / 8);
    windows_deinit(&ws);
}

static void what_was_passed_goes_first_and_what_was_read_ahead_is_not_dropped_for_more_of_it(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, 4 * COLD_FIRST);
    struct cold_window *passed = loaded(&ws, 0, 10, COLD_FIRST);
    loaded(&ws, 100, 10, COLD_FIRST);
    loaded(&ws, 200, 10, COLD_FIRST);
    windows_use(&ws, passed, 10);
    struct cold_window *ahead = windows_add(&ws, at(300), COLD_FIRST);
    ahead->wanted_ahead = true;
    assert_true(windows_reserve(&ws, ahead));
    assert_null(windows_find(&ws, at(0)));
    assert_non_null(windows_find(&ws, at(100)));
    load(&ws, ahead, 10, COLD_FIRST);

    struct cold_window *more = windows_add(&ws, at(400), COLD_FIRST);
    more->wanted_ahead = true;
    assert_false(windows_reserve(&ws, more));
    more->wanted_ahead = false; /* somebody waits for it: now what was used longest ago goes */
    assert_true(windows_reserve(&ws, more));
    assert_null(windows_find(&ws, at(100)));
    windows_check(&ws);
    windows_deinit(&ws);
}

static void bytes_that_slow_consumers_hold_make_windows_small_and_stop_nobody(void **state)
{
    struct cold_windows ws;
    struct slice held[4];

    windows_init(&ws, 4 * COLD_FIRST);
    for (int i = 0; i < 4; i++) {
        struct cold_window *w = loaded(&ws, 100 * i, 10, COLD_FIRST);
        held[i] = slice_of(w->load.buffer, 10, 20);
        windows_use(&ws, w, 10);
    }
    struct cold_window *asked = windows_add(&ws, at(900), 2 * COLD_FIRST);
    assert_true(windows_reserve(&ws, asked));
    assert_int_equal(asked->reserved, COLD_FIRST);
    assert_null(windows_find(&ws, at(0)));
    assert_true(ws.budget.used >= 4 * COLD_FIRST); /* they are gone, what they held is not */
    load(&ws, asked, 10, COLD_FIRST);
    for (int i = 0; i < 4; i++)
        slice_unref(&held[i]);
    assert_true(ws.budget.used < 2 * COLD_FIRST);
    windows_deinit(&ws);
    assert_int_equal(ws.budget.used, 0);
}

static void a_window_that_goes_hands_its_memory_down_to_the_next_unless_somebody_still_reads_it(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, 2 * COLD_FIRST);
    struct cold_window *next = loaded(&ws, 100, 1, 2 * COLD_FIRST);
    struct buffer *memory = next->load.buffer;
    windows_use(&ws, next, 1);
    struct slice held = slice_of(memory, 0, 1);
    next = loaded(&ws, 200, 1, 2 * COLD_FIRST);
    assert_ptr_not_equal(next->load.buffer, memory);
    slice_unref(&held);
    windows_use(&ws, next, 1);
    memory = next->load.buffer;
    next = loaded(&ws, 300, 1, 2 * COLD_FIRST);
    assert_ptr_equal(next->load.buffer, memory);
    windows_deinit(&ws);
    assert_int_equal(ws.budget.used, 0);
}

static void a_window_that_has_little_or_no_room_keeps_nothing_of_a_large_ones_memory(void **state)
{
    static const bool ahead[] = {false, true};

    for (size_t i = 0; i < 2; i++) {
        struct cold_windows ws;
        windows_init(&ws, 2 * COLD_FIRST);
        windows_use(&ws, loaded(&ws, 100, 1, 2 * COLD_FIRST), 1);
        struct cold_window *much = windows_add(&ws, at(200), 0); /* one entry that is larger than the budget */
        assert_true(windows_reserve(&ws, much));
        load(&ws, much, 1, 3 * COLD_FIRST);
        struct slice held = slice_of(much->load.buffer, 0, 1);
        struct cold_window *asked = windows_add(&ws, at(300), 2 * COLD_FIRST);
        asked->wanted_ahead = ahead[i];
        assert_int_equal(windows_reserve(&ws, asked), !ahead[i]);
        assert_int_equal(asked->reserved, ahead[i] ? 0 : COLD_FIRST);
        assert_null(asked->load.buffer);
        slice_unref(&held);
        windows_deinit(&ws);
        assert_int_equal(ws.budget.used, 0);
    }
}

static void windows_that_nobody_uses_go_in_time(void **state)
{
    struct cold_windows ws;

    windows_init(&ws, LIMIT);
    loaded(&ws, 0, 10, 1000);
    struct cold_window *used = loaded(&ws, 100, 10, 1000);
    windows_age(&ws);
    windows_use(&ws, used, 5);
    windows_age(&ws);
    assert_null(windows_find(&ws, at(0)));
    assert_non_null(windows_find(&ws, at(100)));
    windows_age(&ws);
    assert_true(windows_empty(&ws));
    windows_deinit(&ws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_found_in_its_window_and_nowhere_else),
        cmocka_unit_test(a_window_that_is_on_its_way_is_waited_for_by_those_who_read_a_little_further),
        cmocka_unit_test(a_window_whose_end_is_planned_is_waited_for_up_to_there),
        cmocka_unit_test(windows_do_not_overlap),
        cmocka_unit_test(each_window_of_a_sequence_is_twice_as_large_up_to_a_share_of_the_budget),
        cmocka_unit_test(what_was_passed_goes_first_and_what_was_read_ahead_is_not_dropped_for_more_of_it),
        cmocka_unit_test(bytes_that_slow_consumers_hold_make_windows_small_and_stop_nobody),
        cmocka_unit_test(a_window_that_goes_hands_its_memory_down_to_the_next_unless_somebody_still_reads_it),
        cmocka_unit_test(a_window_that_has_little_or_no_room_keeps_nothing_of_a_large_ones_memory),
        cmocka_unit_test(windows_that_nobody_uses_go_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
