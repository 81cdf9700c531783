/* SPDX-License-Identifier: Apache-2.0
 *
 * public_key.c - Ed25519 (RFC 8032) through libcrypto, its DER by RFC 8410.
 */
#include "services/notary/public_key.h"

#include "services/notary/pem.h"
#include <assert.h>
#include <openssl/evp.h>

/* SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING of 33 bytes, the first says "no unused bits" } */
static const uint8_t spki_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static_assert(sizeof spki_prefix + PUBLIC_KEY_RAW_LEN == PUBLIC_KEY_SPKI_LEN, "the prefix and the key");

static const char pem_label[] = "PUBLIC KEY";

void public_key_from_raw(struct public_key *out, const uint8_t raw[PUBLIC_KEY_RAW_LEN])
{
    memcpy(out->spki, spki_prefix, sizeof spki_prefix);
    memcpy(out->spki + sizeof spki_prefix, raw, PUBLIC_KEY_RAW_LEN);
    out->log_id = digest_of(bytes_of(out->spki, sizeof out->spki));
}

enum err public_key_from_spki(struct public_key *out, struct bytes spki)
{
    if (spki.len != PUBLIC_KEY_SPKI_LEN || memcmp(spki.data, spki_prefix, sizeof spki_prefix) != 0)
        return ERR_UNSUPPORTED;
    public_key_from_raw(out, spki.data + sizeof spki_prefix);
    return OK;
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
    pem_encode(pem_label, bytes_of(key->spki, sizeof key->spki), out);
}

bool public_key_verifies(const struct public_key *key, struct bytes message, const struct signature *signature)
{
    struct bytes raw = public_key_raw(key);
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.data, raw.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool holds = false;

    if (pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
        holds = EVP_DigestVerify(ctx, signature->bytes, SIGNATURE_LEN, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return holds;
}
