/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical_test.c - the samples of RFC 8785 (sections 3.2.2, 3.2.3 and appendix B), and what surrounds them.
 */
#include "base/base_test.h"

#include "base/random.h"
#include "services/notary/documents/canonical.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_canonical(const char *json, const char *expected)
{
    json_error_t error;
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    struct text out;

    assert_non_null(value);
    text_init(&out, 1 << 20);
    assert_int_equal(canonical_json(value, &out), OK);
    assert_string_equal(out.data, expected);
    text_deinit(&out);
    json_decref(value);
}

static void the_sample_of_section_3_2_2_comes_out_as_printed_there(void **state)
{
    assert_canonical("{\n  \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],\n"
                     "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                     "  \"literals\": [null, true, false]\n}",
                     "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
                     "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

static void members_are_ordered_by_utf_16_code_units(void **state)
{
    assert_canonical(
        "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
        "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
        "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
        "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
        "\"\U0001F600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
    assert_canonical("{\"b\":1,\"ab\":2,\"a\":3,\"\":4}", "{\"\":4,\"a\":3,\"ab\":2,\"b\":1}");
}

static void only_what_must_be_escaped_is(void **state)
{
    assert_canonical("\"\\u0008\\u0009\\u000a\\u000b\\u000c\\u000d\\u001f\\u007f\\u2028\\/\"",
                     "\"\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\u2028/\"");
    assert_canonical("[]", "[]");
    assert_canonical("{ }", "{}");
    assert_canonical("{\"a\" : [ { } , [ ] , \"\" ] }", "{\"a\":[{},[],\"\"]}");
}

static double double_of_bits(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

static void the_numbers_of_appendix_b_come_out_as_printed_there(void **state)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } samples[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    char text[CANONICAL_NUMBER_SIZE];

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        canonical_number(double_of_bits(samples[i].bits), text);
        assert_string_equal(text, samples[i].text);
    }
}

/* 2^-44 lies 5.684341886080801|49e-14; only the decimal above reads back, since doubles are denser below. */
static void a_power_of_two_takes_the_shortest_digits_though_not_the_nearest(void **state)
{
    char text[CANONICAL_NUMBER_SIZE];

    canonical_number(0x1p-44, text);
    assert_string_equal(text, "5.684341886080802e-14");
}

static void every_number_reads_back(void **state)
{
    struct random r;
    char text[CANONICAL_NUMBER_SIZE];

    random_init(&r, 8785);
    for (int i = 0; i < 20000; i++) {
        double d = double_of_bits(random_next(&r));
        if (!isfinite(d))
            continue;
        canonical_number(d, text);
        assert_true(strtod(text, NULL) == d);
    }
}

static void whole_numbers_are_printed_alike_however_they_were_written(void **state)
{
    assert_canonical("[1,1.0,1e0,10e-1,-0,-0.0,0e5,100,1E2]", "[1,1,1,1,0,0,0,100,100]");
    assert_canonical("[9007199254740991,-9007199254740991]", "[9007199254740991,-9007199254740991]");
}

static void an_integer_that_a_double_cannot_hold_is_refused(void **state)
{
    json_t *value = json_pack("[I]", (json_int_t)9007199254740992);
    struct text out;

    text_init(&out, 1000);
    assert_int_equal(canonical_json(value, &out), ERR_INVALID);
    text_deinit(&out);
    json_decref(value);
}

static void what_is_nested_too_deep_is_refused(void **state)
{
    json_t *value = json_array();
    struct text out;

    for (int i = 0; i < CANONICAL_DEPTH_MAX; i++) {
        json_t *outer = json_array();
        assert_int_equal(json_array_append_new(outer, value), 0);
        value = outer;
    }
    text_init(&out, 1000);
    assert_int_equal(canonical_json(value, &out), ERR_INVALID);
    text_deinit(&out);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_of_section_3_2_2_comes_out_as_printed_there),
        cmocka_unit_test(members_are_ordered_by_utf_16_code_units),
        cmocka_unit_test(only_what_must_be_escaped_is),
        cmocka_unit_test(the_numbers_of_appendix_b_come_out_as_printed_there),
        cmocka_unit_test(a_power_of_two_takes_the_shortest_digits_though_not_the_nearest),
        cmocka_unit_test(every_number_reads_back),
        cmocka_unit_test(whole_numbers_are_printed_alike_however_they_were_written),
        cmocka_unit_test(an_integer_that_a_double_cannot_hold_is_refused),
        cmocka_unit_test(what_is_nested_too_deep_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
