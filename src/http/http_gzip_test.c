/* SPDX-License-Identifier: Apache-2.0
 *
 * http_gzip_test.c - see http_gzip.h.
 */
#include "base/base_test.h"

#include "http/http_gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static void parts_that_were_compressed_are_read_as_one_by_any_reader(void **state)
{
    enum { PARTS = 100, SIZE = 200000 };
    struct gzip *g = gzip_new();
    struct text out, all;
    uint8_t *back = test_calloc(1, SIZE);

    assert_non_null(g);
    text_init(&out, 1 << 20);
    text_init(&all, 1 << 20);
    for (int i = 0; i < PARTS; i++) {
        char part[1000];
        const int len = snprintf(part, sizeof part, "%d %0*d\n", rand(), i * 9, i);
        text_add_bytes(&all, bytes_of(part, (size_t)len));
        assert_int_equal(gzip_add(g, bytes_of(part, (size_t)len), i == PARTS - 1, &out), OK);
    }
    gzip_free(g);
    z_stream reader = {.next_in = (Bytef *)out.data, .avail_in = (uInt)out.len, .next_out = back, .avail_out = SIZE};
    assert_int_equal(inflateInit2(&reader, 15 + 16), Z_OK);
    assert_int_equal(inflate(&reader, Z_FINISH), Z_STREAM_END);
    assert_int_equal(reader.total_out, all.len);
    assert_memory_equal(back, all.data, all.len);
    inflateEnd(&reader);
    assert_true(out.len < all.len / 2);
    text_deinit(&out);
    text_deinit(&all);
    test_free(back);
}

static void a_peer_says_whether_it_takes_gzip(void **state)
{
    static const char *const yes[] = {"gzip", "GZIP", "gzip, deflate", "deflate,gzip;q=0.5", "br , gzip ; q=1"};
    static const char *const no[] = {"", "identity", "gzipped", "gzip;q=0", "deflate, gzip;q=0.0", "x-gzip", ",,"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(gzip_accepted(bytes_of_text(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(gzip_accepted(bytes_of_text(no[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_that_were_compressed_are_read_as_one_by_any_reader),
        cmocka_unit_test(a_peer_says_whether_it_takes_gzip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
