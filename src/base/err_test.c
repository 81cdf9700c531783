/* SPDX-License-Identifier: Apache-2.0
 *
 * err_test.c - every error has a text.
 */
#include "base/base_test.h"

#include "base/err.h"
#include <string.h>

static void every_error_has_a_text_of_its_own(void **state)
{
    for (int a = OK; a <= ERR_VERSION; a++) {
        assert_string_not_equal(err_text((enum err)a), "unknown error");
        for (int b = OK; b < a; b++)
            assert_string_not_equal(err_text((enum err)a), err_text((enum err)b));
    }
}

static void a_number_that_is_no_error_is_named_unknown(void **state)
{
    assert_string_equal(err_text((enum err)1000), "unknown error");
}

static void a_sentence_says_why_and_is_cut_where_it_does_not_fit(void **state)
{
    char why[12];

    assert_int_equal(err_because(ERR_INVALID, why, sizeof why, "%s is %d", "port", 70000), ERR_INVALID);
    assert_string_equal(why, "port is 700");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_text_of_its_own),
        cmocka_unit_test(a_number_that_is_no_error_is_named_unknown),
        cmocka_unit_test(a_sentence_says_why_and_is_cut_where_it_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
