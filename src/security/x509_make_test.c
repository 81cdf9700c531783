/* SPDX-License-Identifier: Apache-2.0
 *
 * x509_make_test.c - x509_make.h in use: what is made is verified as a peer would.
 */
#include "base/base_test.h"

#include "security/x509_make.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <time.h>

#define DAY_S 86400

static const char *const hosts[] = {"localhost", "bus.example.org", "127.0.0.1", "::1", NULL};

static struct x509_wish wish_of(enum x509_use use, const char *name)
{
    const int64_t now_s = (int64_t)time(NULL);

    return (struct x509_wish){.use = use,
                              .organization = "Tests",
                              .common_name = name,
                              .begins_s = now_s - DAY_S,
                              .expires_s = now_s + DAY_S};
}

static struct x509_pair made(const struct x509_wish *wish, const struct x509_pair *issuer)
{
    struct x509_pair p;

    assert_int_equal(x509_make(&p, wish, issuer), OK);
    return p;
}

/* As a peer that trusts `ca` alone does. */
static int verified(const struct x509_pair *ca, const struct x509_pair *p, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    assert_int_equal(X509_STORE_add_cert(store, ca->certificate), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, p->certificate, NULL), 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(ctx, purpose), 1);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
    (void)X509_verify_cert(ctx);
    const int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return error;
}

static void a_server_is_trusted_by_its_authority_and_has_its_names(void **state)
{
    struct x509_wish wish = wish_of(X509_USE_AUTHORITY, "Authority");
    struct x509_pair ca = made(&wish, NULL);
    wish = wish_of(X509_USE_SERVER, "localhost");
    wish.hosts = hosts;
    struct x509_pair server = made(&wish, &ca);

    assert_int_equal(verified(&ca, &server, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(X509_check_host(server.certificate, "bus.example.org", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(server.certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(server.certificate, "::1", 0), 1);
    assert_int_equal(X509_check_host(server.certificate, "other.example.org", 0, 0, NULL), 0);
    x509_pair_deinit(&server);
    x509_pair_deinit(&ca);
}

static void a_client_is_no_server_and_a_server_no_authority(void **state)
{
    struct x509_wish wish = wish_of(X509_USE_AUTHORITY, "Authority");
    struct x509_pair ca = made(&wish, NULL);
    wish = wish_of(X509_USE_CLIENT, "admin");
    wish.rsa = true;
    struct x509_pair client = made(&wish, &ca), by_client;
    wish.rsa = false;

    assert_int_equal(verified(&ca, &client, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(verified(&ca, &client, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
    assert_int_equal(EVP_PKEY_get_bits(client.key), 2048);
    by_client = made(&wish, &client);
    assert_int_not_equal(verified(&ca, &by_client, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    x509_pair_deinit(&by_client);
    x509_pair_deinit(&client);
    x509_pair_deinit(&ca);
}

static void another_authority_of_the_same_name_is_not_trusted(void **state)
{
    const struct x509_wish wish = wish_of(X509_USE_AUTHORITY, "Authority"),
                           server = wish_of(X509_USE_SERVER, "localhost");
    struct x509_pair ca = made(&wish, NULL), other = made(&wish, NULL), by_other = made(&server, &other);

    assert_int_not_equal(verified(&ca, &by_other, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    x509_pair_deinit(&by_other);
    x509_pair_deinit(&other);
    x509_pair_deinit(&ca);
}

static void one_whose_time_is_over_is_not_trusted(void **state)
{
    struct x509_wish wish = wish_of(X509_USE_AUTHORITY, "Authority");
    struct x509_pair ca = made(&wish, NULL);
    wish = wish_of(X509_USE_SERVER, "localhost");
    wish.begins_s -= 10 * DAY_S;
    wish.expires_s -= 2 * DAY_S;
    struct x509_pair server = made(&wish, &ca);

    assert_int_equal(verified(&ca, &server, X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_HAS_EXPIRED);
    x509_pair_deinit(&server);
    x509_pair_deinit(&ca);
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"", "a b", "a,DNS:b", "dirName:x", "a/b", ".a", "a..b", "*.", "@x", "a\nb", NULL};
    struct x509_wish wish = wish_of(X509_USE_SERVER, "localhost");
    struct x509_pair p;

    for (const char *const *name = bad; *name; name++) {
        wish.hosts = (const char *const[]){*name, NULL};
        assert_false(x509_host_is_valid(*name));
        assert_int_equal(x509_make(&p, &wish, NULL), ERR_INVALID);
    }
    wish.hosts = NULL;
    wish.common_name = "";
    assert_int_equal(x509_make(&p, &wish, NULL), ERR_INVALID);
    wish.common_name = "0123456789012345678901234567890123456789012345678901234567890123x";
    assert_int_equal(x509_make(&p, &wish, NULL), ERR_INVALID);
    assert_true(x509_host_is_valid("*.example.org"));
    assert_true(x509_host_is_valid("fe80::1"));
}

static void both_are_read_back_from_their_texts(void **state)
{
    const struct x509_wish wish = wish_of(X509_USE_AUTHORITY, "Authority");
    struct x509_pair ca = made(&wish, NULL), again = {0};
    struct text certificate, key;

    text_init(&certificate, 8192);
    text_init(&key, 8192);
    assert_int_equal(x509_certificate_write(ca.certificate, &certificate), OK);
    assert_int_equal(x509_key_write(ca.key, &key), OK);
    assert_memory_equal(key.data, "-----BEGIN PRIVATE KEY-----\n", 28);
    assert_int_equal(x509_certificate_read(bytes_of(certificate.data, certificate.len), &again.certificate), OK);
    assert_int_equal(x509_key_read(bytes_of(key.data, key.len), &again.key), OK);
    assert_int_equal(X509_cmp(ca.certificate, again.certificate), 0);
    assert_int_equal(X509_check_private_key(again.certificate, again.key), 1);
    X509 *none = NULL;
    assert_int_equal(x509_certificate_read(bytes_of(key.data, key.len), &none), ERR_INVALID);
    assert_int_equal(x509_certificate_read(bytes_of_text(""), &none), ERR_INVALID);
    text_deinit(&certificate);
    text_deinit(&key);
    x509_pair_deinit(&again);
    x509_pair_deinit(&ca);
}

static void a_renewed_certificate_is_the_same_but_for_its_time(void **state)
{
    struct x509_wish wish = wish_of(X509_USE_AUTHORITY, "Authority");
    struct x509_pair ca = made(&wish, NULL), other = made(&wish, NULL), renewed = {0};
    wish = wish_of(X509_USE_SERVER, "localhost");
    wish.hosts = hosts;
    wish.begins_s -= 10 * DAY_S;
    wish.expires_s -= 2 * DAY_S;
    struct x509_pair server = made(&wish, &ca);
    const int64_t now_s = (int64_t)time(NULL);

    assert_int_equal(verified(&ca, &server, X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(x509_renew(&renewed.certificate, server.certificate, &ca, now_s - 1, now_s + DAY_S), OK);
    assert_int_equal(verified(&ca, &renewed, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(X509_check_private_key(renewed.certificate, server.key), 1);
    assert_int_equal(X509_check_host(renewed.certificate, "bus.example.org", 0, 0, NULL), 1);
    assert_int_not_equal(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(renewed.certificate), X509_get0_serialNumber(server.certificate)), 0);
    x509_pair_deinit(&renewed);
    assert_int_equal(x509_renew(&renewed.certificate, server.certificate, &other, now_s, now_s + DAY_S), ERR_INVALID);
    x509_pair_deinit(&server);
    x509_pair_deinit(&other);
    x509_pair_deinit(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_trusted_by_its_authority_and_has_its_names),
        cmocka_unit_test(a_client_is_no_server_and_a_server_no_authority),
        cmocka_unit_test(another_authority_of_the_same_name_is_not_trusted),
        cmocka_unit_test(one_whose_time_is_over_is_not_trusted),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(both_are_read_back_from_their_texts),
        cmocka_unit_test(a_renewed_certificate_is_the_same_but_for_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
