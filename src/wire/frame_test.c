/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_test.c - frames found in a filling buffer.
 */
#include "wire/wire_test.h"

#include "wire/frame.h"

enum { LIMIT = 1000 };

/* PING: type 18, and an empty body as field 18. */
static const char ping[] = "00000009 00000005 08 12 9201 00";

static void a_frame_without_an_entry_is_split(void **state)
{
    struct frame frame;
    size_t need = 0;

    assert_int_equal(frame_peek(HEX("00000009 00000005 0812920100"), LIMIT, &need), OK);
    assert_int_equal(need, 13);
    assert_int_equal(frame_decode(HEX("00000009 00000005 0812920100"), &frame), OK);
    assert_bytes_equal(frame.command, HEX("0812920100"));
    assert_int_equal(frame.entry.len, 0);
}

static void what_follows_the_command_is_the_entry(void **state)
{
    struct frame frame;

    assert_int_equal(frame_decode(HEX("00000009 00000002 aabb 010203"), &frame), OK);
    assert_bytes_equal(frame.command, HEX("aabb"));
    assert_bytes_equal(frame.entry, HEX("010203"));
}

static void every_prefix_of_a_frame_asks_for_more(void **state)
{
    uint8_t store[sizeof ping];
    struct bytes whole = hex_into(store, ping);

    for (size_t len = 0; len < whole.len; len++) {
        size_t need = 0;
        assert_int_equal(frame_peek(bytes_of(whole.data, len), LIMIT, &need), OK);
        assert_true(need > len);
        assert_true(need <= whole.len);
    }
}

static void a_following_frame_does_not_count(void **state)
{
    size_t need = 0;

    assert_int_equal(frame_peek(HEX("00000005 00000001 08 00000009"), LIMIT, &need), OK);
    assert_int_equal(need, 9);
}

static void a_size_beyond_the_limit_is_refused_from_four_bytes(void **state)
{
    size_t need = 0;

    assert_int_equal(frame_peek(HEX("000003e8"), LIMIT, &need), OK);
    assert_int_equal(need, 1004);
    assert_int_equal(frame_peek(HEX("000003e9"), LIMIT, &need), ERR_TOO_LARGE);
    assert_int_equal(frame_peek(HEX("ffffffff"), LIMIT, &need), ERR_TOO_LARGE);
}

static void text_of_another_protocol_is_too_large(void **state)
{
    size_t need = 0;

    assert_int_equal(frame_peek(bytes_of_text("GET / HTTP/1.1"), frame_limit(FRAME_MESSAGE_SIZE_MAX), &need),
                     ERR_TOO_LARGE);
}

static void a_frame_too_short_for_a_command_size_is_refused(void **state)
{
    struct frame frame;
    size_t need = 0;

    assert_int_equal(frame_peek(HEX("00000003"), LIMIT, &need), ERR_PROTOCOL);
    assert_int_equal(frame_peek(HEX("00000000"), LIMIT, &need), ERR_PROTOCOL);
    assert_int_equal(frame_decode(HEX("00000003 000000"), &frame), ERR_PROTOCOL);
}

static void a_command_larger_than_its_frame_is_refused_from_eight_bytes(void **state)
{
    struct frame frame;
    size_t need = 0;

    assert_int_equal(frame_peek(HEX("00000006 00000003"), LIMIT, &need), ERR_PROTOCOL);
    assert_int_equal(frame_peek(HEX("00000006 ffffffff"), LIMIT, &need), ERR_PROTOCOL);
    assert_int_equal(frame_decode(HEX("00000006 00000003 aabb"), &frame), ERR_PROTOCOL);
}

static void the_head_is_written_as_it_is_read(void **state)
{
    uint8_t head[FRAME_HEAD_SIZE];

    frame_head_encode(head, 5, 0);
    assert_bytes_equal(bytes_of(head, sizeof head), HEX("00000009 00000005"));
    frame_head_encode(head, 2, 3);
    assert_bytes_equal(bytes_of(head, sizeof head), HEX("00000009 00000002"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_without_an_entry_is_split),
        cmocka_unit_test(what_follows_the_command_is_the_entry),
        cmocka_unit_test(every_prefix_of_a_frame_asks_for_more),
        cmocka_unit_test(a_following_frame_does_not_count),
        cmocka_unit_test(a_size_beyond_the_limit_is_refused_from_four_bytes),
        cmocka_unit_test(text_of_another_protocol_is_too_large),
        cmocka_unit_test(a_frame_too_short_for_a_command_size_is_refused),
        cmocka_unit_test(a_command_larger_than_its_frame_is_refused_from_eight_bytes),
        cmocka_unit_test(the_head_is_written_as_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
