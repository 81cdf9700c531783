/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.h - an ordered set whose nodes live inside the structs that use it (an AVL tree).
 *
 * For what is looked up by neighbourhood: pending acknowledgements by position, messages delayed until a
 * time.  The key is the caller's, and lies in the struct around the node; it does not change while the
 * node is in the tree.  Nothing is allocated, so nothing here fails.  Belongs to one thread.
 *
 *     static int by_position(const void *key, const struct tree_node *node)
 *     {
 *         return position_compare(*(const struct position *)key, container_of(node, struct pending, node)->position);
 *     }
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include "base/list.h" /* container_of */

struct tree_node {
    struct tree_node *child[2]; /* private, as all the rest */
    struct tree_node *parent;
    int height; /* of the subtree; a leaf's is 1 */
};

struct tree {
    struct tree_node *root;
    size_t count;
    int (*compare)(const void *key, const struct tree_node *node); /* <0: key comes first; 0: it is the node's */
};

void tree_init(struct tree *t, int (*compare)(const void *key, const struct tree_node *node));

static inline size_t tree_count(const struct tree *t)
{
    return t->count;
}

static inline bool tree_empty(const struct tree *t)
{
    return t->root == NULL;
}

/* `key` is the node's own.  False, and nothing changed: there is a node with this key. */
bool tree_insert(struct tree *t, const void *key, struct tree_node *node);

/* The node is in this tree. */
void tree_remove(struct tree *t, struct tree_node *node);

struct tree_node *tree_find(const struct tree *t, const void *key);        /* NULL when absent */
struct tree_node *tree_lower_bound(const struct tree *t, const void *key); /* the first at or after key, or NULL */
struct tree_node *tree_first(const struct tree *t);                        /* NULL when empty */
struct tree_node *tree_last(const struct tree *t);
struct tree_node *tree_next(const struct tree_node *node); /* NULL at the end */
struct tree_node *tree_previous(const struct tree_node *node);

#define tree_each(node, tree) for (struct tree_node *node = tree_first(tree); node; node = tree_next(node))

/* Safe when the body removes (and frees) `node`, not the one after it. */
#define tree_each_safe(node, tree)                                                                                     \
    for (struct tree_node *node = tree_first(tree), *node##_next = node ? tree_next(node) : NULL; node;                \
         node = node##_next, node##_next = node ? tree_next(node) : NULL)

/* Asserts links, heights and balance; for tests.  The order is the caller's to check, by walking. */
void tree_check(const struct tree *t);

#endif
