/* SPDX-License-Identifier: Apache-2.0
 *
 * timestamp_test.c - moments as texts, and back.
 */
#include "base/base_test.h"
#include "base/timestamp.h"

static void expect(const char *text, int64_t ms)
{
    int64_t parsed = -1;

    assert_true(timestamp_parse(text, &parsed));
    assert_int_equal(parsed, ms);
}

static void a_moment_is_read_with_its_fraction_and_its_zone(void **state)
{
    expect("1970-01-01T00:00:00Z", 0);
    expect("2016-08-30T16:45:57.785Z", 1472575557785);
    expect("2016-08-30T16:45:57.7859Z", 1472575557785);
    expect("2016-08-30T16:45:57.7z", 1472575557700);
    expect("2016-08-30T18:45:57+02:00", 1472575557000);
    expect("2016-08-30T16:15:57-00:30", 1472575557000);
    expect("2000-02-29T23:59:60Z", 951868800000);
}

static void what_is_none_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2016-08-30",
        "2016-08-30T16:45:57",
        "2016-08-30T16:45:57.Z",
        "2016-02-30T16:45:57Z",
        "2016-08-30T24:45:57Z",
        "2016-08-30T16:45:57+0200",
        "2016-08-30T16:45:57Z ",
    };
    int64_t ms;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(timestamp_parse(texts[i], &ms));
}

static void what_is_written_is_read_as_the_same(void **state)
{
    char text[TIMESTAMP_SIZE];

    for (int64_t ms = 0; ms < INT64_C(253402300800000); ms = ms * 3 + 86399999) {
        timestamp_format(ms, text);
        expect(text, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_is_read_with_its_fraction_and_its_zone),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
