/* SPDX-License-Identifier: Apache-2.0
 *
 * arrivals_test.c - who is let in, and who makes place.
 */
#include "base/base_test.h"
#include "session/arrivals.h"

#define NEAR "10.0.0.1:1000"
#define FAR  "[2001:db8::1]:1000"

static enum err come(struct arrivals *a, struct arrival *x, const char *peer)
{
    struct arrival *leaves;
    const enum err err = arrivals_admit(a, x, peer, &leaves);

    assert_null(leaves);
    return err;
}

static void beyond_the_limit_nobody_is_let_in_when_all_have_said_who_they_are(void **state)
{
    struct arrivals a;
    struct arrival x[3] = {0};

    arrivals_init(&a, 2, 0, 1);
    assert_int_equal(come(&a, &x[0], NEAR), OK);
    assert_int_equal(come(&a, &x[1], NEAR), OK);
    arrival_passed(&x[0]);
    arrival_passed(&x[1]);
    assert_int_equal(come(&a, &x[2], NEAR), ERR_FULL);
    arrivals_leave(&a, &x[2]); /* was not let in: nothing happens */
    assert_int_equal(a.count, 2);
    arrivals_leave(&a, &x[0]);
    assert_int_equal(come(&a, &x[2], NEAR), OK);
    arrivals_deinit(&a);
}

static void the_one_on_the_threshold_longest_makes_place(void **state)
{
    struct arrivals a;
    struct arrival x[4] = {0}, *leaves;

    arrivals_init(&a, 3, 0, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(come(&a, &x[i], NEAR), OK);
    arrival_passed(&x[0]);
    assert_int_equal(arrivals_admit(&a, &x[3], FAR, &leaves), OK);
    assert_ptr_equal(leaves, &x[1]);
    arrivals_leave(&a, &x[1]);
    assert_int_equal(a.count, 3);
    assert_ptr_equal(arrivals_take_oldest(&a, &x[2]), &x[3]);
    assert_null(arrivals_take_oldest(&a, &x[2]));
    arrivals_deinit(&a);
}

static void the_limit_of_an_address_is_its_own_and_its_ports_are_no_matter(void **state)
{
    struct arrivals a;
    struct arrival x[4] = {0};

    arrivals_init(&a, 100, 2, 1);
    assert_int_equal(come(&a, &x[0], "10.0.0.1:1"), OK);
    assert_int_equal(come(&a, &x[1], "10.0.0.1:2"), OK);
    assert_int_equal(come(&a, &x[2], "10.0.0.1:3"), ERR_AGAIN);
    assert_int_equal(come(&a, &x[2], FAR), OK);
    assert_int_equal(come(&a, &x[3], "[2001:db8::1]:2"), OK);
    arrivals_leave(&a, &x[0]);
    assert_int_equal(come(&a, &x[0], "10.0.0.1:4"), OK);
    for (int i = 0; i < 4; i++)
        arrivals_leave(&a, &x[i]);
    assert_int_equal(map_count(&a.addresses), 0);
    arrivals_deinit(&a);
}

static void an_address_that_is_refused_is_not_kept(void **state)
{
    struct arrivals a;
    struct arrival x[2] = {0};

    arrivals_init(&a, 1, 5, 1);
    assert_int_equal(come(&a, &x[0], NEAR), OK);
    arrival_passed(&x[0]);
    assert_int_equal(come(&a, &x[1], FAR), ERR_FULL);
    assert_int_equal(map_count(&a.addresses), 1);
    arrivals_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beyond_the_limit_nobody_is_let_in_when_all_have_said_who_they_are),
        cmocka_unit_test(the_one_on_the_threshold_longest_makes_place),
        cmocka_unit_test(the_limit_of_an_address_is_its_own_and_its_ports_are_no_matter),
        cmocka_unit_test(an_address_that_is_refused_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
