/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners_test.c - listeners.h in use.
 */
#include "base/base_test.h"
#include "session/listeners.h"

#include <stdio.h>
#include <string.h>

static void listeners_are_found_by_name(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(
        listeners_parse(&l, "in:pulsar://10.0.0.1:6650, out:pulsar://bus.example.org:16650", message, sizeof message),
        OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(listeners_find(&l, "in", false), "pulsar://10.0.0.1:6650");
    assert_string_equal(listeners_find(&l, "out", false), "pulsar://bus.example.org:16650");
    assert_null(listeners_find(&l, "other", false));
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

static void a_name_may_have_an_address_of_each_kind(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(listeners_parse(&l, "in:pulsar+ssl://h:6651,in:pulsar://h:6650,out:pulsar+ssl://o:6651", message,
                                     sizeof message),
                     OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(listeners_find(&l, "in", false), "pulsar://h:6650");
    assert_string_equal(listeners_find(&l, "in", true), "pulsar+ssl://h:6651");
    assert_null(listeners_find(&l, "out", false));
    assert_string_equal(listeners_find(&l, "out", true), "pulsar+ssl://o:6651");
    assert_true(listeners_known(&l, "out"));
    assert_false(listeners_known(&l, "i"));
}

static void a_second_address_of_a_kind_is_refused(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(listeners_parse(&l, "in:pulsar://h:1,in:pulsar://h:2", message, sizeof message), ERR_INVALID);
    assert_non_null(strstr(message, "in:pulsar://h:2"));
}

static void too_many_listeners_are_refused(void **state)
{
    struct listeners l;
    char text[1000] = "", message[200];

    for (size_t i = 0; i <= LISTENERS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "l%zu:pulsar://h:1,", i);
    assert_int_equal(listeners_parse(&l, text, message, sizeof message), ERR_INVALID);
}

static void what_is_no_listener_is_named(void **state)
{
    struct listeners l;
    char message[200];

    assert_int_equal(listeners_parse(&l, "pulsar//h:1", message, sizeof message), ERR_INVALID);
    assert_int_equal(listeners_parse(&l, "in:http://h:1", message, sizeof message), ERR_INVALID);
    assert_non_null(strstr(message, "http://h:1"));
    assert_int_equal(listeners_parse(&l, "in:pulsar+ssl://h", message, sizeof message), ERR_INVALID);
    assert_int_equal(listeners_parse(&l, "in:pulsar://h", message, sizeof message), ERR_INVALID);
    assert_int_equal(listeners_parse(&l, ":pulsar://h:1", message, sizeof message), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_are_found_by_name),
        cmocka_unit_test(no_listeners_are_fine),
        cmocka_unit_test(a_name_may_have_an_address_of_each_kind),
        cmocka_unit_test(a_second_address_of_a_kind_is_refused),
        cmocka_unit_test(too_many_listeners_are_refused),
        cmocka_unit_test(what_is_no_listener_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
