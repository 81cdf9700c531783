/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners_test.c - listeners.h in use.
 */
#include "base/base_test.h"
#include "session/listeners.h"

#include <string.h>

static void listeners_are_found_by_name(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(
        listeners_parse(&l, "in:pulsar://10.0.0.1:6650, out:pulsar://bus.example.org:16650", message, sizeof message),
        OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(listeners_find(&l, "in"), "pulsar://10.0.0.1:6650");
    assert_string_equal(listeners_find(&l, "out"), "pulsar://bus.example.org:16650");
    assert_null(listeners_find(&l, "other"));
}

static void no_listeners_are_fine(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(listeners_parse(&l, NULL, message, sizeof message), OK);
    assert_int_equal(l.count, 0);
    assert_int_equal(listeners_parse(&l, "", message, sizeof message), OK);
    assert_int_equal(l.count, 0);
}

static void listeners_with_tls_are_passed_over(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(listeners_parse(&l, "in:pulsar+ssl://h:6651,in:pulsar://h:6650", message, sizeof message), OK);
    assert_int_equal(l.count, 1);
    assert_string_equal(listeners_find(&l, "in"), "pulsar://h:6650");
}

static void what_is_no_listener_is_named(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(listeners_parse(&l, "pulsar//h:1", message, sizeof message), ERR_INVALID);
    assert_int_equal(listeners_parse(&l, "in:http://h:1", message, sizeof message), ERR_INVALID);
    assert_non_null(strstr(message, "http://h:1"));
    assert_int_equal(listeners_parse(&l, "in:pulsar://h", message, sizeof message), ERR_INVALID);
    assert_int_equal(listeners_parse(&l, ":pulsar://h:1", message, sizeof message), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_are_found_by_name),
        cmocka_unit_test(no_listeners_are_fine),
        cmocka_unit_test(listeners_with_tls_are_passed_over),
        cmocka_unit_test(what_is_no_listener_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
