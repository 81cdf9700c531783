/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c_arm.c - CRC32C with the instructions of ARMv8's CRC extension, asked for at run time.
 */
#include "base/crc32c.h"

#include <sys/auxv.h>

#define HWCAP_CRC32_BIT (1ul << 7) /* as in the kernel's asm/hwcap.h of arm64 */

bool crc32c_hardware_has(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32_BIT) != 0;
}

__attribute__((target("+crc"))) uint32_t crc32c_hardware(uint32_t crc, struct bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;

    crc = ~crc;
    for (; left >= 8; at += 8, left -= 8)
        crc = __builtin_aarch64_crc32cx(crc, le64_get(at));
    for (; left > 0; at++, left--)
        crc = __builtin_aarch64_crc32cb(crc, *at);
    return ~crc;
}

uint32_t crc32c_moved_hardware(uint32_t crc, uint64_t len)
{
    return crc32c_moved_table(crc, len);
}

size_t crc32c_short_hardware(void)
{
    return CRC32C_SHORT_TABLE;
}

const struct crc32c_stride *crc32c_strides(size_t *count)
{
    *count = 0;
    return NULL;
}
