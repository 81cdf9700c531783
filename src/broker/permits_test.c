/* SPDX-License-Identifier: Apache-2.0
 *
 * permits_test.c - permits.h in use.
 */
#include "base/base_test.h"
#include "broker/permits.h"

static void no_permits_let_nothing_out(void **state)
{
    struct permits p = {0};

    assert_false(permits_open(&p));
}

static void granted_permits_add_up(void **state)
{
    struct permits p = {0};

    assert_int_equal(permits_grant(&p, 3), OK);
    assert_int_equal(permits_grant(&p, 4), OK);
    assert_int_equal(p.available, 7);
}

static void a_batch_larger_than_the_permits_is_sent_whole(void **state)
{
    struct permits p = {0};

    assert_int_equal(permits_grant(&p, 1), OK);
    permits_charge(&p, 10);
    assert_int_equal(p.available, -9);
    assert_false(permits_open(&p));

    assert_int_equal(permits_grant(&p, 9), OK);
    assert_false(permits_open(&p));
    assert_int_equal(permits_grant(&p, 1), OK);
    assert_true(permits_open(&p));
}

static void a_grant_of_nothing_is_a_breach_of_the_protocol(void **state)
{
    struct permits p = {.available = 5};

    assert_int_equal(permits_grant(&p, 0), ERR_PROTOCOL);
    assert_int_equal(p.available, 5);
}

static void grants_saturate(void **state)
{
    struct permits p = {0};

    assert_int_equal(permits_grant(&p, UINT32_MAX), OK);
    assert_int_equal(p.available, PERMITS_MAX);
    assert_int_equal(permits_grant(&p, UINT32_MAX), OK);
    assert_int_equal(p.available, PERMITS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_permits_let_nothing_out),
        cmocka_unit_test(granted_permits_add_up),
        cmocka_unit_test(a_batch_larger_than_the_permits_is_sent_whole),
        cmocka_unit_test(a_grant_of_nothing_is_a_breach_of_the_protocol),
        cmocka_unit_test(grants_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
