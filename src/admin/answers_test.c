/* SPDX-License-Identifier: Apache-2.0
 *
 * answers_test.c - what answers are written with: JSON, Prometheus' format, and the settings in requests' bodies.
 */
#include "base/base_test.h"

#include "admin/json_out.h"
#include "admin/prometheus.h"
#include "admin/settings.h"

#include <math.h>

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

typedef enum err settings_reader(struct bytes, const char *, struct text *, char *, size_t);

static enum err read_settings(settings_reader *read, const char *body, struct text *out, char reason[200])
{
    text_deinit(out);
    return read(bytes_of_text(body), "standalone", out, reason, 200);
}

static void settings_are_kept_in_one_form(void **state)
{
    struct text out;
    char reason[200];

    text_init(&out, 10000);
    assert_int_equal(read_settings(tenant_settings_read, "", &out, reason), OK);
    assert_string_equal(out.data, "{\"adminRoles\":[],\"allowedClusters\":[\"standalone\"]}");
    assert_int_equal(read_settings(tenant_settings_read,
                                   " {\"x\": 1, \"allowedClusters\": [\"standalone\"], \"adminRoles\": [\"me\"]}", &out,
                                   reason),
                     OK);
    assert_string_equal(out.data, "{\"adminRoles\":[\"me\"],\"allowedClusters\":[\"standalone\"]}");
    assert_int_equal(read_settings(namespace_settings_read, "null", &out, reason), OK);
    assert_string_equal(out.data, "{\"replication_clusters\":[\"standalone\"]}");
    assert_int_equal(read_settings(namespace_settings_read,
                                   "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]}},\"bundles\":null}",
                                   &out, reason),
                     OK);
    assert_string_equal(out.data, "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]}},"
                                  "\"replication_clusters\":[\"standalone\"]}");
    text_deinit(&out);
}

static void settings_that_make_no_sense_are_refused_with_a_reason(void **state)
{
    static const struct {
        settings_reader *read;
        const char *body, *reason;
    } cases[] = {
        {tenant_settings_read, "{\"allowedClusters\":[\"moon\"]}", "cluster moon does not exist"},
        {tenant_settings_read, "{\"allowedClusters\":[]}", "clusters can not be empty"},
        {tenant_settings_read, "{\"adminRoles\":\"me\"}", "a list of texts is wanted"},
        {tenant_settings_read, "{\"adminRoles\":[1]}", "a list of texts is wanted"},
        {tenant_settings_read, "[1]", "the body is not a JSON object"},
        {namespace_settings_read, "{\"replication_clusters\":[\"moon\"]}", "cluster moon does not exist"},
        {namespace_settings_read, "{\"auth_policies\":1}", "auth_policies is not an object"},
    };
    struct text out;
    char reason[200];

    text_init(&out, 10000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_settings(cases[i].read, cases[i].body, &out, reason), ERR_INVALID);
        assert_string_equal(reason, cases[i].reason);
    }
    assert_int_equal(read_settings(tenant_settings_read, "{\"adminRoles\"", &out, reason), ERR_INVALID);
    assert_non_null(strstr(reason, "not JSON"));
    text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_puts_its_commas_by_itself),
        cmocka_unit_test(samples_escape_what_would_end_a_label),
        cmocka_unit_test(what_is_not_utf_8_in_a_label_is_replaced),
        cmocka_unit_test(settings_are_kept_in_one_form),
        cmocka_unit_test(settings_that_make_no_sense_are_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
