/* SPDX-License-Identifier: Apache-2.0
 *
 * jws_test.c - the examples of RFC 7515, appendix A, RFC 7519 and RFC 8037; every algorithm both ways; what is refused.
 */
#include "base/base64.h"
#include "base/base_test.h"
#include "security/jws.h"
#include <stdio.h>

/* The payload of the first three examples, and their texts. */
#define JOE "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

static const char a1_secret[] =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
static const char a1[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

static const char a2_public[] =
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+"
    "4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5"
    "rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9"
    "/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB";
static const char a2[] =
    "eyJhbGciOiJSUzI1NiJ9." JOE
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
    "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jz"
    "DwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe"
    "77Rw";

static const char a3_public[] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG"
                                "72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==";
static const char a3[] = "eyJhbGciOiJFUzI1NiJ9." JOE
                         ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

static const char a4_public[] =
    "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQB6SkFDxJPxrxVx9U5M2Xfne9KsMIssleY+TTrBOPGuuNwGlenkQ6dgb82MVno68sVXWNJ9L22zPipT"
    "FxZx6rBAaQANKZEDjdnUNI3H9G9wsjztx0vTuXqNDLIFcyjFWD+XZOH7HdLVYOGMOXLv1qMvgqR3QBkxpmaH25uZ/rd7eTIyPY=";
static const char a4[] =
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0"
    "aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

/* RFC 8037, appendix A.4. */
static const char a5_public[] = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
static const char a5[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                         "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static struct jws_key *public_of(const char *digits)
{
    uint8_t der[1024];
    size_t len;
    struct jws_key *key;

    assert_int_equal(base64_decode(bytes_of_text(digits), der, sizeof der, &len), OK);
    assert_int_equal(jws_key_from_public(&key, bytes_of(der, len)), OK);
    return key;
}

static struct jws_key *secret_of(const char *digits)
{
    uint8_t secret[128];
    size_t len;
    struct jws_key *key;

    assert_int_equal(base64url_decode(bytes_of_text(digits), secret, sizeof secret, &len), OK);
    assert_int_equal(jws_key_from_secret(&key, bytes_of(secret, len)), OK);
    return key;
}

static enum err verify(const struct jws_key *key, const char *text, const char **why)
{
    struct jws jws;
    enum err err = jws_verify(key, bytes_of_text(text), &jws, why);

    if (err == OK)
        jws_deinit(&jws);
    return err;
}

/* The example holds, and with any single digit of its signature, payload or header changed it does not. */
static void example(struct jws_key *key, const char *text)
{
    const size_t len = strlen(text);
    char changed[1024];
    const char *why;

    assert_int_equal(verify(key, text, &why), OK);
    for (size_t i = 0; i < len; i += len / 40 + 1) {
        (void)snprintf(changed, sizeof changed, "%s", text);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(key, changed, &why), OK);
    }
    jws_key_free(key);
}

static void the_examples_of_the_rfcs_hold_and_nothing_near_them(void **state)
{
    example(secret_of(a1_secret), a1);
    example(public_of(a2_public), a2);
    example(public_of(a3_public), a3);
    example(public_of(a4_public), a4);
    example(public_of(a5_public), a5);
}

static void the_payload_may_be_any_bytes(void **state)
{
    struct jws_key *key = public_of(a4_public);
    struct jws jws;
    const char *why;

    assert_int_equal(jws_verify(key, bytes_of_text(a4), &jws, &why), OK);
    assert_true(bytes_equal(jws.payload, bytes_of_text("Payload")));
    jws_deinit(&jws);
    jws_key_free(key);
}

static void a_text_without_a_signature_is_refused_whatever_it_says(void **state)
{
    struct jws_key *keys[] = {secret_of(a1_secret), public_of(a2_public), public_of(a3_public)};
    /* alg: none, None, NONE, and none at all */
    static const char *const headers[] = {"eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIn0", "eyJhbGciOiJOT05FIn0", "e30"};
    char text[256];
    const char *why;

    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            (void)snprintf(text, sizeof text, "%s." JOE ".", headers[k]);
            assert_int_equal(verify(keys[i], text, &why), ERR_DENIED);
            assert_string_equal(why, "its algorithm is none that is accepted");
        }
        jws_key_free(keys[i]);
    }
}

static void a_public_key_is_never_taken_for_a_secret(void **state)
{
    uint8_t der[1024];
    size_t len;
    struct jws_key *as_secret, *key = public_of(a2_public);
    struct text text;
    const char *why;

    assert_int_equal(base64_decode(bytes_of_text(a2_public), der, sizeof der, &len), OK);
    assert_int_equal(jws_key_from_secret(&as_secret, bytes_of(der, len)), OK);
    text_init(&text, 4096);
    assert_int_equal(jws_sign(as_secret, JWS_HS256, NULL, bytes_of_text("{}"), &text), OK);
    assert_int_equal(verify(key, text.data, &why), ERR_DENIED);
    assert_string_equal(why, "its algorithm is not one for this key");
    text_deinit(&text);
    jws_key_free(as_secret);
    jws_key_free(key);
}

static void every_algorithm_signs_and_verifies_and_its_keys_go_through_their_formats(void **state)
{
    for (enum jws_algorithm a = 0; a < JWS_ALGORITHMS; a++) {
        struct jws_key *key, *again, *verifier;
        struct bytes private, public;
        struct text text;
        const char *why;

        if (a == JWS_RS384 || a == JWS_RS512 || a == JWS_PS384 || a == JWS_PS512)
            assert_int_equal(jws_key_make(&key, JWS_RS256), OK); /* larger keys take their time */
        else
            assert_int_equal(jws_key_make(&key, a), OK);
        assert_true(jws_key_signs(key) && jws_key_fits(key, a));
        assert_int_equal(jws_key_private_bytes(key, &private), OK);
        if (jws_key_family(key) == JWS_SECRET) {
            assert_int_equal(jws_key_from_secret(&again, private), OK);
            assert_int_equal(jws_key_from_secret(&verifier, private), OK);
        } else {
            assert_int_equal(jws_key_from_private(&again, private), OK);
            assert_int_equal(jws_key_public_bytes(key, &public), OK);
            assert_int_equal(jws_key_from_public(&verifier, public), OK);
            assert_false(jws_key_signs(verifier));
            jws_bytes_free(public);
        }
        text_init(&text, 4096);
        assert_int_equal(jws_sign(again, a, NULL, bytes_of_text("payload"), &text), OK);
        assert_int_equal(verify(verifier, text.data, &why), OK);
        text_deinit(&text);
        jws_bytes_free(private);
        jws_key_free(verifier);
        jws_key_free(again);
        jws_key_free(key);
    }
}

static void an_algorithm_that_the_key_is_not_meant_for_is_refused(void **state)
{
    struct jws_key *p256 = public_of(a3_public), *p521 = public_of(a4_public), *secret;
    static const uint8_t bytes[63] = {1};
    const char *why;

    assert_int_equal(verify(p521, a3, &why), ERR_DENIED);
    assert_int_equal(verify(p256, a4, &why), ERR_DENIED);
    assert_false(jws_key_fits(p256, JWS_ES384));
    assert_int_equal(jws_key_from_secret(&secret, bytes_of(bytes, sizeof bytes)), OK);
    assert_true(jws_key_fits(secret, JWS_HS384));
    assert_false(jws_key_fits(secret, JWS_HS512));
    assert_int_equal(jws_key_algorithm(secret), JWS_HS384);
    jws_key_free(secret);
    jws_key_free(p256);
    jws_key_free(p521);
}

static void what_is_no_key_is_refused(void **state)
{
    uint8_t der[1024];
    size_t len;
    struct jws_key *key;

    assert_int_equal(jws_key_from_secret(&key, bytes_of(der, 31)), ERR_INVALID);
    assert_int_equal(jws_key_from_public(&key, bytes_of_text("no key")), ERR_INVALID);
    assert_int_equal(jws_key_from_private(&key, bytes_of_text("no key")), ERR_INVALID);
    assert_int_equal(base64_decode(bytes_of_text(a3_public), der, sizeof der, &len), OK);
    assert_int_equal(jws_key_from_public(&key, bytes_of(der, len - 1)), ERR_INVALID);
    assert_int_equal(jws_key_from_public(&key, bytes_of(der, len + 1)), ERR_INVALID);
    assert_int_equal(jws_key_from_private(&key, bytes_of(der, len)), ERR_INVALID);
}

static void what_is_no_signed_text_is_told_apart(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "it is not three parts with dots between"},
        {"e30.e30", "it is not three parts with dots between"},
        {"e30=.e30.", "its header is not a JSON object in base64 for URLs"},
        {"W10.e30.", "its header is not a JSON object in base64 for URLs"},
        {"eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUifQ.e30.",
         "its header is not a JSON object in base64 for URLs"}, /* twice */
        {"e30.+30.", "its payload is not base64 for URLs"},
    };
    struct jws jws;
    const char *why;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(jws_parse(bytes_of_text(cases[i].text), &jws, &why), ERR_INVALID);
        assert_string_equal(why, cases[i].why);
    }
}

static void a_header_that_asks_for_an_extension_is_refused(void **state)
{
    struct jws_key *key = secret_of(a1_secret);
    json_t *header = json_pack("{s:[s],s:b}", "crit", "b64", "b64", 0);
    struct text text;
    const char *why;

    text_init(&text, 4096);
    assert_int_equal(jws_sign(key, JWS_HS256, header, bytes_of_text("{}"), &text), OK);
    assert_int_equal(verify(key, text.data, &why), ERR_DENIED);
    assert_string_equal(why, "its header asks for an extension that nobody here knows");
    text_deinit(&text);
    json_decref(header);
    jws_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfcs_hold_and_nothing_near_them),
        cmocka_unit_test(the_payload_may_be_any_bytes),
        cmocka_unit_test(a_text_without_a_signature_is_refused_whatever_it_says),
        cmocka_unit_test(a_public_key_is_never_taken_for_a_secret),
        cmocka_unit_test(every_algorithm_signs_and_verifies_and_its_keys_go_through_their_formats),
        cmocka_unit_test(an_algorithm_that_the_key_is_not_meant_for_is_refused),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(what_is_no_signed_text_is_told_apart),
        cmocka_unit_test(a_header_that_asks_for_an_extension_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
