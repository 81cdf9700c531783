/* SPDX-License-Identifier: Apache-2.0
 *
 * http_peers_test.c - addresses, their connections and their requests.
 */
#include "base/base_test.h"

#include "http/http_peers.h"

#include <stdio.h>

#define SECOND 1000000ull

static void an_address_has_as_many_connections_as_it_may(void **state)
{
    struct http_peers p;

    http_peers_init(&p, 2, 0, 1);
    struct http_peer *a = http_peers_enter(&p, "10.0.0.1"), *other = http_peers_enter(&p, "10.0.0.2");
    assert_ptr_equal(http_peers_enter(&p, "10.0.0.1"), a);
    assert_false(http_peers_crowded(&p, a));
    assert_ptr_equal(http_peers_enter(&p, "10.0.0.1"), a);
    assert_true(http_peers_crowded(&p, a));
    assert_false(http_peers_crowded(&p, other));
    http_peers_leave(&p, a);
    assert_false(http_peers_crowded(&p, a));
    http_peers_deinit(&p);
}

static void without_bounds_nobody_is_one_too_many(void **state)
{
    struct http_peers p;

    http_peers_init(&p, 0, 0, 1);
    struct http_peer *a = http_peers_enter(&p, "10.0.0.1");
    for (int i = 0; i < 1000; i++) {
        assert_ptr_equal(http_peers_enter(&p, "10.0.0.1"), a);
        assert_false(http_peers_crowded(&p, a));
        assert_true(http_peers_request(&p, a, 0));
    }
    http_peers_deinit(&p);
}

static void a_seconds_worth_of_requests_may_come_at_once_and_then_they_come_evenly(void **state)
{
    struct http_peers p;

    http_peers_init(&p, 0, 10, 1);
    struct http_peer *a = http_peers_enter(&p, "10.0.0.1");
    for (int i = 0; i < 10; i++)
        assert_true(http_peers_request(&p, a, 5 * SECOND));
    assert_false(http_peers_request(&p, a, 5 * SECOND));
    assert_true(http_peers_request(&p, a, 5 * SECOND + SECOND / 10));
    assert_false(http_peers_request(&p, a, 5 * SECOND + SECOND / 10));
    for (int i = 0; i < 10; i++)
        assert_true(http_peers_request(&p, a, 9 * SECOND)); /* no more than a second's, however long it was quiet */
    assert_false(http_peers_request(&p, a, 9 * SECOND));
    http_peers_deinit(&p);
}

static void one_address_does_not_use_up_anothers_requests(void **state)
{
    struct http_peers p;

    http_peers_init(&p, 0, 1, 1);
    struct http_peer *a = http_peers_enter(&p, "10.0.0.1"), *b = http_peers_enter(&p, "10.0.0.2");
    assert_true(http_peers_request(&p, a, SECOND));
    assert_false(http_peers_request(&p, a, SECOND));
    assert_true(http_peers_request(&p, b, SECOND));
    http_peers_deinit(&p);
}

static void who_comes_back_is_remembered(void **state)
{
    struct http_peers p;

    http_peers_init(&p, 0, 1, 1);
    struct http_peer *a = http_peers_enter(&p, "10.0.0.1");
    assert_true(http_peers_request(&p, a, SECOND));
    http_peers_leave(&p, a);
    assert_ptr_equal(http_peers_enter(&p, "10.0.0.1"), a);
    assert_false(http_peers_request(&p, a, SECOND));
    http_peers_deinit(&p);
}

static void of_those_that_are_gone_so_many_are_remembered(void **state)
{
    struct http_peers p;
    char address[32];

    http_peers_init(&p, 0, 1, 1);
    struct http_peer *stays = http_peers_enter(&p, "10.9.9.9");
    for (int i = 0; i < 3 * HTTP_PEERS_GONE_MAX; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
        http_peers_leave(&p, http_peers_enter(&p, address));
    }
    assert_int_equal(map_count(&p.by_address), HTTP_PEERS_GONE_MAX + 1);
    assert_ptr_equal(http_peers_enter(&p, "10.9.9.9"), stays);
    assert_string_equal(http_peer_address(stays), "10.9.9.9");
    http_peers_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_as_many_connections_as_it_may),
        cmocka_unit_test(without_bounds_nobody_is_one_too_many),
        cmocka_unit_test(a_seconds_worth_of_requests_may_come_at_once_and_then_they_come_evenly),
        cmocka_unit_test(one_address_does_not_use_up_anothers_requests),
        cmocka_unit_test(who_comes_back_is_remembered),
        cmocka_unit_test(of_those_that_are_gone_so_many_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
