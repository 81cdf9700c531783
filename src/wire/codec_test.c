/* SPDX-License-Identifier: Apache-2.0
 *
 * codec_test.c - compressing and its way back.
 */
#include "base/base_test.h"
#include "base/random.h"
#include "wire/codec.h"

#include <stdlib.h>

static void fill(uint8_t *to, size_t len, bool compressible)
{
    struct random random;

    random_init(&random, 7);
    for (size_t i = 0; i < len; i++)
        to[i] = compressible ? (uint8_t)('a' + i % 13) : (uint8_t)random_next(&random);
}

static void there_and_back(enum codec codec, size_t len, bool compressible)
{
    size_t bound = codec_bound(codec, len), written;
    uint8_t *in = malloc(len + 1), *packed = malloc(bound + 1), *out = malloc(len + 1);

    fill(in, len, compressible);
    assert_int_equal(codec_compress(codec, bytes_of(in, len), packed, bound, &written), OK);
    assert_true(written <= bound);
    assert_int_equal(codec_decompress((int)codec, bytes_of(packed, written), out, len), OK);
    assert_memory_equal(in, out, len);
    if (compressible && codec != CODEC_NONE && len > 1000)
        assert_true(written < len / 2);
    free(in);
    free(packed);
    free(out);
}

static void every_codec_gives_back_what_it_was_given(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 5000, 300000};

    for (int codec = 0; codec < CODECS; codec++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            there_and_back((enum codec)codec, sizes[i], true);
            there_and_back((enum codec)codec, sizes[i], false);
        }
}

static void a_wrong_uncompressed_size_is_corrupt(void **state)
{
    uint8_t in[1000], packed[2000], out[2000];
    size_t written;

    fill(in, sizeof in, true);
    for (int codec = 0; codec < CODECS; codec++) {
        assert_int_equal(codec_compress((enum codec)codec, bytes_of(in, sizeof in), packed,
                                        codec_bound((enum codec)codec, sizeof in), &written),
                         OK);
        assert_int_equal(codec_decompress(codec, bytes_of(packed, written), out, sizeof in - 1), ERR_CORRUPT);
        assert_int_equal(codec_decompress(codec, bytes_of(packed, written), out, sizeof in + 1), ERR_CORRUPT);
    }
}

static void garbage_is_corrupt_and_never_more(void **state)
{
    uint8_t garbage[512], out[4096];

    fill(garbage, sizeof garbage, false);
    for (int codec = CODEC_LZ4; codec < CODECS; codec++)
        for (size_t len = 0; len <= sizeof garbage; len += 16)
            assert_int_equal(codec_decompress(codec, bytes_of(garbage, len), out, sizeof out), ERR_CORRUPT);
}

static void what_claims_to_be_more_than_any_compressor_makes_is_not_believed(void **state)
{
    static uint8_t zeros[4 << 20], packed[5 << 20];
    size_t written;

    for (int codec = CODEC_LZ4; codec < CODECS; codec++) {
        assert_int_equal(
            codec_compress((enum codec)codec, bytes_of(zeros, sizeof zeros), packed, sizeof packed, &written), OK);
        assert_true(codec_plausible(codec, written, sizeof zeros));
        assert_false(codec_plausible(codec, 10, 128u << 20));
    }
    assert_false(codec_plausible(CODEC_NONE, 10, 128u << 20));
    assert_true(codec_plausible(CODEC_ZSTD, 0, 0));
}

static void an_unknown_codec_is_unsupported(void **state)
{
    uint8_t byte = 0;

    assert_int_equal(codec_decompress(CODECS, bytes_of(&byte, 1), &byte, 1), ERR_UNSUPPORTED);
    assert_int_equal(codec_decompress(-1, bytes_of(&byte, 1), &byte, 1), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_gives_back_what_it_was_given),
        cmocka_unit_test(a_wrong_uncompressed_size_is_corrupt),
        cmocka_unit_test(garbage_is_corrupt_and_never_more),
        cmocka_unit_test(what_claims_to_be_more_than_any_compressor_makes_is_not_believed),
        cmocka_unit_test(an_unknown_codec_is_unsupported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
