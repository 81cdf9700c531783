/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication_test.c - who is let in by which provider, and who is not.
 */
#include "base/base64.h"
#include "base/base_test.h"
#include "security/authentication.h"

#include <stdlib.h>

#define NOW 1800000000

struct fixture {
    struct jws_key *key; /* which the authentication has, once there is one */
    struct authentication *authentication;
    struct identity identity;
    struct verdict verdict;
    struct text text;
};

static int set_up(void **state)
{
    static const uint8_t secret[32] = {7};
    static struct fixture f;

    f = (struct fixture){0};
    if (jws_key_from_secret(&f.key, bytes_of(secret, sizeof secret)) != OK)
        return -1;
    text_init(&f.text, 4096);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    identity_deinit(&f->identity);
    text_deinit(&f->text);
    if (!f->authentication)
        jws_key_free(f->key);
    authentication_unref(f->authentication);
    return 0;
}

static void make(struct fixture *f, struct authentication_settings settings)
{
    char message[200];

    settings.token_key = f->key;
    if (settings.provider_count == 0) {
        settings.provider_count = 3;
        settings.providers[0] = PROVIDER_TOKEN;
        settings.providers[1] = PROVIDER_BASIC;
        settings.providers[2] = PROVIDER_TLS;
    }
    assert_int_equal(htpasswd_parse(&settings.passwords, bytes_of_text("alice:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"),
                                    message, sizeof message),
                     OK);
    assert_int_equal(authentication_new(&f->authentication, &settings), OK);
}

/* With these claims; valid until the next call. */
static const char *token(struct fixture *f, const char *claims)
{
    text_deinit(&f->text);
    text_init(&f->text, 4096);
    assert_int_equal(jws_sign(f->key, JWS_HS256, NULL, bytes_of_text(claims), &f->text), OK);
    return f->text.data;
}

static enum err check(struct fixture *f, struct credentials c)
{
    identity_deinit(&f->identity);
    return authentication_check(f->authentication, &c, NOW, &f->identity, &f->verdict);
}

static enum err shown(struct fixture *f, const char *method, const char *data)
{
    return check(f, (struct credentials){.method = method, .data = bytes_of_text(data)});
}

static enum err over_http(struct fixture *f, const char *method, const char *data)
{
    return check(f, (struct credentials){.method = method, .data = bytes_of_text(data), .http = true});
}

static void assert_is(struct fixture *f, const char *role, const char *method)
{
    assert_string_equal(f->identity.role, role);
    assert_string_equal(f->identity.method, method);
}

static void assert_refused(struct fixture *f, enum err err, enum refused refused)
{
    assert_int_equal(err, ERR_DENIED);
    assert_int_equal(f->verdict.refused, refused);
    assert_non_null(f->verdict.why);
    assert_null(f->identity.role);
}

static void a_token_says_who_somebody_is_and_until_when(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){0});
    assert_int_equal(shown(f, "token", token(f, "{\"sub\":\"bob\"}")), OK);
    assert_is(f, "bob", "token");
    assert_int_equal(f->identity.expires_s, 0);
    assert_int_equal(shown(f, "token", token(f, "{\"sub\":\"bob\",\"exp\":1800000001}")), OK);
    assert_int_equal(f->identity.expires_s, NOW + 1);
}

static void tokens_that_are_not_to_be_believed_are_refused_for_their_reason(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.audience_claim = "aud", .audience = "here"});
    assert_refused(f, shown(f, "token", ""), REFUSED_DATA);
    assert_refused(f, shown(f, "token", " \n"), REFUSED_DATA);
    assert_refused(f, shown(f, "token", "not.a.token"), REFUSED_TOKEN);
    assert_refused(f, shown(f, "token", token(f, "{\"sub\":\"bob\",\"aud\":\"here\",\"exp\":1799999999}")),
                   REFUSED_EXPIRED);
    assert_refused(f, shown(f, "token", token(f, "{\"sub\":\"bob\",\"aud\":\"there\"}")), REFUSED_AUDIENCE);
    assert_refused(f, shown(f, "token", token(f, "{\"sub\":\"bob\"}")), REFUSED_AUDIENCE);
    assert_refused(f, shown(f, "token", token(f, "{\"aud\":\"here\"}")), REFUSED_TOKEN);
    assert_refused(f, shown(f, "token", token(f, "{\"sub\":\"\",\"aud\":\"here\"}")), REFUSED_TOKEN);
    char *tampered = strdup(token(f, "{\"sub\":\"bob\",\"aud\":\"here\"}"));
    assert_int_equal(shown(f, "token", tampered), OK);
    tampered[30] ^= 1;
    assert_refused(f, shown(f, "token", tampered), REFUSED_TOKEN);
    free(tampered);
}

static void a_token_without_a_signature_is_refused(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.anonymous_role = "nobody"});
    /* {"alg":"none"}.{"sub":"bob"}. */
    assert_refused(f, shown(f, "token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ."), REFUSED_TOKEN);
}

static void the_role_may_be_another_claim_and_clocks_may_differ(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.role_claim = "role", .skew_s = 10});
    assert_int_equal(shown(f, "token", token(f, "{\"sub\":\"bob\",\"role\":[\"writer\",\"x\"],\"exp\":1799999995}")),
                     OK);
    assert_is(f, "writer", "token");
    assert_refused(f, shown(f, "token", token(f, "{\"sub\":\"bob\"}")), REFUSED_TOKEN);
    assert_refused(f, shown(f, "token", token(f, "{\"role\":\"w\",\"exp\":1799999980}")), REFUSED_EXPIRED);
}

static void a_name_and_its_password_are_a_role(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){0});
    assert_int_equal(shown(f, "basic", "alice:secret"), OK);
    assert_is(f, "alice", "basic");
    assert_refused(f, shown(f, "basic", "alice:wrong"), REFUSED_TOKEN);
    const char *why = f->verdict.why;
    assert_refused(f, shown(f, "basic", "nobody:secret"), REFUSED_TOKEN);
    assert_string_equal(f->verdict.why, why);
    assert_refused(f, shown(f, "basic", "alice"), REFUSED_DATA);
    assert_refused(f, shown(f, "basic", "alice:"), REFUSED_DATA);
    assert_refused(f, shown(f, "basic", ":secret"), REFUSED_DATA);
    assert_refused(f, shown(f, "basic", ""), REFUSED_DATA);
}

static void a_certificates_common_name_is_a_role(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.anonymous_role = "nobody"});
    assert_int_equal(check(f, (struct credentials){.method = "tls", .certificate_name = "admin"}), OK);
    assert_is(f, "admin", "tls");
    assert_refused(f, check(f, (struct credentials){.method = "tls"}), REFUSED_CERTIFICATE);
    assert_refused(f, check(f, (struct credentials){.method = "tls", .certificate_name = ""}), REFUSED_CERTIFICATE);
    /* It is of no use to who does not ask for it. */
    assert_int_equal(check(f, (struct credentials){.method = "none", .certificate_name = "admin"}), OK);
    assert_is(f, "nobody", "anonymous");
}

static void without_a_provider_there_is_the_anonymous_role_or_none(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.anonymous_role = "nobody"});
    assert_int_equal(shown(f, "none", ""), OK);
    assert_is(f, "nobody", "anonymous");
    assert_int_equal(shown(f, "", ""), OK);
    assert_int_equal(shown(f, "athenz", "x"), OK);
    assert_int_equal(shown(f, NULL, ""), OK);
    assert_int_equal(shown(f, "AuthenticationProviderToken", "x"), OK);
    assert_is(f, "nobody", "anonymous");
    assert_refused(f, shown(f, "token", "bad"), REFUSED_TOKEN);
    assert_refused(f, shown(f, "basic", "alice:bad"), REFUSED_TOKEN);
}

static void nobody_gets_in_when_there_is_no_anonymous_role(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.anonymous_role = ""});
    assert_null(authentication_anonymous(f->authentication));
    assert_refused(f, shown(f, "none", ""), REFUSED_METHOD);
    assert_refused(f, shown(f, "athenz", "x"), REFUSED_METHOD);
    assert_refused(f, over_http(f, NULL, ""), REFUSED_METHOD);
    assert_int_equal(f->verdict.provider, PROVIDERS);
}

static void a_provider_that_is_off_lets_nobody_in(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.providers = {PROVIDER_TLS}, .provider_count = 1});
    assert_false(authentication_provides(f->authentication, "token"));
    assert_true(authentication_provides(f->authentication, "tls"));
    assert_refused(f, shown(f, "token", token(f, "{\"sub\":\"bob\"}")), REFUSED_METHOD);
    assert_refused(f, shown(f, "basic", "alice:secret"), REFUSED_METHOD);
}

/* "SCHEME WHAT", with WHAT in base64 if asked for. */
static const char *header(struct fixture *f, const char *scheme, const char *what)
{
    text_deinit(&f->text);
    text_init(&f->text, 4096);
    text_add(&f->text, scheme);
    base64_encode(&f->text, bytes_of_text(what));
    return f->text.data;
}

static void over_http_credentials_are_in_a_header(void **state)
{
    struct fixture *f = *state;
    char bearer[300] = "Bearer ";

    make(f, (struct authentication_settings){0});
    strcat(bearer, token(f, "{\"sub\":\"bob\"}"));
    assert_int_equal(over_http(f, "token", bearer), OK);
    assert_is(f, "bob", "token");
    assert_int_equal(over_http(f, NULL, bearer), OK);
    assert_is(f, "bob", "token");
    assert_refused(f, over_http(f, "token", bearer + 7), REFUSED_DATA);
    assert_refused(f, over_http(f, "basic", bearer), REFUSED_DATA);
    assert_int_equal(over_http(f, "basic", header(f, "Basic ", "alice:secret")), OK);
    assert_int_equal(over_http(f, NULL, header(f, "basic ", "alice:secret")), OK);
    assert_is(f, "alice", "basic");
    assert_refused(f, over_http(f, NULL, header(f, "Basic ", "alice:wrong")), REFUSED_CERTIFICATE);
    assert_refused(f, over_http(f, "basic", "Basic alice:secret"), REFUSED_DATA);
    assert_int_equal(check(f, (struct credentials){.http = true, .certificate_name = "admin"}), OK);
    assert_is(f, "admin", "tls");
}

static void over_http_a_method_that_is_named_must_be_there(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.anonymous_role = "nobody"});
    assert_refused(f, over_http(f, "none", ""), REFUSED_METHOD);
    assert_refused(f, over_http(f, "token", ""), REFUSED_DATA);
    assert_int_equal(over_http(f, NULL, ""), OK);
    assert_is(f, "nobody", "anonymous");
    assert_int_equal(over_http(f, NULL, "Bearer nonsense"), OK); /* as in Pulsar */
    assert_is(f, "nobody", "anonymous");
}

static void more_than_anybody_needs_is_refused_unseen(void **state)
{
    static char much[CREDENTIALS_DATA_MAX + 2];
    struct fixture *f = *state;

    make(f, (struct authentication_settings){.anonymous_role = "nobody"});
    memset(much, 'x', sizeof much - 1);
    assert_refused(f, shown(f, "token", much), REFUSED_DATA);
    assert_refused(f, shown(f, "none", much), REFUSED_DATA);
}

static void only_passwords_are_slow(void **state)
{
    struct fixture *f = *state;

    make(f, (struct authentication_settings){0});
#define SLOW(...) authentication_is_slow(f->authentication, &(struct credentials){__VA_ARGS__})
    assert_true(SLOW(.method = "basic", .data = bytes_of_text("a:b")));
    assert_false(SLOW(.method = "token", .data = bytes_of_text("a:b")));
    assert_false(SLOW(.method = NULL, .data = bytes_of_text("a:b")));
    assert_true(SLOW(.http = true, .data = bytes_of_text("BASIC a")));
    assert_false(SLOW(.http = true, .data = bytes_of_text("Bearer a")));
    assert_false(SLOW(.http = true));
    assert_false(SLOW(.http = true, .method = "token", .data = bytes_of_text("Basic a")));
#undef SLOW
}

static void providers_have_the_names_of_pulsars_classes(void **state)
{
    enum provider p;

    assert_true(provider_find(&p, bytes_of_text("org.apache.pulsar.broker.authentication.AuthenticationProviderTls")));
    assert_int_equal(p, PROVIDER_TLS);
    assert_true(provider_find(&p, bytes_of_text("AuthenticationProviderToken")));
    assert_int_equal(p, PROVIDER_TOKEN);
    assert_true(provider_find(&p, bytes_of_text("basic")));
    assert_int_equal(p, PROVIDER_BASIC);
    assert_false(
        provider_find(&p, bytes_of_text("org.apache.pulsar.broker.authentication.AuthenticationProviderSasl")));
    assert_false(provider_find(&p, bytes_of_text("org.apache.pulsar.broker.authentication.")));
    assert_false(provider_find(&p, bytes_of_text("")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_says_who_somebody_is_and_until_when),
        TEST(tokens_that_are_not_to_be_believed_are_refused_for_their_reason),
        TEST(a_token_without_a_signature_is_refused),
        TEST(the_role_may_be_another_claim_and_clocks_may_differ),
        TEST(a_name_and_its_password_are_a_role),
        TEST(a_certificates_common_name_is_a_role),
        TEST(without_a_provider_there_is_the_anonymous_role_or_none),
        TEST(nobody_gets_in_when_there_is_no_anonymous_role),
        TEST(a_provider_that_is_off_lets_nobody_in),
        TEST(over_http_credentials_are_in_a_header),
        TEST(over_http_a_method_that_is_named_must_be_there),
        TEST(more_than_anybody_needs_is_refused_unseen),
        TEST(only_passwords_are_slow),
        cmocka_unit_test(providers_have_the_names_of_pulsars_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
