/* SPDX-License-Identifier: Apache-2.0
 *
 * public_key.h - an Ed25519 public key: its encodings, its log id, and checking signatures with it.
 *
 * The log id is SHA-256 over the key's SubjectPublicKeyInfo (DER), as in certificate transparency and Rekor.
 * Pure; may call: base/, libcrypto.
 */
#ifndef SERVICES_NOTARY_PUBLIC_KEY_H
#define SERVICES_NOTARY_PUBLIC_KEY_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"
#include "services/notary/digest.h"

#define PUBLIC_KEY_RAW_LEN  32
#define PUBLIC_KEY_SPKI_LEN 44 /* a fixed prefix of 12 bytes, then the raw key */
#define SIGNATURE_LEN       64

struct public_key {
    uint8_t spki[PUBLIC_KEY_SPKI_LEN];
    struct digest log_id;
};

struct signature {
    uint8_t bytes[SIGNATURE_LEN];
};

void public_key_from_raw(struct public_key *out, const uint8_t raw[PUBLIC_KEY_RAW_LEN]);

/* ERR_UNSUPPORTED: not the SubjectPublicKeyInfo of an Ed25519 key. */
MUST_USE enum err public_key_from_spki(struct public_key *out, struct bytes spki);

/* A "-----BEGIN PUBLIC KEY-----" file.  ERR_INVALID: not PEM; ERR_UNSUPPORTED: another kind of key. */
MUST_USE enum err public_key_from_pem(struct public_key *out, struct bytes pem);
void public_key_to_pem(const struct public_key *key, struct text *out);

static inline struct bytes public_key_raw(const struct public_key *key)
{
    return bytes_of(key->spki + PUBLIC_KEY_SPKI_LEN - PUBLIC_KEY_RAW_LEN, PUBLIC_KEY_RAW_LEN);
}

/* False also when memory is short: what cannot be checked does not hold. */
bool public_key_verifies(const struct public_key *key, struct bytes message, const struct signature *signature);

#endif
