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

/* The checksum `crc`, moved over `len` bytes: that of them joined to it is the sum of the two. */
uint32_t crc32c_moved_table(uint32_t crc, uint64_t len);
uint32_t crc32c_moved_hardware(uint32_t crc, uint64_t len); /* only where crc32c_hardware_has() */
#define CRC32C_SHORT_TABLE 8192u /* bytes: over fewer it takes longer than to checksum them */
size_t crc32c_short_hardware(void);

/* What moves a CRC over n and over 2n bytes, where long bytes are taken in several streams: x^(8n - 33) and
 * x^(16n - 33) modulo the polynomial, bit 31 being x^0. */
struct crc32c_stride {
    size_t bytes; /* n, of each stream: a multiple of 8 */
    uint32_t once, twice;
};

/* The factors that this processor's file has; for the test, which computes them from the polynomial. */
const struct crc32c_stride *crc32c_strides(size_t *count);

#endif
