/* SPDX-License-Identifier: Apache-2.0
 *
 * http_chunks_test.c - see http_chunks.h.
 */
#include "base/base_test.h"

#include "http/http_chunks.h"

/* `piece` bytes at a time; what is the body's goes to `body`.  What is left of `text` behind the end: *rest. */
static enum chunks_result take(const char *text, size_t piece, char body[100], size_t *rest)
{
    struct chunks c = {.left = 0};
    const size_t len = strlen(text);
    size_t at = 0, out = 0;
    enum chunks_result result = CHUNKS_MORE;

    while (at < len && result == CHUNKS_MORE) {
        struct bytes in = bytes_of(text + at, len - at < piece ? len - at : piece), data;
        at += in.len;
        while (in.len > 0 && result == CHUNKS_MORE) {
            result = chunks_take(&c, &in, &data);
            assert_true(out + data.len < 100);
            memcpy(body + out, data.data, data.len);
            out += data.len;
        }
        at -= in.len;
    }
    body[out] = '\0';
    *rest = len - at;
    return result;
}

static void assert_taken(const char *text, enum chunks_result wanted, const char *wanted_body, size_t wanted_rest)
{
    char body[100];
    size_t rest;

    for (size_t piece = 1; piece <= strlen(text); piece++) {
        assert_int_equal(take(text, piece, body, &rest), wanted);
        if (wanted == CHUNKS_BAD)
            continue;
        assert_string_equal(body, wanted_body);
        assert_int_equal(rest, wanted_rest);
    }
}

static void chunks_are_put_together_in_whatever_pieces_they_come(void **state)
{
    assert_taken("0\r\n\r\n", CHUNKS_END, "", 0);
    assert_taken("3\r\nabc\r\n0\r\n\r\n", CHUNKS_END, "abc", 0);
    assert_taken("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", CHUNKS_END, "abc0123456789", 0);
    assert_taken("000000003\r\na\r\n\r\n0\r\n\r\n", CHUNKS_END, "a\r\n", 0);
}

static void extensions_and_trailers_are_passed_over(void **state)
{
    assert_taken("1;a=b\r\nx\r\n1 ; c\r\ny\r\n0;z\r\nTrailer: 1\r\nOther: 2\r\n\r\n", CHUNKS_END, "xy", 0);
}

static void what_is_behind_the_end_is_left(void **state)
{
    assert_taken("1\r\nx\r\n0\r\n\r\nGET /", CHUNKS_END, "x", 5);
}

static void a_body_without_its_end_is_waited_for(void **state)
{
    assert_taken("3\r\nab", CHUNKS_MORE, "ab", 0);
    assert_taken("3\r\nabc\r\n0\r\n", CHUNKS_MORE, "abc", 0);
    assert_taken("0\r\nTrailer: 1\r\n", CHUNKS_MORE, "", 0);
}

static void what_is_not_made_so_is_bad(void **state)
{
    static const char *const bad[] = {"\r\n",         "x\r\n",          "-1\r\n",
                                      "0x1\r\nx\r\n", "1\nx",           "1\r\nxy\r\n",
                                      "1\r\nx\n",     "1\r\nx\r1",      ";\r\n",
                                      "1;a\nb",       "1\r\nx\r\n\r\n", "0\r\nTrailer\n\r\n",
                                      "0\r\n\rx",     "0\r\na\rb\r\n",  "fffffffffffffffff\r\n"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_taken(bad[i], CHUNKS_BAD, NULL, 0);
}

static void a_line_that_does_not_end_is_bad(void **state)
{
    static char text[CHUNKS_LINE_MAX + 100];
    struct chunks c = {.left = 0};
    struct bytes data, in = bytes_of(text, sizeof text);

    memset(text, 'a', sizeof text);
    memcpy(text, "1;", 2);
    assert_int_equal(chunks_take(&c, &in, &data), CHUNKS_BAD);
    memcpy(text, "0\r\n", 3);
    in = bytes_of(text, sizeof text);
    c = (struct chunks){.left = 0};
    assert_int_equal(chunks_take(&c, &in, &data), CHUNKS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_put_together_in_whatever_pieces_they_come),
        cmocka_unit_test(extensions_and_trailers_are_passed_over),
        cmocka_unit_test(what_is_behind_the_end_is_left),
        cmocka_unit_test(a_body_without_its_end_is_waited_for),
        cmocka_unit_test(what_is_not_made_so_is_bad),
        cmocka_unit_test(a_line_that_does_not_end_is_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
