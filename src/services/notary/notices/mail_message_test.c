/* SPDX-License-Identifier: Apache-2.0
 *
 * mail_message_test.c - addresses that are none, and a mail byte for byte.
 */
#include "base/base_test.h"

#include "services/notary/notices/mail_message.h"
#include <stdio.h>

static void an_address_is_plain_or_refused(void **state)
{
    static const char *const good[] = {"a@b.c", "first.last+tag@Example.COM", "x@localhost", "o'neil@b-c.d"};
    static const char *const bad[] = {"",        "a",           "@b.c",         "a@",      "a@b@c",
                                      "a b@c.d", "a@b c",       "a@b.c\r\nX",   "<a@b.c>", "\"a\"@b.c",
                                      "-a@b.c",  "a@b.c,d@e.f", "\xc3\xa4@b.c", "a@b/c",   "a@[1.2.3.4]"};
    const char *domain;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(mail_address_is_valid(good[i], &domain));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mail_address_is_valid(bad[i], &domain))
            fail_msg("%s", bad[i]);
}

static void a_notice_is_the_same_mail_whenever_it_is_made(void **state)
{
    const struct notice notice = {.kind = NOTICE_COMPLETED,
                                  .event_id = "e",
                                  .workflow_id = "wf-1",
                                  .title = "Notarized: m",
                                  .text = "Event e of ci.",
                                  .link = "https://n/v1/workflows/wf-1",
                                  .at_ms = 1705314600000,
                                  .channel = bytes_of_text("{\"email\":[\"a@b.c\"]}")};
    char key[NOTICE_KEY_SIZE], expected[1000];
    struct text mail;

    assert_int_equal(notice_key(&notice, key), OK);
    snprintf(expected, sizeof expected,
             "From: n@x.y\r\nTo: a@b.c,\r\n d@e.f\r\nSubject: Notarized: m\r\nDate: Mon, 15 Jan 2024 10:30:00 +0000\r\n"
             "Message-ID: <%s@x.y>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
             "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
             "Event e of ci.\r\n\r\nhttps://n/v1/workflows/wf-1\r\n\r\nWorkflow wf-1\r\n",
             key);
    text_init(&mail, 10000);
    assert_int_equal(mail_message(&notice, "n@x.y", (const char *const[]){"a@b.c", "d@e.f", NULL}, &mail), OK);
    assert_string_equal(mail.data, expected);
    text_deinit(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_plain_or_refused),
        cmocka_unit_test(a_notice_is_the_same_mail_whenever_it_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
