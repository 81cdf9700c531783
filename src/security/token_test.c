/* SPDX-License-Identifier: Apache-2.0
 *
 * token_test.c - what a token is believed, and when it is not.
 */
#include "base/base_test.h"
#include "security/token.h"

#define NOW 1800000000

struct fixture {
    struct jws_key *key;
    struct text text;
    struct token token;
    const char *why;
};

static int setup(void **state)
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

static int teardown(void **state)
{
    struct fixture *f = *state;

    token_deinit(&f->token);
    text_deinit(&f->text);
    jws_key_free(f->key);
    return 0;
}

/* Of a token with these claims. */
static enum err believed(struct fixture *f, const char *claims, struct token_rules rules)
{
    text_deinit(&f->text);
    text_init(&f->text, 4096);
    token_deinit(&f->token);
    if (rules.now_s == 0)
        rules.now_s = NOW;
    assert_int_equal(jws_sign(f->key, JWS_HS256, NULL, bytes_of_text(claims), &f->text), OK);
    return token_verify(f->key, bytes_of_text(f->text.data), &rules, &f->token, &f->why);
}

static void assert_denied(struct fixture *f, const char *claims, struct token_rules rules, const char *why)
{
    assert_int_equal(believed(f, claims, rules), ERR_DENIED);
    assert_string_equal(f->why, why);
}

static void a_token_says_who(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(believed(f, "{\"sub\":\"me\",\"role\":[\"first\",\"second\"]}", (struct token_rules){0}), OK);
    assert_string_equal(f->token.role, "me");
    assert_int_equal(f->token.expires_s, 0);
    assert_int_equal(believed(f, "{\"sub\":\"me\",\"role\":[\"first\"]}", (struct token_rules){.role_claim = "role"}),
                     OK);
    assert_string_equal(f->token.role, "first");
    assert_int_equal(believed(f, "{\"sub\":7}", (struct token_rules){0}), OK);
    assert_null(f->token.role);
}

static void it_ends_when_it_says(void **state)
{
    struct fixture *f = *state;
    const char *claims = "{\"sub\":\"me\",\"exp\":1800000000}";

    assert_int_equal(believed(f, claims, (struct token_rules){.now_s = NOW - 1}), OK);
    assert_int_equal(f->token.expires_s, NOW);
    assert_denied(f, claims, (struct token_rules){.now_s = NOW}, "it has expired");
    assert_int_equal(believed(f, claims, (struct token_rules){.now_s = NOW + 9, .skew_s = 10}), OK);
    assert_denied(f, claims, (struct token_rules){.now_s = NOW + 10, .skew_s = 10}, "it has expired");
    assert_denied(f, "{\"exp\":1800000000.5}", (struct token_rules){.now_s = NOW + 1}, "it has expired");
}

static void it_begins_when_it_says(void **state)
{
    struct fixture *f = *state;
    const char *claims = "{\"nbf\":1800000000}";

    assert_denied(f, claims, (struct token_rules){.now_s = NOW - 1}, "it is not valid yet");
    assert_int_equal(believed(f, claims, (struct token_rules){.now_s = NOW}), OK);
    assert_int_equal(believed(f, claims, (struct token_rules){.now_s = NOW - 5, .skew_s = 5}), OK);
}

static void times_that_are_none_are_not_passed_over(void **state)
{
    struct fixture *f = *state;
    static const char *const claims[] = {"{\"exp\":\"1900000000\"}", "{\"exp\":null}",   "{\"nbf\":true}",
                                         "{\"exp\":1e300}",          "{\"exp\":-1e300}", "{\"nbf\":1e15}"};

    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++)
        assert_denied(f, claims[i], (struct token_rules){0}, "its times are no numbers");
}

static void it_is_for_whom_it_says(void **state)
{
    struct fixture *f = *state;
    const struct token_rules rules = {.audience_claim = "aud", .audience = "here"};

    assert_int_equal(believed(f, "{\"aud\":\"here\"}", rules), OK);
    assert_int_equal(believed(f, "{\"aud\":[\"there\",\"here\"]}", rules), OK);
    assert_int_equal(believed(f, "{\"aud\":\"there\"}", (struct token_rules){0}), OK); /* nobody asks */
    assert_denied(f, "{\"aud\":\"there\"}", rules, "it is not meant for this audience");
    assert_denied(f, "{\"aud\":[7,\"there\"]}", rules, "it is not meant for this audience");
    assert_denied(f, "{}", rules, "it is not meant for this audience");
}

static void a_payload_that_is_no_object_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_denied(f, "[]", (struct token_rules){0}, "its payload is not a JSON object");
    assert_denied(f, "{\"exp\":1,\"exp\":1900000000}", (struct token_rules){0}, "its payload is not a JSON object");
    assert_denied(f, "me", (struct token_rules){0}, "its payload is not a JSON object");
}

static void a_token_of_another_key_is_refused(void **state)
{
    struct fixture *f = *state;
    static const uint8_t other[32] = {8};
    struct jws_key *key;

    assert_int_equal(believed(f, "{}", (struct token_rules){0}), OK);
    assert_int_equal(jws_key_from_secret(&key, bytes_of(other, sizeof other)), OK);
    token_deinit(&f->token);
    assert_int_equal(
        token_verify(key, bytes_of_text(f->text.data), &(struct token_rules){.now_s = NOW}, &f->token, &f->why),
        ERR_DENIED);
    assert_string_equal(f->why, "its signature does not hold");
    jws_key_free(key);
}

/* That of the Go client's own tests: made by Pulsar's tool. */
static void the_tokens_of_pulsars_tool_are_made_to_the_letter(void **state)
{
    struct fixture *f = *state;
    static const uint8_t secret[32] = {0x11, 0x3d, 0x5a, 0xff, 0xfd, 0x6b, 0x03, 0xd8, 0x81, 0x48, 0x4b,
                                       0x58, 0xe7, 0x10, 0xc7, 0x77, 0x3c, 0xe3, 0xfd, 0x48, 0xe8, 0x9b,
                                       0xdf, 0xbe, 0x56, 0x88, 0x60, 0x7d, 0x0d, 0x68, 0xa1, 0x7f};
    static const char made[] =
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0b2tlbi1wcmluY2lwYWwifQ.tSfgR8l7dKC6LoWCxQgNkuSB8our7xV_nAM7wpgCbG4";
    struct jws_key *key;

    assert_int_equal(jws_key_from_secret(&key, bytes_of(secret, sizeof secret)), OK);
    assert_int_equal(token_make(key, jws_key_algorithm(key), NULL, "token-principal", 0, &f->text), OK);
    assert_string_equal(f->text.data, made);
    assert_int_equal(token_verify(key, bytes_of_text(made), &(struct token_rules){.now_s = NOW}, &f->token, &f->why),
                     OK);
    assert_string_equal(f->token.role, "token-principal");
    jws_key_free(key);
}

static void keys_are_read_as_pulsars_configuration_has_them(void **state)
{
    struct bytes key;
    const char *path = NULL;

    assert_int_equal(token_key_text("data:;base64,AQID", &key, &path), OK);
    assert_true(bytes_equal(key, bytes_of("\1\2\3", 3)));
    jws_bytes_free(key);
    assert_int_equal(token_key_text("AQID", &key, &path), OK);
    jws_bytes_free(key);
    assert_int_equal(token_key_text("file:///etc/key", &key, &path), ERR_UNSUPPORTED);
    assert_string_equal(path, "/etc/key");
    assert_int_equal(token_key_text("file:key", &key, &path), ERR_UNSUPPORTED);
    assert_string_equal(path, "key");
    assert_int_equal(token_key_text("data:,AQID", &key, &path), ERR_INVALID);
    assert_int_equal(token_key_text("/etc/key.pem", &key, &path), ERR_INVALID);
    assert_int_equal(token_key_text("", &key, &path), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_says_who, setup, teardown),
        cmocka_unit_test_setup_teardown(it_ends_when_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(it_begins_when_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(times_that_are_none_are_not_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_for_whom_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_payload_that_is_no_object_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_of_another_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_tokens_of_pulsars_tool_are_made_to_the_letter, setup, teardown),
        cmocka_unit_test(keys_are_read_as_pulsars_configuration_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
