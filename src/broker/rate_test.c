/* SPDX-License-Identifier: Apache-2.0
 *
 * rate_test.c - rates over about the last minute.
 */
#include "broker/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static void expect(struct rate *r, uint64_t now_ns, double per_second, double bytes)
{
    rate_turn(r, now_ns);
    assert_float_equal(r->per_second, per_second, 1e-6);
    assert_float_equal(r->bytes_per_second, bytes, 1e-6);
}

static void what_never_happened_has_the_rate_zero(void **state)
{
    struct rate r = {0};

    expect(&r, 5 * S, 0, 0);
    expect(&r, 500 * S, 0, 0);
}

static void the_first_minute_is_told_as_it_goes(void **state)
{
    struct rate r = {0};

    rate_add(&r, 10 * S, 30, 300);
    expect(&r, 10 * S, 30, 300); /* over a second at least */
    expect(&r, 20 * S, 3, 30);
    rate_add(&r, 20 * S, 10, 0);
    expect(&r, 30 * S, 2, 15);
}

static void a_steady_stream_has_its_rate_in_every_second(void **state)
{
    struct rate r = {0};

    for (uint64_t at = 1; at <= 40000; at++) { /* a hundred a second */
        rate_add(&r, at * (S / 100), 1, 10);
        if (at < 6000)
            continue;
        rate_turn(&r, at * (S / 100));
        assert_in_range((unsigned)(r.per_second * 10), 990, 1010);
        assert_in_range((unsigned)r.bytes_per_second, 990, 1010);
    }
}

static void what_is_over_fades_within_a_minute_and_is_gone_after_two(void **state)
{
    struct rate r = {0};

    rate_add(&r, 1 * S, 600, 0);
    expect(&r, 61 * S, 10, 0);
    expect(&r, 91 * S, 5, 0);
    expect(&r, 121 * S, 0, 0);
    rate_add(&r, 130 * S, 600, 0);
    expect(&r, 1000 * S, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_never_happened_has_the_rate_zero),
        cmocka_unit_test(the_first_minute_is_told_as_it_goes),
        cmocka_unit_test(a_steady_stream_has_its_rate_in_every_second),
        cmocka_unit_test(what_is_over_fades_within_a_minute_and_is_gone_after_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
