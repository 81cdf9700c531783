/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_keys_test.c - how what was passed over is told.  The keys themselves are options_test.c's.
 */
#include "base/base_test.h"
#include "base/foreign_keys.h"
#include "base/text.h"

static void told(const struct passed_over *p, size_t most, const char *wanted)
{
    struct text out;

    text_init(&out, 1024);
    passed_over_tell(p, most, "`x` tells all", &out);
    if (*wanted)
        assert_string_equal(out.data, wanted);
    else
        assert_int_equal(out.len, 0);
    text_deinit(&out);
}

static void nothing_is_told_of_nothing(void **state)
{
    const struct passed_over none = {0};

    told(&none, 3, "");
}

static void a_name_counts_once_and_the_line_is_short(void **state)
{
    struct passed_over p = {0};

    assert_int_equal(passed_over_add(&p, "a"), OK);
    told(&p, 2, "1 setting of Pulsar's without a meaning here, passed over: a");
    assert_int_equal(passed_over_add(&p, "b"), OK);
    assert_int_equal(passed_over_add(&p, "a"), OK);
    told(&p, 2, "2 settings of Pulsar's without a meaning here, passed over: a, b");
    assert_int_equal(passed_over_add(&p, "c"), OK);
    told(&p, 2, "3 settings of Pulsar's without a meaning here, passed over: a, b, ... (`x` tells all)");
    passed_over_deinit(&p);
    assert_int_equal(p.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_of_nothing),
        cmocka_unit_test(a_name_counts_once_and_the_line_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
