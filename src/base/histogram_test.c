/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

#include "base/base_test.h"
#include "base/random.h"

#include <stdlib.h>

#define LARGEST 100000000 /* 100 s in microseconds */

static struct histogram *new_one(void)
{
    struct histogram *h;

    assert_int_equal(histogram_new(&h, LARGEST), OK);
    return h;
}

static void an_empty_one_says_zero(void **state)
{
    struct histogram *h = new_one();

    assert_int_equal(histogram_count(h), 0);
    assert_int_equal(histogram_max(h), 0);
    assert_int_equal(histogram_percentile(h, 50), 0);
    assert_true(histogram_mean(h) == 0);
    histogram_free(h);
}

static void small_values_are_exact(void **state)
{
    struct histogram *h = new_one();

    for (uint64_t value = 1; value <= 1000; value++)
        histogram_record(h, value);
    assert_int_equal(histogram_count(h), 1000);
    assert_int_equal(histogram_percentile(h, 0), 1);
    assert_int_equal(histogram_percentile(h, 50), 500);
    assert_int_equal(histogram_percentile(h, 99.9), 999);
    assert_int_equal(histogram_max(h), 1000);
    assert_true(histogram_mean(h) == 500.5);
    histogram_free(h);
}

static void a_value_beyond_the_largest_counts_as_that(void **state)
{
    struct histogram *h = new_one();

    histogram_record(h, UINT64_MAX);
    histogram_record(h, LARGEST);
    assert_int_equal(histogram_at(h, histogram_places(h) - 1), 2);
    assert_int_equal(histogram_max(h), LARGEST);
    histogram_free(h);
}

static void every_percentile_is_right_to_three_digits(void **state)
{
    enum { COUNT = 5000 };
    struct histogram *h = new_one();
    struct random r;
    uint64_t *values = test_malloc(COUNT * sizeof *values);

    random_init(&r, 1);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = random_below(&r, UINT64_C(1) << (1 + random_below(&r, 26)));
        histogram_record(h, values[i]);
    }
    for (size_t i = 1; i < COUNT; i++) { /* by insertion */
        const uint64_t value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    for (size_t i = 0; i < COUNT; i++) {
        const uint64_t got = histogram_percentile(h, 100.0 * (double)(i + 1) / COUNT);
        assert_in_range(got, values[i], values[i] + values[i] / 1000 + 1);
    }
    test_free(values);
    histogram_free(h);
}

static void what_is_drained_is_in_the_other_and_only_there(void **state)
{
    struct histogram *from = new_one(), *to = new_one();

    histogram_record(from, 7);
    histogram_record(from, 70000);
    histogram_record(to, 7);
    histogram_drain(from, to);
    assert_int_equal(histogram_count(from), 0);
    assert_int_equal(histogram_count(to), 3);
    histogram_add(from, to);
    assert_int_equal(histogram_count(from), 3);
    assert_int_equal(histogram_percentile(from, 60), 7);
    histogram_clear(from);
    assert_int_equal(histogram_count(from), 0);
    histogram_free(from);
    histogram_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_says_zero),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(a_value_beyond_the_largest_counts_as_that),
        cmocka_unit_test(every_percentile_is_right_to_three_digits),
        cmocka_unit_test(what_is_drained_is_in_the_other_and_only_there),
    };

    return cmocka_run_group_tests_name("base: histogram", tests, NULL, NULL);
}
