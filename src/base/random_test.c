/* SPDX-License-Identifier: Apache-2.0
 *
 * random_test.c - repeatable, within bounds, roughly even.
 */
#include "base/base_test.h"

#include "base/random.h"

static void the_same_seed_gives_the_same_numbers(void **state)
{
    struct random a, b, c;
    int same = 0;

    random_init(&a, 7);
    random_init(&b, 7);
    random_init(&c, 8);
    for (int i = 0; i < 100; i++) {
        uint64_t v = random_next(&a);
        assert_true(v == random_next(&b));
        same += v == random_next(&c);
    }
    assert_int_equal(same, 0);
}

static void numbers_below_a_bound_are_below_it_and_hit_all_of_it(void **state)
{
    struct random r;
    int seen[7] = {0};

    random_init(&r, 9);
    for (int i = 0; i < 7000; i++)
        seen[random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150);
    assert_int_equal(random_below(&r, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(random_below(&r, (1ull << 63) + 1) <= 1ull << 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(numbers_below_a_bound_are_below_it_and_hit_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
