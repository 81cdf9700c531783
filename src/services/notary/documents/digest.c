/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.c - libcrypto's SHA-256 on a context of the stack.
 *
 * OpenSSL 3 calls these functions deprecated in favour of EVP, whose contexts are allocated and may therefore fail.
 * A hash that cannot fail keeps an error path out of every function above; the functions stay in all of 3.x.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "services/notary/documents/digest.h"

#include <assert.h>
#include <openssl/sha.h>

static_assert(SHA256_DIGEST_LENGTH == DIGEST_LEN, "one length of a SHA-256");

struct digest digest_of(struct bytes bytes)
{
    return digest_of_parts(&bytes, 1);
}

struct digest digest_of_parts(const struct bytes *parts, size_t count)
{
    struct digest out;
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    for (size_t i = 0; i < count; i++)
        SHA256_Update(&ctx, parts[i].data, parts[i].len);
    SHA256_Final(out.bytes, &ctx);
    return out;
}

void digest_hex(const struct digest *d, char to[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_LEN; i++) {
        to[2 * i] = digits[d->bytes[i] >> 4];
        to[2 * i + 1] = digits[d->bytes[i] & 15];
    }
    to[DIGEST_HEX_LEN] = '\0';
}

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool digest_from_hex(struct digest *out, struct bytes hex)
{
    struct digest d;

    if (hex.len != DIGEST_HEX_LEN)
        return false;
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        int high = nibble(hex.data[2 * i]), low = nibble(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        d.bytes[i] = (uint8_t)(high * 16 + low);
    }
    *out = d;
    return true;
}
