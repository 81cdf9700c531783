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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
