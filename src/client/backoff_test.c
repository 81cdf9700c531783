/* SPDX-License-Identifier: Apache-2.0
 *
 * backoff_test.c - delays between attempts.
 */
#include "base/base_test.h"
#include "client/backoff.h"

static void the_first_delay_is_at_most_100_ms(void **state)
{
    struct random random;
    struct client_backoff b = {0};
    uint32_t delay;

    random_init(&random, 1);
    delay = client_backoff_next(&b, &random);

    assert_in_range(delay, CLIENT_BACKOFF_FIRST_MS / 2, CLIENT_BACKOFF_FIRST_MS);
}

static void delays_double_up_to_the_longest(void **state)
{
    struct random random;
    struct client_backoff b = {0};
    uint32_t full = CLIENT_BACKOFF_FIRST_MS;

    random_init(&random, 2);
    for (int i = 0; i < 40; i++) {
        uint32_t delay = client_backoff_next(&b, &random);
        assert_in_range(delay, full / 2, full);
        full = full * 2 > CLIENT_BACKOFF_LONGEST_MS || full == CLIENT_BACKOFF_LONGEST_MS ? CLIENT_BACKOFF_LONGEST_MS
                                                                                         : full * 2;
    }
    assert_int_equal(full, CLIENT_BACKOFF_LONGEST_MS);
}

static void two_clients_do_not_come_back_at_the_same_moment(void **state)
{
    struct random one, other;
    struct client_backoff a = {0}, b = {0};
    int equal = 0;

    random_init(&one, 3);
    random_init(&other, 4);
    for (int i = 0; i < 16; i++)
        equal += client_backoff_next(&a, &one) == client_backoff_next(&b, &other);

    assert_in_range(equal, 0, 4);
}

static void a_success_starts_over(void **state)
{
    struct random random;
    struct client_backoff b = {0};

    random_init(&random, 5);
    for (int i = 0; i < 8; i++)
        (void)client_backoff_next(&b, &random);
    client_backoff_reset(&b);

    assert_in_range(client_backoff_next(&b, &random), 0, CLIENT_BACKOFF_FIRST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_delay_is_at_most_100_ms),
        cmocka_unit_test(delays_double_up_to_the_longest),
        cmocka_unit_test(two_clients_do_not_come_back_at_the_same_moment),
        cmocka_unit_test(a_success_starts_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
