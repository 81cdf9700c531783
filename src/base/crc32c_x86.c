/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c_x86.c - CRC32C with the instruction of SSE4.2, asked for at run time.
 */
#include "base/crc32c.h"

#include <nmmintrin.h>

bool crc32c_hardware_has(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) uint32_t crc32c_hardware(uint32_t crc, struct bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;
    uint64_t wide = ~crc;

    for (; left >= 8; at += 8, left -= 8)
        wide = _mm_crc32_u64(wide, le64_get(at));
    crc = (uint32_t)wide;
    for (; left > 0; at++, left--)
        crc = _mm_crc32_u8(crc, *at);
    return ~crc;
}
