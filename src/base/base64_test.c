/* SPDX-License-Identifier: Apache-2.0
 *
 * base64_test.c - the examples of RFC 4648, and what is refused.
 */
#include "base/base64.h"
#include "base/base_test.h"

typedef void (*encoder)(struct text *out, struct bytes bytes);
typedef enum err (*decoder)(struct bytes text, uint8_t *to, size_t size, size_t *len);

static void both_ways(encoder encode, decoder decode, const char *bytes, const char *digits)
{
    struct text out;
    uint8_t back[16];
    size_t len = 99;

    text_init(&out, 64);
    encode(&out, bytes_of_text(bytes));
    assert_string_equal(out.data ? out.data : "", digits);
    text_deinit(&out);
    assert_int_equal(decode(bytes_of_text(digits), back, sizeof back, &len), OK);
    assert_int_equal(len, strlen(bytes));
    assert_memory_equal(back, bytes, len);
}

static void the_examples_of_the_rfc_hold(void **state)
{
    static const char *const pairs[][3] = {{"", "", ""},
                                           {"f", "Zg==", "Zg"},
                                           {"fo", "Zm8=", "Zm8"},
                                           {"foo", "Zm9v", "Zm9v"},
                                           {"foob", "Zm9vYg==", "Zm9vYg"},
                                           {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                                           {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                                           {"\xfb\xff\xfe", "+//+", "-__-"}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        both_ways(base64_encode, base64_decode, pairs[i][0], pairs[i][1]);
        both_ways(base64url_encode, base64url_decode, pairs[i][0], pairs[i][2]);
    }
}

static void what_the_encoders_do_not_write_is_refused(void **state)
{
    static const char *const standard[] = {"Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "-__-", "Zg==Zg==", "Zm 9"};
    static const char *const for_urls[] = {"Z", "Zh", "Zm9=", "+//+", "Zg==", "Zm9vY", "Zm\n9"};
    uint8_t to[16];
    size_t len;

    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
        assert_int_equal(base64_decode(bytes_of_text(standard[i]), to, sizeof to, &len), ERR_INVALID);
    for (size_t i = 0; i < sizeof for_urls / sizeof for_urls[0]; i++)
        assert_int_equal(base64url_decode(bytes_of_text(for_urls[i]), to, sizeof to, &len), ERR_INVALID);
}

static void no_more_is_written_than_fits(void **state)
{
    uint8_t to[2];
    size_t len;

    assert_int_equal(base64_decode(bytes_of_text("Zm9v"), to, sizeof to, &len), ERR_TOO_LARGE);
    assert_int_equal(base64url_decode(bytes_of_text("Zm8"), to, sizeof to, &len), OK);
    assert_int_equal(base64url_decode(bytes_of_text("Zm9v"), to, sizeof to, &len), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_hold),
        cmocka_unit_test(what_the_encoders_do_not_write_is_refused),
        cmocka_unit_test(no_more_is_written_than_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
