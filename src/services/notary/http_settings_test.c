/* SPDX-License-Identifier: Apache-2.0
 *
 * http_settings_test.c - what goes together, and where decisions are taken.
 */
#include "base/base_test.h"

#include "services/notary/http_settings.h"
#include <string.h>

static void strangers_decide_on_this_machine_only(void **state)
{
    struct notary_http_settings s = {.bind = "127.0.0.1"};

    assert_true(notary_http_decides(&s));
    s.bind = "127.1.2.3";
    assert_true(notary_http_decides(&s));
    const char *const others[] = {"0.0.0.0", "10.0.0.1", "", "127", "127.evil.example"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        s.bind = (char *)(uintptr_t)others[i];
        assert_false(notary_http_decides(&s));
    }
}

static void who_can_be_known_decides_anywhere(void **state)
{
    struct notary_http_settings s = {.bind = "0.0.0.0", .token_secret_key = "file:///x"};

    assert_true(notary_http_decides(&s));
    s = (struct notary_http_settings){.bind = "0.0.0.0", .token_public_key = "file:///x"};
    assert_true(notary_http_decides(&s));
    s = (struct notary_http_settings){.bind = "0.0.0.0", .tls_client_ca_path = "ca.pem"};
    assert_true(notary_http_decides(&s));
    s = (struct notary_http_settings){.bind = "0.0.0.0", .tls_cert_path = "c.pem", .tls_key_path = "k.pem"};
    assert_false(notary_http_decides(&s));
}

static void what_is_half_given_is_refused(void **state)
{
    static const struct notary_http_settings wrong[] = {
        {.tls_cert_path = "c"},       {.tls_key_path = "k"},
        {.tls_client_ca_path = "a"},  {.token_secret_key = "s", .token_public_key = "p"},
        {.token_audience = "notary"},
    };
    const struct notary_http_settings right = {.tls_cert_path = "c",
                                               .tls_key_path = "k",
                                               .tls_client_ca_path = "a",
                                               .token_public_key = "p",
                                               .token_audience = "notary"};
    char message[300];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(notary_http_settings_check(&wrong[i], message, sizeof message), ERR_INVALID);
        assert_non_null(strstr(message, "notary.http."));
    }
    assert_int_equal(notary_http_settings_check(&right, message, sizeof message), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_decide_on_this_machine_only),
        cmocka_unit_test(who_can_be_known_decides_anywhere),
        cmocka_unit_test(what_is_half_given_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
