/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_entry.h - what an entry of ours is in Rekor: the request that submits it, and the bytes that Rekor then logs.
 *
 * Rekor logs canonical JSON that follows from the request alone, so we know it beforehand: what it says that it logged
 * is compared byte for byte, and an entry that it has already is found by the hash of these bytes.  Pure; may call:
 * base/, the core.
 */
#ifndef SERVICES_NOTARY_ANCHORS_REKOR_ENTRY_H
#define SERVICES_NOTARY_ANCHORS_REKOR_ENTRY_H

#include "services/notary/anchors/anchor.h"

#define REKOR_BODY_MAX    (16u << 10)
#define REKOR_REQUEST_MAX (1u << 20)

enum rekor_version { REKOR_V1, REKOR_V2 };

/* Who signed what. */
struct rekor_artifact {
    bool hashed;          /* `digest` itself was signed (hashedrekord); else the envelope around `payload` (dsse) */
    struct digest digest; /* of the evidence package, or of the payload */
    struct bytes payload; /* the entry; borrowed */
    struct public_key key;
    struct signature signature;
};

/* True: the entry says itself what was signed, by a key of P-256; `out` is all of it. */
bool rekor_artifact_is_hashed(struct bytes leaf, struct rekor_artifact *out);

/* The entry in an envelope, but for key and signature; and what is to be signed of it (appended: DSSE's PAE). */
void rekor_artifact_envelope(struct bytes leaf, struct rekor_artifact *out);
void rekor_artifact_message(const struct rekor_artifact *a, struct text *out);

/* Append the request, and what will be logged.  ERR_NOMEM. */
MUST_USE enum err rekor_request(enum rekor_version version, const struct rekor_artifact *a, struct text *out);
MUST_USE enum err rekor_body(enum rekor_version version, const struct rekor_artifact *a, struct text *out);

/* The signature in a logged body of the second kind; false: there is none. */
bool rekor_body_signature(enum rekor_version version, struct bytes body, struct signature *out);

/* A JSON text of these bytes in base64; NULL when memory is short. */
json_t *anchor_base64(struct bytes bytes);
/* Back; false: not a text, not base64, or more than `size` bytes. */
bool anchor_base64_decode(const json_t *text, uint8_t *to, size_t size, size_t *len);

#endif
