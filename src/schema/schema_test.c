/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_test.c - what is well-formed, which versions are asked, and what a refusal says.
 */
#include "schema/schema_test.h"

#define RECORD(fields)  "{\"type\":\"record\",\"name\":\"User\",\"fields\":[" fields "]}"
#define NAME            "{\"name\":\"name\",\"type\":\"string\"}"
#define AGE             "{\"name\":\"age\",\"type\":\"int\"}"
#define AGE_OR_0        "{\"name\":\"age\",\"type\":\"int\",\"default\":0}"
#define OLD_FORM(id)    "{\"type\":\"object\",\"id\":\"" id "\",\"properties\":{\"a\":{\"type\":\"integer\"}}}"
#define NEW_SCHEMA_SAYS "Incompatible schema: the new schema "

static enum err check(enum schema_type type, const char *data, struct schema_why *why)
{
    struct schema_info info = info_of(type, data);

    return schema_check(&info, why);
}

static void a_primitive_has_no_data_but_a_string_may_say_null(void **state)
{
    struct schema_why why;

    for (int n = SCHEMA_BOOLEAN; n <= SCHEMA_LOCAL_DATE_TIME; n++) {
        if (n == SCHEMA_KEY_VALUE)
            continue;
        assert_int_equal(check((enum schema_type)n, "", &why), OK);
        assert_int_equal(check((enum schema_type)n, "x", &why), ERR_INVALID);
        assert_non_null(strstr(why.sentence, schema_type_name((enum schema_type)n)));
    }
    assert_int_equal(check(SCHEMA_STRING, "null", &why), OK);
    assert_int_equal(check(SCHEMA_STRING, "nil", &why), ERR_INVALID);
    assert_int_equal(check(SCHEMA_BYTES, "anything", &why), OK);
}

static void what_only_clients_have_is_not_registered(void **state)
{
    struct schema_why why;

    assert_int_equal(check(SCHEMA_AUTO_CONSUME, "", &why), ERR_INVALID);
    assert_string_equal(why.sentence, "Schema AUTO_CONSUME is a client-side schema type.");
    assert_int_equal(check(SCHEMA_AUTO_PUBLISH, "", &why), ERR_INVALID);
    assert_int_equal(check(SCHEMA_AUTO, "", &why), ERR_INVALID);
}

static void an_avro_schema_that_is_a_union_is_refused_and_a_json_one_is_not(void **state)
{
    struct schema_why why;

    assert_int_equal(check(SCHEMA_AVRO, "[\"null\",\"int\"]", &why), ERR_INVALID);
    assert_int_equal(check(SCHEMA_JSON, "[\"null\",\"int\"]", &why), OK);
    assert_int_equal(check(SCHEMA_AVRO, "\"int\"", &why), OK);
    assert_int_equal(check(SCHEMA_AVRO, "", &why), ERR_INVALID);
}

static void the_old_form_is_well_formed_for_json_only(void **state)
{
    struct schema_why why;

    assert_int_equal(check(SCHEMA_JSON, OLD_FORM("a"), &why), OK);
    assert_int_equal(check(SCHEMA_AVRO, OLD_FORM("a"), &why), ERR_INVALID);
    assert_int_equal(check(SCHEMA_JSON, "{\"type\":\"record\"}", &why), ERR_INVALID);
    assert_string_equal(why.rule, "AVRO_SCHEMA");
}

static enum err against(enum schema_type type, const char *candidate, const struct schema_version *existing,
                        size_t count, enum schema_strategy strategy, struct schema_why *why)
{
    struct schema_info info = info_of(type, candidate);

    return schema_compatible(&info, existing, count, strategy, why);
}

static void a_refusal_names_the_field_the_rule_and_both_versions(void **state)
{
    struct schema_version has[] = {version_of(7, SCHEMA_AVRO, RECORD(NAME))};
    struct schema_why why;

    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME "," AGE), has, 1, SCHEMA_BACKWARD, &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.sentence,
                        "Incompatible schema: the new schema must read data of version 7 (BACKWARD), and cannot: field "
                        "\"age\": the new schema has no default value for the field, and version 7 does not have it "
                        "(READER_FIELD_MISSING_DEFAULT_VALUE).");
    assert_string_equal(why.path, "age");
    assert_string_equal(why.rule, "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_int_equal(why.version, 7);
}

static void forward_asks_the_version_before_to_read_the_new_one(void **state)
{
    struct schema_version has[] = {version_of(0, SCHEMA_AVRO, RECORD(NAME "," AGE))};
    struct schema_why why;

    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME), has, 1, SCHEMA_BACKWARD, &why), OK);
    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME), has, 1, SCHEMA_FORWARD, &why), ERR_NOT_ALLOWED);
    assert_non_null(strstr(why.sentence, "version 0 must read data of the new schema (FORWARD)"));
    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME), has, 1, SCHEMA_FULL, &why), ERR_NOT_ALLOWED);
    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME "," AGE_OR_0), has, 1, SCHEMA_FULL, &why), OK);
}

static void only_transitive_strategies_ask_older_versions(void **state)
{
    struct schema_version has[] = {version_of(0, SCHEMA_JSON, RECORD("")), version_of(1, SCHEMA_JSON, RECORD(AGE_OR_0)),
                                   version_of(2, SCHEMA_JSON, RECORD(AGE))};
    struct schema_why why;

    assert_int_equal(against(SCHEMA_JSON, RECORD(NAME "," AGE), has, 0, SCHEMA_FULL, &why), OK);
    assert_int_equal(against(SCHEMA_JSON, "{\"type\":\"record\",\"name\":\"User\",\"fields\":[" AGE "],\"doc\":\"\"}",
                             has, 3, SCHEMA_BACKWARD, &why),
                     OK);
    assert_int_equal(against(SCHEMA_JSON, "{\"type\":\"record\",\"name\":\"User\",\"fields\":[" AGE "],\"doc\":\"\"}",
                             has, 3, SCHEMA_BACKWARD_TRANSITIVE, &why),
                     ERR_NOT_ALLOWED);
    assert_int_equal(why.version, 0);
    assert_int_equal(against(SCHEMA_JSON, RECORD(AGE_OR_0 "," NAME), has, 3, SCHEMA_FORWARD_TRANSITIVE, &why), OK);
}

static void another_type_is_refused_but_by_always_compatible(void **state)
{
    struct schema_version has[] = {version_of(4, SCHEMA_STRING, "")};
    struct schema_why why;

    for (enum schema_strategy s = SCHEMA_ALWAYS_INCOMPATIBLE; s < SCHEMA_STRATEGIES; s++)
        assert_int_equal(against(SCHEMA_INT32, "", has, 1, s, &why),
                         s == SCHEMA_ALWAYS_COMPATIBLE ? OK : ERR_NOT_ALLOWED);
    assert_string_equal(why.sentence,
                        "Incompatible schema: the new schema is of type INT32, version 4 of type STRING.");
}

static void always_incompatible_takes_only_what_is_there(void **state)
{
    struct schema_version has[] = {version_of(0, SCHEMA_AVRO, RECORD(NAME))};
    struct schema_why why;

    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME), has, 1, SCHEMA_ALWAYS_INCOMPATIBLE, &why), OK);
    assert_int_equal(against(SCHEMA_AVRO, RECORD(""), has, 1, SCHEMA_ALWAYS_INCOMPATIBLE, &why), ERR_NOT_ALLOWED);
    assert_int_equal(against(SCHEMA_AVRO, RECORD(""), has, 0, SCHEMA_ALWAYS_INCOMPATIBLE, &why), OK);
}

static void protobuf_s_avro_form_may_change(void **state)
{
    struct schema_version has[] = {version_of(0, SCHEMA_PROTOBUF, RECORD(NAME))};
    struct schema_why why;

    assert_int_equal(against(SCHEMA_PROTOBUF, RECORD(AGE), has, 1, SCHEMA_FULL, &why), OK);
    assert_int_equal(against(SCHEMA_PROTOBUF, RECORD(AGE), has, 1, SCHEMA_ALWAYS_INCOMPATIBLE, &why), ERR_NOT_ALLOWED);
}

static void old_forms_of_json_go_by_their_id_and_beside_avro(void **state)
{
    struct schema_version old = version_of(0, SCHEMA_JSON, OLD_FORM("urn:a"));
    struct schema_version avro = version_of(0, SCHEMA_JSON, RECORD(NAME));
    struct schema_why why;

    assert_int_equal(against(SCHEMA_JSON, "{\"type\":\"object\",\"id\":\"urn:a\"}", &old, 1, SCHEMA_FULL, &why), OK);
    assert_int_equal(against(SCHEMA_JSON, OLD_FORM("urn:b"), &old, 1, SCHEMA_FULL, &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.rule, "JSON_SCHEMA_ID");
    assert_int_equal(against(SCHEMA_JSON, RECORD(AGE), &old, 1, SCHEMA_FULL, &why), OK);
    assert_int_equal(against(SCHEMA_JSON, OLD_FORM("urn:a"), &avro, 1, SCHEMA_FULL, &why), OK);
}

static void what_is_not_well_formed_is_not_compatible_and_which_it_is_is_said(void **state)
{
    struct schema_version good = version_of(3, SCHEMA_AVRO, RECORD(NAME));
    struct schema_version bad = version_of(3, SCHEMA_AVRO, RECORD("{\"name\":\"x\",\"type\":\"nope\"}"));
    struct schema_why why;

    assert_int_equal(against(SCHEMA_AVRO, "{", &good, 1, SCHEMA_FULL, &why), ERR_NOT_ALLOWED);
    assert_non_null(strstr(why.sentence, NEW_SCHEMA_SAYS "is not well-formed: "));
    assert_int_equal(against(SCHEMA_AVRO, RECORD(NAME), &bad, 1, SCHEMA_FULL, &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.sentence,
                        "Incompatible schema: version 3 is not well-formed: field \"x\": \"nope\" is neither "
                        "a type of Avro's nor defined before.");
    assert_int_equal(why.version, 3);
}

static void a_consumer_has_to_read_the_newest_or_all(void **state)
{
    struct schema_version has[] = {version_of(0, SCHEMA_AVRO, RECORD(NAME)),
                                   version_of(1, SCHEMA_AVRO, RECORD(NAME "," AGE))};
    struct schema_info reader = info_of(SCHEMA_AVRO, RECORD(AGE));
    struct schema_why why;

    assert_int_equal(schema_readable(&reader, has, 2, SCHEMA_FULL, &why), OK);
    assert_int_equal(schema_readable(&reader, has, 2, SCHEMA_FORWARD_TRANSITIVE, &why), OK);
    assert_int_equal(schema_readable(&reader, has, 2, SCHEMA_BACKWARD_TRANSITIVE, &why), ERR_NOT_ALLOWED);
    assert_int_equal(schema_readable(&reader, has, 2, SCHEMA_ALWAYS_INCOMPATIBLE, &why), ERR_NOT_ALLOWED);
    assert_int_equal(schema_readable(&reader, has, 2, SCHEMA_ALWAYS_COMPATIBLE, &why), OK);
    assert_int_equal(schema_readable(&reader, has, 0, SCHEMA_BACKWARD_TRANSITIVE, &why), OK);
}

static bool same(enum schema_type type, const char *a, const char *b)
{
    struct schema_info one = info_of(type, a), other = info_of(type, b);
    bool yes = false;

    assert_int_equal(schema_same(&one, &other, &yes), OK);
    return yes;
}

static void avro_schemas_are_the_same_when_they_are_when_parsed(void **state)
{
    assert_true(
        same(SCHEMA_AVRO, RECORD(NAME), "{ \"name\": \"User\", \"type\": \"record\", \"fields\": [" NAME "] }"));
    assert_true(
        same(SCHEMA_AVRO, RECORD(NAME), RECORD("{\"name\":\"name\",\"type\":{\"type\":\"string\"},\"doc\":\"d\"}")));
    assert_true(same(SCHEMA_AVRO, RECORD(NAME), RECORD("{\"name\":\"name\",\"type\":\"string\",\"aliases\":[\"n\"]}")));
    assert_true(same(SCHEMA_JSON, "{\"type\":\"record\",\"name\":\"b\",\"namespace\":\"a\",\"fields\":[]}",
                     "{\"type\":\"record\",\"name\":\"a.b\",\"fields\":[]}"));
    assert_false(same(SCHEMA_AVRO, RECORD(NAME "," AGE), RECORD(AGE "," NAME)));
    assert_false(same(SCHEMA_AVRO, RECORD(AGE), RECORD(AGE_OR_0)));
    assert_false(same(SCHEMA_AVRO, RECORD(NAME), RECORD("{\"name\":\"name\",\"type\":\"string\",\"x\":1}")));
    assert_false(same(SCHEMA_AVRO, RECORD(NAME), "{\"type\":\"record\",\"name\":\"Users\",\"fields\":[" NAME "]}"));
    assert_false(same(SCHEMA_AVRO, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}",
                      "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"A\"}"));
    assert_false(same(SCHEMA_AVRO, "{\"type\":\"long\"}", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"));
    assert_true(same(SCHEMA_AVRO, "nonsense", "nonsense"));
    assert_false(same(SCHEMA_AVRO, "nonsense", RECORD(NAME)));
}

static void other_schemas_are_the_same_by_their_bytes(void **state)
{
    assert_true(same(SCHEMA_STRING, "", ""));
    assert_false(same(SCHEMA_STRING, "", "null"));
    assert_false(same(SCHEMA_PROTOBUF_NATIVE, "{}", "{ }"));
}

static void a_schema_is_found_among_versions_of_its_type(void **state)
{
    struct schema_version has[] = {version_of(0, SCHEMA_JSON, RECORD(NAME)), version_of(1, SCHEMA_AVRO, RECORD(AGE)),
                                   version_of(2, SCHEMA_AVRO, RECORD(NAME)), version_of(3, SCHEMA_AVRO, RECORD(AGE))};
    struct schema_info name = info_of(SCHEMA_AVRO, RECORD(NAME)), age = info_of(SCHEMA_AVRO, RECORD(AGE));
    struct schema_info none = info_of(SCHEMA_AVRO, RECORD(""));
    size_t index = 9;

    assert_int_equal(schema_find(&name, has, 4, &index), OK);
    assert_int_equal(index, 2);
    assert_int_equal(schema_find(&age, has, 4, &index), OK);
    assert_int_equal(index, 1);
    assert_int_equal(schema_find(&none, has, 4, &index), ERR_NOT_FOUND);
    assert_int_equal(index, 1);
}

static void a_name_that_is_long_or_binary_does_not_break_the_sentence(void **state)
{
    static char fields[4000] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\",\"name\":\"";
    struct schema_version has[] = {version_of(0, SCHEMA_AVRO, RECORD(""))};
    struct schema_why why;

    for (int i = 0; i < 1500; i++)
        strcat(fields, "\xc3\xa9");
    strcat(fields, "\"}]}");
    assert_int_equal(against(SCHEMA_AVRO, fields, has, 1, SCHEMA_BACKWARD, &why), ERR_NOT_ALLOWED);
    assert_true(strlen(why.path) < SCHEMA_PATH_MAX);
    assert_string_equal(why.rule, "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_int_equal(check(SCHEMA_AVRO, "{\"type\":\"a\\u0001\\n\"}", &why), ERR_INVALID);
    assert_non_null(strstr(why.sentence, "a??"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primitive_has_no_data_but_a_string_may_say_null),
        cmocka_unit_test(what_only_clients_have_is_not_registered),
        cmocka_unit_test(an_avro_schema_that_is_a_union_is_refused_and_a_json_one_is_not),
        cmocka_unit_test(the_old_form_is_well_formed_for_json_only),
        cmocka_unit_test(a_refusal_names_the_field_the_rule_and_both_versions),
        cmocka_unit_test(forward_asks_the_version_before_to_read_the_new_one),
        cmocka_unit_test(only_transitive_strategies_ask_older_versions),
        cmocka_unit_test(another_type_is_refused_but_by_always_compatible),
        cmocka_unit_test(always_incompatible_takes_only_what_is_there),
        cmocka_unit_test(protobuf_s_avro_form_may_change),
        cmocka_unit_test(old_forms_of_json_go_by_their_id_and_beside_avro),
        cmocka_unit_test(what_is_not_well_formed_is_not_compatible_and_which_it_is_is_said),
        cmocka_unit_test(a_consumer_has_to_read_the_newest_or_all),
        cmocka_unit_test(avro_schemas_are_the_same_when_they_are_when_parsed),
        cmocka_unit_test(other_schemas_are_the_same_by_their_bytes),
        cmocka_unit_test(a_schema_is_found_among_versions_of_its_type),
        cmocka_unit_test(a_name_that_is_long_or_binary_does_not_break_the_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
