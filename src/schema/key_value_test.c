/* SPDX-License-Identifier: Apache-2.0
 *
 * key_value_test.c - two schemas in one.
 */
#include "schema/key_value.h"
#include "schema/schema_test.h"

#include <stdlib.h>

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define A              "{\"name\":\"a\",\"type\":\"int\"}"
#define B              "{\"name\":\"b\",\"type\":\"int\"}"

struct pair_of_schemas {
    uint8_t data[1024];
    struct schema_property properties[2];
    struct schema_info info;
};

static size_t put(uint8_t *to, const char *text)
{
    be32_put(to, (uint32_t)strlen(text));
    memcpy(to + 4, text, strlen(text));
    return 4 + strlen(text);
}

static struct schema_info pair_of(struct pair_of_schemas *p, const char *key_type, const char *key,
                                  const char *value_type, const char *value)
{
    size_t len = put(p->data, key);

    len += put(p->data + len, value);
    p->properties[0] = (struct schema_property){bytes_of_text("key.schema.type"), bytes_of_text(key_type)};
    p->properties[1] = (struct schema_property){bytes_of_text("value.schema.type"), bytes_of_text(value_type)};
    p->info = (struct schema_info){SCHEMA_KEY_VALUE, bytes_of(p->data, len), p->properties, 2};
    return p->info;
}

static void keys_and_values_are_found_behind_their_lengths(void **state)
{
    struct pair_of_schemas p;
    struct schema_info info = pair_of(&p, "STRING", "", "AVRO", RECORD(A));
    struct schema_why why;
    struct key_value both;

    assert_int_equal(key_value_decode(&info, &both, &why), OK);
    assert_int_equal(both.key.type, SCHEMA_STRING);
    assert_int_equal(both.key.data.len, 0);
    assert_int_equal(both.value.type, SCHEMA_AVRO);
    assert_true(bytes_equal(both.value.data, bytes_of_text(RECORD(A))));
}

static void without_types_both_are_bytes_and_minus_one_is_no_data(void **state)
{
    static const uint8_t data[8] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    struct schema_info info = {SCHEMA_KEY_VALUE, bytes_of(data, sizeof data), NULL, 0};
    struct schema_why why;
    struct key_value both;

    assert_int_equal(key_value_decode(&info, &both, &why), OK);
    assert_int_equal(both.key.type, SCHEMA_BYTES);
    assert_int_equal(both.value.type, SCHEMA_BYTES);
    assert_int_equal(both.key.data.len, 0);
    assert_int_equal(schema_check(&info, &why), OK);
}

static void data_of_any_other_length_is_refused(void **state)
{
    struct pair_of_schemas p;
    struct schema_info info = pair_of(&p, "AVRO", RECORD(A), "AVRO", RECORD(B));
    struct schema_why why;
    struct key_value both;

    for (size_t len = 0; len < p.info.data.len; len++) {
        info.data.len = len;
        assert_int_equal(key_value_decode(&info, &both, &why), ERR_INVALID);
    }
    info.data.len = p.info.data.len + 1;
    assert_int_equal(key_value_decode(&info, &both, &why), ERR_INVALID);
}

static void a_type_that_is_none_is_refused_and_so_is_a_pair_in_a_pair(void **state)
{
    struct pair_of_schemas p;
    struct schema_why why;
    struct schema_info info = pair_of(&p, "THRIFT", "", "STRING", "");

    assert_int_equal(schema_check(&info, &why), ERR_INVALID);
    assert_non_null(strstr(why.sentence, "THRIFT"));
    info = pair_of(&p, "STRING", "", "KEY_VALUE", "");
    assert_int_equal(schema_check(&info, &why), ERR_INVALID);
    info = pair_of(&p, "STRING", "x", "STRING", "");
    assert_int_equal(schema_check(&info, &why), ERR_INVALID);
    info = pair_of(&p, "STRING", "", "AVRO", "{");
    assert_int_equal(schema_check(&info, &why), ERR_INVALID);
}

static enum err judge_pair(struct schema_info new, struct schema_info old, enum schema_strategy strategy,
                           struct schema_why *why)
{
    struct schema_version existing = {.version = 5, .info = old};

    return schema_compatible(&new, &existing, 1, strategy, why);
}

static void key_and_value_are_judged_each_for_itself_and_the_path_says_which(void **state)
{
    struct pair_of_schemas p, q;
    struct schema_info old = pair_of(&p, "AVRO", RECORD(A), "JSON", RECORD(A));
    struct schema_why why;

    assert_int_equal(judge_pair(pair_of(&q, "AVRO", RECORD(A), "JSON", RECORD("")), old, SCHEMA_BACKWARD, &why), OK);
    assert_int_equal(judge_pair(pair_of(&q, "AVRO", RECORD(A), "JSON", RECORD(B)), old, SCHEMA_BACKWARD, &why),
                     ERR_NOT_ALLOWED);
    assert_string_equal(why.path, "value.b");
    assert_non_null(strstr(why.sentence, "field \"value.b\""));
    assert_int_equal(why.version, 5);
    assert_int_equal(judge_pair(pair_of(&q, "AVRO", RECORD(B), "JSON", RECORD(A)), old, SCHEMA_FULL, &why),
                     ERR_NOT_ALLOWED);
    assert_string_equal(why.path, "key.b");
}

static void a_key_of_another_type_is_refused(void **state)
{
    struct pair_of_schemas p, q;
    struct schema_info old = pair_of(&p, "STRING", "", "AVRO", RECORD(A));
    struct schema_why why;

    assert_int_equal(judge_pair(pair_of(&q, "INT32", "", "AVRO", RECORD(A)), old, SCHEMA_FULL, &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.sentence,
                        "Incompatible schema: the new schema's key is of type INT32, that of version 5 of "
                        "type STRING.");
    assert_string_equal(why.path, "key");
    assert_int_equal(judge_pair(pair_of(&q, "INT32", "", "AVRO", RECORD(A)), old, SCHEMA_ALWAYS_COMPATIBLE, &why), OK);
}

static void rest_has_both_as_json_and_takes_them_so(void **state)
{
    struct pair_of_schemas p;
    struct schema_info info = pair_of(&p, "STRING", "", "AVRO", RECORD(A));
    struct schema_why why;
    uint8_t *back = NULL;
    size_t len = 0;
    struct text out;

    text_init(&out, 4096);
    assert_int_equal(key_value_to_json(info.data, &out), OK);
    assert_string_equal(out.data, "{\"key\":\"\",\"value\":" RECORD(A) "}");
    assert_int_equal(key_value_from_json(bytes_of(out.data, out.len), &back, &len, &why), OK);
    assert_true(bytes_equal(bytes_of(back, len), info.data));
    free(back);
    text_deinit(&out);
}

static void what_is_no_pair_in_json_is_refused(void **state)
{
    static const char *const bad[] = {"", "{}", "[]", "{\"key\":\"\"}", "{\"key\":{},\"value\":"};
    struct schema_why why;
    uint8_t *data = NULL;
    size_t len = 0;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(key_value_from_json(bytes_of_text(bad[i]), &data, &len, &why), ERR_INVALID);
    assert_null(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_values_are_found_behind_their_lengths),
        cmocka_unit_test(without_types_both_are_bytes_and_minus_one_is_no_data),
        cmocka_unit_test(data_of_any_other_length_is_refused),
        cmocka_unit_test(a_type_that_is_none_is_refused_and_so_is_a_pair_in_a_pair),
        cmocka_unit_test(key_and_value_are_judged_each_for_itself_and_the_path_says_which),
        cmocka_unit_test(a_key_of_another_type_is_refused),
        cmocka_unit_test(rest_has_both_as_json_and_takes_them_so),
        cmocka_unit_test(what_is_no_pair_in_json_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
