/* SPDX-License-Identifier: Apache-2.0
 *
 * token.c - JSON Web Tokens.
 */
#include "security/token.h"

#include "base/base64.h"
#include <math.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define KEY_TEXT_MAX (64u * 1024)

const char token_has_expired[] = "it has expired";
const char token_is_for_others[] = "it is not meant for this audience";

void token_deinit(struct token *token)
{
    free(token->role);
    json_decref(token->claims);
    *token = (struct token){0};
}

/* ---- verifying ---- */

/* A time claim; *there is false when it is absent.  False: it is not a time. */
static bool time_claim(const json_t *claims, const char *name, bool *there, int64_t *out)
{
    const json_t *value = json_object_get(claims, name);

    *there = value != NULL;
    if (!value)
        return true;
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    const double real = json_real_value(value);
    if (!json_is_real(value) || !(fabs(real) < 1e15)) /* what an int64_t does not hold must not be cast */
        return false;
    *out = (int64_t)real;
    return true;
}

static enum err times_check(const json_t *claims, const struct token_rules *rules, int64_t *expires_s, const char **why)
{
    bool expires, begins;
    int64_t at = 0, from = 0;

    *why = "its times are no numbers";
    if (!time_claim(claims, "exp", &expires, &at) || !time_claim(claims, "nbf", &begins, &from))
        return ERR_DENIED;
    *why = token_has_expired;
    if (expires && rules->now_s - rules->skew_s >= at)
        return ERR_DENIED;
    *why = "it is not valid yet";
    if (begins && rules->now_s + rules->skew_s < from)
        return ERR_DENIED;
    *expires_s = expires ? at : 0;
    return OK;
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool audience_holds(const json_t *claims, const struct token_rules *rules)
{
    const json_t *value = json_object_get(claims, rules->audience_claim);

    if (is_text(value, rules->audience))
        return true;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (is_text(json_array_get(value, i), rules->audience))
            return true;
    }
    return false;
}

static enum err role_take(const json_t *claims, const struct token_rules *rules, char **out)
{
    const json_t *value = json_object_get(claims, rules->role_claim ? rules->role_claim : "sub");

    if (json_is_array(value))
        value = json_array_get(value, 0);
    *out = NULL;
    if (!json_is_string(value))
        return OK;
    return (*out = strdup(json_string_value(value))) ? OK : ERR_NOMEM;
}

static enum err claims_check(const struct token_rules *rules, struct token *token, const char **why)
{
    enum err err = times_check(token->claims, rules, &token->expires_s, why);

    if (err != OK)
        return err;
    *why = token_is_for_others;
    if (rules->audience_claim && !audience_holds(token->claims, rules))
        return ERR_DENIED;
    *why = "no memory";
    return role_take(token->claims, rules, &token->role);
}

enum err token_verify(const struct jws_key *key, struct bytes text, const struct token_rules *rules, struct token *out,
                      const char **why)
{
    struct token token = {0};
    struct jws jws;
    enum err err = jws_verify(key, text, &jws, why);

    if (err != OK)
        return err;
    token.claims = json_loadb((const char *)jws.payload.data, jws.payload.len, JSON_REJECT_DUPLICATES, NULL);
    jws_deinit(&jws);
    if (json_is_object(token.claims)) {
        err = claims_check(rules, &token, why);
    } else {
        *why = "its payload is not a JSON object";
        err = ERR_DENIED;
    }
    if (err != OK) {
        token_deinit(&token);
        return err;
    }
    *out = token;
    return OK;
}

/* ---- making ---- */

enum err token_make(const struct jws_key *key, enum jws_algorithm algorithm, const json_t *header, const char *subject,
                    int64_t expires_s, struct text *out)
{
    json_t *claims = json_pack("{s:s}", "sub", subject);
    char *payload = NULL;

    if (claims && (expires_s == 0 || json_object_set_new(claims, "exp", json_integer(expires_s)) == 0))
        payload = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    if (!payload)
        return ERR_NOMEM;
    enum err err = jws_sign(key, algorithm, header, bytes_of_text(payload), out);
    free(payload);
    return err;
}

/* ---- keys as they are written down ---- */

enum err token_key_text(const char *text, struct bytes *out, const char **path)
{
    const char *digits = text;

    if (strncmp(text, "file:", 5) == 0) {
        *path = text + 5 + (strncmp(text + 5, "//", 2) == 0 ? 2 : 0);
        return ERR_UNSUPPORTED;
    }
    if (strncmp(text, "data:", 5) == 0) {
        digits = strstr(text, ";base64,");
        if (!digits)
            return ERR_INVALID;
        digits += strlen(";base64,");
    }
    size_t size = strlen(digits), len;
    uint8_t *key = size > 0 && size <= KEY_TEXT_MAX ? OPENSSL_malloc(size) : NULL;
    if (!key)
        return ERR_INVALID;
    if (base64_decode(bytes_of(digits, size), key, size, &len) != OK) {
        OPENSSL_clear_free(key, size);
        return ERR_INVALID;
    }
    *out = bytes_of(key, len);
    return OK;
}
