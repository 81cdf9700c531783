/* SPDX-License-Identifier: Apache-2.0
 *
 * public_key.c - Ed25519 (RFC 8410) and P-256 (RFC 5480) through libcrypto.
 *
 * The DER of a public key is a fixed prefix, which says what kind it is, and the key's own bytes.
 */
#include "services/notary/documents/public_key.h"

#include "services/notary/documents/pem.h"
#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING of 33 bytes, the first says "no unused bits" } */
static const uint8_t ed25519_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

/* SEQUENCE { SEQUENCE { OID ecPublicKey, OID prime256v1 } BIT STRING of 66 bytes: no unused bits, 4: uncompressed } */
static const uint8_t p256_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

static const struct kind {
    const char *name;
    const uint8_t *prefix;
    size_t prefix_len, spki_len;
    const char *digest; /* libcrypto's name; NULL: the whole message is signed */
} kinds[] = {
    [KEY_ED25519] = {"Ed25519", ed25519_prefix, sizeof ed25519_prefix, sizeof ed25519_prefix + PUBLIC_KEY_RAW_LEN,
                     NULL},
    [KEY_ECDSA_P256] = {"ECDSA P-256", p256_prefix, sizeof p256_prefix, sizeof p256_prefix + 64, "SHA256"},
};
#define KINDS (sizeof kinds / sizeof *kinds)
static_assert(sizeof p256_prefix + 64 == PUBLIC_KEY_SPKI_MAX, "the longest");

static const char pem_label[] = "PUBLIC KEY";

const char *public_key_kind_name(enum key_kind kind)
{
    return kinds[kind].name;
}

static void set(struct public_key *out, enum key_kind kind, struct bytes spki)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    memcpy(out->spki, spki.data, spki.len);
    out->spki_len = spki.len;
    out->log_id = digest_of(spki);
}

void public_key_from_raw(struct public_key *out, const uint8_t raw[PUBLIC_KEY_RAW_LEN])
{
    uint8_t spki[sizeof ed25519_prefix + PUBLIC_KEY_RAW_LEN];

    memcpy(spki, ed25519_prefix, sizeof ed25519_prefix);
    memcpy(spki + sizeof ed25519_prefix, raw, PUBLIC_KEY_RAW_LEN);
    set(out, KEY_ED25519, bytes_of(spki, sizeof spki));
}

struct bytes public_key_raw(const struct public_key *key)
{
    assert(key->kind == KEY_ED25519);
    return bytes_of(key->spki + sizeof ed25519_prefix, PUBLIC_KEY_RAW_LEN);
}

static EVP_PKEY *load(struct bytes spki)
{
    const uint8_t *at = spki.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);

    ERR_clear_error(); /* a thread's, and TLS looks there */
    return pkey;
}

/* A point that is not on the curve is no key: libcrypto finds that out. */
static bool is_key(struct bytes spki)
{
    EVP_PKEY *pkey = load(spki);

    EVP_PKEY_free(pkey);
    return pkey != NULL;
}

enum err public_key_from_spki(struct public_key *out, struct bytes spki)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (spki.len != kinds[i].spki_len || memcmp(spki.data, kinds[i].prefix, kinds[i].prefix_len) != 0)
            continue;
        if (!is_key(spki))
            return ERR_UNSUPPORTED;
        set(out, (enum key_kind)i, spki);
        return OK;
    }
    return ERR_UNSUPPORTED;
}

enum err public_key_from_point(struct public_key *out, const uint8_t point[PUBLIC_KEY_POINT_LEN])
{
    uint8_t spki[sizeof p256_prefix + PUBLIC_KEY_POINT_LEN];

    memcpy(spki, p256_prefix, sizeof p256_prefix);
    memcpy(spki + sizeof p256_prefix, point, PUBLIC_KEY_POINT_LEN);
    return public_key_from_spki(out, bytes_of(spki, sizeof spki));
}

enum err public_key_from_pem(struct public_key *out, struct bytes pem)
{
    uint8_t der[1024];
    size_t len;
    enum err err = pem_decode(pem_label, pem, der, sizeof der, &len);

    return err == OK ? public_key_from_spki(out, bytes_of(der, len)) : ERR_INVALID;
}

void public_key_to_pem(const struct public_key *key, struct text *out)
{
    pem_encode(pem_label, public_key_spki(key), out);
}

bool public_key_verifies(const struct public_key *key, struct bytes message, const struct signature *signature)
{
    EVP_PKEY *pkey = load(public_key_spki(key));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool holds = false;

    if (pkey && ctx && EVP_DigestVerifyInit_ex(ctx, NULL, kinds[key->kind].digest, NULL, NULL, pkey, NULL) == 1)
        holds = EVP_DigestVerify(ctx, signature->bytes, signature->len, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return holds;
}

enum err signature_make(struct signature *out, EVP_PKEY *private_key, const struct public_key *key,
                        struct bytes message)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = sizeof out->bytes;
    const bool made = ctx &&
                      EVP_DigestSignInit_ex(ctx, NULL, kinds[key->kind].digest, NULL, NULL, private_key, NULL) == 1 &&
                      EVP_DigestSign(ctx, out->bytes, &len, message.data, message.len) == 1;

    EVP_MD_CTX_free(ctx);
    if (!made)
        return ERR_NOMEM;
    out->len = len;
    return OK;
}

bool signature_from_bytes(struct signature *out, struct bytes bytes)
{
    if (bytes.len > SIGNATURE_MAX)
        return false;
    memset(out, 0, sizeof *out);
    if (bytes.len > 0)
        memcpy(out->bytes, bytes.data, bytes.len);
    out->len = bytes.len;
    return true;
}
