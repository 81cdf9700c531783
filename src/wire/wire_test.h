/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_test.h - what this room's tests share: bytes written as hex digits, as the specification shows them.
 */
#ifndef WIRE_WIRE_TEST_H
#define WIRE_WIRE_TEST_H

#include "base/base_test.h"

#include "base/bytes.h"

static inline unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Blanks are skipped. */
static inline struct bytes hex_into(uint8_t *to, const char *digits)
{
    size_t nibbles = 0;

    for (; *digits; digits++) {
        if (*digits == ' ')
            continue;
        to[nibbles / 2] = (uint8_t)(nibbles % 2 ? to[nibbles / 2] << 4 | hex_digit(*digits) : hex_digit(*digits));
        nibbles++;
    }
    assert_int_equal(nibbles % 2, 0);
    return bytes_of(to, nibbles / 2);
}

/* Lives as long as the block it stands in. */
#define HEX(digits) hex_into((uint8_t[sizeof(digits) / 2 + 1]){0}, digits)

static inline void assert_bytes_equal(struct bytes got, struct bytes wanted)
{
    assert_int_equal(got.len, wanted.len);
    if (wanted.len > 0)
        assert_memory_equal(got.data, wanted.data, wanted.len);
}

static inline void assert_text_equal(struct bytes got, const char *wanted)
{
    assert_bytes_equal(got, bytes_of_text(wanted));
}

#endif
