/* SPDX-License-Identifier: Apache-2.0
 *
 * tiles_test.c - names of tiles, by the examples of C2SP's tlog-tiles, and bundles.
 */
#include "base/base_test.h"

#include "services/notary/registry/tiles.h"

static void assert_path(unsigned level, uint64_t number, unsigned width, const char *expected)
{
    char path[TILE_PATH_SIZE];

    tile_path(level, number, width, path);
    assert_string_equal(path, expected);
}

static void numbers_are_written_in_groups_of_three_digits(void **state)
{
    assert_path(0, 0, 0, "tile/0/000");
    assert_path(0, 999, 0, "tile/0/999");
    assert_path(1, 1000, 0, "tile/1/x001/000");
    assert_path(0, 1234067, 0, "tile/0/x001/x234/067");
    assert_path(TILE_ENTRIES, 1234067, 0, "tile/entries/x001/x234/067");
    assert_path(TILE_LEVELS - 1, UINT64_MAX, 0, "tile/7/x018/x446/x744/x073/x709/x551/615");
}

static void a_partial_tile_has_its_width_behind_it(void **state)
{
    assert_path(0, 273, 112, "tile/0/273.p/112");
    assert_path(TILE_ENTRIES, UINT64_MAX, 255, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
    assert_path(2, 0, 1, "tile/2/000.p/1");
    assert_path(0, 5, TILE_LEAVES, "tile/0/005"); /* whole */
}

/* The specification's example: 70,000 entries. */
static void a_log_has_as_many_hashes_at_a_level_as_tiles_are_whole_below(void **state)
{
    assert_int_equal(tile_count(0, 70000) / TILE_LEAVES, 273);
    assert_int_equal(tile_count(0, 70000) % TILE_LEAVES, 112);
    assert_int_equal(tile_count(1, 70000) / TILE_LEAVES, 1);
    assert_int_equal(tile_count(1, 70000) % TILE_LEAVES, 17);
    assert_int_equal(tile_count(2, 70000), 1);
    assert_int_equal(tile_count(TILE_ENTRIES, 70000), 70000);
}

static void entries_have_their_lengths_before_them(void **state)
{
    static uint8_t longest[TILE_ENTRY_MAX];
    struct text bundle;

    text_init(&bundle, TILE_BUNDLE_MAX);
    tile_entry_add(&bundle, bytes_of_text("ab"));
    tile_entry_add(&bundle, bytes_of_text(""));
    tile_entry_add(&bundle, bytes_of(longest, sizeof longest));
    assert_int_equal(bundle.len, 2 + 2 + 2 + 2 + TILE_ENTRY_MAX);
    assert_memory_equal(bundle.data, "\0\2ab\0\0\xff\xff", 8);
    text_deinit(&bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_groups_of_three_digits),
        cmocka_unit_test(a_partial_tile_has_its_width_behind_it),
        cmocka_unit_test(a_log_has_as_many_hashes_at_a_level_as_tiles_are_whole_below),
        cmocka_unit_test(entries_have_their_lengths_before_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
