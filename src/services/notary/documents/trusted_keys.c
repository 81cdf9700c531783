/* SPDX-License-Identifier: Apache-2.0
 *
 * trusted_keys.c - block after block.
 */
#include "services/notary/documents/trusted_keys.h"

static const char end_line[] = "-----END PUBLIC KEY-----";

/* What follows the first block; empty without one. */
static struct bytes after_block(struct bytes pem)
{
    const uint8_t *end = pem.len ? memmem(pem.data, pem.len, end_line, sizeof end_line - 1) : NULL;

    if (!end)
        return bytes_of(NULL, 0);
    end += sizeof end_line - 1;
    return bytes_of(end, (size_t)(pem.data + pem.len - end));
}

enum err trusted_keys_add(struct trusted_keys *t, struct bytes pem)
{
    enum err err;

    do {
        if (t->count == TRUSTED_KEYS_MAX)
            return ERR_TOO_LARGE;
        if ((err = public_key_from_pem(&t->list[t->count], pem)) != OK)
            return err;
        t->count++;
        pem = after_block(pem);
    } while (pem.len && memmem(pem.data, pem.len, "-----BEGIN ", 11));
    return OK;
}

bool trusted_keys_has(const struct trusted_keys *t, const struct public_key *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (public_key_equal(&t->list[i], key))
            return true;
    return false;
}
