/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication_keys.c - see authentication_keys.h.
 */
#include "broker/authentication_keys.h"

#include "base/commas.h"
#include "base/text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_BYTES_MAX (64u * 1024)

static enum err invalid(char *message, size_t message_size, const char *option, const char *why)
{
    (void)snprintf(message, message_size, "%s: %s", option, why);
    return ERR_INVALID;
}

/* ---- providers ---- */

static enum err providers_fill(const struct authenticator_options *o, struct authentication_settings *s, char *message,
                               size_t message_size)
{
    const char *rest = o->providers;
    struct bytes name;

    while (commas_next(&rest, &name)) {
        enum provider provider;
        bool there = false;
        if (!provider_find(&provider, name)) {
            (void)snprintf(message, message_size,
                           "authenticationProviders: `%.*s` is none of AuthenticationProviderToken, "
                           "AuthenticationProviderBasic and AuthenticationProviderTls",
                           (int)(name.len < 200 ? name.len : 200), (const char *)name.data);
            return ERR_INVALID;
        }
        for (size_t i = 0; i < s->provider_count; i++)
            there |= s->providers[i] == provider;
        if (!there)
            s->providers[s->provider_count++] = provider;
    }
    return s->provider_count > 0
               ? OK
               : invalid(message, message_size, "authenticationEnabled",
                         "authenticationProviders names nobody who could tell who a client is (token, basic, tls)");
}

static bool has(const struct authentication_settings *s, enum provider provider)
{
    for (size_t i = 0; i < s->provider_count; i++) {
        if (s->providers[i] == provider)
            return true;
    }
    return false;
}

/* ---- reading ---- */

static void wipe(struct bytes *b)
{
    if (b->data) {
        void *data = (void *)(uintptr_t)b->data;
        OPENSSL_cleanse(data, b->len);
        free(data);
    }
    *b = (struct bytes){0};
}

void key_material_deinit(struct key_material *m)
{
    wipe(&m->token);
    wipe(&m->passwords);
}

static enum err file_read(const struct authenticator_options *o, const char *path, size_t max, struct key_material *m,
                          struct bytes *out)
{
    enum err err = o->read(o->read_ctx, path, max, out);

    m->from_files |= err == OK;
    return err;
}

/* The digits' bytes, in memory as the files' are. */
static enum err digits_read(const char *text, struct bytes *out)
{
    struct bytes bytes;
    const char *path;
    enum err err = token_key_text(text, &bytes, &path);

    if (err != OK)
        return err;
    uint8_t *data = malloc(bytes.len > 0 ? bytes.len : 1);
    if (data)
        memcpy(data, bytes.data, bytes.len);
    *out = bytes_of(data, data ? bytes.len : 0);
    jws_bytes_free(bytes);
    return data ? OK : ERR_NOMEM;
}

/* What the value names.  Neither it nor what is read goes into the message, a file's name excepted. */
static enum err source_read(const struct authenticator_options *o, const char *option, const char *value, size_t max,
                            struct key_material *m, struct bytes *out, char *message, size_t message_size)
{
    const bool named = strncmp(value, "file:", 5) == 0;
    const char *path = named ? value + 5 + (strncmp(value + 5, "//", 2) == 0 ? 2 : 0) : value;
    enum err err = ERR_NOT_FOUND;

    if (named || strncmp(value, "data:", 5) != 0)
        err = file_read(o, path, max, m, out);
    if (!named && err != OK)
        err = digits_read(value, out);
    if (err == OK || err == ERR_NOMEM)
        return err == OK ? OK : invalid(message, message_size, option, err_text(err));
    if (!named)
        return invalid(message, message_size, option,
                       "neither file:PATH, nor data:;base64,DIGITS, nor base64 alone, nor a file that can be read");
    (void)snprintf(message, message_size, "%s: the file %s cannot be read (%s)", option, path, err_text(err));
    return ERR_INVALID;
}

static const char *token_option(const struct authenticator_options *o)
{
    return text_given(o->token_secret_key) ? "tokenSecretKey" : "tokenPublicKey";
}

static enum err sources_read(const struct authenticator_options *o, const struct authentication_settings *s,
                             struct key_material *m, char *message, size_t message_size)
{
    const char *key = text_given(o->token_secret_key) ? o->token_secret_key : o->token_public_key;
    enum err err = OK;

    if (has(s, PROVIDER_TOKEN) && !text_given(key))
        return invalid(message, message_size, "authenticationProviders",
                       "tokens need the key that they are signed with: tokenSecretKey or tokenPublicKey");
    if (has(s, PROVIDER_BASIC) && !text_given(o->basic_conf))
        return invalid(message, message_size, "authenticationProviders",
                       "passwords need the file that they are in: basicAuthConf");
    if (has(s, PROVIDER_TOKEN))
        err = source_read(o, token_option(o), key, KEY_BYTES_MAX, m, &m->token, message, message_size);
    if (err == OK && has(s, PROVIDER_BASIC))
        err =
            source_read(o, "basicAuthConf", o->basic_conf, HTPASSWD_FILE_MAX, m, &m->passwords, message, message_size);
    return err;
}

/* Of the token's key, its length before it, and the passwords. */
static bool digest_fill(struct key_material *m)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t len[8];

    le64_put(len, m->token.len);
    const bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                    EVP_DigestUpdate(ctx, len, sizeof len) == 1 &&
                    EVP_DigestUpdate(ctx, m->token.data, m->token.len) == 1 &&
                    EVP_DigestUpdate(ctx, m->passwords.data, m->passwords.len) == 1 &&
                    EVP_DigestFinal_ex(ctx, m->digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

enum err key_material_read(const struct authenticator_options *o, struct key_material *out, char *message,
                           size_t message_size)
{
    struct authentication_settings s = {0};
    struct key_material m = {0};
    enum err err = providers_fill(o, &s, message, message_size);

    if (err != OK)
        return err;
    err = sources_read(o, &s, &m, message, message_size);
    if (err == OK && !digest_fill(&m))
        err = invalid(message, message_size, "authenticationEnabled", err_text(ERR_NOMEM));
    if (err != OK) {
        key_material_deinit(&m);
        return err;
    }
    *out = m;
    return OK;
}

/* ---- making use of it ---- */

static const char *const family_names[] = {[JWS_SECRET] = "a secret",
                                           [JWS_RSA] = "an RSA key",
                                           [JWS_EC] = "a key on an elliptic curve",
                                           [JWS_ED] = "an Ed25519 key"};

/* The family that tokenPublicAlg speaks of. */
static enum err public_family(const struct authenticator_options *o, enum jws_family *out, char *message,
                              size_t message_size)
{
    enum jws_algorithm algorithm = JWS_RS256;

    if (text_given(o->token_public_algorithm) &&
        !jws_algorithm_find(bytes_of_text(o->token_public_algorithm), &algorithm)) {
        (void)snprintf(message, message_size, "tokenPublicAlg: `%.40s` is no algorithm that tokens are signed with",
                       o->token_public_algorithm);
        return ERR_INVALID;
    }
    *out = jws_algorithm_info(algorithm)->family;
    return OK;
}

static enum err secret_key(const struct key_material *m, struct jws_key **out, char *message, size_t message_size)
{
    enum err err = jws_key_from_secret(out, m->token);

    if (err == ERR_INVALID)
        return invalid(message, message_size, "tokenSecretKey", "a secret has at least 32 bytes");
    return err == OK ? OK : invalid(message, message_size, "tokenSecretKey", err_text(err));
}

static enum err public_key(const struct authenticator_options *o, const struct key_material *m, enum jws_family family,
                           struct jws_key **out, char *message, size_t message_size)
{
    struct jws_key *key;

    if (m->token.len > 10 && memcmp(m->token.data, "-----BEGIN", 10) == 0)
        return invalid(message, message_size, "tokenPublicKey",
                       "it is PEM, and should be DER, as `geminga tokens create-key-pair` writes it");
    if (jws_key_from_private(&key, m->token) == OK) {
        jws_key_free(key);
        return invalid(message, message_size, "tokenPublicKey", "it is the private key, which is not for the broker");
    }
    enum err err = jws_key_from_public(&key, m->token);
    if (err != OK)
        return invalid(message, message_size, "tokenPublicKey",
                       err == ERR_UNSUPPORTED ? "a key of this kind or size signs no tokens"
                                              : "not a public key in DER (SubjectPublicKeyInfo)");
    if (jws_key_family(key) != family) {
        (void)snprintf(message, message_size, "tokenPublicKey: it is %s, and tokenPublicAlg says %s",
                       family_names[jws_key_family(key)],
                       text_given(o->token_public_algorithm) ? o->token_public_algorithm : "RS256, by default");
        jws_key_free(key);
        return ERR_INVALID;
    }
    *out = key;
    return OK;
}

static enum err token_fill(const struct authenticator_options *o, const struct key_material *m,
                           struct authentication_settings *s, char *message, size_t message_size)
{
    enum jws_family family;
    enum err err = public_family(o, &family, message, message_size);

    if (err != OK)
        return err;
    s->skew_s = o->skew_s;
    s->role_claim = o->token_claim;
    if (text_given(o->audience_claim) && !text_given(o->audience))
        return invalid(message, message_size, "tokenAudienceClaim", "tokenAudience does not say whom tokens are for");
    if (text_given(o->audience_claim)) {
        s->audience_claim = o->audience_claim;
        s->audience = o->audience;
    }
    if (text_given(o->token_secret_key))
        return secret_key(m, &s->token_key, message, message_size);
    return public_key(o, m, family, &s->token_key, message, message_size);
}

static enum err passwords_fill(const struct key_material *m, struct authentication_settings *s, char *message,
                               size_t message_size)
{
    char why[200];
    enum err err = htpasswd_parse(&s->passwords, m->passwords, why, sizeof why);

    if (err != OK)
        (void)snprintf(message, message_size, "basicAuthConf: %s", why);
    return err;
}

enum err key_material_use(const struct authenticator_options *o, const struct key_material *m,
                          struct authentication **out, char *message, size_t message_size)
{
    struct authentication_settings s = {.anonymous_role = o->anonymous_role};
    enum err err = providers_fill(o, &s, message, message_size);

    if (err == OK && has(&s, PROVIDER_TOKEN))
        err = token_fill(o, m, &s, message, message_size);
    if (err == OK && has(&s, PROVIDER_BASIC))
        err = passwords_fill(m, &s, message, message_size);
    if (err == OK && (err = authentication_new(out, &s)) != OK)
        (void)invalid(message, message_size, "authenticationEnabled", err_text(err));
    if (err != OK) {
        jws_key_free(s.token_key);
        htpasswd_free(s.passwords);
    }
    return err;
}
