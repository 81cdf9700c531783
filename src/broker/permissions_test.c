/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions_test.c - permissions.h in use: what settings grant, what nonsense does not, and a topic that goes.
 */
#include "base/base_test.h"

#include "broker/permissions.h"

#include <stdlib.h>

static struct permissions *of(const char *settings)
{
    struct permissions *p;

    assert_int_equal(permissions_new(&p, bytes_of_text(settings)), OK);
    return p;
}

static struct bytes b(const char *text)
{
    return bytes_of_text(text);
}

static struct topic_name topic(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, b(text)), OK);
    return name;
}

static void actions_have_the_names_that_the_admin_interface_takes(void **state)
{
    assert_int_equal(action_of_name("produce"), ACTION_PRODUCE);
    assert_int_equal(action_of_name("packages"), ACTION_PACKAGES);
    assert_int_equal(action_of_name("Produce"), 0);
    assert_int_equal(action_of_name(""), 0);
}

static void a_role_has_what_its_namespace_grants_and_no_other_role_has(void **state)
{
    struct permissions *p = of("{\"auth_policies\":{\"namespace_auth\":{\"z\":[\"sinks\"],\"a\":[\"produce\","
                               "\"consume\"],\"\":[\"consume\"]}}}");

    assert_int_equal(permissions_in_namespace(p, b("a"), false), ACTION_PRODUCE | ACTION_CONSUME);
    assert_int_equal(permissions_in_namespace(p, b("z"), false), ACTION_SINKS);
    assert_int_equal(permissions_in_namespace(p, b("m"), true), 0);
    assert_int_equal(permissions_in_namespace(p, b(""), true), 0);
    permissions_free(p);
}

static void a_topics_grants_are_added_and_are_its_partitions_too(void **state)
{
    struct permissions *p =
        of("{\"auth_policies\":{\"namespace_auth\":{\"a\":[\"consume\"]},\"destination_auth\":{"
           "\"persistent://t/n/x\":{\"a\":[\"produce\"]},\"persistent://t/n/x-partition-1\":{\"b\":[\"produce\"]}}}}");
    const struct topic_name whole = topic("t/n/x"), zero = topic("t/n/x-partition-0"), one = topic("t/n/x-partition-1");
    const struct topic_name other = topic("t/n/y"), fleeting = topic("non-persistent://t/n/x");

    assert_int_equal(permissions_on_topic(p, &whole, b("a"), false), ACTION_PRODUCE | ACTION_CONSUME);
    assert_int_equal(permissions_on_topic(p, &zero, b("a"), false), ACTION_PRODUCE | ACTION_CONSUME);
    assert_int_equal(permissions_on_topic(p, &one, b("b"), false), ACTION_PRODUCE);
    assert_int_equal(permissions_on_topic(p, &zero, b("b"), false), 0);
    assert_int_equal(permissions_on_topic(p, &whole, b("b"), false), 0);
    assert_int_equal(permissions_on_topic(p, &other, b("a"), false), ACTION_CONSUME);
    assert_int_equal(permissions_on_topic(p, &fleeting, b("a"), false), ACTION_CONSUME);
    permissions_free(p);
}

static void a_star_at_either_end_stands_for_roles_only_where_that_is_switched_on(void **state)
{
    struct permissions *p =
        of("{\"auth_policies\":{\"namespace_auth\":{\"app.*\":[\"produce\"],\"*.app\":[\"consume\"],"
           "\"a*b\":[\"sinks\"]},\"destination_auth\":{\"persistent://t/n/x\":{\"*\":[\"packages\"]"
           "}}}}");
    const struct topic_name x = topic("t/n/x");

    assert_int_equal(permissions_in_namespace(p, b("app.one"), true), ACTION_PRODUCE);
    assert_int_equal(permissions_in_namespace(p, b("app."), true), ACTION_PRODUCE);
    assert_int_equal(permissions_in_namespace(p, b("one.app"), true), ACTION_CONSUME);
    assert_int_equal(permissions_in_namespace(p, b("ab"), true), 0);
    assert_int_equal(permissions_in_namespace(p, b("acb"), true), 0);
    assert_int_equal(permissions_in_namespace(p, b("app"), true), 0);
    assert_int_equal(permissions_in_namespace(p, b("app.one"), false), 0);
    assert_int_equal(permissions_on_topic(p, &x, b("whoever"), true), ACTION_PACKAGES);
    assert_int_equal(permissions_on_topic(p, &x, b("whoever"), false), 0);
    permissions_free(p);
}

static void a_subscription_is_for_the_roles_that_it_names_if_any(void **state)
{
    struct permissions *p = of("{\"auth_policies\":{\"subscription_auth_roles\":{\"s\":[\"a\",\"b\"],\"empty\":[]}}}");

    assert_int_equal(permissions_on_subscription(p, b("s"), b("b")), SUBSCRIPTION_FREE);
    assert_int_equal(permissions_on_subscription(p, b("s"), b("c")), SUBSCRIPTION_OF_OTHERS);
    assert_int_equal(permissions_on_subscription(p, b("empty"), b("c")), SUBSCRIPTION_FREE);
    assert_int_equal(permissions_on_subscription(p, b("other"), b("c")), SUBSCRIPTION_FREE);
    permissions_free(p);
}

static void in_prefix_mode_a_subscription_begins_with_its_roles_name(void **state)
{
    struct permissions *p = of("{\"subscription_auth_mode\":\"Prefix\"}");

    assert_int_equal(permissions_on_subscription(p, b("role-1"), b("role")), SUBSCRIPTION_FREE);
    assert_int_equal(permissions_on_subscription(p, b("rol"), b("role")), SUBSCRIPTION_NOT_PREFIXED);
    assert_int_equal(permissions_on_subscription(p, b("my-role"), b("role")), SUBSCRIPTION_NOT_PREFIXED);
    permissions_free(p);
}

static void a_tenants_admins_are_those_that_it_lists(void **state)
{
    struct permissions *p = of("{\"adminRoles\":[\"b\",\"a\",7,\"\"],\"allowedClusters\":[\"c\"]}");

    assert_true(permissions_admin(p, b("a")));
    assert_true(permissions_admin(p, b("b")));
    assert_false(permissions_admin(p, b("c")));
    assert_false(permissions_admin(p, b("")));
    permissions_free(p);
}

static void what_is_no_such_thing_grants_nothing(void **state)
{
    static const char *const nonsense[] = {
        "",
        "{",
        "[]",
        "{\"auth_policies\":7}",
        "{\"auth_policies\":{\"namespace_auth\":[\"a\"],\"destination_auth\":\"a\",\"subscription_auth_roles\":1}}",
        "{\"auth_policies\":{\"namespace_auth\":{\"a\":\"produce\"},\"destination_auth\":{\"persistent://t/n/"
        "x\":[\"a\"]"
        "}}}",
        "{\"auth_policies\":{\"namespace_auth\":{\"a\":[1,null,\"all\"]}},\"adminRoles\":\"a\"}",
    };
    const struct topic_name x = topic("t/n/x");

    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct permissions *p = of(nonsense[i]);
        assert_int_equal(permissions_on_topic(p, &x, b("a"), true), 0);
        assert_false(permissions_admin(p, b("a")));
        assert_int_equal(permissions_on_subscription(p, b("s"), b("a")), SUBSCRIPTION_FREE);
        permissions_free(p);
    }
}

static void a_topic_that_goes_takes_its_grants_along_and_nothing_else(void **state)
{
    const char *const settings =
        "{\"auth_policies\":{\"destination_auth\":{\"persistent://t/n/x\":{\"a\":[\"produce\"]},"
        "\"persistent://t/n/x-partition-0\":{\"b\":[\"consume\"]}}},\"other\":1}";
    const struct topic_name x = topic("t/n/x"), y = topic("t/n/y");
    char *left;

    assert_int_equal(permissions_without_topic(b(settings), &x, &left), OK);
    assert_string_equal(left, "{\"auth_policies\":{\"destination_auth\":{\"persistent://t/n/x-partition-0\":{\"b\":["
                              "\"consume\"]}}},\"other\":1}");
    free(left);
    assert_int_equal(permissions_without_topic(b(settings), &y, &left), OK);
    assert_null(left);
    assert_int_equal(permissions_without_topic(b(""), &x, &left), OK);
    assert_null(left);
    assert_int_equal(permissions_without_topic(b("persistent://t/n/x"), &x, &left), OK);
    assert_null(left);
}

static void a_topic_whose_name_is_escaped_in_json_is_found(void **state)
{
    const char *const settings = "{\"auth_policies\":{\"destination_auth\":{\"persistent://t/n/\\\"\\u00e4\":{}}}}";
    const struct topic_name name = topic("t/n/\"\xc3\xa4");
    char *left;

    assert_int_equal(permissions_without_topic(b(settings), &name, &left), OK);
    assert_string_equal(left, "{\"auth_policies\":{\"destination_auth\":{}}}");
    free(left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_have_the_names_that_the_admin_interface_takes),
        cmocka_unit_test(a_role_has_what_its_namespace_grants_and_no_other_role_has),
        cmocka_unit_test(a_topics_grants_are_added_and_are_its_partitions_too),
        cmocka_unit_test(a_star_at_either_end_stands_for_roles_only_where_that_is_switched_on),
        cmocka_unit_test(a_subscription_is_for_the_roles_that_it_names_if_any),
        cmocka_unit_test(in_prefix_mode_a_subscription_begins_with_its_roles_name),
        cmocka_unit_test(a_tenants_admins_are_those_that_it_lists),
        cmocka_unit_test(what_is_no_such_thing_grants_nothing),
        cmocka_unit_test(a_topic_that_goes_takes_its_grants_along_and_nothing_else),
        cmocka_unit_test(a_topic_whose_name_is_escaped_in_json_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
