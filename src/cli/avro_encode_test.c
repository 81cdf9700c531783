/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_encode_test.c - the examples of Avro's specification, and one of each type.
 */
#include "base/base_test.h"
#include "cli/avro_encode.h"

static void encodes(const char *schema, const char *value, const char *bytes, size_t len)
{
    struct avro_schema *parsed;
    struct schema_why unsaid;
    char why[300];
    struct text out;
    json_t *json = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    assert_non_null(json);
    assert_int_equal(avro_parse(&parsed, bytes_of_text(schema), &unsaid), OK);
    text_init(&out, 4096);
    assert_int_equal(avro_encode(avro_root(parsed), json, &out, why, sizeof why), OK);
    assert_int_equal(out.len, len);
    if (len > 0)
        assert_memory_equal(out.data, bytes, len);
    text_deinit(&out);
    avro_free(parsed);
    json_decref(json);
}

static void refuses(const char *schema, const char *value, const char *wanted)
{
    struct avro_schema *parsed;
    struct schema_why unsaid;
    char why[300] = "";
    struct text out;
    json_t *json = json_loads(value, JSON_DECODE_ANY, NULL);

    assert_int_equal(avro_parse(&parsed, bytes_of_text(schema), &unsaid), OK);
    text_init(&out, 4096);
    assert_int_equal(avro_encode(avro_root(parsed), json, &out, why, sizeof why), ERR_INVALID);
    assert_string_equal(why, wanted);
    text_deinit(&out);
    avro_free(parsed);
    json_decref(json);
}

#define RECORD                                                                                                         \
    "{\"type\":\"record\",\"name\":\"test\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"},"                           \
    "{\"name\":\"b\",\"type\":\"string\"}]}"

static void the_examples_of_the_specification_hold(void **state)
{
    encodes(RECORD, "{\"b\":\"foo\",\"a\":27}", "\x36\x06\x66\x6f\x6f", 5); /* in the order of the schema */
    encodes("{\"type\":\"array\",\"items\":\"long\"}", "[3,27]", "\x04\x06\x36\x00", 4);
    encodes("[\"null\",\"string\"]", "null", "\x00", 1);
    encodes("[\"null\",\"string\"]", "{\"string\":\"a\"}", "\x02\x02\x61", 3);
}

static void integers_are_zigzag(void **state)
{
    static const struct {
        const char *value, *bytes;
        size_t len;
    } cases[] = {{"0", "\x00", 1},   {"-1", "\x01", 1},     {"1", "\x02", 1},           {"-2", "\x03", 1},
                 {"-64", "\x7f", 1}, {"64", "\x80\x01", 2}, {"8192", "\x80\x80\x01", 3}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        encodes("\"int\"", cases[i].value, cases[i].bytes, cases[i].len);
        encodes("\"long\"", cases[i].value, cases[i].bytes, cases[i].len);
    }
    encodes("\"long\"", "-9223372036854775808", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
}

static void each_type_has_its_form(void **state)
{
    encodes("\"null\"", "null", "", 0);
    encodes("\"boolean\"", "true", "\x01", 1);
    encodes("\"boolean\"", "false", "\x00", 1);
    encodes("\"float\"", "0.5", "\x00\x00\x00\x3f", 4);
    encodes("\"double\"", "1", "\x00\x00\x00\x00\x00\x00\xf0\x3f", 8);
    encodes("\"bytes\"", "\"\\u00ff\\u0000a\"", "\x06\xff\x00\x61", 4);
    encodes("{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}", "\"\\u0080\\u0001\"", "\x80\x01", 2);
    encodes("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", "\x02", 1);
    encodes("{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", "\x02\x02\x6b\x02\x00", 5);
    encodes("{\"type\":\"map\",\"values\":\"int\"}", "{}", "\x00", 1);
    encodes("{\"type\":\"array\",\"items\":\"int\"}", "[]", "\x00", 1);
}

static void what_is_of_another_type_is_told_with_its_place(void **state)
{
    refuses(RECORD, "{\"a\":1}", "b: expected a value");
    refuses(RECORD, "{\"a\":\"1\",\"b\":\"\"}", "a: expected a long");
    refuses(RECORD, "{\"a\":1,\"b\":\"\",\"c\":0}", "c: expected no such field");
    refuses("\"int\"", "2147483648", "expected an int");
    refuses("[\"null\",\"string\"]", "\"a\"", "expected null or {\"BRANCH\": value}, for a union");
    refuses("{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}", "\"a\"", "expected such a text of its size");
    refuses("\"bytes\"", "\"\\u0100\"", "expected a text of characters up to U+00FF, for bytes");
    refuses("{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":\"v\"}", "k: expected an int");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_hold),
        cmocka_unit_test(integers_are_zigzag),
        cmocka_unit_test(each_type_has_its_form),
        cmocka_unit_test(what_is_of_another_type_is_told_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
