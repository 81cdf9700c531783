/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c_x86.c - CRC32C with the instructions of SSE4.2 and PCLMULQDQ, asked for at run time.
 *
 * One crc32 instruction waits three cycles for the one before it, and another may begin in each of them.  So long bytes
 * are taken in three streams, side by side, whose results are put together: the CRC of AB is that of A, multiplied by
 * x^(8 * length of B), plus that of B alone, all modulo the polynomial.  With bits reflected, as they are here, the
 * carry-less product of two 32-bit numbers fed to the crc32 instruction is their product times x^33 modulo the
 * polynomial; therefore the factors below are x^(8n - 33).  They were computed by that many multiplications of 1 by x:
 * shift right, and add 0x82f63b78 when a bit falls out.  checksum_test.c does so again.
 */
#include "base/crc32c.h"

#include <nmmintrin.h>
#include <wmmintrin.h>

#define TARGET __attribute__((target("sse4.2,pclmul")))

bool crc32c_hardware_has(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

enum { WIDE, NARROW };

static const struct crc32c_stride strides[] = {
    [WIDE] = {4096, 0x82f89c77, 0x54a86326},
    [NARROW] = {256, 0xb9e02b86, 0xdd7e3b0c},
};

const struct crc32c_stride *crc32c_strides(size_t *count)
{
    *count = sizeof strides / sizeof strides[0];
    return strides;
}

TARGET static uint32_t moved(uint32_t crc, uint32_t by)
{
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)crc), _mm_cvtsi32_si128((int)by), 0);
    return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* x^(8 * 2^k - 33) for each k; after 31 of them they begin again, for x^(2^31 - 1) is 1 modulo this polynomial. */
static const uint32_t doublings[31] = {
    0xbf818109, 0x780d5a4d, 0x05ec76f1, 0x00000001, 0x493c7d27, 0xba4fc28e, 0x9e4addf8, 0x0d3b6092,
    0xb9e02b86, 0xdd7e3b0c, 0x170076fa, 0xa51b6135, 0x82f89c77, 0x54a86326, 0x1dc403cc, 0x5ae703ab,
    0xc5013a36, 0xac2ac6dd, 0x9b4615a9, 0x688d1c61, 0xf6af14e6, 0xb6ffe386, 0xb717425b, 0x478b0d30,
    0x54cc62e5, 0x7b2102ee, 0x8a99adef, 0xa7568c8f, 0xd610d67e, 0x6b086b3f, 0xd94f3c0b,
};

TARGET uint32_t crc32c_moved_hardware(uint32_t crc, uint64_t len)
{
    for (; len > 0; len &= len - 1)
        crc = moved(crc, doublings[(unsigned)__builtin_ctzll(len) % 31]);
    return crc;
}

size_t crc32c_short_hardware(void)
{
    return 512; /* a dozen cycles for each bit of the length */
}

/* Three strides of bytes. */
TARGET static uint32_t three_streams(uint32_t crc, const uint8_t *at, const struct crc32c_stride *s)
{
    const uint8_t *end = at + s->bytes;
    uint64_t a = crc, b = 0, c = 0;

    for (; at < end; at += 8) {
        a = _mm_crc32_u64(a, le64_get(at));
        b = _mm_crc32_u64(b, le64_get(at + s->bytes));
        c = _mm_crc32_u64(c, le64_get(at + 2 * s->bytes));
    }
    return moved((uint32_t)a, s->twice) ^ moved((uint32_t)b, s->once) ^ (uint32_t)c;
}

TARGET uint32_t crc32c_hardware(uint32_t crc, struct bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;

    crc = ~crc;
    for (size_t i = WIDE; i <= NARROW; i++) {
        const size_t step = 3 * strides[i].bytes;
        for (; left >= step; at += step, left -= step)
            crc = three_streams(crc, at, &strides[i]);
    }
    uint64_t rest = crc;
    for (; left >= 8; at += 8, left -= 8)
        rest = _mm_crc32_u64(rest, le64_get(at));
    crc = (uint32_t)rest;
    for (; left > 0; at++, left--)
        crc = _mm_crc32_u8(crc, *at);
    return ~crc;
}
