/* SPDX-License-Identifier: Apache-2.0
 *
 * arena_test.c - bounds, alignment, reuse.
 */
#include "base/base_test.h"

#include "base/arena.h"

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
    struct arena a;
    uint8_t *at[200];

    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < 200; i++) {
        at[i] = arena_alloc(&a, i);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % 16, 0);
        memset(at[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(at[i][j], (uint8_t)i);
    arena_deinit(&a);
}

static void beyond_the_limit_nothing_is_given_until_a_reset(void **state)
{
    struct arena a;

    arena_init(&a, 100);
    assert_non_null(arena_alloc(&a, 64));
    assert_null(arena_alloc(&a, 33));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 32));
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 96));
    arena_deinit(&a);
}

static void a_reset_keeps_one_block_for_the_next_use(void **state)
{
    struct arena a;
    void *first;

    arena_init(&a, 1 << 20);
    assert_non_null(arena_alloc(&a, 100));
    first = arena_alloc(&a, 10000);
    assert_non_null(arena_alloc(&a, 5000));
    assert_non_null(first);
    arena_reset(&a);
    assert_non_null(a.blocks);
    assert_non_null(arena_alloc(&a, 10000));
    arena_deinit(&a);
    assert_null(a.blocks);
}

static void zeroed_memory_is_zero_after_a_dirty_round(void **state)
{
    struct arena a;
    uint8_t *at;

    arena_init(&a, 1 << 20);
    memset(arena_alloc(&a, 512), 0xff, 512);
    arena_reset(&a);
    at = arena_zalloc(&a, 512);
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(at[i], 0);
    arena_deinit(&a);
}

static void texts_are_copied_and_terminated(void **state)
{
    struct arena a;

    arena_init(&a, 4096);
    assert_string_equal(arena_text(&a, "plain"), "plain");
    assert_string_equal(arena_text_of(&a, bytes_of("cutoff", 3)), "cut");
    assert_string_equal(arena_text_of(&a, bytes_of(NULL, 0)), "");
    assert_string_equal(arena_printf(&a, "%s-%d", "n", 42), "n-42");
    assert_null(arena_printf(&a, "%5000d", 1));
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(beyond_the_limit_nothing_is_given_until_a_reset),
        cmocka_unit_test(a_reset_keeps_one_block_for_the_next_use),
        cmocka_unit_test(zeroed_memory_is_zero_after_a_dirty_round),
        cmocka_unit_test(texts_are_copied_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
