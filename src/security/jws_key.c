/* SPDX-License-Identifier: Apache-2.0
 *
 * jws_key.c - keys of tokens, through libcrypto.
 *
 * A signature on a curve is DER for libcrypto and two numbers of fixed length, one after the other, in a token.
 */
#include "security/jws_key.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define SECRET_MIN    32u
#define SECRET_MAX    (64u * 1024)
#define RSA_BITS_MIN  2048
#define RSA_BITS_MAX  16384
#define SIGNATURE_MAX (RSA_BITS_MAX / 8)

struct jws_key {
    uint8_t *secret; /* or NULL: then it is `pair` */
    size_t secret_len;
    EVP_PKEY *pair;
    bool is_public; /* without its private half */
};

static const struct jws_algorithm_info algorithms[JWS_ALGORITHMS] = {
    [JWS_HS256] = {"HS256", JWS_SECRET, "SHA256", 32, NULL, 0, false},
    [JWS_HS384] = {"HS384", JWS_SECRET, "SHA384", 48, NULL, 0, false},
    [JWS_HS512] = {"HS512", JWS_SECRET, "SHA512", 64, NULL, 0, false},
    [JWS_RS256] = {"RS256", JWS_RSA, "SHA256", 256, NULL, 0, false},
    [JWS_RS384] = {"RS384", JWS_RSA, "SHA384", 384, NULL, 0, false},
    [JWS_RS512] = {"RS512", JWS_RSA, "SHA512", 512, NULL, 0, false},
    [JWS_PS256] = {"PS256", JWS_RSA, "SHA256", 256, NULL, 0, true},
    [JWS_PS384] = {"PS384", JWS_RSA, "SHA384", 384, NULL, 0, true},
    [JWS_PS512] = {"PS512", JWS_RSA, "SHA512", 512, NULL, 0, true},
    [JWS_ES256] = {"ES256", JWS_EC, "SHA256", 0, "prime256v1", 32, false},
    [JWS_ES384] = {"ES384", JWS_EC, "SHA384", 0, "secp384r1", 48, false},
    [JWS_ES512] = {"ES512", JWS_EC, "SHA512", 0, "secp521r1", 66, false},
    [JWS_EDDSA] = {"EdDSA", JWS_ED, NULL, 0, NULL, 0, false},
};

const struct jws_algorithm_info *jws_algorithm_info(enum jws_algorithm algorithm)
{
    assert(algorithm < JWS_ALGORITHMS);
    return &algorithms[algorithm];
}

bool jws_algorithm_find(struct bytes name, enum jws_algorithm *out)
{
    for (enum jws_algorithm i = 0; i < JWS_ALGORITHMS; i++) {
        if (bytes_equal(bytes_of_text(algorithms[i].name), name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* ---- what a key is good for ---- */

enum jws_family jws_key_family(const struct jws_key *key)
{
    if (key->secret)
        return JWS_SECRET;
    if (EVP_PKEY_is_a(key->pair, "ED25519"))
        return JWS_ED;
    return EVP_PKEY_is_a(key->pair, "RSA") ? JWS_RSA : JWS_EC;
}

bool jws_key_signs(const struct jws_key *key)
{
    return !key->is_public;
}

static bool is_on_curve(const struct jws_key *key, const char *curve)
{
    char name[64];
    size_t len;

    return EVP_PKEY_get_group_name(key->pair, name, sizeof name, &len) == 1 && strcmp(name, curve) == 0;
}

bool jws_key_fits(const struct jws_key *key, enum jws_algorithm algorithm)
{
    const struct jws_algorithm_info *info = jws_algorithm_info(algorithm);

    if (info->family != jws_key_family(key))
        return false;
    if (info->family == JWS_SECRET)
        return key->secret_len >= info->key_bytes_min;
    return info->family != JWS_EC || is_on_curve(key, info->curve);
}

enum jws_algorithm jws_key_algorithm(const struct jws_key *key)
{
    const size_t len = key->secret ? key->secret_len : (size_t)EVP_PKEY_get_bits(key->pair) / 8;

    switch (jws_key_family(key)) {
    case JWS_SECRET:
        return len >= 64 ? JWS_HS512 : len >= 48 ? JWS_HS384 : JWS_HS256;
    case JWS_RSA:
        return len >= 512 ? JWS_RS512 : len >= 384 ? JWS_RS384 : JWS_RS256;
    case JWS_EC:
        return jws_key_fits(key, JWS_ES256) ? JWS_ES256 : jws_key_fits(key, JWS_ES384) ? JWS_ES384 : JWS_ES512;
    case JWS_ED:
        return JWS_EDDSA;
    }
    assert(false);
    return JWS_HS256;
}

/* ---- keys from bytes ---- */

static enum err key_new(struct jws_key **out, EVP_PKEY *pair, bool is_public)
{
    struct jws_key *key = calloc(1, sizeof *key);

    if (!key) {
        EVP_PKEY_free(pair);
        return ERR_NOMEM;
    }
    key->pair = pair;
    key->is_public = is_public;
    *out = key;
    return OK;
}

/* Takes the pair. */
static enum err pair_take(struct jws_key **out, EVP_PKEY *pair, bool is_public)
{
    struct jws_key key = {.pair = pair};
    bool good = false;

    if (EVP_PKEY_is_a(pair, "RSA"))
        good = EVP_PKEY_get_bits(pair) >= RSA_BITS_MIN && EVP_PKEY_get_bits(pair) <= RSA_BITS_MAX;
    else if (EVP_PKEY_is_a(pair, "EC"))
        good = jws_key_fits(&key, JWS_ES256) || jws_key_fits(&key, JWS_ES384) || jws_key_fits(&key, JWS_ES512);
    else
        good = EVP_PKEY_is_a(pair, "ED25519");
    if (good)
        return key_new(out, pair, is_public);
    EVP_PKEY_free(pair);
    return ERR_UNSUPPORTED;
}

enum err jws_key_from_secret(struct jws_key **out, struct bytes secret)
{
    struct jws_key *key;

    if (secret.len < SECRET_MIN || secret.len > SECRET_MAX)
        return ERR_INVALID;
    enum err err = key_new(&key, NULL, false);
    if (err != OK)
        return err;
    if (!(key->secret = OPENSSL_memdup(secret.data, secret.len))) {
        jws_key_free(key);
        return ERR_NOMEM;
    }
    key->secret_len = secret.len;
    *out = key;
    return OK;
}

enum err jws_key_from_private(struct jws_key **out, struct bytes pkcs8)
{
    const uint8_t *at = pkcs8.data;
    PKCS8_PRIV_KEY_INFO *info = pkcs8.len <= SECRET_MAX ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len) : NULL;
    EVP_PKEY *pair = info && at == pkcs8.data + pkcs8.len ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error(); /* a thread's, and TLS looks there */
    return pair ? pair_take(out, pair, false) : ERR_INVALID;
}

enum err jws_key_from_public(struct jws_key **out, struct bytes spki)
{
    const uint8_t *at = spki.data;
    EVP_PKEY *pair = spki.len <= SECRET_MAX ? d2i_PUBKEY(NULL, &at, (long)spki.len) : NULL;

    if (pair && at == spki.data + spki.len)
        return pair_take(out, pair, true);
    EVP_PKEY_free(pair);
    ERR_clear_error();
    return ERR_INVALID;
}

void jws_key_free(struct jws_key *key)
{
    if (!key)
        return;
    OPENSSL_clear_free(key->secret, key->secret_len);
    EVP_PKEY_free(key->pair);
    free(key);
}

/* ---- new keys, and keys to bytes ---- */

static enum err secret_make(struct jws_key **out, size_t len)
{
    uint8_t secret[64];

    assert(len <= sizeof secret);
    if (RAND_priv_bytes(secret, (int)len) != 1)
        return ERR_IO;
    enum err err = jws_key_from_secret(out, bytes_of(secret, len));
    OPENSSL_cleanse(secret, sizeof secret);
    return err;
}

enum err jws_key_make(struct jws_key **out, enum jws_algorithm algorithm)
{
    const struct jws_algorithm_info *info = jws_algorithm_info(algorithm);
    EVP_PKEY *pair;

    if (info->family == JWS_SECRET)
        return secret_make(out, info->key_bytes_min);
    if (info->family == JWS_RSA)
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", info->key_bytes_min * 8);
    else if (info->family == JWS_ED)
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "EC", info->curve);
    return pair ? pair_take(out, pair, false) : ERR_NOMEM;
}

enum err jws_key_private_bytes(const struct jws_key *key, struct bytes *out)
{
    uint8_t *der = NULL;
    int len;

    assert(jws_key_signs(key));
    if (key->secret) {
        if (!(der = OPENSSL_memdup(key->secret, key->secret_len)))
            return ERR_NOMEM;
        *out = bytes_of(der, key->secret_len);
        return OK;
    }
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pair);
    len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (len <= 0)
        return ERR_NOMEM;
    *out = bytes_of(der, (size_t)len);
    return OK;
}

enum err jws_key_public_bytes(const struct jws_key *key, struct bytes *out)
{
    uint8_t *der = NULL;

    assert(key->pair);
    int len = i2d_PUBKEY(key->pair, &der);
    if (len <= 0)
        return ERR_NOMEM;
    *out = bytes_of(der, (size_t)len);
    return OK;
}

void jws_bytes_free(struct bytes bytes)
{
    OPENSSL_clear_free((void *)(uintptr_t)bytes.data, bytes.len);
}

/* ---- signatures ---- */

/* Writes EVP_MAX_MD_SIZE at most. */
static bool code_make(const struct jws_key *key, const char *digest, struct bytes input, uint8_t *code, size_t *len)
{
    return EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, key->secret, key->secret_len, input.data, input.len, code,
                     EVP_MAX_MD_SIZE, len) != NULL;
}

static bool padding_set(EVP_PKEY_CTX *ctx, const struct jws_algorithm_info *info)
{
    return !info->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool pair_sign(const struct jws_key *key, const struct jws_algorithm_info *info, struct bytes input, uint8_t *to,
                      size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pair;
    bool done = ctx && EVP_DigestSignInit_ex(ctx, &pair, info->digest, NULL, NULL, key->pair, NULL) == 1 &&
                padding_set(pair, info) && EVP_DigestSign(ctx, to, len, input.data, input.len) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

static bool pair_verify(const struct jws_key *key, const struct jws_algorithm_info *info, struct bytes input,
                        struct bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pair;
    bool holds = ctx && EVP_DigestVerifyInit_ex(ctx, &pair, info->digest, NULL, NULL, key->pair, NULL) == 1 &&
                 padding_set(pair, info) &&
                 EVP_DigestVerify(ctx, signature.data, signature.len, input.data, input.len) == 1;

    EVP_MD_CTX_free(ctx);
    return holds;
}

/* DER to two numbers, in place. */
static bool numbers_from_der(uint8_t *signature, size_t *len, size_t number_bytes)
{
    const uint8_t *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    bool done = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, (int)number_bytes) > 0 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + number_bytes, (int)number_bytes) > 0;

    ECDSA_SIG_free(pair);
    *len = 2 * number_bytes;
    return done;
}

/* Two numbers to DER, to be given to OPENSSL_free; NULL: it cannot be. */
static uint8_t *der_from_numbers(struct bytes signature, size_t number_bytes, size_t *len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, (int)number_bytes, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + number_bytes, (int)number_bytes, NULL);
    uint8_t *der = NULL;

    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        int made = i2d_ECDSA_SIG(pair, &der);
        *len = made > 0 ? (size_t)made : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return der;
}

enum err jws_key_sign(const struct jws_key *key, enum jws_algorithm algorithm, struct bytes input, struct text *out)
{
    const struct jws_algorithm_info *info = jws_algorithm_info(algorithm);
    uint8_t signature[SIGNATURE_MAX];
    size_t len = sizeof signature;
    bool done;

    assert(jws_key_fits(key, algorithm));
    assert(jws_key_signs(key));
    if (info->family == JWS_SECRET)
        done = code_make(key, info->digest, input, signature, &len);
    else
        done = pair_sign(key, info, input, signature, &len);
    if (done && info->family == JWS_EC)
        done = numbers_from_der(signature, &len, info->number_bytes);
    if (!done)
        return ERR_NOMEM;
    text_add_bytes(out, bytes_of(signature, len));
    return text_failed(out) ? ERR_NOMEM : OK;
}

static bool code_verify(const struct jws_key *key, const char *digest, struct bytes input, struct bytes signature)
{
    uint8_t code[EVP_MAX_MD_SIZE];
    size_t len = 0;
    bool holds = code_make(key, digest, input, code, &len) && signature.len == len &&
                 CRYPTO_memcmp(code, signature.data, len) == 0;

    OPENSSL_cleanse(code, sizeof code);
    return holds;
}

static bool curve_verify(const struct jws_key *key, const struct jws_algorithm_info *info, struct bytes input,
                         struct bytes signature)
{
    size_t len = 0;

    if (signature.len != 2 * info->number_bytes)
        return false;
    uint8_t *der = der_from_numbers(signature, info->number_bytes, &len);
    bool holds = der && pair_verify(key, info, input, bytes_of(der, len));
    OPENSSL_free(der);
    return holds;
}

enum err jws_key_verify(const struct jws_key *key, enum jws_algorithm algorithm, struct bytes input,
                        struct bytes signature)
{
    const struct jws_algorithm_info *info = jws_algorithm_info(algorithm);
    bool holds = false;

    if (!jws_key_fits(key, algorithm))
        return ERR_DENIED;
    if (info->family == JWS_SECRET)
        holds = code_verify(key, info->digest, input, signature);
    else if (info->family != JWS_EC)
        holds = pair_verify(key, info, input, signature);
    else
        holds = curve_verify(key, info, input, signature);
    ERR_clear_error();
    return holds ? OK : ERR_DENIED;
}
