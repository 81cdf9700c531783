/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.c - an AVL tree with parent links.
 *
 * Invariant: the heights of a node's two subtrees differ by at most one.
 */
#include "base/tree.h"

#include <assert.h>

static int height(const struct tree_node *n)
{
    return n ? n->height : 0;
}

static void update_height(struct tree_node *n)
{
    int left = height(n->child[0]), right = height(n->child[1]);

    n->height = 1 + (left > right ? left : right);
}

static int side_of(const struct tree_node *n)
{
    return n->parent->child[1] == n;
}

/* Puts `with` (may be NULL) where `old` hangs. */
static void replace(struct tree *t, const struct tree_node *old, struct tree_node *with)
{
    if (!old->parent)
        t->root = with;
    else
        old->parent->child[side_of(old)] = with;
    if (with)
        with->parent = old->parent;
}

static void attach(struct tree_node *parent, int side, struct tree_node *child)
{
    parent->child[side] = child;
    if (child)
        child->parent = parent;
}

/* Lifts the child on `side` above n, which goes down to the other side; returns what now stands in n's place. */
static struct tree_node *rotate(struct tree *t, struct tree_node *n, int side)
{
    struct tree_node *up = n->child[side];

    replace(t, n, up);
    attach(n, side, up->child[!side]);
    attach(up, !side, n);
    update_height(n);
    update_height(up);
    return up;
}

/* Restores the invariant from n up, after one of n's subtrees grew or shrank by one: as far as that is seen above. */
static void rebalance(struct tree *t, struct tree_node *n)
{
    for (; n; n = n->parent) {
        const int before = n->height;
        int lean = height(n->child[1]) - height(n->child[0]);
        if (lean > 1 || lean < -1) {
            int side = lean > 0;
            const struct tree_node *heavy = n->child[side];
            if (height(heavy->child[!side]) > height(heavy->child[side]))
                rotate(t, n->child[side], !side);
            n = rotate(t, n, side);
        } else {
            update_height(n);
        }
        if (n->height == before)
            return;
    }
}

void tree_init(struct tree *t, int (*compare)(const void *key, const struct tree_node *node))
{
    *t = (struct tree){.compare = compare};
}

bool tree_insert(struct tree *t, const void *key, struct tree_node *node)
{
    struct tree_node **link = &t->root, *parent = NULL;

    while (*link) {
        int order = t->compare(key, *link);
        if (order == 0)
            return false;
        parent = *link;
        link = &parent->child[order > 0];
    }
    *node = (struct tree_node){.parent = parent, .height = 1};
    *link = node;
    t->count++;
    rebalance(t, parent);
    return true;
}

void tree_remove(struct tree *t, struct tree_node *node)
{
    struct tree_node *shrunk = node->parent;

    assert(t->count > 0);
    if (node->child[0] && node->child[1]) {
        struct tree_node *next = tree_next(node); /* has no left child; takes node's place */
        shrunk = next->parent == node ? next : next->parent;
        replace(t, next, next->child[1]);
        replace(t, node, next);
        attach(next, 0, node->child[0]);
        attach(next, 1, node->child[1]);
        next->height = node->height;
    } else {
        replace(t, node, node->child[0] ? node->child[0] : node->child[1]);
    }
    *node = (struct tree_node){0};
    t->count--;
    rebalance(t, shrunk);
}

struct tree_node *tree_find(const struct tree *t, const void *key)
{
    struct tree_node *n = t->root;
    int order;

    while (n && (order = t->compare(key, n)) != 0)
        n = n->child[order > 0];
    return n;
}

struct tree_node *tree_lower_bound(const struct tree *t, const void *key)
{
    struct tree_node *n = t->root, *found = NULL;

    while (n) {
        int order = t->compare(key, n);
        if (order <= 0)
            found = n;
        n = n->child[order > 0];
    }
    return found;
}

static struct tree_node *outermost(struct tree_node *n, int side)
{
    while (n && n->child[side])
        n = n->child[side];
    return n;
}

struct tree_node *tree_first(const struct tree *t)
{
    return outermost(t->root, 0);
}

struct tree_node *tree_last(const struct tree *t)
{
    return outermost(t->root, 1);
}

static struct tree_node *neighbour(const struct tree_node *n, int side)
{
    if (n->child[side])
        return outermost(n->child[side], !side);
    while (n->parent && side_of(n) == side)
        n = n->parent;
    return n->parent;
}

struct tree_node *tree_next(const struct tree_node *node)
{
    return neighbour(node, 1);
}

struct tree_node *tree_previous(const struct tree_node *node)
{
    return neighbour(node, 0);
}

static size_t check_subtree(const struct tree_node *n)
{
    int lean;
    size_t count = 1;

    if (!n)
        return 0;
    for (int side = 0; side < 2; side++) {
        assert(!n->child[side] || n->child[side]->parent == n);
        count += check_subtree(n->child[side]);
    }
    lean = height(n->child[1]) - height(n->child[0]);
    assert(lean >= -1 && lean <= 1);
    assert(n->height == 1 + (lean > 0 ? height(n->child[1]) : height(n->child[0])));
    return count;
}

void tree_check(const struct tree *t)
{
    assert(!t->root || !t->root->parent);
    assert(check_subtree(t->root) == t->count);
}
