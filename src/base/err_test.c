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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_text_of_its_own),
        cmocka_unit_test(a_number_that_is_no_error_is_named_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
