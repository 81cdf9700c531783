/* SPDX-License-Identifier: Apache-2.0
 *
 * meter_test.c - see meter.h.
 */
#include "base/base_test.h"

#include "broker/meter.h"
#include "broker/stats.h"

#define START_NS UINT64_C(1000000000)
#define LATER_NS (START_NS + RATE_WINDOW_NS)

static void a_latency_and_a_size_on_their_bound_are_below_it(void **state)
{
    struct meter m = {.window_ns = 0};

    meter_add(&m, START_NS, 500 * 1000, 128);
    meter_add(&m, START_NS, 501 * 1000, 129);
    meter_add(&m, START_NS, UINT64_C(1000) * NS_PER_MS, 1048576);
    meter_add(&m, START_NS, UINT64_C(1001) * NS_PER_MS, 1048577);
    meter_turn(&m, LATER_NS);
    assert_int_equal(m.last.latencies[0], 1);
    assert_int_equal(m.last.latencies[1], 1);
    assert_int_equal(m.last.latencies[METER_LATENCIES - 2], 1);
    assert_int_equal(m.last.latencies[METER_LATENCIES - 1], 1);
    assert_int_equal(m.last.sizes[0], 1);
    assert_int_equal(m.last.sizes[1], 1);
    assert_int_equal(m.last.sizes[METER_SIZES - 2], 1);
    assert_int_equal(m.last.sizes[METER_SIZES - 1], 1);
    assert_int_equal(m.last.entries, 4);
    assert_int_equal(m.last.bytes, 128 + 129 + 1048576 + 1048577);
    assert_int_equal(m.last.latency_us, 500 + 501 + 1000000 + 1001000);
}

static void a_window_shows_itself_only_when_it_is_full_and_is_gone_after_the_next(void **state)
{
    struct meter m = {.window_ns = 0};

    meter_add(&m, START_NS, 0, 1);
    meter_turn(&m, LATER_NS - 1);
    assert_int_equal(m.last.entries, 0);
    meter_turn(&m, LATER_NS);
    assert_int_equal(m.last.entries, 1);
    assert_true(m.seconds == 60);
    meter_turn(&m, LATER_NS + RATE_WINDOW_NS);
    assert_int_equal(m.last.entries, 0);
}

static void quantiles_are_right_within_a_sixteenth(void **state)
{
    struct latencies *l = test_calloc(1, sizeof *l);

    for (uint64_t us = 1; us <= 100000; us++)
        latencies_add(l, START_NS, us * 1000);
    assert_true(latencies_quantile_ms(l, 0.5) == 0); /* the window is not full yet */
    latencies_turn(l, LATER_NS);
    for (int percent = 1; percent <= 100; percent++) {
        const double exact = percent, got = latencies_quantile_ms(l, percent / 100.0);
        assert_true(got >= exact * 0.999);
        assert_true(got <= exact * (1 + 1.0 / 16));
    }
    assert_true(latencies_quantile_ms(l, 1) == 100);
    assert_true(latencies_quantile_ms(l, 0) <= 0.002);
    assert_int_equal(l->entries, 100000);
    test_free(l);
}

static void a_latency_beyond_all_buckets_is_counted_in_the_last(void **state)
{
    struct latencies *l = test_calloc(1, sizeof *l);

    latencies_add(l, START_NS, UINT64_C(1000000) * NS_PER_MS);
    latencies_turn(l, LATER_NS);
    assert_true(latencies_quantile_ms(l, 0.5) > 60 * 1000);
    test_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_latency_and_a_size_on_their_bound_are_below_it),
        cmocka_unit_test(a_window_shows_itself_only_when_it_is_full_and_is_gone_after_the_next),
        cmocka_unit_test(quantiles_are_right_within_a_sixteenth),
        cmocka_unit_test(a_latency_beyond_all_buckets_is_counted_in_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
