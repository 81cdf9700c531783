/* SPDX-License-Identifier: Apache-2.0
 *
 * digest_test.c - SHA-256's known digests; hexadecimal and base64 that have one spelling only.
 */
#include "base/base_test.h"

#include "base/base64.h"
#include "services/notary/documents/digest.h"

static void the_digests_of_nothing_and_of_abc_are_the_known_ones(void **state)
{
    struct bytes parts[] = {bytes_of_text("a"), bytes_of_text(""), bytes_of_text("bc")};
    struct digest d = digest_of(bytes_of(NULL, 0));
    char hex[DIGEST_HEX_SIZE];

    digest_hex(&d, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    d = digest_of_parts(parts, 3);
    digest_hex(&d, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hexadecimal_reads_back_in_lower_case_only(void **state)
{
    struct digest d = digest_of(bytes_of_text("x")), back;
    char hex[DIGEST_HEX_SIZE];

    digest_hex(&d, hex);
    assert_true(digest_from_hex(&back, bytes_of_text(hex)));
    assert_true(digest_equal(&d, &back));
    for (size_t bit = 0; bit < DIGEST_HEX_LEN * 8; bit++) {
        hex[bit / 8] ^= (char)(1 << bit % 8);
        assert_true(!digest_from_hex(&back, bytes_of(hex, DIGEST_HEX_LEN)) || !digest_equal(&d, &back));
        hex[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_false(digest_from_hex(&back, bytes_of(hex, DIGEST_HEX_LEN - 1)));
}

static void the_base64_samples_of_rfc_4648_go_both_ways(void **state)
{
    static const char *const samples[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xfb\xff\xbf", "+/+/"}};

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct text out;
        uint8_t back[16];
        size_t len = 99;
        text_init(&out, 100);
        text_add(&out, "");
        base64_encode(&out, bytes_of_text(samples[i][0]));
        assert_string_equal(out.data ? out.data : "", samples[i][1]);
        assert_int_equal(base64_decode(bytes_of_text(samples[i][1]), back, sizeof back, &len), OK);
        assert_int_equal(len, strlen(samples[i][0]));
        assert_memory_equal(back, samples[i][0], len);
        text_deinit(&out);
    }
}

static void base64_that_the_encoder_would_not_write_is_refused(void **state)
{
    static const char *const wrong[] = {
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-_", "Z g="};
    uint8_t to[16];
    size_t len;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(base64_decode(bytes_of_text(wrong[i]), to, sizeof to, &len), ERR_INVALID);
    assert_int_equal(base64_decode(bytes_of_text("Zm9vYmFy"), to, 5, &len), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digests_of_nothing_and_of_abc_are_the_known_ones),
        cmocka_unit_test(hexadecimal_reads_back_in_lower_case_only),
        cmocka_unit_test(the_base64_samples_of_rfc_4648_go_both_ways),
        cmocka_unit_test(base64_that_the_encoder_would_not_write_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
