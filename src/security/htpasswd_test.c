/* SPDX-License-Identifier: Apache-2.0
 *
 * htpasswd_test.c - files as htpasswd, openssl and perl's crypt write them.
 */
#include "base/base_test.h"
#include "security/htpasswd.h"

#include <stdio.h>

/* Each with the password that it was made of. */
static const struct {
    const char *hash, *password;
} vectors[] = {
    {"$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "secret"},
    {"$apr1$abcdefgh$mFqV1YUFHjnAuWCFdU1V81", "secretpassword"},
    {"$apr1$abcdefgh$m9e2mO6.AffAjz2bn4eBN1", "longerthansixteenbytespassword"},
    {"$apr1$xy$ddeWph.9maGyJSgefk780.", "x"},
    {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
    {"abNANd1rDfiNc", "secret"},
    {"$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "secret"},
    {"$5$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi.", "secret"},
    {"$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5qulYz.", "secret"},
    {"$6$rounds=1000$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0",
     "secret"},
};

static struct htpasswd *parsed(const char *text)
{
    struct htpasswd *h = NULL;
    char message[200];

    assert_int_equal(htpasswd_parse(&h, bytes_of_text(text), message, sizeof message), OK);
    return h;
}

static enum err verify(const struct htpasswd *h, const char *name, const char *password)
{
    return htpasswd_verify(h, bytes_of_text(name), bytes_of_text(password));
}

static void assert_refused(const char *text, const char *expected)
{
    struct htpasswd *h = NULL;
    char message[200];

    assert_int_equal(htpasswd_parse(&h, bytes_of_text(text), message, sizeof message), ERR_INVALID);
    assert_string_equal(message, expected);
}

static void passwords_hashed_by_others_are_known(void **state)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char line[200], wrong[100];
        (void)snprintf(line, sizeof line, "user:%s\n", vectors[i].hash);
        (void)snprintf(wrong, sizeof wrong, "%s%s", "S", vectors[i].password + 1);
        struct htpasswd *h = parsed(line);
        assert_int_equal(verify(h, "user", vectors[i].password), OK);
        assert_int_equal(verify(h, "user", wrong), ERR_DENIED);
        assert_int_equal(verify(h, "user", ""), ERR_DENIED);
        assert_int_equal(verify(h, "other", vectors[i].password), ERR_DENIED);
        htpasswd_free(h);
    }
}

static void a_hash_with_a_changed_character_does_not_hold(void **state)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char line[200], message[200];
        struct htpasswd *h = NULL;
        int len = snprintf(line, sizeof line, "user:%s", vectors[i].hash);
        line[len - 3] = line[len - 3] == 'A' ? 'B' : 'A';
        if (htpasswd_parse(&h, bytes_of_text(line), message, sizeof message) != OK)
            continue;
        assert_int_equal(verify(h, "user", vectors[i].password), ERR_DENIED);
        htpasswd_free(h);
    }
}

static void a_file_has_many_names_comments_and_ends_of_lines_of_all_kinds(void **state)
{
    struct htpasswd *h = parsed("# who may\r\n\r\n  zoe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=  \r\n"
                                "adam:$apr1$abcdefgh$mFqV1YUFHjnAuWCFdU1V81\n\n"
                                "mia:$apr1$xy$ddeWph.9maGyJSgefk780.");

    assert_int_equal(htpasswd_count(h), 3);
    assert_int_equal(verify(h, "zoe", "secret"), OK);
    assert_int_equal(verify(h, "adam", "secretpassword"), OK);
    assert_int_equal(verify(h, "mia", "x"), OK);
    assert_int_equal(verify(h, "mia", "secret"), ERR_DENIED);
    assert_int_equal(verify(h, "mi", "x"), ERR_DENIED);
    htpasswd_free(h);
}

static void of_a_name_that_is_there_twice_the_last_one_counts(void **state)
{
    struct htpasswd *h = parsed("u:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n"
                                "a:$apr1$xy$ddeWph.9maGyJSgefk780.\n"
                                "u:$apr1$abcdefgh$mFqV1YUFHjnAuWCFdU1V81\n");

    assert_int_equal(htpasswd_count(h), 2);
    assert_int_equal(verify(h, "u", "secretpassword"), OK);
    assert_int_equal(verify(h, "u", "secret"), ERR_DENIED);
    htpasswd_free(h);
}

static void nobody_is_in_an_empty_file(void **state)
{
    struct htpasswd *h = parsed("");

    assert_int_equal(htpasswd_count(h), 0);
    assert_int_equal(verify(h, "u", "p"), ERR_DENIED);
    htpasswd_free(h);
}

static void passwords_that_are_no_texts_or_too_long_are_refused(void **state)
{
    struct htpasswd *h = parsed("u:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/");
    uint8_t longest[HTPASSWD_PASSWORD_MAX + 1];

    memset(longest, 'x', sizeof longest);
    assert_int_equal(htpasswd_verify(h, bytes_of_text("u"), bytes_of("secret\0x", 8)), ERR_DENIED);
    assert_int_equal(htpasswd_verify(h, bytes_of_text("u"), bytes_of(longest, sizeof longest)), ERR_DENIED);
    assert_int_equal(htpasswd_verify(h, bytes_of_text("u"), bytes_of(longest, sizeof longest - 1)), ERR_DENIED);
    assert_int_equal(htpasswd_verify(h, bytes_of("u\0", 2), bytes_of_text("secret")), ERR_DENIED);
    assert_int_equal(htpasswd_verify(h, bytes_of_text(""), bytes_of_text("secret")), ERR_DENIED);
    htpasswd_free(h);
}

#define UNKNOWN "has a password that is not hashed in a way that is known, or one that takes too long"

static void lines_that_mean_nothing_are_named_and_not_told(void **state)
{
    assert_refused("just a word", "line 1 has no colon");
    assert_refused("a:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n:x", "line 2 has no name, or one that is too long");
    assert_refused("u:plaintext", "line 1 " UNKNOWN);
    assert_refused("u:", "line 1 " UNKNOWN);
    assert_refused("u:$apr1$abcdefgh$tooshort", "line 1 " UNKNOWN);
    assert_refused("u:$apr1$abcdefghi$h9FWgUz3n9YxylKLlR5SQ/", "line 1 " UNKNOWN);
    assert_refused("u:$apr1$$h9FWgUz3n9YxylKLlR5SQ/", "line 1 " UNKNOWN);
    assert_refused("u:{SHA}AAAA", "line 1 " UNKNOWN);
    assert_refused("u:abNANd1rDfiNc:more", "line 1 " UNKNOWN);
    assert_refused("u:$1$salt$0123456789012345678901", "line 1 " UNKNOWN);
}

static void what_takes_minutes_is_refused_when_the_file_is_read(void **state)
{
    assert_refused("u:$2y$31$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "line 1 " UNKNOWN);
    assert_refused("u:$2y$15$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "line 1 " UNKNOWN);
    assert_refused("u:$2y$03$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "line 1 " UNKNOWN);
    assert_refused("u:$5$rounds=999999999$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi.", "line 1 " UNKNOWN);
    assert_refused("u:$5$rounds=-1$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi.", "line 1 " UNKNOWN);
}

static void a_file_that_is_no_text_or_too_large_is_refused(void **state)
{
    static uint8_t much[HTPASSWD_FILE_MAX + 1];
    struct htpasswd *h;
    char message[200];

    assert_int_equal(htpasswd_parse(&h, bytes_of("a\0b", 3), message, sizeof message), ERR_INVALID);
    memset(much, '\n', sizeof much);
    assert_int_equal(htpasswd_parse(&h, bytes_of(much, sizeof much), message, sizeof message), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_hashed_by_others_are_known),
        cmocka_unit_test(a_hash_with_a_changed_character_does_not_hold),
        cmocka_unit_test(a_file_has_many_names_comments_and_ends_of_lines_of_all_kinds),
        cmocka_unit_test(of_a_name_that_is_there_twice_the_last_one_counts),
        cmocka_unit_test(nobody_is_in_an_empty_file),
        cmocka_unit_test(passwords_that_are_no_texts_or_too_long_are_refused),
        cmocka_unit_test(lines_that_mean_nothing_are_named_and_not_told),
        cmocka_unit_test(what_takes_minutes_is_refused_when_the_file_is_read),
        cmocka_unit_test(a_file_that_is_no_text_or_too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
