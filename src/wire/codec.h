/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.h - the compressions of the protocol: LZ4 block, zlib, Zstandard frame, Snappy raw.
 *
 * Numbers are those of the wire's CompressionType, and of pulsar_compression_type.  Pure; may call: base/ and the
 * compression libraries.
 */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "base/bytes.h"
#include "base/err.h"

enum codec { CODEC_NONE = 0, CODEC_LZ4 = 1, CODEC_ZLIB = 2, CODEC_ZSTD = 3, CODEC_SNAPPY = 4, CODECS };

/* Room that codec_compress may need for `len` bytes. */
size_t codec_bound(enum codec codec, size_t len);

/* Writes into `out`, which has codec_bound bytes; *written <= size.  ERR_NOMEM; ERR_TOO_LARGE. */
MUST_USE enum err codec_compress(enum codec codec, struct bytes in, uint8_t *out, size_t size, size_t *written);

/* Fills exactly `size` bytes, the uncompressed size that came with `in`.  ERR_CORRUPT: `in` is not that much in this
 * codec.  ERR_UNSUPPORTED: a codec that we do not know.  ERR_NOMEM. */
MUST_USE enum err codec_decompress(int codec, struct bytes in, uint8_t *out, size_t size);

/* Whether `len` compressed bytes can be `size`: false for what no compressor makes.  Asked before there is memory for
 * what somebody claims; true says little. */
bool codec_plausible(int codec, size_t len, size_t size);

#endif
