/* SPDX-License-Identifier: Apache-2.0
 *
 * checksum.h - CRC32C (Castagnoli, RFC 3720 appendix B.4) and MurmurHash3 x86_32.
 *
 * CRC32C is the wire's and the store's checksum; SSE4.2 or ARMv8 instructions where the processor has
 * them, else a table.  Murmur3 is what Pulsar routes keys with.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include "base/bytes.h"

/* `crc` is 0 to begin with, or the result over the bytes before: crc32c(crc32c(0, a), b) is that of ab. */
uint32_t crc32c(uint32_t crc, struct bytes bytes);

/* That of ab, from those of a and of b alone. */
uint32_t crc32c_join(uint32_t a, uint32_t b, uint64_t len_b);
/* If b has fewer bytes, it is sooner done to checksum them (once more). */
size_t crc32c_join_least(void);

/* What is known of the end of some bytes: the CRC32C of the last `len` of them.  0: nothing. */
struct crc32c_tail {
    uint32_t len, crc;
};

uint32_t murmur3_32(struct bytes bytes, uint32_t seed);

#endif
