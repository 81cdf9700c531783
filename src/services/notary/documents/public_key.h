/* SPDX-License-Identifier: Apache-2.0
 *
 * public_key.h - a public key that evidence may be signed with: its encodings, its log id, and checking signatures.
 *
 * Two kinds.  Ed25519 (RFC 8032): a signature is 64 bytes.  ECDSA on the curve P-256 over SHA-256: a signature is the
 * DER of two numbers, at most 72 bytes.  The log id is SHA-256 over the key's SubjectPublicKeyInfo (DER), as in
 * certificate transparency and Rekor.  Pure; may call: base/, libcrypto.
 *
 * Invariant: spki is the one spelling that we accept of this key (a point is uncompressed), so that two keys are equal
 * when their log ids are.
 */
#ifndef SERVICES_NOTARY_PUBLIC_KEY_H
#define SERVICES_NOTARY_PUBLIC_KEY_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/digest.h"

#include <openssl/types.h>

#define PUBLIC_KEY_RAW_LEN  32 /* of Ed25519 */
#define PUBLIC_KEY_SPKI_MAX 91
#define SIGNATURE_MAX       72
#define ED25519_LEN         64 /* of its signature */

enum key_kind { KEY_ED25519, KEY_ECDSA_P256 };

struct public_key {
    enum key_kind kind;
    uint8_t spki[PUBLIC_KEY_SPKI_MAX];
    size_t spki_len;
    struct digest log_id;
};

struct signature {
    uint8_t bytes[SIGNATURE_MAX];
    size_t len;
};

void public_key_from_raw(struct public_key *out, const uint8_t raw[PUBLIC_KEY_RAW_LEN]); /* Ed25519 */

/* P-256: a point's two coordinates.  ERR_UNSUPPORTED: it is not on the curve. */
#define PUBLIC_KEY_POINT_LEN 64
MUST_USE enum err public_key_from_point(struct public_key *out, const uint8_t point[PUBLIC_KEY_POINT_LEN]);

/* ERR_UNSUPPORTED: not the SubjectPublicKeyInfo of such a key in the one spelling. */
MUST_USE enum err public_key_from_spki(struct public_key *out, struct bytes spki);

/* A "-----BEGIN PUBLIC KEY-----" file.  ERR_INVALID: not PEM; ERR_UNSUPPORTED: another kind of key. */
MUST_USE enum err public_key_from_pem(struct public_key *out, struct bytes pem);
void public_key_to_pem(const struct public_key *key, struct text *out);

/* "Ed25519", "ECDSA P-256". */
const char *public_key_kind_name(enum key_kind kind);

static inline bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
    return digest_equal(&a->log_id, &b->log_id);
}

static inline struct bytes public_key_spki(const struct public_key *key)
{
    return bytes_of(key->spki, key->spki_len);
}

/* Of an Ed25519 key (asserted): its 32 bytes. */
struct bytes public_key_raw(const struct public_key *key);

/* False also when memory is short: what cannot be checked does not hold. */
bool public_key_verifies(const struct public_key *key, struct bytes message, const struct signature *signature);

static inline struct bytes signature_bytes(const struct signature *s)
{
    return bytes_of(s->bytes, s->len);
}

/* By libcrypto's private key, `key` being its public half.  libcrypto's keys may be used by several threads at once as
 * long as nobody changes them.  ERR_NOMEM is all that can go wrong. */
MUST_USE enum err signature_make(struct signature *out, EVP_PKEY *private_key, const struct public_key *key,
                                 struct bytes message);

/* False: longer than any signature is. */
bool signature_from_bytes(struct signature *out, struct bytes bytes);

#endif
