/* SPDX-License-Identifier: Apache-2.0
 *
 * answers_test.c - what answers are written with: JSON, Prometheus' format, and objects that are read by a table.
 */
#include "base/base_test.h"

#include "admin/json_out.h"
#include "admin/json_shape.h"
#include "admin/prometheus.h"

#include <math.h>
#include <stdlib.h>

static void json_puts_its_commas_by_itself(void **state)
{
    struct text text;
    struct json j;

    text_init(&text, 1000);
    j = json_to(&text);
    json_object_begin(&j, NULL);
    json_text(&j, "a", "quote \" and \\");
    json_text(&j, "absent", NULL);
    json_array_begin(&j, "list");
    json_uint(&j, NULL, 1);
    json_int(&j, NULL, -2);
    json_array_end(&j);
    json_object_begin(&j, "empty");
    json_object_end(&j);
    json_key(&j, bytes_of_text("na\"me"));
    json_bool(&j, NULL, true);
    json_double(&j, "half", 0.5);
    json_double(&j, "none", (double)NAN);
    json_time(&j, "since", 1700000000123);
    json_time(&j, "never", 0);
    json_object_end(&j);
    assert_int_equal(j.depth, 0);
    assert_string_equal(text.data, "{\"a\":\"quote \\\" and \\\\\",\"list\":[1,-2],\"empty\":{},\"na\\\"me\":true,"
                                   "\"half\":0.5,\"none\":0,\"since\":\"2023-11-14T22:13:20.123Z\"}");
    text_deinit(&text);
}

static void samples_escape_what_would_end_a_label(void **state)
{
    struct text label, text;

    text_init(&label, 1000);
    text_init(&text, 1000);
    prometheus_label(&label, "topic", bytes_of_text("a\"b\\c\nd"));
    const struct bytes labels[] = {bytes_of(label.data, label.len), bytes_of_text(",n=\"\"")};
    prometheus_metric(&text, "m", "gauge", "what it is");
    prometheus_sample(&text, "m", labels, 2, 3);
    prometheus_sample(&text, "m", labels, 1, 0.5);
    prometheus_sample(&text, "m", NULL, 0, -123456789012345);
    assert_string_equal(text.data, "# HELP m what it is\n# TYPE m gauge\n"
                                   "m{topic=\"a\\\"b\\\\c\\nd\",n=\"\"} 3\n"
                                   "m{topic=\"a\\\"b\\\\c\\nd\"} 0.5\n"
                                   "m{} -123456789012345\n");
    text_deinit(&text);
    text_deinit(&label);
}

static void what_is_not_utf_8_in_a_label_is_replaced(void **state)
{
    struct text label;

    text_init(&label, 1000);
    prometheus_label(&label, "topic", bytes_of_text("\xc3\xa9\xff z\xc3"));
    assert_string_equal(label.data, "topic=\"\xc3\xa9\xef\xbf\xbd z\xef\xbf\xbd\"");
    text_deinit(&label);
}

static const struct shape_member shape[] = {
    {"roles", SHAPE_TEXTS, "[]"}, {"url", SHAPE_TEXT, NULL}, {"on", SHAPE_BOOL, "false"}, {NULL, SHAPE_TEXT, NULL}};

static void assert_shape(const char *from, const char *wanted)
{
    json_t *given = json_loads(from, JSON_DECODE_ANY, NULL), *read = NULL;
    char reason[200];
    char *text;

    assert_non_null(given);
    assert_int_equal(shape_read(shape, given, &read, reason, sizeof reason), OK);
    text = json_dumps(read, JSON_COMPACT);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(read);
    json_decref(given);
}

static void an_object_is_read_into_one_form(void **state)
{
    assert_shape("{}", "{\"roles\":[],\"on\":false}");
    assert_shape("null", "{\"roles\":[],\"on\":false}");
    assert_shape("{\"x\":1,\"url\":\"u\",\"roles\":[\"a\",\"b\",\"a\"],\"on\":null}",
                 "{\"roles\":[\"a\",\"b\"],\"url\":\"u\",\"on\":false}");
}

static void a_member_of_another_type_is_refused_with_its_name(void **state)
{
    static const struct {
        const char *from, *reason;
    } cases[] = {
        {"{\"roles\":\"a\"}", "roles is a list of at most 1,000 texts"},
        {"{\"roles\":[1]}", "roles is a list of at most 1,000 texts"},
        {"{\"url\":1}", "url is a text"},
        {"{\"on\":\"true\"}", "on is true or false"},
        {"[1]", "a JSON object is wanted"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *given = json_loads(cases[i].from, 0, NULL), *read;
        char reason[200];
        assert_int_equal(shape_read(shape, given, &read, reason, sizeof reason), ERR_INVALID);
        assert_string_equal(reason, cases[i].reason);
        json_decref(given);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_puts_its_commas_by_itself),
        cmocka_unit_test(samples_escape_what_would_end_a_label),
        cmocka_unit_test(what_is_not_utf_8_in_a_label_is_replaced),
        cmocka_unit_test(an_object_is_read_into_one_form),
        cmocka_unit_test(a_member_of_another_type_is_refused_with_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
