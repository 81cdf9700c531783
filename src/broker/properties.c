/* SPDX-License-Identifier: Apache-2.0
 *
 * properties.c - see properties.h.
 */
#include "broker/properties.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LENGTHS (2 + 2) /* before a key, and before a value */

static unsigned count_of(struct bytes encoded)
{
    return encoded.len ? le16_get(encoded.data) : 0;
}

/* The property at *at, and *at behind it.  False: there is none, or what is there is none. */
static bool step(struct bytes from, size_t *at, struct property *out)
{
    const size_t left = from.len - *at;

    if (left < 2)
        return false;
    const size_t key = le16_get(from.data + *at);
    if (left < LENGTHS + key)
        return false;
    const size_t value = le16_get(from.data + *at + 2 + key);
    if (key == 0 || left < LENGTHS + key + value)
        return false;
    out->key = bytes_of(from.data + *at + 2, key);
    out->value = bytes_of(from.data + *at + LENGTHS + key, value);
    *at += LENGTHS + key + value;
    return true;
}

bool properties_next(struct bytes encoded, size_t *at, struct property *out)
{
    if (*at == 0)
        *at = 2;
    return encoded.len > *at && step(encoded, at, out);
}

struct bytes properties_find(struct bytes encoded, struct bytes key)
{
    struct property p;

    for (size_t at = 0; properties_next(encoded, &at, &p);) {
        if (bytes_equal(p.key, key))
            return p.value;
    }
    return bytes_of(NULL, 0);
}

/* Where the first with this key, or a greater one, begins. */
static size_t place_of(struct bytes encoded, struct bytes key)
{
    size_t at = 0, before = 2;
    struct property p;

    while (properties_next(encoded, &at, &p) && bytes_compare(p.key, key) < 0)
        before = at;
    return before;
}

void properties_remove(struct bytes *encoded, uint8_t *to, struct bytes key)
{
    struct property p;
    size_t begin = place_of(*encoded, key), end = begin;

    if (!properties_next(*encoded, &end, &p) || !bytes_equal(p.key, key))
        return;
    assert(encoded->data == to);
    memmove(to + begin, to + end, encoded->len - end);
    le16_put(to, (uint16_t)(count_of(*encoded) - 1));
    encoded->len = count_of(*encoded) ? encoded->len - (end - begin) : 0;
}

enum err properties_put(struct bytes *encoded, uint8_t *to, struct property p)
{
    const struct bytes old = properties_find(*encoded, p.key);
    const size_t len = LENGTHS + p.key.len + p.value.len;
    const size_t freed = old.data ? LENGTHS + p.key.len + old.len : 0;
    const size_t before = encoded->len ? encoded->len : 2;

    if (p.key.len == 0 || p.key.len > UINT16_MAX || p.value.len > UINT16_MAX)
        return ERR_INVALID;
    if (before - freed + len > PROPERTIES_BYTES_MAX)
        return ERR_TOO_LARGE;
    properties_remove(encoded, to, p.key);
    const unsigned count = count_of(*encoded);
    if (count == 0)
        *encoded = bytes_of(to, 2);
    assert(encoded->data == to);
    const size_t at = place_of(*encoded, p.key);
    memmove(to + at + len, to + at, encoded->len - at);
    le16_put(to, (uint16_t)(count + 1));
    le16_put(to + at, (uint16_t)p.key.len);
    memcpy(to + at + 2, p.key.data, p.key.len);
    le16_put(to + at + 2 + p.key.len, (uint16_t)p.value.len);
    if (p.value.len)
        memcpy(to + at + LENGTHS + p.key.len, p.value.data, p.value.len);
    encoded->len += len;
    return OK;
}

enum err properties_copy(uint8_t **out, struct bytes encoded)
{
    uint8_t *copy = NULL;

    if (encoded.len && !(copy = malloc(encoded.len)))
        return ERR_NOMEM;
    if (encoded.len)
        memcpy(copy, encoded.data, encoded.len);
    *out = copy;
    return OK;
}

enum err properties_decode(struct bytes *out, struct bytes *from)
{
    struct property p;
    size_t at = 2;

    if (from->len < 2)
        return ERR_CORRUPT;
    for (unsigned left = le16_get(from->data); left > 0; left--) {
        if (!step(*from, &at, &p))
            return ERR_CORRUPT;
    }
    *out = bytes_of(from->data, at > 2 ? at : 0);
    *from = bytes_of(from->data + at, from->len - at);
    return OK;
}
