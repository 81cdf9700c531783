/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes_test.c - order of runs, integers at odd addresses; names between commas.
 */
#include "base/base_test.h"

#include "base/bytes.h"
#include "base/commas.h"

static void runs_are_ordered_by_content_and_a_prefix_comes_first(void **state)
{
    assert_int_equal(bytes_compare(bytes_of_text("abc"), bytes_of_text("abc")), 0);
    assert_true(bytes_compare(bytes_of_text("ab"), bytes_of_text("abc")) < 0);
    assert_true(bytes_compare(bytes_of_text("abc"), bytes_of_text("ab")) > 0);
    assert_true(bytes_compare(bytes_of_text("ab\xff"), bytes_of_text("abc")) > 0);
    assert_true(bytes_compare(bytes_of(NULL, 0), bytes_of_text("a")) < 0);
    assert_int_equal(bytes_compare(bytes_of(NULL, 0), bytes_of_text("")), 0);
}

static void empty_runs_are_equal_wherever_they_point(void **state)
{
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of_text("")));
    assert_false(bytes_equal(bytes_of_text("a"), bytes_of_text("b")));
    assert_false(bytes_equal(bytes_of_text("a"), bytes_of_text("ab")));
}

static void integers_are_laid_out_in_the_named_order_at_any_address(void **state)
{
    uint8_t raw[9] = {0};

    be16_put(raw + 1, 0x0102);
    assert_memory_equal(raw + 1, "\x01\x02", 2);
    assert_int_equal(be16_get(raw + 1), 0x0102);
    be32_put(raw + 1, 0x01020304);
    assert_memory_equal(raw + 1, "\x01\x02\x03\x04", 4);
    assert_int_equal(be32_get(raw + 1), 0x01020304);
    be64_put(raw + 1, 0x0102030405060708);
    assert_memory_equal(raw + 1, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_int_equal(be64_get(raw + 1), 0x0102030405060708);
    le16_put(raw + 1, 0x0102);
    assert_memory_equal(raw + 1, "\x02\x01", 2);
    assert_int_equal(le16_get(raw + 1), 0x0102);
    le32_put(raw + 1, 0x01020304);
    assert_memory_equal(raw + 1, "\x04\x03\x02\x01", 4);
    assert_int_equal(le32_get(raw + 1), 0x01020304);
    le64_put(raw + 1, 0x0102030405060708);
    assert_memory_equal(raw + 1, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    assert_int_equal(le64_get(raw + 1), 0x0102030405060708);
}

static void names_between_commas_have_blanks_within_and_not_around(void **state)
{
    static const char *const wanted[] = {"admin", "ops team", "app"};
    const char *rest = " admin,\tops team ,, app, ", *none = NULL, *empty = " , ";
    struct bytes name;

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_true(commas_next(&rest, &name));
        assert_true(bytes_equal(name, bytes_of_text(wanted[i])));
    }
    assert_false(commas_next(&rest, &name));
    assert_false(commas_next(&none, &name));
    assert_false(commas_next(&empty, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_ordered_by_content_and_a_prefix_comes_first),
        cmocka_unit_test(empty_runs_are_equal_wherever_they_point),
        cmocka_unit_test(integers_are_laid_out_in_the_named_order_at_any_address),
        cmocka_unit_test(names_between_commas_have_blanks_within_and_not_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
