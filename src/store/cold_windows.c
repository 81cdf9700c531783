/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_windows.c - see cold_windows.h.
 */
#include "store/cold_windows.h"

#include <assert.h>
#include <stdlib.h>

#define LARGEST_SHARE 8u /* of the budget, for one window */

static int by_position(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct cold_window, node)->from);
}

void windows_init(struct cold_windows *ws, size_t bytes)
{
    *ws = (struct cold_windows){.budget = {.name = "cold_reads", .limit = bytes}};
    tree_init(&ws->tree, by_position);
    list_init(&ws->fresh);
    list_init(&ws->passed);
}

static bool is_loaded(const struct cold_window *w)
{
    return w->state == COLD_FRESH || w->state == COLD_PASSED;
}

/* What a window holds besides its buffer, which counts for itself. */
static size_t own_memory(const struct cold_window *w)
{
    return sizeof *w + cold_load_memory(&w->load) - w->load.buffer->capacity;
}

void windows_remove(struct cold_windows *ws, struct cold_window *w)
{
    if (is_loaded(w))
        ws->budget.used -= own_memory(w);
    ws->loading -= w->reserved;
    tree_remove(&ws->tree, &w->node);
    list_remove(&w->order);
    cold_load_deinit(&w->load);
    free(w);
}

void windows_deinit(struct cold_windows *ws)
{
    tree_each_safe (node, &ws->tree)
        windows_remove(ws, container_of(node, struct cold_window, node));
}

/* ---- looking ---- */

/* The last window that begins at p or before, in the same ledger. */
static struct cold_window *at_or_before(const struct cold_windows *ws, struct position p)
{
    struct tree_node *node = tree_lower_bound(&ws->tree, &p);

    if (!node || !position_equal(container_of(node, struct cold_window, node)->from, p))
        node = node ? tree_previous(node) : tree_last(&ws->tree);
    if (!node || container_of(node, struct cold_window, node)->from.ledger != p.ledger)
        return NULL;
    return container_of(node, struct cold_window, node);
}

static uint32_t reach(const struct cold_window *w)
{
    if (is_loaded(w))
        return w->count;
    if (w->planned > 0)
        return w->planned;
    return w->wanted > 0 ? COLD_ENTRIES_MAX : 1;
}

struct cold_window *windows_find(const struct cold_windows *ws, struct position p)
{
    struct cold_window *w = at_or_before(ws, p);

    return w && p.entry - w->from.entry < reach(w) ? w : NULL;
}

struct cold_window *windows_before(const struct cold_windows *ws, struct position p)
{
    const struct position last = {p.ledger, p.entry - 1};
    struct cold_window *w = p.entry > 0 ? at_or_before(ws, last) : NULL;

    return w && is_loaded(w) && w->from.entry + (int64_t)w->count == p.entry ? w : NULL;
}

size_t windows_gap(const struct cold_windows *ws, struct position p)
{
    const struct position next = {p.ledger, p.entry + 1};
    struct tree_node *node = tree_lower_bound(&ws->tree, &next);
    const struct cold_window *w = node ? container_of(node, struct cold_window, node) : NULL;

    if (!w || w->from.ledger != p.ledger || w->from.entry - p.entry > COLD_ENTRIES_MAX)
        return COLD_ENTRIES_MAX;
    return (size_t)(w->from.entry - p.entry);
}

/* ---- life ---- */

struct cold_window *windows_add(struct cold_windows *ws, struct position from, size_t wanted)
{
    struct cold_window *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->state = COLD_WAITING;
    w->from = from;
    w->wanted = wanted;
    w->reads_end = &w->reads;
    list_init(&w->order);
    bool fresh = tree_insert(&ws->tree, &w->from, &w->node);
    assert(fresh);
    return w;
}

size_t windows_next_size(const struct cold_windows *ws, const struct cold_window *before)
{
    const size_t share = ws->budget.limit / LARGEST_SHARE, most = share < COLD_LARGE ? share : COLD_LARGE;

    if (!before || before->wanted < COLD_FIRST || most < COLD_FIRST)
        return COLD_FIRST;
    return before->wanted < most / 2 ? before->wanted * 2 : most;
}

static size_t room(const struct cold_windows *ws)
{
    const size_t taken = ws->budget.used + ws->loading;

    return taken < ws->budget.limit ? ws->budget.limit - taken : 0;
}

/* Not much larger than what the window is to have.  (It may be too small: the load sees.) */
static bool suits(const struct buffer *b, const struct cold_window *w)
{
    return b->capacity <= w->wanted + w->wanted / 4;
}

/* It is nobody else's. */
static bool can_hand_down(const struct cold_window *from, const struct cold_window *to)
{
    return !to->load.buffer && from->load.buffer->refs == 1 && suits(from->load.buffer, to);
}

/* So that `to` has room.  Its load gets the memory of one that goes, if it can: of memory that was there before no page
 * has to be found and filled with zeros. */
static void drop_first(struct cold_windows *ws, struct list *order, size_t wanted, struct cold_window *to)
{
    while (room(ws) < wanted && !list_empty(order)) {
        struct cold_window *first = container_of(order->next, struct cold_window, order);
        struct buffer *handed = can_hand_down(first, to) ? buffer_ref(first->load.buffer) : NULL;
        windows_remove(ws, first);
        if (!handed)
            continue;
        buffer_charge(handed, NULL);
        to->load.buffer = handed;
    }
}

/* What the window was handed is in no budget before it is reserved. */
static void drop_handed(struct cold_window *w)
{
    buffer_unref(w->load.buffer);
    w->load.buffer = NULL;
}

/* There may be less room than what the window was handed takes. */
static void settle(struct cold_windows *ws, struct cold_window *w, size_t least)
{
    if (w->wanted > room(ws))
        w->wanted = room(ws) > least ? room(ws) : least;
    if (w->load.buffer && !suits(w->load.buffer, w))
        drop_handed(w);
    w->reserved = w->load.buffer && w->load.buffer->capacity > w->wanted ? w->load.buffer->capacity : w->wanted;
    ws->loading += w->reserved;
}

bool windows_reserve(struct cold_windows *ws, struct cold_window *w)
{
    const size_t least = w->wanted < COLD_FIRST ? w->wanted : COLD_FIRST;

    assert(w->state == COLD_WAITING);
    drop_first(ws, &ws->passed, w->wanted, w);
    if (room(ws) < least) {
        if (w->wanted_ahead) {
            drop_handed(w);
            return false;
        }
        drop_first(ws, &ws->fresh, least, w);
    }
    settle(ws, w, least);
    w->state = COLD_LOADING;
    return true;
}

void windows_loaded(struct cold_windows *ws, struct cold_window *w)
{
    struct buffer *b = w->load.buffer;

    assert(w->state == COLD_LOADING);
    assert(w->load.count > 0 && w->load.count <= COLD_ENTRIES_MAX);
    ws->loading -= w->reserved;
    w->reserved = 0;
    b->budget = &ws->budget;
    ws->budget.used += b->capacity + own_memory(w);
    w->count = (uint32_t)w->load.count;
    w->state = COLD_FRESH;
    w->round = ws->round;
    list_remove(&w->order);
    list_push_back(&ws->fresh, &w->order);
}

void windows_use(struct cold_windows *ws, struct cold_window *w, uint32_t upto)
{
    assert(is_loaded(w) && upto <= w->count);

    if (upto == w->count)
        w->state = COLD_PASSED;
    w->round = ws->round;
    w->wanted_ahead = false;
    w->depth = 0;
    list_remove(&w->order);
    list_push_back(w->state == COLD_PASSED ? &ws->passed : &ws->fresh, &w->order);
}

static void age(struct cold_windows *ws, struct list *order)
{
    list_each_safe (node, order) {
        struct cold_window *w = container_of(node, struct cold_window, order);
        if (w->round + 1 < ws->round)
            windows_remove(ws, w);
    }
}

void windows_age(struct cold_windows *ws)
{
    ws->round++;
    age(ws, &ws->fresh);
    age(ws, &ws->passed);
}

void windows_check(const struct cold_windows *ws)
{
    const struct cold_window *before = NULL;
    size_t reserved = 0, held = 0;

    tree_check(&ws->tree);
    tree_each (node, &ws->tree) {
        const struct cold_window *w = container_of(node, struct cold_window, node);
        assert(is_loaded(w) == (w->count > 0));
        assert(w->state == COLD_LOADING || w->reserved == 0);
        if (before && before->from.ledger == w->from.ledger)
            assert(before->from.entry + (int64_t)before->count <= w->from.entry);
        reserved += w->reserved;
        if (is_loaded(w))
            held += own_memory(w) + w->load.buffer->capacity;
        before = w;
    }
    assert(reserved == ws->loading);
    assert(held <= ws->budget.used); /* the rest is held by who read it */
}
