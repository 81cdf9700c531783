/* SPDX-License-Identifier: Apache-2.0
 *
 * grpc_test.c - what comes over the wire: frames, statuses, sentences.  Whole calls are tested with a real Temporal
 * (tests/integration/test_temporal.py).
 */
#include "base/base_test.h"

#include "services/notary/temporal/grpc.h"
#include <stdio.h>

static void a_message_is_framed_by_its_length(void **state)
{
    static const uint8_t body[] = {0, 0, 0, 0, 3, 'a', 'b', 'c'};
    struct bytes message;

    assert_int_equal(grpc_unframe(bytes_of(body, sizeof body), &message), OK);
    assert_int_equal(message.len, 3);
    assert_memory_equal(message.data, "abc", 3);
    assert_int_equal(grpc_unframe(bytes_of((const uint8_t[]){0, 0, 0, 0, 0}, 5), &message), OK);
    assert_int_equal(message.len, 0);
}

static void what_is_no_single_message_is_refused(void **state)
{
    static const uint8_t bodies[][8] = {{1, 0, 0, 0, 3, 'a', 'b', 'c'},
                                        {0, 0, 0, 0, 2, 'a', 'b', 'c'},
                                        {0, 0, 0, 0, 4, 'a', 'b', 'c'},
                                        {0, 1, 0, 0, 3, 'a', 'b', 'c'},
                                        {0, 255, 255, 255, 255, 'a', 'b', 'c'}};
    struct bytes message;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(grpc_unframe(bytes_of(bodies[i], sizeof bodies[i]), &message), ERR_PROTOCOL);
    for (size_t len = 0; len < GRPC_HEAD_SIZE; len++)
        assert_int_equal(grpc_unframe(bytes_of(bodies[0], len), &message), ERR_PROTOCOL);
}

static void each_status_has_a_meaning(void **state)
{
    assert_int_equal(grpc_status_err(0), OK);
    assert_int_equal(grpc_status_err(3), ERR_INVALID);
    assert_int_equal(grpc_status_err(4), ERR_TIMEOUT);
    assert_int_equal(grpc_status_err(5), ERR_NOT_FOUND);
    assert_int_equal(grpc_status_err(6), ERR_EXISTS);
    assert_int_equal(grpc_status_err(7), ERR_DENIED);
    assert_int_equal(grpc_status_err(12), ERR_UNSUPPORTED);
    assert_int_equal(grpc_status_err(14), ERR_AGAIN);
    assert_int_equal(grpc_status_err(16), ERR_DENIED);
    for (long status = 1; status <= 16; status++)
        assert_int_not_equal(grpc_status_err(status), OK);
    assert_int_equal(grpc_status_err(17), ERR_IO);
    assert_int_equal(grpc_status_err(-1), ERR_IO);
}

static void assert_unescaped(const char *text, const char *expected)
{
    char copy[64];

    snprintf(copy, sizeof copy, "%s", text);
    grpc_unescape(copy);
    assert_string_equal(copy, expected);
}

static void a_sentence_is_percent_encoded(void **state)
{
    assert_unescaped("", "");
    assert_unescaped("plain", "plain");
    assert_unescaped("50%25 of %C3%bc", "50% of ü");
    assert_unescaped("%", "%");
    assert_unescaped("%4", "%4");
    assert_unescaped("%zz%4x", "%zz%4x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_framed_by_its_length),
        cmocka_unit_test(what_is_no_single_message_is_refused),
        cmocka_unit_test(each_status_has_a_meaning),
        cmocka_unit_test(a_sentence_is_percent_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
