/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer_test.c - references, slices and what the budget is charged.
 */
#include "base/base_test.h"

#include "base/buffer.h"

static void a_buffer_is_charged_until_its_last_reference_goes(void **state)
{
    struct budget budget = {.name = "test", .limit = 100};
    struct buffer *b = buffer_new(60, &budget);

    buffer_ref(b);
    buffer_unref(b);
    assert_int_equal(budget.used, 60);
    buffer_unref(b);
    assert_int_equal(budget.used, 0);
}

static void a_buffer_that_moves_is_charged_to_its_new_budget_only(void **state)
{
    struct budget first = {.name = "first", .limit = 100}, second = {.name = "second", .limit = 10};
    struct buffer *b = buffer_new(60, &first);

    buffer_charge(b, &second);
    assert_int_equal(first.used, 0);
    assert_int_equal(second.used, 60);
    buffer_charge(b, NULL);
    assert_int_equal(second.used, 0);
    buffer_unref(b);
}

static void a_budget_has_what_is_left_and_nothing_when_overdrawn(void **state)
{
    struct budget budget = {.name = "test", .limit = 100};
    struct buffer *b = buffer_new(60, &budget), *over;

    assert_true(budget_has(&budget, 40));
    assert_false(budget_has(&budget, 41));
    assert_false(budget_has(&budget, SIZE_MAX));
    over = buffer_new(60, &budget);
    assert_false(budget_has(&budget, 0));
    buffer_unref(b);
    buffer_unref(over);
}

static void a_slice_keeps_its_buffer_alive(void **state)
{
    struct budget budget = {.name = "test", .limit = 100};
    struct buffer *b = buffer_new(8, &budget);
    struct slice slice, other;

    memcpy(b->data, "abcdefgh", 8);
    slice = slice_of(b, 2, 3);
    buffer_unref(b);
    other = slice_ref(slice);
    slice_unref(&slice);
    assert_null(slice.buffer);
    assert_true(bytes_equal(slice_bytes(other), bytes_of_text("cde")));
    slice_unref(&other);
    assert_int_equal(budget.used, 0);
}

static void a_copy_is_independent_of_its_source(void **state)
{
    char text[] = "abc";
    struct slice copy;

    assert_int_equal(slice_copy(&copy, bytes_of_text(text), NULL), OK);
    text[0] = 'x';
    assert_true(bytes_equal(slice_bytes(copy), bytes_of_text("abc")));
    slice_unref(&copy);
}

static void a_slice_without_a_buffer_needs_no_counting(void **state)
{
    struct slice fixed = {.data = (const uint8_t *)"abc", .len = 3};
    struct slice other = slice_ref(fixed);

    slice_unref(&other);
    slice_unref(&fixed);
    slice_unref(&fixed);
    assert_int_equal(fixed.len, 0);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    assert_null(buffer_new(SIZE_MAX, NULL));
}

static void a_buffer_given_back_to_its_pool_is_the_next_of_its_size(void **state)
{
    struct budget budget = {.name = "test", .limit = 1000000};
    struct buffer_pool pool;

    buffer_pool_init(&pool, 1000000);
    const bool pools = pool.limit > 0; /* not with the address sanitizer */
    struct buffer *b = buffer_pool_take(&pool, 100000, &budget);
    assert_true(b->capacity >= 100000 && b->capacity < 113000);
    assert_int_equal(budget.used, b->capacity);
    const uintptr_t was = (uintptr_t)b;
    buffer_unref(b);
    assert_int_equal(budget.used, 0);

    struct buffer *larger = buffer_pool_take(&pool, 150000, &budget);
    b = buffer_pool_take(&pool, 97000, &budget);
    assert_true(!pools || (uintptr_t)b == was);
    assert_true((uintptr_t)larger != (uintptr_t)b);
    assert_int_equal(budget.used, b->capacity + larger->capacity);
    buffer_unref(b);
    buffer_unref(larger);
    buffer_pool_deinit(&pool);
}

static void a_pool_keeps_no_more_than_its_limit_and_lets_the_longest_unused_go(void **state)
{
    struct buffer_pool pool;
    struct buffer *b[8];
    uintptr_t was[8];

    buffer_pool_init(&pool, 4 * 65536);
    for (size_t i = 0; i < 8; i++) {
        b[i] = buffer_pool_take(&pool, 65536, NULL);
        was[i] = (uintptr_t)b[i];
    }
    for (size_t i = 0; i < 8; i++)
        buffer_unref(b[i]);
    assert_int_equal(pool.bytes, pool.limit);
    for (size_t i = 7; i >= 4 && pool.limit > 0; i--) {
        b[i] = buffer_pool_take(&pool, 65536, NULL);
        assert_int_equal((uintptr_t)b[i], was[i]);
    }
    for (size_t i = 4; i < 8 && pool.limit > 0; i++)
        buffer_unref(b[i]);
    buffer_pool_deinit(&pool);
    assert_int_equal(pool.bytes, 0);
}

static void of_small_buffers_a_pool_keeps_the_last_given_back(void **state)
{
    struct budget budget = {.name = "test", .limit = 1000000};
    struct buffer_pool pool;

    buffer_pool_init(&pool, 1000000);
    struct buffer *a = buffer_pool_take(&pool, 4096, &budget), *b = buffer_pool_take(&pool, 4096, &budget);
    const uintptr_t last = (uintptr_t)b;
    buffer_unref(a);
    buffer_unref(b);
    assert_int_equal(budget.used, 0);
    assert_int_equal(pool.bytes, 0);
    a = buffer_pool_take(&pool, 4096, &budget);
    assert_true(pool.limit == 0 || (uintptr_t)a == last);
    assert_int_equal(budget.used, 4096);
    b = buffer_pool_take(&pool, 2048, &budget);
    assert_int_equal(b->capacity, 2048);
    buffer_unref(a);
    buffer_unref(b);
    buffer_pool_deinit(&pool);
}

static void small_buffers_and_huge_ones_are_not_pooled(void **state)
{
    struct buffer_pool pool;

    buffer_pool_init(&pool, 1000000);
    buffer_unref(buffer_pool_take(&pool, 4096, NULL));
    buffer_unref(buffer_pool_take(&pool, 600000, NULL));
    assert_int_equal(pool.bytes, 0);
    buffer_pool_deinit(&pool);
}

/* A pool may hold thousands, and a size of which none comes back is asked for with each message. */
static void a_pool_looks_at_a_few_of_those_given_back_last(void **state)
{
    enum { OTHERS = 40 };
    struct buffer_pool pool;
    struct buffer *others[OTHERS];

    buffer_pool_init(&pool, 10000000);
    struct buffer *b = buffer_pool_take(&pool, 65536, NULL);
    const uintptr_t was = (uintptr_t)b;
    for (size_t i = 0; i < OTHERS; i++)
        others[i] = buffer_pool_take(&pool, 32768, NULL);
    buffer_unref(b);
    for (size_t i = 0; i < OTHERS; i++)
        buffer_unref(others[i]);
    const size_t free_bytes = pool.bytes;
    b = buffer_pool_take(&pool, 65536, NULL);
    assert_true(pool.limit == 0 || (uintptr_t)b != was);
    assert_int_equal(pool.bytes, free_bytes);
    buffer_unref(b);
    buffer_pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_is_charged_until_its_last_reference_goes),
        cmocka_unit_test(a_buffer_that_moves_is_charged_to_its_new_budget_only),
        cmocka_unit_test(a_budget_has_what_is_left_and_nothing_when_overdrawn),
        cmocka_unit_test(a_slice_keeps_its_buffer_alive),
        cmocka_unit_test(a_copy_is_independent_of_its_source),
        cmocka_unit_test(a_slice_without_a_buffer_needs_no_counting),
        cmocka_unit_test(a_size_that_cannot_be_is_refused),
        cmocka_unit_test(a_buffer_given_back_to_its_pool_is_the_next_of_its_size),
        cmocka_unit_test(a_pool_keeps_no_more_than_its_limit_and_lets_the_longest_unused_go),
        cmocka_unit_test(of_small_buffers_a_pool_keeps_the_last_given_back),
        cmocka_unit_test(small_buffers_and_huge_ones_are_not_pooled),
        cmocka_unit_test(a_pool_looks_at_a_few_of_those_given_back_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
