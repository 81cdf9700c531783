/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c.h - private to checksum.c, its per-architecture files and its test.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/bytes.h"

uint32_t crc32c_table(uint32_t crc, struct bytes bytes);

bool crc32c_hardware_has(void);
uint32_t crc32c_hardware(uint32_t crc, struct bytes bytes); /* only where crc32c_hardware_has() */

#endif
