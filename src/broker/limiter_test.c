/* SPDX-License-Identifier: Apache-2.0
 *
 * limiter_test.c - limiter.h in use, on a clock that the test moves.
 */
#include "base/base_test.h"
#include "base/random.h"
#include "broker/limiter.h"

#define SECOND UINT64_C(1000000000)
#define MS     UINT64_C(1000000)

static const struct limiter_rates ten_a_second = {.messages = 10, .period_ms = 1000};

static struct limiter limited(const struct limiter_rates *rates)
{
    struct limiter l = {0};

    limiter_set(&l, rates, 0);
    return l;
}

static void nothing_is_limited_unless_it_is_said(void **state)
{
    struct limiter l = {0};

    assert_false(limiter_limits(&l));
    limiter_charge(&l, UINT64_MAX, UINT64_MAX, 5);
    assert_true(limiter_open(&l, 5));
    assert_int_equal(limiter_messages_left(&l, 5), UINT64_MAX);
    assert_int_equal(limiter_wait_ms(&l, 5), 0);
}

static void one_period_s_worth_goes_at_once_and_then_one_by_one(void **state)
{
    struct limiter l = limited(&ten_a_second);
    uint64_t now = 7 * SECOND;

    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(limiter_messages_left(&l, now), 10 - i);
        assert_true(limiter_open(&l, now));
        limiter_charge(&l, 1, 1000, now);
    }
    assert_false(limiter_open(&l, now));
    assert_int_equal(limiter_messages_left(&l, now), 0);
    assert_int_equal(limiter_wait_ms(&l, now), 100);
    assert_false(limiter_open(&l, now + 100 * MS - 1));
    now += 100 * MS;
    assert_true(limiter_open(&l, now));
    limiter_charge(&l, 1, 1000, now);
    assert_false(limiter_open(&l, now));
}

static void what_is_not_used_for_a_while_is_not_saved_up_beyond_a_period(void **state)
{
    struct limiter l = limited(&ten_a_second);

    limiter_charge(&l, 10, 0, SECOND);
    assert_int_equal(limiter_messages_left(&l, 3600 * SECOND), 10);
}

static void a_batch_larger_than_a_period_allows_goes_whole_and_is_paid_for_by_time(void **state)
{
    struct limiter l = limited(&ten_a_second);

    assert_true(limiter_open(&l, SECOND));
    limiter_charge(&l, 35, 0, SECOND);
    assert_int_equal(limiter_wait_ms(&l, SECOND), 2600);
    assert_false(limiter_open(&l, SECOND + 2599 * MS));
    assert_true(limiter_open(&l, SECOND + 2600 * MS));
}

static void bytes_count_beside_messages_and_the_scarcer_decides(void **state)
{
    struct limiter l = limited(&(struct limiter_rates){.messages = 100, .bytes = 1000, .period_ms = 1000});

    limiter_charge(&l, 1, 1500, SECOND);
    assert_int_equal(limiter_wait_ms(&l, SECOND), 501);
    assert_true(limiter_open(&l, SECOND + 501 * MS));
    limiter_charge(&l, 150, 1, SECOND + 501 * MS);
    assert_int_equal(limiter_wait_ms(&l, SECOND + 501 * MS), 510);
}

static void a_limit_that_is_raised_is_not_waited_for_under_the_old_one(void **state)
{
    struct limiter l = limited(&(struct limiter_rates){.bytes = 1, .period_ms = 1000});

    limiter_charge(&l, 1, 1000001, SECOND);
    assert_int_equal(limiter_wait_ms(&l, SECOND), 1000001 * UINT64_C(1000));
    limiter_set(&l, &(struct limiter_rates){.bytes = 1000000, .period_ms = 1000}, SECOND);
    assert_int_equal(limiter_wait_ms(&l, SECOND), 1);
    limiter_set(&l, &(struct limiter_rates){0}, SECOND);
    assert_true(limiter_open(&l, SECOND));
}

static void a_limit_that_begins_lets_a_period_s_worth_through_first(void **state)
{
    struct limiter l = {0};

    limiter_charge(&l, 1000000, 0, SECOND);
    limiter_set(&l, &ten_a_second, SECOND);
    assert_int_equal(limiter_messages_left(&l, SECOND), 10);
    limiter_charge(&l, 4, 0, SECOND);
    limiter_set(&l, &ten_a_second, SECOND);
    assert_int_equal(limiter_messages_left(&l, SECOND), 6);
}

static void sums_without_end_do_not_turn_around(void **state)
{
    struct limiter l = limited(&(struct limiter_rates){.messages = 1, .bytes = 1, .period_ms = 86400000});

    for (int i = 0; i < 100; i++)
        limiter_charge(&l, UINT64_MAX, UINT64_MAX, SECOND);
    assert_false(limiter_open(&l, SECOND));
    assert_false(limiter_open(&l, SECOND + ((uint64_t)1 << 61)));
}

/* In any span of time no more goes than it allows, and one period more; who always has something loses nothing. */
static void over_any_time_the_rate_is_kept_and_used(void **state)
{
    struct random random;

    random_init(&random, 42);
    for (int run = 0; run < 50; run++) {
        const uint64_t rate = 1 + random_below(&random, 5000), period_ms = 1 + random_below(&random, 3000);
        struct limiter l = limited(&(struct limiter_rates){.messages = rate, .period_ms = period_ms});
        const uint64_t start = SECOND + random_below(&random, SECOND);
        uint64_t now = start, sent = 0;

        for (int i = 0; i < 2000; i++) {
            if (limiter_open(&l, now)) {
                limiter_charge(&l, 1, 0, now);
                sent++;
            } else {
                now += limiter_wait_ms(&l, now) * MS;
                assert_true(limiter_open(&l, now));
            }
        }
        const double allowed = (double)(now - start) * (double)rate / (double)(period_ms * MS) + (double)rate;
        assert_true((double)sent <= allowed + 1);
        assert_true(now == start || (double)sent + 1 + (double)rate / (double)period_ms >= allowed - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_limited_unless_it_is_said),
        cmocka_unit_test(one_period_s_worth_goes_at_once_and_then_one_by_one),
        cmocka_unit_test(what_is_not_used_for_a_while_is_not_saved_up_beyond_a_period),
        cmocka_unit_test(a_batch_larger_than_a_period_allows_goes_whole_and_is_paid_for_by_time),
        cmocka_unit_test(bytes_count_beside_messages_and_the_scarcer_decides),
        cmocka_unit_test(a_limit_that_is_raised_is_not_waited_for_under_the_old_one),
        cmocka_unit_test(a_limit_that_begins_lets_a_period_s_worth_through_first),
        cmocka_unit_test(sums_without_end_do_not_turn_around),
        cmocka_unit_test(over_any_time_the_rate_is_kept_and_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
