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

const struct crc32c_stride *crc32c_strides(size_t *count)
{
    *count = 0;
    return NULL;
}
