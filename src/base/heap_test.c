/* SPDX-License-Identifier: Apache-2.0
 *
 * heap_test.c - order, removal from the middle, the bound.
 */
#include "base/base_test.h"

#include "base/heap.h"
#include "base/random.h"

struct item {
    uint64_t deadline;
    size_t index;
    bool in;
};

static bool item_before(const void *a, const void *b)
{
    return ((const struct item *)a)->deadline < ((const struct item *)b)->deadline;
}

static void item_moved(void *item, size_t index)
{
    ((struct item *)item)->index = index;
}

static void items_come_out_in_order(void **state)
{
    struct item items[200] = {0}, *item;
    struct random r;
    struct heap h;
    uint64_t last = 0;

    random_init(&r, 1);
    heap_init(&h, 200, item_before, item_moved);
    for (size_t i = 0; i < 200; i++) {
        items[i].deadline = random_below(&r, 50);
        assert_int_equal(heap_push(&h, &items[i]), OK);
        heap_check(&h);
    }
    for (size_t i = 0; i < 200; i++) {
        item = heap_pop(&h);
        assert_true(item->deadline >= last);
        last = item->deadline;
    }
    assert_null(heap_pop(&h));
    assert_null(heap_peek(&h));
    heap_deinit(&h);
}

static void any_item_can_be_removed_where_it_stands(void **state)
{
    struct item items[64] = {0};
    struct random r;
    struct heap h;

    random_init(&r, 2);
    heap_init(&h, 64, item_before, item_moved);
    for (int step = 0; step < 5000; step++) {
        struct item *item = &items[random_below(&r, 64)];
        const struct item *top;
        if (item->in) {
            assert_ptr_equal(h.items[item->index], item);
            heap_remove(&h, item->index);
        } else {
            item->deadline = random_below(&r, 1000);
            assert_int_equal(heap_push(&h, item), OK);
        }
        item->in = !item->in;
        heap_check(&h);
        top = heap_peek(&h);
        for (int i = 0; i < 64; i++)
            assert_true(!items[i].in || items[i].deadline >= top->deadline);
    }
    heap_deinit(&h);
}

static void a_push_beyond_the_limit_is_refused_and_changes_nothing(void **state)
{
    struct item items[3] = {{.deadline = 3}, {.deadline = 2}, {.deadline = 1}};
    struct heap h;

    heap_init(&h, 2, item_before, item_moved);
    assert_int_equal(heap_push(&h, &items[0]), OK);
    assert_int_equal(heap_push(&h, &items[1]), OK);
    assert_int_equal(heap_push(&h, &items[2]), ERR_NOMEM);
    assert_int_equal(heap_reserve(&h, 3), ERR_NOMEM);
    assert_int_equal(heap_count(&h), 2);
    assert_ptr_equal(heap_peek(&h), &items[1]);
    heap_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_order),
        cmocka_unit_test(any_item_can_be_removed_where_it_stands),
        cmocka_unit_test(a_push_beyond_the_limit_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
