/* SPDX-License-Identifier: Apache-2.0
 *
 * map_test.c - the map against an array indexed by the key.
 */
#include "base/base_test.h"

#include "base/map.h"
#include "base/random.h"
#include <stdio.h>

#define KEYS 500

struct item {
    char name[16];
    uint64_t id;
};

/* Puts, replaces and removes at random; `model[i]` is what the map must hold for key i. */
static void run_against_model(uint64_t seed, bool by_name)
{
    struct random r;
    struct map m;
    static struct item first[KEYS], second[KEYS];
    struct item *model[KEYS] = {0};
    size_t count = 0;

    random_init(&r, seed);
    map_init(&m, seed);
    for (size_t i = 0; i < KEYS; i++) {
        first[i].id = i * (by_name ? 1 : 1024); /* ids that share their low bits */
        snprintf(first[i].name, sizeof first[i].name, "key-%zu", i);
        second[i] = first[i];
    }
    for (int step = 0; step < 20000; step++) {
        size_t i = random_below(&r, KEYS);
        struct bytes name = bytes_of_text(first[i].name);
        if (random_below(&r, 2)) {
            struct item *item = random_below(&r, 2) ? &first[i] : &second[i];
            count += !model[i];
            model[i] = item;
            assert_int_equal(by_name ? map_put(&m, bytes_of_text(item->name), item) : map_put_id(&m, item->id, item),
                             OK);
        } else {
            assert_ptr_equal(by_name ? map_remove(&m, name) : map_remove_id(&m, first[i].id), model[i]);
            count -= model[i] != NULL;
            model[i] = NULL;
        }
        i = random_below(&r, KEYS);
        name = bytes_of_text(first[i].name);
        assert_ptr_equal(by_name ? map_find(&m, name) : map_find_id(&m, first[i].id), model[i]);
        assert_int_equal(map_count(&m), count);
    }
    map_deinit(&m);
}

static void a_map_of_ids_holds_what_was_put_and_not_removed(void **state)
{
    for (uint64_t seed = 0; seed < 10; seed++)
        run_against_model(seed, false);
}

static void a_map_of_names_holds_what_was_put_and_not_removed(void **state)
{
    for (uint64_t seed = 0; seed < 10; seed++)
        run_against_model(seed, true);
}

static void a_replaced_value_takes_its_key_along(void **state)
{
    struct map m;
    char old_name[] = "name", new_name[] = "name";
    int value = 0, other = 0;

    map_init(&m, 3);
    assert_int_equal(map_put(&m, bytes_of_text(old_name), &value), OK);
    assert_int_equal(map_put(&m, bytes_of_text(new_name), &other), OK);
    memset(old_name, 'x', 4); /* as when the old value was freed */
    assert_ptr_equal(map_find(&m, bytes_of_text("name")), &other);
    assert_int_equal(map_count(&m), 1);
    map_deinit(&m);
}

static void a_walk_visits_every_value_once(void **state)
{
    struct map m;
    int seen[100] = {0};
    int *value;
    size_t at = 0;

    map_init(&m, 4);
    assert_null(map_next(&m, &at));
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(map_put_id(&m, i, &seen[i]), OK);
    for (at = 0; (value = map_next(&m, &at));)
        ++*value;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    map_deinit(&m);
}

/* Every value, in the middle of growing and behind it. */
static void a_map_that_grows_holds_everything_at_any_moment(void **state)
{
    enum { VALUES = 20000 };
    static uint64_t values[VALUES];
    struct map m;

    map_init(&m, 6);
    for (uint64_t n = 0; n < VALUES; n++) {
        size_t walked = 0;
        values[n] = n;
        assert_int_equal(map_put_id(&m, n, &values[n]), OK);
        assert_ptr_equal(map_find_id(&m, n / 2), &values[n / 2]);
        if (n % 97 != 0)
            continue;
        for (size_t at = 0; map_next(&m, &at);)
            walked++;
        assert_int_equal(walked, n + 1);
        for (uint64_t i = 0; i <= n; i += 31)
            assert_ptr_equal(map_find_id(&m, i), &values[i]);
    }
    map_deinit(&m);
}

static void what_is_removed_while_a_map_grows_stays_removed(void **state)
{
    enum { VALUES = 5000 };
    static uint64_t values[VALUES];
    struct map m;
    size_t walked = 0;

    map_init(&m, 7);
    for (uint64_t n = 0; n < VALUES; n++) {
        assert_int_equal(map_put_id(&m, n, &values[n]), OK);
        if (n % 2)
            assert_ptr_equal(map_remove_id(&m, n / 2), &values[n / 2]);
        assert_null(map_find_id(&m, n / 2 - 1 + n % 2));
    }
    for (size_t at = 0; map_next(&m, &at);)
        walked++;
    assert_int_equal(walked, VALUES / 2);
    assert_int_equal(map_count(&m), VALUES / 2);
    map_deinit(&m);
}

static void an_empty_map_finds_and_removes_nothing(void **state)
{
    struct map m;

    map_init(&m, 5);
    assert_null(map_find_id(&m, 0));
    assert_null(map_find(&m, bytes_of_text("")));
    assert_null(map_remove_id(&m, 0));
    map_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_of_ids_holds_what_was_put_and_not_removed),
        cmocka_unit_test(a_map_of_names_holds_what_was_put_and_not_removed),
        cmocka_unit_test(a_replaced_value_takes_its_key_along),
        cmocka_unit_test(a_walk_visits_every_value_once),
        cmocka_unit_test(a_map_that_grows_holds_everything_at_any_moment),
        cmocka_unit_test(what_is_removed_while_a_map_grows_stays_removed),
        cmocka_unit_test(an_empty_map_finds_and_removes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
