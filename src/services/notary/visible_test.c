/* SPDX-License-Identifier: Apache-2.0
 *
 * visible_test.c - nothing of what others wrote reaches the terminal as a command to it.
 */
#include "base/base_test.h"

#include "services/notary/visible.h"
#include <stdlib.h>

static void expect(const char *text, size_t len, const char *shown)
{
    struct text out;

    text_init(&out, 1000);
    visible_add(&out, bytes_of(text, len));
    assert_string_equal(out.data ? out.data : "", shown);
    text_deinit(&out);
}

#define SHOWS(text, shown) expect(text, sizeof text - 1, shown)

static void what_people_write_is_shown_as_it_is(void **state)
{
    SHOWS("", "");
    SHOWS("deploy-42 of Grün & Söhne \"v1\" \\ 東京 🚀", "deploy-42 of Grün & Söhne \"v1\" \\ 東京 🚀");
}

static void what_a_terminal_would_act_upon_is_named(void **state)
{
    SHOWS("\033[2J\033]0;title\007x", "\\x1b[2J\\x1b]0;title\\x07x");
    SHOWS("a\nok       key\r\tb\177", "a\\x0aok       key\\x0d\\x09b\\x7f");
    SHOWS("nul\0l", "nul\\x00l");
    SHOWS("\xc2\x9b"
          "2J \xc2\x85",
          "\\u009b2J \\u0085");
    SHOWS("\xe2\x80\xae"
          "nepo\xe2\x81\xa6 \xe2\x80\xa8",
          "\\u202enepo\\u2066 \\u2028");
    SHOWS("\xff\xc0\x80\xe2\x80", "\\xff\\xc0\\x80\\xe2\\x80");
}

static void every_text_of_a_document_is(void **state)
{
    json_t *json = json_loads("{\"a\":[\"\\u001b[31m\",1,null,{\"b\":\"x\\ny\"}],\"c\":\"plain\"}", 0, NULL);
    char *text;

    assert_true(visible_json(json));
    text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, "{\"a\":[\"\\\\x1b[31m\",1,null,{\"b\":\"x\\\\x0ay\"}],\"c\":\"plain\"}");
    free(text);
    json_decref(json);
    assert_true(visible_json(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_is_shown_as_it_is),
        cmocka_unit_test(what_a_terminal_would_act_upon_is_named),
        cmocka_unit_test(every_text_of_a_document_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
