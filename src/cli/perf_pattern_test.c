/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_pattern_test.c - patterns.
 */
#include "base/base_test.h"

#include "cli/perf_pattern.h"
#include <stdio.h>
#include <stdlib.h>

/* The caller's to free. */
static char *formatted(const char *pattern)
{
    struct random chance;
    struct text text;

    random_init(&chance, 1);
    text_init(&text, 10000);
    perf_pattern_format(&text, bytes_of_text(pattern), "me-0", 7, 123456789, &chance);
    assert_false(text_failed(&text));
    return text_take(&text);
}

static void a_pattern_has_the_producer_the_number_and_the_time(void **state)
{
    char *text = formatted("{\"%p\": %i, \"at\": %t}");

    assert_string_equal(text, "{\"me-0\": 7, \"at\": 123456789}");
    free(text);
}

static void chance_fills_letters_and_numbers_of_a_width(void **state)
{
    char *text = formatted("%12s %3d %5.2f %10l %d"), letters[20];
    int small, any;
    double part;
    long large;

    assert_int_equal(sscanf(text, "%19[a-z] %d %lf %ld %d", letters, &small, &part, &large, &any), 5);
    assert_int_equal(strlen(letters), 12);
    assert_in_range(small, 0, 999);
    assert_true(part >= 0 && part < 100000);
    assert_true(large >= 0 && large < 10000000000);
    free(text);
}

static void what_is_no_pattern_stays_as_it_is(void **state)
{
    char *text = formatted("100% of %5z, 50%%; %");

    assert_string_equal(text, "100% of %5z, 50%%; %");
    free(text);
    text = formatted("");
    assert_string_equal(text, "");
    free(text);
}

static void a_width_has_a_bound(void **state)
{
    char *text = formatted("%99999999999s");

    assert_int_equal(strlen(text), 1000);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_has_the_producer_the_number_and_the_time),
        cmocka_unit_test(chance_fills_letters_and_numbers_of_a_width),
        cmocka_unit_test(what_is_no_pattern_stays_as_it_is),
        cmocka_unit_test(a_width_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
