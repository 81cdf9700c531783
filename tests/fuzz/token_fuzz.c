/* SPDX-License-Identifier: Apache-2.0
 *
 * token_fuzz.c - any bytes as a token, and as keys of all three kinds.
 */
#include "fuzz.h"

#include "security/token.h"

static void as_token(const struct jws_key *key, struct bytes text)
{
    const struct token_rules rules = {.now_s = 1000, .audience_claim = "aud", .audience = "here"};
    struct token token;
    struct jws jws;
    const char *why = NULL;

    if (token_verify(key, text, &rules, &token, &why) == OK) {
        HOLDS(json_is_object(token.claims));
        HOLDS(token.expires_s == 0 || token.expires_s > 1000);
        token_deinit(&token);
    } else {
        HOLDS(why && *why);
    }
    if (jws_parse(text, &jws, &why) == OK) {
        HOLDS(json_is_object(jws.header));
        jws_deinit(&jws);
    }
}

static void as_key(struct bytes bytes)
{
    struct jws_key *key;

    if (jws_key_from_private(&key, bytes) == OK) {
        HOLDS(jws_key_fits(key, jws_key_algorithm(key)));
        jws_key_free(key);
    }
    if (jws_key_from_public(&key, bytes) == OK) {
        HOLDS(!jws_key_signs(key) && jws_key_fits(key, jws_key_algorithm(key)));
        jws_key_free(key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[64] = {1};
    struct jws_key *key;

    if (jws_key_from_secret(&key, bytes_of(secret, sizeof secret)) != OK)
        return 0;
    as_token(key, bytes_of(data, size));
    as_key(bytes_of(data, size));
    jws_key_free(key);
    return 0;
}
