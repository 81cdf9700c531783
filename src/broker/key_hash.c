/* SPDX-License-Identifier: Apache-2.0
 *
 * key_hash.c - see key_hash.h.
 */
#include "broker/key_hash.h"

#include "base/checksum.h"
#include "wire/entry_view.h"

#include <inttypes.h>
#include <stdio.h>

#define DECODED_MAX 3072 /* longer keys in base64 are hashed as they are written */

uint32_t key_hash_of(struct bytes key)
{
    return murmur3_32(key, 0) & INT32_MAX;
}

static uint32_t hash_of_nothing(void)
{
    return key_hash_of(bytes_of_text("NONE_KEY"));
}

/* -1: not of the alphabet. */
static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* The text without its padding, which may be missing, but not be wrong.  False: it is. */
static bool strip_padding(struct bytes *text)
{
    size_t len = text->len;

    while (len > 0 && text->data[len - 1] == '=')
        len--;
    bool right = len == text->len || (text->len % 4 == 0 && text->len - len <= 2);
    text->len = len;
    return right && len % 4 != 1;
}

/* False: it is not base64. */
static bool base64_decode(struct bytes text, uint8_t *to, size_t *len)
{
    uint32_t bits = 0;
    unsigned held = 0;

    *len = 0;
    if (!strip_padding(&text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[(*len)++] = (uint8_t)(bits >> held);
        }
    }
    return true;
}

static uint32_t hash_of_base64(struct bytes text)
{
    uint8_t key[DECODED_MAX];
    size_t len;

    if (text.len > DECODED_MAX / 3 * 4)
        return key_hash_of(text);
    return base64_decode(text, key, &len) ? key_hash_of(bytes_of(key, len)) : hash_of_nothing();
}

/* Producers' names have an upper bound of about a thousand bytes; what is longer counts by its beginning. */
static uint32_t hash_of_sequence(const struct metadata *m)
{
    char key[1200];
    const size_t name = m->producer_name.len < 1100 ? m->producer_name.len : 1100;

    memcpy(key, m->producer_name.data, name);
    int digits = snprintf(key + name, sizeof key - name, "-%" PRIu64, m->sequence_id);
    return key_hash_of(bytes_of(key, name + (size_t)digits));
}

uint32_t key_hash_of_entry(struct bytes entry)
{
    struct entry_view view;
    const struct metadata *m = &view.metadata;

    if (entry_view_decode(entry, &view) != OK)
        return hash_of_nothing();
    if (m->has_ordering_key)
        return key_hash_of(m->ordering_key);
    if (m->has_partition_key)
        return m->partition_key_is_base64 ? hash_of_base64(m->partition_key) : key_hash_of(m->partition_key);
    return hash_of_sequence(m);
}
