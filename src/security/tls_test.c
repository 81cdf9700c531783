/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_test.c - settings that hold, and those that are refused in words that help.
 */
#include "base/base_test.h"
#include "security/tls.h"
#include "security/tls_fixture.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static struct tls_fixture fixture;

static int make(void **state)
{
    tls_fixture_make(&fixture);
    return 0;
}

static int clean(void **state)
{
    tls_fixture_remove(&fixture);
    return 0;
}

static struct tls_settings server_settings(void)
{
    return (struct tls_settings){
        .side = TLS_SERVER, .certificate_file = fixture.server, .key_file = fixture.server_key};
}

static struct tls_settings client_settings(void)
{
    return (struct tls_settings){.side = TLS_CLIENT, .trust_file = fixture.ca, .verify_host = true};
}

/* Refused, in a sentence that has `words`. */
static void expect_refused(const struct tls_settings *s, enum err expected, const char *words)
{
    struct tls_context *context = NULL;
    char message[600];

    assert_int_equal(tls_context_new(&context, s, message, sizeof message), expected);
    assert_null(context);
    if (!strstr(message, words))
        fail_msg("`%s` does not say `%s`", message, words);
}

static void expect_taken(const struct tls_settings *s)
{
    struct tls_context *context = NULL;
    char message[600];

    if (tls_context_new(&context, s, message, sizeof message) != OK)
        fail_msg("%s", message);
    assert_string_equal(message, "");
    tls_context_unref(context);
}

static void a_server_has_a_certificate_and_its_key(void **state)
{
    struct tls_settings s = server_settings();

    expect_taken(&s);
    s.key_file = NULL;
    expect_refused(&s, ERR_INVALID, "no key");
    s.certificate_file = "";
    expect_refused(&s, ERR_INVALID, "a certificate and its key are wanted");
}

static void a_client_has_both_or_neither(void **state)
{
    struct tls_settings s = client_settings();

    expect_taken(&s);
    s.key_file = fixture.client_key;
    expect_refused(&s, ERR_INVALID, "no certificate");
    s.certificate_file = fixture.client;
    expect_taken(&s);
}

static void a_client_may_trust_whom_the_system_trusts(void **state)
{
    struct tls_settings s = client_settings();

    s.trust_file = NULL;
    expect_taken(&s);
}

static void a_key_of_another_certificate_is_named(void **state)
{
    struct tls_settings s = server_settings();

    s.key_file = fixture.client_key;
    expect_refused(&s, ERR_INVALID, "client.key.pem is not the key of the certificate");
}

static void an_encrypted_key_is_refused_in_clear_words(void **state)
{
    struct tls_settings s = server_settings();

    s.key_file = fixture.encrypted_key;
    expect_refused(&s, ERR_INVALID, "encrypted.key.pem: the key is encrypted");
}

static void a_file_that_is_something_else_is_named(void **state)
{
    struct tls_settings s = server_settings();

    s.key_file = fixture.server;
    expect_refused(&s, ERR_INVALID, "server.pem: not a private key in PEM");
    s = server_settings();
    s.certificate_file = fixture.server_key;
    expect_refused(&s, ERR_INVALID, "server.key.pem: the certificate: not certificates in PEM");
    s = client_settings();
    s.trust_file = fixture.server_key;
    expect_refused(&s, ERR_INVALID, "server.key.pem: the trusted certificates: not");
}

static void a_file_that_is_absent_is_named(void **state)
{
    struct tls_settings s = server_settings();

    s.certificate_file = "/nowhere/server.pem";
    expect_refused(&s, ERR_NOT_FOUND, "/nowhere/server.pem: cannot open the certificate");
    s.certificate_file = fixture.directory;
    expect_refused(&s, ERR_INVALID, "the certificate: not a file");
}

static void a_key_that_everybody_reads_is_warned_of(void **state)
{
    const struct tls_settings s = server_settings();
    struct tls_context *context;
    char message[600];

    assert_int_equal(chmod(fixture.server_key, 0644), 0);
    assert_int_equal(tls_context_new(&context, &s, message, sizeof message), OK);
    assert_int_equal(chmod(fixture.server_key, 0600), 0);
    assert_non_null(strstr(message, "can be read by everybody"));
    tls_context_unref(context);
}

static void old_protocols_are_refused(void **state)
{
    struct tls_settings s = server_settings();

    s.protocols = "TLSv1.3, TLSv1.2";
    expect_taken(&s);
    s.protocols = "TLSv1.2,TLSv1.1";
    expect_refused(&s, ERR_INVALID, "not `TLSv1.1`");
    s.protocols = ",";
    expect_refused(&s, ERR_INVALID, "names none");
}

static void only_the_named_protocols_are_spoken(void **state)
{
    struct tls_settings s = server_settings();
    struct tls_context *context;
    char message[600];

    assert_int_equal(tls_context_new(&context, &s, message, sizeof message), OK);
    assert_int_equal(SSL_CTX_get_min_proto_version(tls_context_ssl(context)), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_get_max_proto_version(tls_context_ssl(context)), TLS1_3_VERSION);
    tls_context_unref(context);
    s.protocols = "TLSv1.3";
    assert_int_equal(tls_context_new(&context, &s, message, sizeof message), OK);
    assert_int_equal(SSL_CTX_get_min_proto_version(tls_context_ssl(context)), TLS1_3_VERSION);
    tls_context_unref(context);
}

static void ciphers_go_by_both_their_names(void **state)
{
    struct tls_settings s = server_settings();
    struct tls_context *context;
    char message[600];

    s.ciphers = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,ECDHE-ECDSA-AES128-GCM-SHA256,TLS_AES_128_GCM_SHA256";
    assert_int_equal(tls_context_new(&context, &s, message, sizeof message), OK);
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(tls_context_ssl(context));
    assert_int_equal(sk_SSL_CIPHER_num(all), 3);
    assert_string_equal(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, 0)), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, 1)), "ECDHE-RSA-AES256-GCM-SHA384");
    tls_context_unref(context);
}

static void weak_and_unknown_ciphers_are_refused(void **state)
{
    struct tls_settings s = server_settings();

    s.ciphers = "TLS_RSA_WITH_AES_128_CBC_SHA";
    expect_refused(&s, ERR_INVALID, "`TLS_RSA_WITH_AES_128_CBC_SHA` is no cipher that is used here");
    s.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:rot13";
    expect_refused(&s, ERR_INVALID, "`rot13`");
}

static void certificates_of_clients_need_somebody_to_trust(void **state)
{
    struct tls_settings s = server_settings();

    s.client_certificates = TLS_CERTIFICATE_OPTIONAL;
    expect_refused(&s, ERR_INVALID, "no file of those that are trusted");
    s.trust_file = fixture.ca;
    expect_taken(&s);
}

static void the_end_of_the_certificate_is_known(void **state)
{
    const struct tls_settings s = server_settings(), client = client_settings();
    const int64_t now = time(NULL), day = 86400;
    struct tls_context *context;
    char message[600];

    assert_int_equal(tls_context_new(&context, &s, message, sizeof message), OK);
    assert_in_range(tls_context_expires_s(context), now + day - 600, now + day);
    tls_context_unref(context);
    assert_int_equal(tls_context_new(&context, &client, message, sizeof message), OK);
    assert_int_equal(tls_context_expires_s(context), 0);
    tls_context_unref(context);
}

static void changed_files_have_another_digest(void **state)
{
    const struct tls_settings s = server_settings();
    const struct tls_fixture_wish wish = {.common_name = "localhost", .names = "DNS:localhost,DNS:server,IP:127.0.0.1"};
    uint8_t before[TLS_DIGEST_BYTES], again[TLS_DIGEST_BYTES], after[TLS_DIGEST_BYTES];

    tls_settings_digest(&s, before);
    tls_settings_digest(&s, again);
    assert_memory_equal(before, again, sizeof before);
    tls_fixture_issue(&fixture, fixture.issuer, "server", &wish);
    tls_settings_digest(&s, after);
    assert_memory_not_equal(before, after, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_has_a_certificate_and_its_key),
        cmocka_unit_test(a_client_has_both_or_neither),
        cmocka_unit_test(a_client_may_trust_whom_the_system_trusts),
        cmocka_unit_test(a_key_of_another_certificate_is_named),
        cmocka_unit_test(an_encrypted_key_is_refused_in_clear_words),
        cmocka_unit_test(a_file_that_is_something_else_is_named),
        cmocka_unit_test(a_file_that_is_absent_is_named),
        cmocka_unit_test(a_key_that_everybody_reads_is_warned_of),
        cmocka_unit_test(old_protocols_are_refused),
        cmocka_unit_test(only_the_named_protocols_are_spoken),
        cmocka_unit_test(ciphers_go_by_both_their_names),
        cmocka_unit_test(weak_and_unknown_ciphers_are_refused),
        cmocka_unit_test(certificates_of_clients_need_somebody_to_trust),
        cmocka_unit_test(the_end_of_the_certificate_is_known),
        cmocka_unit_test(changed_files_have_another_digest),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
