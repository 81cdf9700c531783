/* SPDX-License-Identifier: Apache-2.0
 *
 * positions.c - see positions.h.
 */
#include "broker/positions.h"

#include <assert.h>
#include <stdlib.h>

struct counted {
    struct tree_node node;
    struct position position;
    uint32_t count;
};

static int compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct counted, node)->position);
}

static struct counted *counted_at(struct tree_node *node)
{
    return container_of(node, struct counted, node);
}

static struct counted *find(const struct positions *s, struct position p)
{
    struct tree_node *node = tree_empty(&s->tree) ? NULL : tree_find(&s->tree, &p);
    return node ? counted_at(node) : NULL;
}

static void drop(struct positions *s, struct counted *c)
{
    tree_remove(&s->tree, &c->node);
    free(c);
}

void positions_init(struct positions *s, size_t limit)
{
    tree_init(&s->tree, compare);
    s->limit = limit;
}

void positions_clear(struct positions *s)
{
    tree_each_safe (node, &s->tree)
        drop(s, counted_at(node));
}

bool positions_add(struct positions *s, struct position p)
{
    struct counted *c = find(s, p);

    if (c) {
        c->count++;
        return true;
    }
    if (positions_count(s) >= s->limit || !(c = malloc(sizeof *c)))
        return false;
    c->position = p;
    c->count = 1;
    bool fresh = tree_insert(&s->tree, &c->position, &c->node);
    assert(fresh);
    return true;
}

uint32_t positions_get(const struct positions *s, struct position p)
{
    const struct counted *c = find(s, p);
    return c ? c->count : 0;
}

void positions_remove(struct positions *s, struct position p)
{
    struct counted *c = find(s, p);

    if (c)
        drop(s, c);
}

void positions_remove_upto(struct positions *s, struct position p)
{
    struct tree_node *node;

    while ((node = tree_first(&s->tree)) && position_compare(counted_at(node)->position, p) <= 0)
        drop(s, counted_at(node));
}

size_t positions_first_run(const struct positions *s, size_t max, struct position *first)
{
    struct tree_node *node = tree_first(&s->tree);
    size_t run = 0;

    if (node)
        *first = counted_at(node)->position;
    for (; node && run < max; node = tree_next(node), run++) {
        struct position p = counted_at(node)->position;
        if (p.ledger != first->ledger || p.entry != first->entry + (int64_t)run)
            break;
    }
    return run;
}

bool positions_next(const struct positions *s, struct tree_node **at, struct position *p)
{
    *at = *at ? tree_next(*at) : tree_first(&s->tree);
    if (*at)
        *p = counted_at(*at)->position;
    return *at != NULL;
}
