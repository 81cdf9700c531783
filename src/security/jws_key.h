/* SPDX-License-Identifier: Apache-2.0
 *
 * jws_key.h - keys that sign and verify tokens, and the algorithms they do it with (RFC 7518, sections 3.2 to 3.5; RFC
 * 8037).
 *
 * A key is a secret (HS256 and its like), or one of a pair: RSA, on an elliptic curve, or Ed25519.  In Pulsar's
 * formats: a secret is its bytes, a private key PKCS8 in DER, a public one X.509's SubjectPublicKeyInfo in DER.  Which
 * algorithm may be used with a key is decided by the key alone, so that nobody has a public key taken for a secret.
 *
 * Owns the key's bytes, and wipes them.  Pure, but for the randomness of new keys and of signatures, which is
 * libcrypto's.  May call: base/, libcrypto.
 */
#ifndef SECURITY_JWS_KEY_H
#define SECURITY_JWS_KEY_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

enum jws_family { JWS_SECRET, JWS_RSA, JWS_EC, JWS_ED };

enum jws_algorithm {
    JWS_HS256,
    JWS_HS384,
    JWS_HS512,
    JWS_RS256,
    JWS_RS384,
    JWS_RS512,
    JWS_PS256,
    JWS_PS384,
    JWS_PS512,
    JWS_ES256,
    JWS_ES384,
    JWS_ES512,
    JWS_EDDSA, /* with Ed25519; Pulsar has no tokens of it */
    JWS_ALGORITHMS
};

struct jws_algorithm_info {
    const char *name;
    enum jws_family family;
    const char *digest;   /* libcrypto's name; NULL: none, of ED */
    size_t key_bytes_min; /* of a secret; of an RSA modulus when one is made */
    const char *curve;    /* of EC */
    size_t number_bytes;  /* of EC: a signature is two numbers of so many bytes */
    bool pss;             /* of RSA: with a random salt */
};

const struct jws_algorithm_info *jws_algorithm_info(enum jws_algorithm algorithm);
/* False: there is none of this name; `none` is none. */
bool jws_algorithm_find(struct bytes name, enum jws_algorithm *out);

struct jws_key;

/* ERR_INVALID: fewer than 32 bytes, or more than 64 KiB. */
MUST_USE enum err jws_key_from_secret(struct jws_key **out, struct bytes secret);
/* ERR_INVALID: not such a key, or something after it; ERR_UNSUPPORTED: of a kind, size or curve that no algorithm here
 * has (RSA: 2048 to 16384 bits). */
MUST_USE enum err jws_key_from_private(struct jws_key **out, struct bytes pkcs8);
MUST_USE enum err jws_key_from_public(struct jws_key **out, struct bytes spki);

/* A new one for this algorithm: a secret, or a pair. */
MUST_USE enum err jws_key_make(struct jws_key **out, enum jws_algorithm algorithm);

void jws_key_free(struct jws_key *key);

enum jws_family jws_key_family(const struct jws_key *key);
/* False: it verifies only. */
bool jws_key_signs(const struct jws_key *key);
/* The algorithm may be used with this key. */
bool jws_key_fits(const struct jws_key *key, enum jws_algorithm algorithm);
/* The one that Pulsar signs with: the longest digest that the key's size is meant for. */
enum jws_algorithm jws_key_algorithm(const struct jws_key *key);

/* In the formats above, to be given back to jws_bytes_free.  The private one: of a secret, the secret; only of one that
 * signs. */
MUST_USE enum err jws_key_private_bytes(const struct jws_key *key, struct bytes *out);
MUST_USE enum err jws_key_public_bytes(const struct jws_key *key, struct bytes *out); /* of a pair */
/* Wiped first. */
void jws_bytes_free(struct bytes bytes);

/* ---- for jws.c ---- */

/* Appends the signature over `input`.  The algorithm fits, and the key signs. */
MUST_USE enum err jws_key_sign(const struct jws_key *key, enum jws_algorithm algorithm, struct bytes input,
                               struct text *out);
/* OK: it holds.  ERR_DENIED: it does not, also when the algorithm does not fit the key. */
MUST_USE enum err jws_key_verify(const struct jws_key *key, enum jws_algorithm algorithm, struct bytes input,
                                 struct bytes signature);

#endif
