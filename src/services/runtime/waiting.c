/* SPDX-License-Identifier: Apache-2.0
 *
 * waiting.c - a list for each rank, and one for each input that is held up.
 */
#include "services/runtime/waiting.h"

#include <assert.h>

static struct waiting_node *item_of(struct list *node)
{
    return container_of(node, struct waiting_node, node);
}

void waiting_init(struct waiting *w)
{
    for (size_t i = 0; i < WAITING_RANKS; i++)
        list_init(&w->ranks[i]);
    for (size_t i = 0; i < WAITING_INPUTS; i++) {
        list_init(&w->held[i]);
        w->count[i] = w->held_count[i] = 0;
    }
}

static struct list *rank_of(struct waiting *w, const struct waiting_node *item)
{
    return &w->ranks[item->rank < WAITING_RANKS ? item->rank : WAITING_RANKS - 1];
}

void waiting_add(struct waiting *w, struct waiting_node *item)
{
    assert(item->input < WAITING_INPUTS);
    list_push_back(rank_of(w, item), &item->node);
    w->count[item->input]++;
}

size_t waiting_ready(const struct waiting *w)
{
    size_t ready = 0;

    for (size_t i = 0; i < WAITING_INPUTS; i++)
        if (!w->held_count[i])
            ready += w->count[i];
    return ready;
}

struct waiting_node *waiting_take(struct waiting *w)
{
    for (size_t rank = WAITING_RANKS; rank-- > 0;) {
        list_each (node, &w->ranks[rank]) {
            if (w->held_count[item_of(node)->input])
                continue;
            list_remove(node);
            w->count[item_of(node)->input]--;
            return item_of(node);
        }
    }
    return NULL;
}

void waiting_hold(struct waiting *w, struct waiting_node *item)
{
    list_push_back(&w->held[item->input], &item->node);
    w->held_count[item->input]++;
}

/* From the newest to the oldest, so that the oldest ends up first. */
void waiting_release(struct waiting *w)
{
    for (size_t i = 0; i < WAITING_INPUTS; i++) {
        while (!list_empty(&w->held[i])) {
            struct waiting_node *item = item_of(w->held[i].prev);
            list_remove(&item->node);
            list_push_front(rank_of(w, item), &item->node);
            w->count[i]++;
        }
        w->held_count[i] = 0;
    }
}

struct waiting_node *waiting_drop(struct waiting *w)
{
    waiting_release(w);
    return waiting_take(w);
}
