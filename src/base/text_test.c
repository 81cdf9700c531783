/* SPDX-License-Identifier: Apache-2.0
 *
 * text_test.c - growth, the bound, JSON strings.
 */
#include "base/base_test.h"

#include "base/text.h"
#include <stdlib.h>

static void a_text_grows_as_it_is_added_to(void **state)
{
    struct text t;

    text_init(&t, 10000);
    for (int i = 0; i < 100; i++)
        text_printf(&t, "%02d,", i);
    text_add(&t, "end");
    assert_int_equal(t.len, 303);
    assert_memory_equal(t.data, "00,01,02,", 9);
    assert_string_equal(t.data + 297, "99,end");
    assert_false(text_failed(&t));
    text_deinit(&t);
}

static void beyond_its_limit_a_text_fails_for_good(void **state)
{
    struct text t;

    text_init(&t, 5);
    text_add(&t, "12345");
    assert_false(text_failed(&t));
    text_add(&t, "6");
    assert_true(text_failed(&t));
    assert_string_equal(t.data, "12345");
    text_printf(&t, "%s", "");
    assert_true(text_failed(&t));
    assert_null(text_take(&t));
    text_deinit(&t);
}

static void an_empty_text_can_be_taken(void **state)
{
    struct text t;
    char *taken;

    text_init(&t, 5);
    taken = text_take(&t);
    assert_string_equal(taken, "");
    free(taken);
    text_deinit(&t);
}

static void check_json(struct bytes in, const char *out)
{
    struct text t;

    text_init(&t, 1000);
    text_add_json(&t, in);
    assert_string_equal(t.data, out);
    text_deinit(&t);
}

static void a_json_string_is_escaped(void **state)
{
    check_json(bytes_of_text("plain"), "\"plain\"");
    check_json(bytes_of_text("\"\\\n\r\t"), "\"\\\"\\\\\\n\\r\\t\"");
    check_json(bytes_of("\0\x1f\x7f", 3), "\"\\u0000\\u001f\\u007f\"");
}

static void well_formed_utf8_passes_and_the_rest_is_replaced_in_json(void **state)
{
    check_json(bytes_of_text("\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\"");
    check_json(bytes_of_text("\xff"), "\"\\ufffd\"");
    check_json(bytes_of_text("\xc0\xaf"), "\"\\ufffd\\ufffd\"");            /* overlong */
    check_json(bytes_of_text("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    check_json(bytes_of_text("a\xe2\x82"), "\"a\\ufffd\\ufffd\"");          /* cut short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_as_it_is_added_to),
        cmocka_unit_test(beyond_its_limit_a_text_fails_for_good),
        cmocka_unit_test(an_empty_text_can_be_taken),
        cmocka_unit_test(a_json_string_is_escaped),
        cmocka_unit_test(well_formed_utf8_passes_and_the_rest_is_replaced_in_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
