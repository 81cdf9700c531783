/* SPDX-License-Identifier: Apache-2.0
 *
 * match_test.c - paths against the patterns of routes.
 */
#include "base/base_test.h"

#include "admin/routes.h"

#include <stdio.h>

static bool matches(const char *pattern, const char *path, struct bytes parameters[PARAMETERS_MAX])
{
    return pattern_match(pattern, bytes_of_text(path), parameters);
}

static void assert_text(struct bytes got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.len);
}

static void a_path_of_words_matches_itself_only(void **state)
{
    struct bytes p[PARAMETERS_MAX];

    assert_true(matches("/metrics", "/metrics", p));
    assert_false(matches("/metrics", "/metric", p));
    assert_false(matches("/metrics", "/metrics/x", p));
    assert_false(matches("/metrics", "/", p));
    assert_false(matches("/metrics", "", p));
    assert_false(matches("/metrics", "metrics", p));
}

static void names_stand_for_one_part_that_is_not_empty(void **state)
{
    struct bytes p[PARAMETERS_MAX];

    assert_true(matches("/admin/{tenant}/x", "/admin/t 1/x", p));
    assert_text(p[0], "t 1");
    assert_false(matches("/admin/{tenant}/x", "/admin//x", p));
    assert_false(matches("/admin/{tenant}", "/admin", p));
    assert_false(matches("/admin/{tenant}", "/admin/a/b", p));
}

static void a_domain_is_persistent_or_not(void **state)
{
    struct bytes p[PARAMETERS_MAX];

    assert_true(matches("/v2/{domain}/{tenant}", "/v2/persistent/t", p));
    assert_true(matches("/v2/{domain}/{tenant}", "/v2/non-persistent/t", p));
    assert_false(matches("/v2/{domain}/{tenant}", "/v2/namespaces/t", p));
}

static void a_topic_takes_what_the_rest_leaves(void **state)
{
    struct bytes p[PARAMETERS_MAX];

    assert_true(matches("/{tenant}/{topic+}/stats", "/t/x/stats", p));
    assert_text(p[1], "x");
    assert_true(matches("/{tenant}/{topic+}/stats", "/t/a/b/c/stats", p));
    assert_text(p[0], "t");
    assert_text(p[1], "a/b/c");
    assert_true(matches("/{tenant}/{topic+}/s/{name}", "/t/a/s/s/n", p));
    assert_text(p[1], "a/s");
    assert_text(p[2], "n");
    assert_false(matches("/{tenant}/{topic+}/stats", "/t/stats", p));
    assert_false(matches("/{tenant}/{topic+}/stats", "/t//stats", p));
}

static struct call call_to(enum http_method method, const char *path)
{
    struct call call = {.request = {.method = method, .path = bytes_of_text(path)}};

    return call;
}

static void a_policy_is_one_of_the_table_at_its_level(void **state)
{
    struct bytes p[PARAMETERS_MAX];

    assert_true(matches("/{tenant}/{namespace_policy}", "/t/retention", p));
    assert_true(matches("/{tenant}/{namespace_policy}", "/t/maxProducersPerTopic", p));
    assert_false(matches("/{tenant}/{namespace_policy}", "/t/maxProducers", p));
    assert_false(matches("/{tenant}/{namespace_policy}", "/t/unload", p));
    assert_true(matches("/{topic+}/{topic_policy}", "/a/b/maxProducers", p));
    assert_text(p[0], "a/b");
    assert_false(matches("/{topic+}/{topic_policy}", "/a/b/maxProducersPerTopic", p));
}

static void the_method_is_looked_at_after_the_path(void **state)
{
    struct call call = call_to(HTTP_GET, "/admin/v2/clusters/");

    assert_int_equal(routes_find(&call), ROUTE_FOUND);
    assert_string_equal(call.route->pattern, "/admin/v2/clusters");
    call = call_to(HTTP_DELETE, "/admin/v2/clusters");
    assert_int_equal(routes_find(&call), ROUTE_NO_METHOD);
    call = call_to(HTTP_GET, "/admin/v2/cluster");
    assert_int_equal(routes_find(&call), ROUTE_NO_PATH);
    call = call_to(HTTP_GET, "/");
    assert_int_equal(routes_find(&call), ROUTE_NO_PATH);
}

static void a_topics_subscription_is_decoded_a_second_time(void **state)
{
    struct call call = call_to(HTTP_DELETE, "/admin/v2/persistent/t/n/x/subscription/a%2Fb+c%2B%zz");

    arena_init(&call.arena, 1024);
    assert_int_equal(routes_find(&call), ROUTE_FOUND);
    assert_text(call.parameters[4], "a/b c+%zz");
    arena_deinit(&call.arena);
}

static void a_subscription_that_cannot_be_decoded_is_not_taken_for_another(void **state)
{
    struct call call = call_to(HTTP_DELETE, "/admin/v2/persistent/t/n/x/subscription/a%2Fb");

    arena_init(&call.arena, 1);
    assert_int_equal(routes_find(&call), ROUTE_NO_MEMORY);
    arena_deinit(&call.arena);
}

static void an_operation_that_is_not_there_does_not_become_a_topics_name(void **state)
{
    struct call call = call_to(HTTP_PUT, "/admin/v2/persistent/t/n/x/subscriptions");

    assert_int_equal(routes_find(&call), ROUTE_NO_METHOD);
    call = call_to(HTTP_DELETE, "/admin/v2/persistent/t/n/x/truncates");
    assert_int_equal(routes_find(&call), ROUTE_NO_PATH);
}

static const struct {
    const char *name, *value;
} chosen[] = {
    /* of the names that do not stand for everything */
    {"{domain}", "persistent"},           {"{namespace_policy}", "maxTopicsPerNamespace"},
    {"{topic_policy}", "maxMessageSize"}, {"{namespace_kept}", "entryFilters"},
    {"{topic_kept}", "replication"},      {"{bundle}", "0x00000000_0x40000000"},
};

/* The pattern with `chosen` in it; its own names are good values for the others. */
static void path_of(const char *pattern, char *path, size_t size)
{
    snprintf(path, size, "%s", pattern);
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        const char *name = strstr(path, chosen[i].name);
        char rest[200];
        if (!name)
            continue;
        snprintf(rest, sizeof rest, "%s", name + strlen(chosen[i].name));
        snprintf(path + (name - path), size - (size_t)(name - path), "%s%s", chosen[i].value, rest);
    }
}

static void every_row_says_what_it_does_and_finds_itself(void **state)
{
    size_t count;
    const struct route *routes = routes_all(&count);

    for (size_t i = 0; i < count; i++) {
        char path[200];
        path_of(routes[i].pattern, path, sizeof path);
        struct call call = call_to(routes[i].method, path);
        assert_true(strlen(routes[i].help) > 0);
        assert_int_equal(routes_find(&call), ROUTE_FOUND);
        assert_ptr_equal(call.route, &routes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_of_words_matches_itself_only),
        cmocka_unit_test(names_stand_for_one_part_that_is_not_empty),
        cmocka_unit_test(a_domain_is_persistent_or_not),
        cmocka_unit_test(a_topic_takes_what_the_rest_leaves),
        cmocka_unit_test(a_policy_is_one_of_the_table_at_its_level),
        cmocka_unit_test(the_method_is_looked_at_after_the_path),
        cmocka_unit_test(a_topics_subscription_is_decoded_a_second_time),
        cmocka_unit_test(a_subscription_that_cannot_be_decoded_is_not_taken_for_another),
        cmocka_unit_test(an_operation_that_is_not_there_does_not_become_a_topics_name),
        cmocka_unit_test(every_row_says_what_it_does_and_finds_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
