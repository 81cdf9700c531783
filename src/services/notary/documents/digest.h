/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.h - SHA-256, and its digests as hexadecimal text.
 *
 * Pure: no allocation, nothing can fail.  May call: base/, libcrypto.
 */
#ifndef SERVICES_NOTARY_DIGEST_H
#define SERVICES_NOTARY_DIGEST_H

#include "base/bytes.h"

#define DIGEST_LEN      32
#define DIGEST_HEX_LEN  64
#define DIGEST_HEX_SIZE (DIGEST_HEX_LEN + 1)

struct digest {
    uint8_t bytes[DIGEST_LEN];
};

struct digest digest_of(struct bytes bytes);

/* Of the parts one after the other. */
struct digest digest_of_parts(const struct bytes *parts, size_t count);

static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_LEN) == 0;
}

/* Lower case, NUL-terminated. */
void digest_hex(const struct digest *d, char to[DIGEST_HEX_SIZE]);

/* Accepts what digest_hex writes and nothing else: an upper-case digit is another text. */
bool digest_from_hex(struct digest *out, struct bytes hex);

#endif
