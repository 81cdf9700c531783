/* SPDX-License-Identifier: Apache-2.0
 *
 * codec_fuzz.c - any bytes as a compressed payload: the first says how, three more how large it claims to be.  And the
 * same bytes there and back.
 */
#include "fuzz.h"

#include "wire/codec.h"

#include <string.h>

static void there_and_back(enum codec codec, struct bytes in)
{
    const size_t bound = codec_bound(codec, in.len);
    uint8_t *packed = malloc(bound + 1), *again = malloc(in.len + 1);
    size_t len = 0;

    HOLDS(packed && again);
    HOLDS(codec_compress(codec, in, packed, bound, &len) == OK && len <= bound);
    HOLDS(codec_plausible((int)codec, len, in.len));
    HOLDS(codec_decompress((int)codec, bytes_of(packed, len), again, in.len) == OK);
    HOLDS(in.len == 0 || memcmp(again, in.data, in.len) == 0);
    free(packed);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    const int codec = data[0] % (CODECS + 1);
    const size_t claimed = ((size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3]) % (1u << 18);
    const struct bytes in = bytes_of(data + 4, size - 4);
    uint8_t *out = malloc(claimed + 1);

    HOLDS(out != NULL);
    if (codec_decompress(codec, in, out, claimed) == OK)
        HOLDS(codec < CODECS && codec_plausible(codec, in.len, claimed));
    free(out);
    if (codec < CODECS)
        there_and_back((enum codec)codec, in);
    return 0;
}
