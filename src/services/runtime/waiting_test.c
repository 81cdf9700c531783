/* SPDX-License-Identifier: Apache-2.0
 *
 * waiting_test.c - in which order messages are worked on.
 */
#include "base/base_test.h"

#include "services/runtime/waiting.h"

struct message {
    struct waiting_node wait;
    char name;
};

static void add(struct waiting *w, struct message *m, char name, unsigned rank, unsigned input)
{
    *m = (struct message){.wait = {.rank = rank, .input = input}, .name = name};
    waiting_add(w, &m->wait);
}

static char take(struct waiting *w)
{
    struct waiting_node *item = waiting_take(w);

    return item ? container_of(item, struct message, wait)->name : '-';
}

static void the_highest_rank_goes_first_and_in_one_rank_the_oldest(void **state)
{
    struct waiting w;
    struct message m[5];

    waiting_init(&w);
    add(&w, &m[0], 'a', 1, 0);
    add(&w, &m[1], 'b', 4, 0);
    add(&w, &m[2], 'c', 1, 0);
    add(&w, &m[3], 'd', 99, 0);
    add(&w, &m[4], 'e', 4, 0);
    assert_int_equal(waiting_ready(&w), 5);
    assert_int_equal(take(&w), 'd');
    assert_int_equal(take(&w), 'b');
    assert_int_equal(take(&w), 'e');
    assert_int_equal(take(&w), 'a');
    assert_int_equal(take(&w), 'c');
    assert_int_equal(take(&w), '-');
    assert_int_equal(waiting_ready(&w), 0);
}

static void what_is_held_holds_its_input_up_and_no_other(void **state)
{
    struct waiting w;
    struct message m[4];

    waiting_init(&w);
    add(&w, &m[0], 'a', 1, 0);
    add(&w, &m[1], 'b', 1, 0);
    add(&w, &m[2], 'c', 0, 1);
    waiting_hold(&w, waiting_take(&w));
    assert_int_equal(waiting_held(&w, 0), 1);
    assert_int_equal(waiting_ready(&w), 1);
    assert_int_equal(take(&w), 'c');
    assert_int_equal(take(&w), '-');
    waiting_release(&w);
    assert_int_equal(waiting_held(&w, 0), 0);
    assert_int_equal(waiting_ready(&w), 2);
    assert_int_equal(take(&w), 'a');
    assert_int_equal(take(&w), 'b');
}

static void what_was_held_keeps_its_order_and_is_before_what_came_later(void **state)
{
    struct waiting w;
    struct message m[3];
    struct waiting_node *first, *second;

    waiting_init(&w);
    add(&w, &m[0], 'a', 1, 0);
    add(&w, &m[1], 'b', 1, 0);
    add(&w, &m[2], 'c', 1, 0);
    first = waiting_take(&w);
    second = waiting_take(&w);
    waiting_hold(&w, first);
    waiting_hold(&w, second);
    waiting_release(&w);
    assert_int_equal(take(&w), 'a');
    assert_int_equal(take(&w), 'b');
    assert_int_equal(take(&w), 'c');
}

static void at_the_end_everything_can_be_dropped(void **state)
{
    struct waiting w;
    struct message m[2];

    waiting_init(&w);
    add(&w, &m[0], 'a', 1, 0);
    add(&w, &m[1], 'b', 1, 0);
    waiting_hold(&w, waiting_take(&w));
    assert_non_null(waiting_drop(&w));
    assert_non_null(waiting_drop(&w));
    assert_null(waiting_drop(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_rank_goes_first_and_in_one_rank_the_oldest),
        cmocka_unit_test(what_is_held_holds_its_input_up_and_no_other),
        cmocka_unit_test(what_was_held_keeps_its_order_and_is_before_what_came_later),
        cmocka_unit_test(at_the_end_everything_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
