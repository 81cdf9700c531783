/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.c - the array form of a binary heap: the children of i are 2i+1 and 2i+2.
 */
#include "base/heap.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define HEAP_CAPACITY_MIN 16u

void heap_init(struct heap *h, size_t limit, bool (*before)(const void *a, const void *b),
               void (*moved)(void *item, size_t index))
{
    assert(limit <= SIZE_MAX / sizeof *h->items / 2);

    *h = (struct heap){.limit = limit, .before = before, .moved = moved};
}

void heap_deinit(struct heap *h)
{
    free(h->items);
    h->items = NULL;
    h->count = h->capacity = 0;
}

static void heap_put(struct heap *h, size_t at, void *item)
{
    h->items[at] = item;
    h->moved(item, at);
}

static void heap_rise(struct heap *h, size_t at, void *item)
{
    while (at > 0 && h->before(item, h->items[(at - 1) / 2])) {
        heap_put(h, at, h->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(h, at, item);
}

static void heap_sink(struct heap *h, size_t at, void *item)
{
    size_t child;

    while ((child = 2 * at + 1) < h->count) {
        if (child + 1 < h->count && h->before(h->items[child + 1], h->items[child]))
            child++;
        if (!h->before(h->items[child], item))
            break;
        heap_put(h, at, h->items[child]);
        at = child;
    }
    heap_put(h, at, item);
}

enum err heap_reserve(struct heap *h, size_t count)
{
    size_t capacity = h->capacity ? h->capacity : HEAP_CAPACITY_MIN;
    void **items;

    if (count > h->limit)
        return ERR_NOMEM;
    if (count <= h->capacity)
        return OK;
    while (capacity < count)
        capacity *= 2;
    items = realloc(h->items, capacity * sizeof *items);
    if (!items)
        return ERR_NOMEM;
    h->items = items;
    h->capacity = capacity;
    return OK;
}

enum err heap_push(struct heap *h, void *item)
{
    enum err err = heap_reserve(h, h->count + 1);

    if (err != OK)
        return err;
    h->count++;
    heap_rise(h, h->count - 1, item);
    return OK;
}

void *heap_peek(const struct heap *h)
{
    return h->count > 0 ? h->items[0] : NULL;
}

void *heap_pop(struct heap *h)
{
    void *top = heap_peek(h);

    if (top)
        heap_remove(h, 0);
    return top;
}

void heap_remove(struct heap *h, size_t index)
{
    void *last;

    assert(index < h->count);

    last = h->items[--h->count];
    if (index == h->count)
        return;
    if (index > 0 && h->before(last, h->items[(index - 1) / 2]))
        heap_rise(h, index, last);
    else
        heap_sink(h, index, last);
}

void heap_check(const struct heap *h)
{
    assert(h->count <= h->capacity && h->count <= h->limit);
    for (size_t i = 1; i < h->count; i++)
        assert(!h->before(h->items[i], h->items[(i - 1) / 2]));
}
