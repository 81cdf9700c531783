/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_test.c - the tree against an array indexed by the key.
 */
#include "base/base_test.h"

#include "base/random.h"
#include "base/tree.h"

#define KEYS 300

struct item {
    struct tree_node node;
    int key;
    bool in;
};

static int by_key(const void *key, const struct tree_node *node)
{
    return *(const int *)key - container_of(node, const struct item, node)->key;
}

static struct tree_node *node_at_or_after(struct item *items, int key)
{
    for (; key < KEYS; key++)
        if (items[key].in)
            return &items[key].node;
    return NULL;
}

static void check_against_model(const struct tree *t, struct item *items)
{
    size_t count = 0;

    tree_check(t);
    for (int key = 0; key < KEYS; key++) {
        assert_ptr_equal(tree_find(t, &key), items[key].in ? &items[key].node : NULL);
        assert_ptr_equal(tree_lower_bound(t, &key), node_at_or_after(items, key));
        if (items[key].in) {
            struct tree_node *next = tree_next(&items[key].node);
            assert_ptr_equal(next, node_at_or_after(items, key + 1));
            assert_ptr_equal(next ? tree_previous(next) : tree_last(t), &items[key].node);
            count++;
        }
    }
    assert_ptr_equal(tree_first(t), node_at_or_after(items, 0));
    assert_int_equal(tree_count(t), count);
}

static void insertions_and_removals_keep_order_and_balance(void **state)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct item items[KEYS] = {0};
        struct tree t;
        struct random r;

        tree_init(&t, by_key);
        random_init(&r, seed);
        for (int step = 0; step < 2000; step++) {
            struct item *item = &items[random_below(&r, KEYS)];
            item->key = (int)(item - items);
            if (item->in && random_below(&r, 4) == 0) {
                struct item twin = {.key = item->key};
                assert_false(tree_insert(&t, &twin.key, &twin.node));
                continue;
            }
            if (item->in)
                tree_remove(&t, &item->node);
            else
                assert_true(tree_insert(&t, &item->key, &item->node));
            item->in = !item->in;
            if (step % 16 == 0)
                check_against_model(&t, items);
        }
        check_against_model(&t, items);
    }
}

static void rising_keys_do_not_degrade_the_tree(void **state)
{
    static struct item items[10000];
    struct tree t;
    int expected = 0;

    tree_init(&t, by_key);
    for (int key = 0; key < 10000; key++) {
        items[key] = (struct item){.key = key};
        assert_true(tree_insert(&t, &key, &items[key].node));
    }
    tree_check(&t);
    assert_true(t.root->height <= 19); /* 1.44 log2(10000) */
    tree_each (node, &t)
        assert_int_equal(container_of(node, struct item, node)->key, expected++);
    assert_int_equal(expected, 10000);
}

static void a_walk_survives_the_removal_of_the_node_at_hand(void **state)
{
    struct item items[50] = {0};
    struct tree t;

    tree_init(&t, by_key);
    for (int key = 0; key < 50; key++) {
        items[key].key = key;
        assert_true(tree_insert(&t, &key, &items[key].node));
    }
    tree_each_safe (node, &t)
        if (container_of(node, struct item, node)->key % 2)
            tree_remove(&t, node);
    assert_int_equal(tree_count(&t), 25);
    tree_each_safe (node, &t)
        tree_remove(&t, node);
    assert_true(tree_empty(&t));
    assert_null(tree_first(&t));
    assert_null(tree_last(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insertions_and_removals_keep_order_and_balance),
        cmocka_unit_test(rising_keys_do_not_degrade_the_tree),
        cmocka_unit_test(a_walk_survives_the_removal_of_the_node_at_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
