/* SPDX-License-Identifier: Apache-2.0
 *
 * posted_test.c - schemas as they are in files.
 */
#include "schema/posted.h"
#include "schema/schema_test.h"

#define RECORD "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"

static void read_as(struct posted *p, const char *text, enum schema_type type, const char *data)
{
    struct schema_why why;

    assert_int_equal(posted_init(p, bytes_of_text(text), SCHEMA_AVRO, &why), OK);
    assert_int_equal(p->info.type, type);
    assert_true(bytes_equal(p->info.data, bytes_of_text(data)));
}

static void a_definition_alone_is_of_the_type_that_one_says(void **state)
{
    struct posted p;

    read_as(&p, RECORD, SCHEMA_AVRO, RECORD);
    posted_deinit(&p);
    read_as(&p, "\"int\"", SCHEMA_AVRO, "\"int\"");
    posted_deinit(&p);
    read_as(&p, "{\"type\":\"string\"}", SCHEMA_AVRO, "{\"type\":\"string\"}");
    posted_deinit(&p);
    read_as(&p, "not JSON at all", SCHEMA_AVRO, "not JSON at all");
    posted_deinit(&p);
}

static void what_is_uploaded_says_its_type_and_has_properties(void **state)
{
    struct posted p;

    read_as(&p, "{\"type\":\"JSON\",\"schema\":\"{}\",\"properties\":{\"a\":\"1\",\"b\":{\"c\":2}}}", SCHEMA_JSON,
            "{}");
    assert_true(bytes_equal(schema_info_property(&p.info, "a"), bytes_of_text("1")));
    assert_true(bytes_equal(schema_info_property(&p.info, "b"), bytes_of_text("{\"c\":2}")));
    assert_null(schema_info_property(&p.info, "c").data);
    posted_deinit(&p);
    read_as(&p, "{\"type\":\"STRING\",\"schema\":\"\",\"properties\":{}}", SCHEMA_STRING, "");
    posted_deinit(&p);
}

static void what_is_shown_is_read_again(void **state)
{
    struct posted p;

    read_as(&p, "{\"name\":\"t\",\"schema\":" RECORD ",\"type\":\"PROTOBUF\",\"properties\":{}}", SCHEMA_PROTOBUF,
            RECORD);
    posted_deinit(&p);
    read_as(&p, "{\"version\":3,\"type\":\"JSON\",\"timestamp\":1,\"data\":\"\\\"int\\\"\",\"properties\":{}}",
            SCHEMA_JSON, "\"int\"");
    posted_deinit(&p);
}

static void a_pair_becomes_what_is_stored(void **state)
{
    static const char stored[] = "\0\0\0\0\0\0\0\5\"int\"";
    struct schema_why why;
    struct posted p;

    assert_int_equal(
        posted_init(&p,
                    bytes_of_text("{\"type\":\"KEY_VALUE\",\"schema\":\"{\\\"key\\\":\\\"\\\",\\\"value\\\":"
                                  "\\\"int\\\"}\",\"properties\":{\"value.schema.type\":\"AVRO\"}}"),
                    SCHEMA_AVRO, &why),
        OK);
    assert_true(bytes_equal(p.info.data, bytes_of(stored, sizeof stored - 1)));
    assert_int_equal(schema_check(&p.info, &why), OK);
    posted_deinit(&p);
    assert_int_equal(posted_init(&p, bytes_of_text("{\"type\":\"KEY_VALUE\",\"schema\":\"{}\"}"), SCHEMA_AVRO, &why),
                     ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_alone_is_of_the_type_that_one_says),
        cmocka_unit_test(what_is_uploaded_says_its_type_and_has_properties),
        cmocka_unit_test(what_is_shown_is_read_again),
        cmocka_unit_test(a_pair_becomes_what_is_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
