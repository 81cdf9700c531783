/* SPDX-License-Identifier: Apache-2.0
 *
 * trusted_keys.h - a short list of public keys out of PEM texts: whose signatures are believed.
 *
 * Pure.  May call: base/, the core.
 */
#ifndef SERVICES_NOTARY_TRUSTED_KEYS_H
#define SERVICES_NOTARY_TRUSTED_KEYS_H

#include "services/notary/documents/public_key.h"

#define TRUSTED_KEYS_MAX 64

struct trusted_keys {
    struct public_key list[TRUSTED_KEYS_MAX];
    size_t count;
};

/* Adds every "-----BEGIN PUBLIC KEY-----" block.  ERR_INVALID: there is none, or one is not PEM; ERR_UNSUPPORTED: one
 * is another kind of key; ERR_TOO_LARGE. */
MUST_USE enum err trusted_keys_add(struct trusted_keys *t, struct bytes pem);

bool trusted_keys_has(const struct trusted_keys *t, const struct public_key *key);

#endif
