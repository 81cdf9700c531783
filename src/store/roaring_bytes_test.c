/* SPDX-License-Identifier: Apache-2.0 */
#include "store/roaring_bytes.h"

#include "base/base_test.h"
#include "base/random.h"

#include <roaring/roaring.h>
#include <stdio.h>
#include <stdlib.h>

/* One array, one bitset, one run container, and `more` arrays behind them. */
static roaring_bitmap_t *mixed(unsigned more)
{
    roaring_bitmap_t *b = roaring_bitmap_create();

    roaring_bitmap_add(b, 5);
    roaring_bitmap_add(b, 70);
    for (uint32_t v = 0; v < 65536; v += 3)
        roaring_bitmap_add(b, 65536 + v);
    roaring_bitmap_add_range_closed(b, 131072 + 100, 131072 + 9000);
    for (uint32_t i = 0; i < more; i++)
        roaring_bitmap_add(b, (4 + i) * 65536);
    return b;
}

static struct bytes serialized(const roaring_bitmap_t *b, uint8_t *to)
{
    return bytes_of(to, roaring_bitmap_portable_serialize(b, (char *)to));
}

static void what_the_library_writes_is_valid_and_counted(void **state)
{
    static uint8_t room[65536];

    for (unsigned more = 0; more < 4; more++) {
        for (int optimized = 0; optimized < 2; optimized++) {
            roaring_bitmap_t *b = mixed(more);
            uint64_t count = 0;
            if (optimized)
                roaring_bitmap_run_optimize(b);
            assert_true(roaring_bytes_valid(serialized(b, room), &count));
            assert_int_equal(count, roaring_bitmap_get_cardinality(b));
            roaring_bitmap_free(b);
        }
    }
}

static void an_empty_bitmap_is_valid(void **state)
{
    uint8_t room[64];
    roaring_bitmap_t *b = roaring_bitmap_create();
    uint64_t count = 1;

    assert_true(roaring_bytes_valid(serialized(b, room), &count));
    assert_int_equal(count, 0);
    roaring_bitmap_free(b);
}

static void every_shorter_or_longer_text_is_refused(void **state)
{
    static uint8_t room[65536];
    roaring_bitmap_t *b = mixed(2);
    struct bytes whole = serialized(b, room);
    uint64_t count;

    for (size_t len = 0; len < whole.len; len++)
        assert_false(roaring_bytes_valid(bytes_of(room, len), &count));
    assert_false(roaring_bytes_valid(bytes_of(room, whole.len + 1), &count));
    roaring_bitmap_free(b);
}

/* What passes must be what the library believes it to be: written again it gives the same number of values, in order.
 */
static void what_passes_is_read_by_the_library_as_counted(void **state)
{
    static uint8_t room[65536];
    struct random r;
    unsigned passed = 0;

    random_init(&r, 3);
    for (unsigned round = 0; round < 20000; round++) {
        roaring_bitmap_t *b = roaring_bitmap_from_range(random_below(&r, 100), 100 + random_below(&r, 300), 2), *back;
        struct bytes whole;
        uint64_t count;
        if (random_below(&r, 2)) {
            roaring_bitmap_add_range_closed(b, 70000, 70100);
            roaring_bitmap_run_optimize(b);
        }
        whole = serialized(b, room);
        room[random_below(&r, whole.len)] = (uint8_t)random_next(&r);
        roaring_bitmap_free(b);
        if (!roaring_bytes_valid(whole, &count))
            continue;
        passed++;
        assert_non_null(back = roaring_bitmap_portable_deserialize_safe((const char *)room, whole.len));
        assert_int_equal(roaring_bitmap_get_cardinality(back), count);
        uint32_t *values = malloc(count * sizeof *values);
        roaring_bitmap_to_uint32_array(back, values);
        for (uint64_t i = 1; i < count; i++)
            assert_true(values[i - 1] < values[i]);
        free(values);
        roaring_bitmap_free(back);
    }
    assert_true(passed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_library_writes_is_valid_and_counted),
        cmocka_unit_test(an_empty_bitmap_is_valid),
        cmocka_unit_test(every_shorter_or_longer_text_is_refused),
        cmocka_unit_test(what_passes_is_read_by_the_library_as_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
