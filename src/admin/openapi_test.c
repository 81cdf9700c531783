/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi_test.c - the document has every route, and what a pattern says; see openapi.c.
 */
#include "admin/admin_world.h"

#include <stdlib.h>

static json_t *document(struct admin_world *w)
{
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/openapi.json"), 200);
    return answer_json(w);
}

static json_t *operation(json_t *d, const char *path, const char *method)
{
    json_t *it = json_object_get(json_object_get(json_object_get(d, "paths"), path), method);

    assert_non_null(it);
    return it;
}

static bool has_parameter(const json_t *operation, const char *name, const char *in)
{
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(operation, "parameters"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0 &&
            strcmp(json_string_value(json_object_get(one, "in")), in) == 0)
            return true;
    }
    return false;
}

static void a_pattern_gives_path_and_parameters(void **state)
{
    json_t *d = document(*state);
    json_t *remove = operation(d, "/admin/v2/{domain}/{tenant}/{namespace}/{topic}", "delete");

    assert_true(has_parameter(remove, "domain", "path"));
    assert_true(has_parameter(remove, "topic", "path"));
    assert_true(has_parameter(remove, "force", "query"));
    assert_null(json_object_get(remove, "requestBody"));
    assert_non_null(json_object_get(operation(d, "/admin/v2/tenants/{tenant}", "put"), "requestBody"));
    json_decref(d);
}

static void each_policy_has_a_path_of_its_own(void **state)
{
    json_t *d = document(*state);

    (void)operation(d, "/admin/v2/namespaces/{tenant}/{namespace}/retention", "post");
    (void)operation(d, "/admin/v2/{domain}/{tenant}/{namespace}/{topic}/maxProducers", "delete");
    json_decref(d);
}

static void every_operation_has_an_id_of_its_own(void **state)
{
    json_t *d = document(*state), *ids = json_object(), *methods, *one;
    const char *path, *method;
    size_t count;

    json_object_foreach(json_object_get(d, "paths"), path, methods)
    {
        assert_null(strchr(path, '+'));
        json_object_foreach(methods, method, one)
        {
            const char *id = json_string_value(json_object_get(one, "operationId"));
            if (json_object_get(ids, id))
                print_message("twice: %s (%s)\n", id, path);
            assert_null(json_object_get(ids, id));
            json_object_set_new(ids, id, json_true());
        }
    }
    (void)routes_all(&count);
    assert_true(json_object_size(ids) + 10 > count); /* a few are the same path, read in two ways */
    json_decref(ids);
    json_decref(d);
}

static void tokens_and_passwords_are_what_is_asked_for(void **state)
{
    json_t *d = document(*state), *schemes = json_object_get(json_object_get(d, "components"), "securitySchemes"),
           *wanted;
    const char *name;
    size_t i;

    assert_string_equal(json_string_value(json_object_get(json_object_get(schemes, "token"), "scheme")), "bearer");
    assert_string_equal(json_string_value(json_object_get(json_object_get(schemes, "password"), "scheme")), "basic");
    assert_int_equal(json_array_size(json_object_get(d, "security")), 3); /* the last: none of them */
    json_array_foreach(json_object_get(d, "security"), i, wanted)
    {
        json_t *scopes;
        json_object_foreach(wanted, name, scopes) assert_non_null(json_object_get(schemes, name));
    }
    json_decref(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(a_pattern_gives_path_and_parameters),
        ADMIN_TEST(each_policy_has_a_path_of_its_own),
        ADMIN_TEST(every_operation_has_an_id_of_its_own),
        ADMIN_TEST(tokens_and_passwords_are_what_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
