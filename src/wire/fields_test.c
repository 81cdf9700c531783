/* SPDX-License-Identifier: Apache-2.0
 *
 * fields_test.c - protobuf by hand.
 */
#include "wire/wire_test.h"

#include "base/random.h"
#include "wire/fields.h"

static bool one_varint(struct bytes bytes, uint64_t *out)
{
    const uint8_t *at = bytes.data;

    return varint_get(&at, bytes.data + bytes.len, out) && at == bytes.data + bytes.len;
}

static void integers_are_read_seven_bits_a_byte(void **state)
{
    uint64_t v = 0;

    assert_true(one_varint(HEX("00"), &v) && v == 0);
    assert_true(one_varint(HEX("7f"), &v) && v == 127);
    assert_true(one_varint(HEX("8001"), &v) && v == 128);
    assert_true(one_varint(HEX("ac02"), &v) && v == 300);
    assert_true(one_varint(HEX("ffffffffffffffffff01"), &v) && v == UINT64_MAX);
    assert_true(one_varint(HEX("8000"), &v) && v == 0); /* padded */
}

static void an_integer_cut_short_or_too_long_is_refused(void **state)
{
    uint64_t v;

    assert_false(one_varint(HEX("80"), &v));
    assert_false(one_varint(HEX("ffffffffffffffffff02"), &v));
    assert_false(one_varint(HEX("8080808080808080808000"), &v));
}

static void integers_are_written_as_they_are_read(void **state)
{
    const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, (uint64_t)INT64_MAX, UINT64_MAX};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t out[VARINT_MAX];
        size_t len = (size_t)(varint_put(out, values[i]) - out);
        uint64_t back;
        assert_int_equal(len, varint_len(values[i]));
        assert_true(one_varint(bytes_of(out, len), &back));
        assert_true(back == values[i]);
    }
}

static void the_walk_gives_each_field_once_in_order(void **state)
{
    /* 1: varint 150; 2: "hi"; 3: 32 bits; 4: 64 bits; 100: varint 1 */
    struct fields walk = fields_of(HEX("089601 12026869 1d01000000 210200000000000000 a00601"));
    struct field f;

    assert_true(fields_next(&walk, &f));
    assert_int_equal(f.number, 1);
    assert_int_equal(f.value, 150);
    assert_true(fields_next(&walk, &f));
    assert_int_equal(f.number, 2);
    assert_text_equal(f.bytes, "hi");
    assert_true(fields_next(&walk, &f));
    assert_int_equal(f.kind, FIELD_32);
    assert_int_equal(f.value, 1);
    assert_true(fields_next(&walk, &f));
    assert_int_equal(f.kind, FIELD_64);
    assert_int_equal(f.value, 2);
    assert_true(fields_next(&walk, &f));
    assert_int_equal(f.number, 100);
    assert_false(fields_next(&walk, &f));
    assert_false(walk.broken);
}

static void an_empty_message_has_no_fields(void **state)
{
    struct fields walk = fields_of(bytes_of(NULL, 0));
    struct field f;

    assert_false(fields_next(&walk, &f));
    assert_false(walk.broken);
}

static void the_walk_ends_broken_at_bytes_that_are_no_field(void **state)
{
    const char *broken[] = {"08",   "0a05616263", "0d000000",     "0900000000000000",
                            "0b",   "0c",         "ffffffffff01", "0affffffffff01",
                            "0005", "800005"};

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        uint8_t store[64];
        struct fields walk = fields_of(hex_into(store, broken[i]));
        struct field f;
        assert_false(fields_next(&walk, &f));
        assert_true(walk.broken);
        assert_false(fields_next(&walk, &f));
    }
}

static void a_body_is_found_behind_fields_that_we_do_not_know(void **state)
{
    struct bytes body;

    assert_int_equal(fields_body(HEX("0806 b80601 3203 080110"), 6, &body), OK);
    assert_bytes_equal(body, HEX("080110"));
    assert_int_equal(fields_body(HEX("3200 0806"), 6, &body), OK);
    assert_int_equal(body.len, 0);
}

static void a_body_missing_doubled_or_of_another_type_is_refused(void **state)
{
    struct bytes body;

    assert_int_equal(fields_body(HEX("0806"), 6, &body), ERR_PROTOCOL);
    assert_int_equal(fields_body(HEX("0806 3200 3200"), 6, &body), ERR_PROTOCOL);
    assert_int_equal(fields_body(HEX("0807 3200"), 6, &body), ERR_PROTOCOL);
    assert_int_equal(fields_body(HEX("0806 3001"), 6, &body), ERR_PROTOCOL);
    assert_int_equal(fields_body(HEX("3200"), 6, &body), ERR_PROTOCOL);
    assert_int_equal(fields_body(HEX("0806 3205"), 6, &body), ERR_PROTOCOL);
}

static void the_short_way_through_a_field_is_the_general_one(void **state)
{
    for (unsigned first = 0; first < 65536; first++) { /* tag and what follows it */
        const uint8_t bytes[] = {(uint8_t)(first >> 8), (uint8_t)first, 0x81, 0x01, 0x7f, 0x08, 0x05, 0x00, 0xff, 0x01};
        for (size_t len = 0; len <= sizeof bytes; len++) {
            struct fields walk = fields_of(bytes_of(bytes, len)), general = walk;
            struct field f = {0}, g = {0};
            const bool found = fields_next(&walk, &f);
            assert_true(found == fields_next_any(&general, &g));
            assert_true(walk.at == general.at && walk.broken == general.broken);
            assert_true(!found || (f.number == g.number && f.kind == g.kind && f.value == g.value &&
                                   f.bytes.data == g.bytes.data && f.bytes.len == g.bytes.len));
        }
    }
}

static void a_length_of_more_than_32_bits_is_not_cut_to_a_short_one(void **state)
{
    struct fields walk = fields_of(HEX("0a 8180808010 41 42"));
    struct field f;

    assert_false(fields_next(&walk, &f));
    assert_true(walk.broken);
}

static void integers_of_up_to_eight_bytes_are_read_at_once_as_one_by_one(void **state)
{
    struct random random;

    random_init(&random, 7);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[16] = {0x08};
        uint64_t v = random_next(&random) >> random_next(&random) % 64, got;
        (void)varint_put(bytes + 1, v);
        bytes[11] = (uint8_t)random_next(&random);
        struct fields walk = fields_of(bytes_of(bytes, sizeof bytes)), general = walk;
        struct field f, g;
        assert_true(fields_next(&walk, &f) && fields_next_any(&general, &g));
        assert_true(f.value == v && g.value == v && walk.at == general.at);
        const unsigned len = varint_get_8(bytes + 1, &got);
        assert_int_equal(len, varint_len(v) <= 8 ? varint_len(v) : 0);
        assert_true(len == 0 || got == v);
    }
}

static void a_plain_command_is_what_the_walk_finds(void **state)
{
    struct random random;
    uint32_t plain = 0;
    struct bytes body = {0};

    random_init(&random, 8);
    for (unsigned type = 2; type < 128; type++) { /* and a mistake of one byte in it */
        for (unsigned i = 0; i < 200; i++) {
            uint8_t bytes[64] = {0x08, (uint8_t)type}, *p = varint_put(bytes + 2, type << 3 | FIELD_BYTES);
            const unsigned len = (unsigned)(random_next(&random) % 20);
            p = varint_put(p, len);
            memset(p, 0, len);
            const size_t whole = (size_t)(p - bytes) + len;
            assert_true(fields_plain_command(bytes_of(bytes, whole), &plain, &body));
            assert_int_equal(plain, type);
            assert_true(body.data == p && body.len == len);
            bytes[random_next(&random) % whole] = (uint8_t)random_next(&random);
            if (!fields_plain_command(bytes_of(bytes, whole), &plain, &body))
                continue;
            struct fields walk = fields_of(bytes_of(bytes, whole));
            struct field first, second, none;
            assert_true(fields_next_any(&walk, &first) && fields_next_any(&walk, &second));
            assert_false(fields_next_any(&walk, &none) || walk.broken);
            assert_true(first.number == 1 && first.kind == FIELD_VARINT && first.value == plain);
            assert_true(second.number == plain && second.kind == FIELD_BYTES && second.bytes.data == body.data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_seven_bits_a_byte),
        cmocka_unit_test(an_integer_cut_short_or_too_long_is_refused),
        cmocka_unit_test(integers_are_written_as_they_are_read),
        cmocka_unit_test(the_walk_gives_each_field_once_in_order),
        cmocka_unit_test(an_empty_message_has_no_fields),
        cmocka_unit_test(the_walk_ends_broken_at_bytes_that_are_no_field),
        cmocka_unit_test(a_body_is_found_behind_fields_that_we_do_not_know),
        cmocka_unit_test(a_body_missing_doubled_or_of_another_type_is_refused),
        cmocka_unit_test(a_length_of_more_than_32_bits_is_not_cut_to_a_short_one),
        cmocka_unit_test(integers_of_up_to_eight_bytes_are_read_at_once_as_one_by_one),
        cmocka_unit_test(a_plain_command_is_what_the_walk_finds),
        cmocka_unit_test(the_short_way_through_a_field_is_the_general_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
