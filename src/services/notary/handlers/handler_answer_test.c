/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_answer_test.c - answers that are verdicts, and such as are none.
 */
#include "base/base_test.h"

#include "services/notary/handlers/handler_answer.h"
#include <stdlib.h>

static enum err parse(struct handler_answer *a, const char *text, char why[300])
{
    return handler_answer_parse(a, bytes_of_text(text), why, 300);
}

static void an_answer_is_read_and_written_in_its_canonical_form(void **state)
{
    struct handler_answer a;
    struct text text;
    char why[300];

    assert_int_equal(
        parse(&a, "{\"verdict\":\"ignore\",\"reason\":\"a\\nb\",\"metadata\":{\"z\":1.50,\"a\":[]},\"more\":1}", why),
        OK);
    assert_int_equal(a.verdict, HANDLER_IGNORE);
    assert_string_equal(a.reason, "a b");
    text_init(&text, 1000);
    assert_int_equal(handler_answer_write(&a, "h", &text), OK);
    assert_string_equal(
        text.data, "{\"handler\":\"h\",\"metadata\":{\"a\":[],\"z\":1.5},\"reason\":\"a b\",\"verdict\":\"ignore\"}");
    text_deinit(&text);
    handler_answer_deinit(&a);
}

static void reason_and_metadata_may_be_absent_or_null(void **state)
{
    static const char *const texts[] = {"{\"verdict\":\"accept\"}",
                                        "{\"verdict\":\"accept\",\"reason\":null,\"metadata\":null}"};

    for (size_t i = 0; i < 2; i++) {
        struct handler_answer a;
        char why[300];

        assert_int_equal(parse(&a, texts[i], why), OK);
        assert_string_equal(a.reason, "");
        assert_int_equal(json_object_size(a.metadata), 0);
        handler_answer_deinit(&a);
    }
}

static void nonsense_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "accept",
        "[]",
        "\"accept\"",
        "{}",
        "{\"verdict\":\"Accept\"}",
        "{\"verdict\":true}",
        "{\"verdict\":\"accept\"}}",
        "{\"verdict\":\"accept\",\"verdict\":\"reject\"}",
        "{\"verdict\":\"accept\",\"reason\":7}",
        "{\"verdict\":\"accept\",\"metadata\":[]}",
        "{\"verdict\":\"accept\",\"metadata\":{\"n\":9007199254740993}}",
        "{\"verdict\":\"accept\",\"metadata\":{\"a\":[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]}}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct handler_answer a;
        char why[300];

        assert_int_equal(parse(&a, texts[i], why), ERR_PROTOCOL);
        assert_true(strlen(why) > 10);
    }
}

static void an_answer_that_is_too_long_is_refused(void **state)
{
    char *text = malloc(HANDLER_ANSWER_MAX + 2);
    struct handler_answer a;
    char why[300];

    memset(text, ' ', HANDLER_ANSWER_MAX + 1);
    text[HANDLER_ANSWER_MAX + 1] = '\0';
    assert_int_equal(parse(&a, text, why), ERR_PROTOCOL);
    free(text);
}

static void who_could_not_decide_may_be_asked_again(void **state)
{
    struct handler_answer a;
    char why[300];

    assert_int_equal(parse(&a, "{\"failed\":\"the registry is down\"}", why), ERR_IO);
    assert_string_equal(why, "could not decide: the registry is down");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_and_written_in_its_canonical_form),
        cmocka_unit_test(reason_and_metadata_may_be_absent_or_null),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(an_answer_that_is_too_long_is_refused),
        cmocka_unit_test(who_could_not_decide_may_be_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
