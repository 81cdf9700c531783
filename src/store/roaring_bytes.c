/* SPDX-License-Identifier: Apache-2.0
 *
 * roaring_bytes.c - a walk over the portable Roaring format that believes nothing.
 *
 *   without run containers            with run containers
 *   0  u32 cookie 12346               0  u16 cookie 12347
 *   4  u32 containers n (<= 65536)    2  u16 n - 1
 *                                     4  (n + 7) / 8 bytes: bit i, container i holds runs
 *   then, n times: u16 key (ascending), u16 values - 1
 *   then, without runs or from n = 4 on, n times: u32 offset of the container
 *   then the containers, one behind the other:
 *     runs:                      u16 count, then count times: u16 first, u16 length - 1 (ascending, apart)
 *     up to 4096 values:         u16 each, ascending
 *     else:                      8192 bytes of bits
 * All little endian.
 */
#include "store/roaring_bytes.h"

#define COOKIE_NO_RUNS 12346u
#define COOKIE_RUNS    12347u
#define OFFSETS_FROM   4u
#define ARRAY_MAX      4096u
#define BITSET_BYTES   8192u

/* Takes `len` bytes off the front; NULL when there are not so many. */
static const uint8_t *take(struct bytes *b, size_t len)
{
    const uint8_t *at = b->data;

    if (b->len < len)
        return NULL;
    b->data += len;
    b->len -= len;
    return at;
}

static bool runs_valid(struct bytes *b, uint32_t values)
{
    const uint8_t *p = take(b, 2);
    uint32_t count = p ? le16_get(p) : 0, sum = 0, free_from = 0;

    if (!p || !(p = take(b, (size_t)count * 4)))
        return false;
    for (uint32_t i = 0; i < count; i++, p += 4) {
        uint32_t first = le16_get(p), last = first + le16_get(p + 2);
        if (first < free_from || last > UINT16_MAX)
            return false;
        sum += last - first + 1;
        free_from = last + 1;
    }
    return sum == values;
}

static bool array_valid(struct bytes *b, uint32_t values)
{
    const uint8_t *p = take(b, (size_t)values * 2);

    if (!p)
        return false;
    for (uint32_t i = 1; i < values; i++)
        if (le16_get(p + 2 * i) <= le16_get(p + 2 * (i - 1)))
            return false;
    return true;
}

static bool bitset_valid(struct bytes *b, uint32_t values)
{
    const uint8_t *p = take(b, BITSET_BYTES);
    uint32_t sum = 0;

    if (!p)
        return false;
    for (size_t i = 0; i < BITSET_BYTES; i += 8)
        sum += (uint32_t)__builtin_popcountll(le64_get(p + i));
    return sum == values;
}

static bool container_valid(struct bytes *b, bool runs, uint32_t values)
{
    if (runs)
        return runs_valid(b, values);
    return values <= ARRAY_MAX ? array_valid(b, values) : bitset_valid(b, values);
}

/* Reads up to the keys: the number of containers, and which hold runs (NULL: none does). */
static bool header_valid(struct bytes *b, uint32_t *containers, const uint8_t **runs)
{
    const uint8_t *p = take(b, 4);

    if (p && le16_get(p) == COOKIE_RUNS) {
        *containers = (uint32_t)le16_get(p + 2) + 1;
        *runs = take(b, (*containers + 7) / 8);
        return *runs != NULL;
    }
    if (!p || le32_get(p) != COOKIE_NO_RUNS || !(p = take(b, 4)))
        return false;
    *containers = le32_get(p);
    *runs = NULL;
    return *containers <= UINT16_MAX + 1u;
}

bool roaring_bytes_valid(struct bytes b, uint64_t *count)
{
    const uint8_t *start = b.data, *runs, *keys, *offsets = NULL;
    uint32_t n;

    if (!header_valid(&b, &n, &runs) || !(keys = take(&b, (size_t)n * 4)))
        return false;
    if ((!runs || n >= OFFSETS_FROM) && !(offsets = take(&b, (size_t)n * 4)))
        return false;
    *count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t values = (uint32_t)le16_get(keys + 4 * i + 2) + 1;
        if (i > 0 && le16_get(keys + 4 * i) <= le16_get(keys + 4 * (i - 1)))
            return false;
        if (offsets && le32_get(offsets + 4 * i) != (uint64_t)(b.data - start))
            return false;
        if (!container_valid(&b, runs && (runs[i / 8] >> (i % 8) & 1), values))
            return false;
        *count += values;
    }
    return b.len == 0;
}
