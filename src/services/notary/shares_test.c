/* SPDX-License-Identifier: Apache-2.0
 *
 * shares_test.c - a table of eight workflows and 64 MiB, of which a source may have three.
 */
#include "base/base_test.h"

#include "services/notary/shares.h"

#define MIB ((size_t)1 << 20)

static void take(struct shares *s, const char *source, size_t bytes, struct share **out)
{
    assert_int_equal(shares_take(s, bytes_of_text(source), bytes, out), OK);
}

static void a_source_has_its_share_and_no_more(void **state)
{
    struct shares s;
    struct share *taken[3];

    shares_init(&s, 8, 64 * MIB, 3, 7);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shares_room(&s, bytes_of_text("a"), 1000), SHARES_ROOM);
        take(&s, "a", 1000, &taken[i]);
    }
    assert_int_equal(shares_room(&s, bytes_of_text("a"), 1000), SHARES_SOURCE_FULL);
    assert_int_equal(shares_room(&s, bytes_of_text("b"), 1000), SHARES_ROOM);
    shares_give(&s, taken[1], 1000);
    assert_int_equal(shares_room(&s, bytes_of_text("a"), 1000), SHARES_ROOM);
    shares_give(&s, taken[0], 1000);
    shares_give(&s, taken[2], 1000);
    shares_deinit(&s);
}

static void all_sources_leave_a_quarter_to_what_waits_for_nobody(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", ""};
    struct shares s;
    struct share *taken[6];

    shares_init(&s, 8, 64 * MIB, 3, 7);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(shares_room(&s, bytes_of_text(names[i]), 10), SHARES_ROOM);
        take(&s, names[i], 10, &taken[i]);
    }
    assert_int_equal(shares_room(&s, bytes_of_text("another"), 10), SHARES_FULL);
    for (int i = 0; i < 6; i++)
        shares_give(&s, taken[i], 10);
    shares_deinit(&s);
}

static void bytes_count_as_they_grow(void **state)
{
    struct shares s;
    struct share *one, *other;

    shares_init(&s, 8, 64 * MIB, 3, 7);
    take(&s, "a", MIB, &one);
    shares_change(&s, one, MIB, 24 * MIB);
    assert_int_equal(shares_room(&s, bytes_of_text("a"), 1), SHARES_SOURCE_FULL);
    take(&s, "b", 24 * MIB, &other);
    assert_int_equal(shares_room(&s, bytes_of_text("c"), 1), SHARES_FULL);
    shares_change(&s, one, 24 * MIB, MIB);
    assert_int_equal(shares_room(&s, bytes_of_text("a"), MIB), SHARES_ROOM);
    shares_give(&s, one, MIB);
    shares_give(&s, other, 24 * MIB);
    shares_deinit(&s);
}

static void the_smallest_share_takes_the_largest_event(void **state)
{
    struct shares s;

    shares_init(&s, 10000, 64 * MIB, 1, 7);
    assert_int_equal(shares_room(&s, bytes_of_text("a"), MIB), SHARES_ROOM);
    shares_init(&s, 1, 64 * MIB, 1000, 7);
    assert_int_equal(shares_room(&s, bytes_of_text("a"), MIB), SHARES_ROOM);
    shares_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_has_its_share_and_no_more),
        cmocka_unit_test(all_sources_leave_a_quarter_to_what_waits_for_nobody),
        cmocka_unit_test(bytes_count_as_they_grow),
        cmocka_unit_test(the_smallest_share_takes_the_largest_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
