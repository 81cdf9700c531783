/* SPDX-License-Identifier: Apache-2.0
 *
 * checksum_test.c - published vectors, and the processor against the table.
 */
#include "base/base_test.h"

#include "base/checksum.h"
#include "base/crc32c.h"
#include "base/random.h"

static void crc32c_gives_the_values_of_rfc_3720(void **state)
{
    uint8_t raw[32];

    assert_int_equal(crc32c(0, bytes_of_text("123456789")), 0xe3069283);
    assert_int_equal(crc32c(0, bytes_of(NULL, 0)), 0);
    memset(raw, 0, sizeof raw);
    assert_int_equal(crc32c(0, bytes_of(raw, sizeof raw)), 0x8a9136aa);
    memset(raw, 0xff, sizeof raw);
    assert_int_equal(crc32c(0, bytes_of(raw, sizeof raw)), 0x62a8ab43);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes_of(raw, sizeof raw)), 0x46dd794e);
}

static void a_checksum_continues_over_any_split_and_alignment(void **state)
{
    struct random random;
    uint8_t raw[300];

    random_init(&random, 1);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)random_next(&random);
    for (size_t len = 0; len < 64; len++) {
        size_t offset = random_below(&random, 8), split = random_below(&random, len + 1);
        uint32_t first = crc32c(0, bytes_of(raw + offset, split));

        assert_int_equal(crc32c(first, bytes_of(raw + offset + split, len - split)),
                         crc32c(0, bytes_of(raw + offset, len)));
    }
}

static void the_processor_agrees_with_the_table(void **state)
{
    struct random random;
    static uint8_t raw[40000]; /* more than what is taken in several streams at once */

    if (!crc32c_hardware_has())
        skip();
    random_init(&random, 2);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)random_next(&random);
    for (size_t len = 0; len <= sizeof raw; len += len < 2000 ? 1 : 1 + random_below(&random, 200)) {
        uint32_t start = (uint32_t)random_next(&random);
        assert_int_equal(crc32c_hardware(start, bytes_of(raw, len)), crc32c_table(start, bytes_of(raw, len)));
    }
}

/* x^n modulo the polynomial, bit 31 being x^0. */
static uint32_t power_of_x(size_t n)
{
    uint32_t power = UINT32_C(1) << 31;

    for (; n > 0; n--)
        power = power >> 1 ^ (power & 1 ? 0x82f63b78 : 0);
    return power;
}

static void what_puts_streams_together_follows_from_the_polynomial(void **state)
{
    size_t count;
    const struct crc32c_stride *strides = crc32c_strides(&count);

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strides[i].bytes % 8, 0);
        assert_int_equal(strides[i].once, power_of_x(8 * strides[i].bytes - 33));
        assert_int_equal(strides[i].twice, power_of_x(16 * strides[i].bytes - 33));
    }
}

static void two_checksums_joined_are_that_of_both(void **state)
{
    struct random random;
    uint8_t raw[3000];

    random_init(&random, 3);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)random_next(&random);
    for (size_t len = 0; len <= sizeof raw; len += 1 + random_below(&random, 50)) {
        const size_t split = random_below(&random, len + 1);
        const uint32_t a = crc32c(0, bytes_of(raw, split)), b = crc32c(0, bytes_of(raw + split, len - split));
        assert_int_equal(crc32c_join(a, b, len - split), crc32c(0, bytes_of(raw, len)));
    }
}

static void a_checksum_is_moved_over_any_length_as_by_multiplications(void **state)
{
    struct random random;

    if (!crc32c_hardware_has())
        skip();
    random_init(&random, 4);
    for (unsigned bits = 0; bits < 64; bits++) {
        const uint32_t crc = (uint32_t)random_next(&random);
        const uint64_t len = UINT64_C(1) << bits;
        assert_int_equal(crc32c_moved_hardware(crc, len), crc32c_moved_table(crc, len));
        assert_int_equal(crc32c_moved_hardware(crc, len - 1), crc32c_moved_table(crc, len - 1));
    }
}

static void murmur3_gives_the_published_values(void **state)
{
    assert_int_equal(murmur3_32(bytes_of_text(""), 0), 0);
    assert_int_equal(murmur3_32(bytes_of_text(""), 1), 0x514e28b7);
    assert_int_equal(murmur3_32(bytes_of_text(""), 0xffffffff), 0x81f16f39);
    assert_int_equal(murmur3_32(bytes_of_text("aaaa"), 0x9747b28c), 0x5a97808a);
    assert_int_equal(murmur3_32(bytes_of_text("aaa"), 0x9747b28c), 0x283e0130);
    assert_int_equal(murmur3_32(bytes_of_text("aa"), 0x9747b28c), 0x5d211726);
    assert_int_equal(murmur3_32(bytes_of_text("a"), 0x9747b28c), 0x7fa09ea6);
    assert_int_equal(murmur3_32(bytes_of_text("Hello, world!"), 0x9747b28c), 0x24884cba);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_values_of_rfc_3720),
        cmocka_unit_test(a_checksum_continues_over_any_split_and_alignment),
        cmocka_unit_test(the_processor_agrees_with_the_table),
        cmocka_unit_test(two_checksums_joined_are_that_of_both),
        cmocka_unit_test(a_checksum_is_moved_over_any_length_as_by_multiplications),
        cmocka_unit_test(what_puts_streams_together_follows_from_the_polynomial),
        cmocka_unit_test(murmur3_gives_the_published_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
