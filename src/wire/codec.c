/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.c - one row per compression: how large it may get, there, and back.
 *
 * The libraries take lengths as int or as their own types; a payload's length is far below INT_MAX (asserted).
 */
#include "wire/codec.h"

#include <assert.h>
#include <limits.h>
#include <lz4.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

struct codec_row {
    size_t (*bound)(size_t len);
    enum err (*compress)(struct bytes in, uint8_t *out, size_t size, size_t *written);
    enum err (*decompress)(struct bytes in, uint8_t *out, size_t size);
    size_t ratio; /* a byte becomes at most so many, and RATIO_SLACK over all */
};

#define RATIO_SLACK (128u * 1024)

static size_t none_bound(size_t len)
{
    return len;
}

static enum err none_compress(struct bytes in, uint8_t *out, size_t size, size_t *written)
{
    assert(in.len <= size);
    if (in.len)
        memcpy(out, in.data, in.len);
    *written = in.len;
    return OK;
}

static enum err none_decompress(struct bytes in, uint8_t *out, size_t size)
{
    if (in.len != size)
        return ERR_CORRUPT;
    if (size)
        memcpy(out, in.data, size);
    return OK;
}

static size_t lz4_bound(size_t len)
{
    return (size_t)LZ4_compressBound((int)len);
}

static enum err lz4_compress(struct bytes in, uint8_t *out, size_t size, size_t *written)
{
    int n = LZ4_compress_default((const char *)in.data, (char *)out, (int)in.len, (int)size);

    if (n <= 0)
        return ERR_TOO_LARGE;
    *written = (size_t)n;
    return OK;
}

static enum err lz4_decompress(struct bytes in, uint8_t *out, size_t size)
{
    int n = LZ4_decompress_safe((const char *)in.data, (char *)out, (int)in.len, (int)size);

    return n >= 0 && (size_t)n == size ? OK : ERR_CORRUPT;
}

static size_t zlib_bound(size_t len)
{
    return compressBound(len);
}

static enum err zlib_compress(struct bytes in, uint8_t *out, size_t size, size_t *written)
{
    uLongf n = size;
    int rc = compress(out, &n, in.data, in.len);

    if (rc != Z_OK)
        return rc == Z_MEM_ERROR ? ERR_NOMEM : ERR_TOO_LARGE;
    *written = n;
    return OK;
}

static enum err zlib_decompress(struct bytes in, uint8_t *out, size_t size)
{
    uLongf n = size;
    int rc = uncompress(out, &n, in.data, in.len);

    if (rc == Z_MEM_ERROR)
        return ERR_NOMEM;
    return rc == Z_OK && n == size ? OK : ERR_CORRUPT;
}

static size_t zstd_bound(size_t len)
{
    return ZSTD_compressBound(len);
}

static enum err zstd_compress(struct bytes in, uint8_t *out, size_t size, size_t *written)
{
    size_t n = ZSTD_compress(out, size, in.data, in.len, ZSTD_CLEVEL_DEFAULT);

    if (ZSTD_isError(n))
        return ERR_NOMEM; /* the bound was given, so nothing else can be short */
    *written = n;
    return OK;
}

static enum err zstd_decompress(struct bytes in, uint8_t *out, size_t size)
{
    size_t n = ZSTD_decompress(out, size, in.data, in.len);

    return !ZSTD_isError(n) && n == size ? OK : ERR_CORRUPT;
}

static size_t snappy_bound(size_t len)
{
    return snappy_max_compressed_length(len);
}

static enum err snappy_there(struct bytes in, uint8_t *out, size_t size, size_t *written)
{
    size_t n = size;

    if (snappy_compress((const char *)in.data, in.len, (char *)out, &n) != SNAPPY_OK)
        return ERR_TOO_LARGE;
    *written = n;
    return OK;
}

static enum err snappy_back(struct bytes in, uint8_t *out, size_t size)
{
    size_t n;

    if (snappy_uncompressed_length((const char *)in.data, in.len, &n) != SNAPPY_OK || n != size)
        return ERR_CORRUPT;
    if (snappy_uncompress((const char *)in.data, in.len, (char *)out, &n) != SNAPPY_OK || n != size)
        return ERR_CORRUPT;
    return OK;
}

static const struct codec_row codec_rows[CODECS] = {
    [CODEC_NONE] = {none_bound, none_compress, none_decompress, 1},
    [CODEC_LZ4] = {lz4_bound, lz4_compress, lz4_decompress, 255},
    [CODEC_ZLIB] = {zlib_bound, zlib_compress, zlib_decompress, 1032},
    [CODEC_ZSTD] = {zstd_bound, zstd_compress, zstd_decompress, 32768} /* a block of 4 bytes */,
    [CODEC_SNAPPY] = {snappy_bound, snappy_there, snappy_back, 32},
};

size_t codec_bound(enum codec codec, size_t len)
{
    assert(codec < CODECS);
    assert(len <= LZ4_MAX_INPUT_SIZE);
    return codec_rows[codec].bound(len);
}

enum err codec_compress(enum codec codec, struct bytes in, uint8_t *out, size_t size, size_t *written)
{
    assert(codec < CODECS);
    assert(in.len <= LZ4_MAX_INPUT_SIZE);
    assert(size <= INT_MAX);
    return codec_rows[codec].compress(in, out, size, written);
}

bool codec_plausible(int codec, size_t len, size_t size)
{
    if (codec < 0 || codec >= CODECS)
        return true; /* what is wrong with it is said by others */
    return size <= RATIO_SLACK || (size - RATIO_SLACK) / codec_rows[codec].ratio <= len;
}

enum err codec_decompress(int codec, struct bytes in, uint8_t *out, size_t size)
{
    if (codec < 0 || codec >= CODECS)
        return ERR_UNSUPPORTED;
    if (in.len > INT_MAX || size > INT_MAX)
        return ERR_CORRUPT;
    return codec_rows[codec].decompress(in, out, size);
}
