/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c_none.c - for processors without a CRC32C instruction that we know: the table serves.
 */
#include "base/crc32c.h"

#include <assert.h>

bool crc32c_hardware_has(void)
{
    return false;
}

uint32_t crc32c_hardware(uint32_t crc, struct bytes bytes)
{
    assert(crc32c_hardware_has()); /* never: nobody may come here */
    return crc32c_table(crc, bytes);
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
