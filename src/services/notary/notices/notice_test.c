/* SPDX-License-Identifier: Apache-2.0
 *
 * notice_test.c - who wants to be told, in which words, and that a repetition can be known by its key.
 */
#include "base/base_test.h"

#include "services/notary/notices/notice.h"

#define EVENT(notifications)                                                                                           \
    "{\"event_id\":\"deploy-1\",\"source\":\"ci\",\"actor\":{\"id\":\"jenkins\"},\"event_type\":{\"model_"             \
    "deployment\":"                                                                                                    \
    "{\"model_id\":\"fraud\",\"version\":\"2.1\",\"environment\":\"production\"}},\"workflow_config\":{\"approvers\":" \
    "["                                                                                                                \
    "\"a@b.c\",\"d@e.f\"],\"notifications\":" notifications "}}"

static json_t *event_of(const char *text)
{
    json_t *event = json_loads(text, 0, NULL);

    assert_non_null(event);
    return event;
}

static bool wanted(const char *text, enum notice_kind kind)
{
    json_t *event = event_of(text);
    bool is = notice_is_wanted(event, kind);

    json_decref(event);
    return is;
}

static void an_event_is_told_of_as_it_asks(void **state)
{
    assert_true(wanted(EVENT("{\"enabled\":true,\"events\":[\"approval_required\"]}"), NOTICE_APPROVAL_REQUIRED));
    assert_false(wanted(EVENT("{\"enabled\":true,\"events\":[\"approval_required\"]}"), NOTICE_COMPLETED));
    assert_false(wanted(EVENT("{\"enabled\":false,\"events\":[\"approval_required\"]}"), NOTICE_APPROVAL_REQUIRED));
    assert_false(wanted(EVENT("{\"events\":[\"approval_required\"]}"), NOTICE_APPROVAL_REQUIRED));
    assert_false(wanted(EVENT("null"), NOTICE_COMPLETED));
    assert_true(wanted(EVENT("{\"enabled\":true}"), NOTICE_FAILED));
    assert_false(wanted(EVENT("{\"enabled\":true,\"events\":[]}"), NOTICE_FAILED));
}

static void every_kind_has_its_name_and_no_other(void **state)
{
    for (enum notice_kind kind = 0; kind < NOTICE_KINDS; kind++)
        assert_int_equal(notice_kind_of(notice_kind_name(kind)), kind);
    assert_int_equal(notice_kind_of("workflow_paused"), NOTICE_KINDS);
}

static void the_words_say_what_who_and_where_to_decide(void **state)
{
    json_t *event = event_of(EVENT("{\"enabled\":true}"));
    struct notice_words words;

    notice_words(&words, NOTICE_APPROVAL_REQUIRED, event, "wf-1", NULL, "https://notary.example.com/");
    assert_string_equal(words.title, "Approval required: fraud 2.1 to production");
    assert_string_equal(words.text, "Event deploy-1 of ci, by jenkins. To decide: a@b.c, d@e.f.");
    assert_string_equal(words.link, "https://notary.example.com/v1/workflows/wf-1");
    notice_words(&words, NOTICE_REJECTED, event, "wf-1", "too\nearly", NULL);
    assert_string_equal(words.text, "Event deploy-1 of ci, by jenkins. Reason: tooearly.");
    assert_string_equal(words.link, "");
    json_decref(event);
}

static void words_that_do_not_fit_are_cut_between_characters(void **state)
{
    json_t *event = event_of("{\"event_type\":{}}");
    struct notice_words words;
    char reason[4001];

    for (size_t i = 0; i < sizeof reason - 1; i += 2)
        memcpy(reason + i, "\xc3\xa4", 2);
    reason[sizeof reason - 1] = '\0';
    notice_words(&words, NOTICE_FAILED, event, "wf-1", reason, NULL);
    assert_true(strlen(words.text) >= NOTICE_TEXT_MAX - 3);
    assert_int_equal(utf8_sequence(bytes_of_text(words.text + strlen(words.text) - 2)), 2);
    json_decref(event);
}

static void the_key_is_the_same_for_the_same_notice_only(void **state)
{
    struct notice n = {.kind = NOTICE_COMPLETED,
                       .event_id = "e",
                       .workflow_id = "wf-1",
                       .title = "t",
                       .text = "x",
                       .channel = bytes_of_text("{\"slack\": \"#a\"}")};
    char key[NOTICE_KEY_SIZE], other[NOTICE_KEY_SIZE];

    assert_int_equal(notice_key(&n, key), OK);
    n.channel = bytes_of_text("{\"slack\":\"#a\"}");
    n.title = "another";
    assert_int_equal(notice_key(&n, other), OK);
    assert_string_equal(key, other);
    n.channel = bytes_of_text("{\"slack\":\"#b\"}");
    assert_int_equal(notice_key(&n, other), OK);
    assert_string_not_equal(key, other);
    n.channel = bytes_of_text("{");
    assert_int_equal(notice_key(&n, other), ERR_INVALID);
}

static void the_body_is_canonical_json(void **state)
{
    struct notice n = {.kind = NOTICE_STARTED,
                       .event_id = "e",
                       .workflow_id = "wf-1",
                       .title = "t",
                       .text = "x",
                       .channel = bytes_of_text("{\"topic\":\"n\"}")};
    struct text body;

    text_init(&body, 1000);
    assert_int_equal(notice_body(&n, &body), OK);
    assert_non_null(strstr(body.data, "{\"event\":\"workflow_started\",\"event_id\":\"e\",\"key\":\""));
    assert_null(strstr(body.data, "link"));
    text_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_told_of_as_it_asks),
        cmocka_unit_test(every_kind_has_its_name_and_no_other),
        cmocka_unit_test(the_words_say_what_who_and_where_to_decide),
        cmocka_unit_test(words_that_do_not_fit_are_cut_between_characters),
        cmocka_unit_test(the_key_is_the_same_for_the_same_notice_only),
        cmocka_unit_test(the_body_is_canonical_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
