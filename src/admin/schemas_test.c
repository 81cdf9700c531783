/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas_test.c - schemas over HTTP, and the policies about them.
 */
#include "admin/admin_world.h"
#include "broker/schemas.h"

#include <stdio.h>
#include <string.h>

#define S    "/admin/v2/schemas/public/default/t"
#define NS   "/admin/v2/namespaces/public/default"
#define T    "/admin/v2/persistent/public/default/t"
#define TEXT "{\"type\":\"STRING\",\"schema\":\"\",\"properties\":{\"k\":\"v\"}}"
#define INT  "{\"type\":\"INT32\",\"schema\":\"\"}"
#define AVRO "{\"type\":\"AVRO\",\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":[]}\"}"

static void a_schema_is_added_once_and_read(void **state)
{
    struct admin_world *w = *state;

    assert_refused(w, ask(w, HTTP_GET, S "/schema"), 404, "Schema not found");
    assert_get(w, S "/schemas", "{\"getSchemaResponses\":[]}");
    assert_int_equal(ask(w, HTTP_GET, S "/metadata"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_string_equal(answer(w), "{\"version\":{\"version\":0}}");
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_string_equal(answer(w), "{\"version\":{\"version\":0}}");

    assert_int_equal(ask(w, HTTP_GET, S "/schema"), 200);
    json_t *j = answer_json(w);
    assert_int_equal(number(j, "version"), 0);
    assert_string_equal(json_string_value(json_object_get(j, "type")), "STRING");
    assert_string_equal(json_string_value(json_object_get(j, "data")), "");
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "properties"), "k")), "v");
    assert_true(number(j, "timestamp") > 0);
    json_decref(j);
    assert_int_equal(ask(w, HTTP_GET, S "-partition-1/schema/0"), 200);
    assert_refused(w, ask(w, HTTP_GET, S "/schema/1"), 404, "Schema not found");
    assert_int_equal(ask(w, HTTP_GET, S "/schema/x"), 412);
    assert_int_equal(ask(w, HTTP_GET, S "/schemas"), 200);
    j = answer_json(w);
    assert_int_equal(json_array_size(json_object_get(j, "getSchemaResponses")), 1);
    json_decref(j);
    assert_int_equal(ask(w, HTTP_GET, S "/metadata"), 200);
    j = answer_json(w);
    assert_int_equal(number(json_object_get(j, "info"), "version"), 0);
    assert_int_equal(json_array_size(json_object_get(j, "index")), 1);
    json_decref(j);
    assert_get(w, "/admin/v2/persistent/public/default", "[]"); /* no topic came of it */
}

static void one_that_does_not_fit_is_in_conflict_and_one_that_is_none_is_not_processed(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", INT), 409);
    assert_non_null(strstr(answer(w), "version 0"));
    assert_int_equal(ask_body(w, HTTP_POST, S "/compatibility", INT), 409);
    assert_int_equal(ask_body(w, HTTP_POST, S "/compatibility", TEXT), 202);
    assert_string_equal(answer(w), "{\"schemaCompatibilityStrategy\":\"FULL\",\"compatibility\":true}");
    assert_int_equal(ask_body(w, HTTP_POST, S "/version", TEXT), 200);
    assert_string_equal(answer(w), "{\"version\":0}");
    assert_int_equal(ask_body(w, HTTP_POST, S "/version", INT), 200);
    assert_string_equal(answer(w), "{\"version\":-1}");

    static const char *const none[] = {
        "",
        "[]",
        "{\"schema\":\"\"}",
        "{\"type\":\"NOPE\",\"schema\":\"\"}",
        "{\"type\":\"STRING\"}",
        "{\"type\":\"STRING\",\"schema\":\"x\"}",
        "{\"type\":\"STRING\",\"schema\":\"\",\"properties\":[]}",
        "{\"type\":\"AUTO_CONSUME\",\"schema\":\"\"}",
        "{\"type\":\"AVRO\",\"schema\":\"\"}",
        "{\"type\":\"KEY_VALUE\",\"schema\":\"\"}",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(ask_body(w, HTTP_POST, S "/schema", none[i]), 422);
    assert_refused(w, ask_body(w, HTTP_POST, "/admin/v2/schemas/public/none/t/schema", TEXT), 404,
                   "Namespace does not exist");
}

static void keys_and_values_come_back_as_they_went_in(void **state)
{
    static const char body[] = "{\"type\":\"KEY_VALUE\",\"schema\":\"{\\\"key\\\":\\\"\\\",\\\"value\\\":{\\\"type\\\":"
                               "\\\"record\\\",\\\"name\\\":\\\"V\\\",\\\"fields\\\":[]}}\",\"properties\":{"
                               "\"key.schema.type\":\"STRING\",\"value.schema.type\":\"AVRO\"}}";
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", body), 200);
    assert_int_equal(ask(w, HTTP_GET, S "/schema"), 200);
    json_t *j = answer_json(w);
    assert_string_equal(json_string_value(json_object_get(j, "data")),
                        "{\"key\":\"\",\"value\":{\"type\":\"record\",\"name\":\"V\",\"fields\":[]}}");
    json_decref(j);

    struct topic_name name;
    struct schema_row row;
    assert_int_equal(topic_name_parse(&name, bytes_of_text("persistent://public/default/t")), OK);
    assert_int_equal(schemas_newest(w->broker, &name, &row), OK); /* on the wire: two lengths, and what they say */
    assert_int_equal(be32_get(row.record.data.data), 0);
    assert_int_equal(be32_get(row.record.data.data + 4), row.record.data.len - 8);
}

static void deleting_tells_a_version_and_forcing_it_none(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_int_equal(ask(w, HTTP_DELETE, S "/schema"), 200);
    assert_string_equal(answer(w), "{\"version\":1}");
    assert_refused(w, ask(w, HTTP_GET, S "/schema"), 404, "Schema not found");
    assert_refused(w, ask(w, HTTP_GET, S "/schema/0"), 404, "Schema not found");
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", INT), 200);
    assert_string_equal(answer(w), "{\"version\":{\"version\":2}}");
    assert_int_equal(ask_query(w, HTTP_DELETE, S "/schema", "force=true", ""), 200);
    assert_string_equal(answer(w), "{\"version\":-1}");
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", INT), 200);
    assert_string_equal(answer(w), "{\"version\":{\"version\":0}}");
    admin_world_restart(w);
    assert_int_equal(ask(w, HTTP_GET, S "/schema/0"), 200);
}

static void a_topic_takes_its_schema_with_it(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, T), 204);
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_int_equal(ask(w, HTTP_DELETE, T), 204);
    assert_int_equal(ask(w, HTTP_GET, S "/schema"), 404);
    assert_int_equal(ask_body(w, HTTP_PUT, T "/partitions", "2"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_int_equal(ask(w, HTTP_DELETE, T "/partitions"), 204);
    assert_int_equal(ask(w, HTTP_GET, S "/schema"), 404);
}

static void the_policies_of_a_namespace_are_told_also_where_nothing_is_set(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, NS "/schemaCompatibilityStrategy", "\"UNDEFINED\"");
    assert_int_equal(ask(w, HTTP_GET, NS "/schemaAutoUpdateCompatibilityStrategy"), 204);
    assert_get(w, NS "/isAllowAutoUpdateSchema", "true");
    assert_get(w, NS "/schemaValidationEnforced", "false");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/schemaCompatibilityStrategy", "\"BACKWARD\""), 204);
    assert_get(w, NS "/schemaCompatibilityStrategy", "\"BACKWARD\"");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/schemaCompatibilityStrategy", "\"backwards\""), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/schemaCompatibilityStrategy", "\"UNDEFINED\""), 204);
    assert_get(w, NS "/schemaCompatibilityStrategy", "\"UNDEFINED\"");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/schemaAutoUpdateCompatibilityStrategy", "\"AutoUpdateDisabled\""), 204);
    assert_get(w, NS "/schemaAutoUpdateCompatibilityStrategy", "\"AutoUpdateDisabled\"");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/isAllowAutoUpdateSchema", "false"), 204);
    assert_get(w, NS "/isAllowAutoUpdateSchema", "false");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/schemaValidationEnforced", "true"), 204);
    assert_get(w, NS "/schemaValidationEnforced", "true");
    assert_int_equal(ask(w, HTTP_GET, NS), 200);
    assert_non_null(strstr(answer(w), "\"schema_compatibility_strategy\":\"UNDEFINED\""));
    assert_non_null(strstr(answer(w), "\"schema_validation_enforced\":true"));
}

static void the_policies_of_a_topic_go_over_them_and_what_holds_is_told(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, T), 204);
    assert_int_equal(ask(w, HTTP_GET, T "/schemaCompatibilityStrategy"), 204);
    assert_int_equal(ask_query(w, HTTP_GET, T "/schemaCompatibilityStrategy", "applied=true", ""), 200);
    assert_string_equal(answer(w), "\"FULL\"");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/schemaAutoUpdateCompatibilityStrategy", "\"AutoUpdateDisabled\""), 204);
    assert_int_equal(ask_query(w, HTTP_GET, T "/schemaCompatibilityStrategy", "applied=true", ""), 200);
    assert_string_equal(answer(w), "\"ALWAYS_INCOMPATIBLE\"");
    assert_int_equal(ask_body(w, HTTP_PUT, T "/schemaCompatibilityStrategy", "\"ALWAYS_COMPATIBLE\""), 204);
    assert_get(w, T "/schemaCompatibilityStrategy", "\"ALWAYS_COMPATIBLE\"");
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", TEXT), 200);
    assert_int_equal(ask_body(w, HTTP_POST, S "/schema", AVRO), 200);
    assert_string_equal(answer(w), "{\"version\":{\"version\":1}}");
    assert_get(w, T "/schemaValidationEnforced", "false");
    assert_int_equal(ask_body(w, HTTP_POST, T "/schemaValidationEnforced", "true"), 204);
    assert_get(w, T "/schemaValidationEnforced", "true");
}

static void what_the_broker_enforces_no_namespace_takes_back(void **state)
{
    struct admin_world *w = *state;
    const char *const applied[] = {"applied", "true"};

    policies_put(&w->options.policies, POLICY_SCHEMA_VALIDATION, 1);
    admin_world_restart(w);
    assert_get(w, NS "/schemaValidationEnforced", "false");
    assert_int_equal(ask_with(w, HTTP_GET, NS "/schemaValidationEnforced", applied, ""), 200);
    assert_string_equal(answer(w), "true");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/schemaValidationEnforced", "false"), 204);
    assert_int_equal(ask(w, HTTP_PUT, T), 204);
    assert_int_equal(ask_with(w, HTTP_GET, T "/schemaValidationEnforced", applied, ""), 200);
    assert_string_equal(answer(w), "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(a_schema_is_added_once_and_read),
        ADMIN_TEST(one_that_does_not_fit_is_in_conflict_and_one_that_is_none_is_not_processed),
        ADMIN_TEST(keys_and_values_come_back_as_they_went_in),
        ADMIN_TEST(deleting_tells_a_version_and_forcing_it_none),
        ADMIN_TEST(a_topic_takes_its_schema_with_it),
        ADMIN_TEST(the_policies_of_a_namespace_are_told_also_where_nothing_is_set),
        ADMIN_TEST(the_policies_of_a_topic_go_over_them_and_what_holds_is_told),
        ADMIN_TEST(what_the_broker_enforces_no_namespace_takes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
