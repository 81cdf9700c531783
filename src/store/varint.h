/* SPDX-License-Identifier: Apache-2.0
 *
 * varint.h - whole numbers in few bytes: seven bits a byte, the lowest first, the high bit set in all but the last.
 *
 * Pure functions.  May call: base/.
 */
#ifndef STORE_VARINT_H
#define STORE_VARINT_H

#include "base/bytes.h"

#define VARINT_MAX 10u

/* Returns its length, at most VARINT_MAX; with `to` NULL it only counts. */
static inline size_t varint_put(uint8_t *to, uint64_t value)
{
    size_t len = 0;

    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        if (to)
            to[len] = byte;
        len++;
        value >>= 7;
    } while (value > 0);
    return len;
}

/* Takes one off `from`; false: it is cut off, or has more than 64 bits. */
static inline bool varint_take(struct bytes *from, uint64_t *value)
{
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 64 && from->len > 0; shift += 7) {
        const uint8_t byte = from->data[0];
        *from = bytes_of(from->data + 1, from->len - 1);
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value = sum;
            return true;
        }
    }
    return false;
}

static inline bool varint_take_u32(struct bytes *from, uint32_t *value)
{
    uint64_t wide;

    if (!varint_take(from, &wide) || wide > UINT32_MAX)
        return false;
    *value = (uint32_t)wide;
    return true;
}

#endif
